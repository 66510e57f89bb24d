"""The log on disk: tiles, checkpoints, proofs from tiles, crashes and tampering."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError, StateError, TamperError
from tallystick.ledger import (
    Log,
    Signer,
    generate_key,
    leaf_hash,
    open_checkpoint,
    root_of,
    verify_consistency,
    verify_inclusion,
    verify_subtree,
)
from tallystick.ledger import log as log_module
from tallystick.ledger.tiles import read_entries, tile_path
from tallystick.ledger.words import WORDS

_NAME = "bank.example/log"
_SIGNER = Signer(generate_key(_NAME)[0])


def _log(folder: Path) -> Log:
    return Log(folder, _NAME, _SIGNER)


def _reader(folder: Path) -> Log:
    return Log(folder, _NAME, _SIGNER, write=False)


def _entries(size: int) -> list[bytes]:
    return [b"entry %d" % number for number in range(size)]


def _files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "lock"
    }


@settings(max_examples=25, deadline=None)
@given(steps=st.lists(st.tuples(st.integers(0, 400), st.booleans()), min_size=1, max_size=6), data=st.data())
def test_any_growth_gives_the_same_tree(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, bool]], data: st.DataObject
) -> None:
    """Grown in any steps, with checkpoints and restarts in between, the log has the root and proofs of its entries."""
    folder = tmp_path_factory.mktemp("log")
    log, entries = _log(folder), list[bytes]()
    for count, restart in steps:
        new = _entries(len(entries) + count)[len(entries) :]
        assert log.append(new) == len(entries)
        entries += new
        if restart:
            head = open_checkpoint(log.checkpoint(), [_SIGNER.verifier])
            assert (head.size, head.root) == (len(entries), root_of(entries))
            log.close()
            log = _log(folder)
    log.checkpoint()
    assert log.size == log.signed_size == log.check() == len(entries)
    log.close()
    if entries:
        size = data.draw(st.integers(1, len(entries)))
        index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
        assert log.entry(index) == entries[index]
        root = root_of(entries[:size])
        assert log.root(size) == root
        verify_inclusion(leaf_hash(entries[index]), index, size, log.prove(index, size).hashes, root)
        verify_consistency(old, size, log.consistency(old, size).hashes, root_of(entries[:old]), root)


def test_a_tree_of_three_levels_of_tiles(tmp_path: Path) -> None:
    """The specification's example, 70,000 entries: the tiles it lists, no others, and proofs across all levels."""
    entries = _entries(70_000)
    log = _log(tmp_path)
    log.append(entries)
    log.checkpoint()
    names = set(_files(tmp_path))
    expected = {tile_path(0, number) for number in range(273)} | {tile_path(0, 273, 112), tile_path(1, 0)}
    expected |= {tile_path(1, 1, 17), tile_path(2, 0, 1), "checkpoint", tile_path("entries", 273, 112)}
    assert names == expected | {tile_path("entries", number) for number in range(273)}
    again, root = _reader(tmp_path), root_of(entries)
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        verify_inclusion(leaf_hash(entries[index]), index, 70_000, again.prove(index).hashes, root)
    for old in (1, 256, 65_536, 65_537, 69_999):
        verify_consistency(old, 70_000, again.consistency(old).hashes, again.root(old), root)
    assert again.entry(65_000) == entries[65_000]
    assert again.check() == 70_000


def test_tile_paths_of_the_specification() -> None:
    assert tile_path(0, 1_234_067) == "tile/0/x001/x234/067"
    assert tile_path(3, 0, 1) == "tile/3/000.p/1"
    assert tile_path("entries", 999) == "tile/entries/999"


def test_subtrees_are_proven_from_tiles(tmp_path: Path) -> None:
    log = _log(tmp_path)
    entries = _entries(1000)
    log.append(entries)
    for start, stop, size in ((512, 700, 1000), (0, 300, 900), (256, 512, 512), (999, 1000, 1000)):
        inner, root = root_of(entries[start:stop]), root_of(entries[:size])
        verify_subtree(start, stop, size, log.prove_subtree(start, stop, size), inner, root)
    for start, stop in ((1, 3), (0, 1001), (5, 5)):
        with pytest.raises(InputError):
            log.prove_subtree(start, stop)


def test_partial_tiles_go_when_the_full_one_stands(tmp_path: Path) -> None:
    log = _log(tmp_path)
    log.append(_entries(100))
    log.checkpoint()
    log.append(_entries(300)[100:])
    log.checkpoint()
    assert not (tmp_path / "tile/0/000.p").exists()
    assert sorted(path.name for path in (tmp_path / "tile/0").iterdir()) == ["000", "001.p"]
    assert read_entries(tmp_path, 1, 44) == _entries(300)[256:]


def test_entries_offered_again_are_compared(tmp_path: Path) -> None:
    """A journal can be replayed into the log: what is there must be equal, the rest is added, gaps are refused."""
    log = _log(tmp_path)
    log.append(_entries(300))
    assert log.append(_entries(310)[290:], at=290) == 290
    assert log.size == 310
    assert log.append(_entries(5), at=0) == 0
    with pytest.raises(StateError) as gap:
        log.append([b"x"], at=312)
    assert gap.value.code == "log.gap"
    for index in (3, 305):
        with pytest.raises(TamperError) as other:
            log.append([b"forged"], at=index)
        assert other.value.code == "log.other"
    assert log.root() == root_of(_entries(310))


def test_what_was_not_signed_is_appended_again_after_a_crash(tmp_path: Path) -> None:
    """Tiles written after the last checkpoint, even torn ones, do no harm: the checkpoint counts."""
    log = _log(tmp_path)
    log.append(_entries(200))
    log.checkpoint()
    log.append(_entries(600)[200:])
    (tmp_path / "tile/0/000").write_bytes(b"torn")
    (tmp_path / "tile/entries/001").write_bytes(b"")
    log.close()
    again = _log(tmp_path)
    assert again.size == 200
    again.append(_entries(600), at=0)
    again.checkpoint()
    assert _reader(tmp_path).check() == 600


def test_tiles_of_earlier_checkpoints_are_checked_too(tmp_path: Path) -> None:
    """They are still served: every byte of them is compared. What a crash left beyond the checkpoint is passed over."""
    log = _log(tmp_path)
    for size in (3, 259, 262):
        log.append(_entries(size)[log.size :])
        log.checkpoint()
    earlier = [tmp_path / name for name in (tile_path(0, 1, 3), tile_path("entries", 1, 3))]
    assert (tmp_path / tile_path(0, 1, 6)).exists()
    for path in earlier:
        data = path.read_bytes()
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        with pytest.raises(TamperError, match=str(path.relative_to(tmp_path))):
            log.check()
        path.write_bytes(data)
    (tmp_path / tile_path(0, 1, 9)).write_bytes(b"torn")
    assert log.check() == 262


def test_torn_partial_tiles_of_a_crash_are_cleared_away(tmp_path: Path) -> None:
    """What no checkpoint covered is gone before a wider one stands beside it, in the open tile and in later ones."""
    with _log(tmp_path) as log:
        log.append(_entries(3))
        log.checkpoint()
    torn = [tmp_path / tile_path(level, number, 5) for level in (0, "entries") for number in (0, 1)]
    for path in torn:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"torn")
    with _log(tmp_path) as log:
        assert log.check() == 3
        for size in (7, 256 + 9):
            log.append(_entries(size)[log.size :])
            log.checkpoint()
            assert log.check() == size
    assert not any(path.exists() for path in torn)


def test_what_the_last_checkpoint_needs_is_not_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tile that did not change keeps its file; partial tiles go when a checkpoint stands that needs the full one."""
    log = _log(tmp_path)
    log.append(_entries(259))
    log.checkpoint()
    kept = tmp_path / tile_path(1, 0, 1)
    before = kept.stat()
    log.append(_entries(262)[259:])
    log.checkpoint()
    assert (kept.stat().st_ino, kept.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    log.append(_entries(600)[262:])

    def fail(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(log_module, "atomic_write", fail)
    with pytest.raises(StateError):
        log.checkpoint()
    assert (tmp_path / tile_path(0, 1, 6)).exists()
    assert (tmp_path / tile_path(0, 1)).exists()


def test_after_a_failed_write_nothing_more_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and disk may differ then: only opening again helps, and that gives what was signed."""
    log = _log(tmp_path)
    log.append(_entries(100))
    note = log.checkpoint()

    def fail(name: str, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log._files, "write", fail)
        with pytest.raises(StateError, match="No space left") as caught:
            log.append(_entries(300)[100:])
    assert caught.value.code == "log.failed"
    for again in (lambda: log.append([b"x"]), log.checkpoint, lambda: log.publish(note)):
        with pytest.raises(StateError, match="No space left"):
            again()
    log.close()
    with _log(tmp_path) as log:
        assert log.size == 100
        log.append(_entries(300), at=0)
        log.checkpoint()
        assert log.check() == 300


def test_a_lock_that_was_taken_away_is_noticed(tmp_path: Path) -> None:
    """Whoever deletes the lock file lets a second writer in; the first one writes nothing more."""
    log = _log(tmp_path)
    log.append(_entries(3))
    (tmp_path / "lock").unlink()
    with pytest.raises(StateError) as caught:
        log.append([b"x"])
    assert caught.value.code == "log.locked"
    other = _log(tmp_path)
    other.append([b"another past"] * 3)
    other.checkpoint()
    for write in (log.checkpoint, lambda: log.append([b"x"])):
        with pytest.raises(StateError) as caught:
            write()
        assert caught.value.code == "log.locked"


def test_a_checkpoint_of_another_writer_is_not_replaced(tmp_path: Path) -> None:
    """Signed by the same key, of no more entries, and still none of ours: two trees of one size would be a fork."""
    with _log(tmp_path / "other") as other:
        other.append([b"another past"] * 3)
        foreign = other.checkpoint()
    log = _log(tmp_path / "log")
    log.append(_entries(2))
    log.checkpoint()
    log.append([b"third"])
    (tmp_path / "log/checkpoint").write_bytes(foreign)
    with pytest.raises(StateError) as caught:
        log.checkpoint()
    assert caught.value.code == "log.foreign"
    assert (tmp_path / "log/checkpoint").read_bytes() == foreign


def test_every_changed_file_is_found(tmp_path: Path) -> None:
    """A byte changed in any file, or a file gone, is found by the whole check, which names the file."""
    log = _log(tmp_path)
    log.append(_entries(600))
    log.checkpoint()
    for name, data in _files(tmp_path).items():
        for at in sorted({0, 1, len(data) // 2, len(data) - 1}):
            (tmp_path / name).write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
            with pytest.raises(TamperError) as caught:
                _reader(tmp_path).check()
            assert caught.value.place is not None or name == "checkpoint", name
        (tmp_path / name).unlink()
        if name != "checkpoint":
            with pytest.raises(TamperError, match=name):
                _reader(tmp_path).check()
        (tmp_path / name).write_bytes(data)
    assert _reader(tmp_path).check() == 600


def test_a_past_rewritten_throughout_is_found(tmp_path: Path) -> None:
    """Whoever rewrites entries and all tiles to match still lacks the key: the signed root does not fit."""
    for folder, first in ((tmp_path / "true", b"approve"), (tmp_path / "forged", b"decline")):
        log = _log(folder)
        log.append([first, *_entries(400)])
        log.checkpoint()
        log.close()
    signed = (tmp_path / "true/checkpoint").read_bytes()
    live = _log(tmp_path / "forged")
    (tmp_path / "forged/checkpoint").write_bytes(signed)
    with pytest.raises(TamperError):
        _reader(tmp_path / "forged")
    with pytest.raises(TamperError):
        live.check()


def test_the_check_reports_how_far_it_is(tmp_path: Path) -> None:
    log, seen = _log(tmp_path), list[tuple[int, int]]()
    assert log.check() == 0
    log.append(_entries(300))
    log.checkpoint()
    log.check(lambda done, size: seen.append((done, size)))
    assert seen == [(256, 300), (300, 300)]


def test_questions_outside_the_tree_are_refused(tmp_path: Path) -> None:
    log = _log(tmp_path)
    log.append(_entries(3))
    for question in (
        lambda: log.prove(3),
        lambda: log.prove(0, 4),
        lambda: log.prove(-1),
        lambda: log.consistency(0),
        lambda: log.consistency(4),
        lambda: log.root(4),
        lambda: log.entry(3),
        lambda: log.append([bytes(65_536)]),
    ):
        with pytest.raises(InputError):
            question()
    with pytest.raises(InputError):
        Log(tmp_path, "another.example/log", _SIGNER)
    assert log.append([bytes(65_535)]) == 3


def test_a_checkpoint_of_another_key_is_refused(tmp_path: Path) -> None:
    log = _log(tmp_path)
    log.append(_entries(3))
    assert log.checkpoint() == log.checkpoint()
    with pytest.raises(TamperError):
        Log(tmp_path, _NAME, Signer(generate_key(_NAME)[0]), write=False)


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    """A second writer is refused, also after a fault; a reader beside the first sees what was signed, and no more."""
    log = _log(tmp_path)
    log.append(_entries(3))
    with pytest.raises(StateError) as caught:
        _log(tmp_path)
    assert caught.value.code == "log.locked"
    with pytest.raises(StateError):
        _reader(tmp_path).checkpoint()
    note = log.checkpoint()
    reader = _reader(tmp_path)
    log.append(_entries(300)[3:])
    log.checkpoint()
    assert (reader.size, reader.checkpoint(), reader.check()) == (3, note, 3)
    assert reader.compare(_entries(9)[1:], 1) == 2
    with pytest.raises(StateError) as caught:
        reader.append([b"x"])
    assert caught.value.code == "log.readonly"
    log.close()
    with pytest.raises(StateError):
        log.append([b"x"])
    (tmp_path / "checkpoint").write_bytes(b"junk")
    for _ in range(2):
        with pytest.raises(TamperError):
            _log(tmp_path)


def test_a_checkpoint_never_goes_backwards(tmp_path: Path) -> None:
    """A writer that stayed behind what is on disk refuses to sign, and the larger tree stays."""
    with _log(tmp_path / "ahead") as log:
        log.append(_entries(300))
        ahead = log.checkpoint()
    with _log(tmp_path / "behind") as log:
        log.append(_entries(5))
        (tmp_path / "behind/checkpoint").write_bytes(ahead)
        with pytest.raises(StateError) as caught:
            log.checkpoint()
    assert caught.value.code == "log.backwards"
    assert (tmp_path / "behind/checkpoint").read_bytes() == ahead


@pytest.mark.parametrize("room", ["core", "ledger"])
def test_the_room_is_light(room: str) -> None:
    """Importing core or ledger loads no numpy, polars, numba or SQLAlchemy: a proof is checked in a small process."""
    code = (
        f"import sys, tallystick.{room}; "
        "heavy = {'numpy', 'polars', 'numba', 'pandas', 'sqlalchemy', 'duckdb'} & set(sys.modules); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_message_speaks_both_languages() -> None:
    """Each error of the room has an English and a Chinese sentence with the same placeholders."""
    assert len(WORDS.codes()) > 10
