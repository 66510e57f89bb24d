"""The append-only log: what was acknowledged is there, what was torn is cut, what was changed is refused."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError, StateError, TamperError
from tallystick.store import AppendLog, segment

_FIRST = f"{0:020d}.log"
_HEADER_BYTES, _TRAILER_BYTES = 80, 40


def _filled(folder: Path, batches: list[list[bytes]], segment_bytes: int = 64 << 20) -> list[bytes]:
    with AppendLog(folder, fsync=False, segment_bytes=segment_bytes) as log:
        for batch in batches:
            log.append(batch)
    return [frame for batch in batches for frame in batch]


@settings(max_examples=60, deadline=None)
@given(
    batches=st.lists(st.lists(st.binary(max_size=300), max_size=6), max_size=12),
    segment_bytes=st.sampled_from([1, 500, 2000, 64 << 20]),
    start=st.integers(0, 80),
    length=st.integers(0, 80),
)
def test_what_goes_in_comes_out(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[bytes]], segment_bytes: int, start: int, length: int
) -> None:
    """Any frames in any batches, over any number of segments, read back in order from any position to any other."""
    folder = tmp_path_factory.mktemp("log")
    frames = _filled(folder, batches, segment_bytes)
    with AppendLog(folder, write=False) as log:
        assert len(log) == len(frames)
        assert list(log.read()) == list(enumerate(frames))
        wanted = list(enumerate(frames))[start : start + length]
        assert list(log.read(start, start + length)) == wanted


def test_appending_goes_on_after_reopening(tmp_path: Path) -> None:
    """Positions count on over restarts and segments."""
    for round_ in range(5):
        with AppendLog(tmp_path, segment_bytes=400) as log:
            assert log.append([b"a" * 100, b"b"]) == 2 * round_
            assert log.recovered is None
    with AppendLog(tmp_path) as log:
        assert log.check() == 10


def test_two_writers_are_refused(tmp_path: Path) -> None:
    """A second writer gets a clear error, a reader does not; the lock goes with the first."""
    with AppendLog(tmp_path) as log:
        log.append([b"one"])
        with pytest.raises(StateError) as caught:
            AppendLog(tmp_path)
        assert caught.value.code == "log.locked"
        with AppendLog(tmp_path, write=False) as reader:
            assert [frame for _, frame in reader.read()] == [b"one"]
    with AppendLog(tmp_path) as log:
        log.append([b"two"])


def test_a_reader_follows_a_live_writer(tmp_path: Path) -> None:
    """A reader that is open sees later batches, over new segments too."""
    with AppendLog(tmp_path, segment_bytes=1) as log, AppendLog(tmp_path, write=False) as reader:
        for number in range(5):
            log.append([b"%d" % number])
            assert [frame for _, frame in reader.read(number)] == [b"%d" % number]


def test_reading_needs_a_log_and_writing_needs_a_writer(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="no log"):
        AppendLog(tmp_path / "absent", write=False)
    with AppendLog(tmp_path, write=False) as reader, pytest.raises(StateError, match="reading"):
        reader.append([b"x"])
    log = AppendLog(tmp_path)
    log.close()
    with pytest.raises(StateError, match="closed"):
        log.append([b"x"])


def test_a_torn_last_batch_is_cut_at_every_length(tmp_path: Path) -> None:
    """Wherever a crash cuts the last batch, the batches before it stay, the rest is cut off and reported."""
    frames = _filled(tmp_path, [[b"kept", b"also"], [b"x" * 150, b"y"]])
    path = tmp_path / _FIRST
    whole = path.read_bytes()
    begin = _end_of_first(path)
    for cut in range(begin, len(whole)):
        path.write_bytes(whole[:cut])
        with AppendLog(tmp_path, write=False) as reader:
            assert [frame for _, frame in reader.read()] == frames[:2]
        assert path.stat().st_size == cut
        with AppendLog(tmp_path, fsync=False) as log:
            assert len(log) == 2
            assert (log.recovered is not None) == (cut > begin)
            if log.recovered is not None:
                assert log.recovered.offset == begin
                assert log.recovered.dropped_bytes == cut - begin
            assert log.append([b"next"]) == 2
        with AppendLog(tmp_path) as log:
            assert [frame for _, frame in log.read()] == [*frames[:2], b"next"]


def test_sectors_that_never_reached_the_disk_are_a_torn_batch(tmp_path: Path) -> None:
    """A file at full length whose last sectors are zero holds a torn batch: cut at each sector boundary."""
    frames = _filled(tmp_path, [[b"kept"], [b"x" * 3000]])
    path = tmp_path / _FIRST
    whole, begin = path.read_bytes(), _end_of_first(path)
    starts = [begin, *range(-(-begin // 512) * 512, len(whole), 512)]
    assert len(starts) > 5
    for start in starts:
        path.write_bytes(whole[:start] + bytes(len(whole) - start))
        with AppendLog(tmp_path, fsync=False) as log:
            assert log.recovered is not None
            assert [frame for _, frame in log.read()] == frames[:1]


def test_a_last_batch_with_a_hole_is_torn(tmp_path: Path) -> None:
    """Pages reach the disk in any order: any lost sector of the last batch cuts it off, of an earlier one does not."""
    chance = random.Random(5)
    frames = _filled(tmp_path, [[chance.randbytes(2000)], [chance.randbytes(3000)]])
    path = tmp_path / _FIRST
    whole, begin = path.read_bytes(), _end_of_first(path)
    for start in range(0, len(whole), 512):
        lost = range(max(start, begin) if start + 512 > begin else start, min(start + 512, len(whole)))
        path.write_bytes(whole[: lost.start] + bytes(len(lost)) + whole[lost.stop :])
        if lost.stop <= begin:
            with pytest.raises(TamperError, match=_FIRST):
                AppendLog(tmp_path)
            continue
        with AppendLog(tmp_path, fsync=False) as log:
            assert log.recovered is not None
            assert log.recovered.offset == begin
            assert [frame for _, frame in log.read()] == frames[:1]


def test_a_bad_byte_beside_zeros_that_fill_no_sector_is_refused(tmp_path: Path) -> None:
    """Zeros that a frame holds are no lost sector unless they fill one."""
    _filled(tmp_path, [[b"kept"], [b"x" * 600 + bytes(500) + b"x" * 600]])
    path = tmp_path / _FIRST
    data = bytearray(path.read_bytes())
    data[-100] ^= 1
    path.write_bytes(data)
    with pytest.raises(TamperError, match=_FIRST):
        AppendLog(tmp_path)


def test_every_changed_byte_is_refused(tmp_path: Path) -> None:
    """Each byte of a small log, changed in two ways, is refused with the file's name, by writer and reader."""
    _filled(tmp_path, [[b"a", b"bc"], [b""], [b"x" * 90, bytes(40)]])
    path = tmp_path / _FIRST
    whole = path.read_bytes()
    for at in range(len(whole)):
        for mask in {0x01, whole[at] or 0xFF}:
            path.write_bytes(whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
            with pytest.raises(TamperError, match=_FIRST):
                AppendLog(tmp_path)
    path.write_bytes(whole)
    with AppendLog(tmp_path) as log:
        assert log.check() == 5


def test_changes_of_earlier_segments_are_refused_when_read(tmp_path: Path) -> None:
    """Opening is quick and checks the end; reading refuses a changed byte of any segment."""
    frames = _filled(tmp_path, [[b"frame %d" % number] for number in range(3)], segment_bytes=1)
    paths = sorted(tmp_path.glob("*.log"))
    assert len(paths) == len(frames)
    for path in paths[:-1]:
        whole = path.read_bytes()
        for at in range(len(whole)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
            with pytest.raises(TamperError), AppendLog(tmp_path, write=False) as log:
                log.check()
        path.write_bytes(whole[:-1])
        with pytest.raises(TamperError), AppendLog(tmp_path, write=False) as log:
            log.check()
        path.write_bytes(whole)


def test_bytes_added_or_batches_exchanged_are_refused(tmp_path: Path) -> None:
    """Whole batches cannot change places or be repeated, and foreign bytes cannot be added."""
    _filled(tmp_path, [[b"first"], [b"other"]])
    path = tmp_path / _FIRST
    whole, begin = path.read_bytes(), _end_of_first(path)
    first, second = whole[:begin], whole[begin:]
    for forged in (second + first, first + first, second, whole + b"junk", whole + b"j" * 200, whole + second):
        path.write_bytes(forged)
        with pytest.raises(TamperError):
            AppendLog(tmp_path)


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    """Any segment but the last that goes missing is found at opening; the ledger's checkpoint covers the last."""
    for gone in range(4):
        folder = tmp_path / str(gone)
        _filled(folder, [[b"%d" % number] for number in range(5)], segment_bytes=1)
        (folder / f"{gone:020d}.log").unlink()
        with pytest.raises(TamperError) as caught:
            AppendLog(folder)
        assert caught.value.code in ("log.segment", "log.chain")
        with pytest.raises(TamperError), AppendLog(folder, write=False) as log:
            log.check()


def test_a_crash_between_making_and_filling_a_segment_loses_nothing(tmp_path: Path) -> None:
    """An empty last segment is taken up where it stands."""
    _filled(tmp_path, [[b"one"], [b"two"]], segment_bytes=1)
    (tmp_path / f"{2:020d}.log").touch()
    with AppendLog(tmp_path, segment_bytes=1) as log:
        assert log.append([b"three"]) == 2
        assert [frame for _, frame in log.read()] == [b"one", b"two", b"three"]


def test_a_log_of_a_later_format_is_not_called_tampered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _filled(tmp_path, [[b"one"]])
    monkeypatch.setattr(segment, "VERSION", 2)
    with pytest.raises(StateError) as caught:
        AppendLog(tmp_path)
    assert caught.value.code == "log.version"


@pytest.mark.parametrize("call", ["write", "fdatasync"])
def test_a_failed_write_poisons_the_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """After a failed write or flush nothing more is taken, even when the disk answers again; restarting recovers."""
    log = AppendLog(tmp_path)
    log.append([b"kept"])
    failed = False

    def fail(descriptor: int, *data: bytes) -> int:
        nonlocal failed
        failed = True
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(StateError, match="No space"):
            log.append([b"lost"])
    assert failed
    with pytest.raises(StateError, match="No space"):
        log.append([b"later"])
    assert len(log) == 1
    log.close()
    with AppendLog(tmp_path) as log:
        assert next(log.read()) == (0, b"kept")


def test_a_write_cut_short_by_a_full_disk_is_recovered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a batch on disk is cut off at the next start."""
    log = AppendLog(tmp_path)
    log.append([b"kept"])
    real, calls = os.write, 0

    def half(descriptor: int, data: memoryview) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(StateError):
            log.append([b"x" * 500])
    log.close()
    with AppendLog(tmp_path) as log:
        assert log.recovered is not None
        assert [frame for _, frame in log.read()] == [b"kept"]


def test_a_frame_that_cannot_be_counted_is_refused_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segment, "_FRAME_BYTES_MAX", 10)
    with AppendLog(tmp_path) as log:
        with pytest.raises(InputError):
            log.append([b"x" * 11])
        assert log.append([b"x" * 10]) == 0


def test_a_writer_whose_lock_does_not_hold_stops(tmp_path: Path) -> None:
    """The lock file deleted, or bytes beside its own: it writes nothing more, and what was acknowledged stays."""
    with AppendLog(tmp_path / "lock") as log:
        log.append([b"one"])
        (tmp_path / "lock" / "lock").unlink()
        with AppendLog(tmp_path / "lock") as other:
            other.append([b"two"])
        with pytest.raises(StateError, match="another process"):
            log.append([b"lost"])
    with AppendLog(tmp_path / "beside") as log:
        log.append([b"one"])
        [segment_path] = (tmp_path / "beside").glob("*.log")
        with segment_path.open("ab") as beside:
            beside.write(b"x")
        for _ in range(2):
            with pytest.raises(StateError, match="another process"):
                log.append([b"two"])
    with AppendLog(tmp_path / "lock", write=False) as reader:
        assert [frame for _, frame in reader.read()] == [b"one", b"two"]


_WRITER = """
import sys
from tallystick.store import AppendLog
log = AppendLog(sys.argv[1], segment_bytes=4000)
while True:
    size = 1 + len(log) % 7
    first = log.append([b"%d" % (len(log) + at) * (at + 1) for at in range(size)])
    sys.stdout.write("%d\\n" % (first + size))
    sys.stdout.flush()
"""


@pytest.mark.soak
def test_kill_nine_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A writer killed at random moments, again and again on the same log: every acknowledged position is there."""
    chance, acknowledged = random.Random(7), 0
    for _ in range(300 if os.environ.get("TALLYSTICK_SOAK") else 5):
        process = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        lines = process.stdout.read().split(b"\n")
        process.stdout.close()
        process.wait()
        # The last piece may be a line cut short.
        acknowledged = max([acknowledged, *(int(line) for line in lines[:-1])])
        with AppendLog(tmp_path) as log:
            assert len(log) >= acknowledged
            acknowledged = log.check()
            assert acknowledged == len(log)
    assert acknowledged > 5


def _end_of_first(path: Path) -> int:
    return next(segment.scan(path, 0, segment.GENESIS)).end


def test_the_layout_of_a_batch_is_as_documented(tmp_path: Path) -> None:
    """Header 80 bytes, frames behind 32-bit lengths, zeros to a multiple of 8, hash, end mark."""
    _filled(tmp_path, [[b"abc"]])
    data = (tmp_path / _FIRST).read_bytes()
    assert data[:8] == b"tallylog"
    assert data[_HEADER_BYTES : _HEADER_BYTES + 8] == b"\0\0\0\3abc\0"
    assert data.endswith(b"tallyend")
    assert len(data) == _HEADER_BYTES + 8 + _TRAILER_BYTES
