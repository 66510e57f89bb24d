"""Cosigning: the project's log shown to the witnesses of its policy, and what they answered.

Whoever asks holds the ledger's lock. What came is kept in the state folder: `witnesses.json` says how the last try
went, `ledger/cosigned` is the last checkpoint that had its quorum, `forks/` holds what speaks against the log's key.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tallystick import ledger
from tallystick.core import Instant, Message, Place, TamperError
from tallystick.desk.evidence_words import WORDS
from tallystick.desk.project import Project
from tallystick.desk.sequencer import system_clock
from tallystick.ledger.network import Answer, Gathered, cosign_log, cosignatures
from tallystick.store import atomic_write

WAIT_S, PATIENT_S = 1.0, 5.0
"""Seconds that all witnesses together have to answer: where decisions wait for it, and where only a person does."""

PAUSE_US = 60_000_000
"""After a try without quorum nobody is asked for so many microseconds: decisions do not wait for dead witnesses."""

FORKS_MAX = 100

LOUD = logging.getLogger("tallystick.witnesses")
"""What must be seen at once; without any handler it goes to standard error."""


class Heard(msgspec.Struct, frozen=True):
    """What a witness last said: the size that it is known to have cosigned, and why it did not sign (en, zh)."""

    ok: bool
    size: int = 0
    fault: tuple[str, str] | None = None


class Standing(msgspec.Struct, frozen=True):
    """How the last asking went: when, the checkpoint with what came, whether that is a quorum, and each witness."""

    asked_at: Instant
    note: str
    quorum: bool
    witnesses: dict[str, Heard]


class Cosigned(msgspec.Struct, frozen=True):
    """Who cosigned the last checkpoint of a project with a policy.

    `signed` has the witnesses with the POSIX seconds that they state, `missing` the others with the reason that the
    last asking gave (None: not asked for this checkpoint), `met` says whether the policy is satisfied, `size` is that
    of the last checkpoint for which it was (0: never), `forks` are the files that prove a second tree, `ahead` what a
    witness holds beyond this log.
    """

    quorum: str
    signed: dict[str, int]
    missing: dict[str, Message | None]
    met: bool
    size: int
    forks: tuple[Path, ...]
    ahead: tuple[Message, ...]

    @property
    def holds(self) -> bool:
        """Whether the quorum is there and nothing speaks against the log."""
        return self.met and not self.forks and not self.ahead


def cosign_checkpoint(
    project: Project, log: ledger.Log, note: bytes, policy: ledger.Policy, *, now: bool = False
) -> Gathered:
    """Have the last checkpoint of a log cosigned; publishes it once the quorum holds.

    Parameters
    ----------
    project
        Whose state folder keeps what came.
    log
        Opened for writing; `note` is its checkpoint.
    note
        The checkpoint, with cosignatures or without.
    policy
        The project's.
    now
        Ask although the last try was a moment ago and without quorum, or the quorum is there and others are missing;
        and wait for answers as a person does, not as a decision may.
    """
    before, clock = read_standing(project), system_clock(0)
    note = _with_earlier(note, before, policy)
    signed = cosignatures(policy, note)
    met = policy.holds(frozenset(signed))
    paused = before is not None and not before.quorum and 0 <= clock - before.asked_at < PAUSE_US
    if not now and (met or paused):
        return Gathered(note, met, {})
    _settle_ahead(project, log, note)
    sizes = {name: heard.size for name, heard in before.witnesses.items()} if before is not None else {}
    gathered = cosign_log(log, policy, sizes, PATIENT_S if now else WAIT_S, note)
    _keep_standing(project, before, gathered, clock)
    for name, answer in gathered.answers.items():
        _judge(project, log, note, name, answer)
    if gathered.quorum:
        atomic_write(cosigned_path(project), gathered.note)
    elif before is None or before.quorum:
        names = ", ".join(name for name, answer in gathered.answers.items() if not answer.ok)
        LOUD.warning(WORDS("cosigned.lost", quorum=policy.quorum, names=names or "-").text())
    return gathered


def cosigned_path(project: Project) -> Path:
    """The last checkpoint that had its quorum."""
    return project.state / "ledger" / "cosigned"


def read_standing(project: Project) -> Standing | None:
    """How the last asking went; None before the first, or where the file says nothing."""
    try:
        return msgspec.json.decode((project.state / "witnesses.json").read_bytes(), type=Standing)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def read_cosigned(project: Project, log: ledger.Log, policy: ledger.Policy, note: bytes) -> Cosigned:
    """Who cosigned a checkpoint of the log, and what speaks against it; writes nothing.

    Parameters
    ----------
    project, log, policy
        As for `cosign_checkpoint`; the log may be open for reading.
    note
        Its last checkpoint.
    """
    standing = read_standing(project)
    note = _with_earlier(note, standing, policy)
    signed = {name: time_s for name, (_, time_s) in cosignatures(policy, note).items()}
    heard = standing.witnesses if standing is not None else {}
    whole = quorum_checkpoint(project, log, policy)
    return Cosigned(
        quorum=policy.quorum,
        signed=signed,
        missing={name: _fault(heard.get(name)) for name in policy.witnesses if name not in signed},
        met=policy.holds(frozenset(signed)),
        size=0 if whole is None else whole[0].size,
        forks=tuple(_forks(project)),
        ahead=tuple(message for message, _, _ in _ahead(project, log)),
    )


def quorum_checkpoint(
    project: Project, log: ledger.Log, policy: ledger.Policy
) -> tuple[ledger.Checkpoint, bytes] | None:
    """The last checkpoint of the log for which the policy held, with its note; None where there is none.

    Raises
    ------
    TamperError
        When the file is not of this log's tree.
    """
    path = cosigned_path(project)
    if not path.exists():
        return None
    note = path.read_bytes()
    try:
        head = ledger.check_policy(policy, note, [_key(project)]).checkpoint
    except TamperError:
        # Its policy was another one; what is no longer trusted is no quorum.
        return None
    if head.size <= log.signed_size and log.root(head.size) != head.root:
        raise TamperError(WORDS("cosigned.other", size=head.size), Place(str(path)))
    return head, note


def _with_earlier(note: bytes, before: Standing | None, policy: ledger.Policy) -> bytes:
    """The checkpoint with the cosignatures that came for it before, where they were no quorum yet."""
    if before is None or before.note.rpartition("\n\n")[0] != note.decode().rpartition("\n\n")[0]:
        return note
    try:
        kept = [signature for signature, _ in cosignatures(policy, before.note.encode()).values()]
    except TamperError:
        return note
    return ledger.add_signatures(note, kept)


def _keep_standing(project: Project, before: Standing | None, gathered: Gathered, clock: Instant) -> None:
    heard = dict(before.witnesses) if before is not None else {}
    for name, answer in gathered.answers.items():
        known = heard.get(name, Heard(False)).size
        fault = None if answer.fault is None else (answer.fault.text("en"), answer.fault.text("zh"))
        heard[name] = Heard(answer.ok, answer.size or known, fault)
    standing = Standing(clock, gathered.note.decode(), gathered.quorum, heard)
    atomic_write(project.state / "witnesses.json", msgspec.json.encode(standing))


def _fault(heard: Heard | None) -> Message | None:
    if heard is None or heard.fault is None:
        return None
    return Message("witness.said", "{en}", "{zh}", {"en": heard.fault[0], "zh": heard.fault[1]})


def _key(project: Project) -> ledger.Verifier:
    return ledger.Verifier((project.state / "ledger" / "vkey").read_text("ascii").strip())


def _judge(project: Project, log: ledger.Log, note: bytes, name: str, answer: Answer) -> None:
    """Hold what a witness shows against this log; what the log's key did not sign is the witness's own lie."""
    try:
        held = ledger.open_checkpoint(answer.held, [_key(project)])
    except TamperError:
        return
    if held.origin != log.origin:
        return
    if held.size > log.size:
        file = _ahead_folder(project) / f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.note"
        if not file.exists():
            LOUD.critical(WORDS("cosigned.ahead", given=held.size, size=log.size).text())
        atomic_write(file, answer.held)
        return
    _accuse(project, log, note, held, answer.held)


def _accuse(project: Project, log: ledger.Log, note: bytes, held: ledger.Checkpoint, shown: bytes) -> None:
    """Keep the proof where a checkpoint of the log's key is not of this tree."""
    if not held.size or log.root(held.size) == held.root:
        return
    path: tuple[bytes, ...] = ()
    if held.size < log.size:
        path = log.consistency(held.size, log.size).hashes
        # Where the old tree is a full one, its proof does not name its root.
        path = path if held.size & (held.size - 1) else (log.root(held.size), *path)
    document = ledger.make_equivocation(shown, note, path)
    ledger.check_equivocation(document, [_key(project)])
    folder = project.state / "forks"
    file = folder / f"{held.size}-{held.root.hex()[:16]}.json"
    if not file.exists() and (not folder.exists() or sum(1 for _ in folder.iterdir()) < FORKS_MAX):
        atomic_write(file, document)
        LOUD.critical(WORDS("cosigned.fork", size=held.size, file=str(file)).text())


def _ahead_folder(project: Project) -> Path:
    return project.state / "ahead"


def _ahead(project: Project, log: ledger.Log) -> Iterator[tuple[Message, Path, ledger.Checkpoint]]:
    """What witnesses hold, or held when they cosigned it, beyond this log, unless the log has grown to it since."""
    kept = [path for path in [cosigned_path(project)] if path.exists()]
    for path in [*kept, *sorted(_ahead_folder(project).glob("*.note"))]:
        try:
            held = ledger.open_checkpoint(path.read_bytes(), [_key(project)])
        except TamperError:
            continue
        if held.size > log.size or log.root(held.size) != held.root:
            yield WORDS("cosigned.ahead", given=held.size, size=log.size), path, held


def _settle_ahead(project: Project, log: ledger.Log, note: bytes) -> None:
    """Judge what was ahead of the log, once it is no longer."""
    for _, path, held in _ahead(project, log):
        if held.size <= log.size:
            _accuse(project, log, note, held, path.read_bytes())
    left = {path for _, path, held in _ahead(project, log) if held.size > log.size}
    for path in _ahead_folder(project).glob("*.note"):
        if path not in left:
            path.unlink()


def _forks(project: Project) -> Iterator[Path]:
    """The files that prove a second tree of this log's key."""
    for path in sorted((project.state / "forks").glob("*.json")):
        try:
            ledger.check_equivocation(path.read_bytes(), [_key(project)])
        except TamperError:
            continue
        yield path
