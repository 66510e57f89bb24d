"""Several desks of one team on a real PostgreSQL server: one order, each request answered once, nothing lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.services import PostgresServer

from tallystick.core import ConflictError, StateError
from tallystick.desk import Desk, Project, decide, decide_all, load_project, replay_decisions
from tallystick.desk.evidence import check_frames, check_log, open_log, read_journal
from tallystick.desk.index import forget
from tallystick.desk.journal import DecisionRecord, Entry, Evidence
from tallystick.desk.models_history import check_history
from tallystick.desk.openlog import open_keys
from tallystick.store.sql import connect

Payment = Callable[..., dict[str, Any]]

_NUMBERS = count()


@pytest.fixture
def team(postgres_server: PostgresServer, bank: Path) -> Project:
    """The trained bank with a new journal on the server, where a turn that is not kept up ends after a second."""
    name = f"desk_{next(_NUMBERS)}"
    with psycopg.connect(postgres_server.url, autocommit=True) as server:
        server.execute(f"create schema {name}".encode())
    state = bank / ".tallystick"
    for folder in ("journal", "ledger"):
        shutil.rmtree(state / folder)
    for path in (*state.glob("*.db*"), *state.glob("labels.state")):
        path.unlink()
    url = f"{postgres_server.url}?options=-csearch_path%3D{name}"
    with (bank / "tallystick.toml").open("a") as settings:
        settings.write(f'\n[state]\njournal = "{url}"\nturn = "1s"\n\n[ledger]\ncheckpoint = "1h"\n')
    return load_project(bank)


@pytest.fixture
def two(team: Project) -> Iterator[tuple[Desk, Desk]]:
    with Desk(team) as one, Desk(team) as other:
        yield one, other


def entries_of(project: Project) -> list[Entry]:
    with read_journal(project) as journal:
        entries = list(journal.read())
        if all(entry.record is not None for entry in entries):
            check_frames(journal)
    assert [entry.position for entry in entries] == list(range(len(entries)))
    known = [entry.fact.known_at for entry in entries if entry.fact is not None]
    assert all(before < after for before, after in pairwise(known))
    return entries


def assert_replays(project: Project, decisions: int) -> None:
    for source in ("vector", "history"):
        found = replay_decisions(project, source)
        assert (found.decisions, found.differing) == (decisions, 0)


def test_each_desk_decides_on_what_the_others_recorded(two: tuple[Desk, Desk], payment: Payment) -> None:
    """Six payments of one card, in turns: each is counted by the next, whoever decides it."""
    answers = [decide(two[number % 2], payment(number)) for number in range(6)]
    project = two[0].project
    entries = [entry for entry in entries_of(project) if entry.kind == "decision"]
    assert [entry.position for entry in entries] == [answer.position for answer in answers]
    vectors = [entry.record.vector for entry in entries if isinstance(entry.record, DecisionRecord)]
    rising = [
        name
        for name in vectors[0]
        if all((before[name] or 0) < (after[name] or 0) for before, after in pairwise(vectors))
    ]
    assert rising
    assert_replays(project, 6)


def test_a_request_is_answered_once_by_the_team(two: tuple[Desk, Desk], payment: Payment) -> None:
    one, other = two
    first = decide(one, payment(1, request_id="till-1"))
    again = decide(other, payment(1, request_id="till-1"))
    assert (again.repeated, again.position, again.outcome) == (True, first.position, first.outcome)
    with pytest.raises(ConflictError):
        decide(other, payment(2, request_id="till-1"))
    assert not decide(one, payment(3)).repeated
    assert sum(entry.kind == "decision" for entry in entries_of(one.project)) == 2


def test_the_team_has_one_opening_and_one_history(two: tuple[Desk, Desk]) -> None:
    """Two desks that open at once do not write the beginning twice."""
    records = [entry.record for entry in entries_of(two[0].project)]
    kinds = [record.kind for record in records if isinstance(record, Evidence)]
    assert kinds.count("opening") == 1
    with read_journal(two[0].project) as journal:
        assert check_history(two[0].project, journal) == len(two[0].project.registry().history.noted())
    assert two[0].opening == two[1].opening


def test_both_publish_one_ledger(two: tuple[Desk, Desk], payment: Payment) -> None:
    """Each signs what is new, also of the other; the log and every proof check out."""
    one, other = two
    decide(one, payment(1))
    decide(other, payment(2))
    before = open_log(one.project).signed_size
    assert one.publish() > 0
    decide(other, payment(3))
    decide(one, payment(4))
    # The first was not told of the second decision then, nor the other of the fourth.
    assert (other.publish(), one.publish(), other.publish()) == (2, 1, 0)
    assert open_log(one.project).signed_size > before
    with read_journal(one.project) as journal:
        found = check_log(one.project, journal)
        assert (found.failed, found.size) == (0, sum(1 for _ in journal.leaves()))


def test_payloads_are_sealed_and_forgotten_as_in_files(two: tuple[Desk, Desk], payment: Payment) -> None:
    decide(two[0], payment(1))
    project, subject = two[0].project, "customer_id=C900001"
    for desk in two:
        desk.close()
    index = connect(project.state / "state.db")
    with open_keys(project) as keys:
        assert forget(keys, index, subject)
    index.dispose()
    [entry] = [entry for entry in entries_of(project) if entry.kind == "decision"]
    assert entry.record is None
    assert entry.leaf is not None
    with psycopg.connect(project.settings.state["journal"]) as server:
        rows = server.execute("select batch from tallystick_journal").fetchall()
    assert not any(b"C900001" in row[0] for row in rows)


_WORKER = """
import json, os, signal, sys
from pathlib import Path
from tallystick.core import StateError
from tallystick.desk import Desk, decide_all, load_project
from tallystick.store.postgres import PostgresLog
folder, first, number, group, statement, when, blow = sys.argv[1:]
template = json.loads(sys.stdin.read())
execute, left = PostgresLog._execute, 3
def harmed(self, text, **given):
    global left
    left -= statement in text
    strike = statement in text and not left
    if strike and when == "before":
        os.kill(os.getpid(), int(blow))
    result = execute(self, text, **given)
    if strike and when == "after":
        os.kill(os.getpid(), int(blow))
    return result
try:
    with Desk(load_project(Path(folder))) as desk:
        print("open", flush=True)
        if statement:
            PostgresLog._execute = harmed
        events = (
            desk.receive({**template, "payment_id": int(first) + at, "card_id": "K%d" % (at % 5)})
            for at in range(int(number))
        )
        for answer in decide_all(desk, events, group=int(group)):
            print(answer.id, answer.position, flush=True)
except StateError as error:
    sys.exit(error.code)
"""


class Worker:
    """A desk in a process of its own, which decides `number` payments and tells every answer."""

    def __init__(self, project: Project, template: dict[str, Any], *given: object) -> None:
        arguments = [str(item) for item in (*given, *("", "", 0)[len(given) - 3 :])]
        self.process = subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(project.root), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdin is not None
        with self.process.stdin as given_to:
            given_to.write(json.dumps(template))

    def struck(self) -> bool:
        """Wait until it is stopped or killed; whether it is stopped."""
        _, status = os.waitpid(self.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status) or os.WIFSIGNALED(status)
        if not os.WIFSTOPPED(status):
            self.process.returncode = os.waitstatus_to_exitcode(status)
        return os.WIFSTOPPED(status)

    def end(self) -> tuple[dict[str, int], str]:
        """What it was answered, id → position, and what it said last."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        with self.process.stdout as out, self.process.stderr as err:
            lines, told = out.read().splitlines()[1:], err.read()
        self.process.wait()
        return {name: int(position) for name, position in (line.split() for line in lines)}, told


@pytest.fixture
def employ(team: Project, payment: Payment) -> Iterator[Callable[..., Worker]]:
    """Starts workers; none outlives its test."""
    workers: list[Worker] = []

    def start(*given: object) -> Worker:
        workers.append(Worker(team, payment(), *given))
        return workers[-1]

    yield start
    for worker in workers:
        worker.process.kill()
        worker.process.wait()
        for pipe in (worker.process.stdout, worker.process.stderr):
            if pipe is not None:
                pipe.close()


def test_two_processes_at_once(team: Project, employ: Callable[..., Worker]) -> None:
    """Every acknowledged decision is in the journal once, positions have no gaps, and replay gives the same bits."""
    workers = [employ(91_000_000 + 1000 * name, 60, group) for name, group in ((1, 1), (2, 7))]
    answered: dict[str, int] = {}
    for worker in workers:
        found, told = worker.end()
        assert (len(found), worker.process.returncode) == (60, 0), told
        answered |= found
    decisions = [entry for entry in entries_of(team) if entry.kind == "decision"]
    assert {entry.request_id: entry.position for entry in decisions} == answered
    assert len(decisions) == len(answered) == 120
    assert_replays(team, 120)
    with read_journal(team) as journal:
        assert check_log(team, journal).failed == 0


POINTS = [
    ("set epoch = epoch + 1", "after", signal.SIGSTOP),
    ("insert into tallystick_journal", "before", signal.SIGSTOP),
    ("insert into tallystick_journal", "after", signal.SIGSTOP),
    ("insert into tallystick_journal", "before", signal.SIGKILL),
    ("insert into tallystick_journal", "after", signal.SIGKILL),
]


@pytest.mark.parametrize(("statement", "when", "blow"), POINTS)
def test_one_desk_is_struck_in_its_turn(
    team: Project, payment: Payment, employ: Callable[..., Worker], statement: str, when: str, blow: signal.Signals
) -> None:
    """The other desk goes on; a stopped one that comes back is fenced and ends, with nothing acknowledged in between.

    The requests that had no answer are asked again and are decided once.
    """
    worker = employ(91_000_000, 12, 2, statement, when, int(blow))
    stopped = worker.struck()
    with Desk(team) as other:
        answers = [decide(other, payment(number)) for number in range(3)]
        if stopped:
            worker.process.send_signal(signal.SIGCONT)
        answered, told = worker.end()
        fenced = stopped and when == ("after" if "epoch" in statement else "before")
        assert ("log.turn" in told) == fenced, told
        again = [payment(number, payment_id=91_000_000 + number, card_id=f"K{number % 5}") for number in range(12)]
        repeated = list(decide_all(other, (other.receive(body) for body in again)))
    decisions = {entry.request_id: entry.position for entry in entries_of(team) if entry.kind == "decision"}
    assert len(decisions) == 15
    assert decisions == {answer.id: answer.position for answer in (*answers, *repeated)}
    assert answered.items() <= decisions.items()
    assert sum(answer.repeated for answer in repeated) >= len(answered)
    assert_replays(team, 15)


def test_a_killed_server_loses_no_answer(postgres_server: PostgresServer, team: Project, payment: Payment) -> None:
    """Both desks end with an error; after the restart the answers are there and the rest is decided."""
    with Desk(team) as desk:
        answers = [decide(desk, payment(number)) for number in range(4)]
        postgres_server.stop()
        try:
            with pytest.raises(StateError, match="acknowledged"):
                decide(desk, payment(9))
        finally:
            postgres_server.start()
        desk.publisher.close()
    with Desk(load_project(team.root)) as desk:
        again = [decide(desk, payment(number)) for number in range(5)]
    assert [answer.position for answer in again[:4]] == [answer.position for answer in answers]
    assert [answer.repeated for answer in again] == [True] * 4 + [False]
    assert_replays(team, 5)
