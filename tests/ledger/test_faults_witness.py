"""Counted: slow, dead and lying witnesses, and a forked log shown to witnesses in processes of their own."""

from __future__ import annotations

import os
import random
import shutil
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults import Count, fresh
from tests.faults_house import SIGNER, House
from tests.services import free_port

from tallystick.core import TamperError
from tallystick.ledger import (
    Checkpoint,
    KeyKind,
    Log,
    Policy,
    Signer,
    Witness,
    check_policy,
    cosign,
    generate_key,
    parse_policy,
    sign_checkpoint,
)
from tallystick.ledger.head import read_checkpoint
from tallystick.ledger.network import Answer, WitnessServer, cosign_log, gather
from tallystick.ledger.note import read_note
from tallystick.ledger.witness import Reply, read_request

Record = Callable[[str, object], None]

_WHOLE = bool(os.environ.get("TALLYSTICK_SOAK"))
_TIME = 1_700_000_000
_TIMEOUT_S = 30.0
_COMMON = 5
"""Entries that both sides of a forked log share."""


class _Liar(Witness):
    """Signs whatever it is shown, and remembers nothing."""

    def add_checkpoint(self, body: bytes) -> Reply:
        lines = cosign(read_request(body).note, self._signers, _TIME)
        return Reply(200, "".join(line.line() for line in lines).encode())


class _Forger(Witness):
    """Signs another tree than the one that it is shown."""

    def add_checkpoint(self, body: bytes) -> Reply:
        head = read_checkpoint(read_note(read_request(body).note).text)
        signer = self._signers[0]
        note = sign_checkpoint(Checkpoint(head.origin, head.size, bytes(32)), _key(head.origin, KeyKind.ED25519))
        return Reply(200, "".join(line.line() for line in cosign(note, [signer], _TIME)).encode())


def _key(name: str, kind: KeyKind) -> Signer:
    return Signer(generate_key(name, kind)[0])


class _Process:
    """A witness in a process of its own, at an address that it keeps."""

    def __init__(self, folder: Path, logs: Sequence[Signer], kind: type[Witness] = Witness) -> None:
        self._folder, self._logs, self._kind, self._port = folder, [log.verifier for log in logs], kind, free_port()
        self.name = folder.name
        self.signer = _key(f"{folder.name}.example/w", KeyKind.COSIGNATURE)
        self.start()

    @property
    def line(self) -> str:
        return f"witness {self.name} {self.signer.verifier.vkey} http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        reading, writing = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            try:
                witness = self._kind(self._folder, [self.signer], self._logs, lambda: _TIME)
                server = WitnessServer(witness, port=self._port)
                os.write(writing, b"!")
                server.serve()
            finally:
                os._exit(1)
        os.close(writing)
        started = os.read(reading, 1)
        os.close(reading)
        assert started, "the witness did not start"

    def signal(self, number: int) -> None:
        os.kill(self._process, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        os.waitpid(self._process, 0)


@contextmanager
def _witnesses(folder: Path, logs: Sequence[Signer], kinds: Sequence[type[Witness]]) -> Iterator[list[_Process]]:
    made = [_Process(folder / f"w{number}", logs, kind) for number, kind in enumerate(kinds)]
    try:
        yield made
    finally:
        for process in made:
            process.kill()


def _policy(log: Signer, witnesses: Sequence[_Process], quorum: int) -> Policy:
    names = [witness.name for witness in witnesses]
    lines = [f"log {log.verifier.vkey}", *(witness.line for witness in witnesses)]
    return parse_policy("\n".join((*lines, f"group q {quorum} {' '.join(names)}", "quorum q", "")).encode())


@pytest.mark.parametrize("fault", ["slow", "dead", "lying", "forging"])
def test_one_of_three_witnesses_fails(fault: str, tmp_path: Path, record_property: Record) -> None:
    """Two of three still hold for every checkpoint; all three never do unless all three have signed the tree."""
    count = Count(f"a {fault} witness")
    log_key = _key("bank.example/log", KeyKind.ED25519)
    kinds: list[type[Witness]] = [{"lying": _Liar, "forging": _Forger}.get(fault, Witness), Witness, Witness]
    with (
        _witnesses(tmp_path, [log_key], kinds) as witnesses,
        Log(tmp_path / "log", log_key.name, log_key) as log,
    ):
        two, three = (_policy(log_key, witnesses, quorum) for quorum in (2, 3))
        if fault == "slow":
            witnesses[0].signal(signal.SIGSTOP)
        if fault == "dead":
            witnesses[0].signal(signal.SIGKILL)
        for size in range(1, 31 if _WHOLE else 7):
            log.append([b"entry %d" % size])
            gathered = cosign_log(log, two, timeout_s=_TIMEOUT_S)
            if not gathered.quorum or len(check_policy(two, log.checkpoint()).witnesses) < 2:
                count.lost.append(f"no quorum at {size}")
            asked = gather(log.checkpoint(), three, lambda old, new: log.consistency(old, new).hashes, None, 1.0)
            # Who signs everything signs the truth too.
            count.case("its answer" if asked.quorum == (fault == "lying") else None, f"size {size}")
        if fault == "slow":
            witnesses[0].signal(signal.SIGCONT)
    count.hold(record_property)


class _Side:
    """One side of a forked log: a log of its own with the same name and key."""

    def __init__(self, folder: Path, key: Signer, mark: bytes, size: int) -> None:
        self.log = Log(folder, key.name, key)
        self.log.append([b"common %d" % number for number in range(_COMMON)])
        self.log.append([b"%b %d" % (mark, number) for number in range(_COMMON, size)])
        self.key, self.turn = key, threading.Lock()

    def note(self, size: int) -> bytes:
        with self.turn:
            return sign_checkpoint(Checkpoint(self.key.name, size, self.log.root(size)), self.key)

    def prove(self, old: int, new: int) -> Sequence[bytes]:
        with self.turn:
            return self.log.consistency(old, new).hashes


_Signed = tuple[str, str, int]
"""Log, witness, size: who has signed which side."""


def _storm(
    forks: list[tuple[_Side, _Side]], witnesses: list[_Process], asks: int, chance: random.Random
) -> tuple[dict[_Signed, set[int]], Counter[str]]:
    """Show both sides of every log to all witnesses from many threads; returns which sides were signed, and what the
    first three, who are honest, answered."""
    signed: dict[_Signed, set[int]] = defaultdict(set)
    answers: Counter[str] = Counter()
    honest = [witness.name for witness in witnesses[:3]]
    jobs = [(chance.randrange(len(forks)), chance.randrange(2), chance.randrange(1, 40)) for _ in range(asks)]
    jobs = sorted(jobs, key=lambda job: job[2] + chance.randrange(12))
    turn = threading.Lock()

    def show() -> None:
        while True:
            with turn:
                if not jobs:
                    return
                number, side, size = jobs.pop(0)
            fork = forks[number][side]
            policy = _policy(fork.key, witnesses, len(witnesses))
            found = gather(fork.note(size), policy, fork.prove, {}, _TIMEOUT_S)
            with turn:
                for name, answer in found.answers.items():
                    if answer.ok:
                        signed[fork.key.name, name, size].add(side)
                    if name in honest:
                        answers["cosigned" if answer.ok else "killed" if _silent(answer) else "refused"] += 1

    threads = [threading.Thread(target=show) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return signed, answers


def _silent(answer: Answer) -> bool:
    return answer.fault is not None and answer.fault.code == "witness.silent"


def _forked(signed: dict[_Signed, set[int]], log: str, witness: str) -> bool:
    """Whether a witness has signed both sides of a log beyond what they share."""
    beyond = [both for (name, who, size), both in signed.items() if (name, who) == (log, witness) and size > _COMMON]
    return len(set().union(*beyond)) > 1


def _won(signed: dict[_Signed, set[int]], log: str, names: Sequence[str], side: int, quorum: int) -> list[int]:
    """The sizes, beyond what the sides share, at which a side found a quorum."""
    votes = Counter(
        size
        for (name, who, size), both in signed.items()
        if name == log and who in names and size > _COMMON and side in both
    )
    return [size for size, found in votes.items() if found >= quorum]


@pytest.mark.soak
@pytest.mark.parametrize(("liars", "quorum"), [(0, 2), (1, 3)])
def test_a_forked_log_shown_to_many(liars: int, quorum: int, tmp_path: Path, record_property: Record) -> None:
    """Both sides shown to every witness at once, some killed meanwhile: no honest witness signs two pasts, and no two
    sides find a quorum: two of three, or three of four of which one signs everything."""
    chance = random.Random(liars)
    keys = [_key(f"bank.example/{number}", KeyKind.ED25519) for number in range(20 if _WHOLE else 3)]
    beside = "one liar among them" if liars else "no liar among them"
    honest = Count(f"both sides of a forked log shown to each of {3 + liars} witnesses, {beside}")
    together = Count(f"a forked log that seeks a quorum of {quorum} of {3 + liars} witnesses, {beside}")
    with _witnesses(tmp_path, keys, [Witness] * 3 + [_Liar] * liars) as witnesses:
        forks = [
            (_Side(tmp_path / f"a{number}", key, b"approve", 40), _Side(tmp_path / f"b{number}", key, b"decline", 40))
            for number, key in enumerate(keys)
        ]
        over = threading.Event()

        def harm() -> None:
            while not over.wait(0.3):
                victim = witnesses[0]
                victim.kill()
                victim.start()

        harming = threading.Thread(target=harm)
        harming.start()
        signed, honest.found = _storm(forks, witnesses, (60 if _WHOLE else 40) * len(keys), chance)
        over.set()
        harming.join()
        honest.cases, names = honest.found.total(), [witness.name for witness in witnesses]
        for key in keys:
            honest.undetected += [f"{key.name} {name}" for name in names[:3] if _forked(signed, key.name, name)]
            won = [_won(signed, key.name, names, side, quorum) for side in (0, 1)]
            together.case(None if won[0] and won[1] else "the quorum", f"{key.name} {won}")
        assert all(any(_forked(signed, key.name, name) for key in keys) for name in names[3:])
        for pair in forks:
            for side in pair:
                side.log.close()
    assert sum(len(both) for both in signed.values()) > 10
    honest.hold(record_property)
    together.hold(record_property)


def test_a_project_put_back_to_a_backup(tmp_path: Path, record_property: Record) -> None:
    """Journal, ledger and keys of an earlier day agree with each other: the state table finds it where it was left, and
    where it was put back too, the witness does as soon as the project grows again."""
    count, live = Count("the project put back to a backup of it"), tmp_path / "live"
    with _witnesses(tmp_path, [SIGNER], [Witness]) as witnesses:
        policy = _policy(SIGNER, witnesses, 1)
        backups = []
        for number in range(6):
            with House(live) as house:
                since = house.journal.position
                house.batch(number + 1)
                house.publish(since)
                assert cosign_log(house.log, policy, timeout_s=_TIMEOUT_S).quorum
            backups.append(fresh(live, tmp_path / f"backup {number}"))
        for number, backup in enumerate(backups[:-1]):
            harmed = fresh(backup, tmp_path / "harmed")
            for size in (1, 2, 40):
                with House(harmed) as house:
                    since = house.journal.position
                    house.batch(size)
                    house.publish(since)
                    asked = cosign_log(house.log, policy, timeout_s=_TIMEOUT_S)
                    count.case(None if asked.quorum else "the witness", f"backup {number}, {size} more")
            harmed = fresh(backup, tmp_path / "harmed")
            shutil.copy(live / "state.db", harmed / "state.db")
            with pytest.raises(TamperError) as caught:
                House(harmed)
            count.case("the state table" if caught.value.code == "journal.lost" else None, f"backup {number}")
    count.hold(record_property)
