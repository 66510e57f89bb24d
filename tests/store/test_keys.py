"""Subject keys: sealing, opening, forgetting."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from random import Random

import pytest
from tests.faults import FLUSHING, GO, Tell, trace

from tallystick.core import StateError, TamperError
from tallystick.store import Forgotten, Keys, key_number
from tallystick.store.keys import CipherName

CIPHERS: tuple[CipherName, ...] = ("aes-256-gcm", "sm4-gcm")


def test_sealed_bytes_open_again_after_a_restart(tmp_path: Path) -> None:
    with Keys(tmp_path / "keys.db") as keys:
        sealed = [keys.seal(f"c{number}", b"secret %d" % number, b"frame") for number in range(20)]
    with Keys(tmp_path / "keys.db") as keys:
        assert [keys.open(item, b"frame") for item in sealed] == [b"secret %d" % number for number in range(20)]


def test_sealed_bytes_do_not_name_or_show_the_subject(tmp_path: Path) -> None:
    with Keys(tmp_path / "keys.db") as keys:
        sealed = keys.seal("customer-4711", b"12 Elm Street", b"")
    assert b"4711" not in sealed
    assert b"Elm" not in sealed


def test_any_changed_bit_is_refused(tmp_path: Path) -> None:
    """A change of nonce, text or tag is tampering; another key number is an unknown key."""
    with Keys(tmp_path / "keys.db") as keys:
        sealed = keys.seal("c", b"secret", b"frame 1")
        for at in range(len(sealed)):
            changed = bytearray(sealed)
            changed[at] ^= 1
            with pytest.raises(TamperError if at >= 12 else StateError):
                keys.open(bytes(changed), b"frame 1")
        with pytest.raises(TamperError):
            keys.open(sealed, b"frame 2")
        with pytest.raises(TamperError):
            keys.open(sealed[:30], b"frame 1")


def test_forgetting_destroys_the_key_and_only_that(tmp_path: Path) -> None:
    """The forgotten subject's bytes are lost, other subjects' are not, and the key's bytes leave the file."""
    path = tmp_path / "keys.db"
    with Keys(path) as keys:
        gone, kept = keys.seal("gone", b"a", b""), keys.seal("kept", b"b", b"")
        with sqlite3.connect(path) as raw:
            key = raw.execute("select key from keys where subject = 'gone'").fetchone()[0]
        raw.close()
        assert key in _on_disk(path)
        assert keys.forget("gone")
        assert not keys.forget("never seen")
        assert key not in _on_disk(path)
        assert b"gone" not in _on_disk(path).replace(b"forgotten", b"")
        with pytest.raises(Forgotten):
            keys.open(gone, b"")
        assert keys.open(kept, b"") == b"b"


def test_no_second_copy_of_a_key_stays_in_unused_room(tmp_path: Path) -> None:
    """Rows of unlike lengths move between pages, and leave copies of keys behind; those go with the key."""
    chance, path = Random(1), tmp_path / "keys.db"
    subjects = [
        f"customer_id={chance.choice('CDX')}{chance.randrange(10 ** chance.randint(4, 12))}" for _ in range(9_000)
    ]
    with Keys(path) as keys:
        for first in range(0, len(subjects), 50):
            keys.ensure(subjects[first : first + 50])
        found = dict(keys._db.execute("select subject, key from keys"))
        keys._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        raw = path.read_bytes()
        twice = [subject for subject, key in found.items() if raw.count(key) > 1]
        assert twice
        for subject in twice:
            keys.forget(subject)
            assert found[subject] not in _on_disk(path)


def _on_disk(path: Path) -> bytes:
    """All that lies in the key file and the files beside it."""
    return b"".join(part.read_bytes() for part in sorted(path.parent.glob(f"{path.name}*")))


def test_while_somebody_reads_old_pages_forgetting_says_so(tmp_path: Path) -> None:
    """The key is gone at once; its bytes leave the file when it is forgotten once more."""
    path = tmp_path / "keys.db"
    with Keys(path) as keys:
        sealed = keys.seal("gone", b"a", b"")
        reader = sqlite3.connect(path, isolation_level=None)
        key = reader.execute("select key from keys").fetchone()[0]
        reader.execute("begin")
        assert reader.execute("select count(*) from keys").fetchone() == (1,)
        keys._db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(StateError) as caught:
            keys.forget("gone")
        assert caught.value.code == "key.busy"
        assert key in _on_disk(path)
        with pytest.raises(Forgotten):
            keys.open(sealed, b"")
        reader.close()
        assert not keys.forget("gone")
        assert key not in _on_disk(path)


def test_new_keys_wait_for_the_disk_once(tmp_path: Path) -> None:
    def work(tell: Tell) -> None:
        with Keys(tmp_path / "keys.db") as keys:
            keys.ensure(["first"])
            for start, stop in ((0, 1), (1, 2), (2, 1000)):
                tell(b"ready")
                keys.ensure(f"customer {number}" for number in range(start, stop))
            tell(b"done")

    traced = trace(work, lambda call: GO)
    assert traced.told[-1] == b"done"
    flushes = [len(call.told) for call in traced.calls if call.name in FLUSHING]
    assert [flushes.count(at) for at in (1, 2, 3)] == [1, 1, 1]


def test_a_subject_that_comes_back_gets_a_new_key(tmp_path: Path) -> None:
    with Keys(tmp_path / "keys.db") as keys:
        old = keys.seal("c", b"old", b"")
        keys.forget("c")
        new = keys.seal("c", b"new", b"")
        assert keys.open(new, b"") == b"new"
        with pytest.raises(Forgotten):
            keys.open(old, b"")


def test_another_process_that_forgets_is_noticed(tmp_path: Path) -> None:
    """A key held in memory is dropped when someone else destroys it in the file."""
    with Keys(tmp_path / "keys.db") as here, Keys(tmp_path / "keys.db") as there:
        sealed = here.seal("c", b"secret", b"")
        assert there.open(sealed, b"") == b"secret"
        there.forget("c")
        with pytest.raises(Forgotten):
            here.open(sealed, b"")
        here.ensure(["c"])
        assert there.open(here.seal("c", b"again", b""), b"") == b"again"


def test_two_processes_that_meet_the_same_subject_share_one_key(tmp_path: Path) -> None:
    with Keys(tmp_path / "keys.db") as here, Keys(tmp_path / "keys.db") as there:
        here.ensure(["c"])
        there.ensure(["c", "d"])
        assert here.open(there.seal("c", b"x", b""), b"") == b"x"


def test_a_pseudonym_is_the_subjects_own_and_goes_with_the_key(tmp_path: Path) -> None:
    """The same after a restart, another for other data or another subject, and another once the key was destroyed."""
    with Keys(tmp_path / "keys.db") as keys:
        first = keys.pseudonym("c", b"card 1")
        assert len(first) == 32
        assert len({first, keys.pseudonym("c", b"card 2"), keys.pseudonym("d", b"card 1")}) == 3
    with Keys(tmp_path / "keys.db") as keys:
        assert keys.pseudonym("c", b"card 1") == first
        keys.forget("c")
        assert keys.pseudonym("c", b"card 1") != first


def test_a_file_of_other_content_is_refused(tmp_path: Path) -> None:
    (tmp_path / "keys.db").write_bytes(b"this is a letter, not a key file" * 40)
    with pytest.raises(StateError, match=r"keys\.db"):
        Keys(tmp_path / "keys.db")


def test_a_key_file_is_for_its_owner_only(tmp_path: Path) -> None:
    with Keys(tmp_path / "keys.db"):
        assert (tmp_path / "keys.db").stat().st_mode & 0o077 == 0


def test_the_key_file_of_another_project_is_told_from_forgetting(tmp_path: Path) -> None:
    with Keys(tmp_path / "a.db") as ours, Keys(tmp_path / "b.db") as theirs:
        sealed = ours.seal("c", b"x", b"")
        with pytest.raises(StateError) as caught:
            theirs.open(sealed, b"")
        assert caught.value.code == "key.unknown"


@pytest.mark.parametrize(("cipher", "size"), [("aes-256-gcm", 32), ("sm4-gcm", 16)])
def test_both_ciphers_open_whichever_makes_new_keys(tmp_path: Path, cipher: CipherName, size: int) -> None:
    """The file says of each key what it is for: changing the profile loses nothing."""
    path = tmp_path / "keys.db"
    with Keys(path, cipher) as keys:
        sealed, name = keys.seal("c", b"secret", b"frame"), keys.pseudonym("c", b"card 1")
    with sqlite3.connect(path) as raw:
        key, said = raw.execute("select key, cipher from keys").fetchone()
    raw.close()
    assert (len(key), said) == (size, cipher)
    for other in CIPHERS:
        with Keys(path, other) as keys:
            assert keys.open(sealed, b"frame") == b"secret"
            assert keys.pseudonym("c", b"card 1") == name
            assert keys.open(keys.seal("c", b"more", b""), b"") == b"more"
            with pytest.raises(TamperError):
                keys.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), b"frame")
            with pytest.raises(TamperError):
                keys.open(sealed, b"another frame")


def test_sm4_is_the_standards(tmp_path: Path) -> None:
    """RFC 8998, appendix A.1, with the key and the nonce put in."""
    path = tmp_path / "keys.db"
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    aad = bytes.fromhex("FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2")
    plain = bytes.fromhex("AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD")
    plain += bytes.fromhex("EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA")
    text = "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
    text += "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    tag = "83DE3541E4C2B58177E065A9BF7B62EC"
    with Keys(path, "sm4-gcm") as keys:
        keys.ensure(["c"])
        with sqlite3.connect(path) as raw:
            raw.execute("update keys set id = ?, key = ?", (b"n" * 12, key))
        raw.close()
        sealed = b"n" * 12 + bytes.fromhex("00001234567800000000ABCD" + text + tag)
        assert keys.open(sealed, aad) == plain


def test_a_file_of_before_there_were_two_ciphers_opens(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    with Keys(path) as keys:
        sealed = keys.seal("c", b"secret", b"")
    with sqlite3.connect(path) as raw:
        raw.executescript(
            "create table old (subject text primary key, id blob not null unique, key blob not null) without rowid;"
            "insert into old select subject, id, key from keys; drop table keys; alter table old rename to keys;"
        )
    raw.close()
    with Keys(path, "sm4-gcm") as keys:
        assert keys.open(sealed, b"") == b"secret"
        assert keys.open(keys.seal("d", b"new", b""), b"") == b"new"
        assert keys.forget("c")
        with pytest.raises(Forgotten):
            keys.open(sealed, b"")


def test_a_key_of_an_unknown_cipher_is_named(tmp_path: Path) -> None:
    path = tmp_path / "keys.db"
    with Keys(path) as keys:
        sealed = keys.seal("c", b"secret", b"")
    with sqlite3.connect(path) as raw:
        raw.execute("update keys set cipher = 'rot13'")
    raw.close()
    with Keys(path) as keys, pytest.raises(StateError, match=r"rot13.*aes-256-gcm, sm4-gcm"):
        keys.open(sealed, b"")


def test_asking_for_a_keys_number_makes_none(tmp_path: Path) -> None:
    """All that a key seals begins with its number; a subject that comes back has another."""
    with Keys(tmp_path / "keys.db") as keys:
        assert keys.number("c") is None
        first = key_number(keys.seal("c", b"x", b""))
        assert keys.number("c") == first
        keys.forget("c")
        assert keys.number("c") is None
        keys.ensure(["c"])
        assert keys.number("c") not in (None, first)
