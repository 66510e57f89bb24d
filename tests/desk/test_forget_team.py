"""Forgetting in a team on a real PostgreSQL server: one turn of the journal, whoever decides, whoever is killed."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import msgspec
import pytest
from tests.desk.forgetting import found_in
from tests.desk.test_turns import assert_replays
from tests.desk.test_turns import team as team

from tallystick.core import StateError
from tallystick.desk import (
    Desk,
    Project,
    check_ledger,
    decide,
    finish_forgetting,
    forget_subject,
    house,
    livestate,
    replay_decisions,
)
from tallystick.desk import forget as forgetting
from tallystick.desk.erased import is_erasure, sealed_by
from tallystick.desk.evidence import read_journal
from tallystick.desk.forget import erasures
from tallystick.desk.forget_places import STEPS
from tallystick.desk.frames import Entry
from tallystick.desk.index import LIVE_STATE
from tallystick.desk.journal import Journal
from tallystick.desk.livestate import open_live, state_path
from tallystick.desk.openlog import open_keys, writing
from tallystick.store import Keys, atomic_write, postgres
from tallystick.store.postgres import PostgresLog

Payment = Callable[..., dict[str, Any]]
HER = "C900001"


@pytest.fixture
def two(team: Project) -> Iterator[tuple[Desk, Desk]]:
    with Desk(team) as one, Desk(team) as other:
        yield one, other


class Killed(BaseException):
    """The process ends here."""


def assert_whole(project: Project) -> None:
    """The evidence holds, and replay gives the same bits."""
    assert check_ledger(project).holds
    for source in ("vector", "history"):
        assert replay_decisions(project, source).differing == 0


def complaint(project: Project) -> str:
    """What `tally ledger check` finds wrong, beside an open desk."""
    try:
        return "".join(fault.text("en") for fault in check_ledger(project).faults)
    except StateError as error:
        return error.text("en")


def test_one_forgets_while_another_decides_for_her_at_every_step(
    team: Project, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was recorded of her before the leaf is erased and covered; what comes after it has another key."""
    numbers = count()
    with Desk(team) as desk:

        def decided() -> None:
            number = next(numbers)
            decide(desk, payment(number, card_id=f"K9{number:05}"))
            # Her card in somebody else's hand.
            decide(desk, payment(500_000 + number, customer_id="C900002", card_id=f"K9{number:05}"))

        def before(call: Callable[..., Any]) -> Callable[..., Any]:
            def wrapped(*given: Any, **options: Any) -> Any:
                decided()
                return call(*given, **options)

            return wrapped

        decided()
        with monkeypatch.context() as patched:
            for name, step in STEPS.items():
                patched.setitem(STEPS, name, before(step))
            for name in ("survey", "_sealed", "_came", "_destroy", "overwrite_rows", "sign_log"):
                patched.setattr(forgetting, name, before(getattr(forgetting, name)))
            forget_subject(team, HER, "asked")
        decided()
    with read_journal(team) as journal:
        stored = list(journal.stored())
        [said] = erasures(journal)
    [leaf] = [entry.position for entry, _ in stored if is_erasure(entry)]
    hers = [item for item in stored if item[0].record is None or item[0].subject == f"customer_id={HER}"]
    assert [entry.position for entry, _ in hers if entry.position < leaf] == [position for position, _ in said.frames]
    assert said.counts["journal.decisions"] == len(said.frames) > 20
    assert all((entry.record is None) == (entry.position < leaf) for entry, _ in hers)
    assert len({sealed_by(frame) for _, frame in hers}) == 2
    assert_whole(team)


POINTS = [
    ("update_index", False),
    ("erase_rows", True),
    ("Journal.append_evidence", False),
    ("Journal.flush", True),
]
"""What forgetting calls, and whether it is killed after that or before."""


def test_killed_anywhere_it_is_ended_by_the_next_call(
    team: Project, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then the check says what was begun; another desk decides for her meanwhile, and nobody is stopped by it."""
    places: dict[str, Any] = {"Keys": Keys, "Journal": Journal}
    with Desk(team) as desk:
        for number, (name, after) in enumerate(POINTS):
            who, (of, _, method) = f"C90001{number}", name.rpartition(".")
            place = places.get(of, forgetting)
            call = getattr(place, method)

            def struck(*given: Any, call: Any = call, after: bool = after, **options: Any) -> Any:
                if after:
                    call(*given, **options)
                raise Killed

            decide(desk, payment(2 * number, customer_id=who, card_id=f"K{who}"))
            desk.publish()
            with monkeypatch.context() as patched:
                patched.setattr(place, method, struck)
                # Who is killed does not end its turn: its lease does.
                patched.setattr(PostgresLog, "release", lambda self: None)
                with pytest.raises(Killed):
                    forget_subject(team, who, "asked")
            with Keys(team.state / "keys.db") as keys:
                destroyed = keys.number(f"customer_id={who}") is None
            assert re.search(r"was begun on .* `tally forget` ends it", complaint(team))
            decide(desk, payment(2 * number + 1, customer_id=who, card_id=f"L{who}"))
            [found] = finish_forgetting(team)
            assert len(found.erasure.frames) == (1 if destroyed else 2)
            assert complaint(team) == ""
            # Or she came back in between, under a key of her own.
            assert destroyed or found_in(team.state, (who, f"K{who}", f"L{who}")) == []
    assert_whole(team)


_FORGETTER = """
import os, signal, sys
from pathlib import Path
from tallystick.desk import forget_subject, load_project
from tallystick.desk.journal import Journal
from tallystick.desk.livestate import open_live
Journal.append_evidence = lambda *given: os.kill(os.getpid(), signal.SIGKILL)
forget_subject(load_project(Path(sys.argv[1])), sys.argv[2], "asked")
"""


def test_a_killed_process_leaves_its_turn_and_what_it_began(team: Project, payment: Payment) -> None:
    """Struck between key and leaf by a signal that nothing can catch: the desk goes on, the next call ends it."""
    with Desk(team) as desk:
        decide(desk, payment(1))
        desk.publish()
        killed = subprocess.run([sys.executable, "-c", _FORGETTER, str(team.root), HER], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert "was begun" in complaint(team)
        decide(desk, payment(2))
        [found] = finish_forgetting(team)
        decide(desk, payment(3))
    assert len(found.erasure.frames) == 1
    assert_whole(team)


def test_a_desk_seals_nothing_under_a_key_that_another_process_destroyed(
    two: tuple[Desk, Desk], payment: Payment
) -> None:
    """It has the key in memory, and has heard of nothing: what it records next is sealed under a new one."""
    one, _ = two
    for number in range(2):
        answer = decide(one, payment(number))
        with Keys(one.project.state / "keys.db") as keys, read_journal(one.project) as journal:
            [(_, frame)] = journal.stored(start=answer.position, stop=answer.position + 1)
            assert keys.number(f"customer_id={HER}") == sealed_by(frame)
            keys.forget(f"customer_id={HER}")


def test_labels_are_made_anew_without_the_turn(
    two: tuple[Desk, Desk], payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a desk reads all again after an erasure, another decides, and erases: nobody is fenced."""
    one, other = two
    for number, who in enumerate((HER, "C900002", "C900003")):
        decide(other, payment(number, customer_id=who, terminal_id="T900001"))
    opened = count()

    def slow(*given: Any) -> Any:
        found = open_live(*given)
        if next(opened) == 0:
            with monkeypatch.context() as patched:
                patched.setattr(house, "open_live", open_live)
                decide(other, payment(10, customer_id="C900004", terminal_id="T900001"))
                forget_subject(one.project, "C900002", "asked too")
                decide(other, payment(11, customer_id="C900005", terminal_id="T900001"))
        return found

    decide(one, payment(4, terminal_id="T900001"))
    forget_subject(one.project, HER, "asked")
    monkeypatch.setattr(house, "open_live", slow)
    decide(one, payment(12, customer_id="C900006", terminal_id="T900001"))
    assert next(opened) == 2, "made anew for each erasure"
    decide(other, payment(13, customer_id="C900007", terminal_id="T900001"))
    assert_replays(one.project, 5)


def test_what_an_idle_desk_missed_is_learned_in_portions_before_its_turn(
    two: tuple[Desk, Desk], payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one decides during each portion, as it could not if the turn were taken; the last is small."""
    idle, other = two
    monkeypatch.setattr(postgres, "_PORTION", 4)
    for number in range(12):
        decide(other, payment(number, card_id=f"K{number % 2}"))
    learn, sizes, late = idle._observe, list[int](), iter(range(20, 23))

    def slow(entries: Sequence[Entry]) -> None:
        if entries:
            sizes.append(len(entries))
            assert not idle.journal.turn
        for number in late:
            decide(other, payment(number, card_id="K1"))
            break
        learn(entries)

    monkeypatch.setattr(idle, "_observe", slow)
    decide(idle, payment(30, card_id="K1"))
    assert sum(sizes) == 15
    assert max(sizes) == 4
    assert_replays(idle.project, 16)


def kept_of(project: Project) -> bytes:
    """The kept state of live labels, as whoever has the keys can read it."""
    header, parts = msgspec.msgpack.decode(state_path(project).read_bytes())
    with open_keys(project) as keys:
        return b"".join(keys.open(part, header + (place * (256 << 20)).to_bytes(8)) for place, part in enumerate(parts))


@pytest.mark.parametrize("late", [False, True])
def test_labels_are_kept_without_who_was_forgotten_meanwhile(
    two: tuple[Desk, Desk], payment: Payment, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Before the desk keeps them, or `late`, when they are on their way to the disk: nothing of hers can be read."""
    stale, other = two
    hers = payment(1, card_id="KHERS01", terminal_id="T900001")
    decide(other, hers)
    decide(stale, payment(2, customer_id="C900002", terminal_id="T900001"))

    def forget() -> None:
        forget_subject(other.project, HER, "asked")
        decide(other, payment(3, customer_id="C900003", terminal_id="T900001"))

    first = iter([True])

    def written(*given: Any) -> None:
        if late and next(first, False):
            forget()
        atomic_write(*given)

    monkeypatch.setattr(livestate, "atomic_write", written)
    if not late:
        forget()
    stale.keep_labels()
    assert [name for name in (b"C900001", b"KHERS01") if name in kept_of(other.project)] == []
    with Desk(other.project) as desk:
        assert desk.started.position == desk.journal.position
        assert desk.started.last == stale.sequencer.last
        decide(desk, payment(4, customer_id="C900004", terminal_id="T900001"))
    assert_replays(other.project, 3)


def test_labels_that_were_kept_by_who_was_killed_before_it_heard_of_an_erasure_are_not_taken(
    two: tuple[Desk, Desk], payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there, and a key for it: the next desk removes both."""
    one, _ = two
    decide(one, payment(1))

    def struck(*given: Any) -> None:
        forget_subject(one.project, HER, "asked")
        with open_keys(one.project) as keys:
            keys.ensure([LIVE_STATE])
        atomic_write(*given)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(livestate, "atomic_write", struck)
        with pytest.raises(Killed):
            one.keep_labels()
    assert state_path(one.project).exists()
    with Desk(one.project) as desk, open_keys(one.project) as keys:
        assert desk.started.position is None
        assert not state_path(one.project).exists()
        assert keys.number(LIVE_STATE) is None


def test_a_reader_of_the_key_file_holds_nobody_up(
    two: tuple[Desk, Desk], payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While old pages of keys are read the key goes and the leaf is left; the next call overwrites the pages."""
    one, _ = two
    project = one.project
    decide(one, payment(1))
    overwrite = Keys.overwrite

    def impatient(keys: Keys) -> None:
        keys._db.execute("PRAGMA busy_timeout=50")
        overwrite(keys)

    monkeypatch.setattr(Keys, "overwrite", impatient)
    reader = sqlite3.connect(project.state / "keys.db", isolation_level=None)
    try:
        reader.execute("begin")
        reader.execute("select count(*) from keys").fetchone()
        with pytest.raises(StateError) as caught:
            forget_subject(project, HER, "asked")
    finally:
        reader.close()
    assert caught.value.code == "key.busy"
    with read_journal(project) as journal:
        assert len(erasures(journal)) == 1
    decide(one, payment(2))
    [found] = finish_forgetting(project)
    assert len(found.erasure.frames) == 1
    assert finish_forgetting(project) == ()
    assert complaint(project) == ""


def test_two_calls_end_the_same_erasure(
    two: tuple[Desk, Desk], payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One waits for the ledger until the other has ended it: both say the same, and there is one leaf."""
    one, _ = two
    project, ended = one.project, list[Any]()
    decide(one, payment(1))

    def killed(*given: Any) -> Any:
        raise Killed

    def begin() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(forgetting, "_erase_places", killed)
            with pytest.raises(Killed):
                forget_subject(project, HER, "asked")

    @contextmanager
    def late(place: Project) -> Iterator[Any]:
        monkeypatch.setattr(forgetting, "writing", writing)
        ended.extend(finish_forgetting(project))
        with writing(place) as opened:
            yield opened

    begin()
    monkeypatch.setattr(forgetting, "writing", late)
    assert finish_forgetting(project) == (ended[0],)
    decide(one, payment(2))
    begin()
    monkeypatch.setattr(forgetting, "writing", late)
    assert forget_subject(project, HER, "asked too") == ended[1]
    with read_journal(project) as journal:
        assert [said.reason for said in erasures(journal)] == ["asked", "asked"]
    assert_whole(project)
