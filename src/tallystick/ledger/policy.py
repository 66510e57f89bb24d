"""Trust policies (C2SP tlog-policy): which logs are known, and which witnesses must have cosigned a checkpoint."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from tallystick.core import Faults, InputError, Message, Place, TamperError
from tallystick.ledger.checkpoint import open_checkpoint
from tallystick.ledger.cosignature import signed_time
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import KeyKind, Verifier, refuse_secret
from tallystick.ledger.note import read_note, trusted_signatures
from tallystick.ledger.profile import Profile
from tallystick.ledger.words import WORDS

_NONE = "none"
_SPACE = re.compile(r"[ \t]+")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")
_BYTES_MAX = 1 << 20


class Party(msgspec.Struct, frozen=True):
    """A log or a witness: its public key as text, and the address where it can be reached ("" where none is given)."""

    vkey: str
    url: str = ""


class Group(msgspec.Struct, frozen=True):
    """A group of witnesses and groups; it has witnessed what at least `needed` of its members have."""

    needed: int
    members: tuple[str, ...]


class Policy(msgspec.Struct, frozen=True):
    """Whom to trust: logs, witnesses and groups by name, and the name that must have witnessed ("none": nobody).

    A group stands after its members.
    """

    logs: tuple[Party, ...]
    witnesses: dict[str, Party]
    groups: dict[str, Group]
    quorum: str

    def holds(self, cosigned: frozenset[str]) -> bool:
        """Whether these witnesses, given by their names in the policy, are a quorum."""
        held = {_NONE, *cosigned}
        for name, group in self.groups.items():
            if sum(member in held for member in group.members) >= group.needed:
                held.add(name)
        return self.quorum in held


class Witnessed(msgspec.Struct, frozen=True):
    """A checkpoint that a policy accepts, and its witnesses: name in the policy → POSIX time in seconds."""

    checkpoint: Checkpoint
    witnesses: dict[str, int]


def check_policy(
    policy: Policy, note: bytes, verifiers: Sequence[Verifier] = (), profile: Profile | None = None
) -> Witnessed:
    """Check a signed checkpoint against a policy: the log's signature, and a quorum of cosignatures.

    Parameters
    ----------
    policy
        What `parse_policy` read.
    note
        The signed checkpoint with its cosignatures.
    verifiers
        Further keys of logs that the reader trusts, besides the policy's `log` lines.
    profile
        The profile that the log must have; any where none is given.

    Returns
    -------
    Witnessed
        The checkpoint, and every witness of the policy that cosigned it.

    Raises
    ------
    TamperError
        When it is no checkpoint, no trusted log signed it, a trusted signature is wrong, or the quorum does not hold.
    InputError
        When neither the policy nor the caller names a log, or the key of one is a witness's too.

    Examples
    --------
    >>> from tallystick.ledger.checkpoint import add_signatures, cosign, sign_checkpoint
    >>> from tallystick.ledger.keys import Signer, generate_key
    >>> log = Signer(generate_key("bank.example/log")[0])
    >>> witness = Signer(generate_key("witness.example", KeyKind.COSIGNATURE)[0])
    >>> policy = parse_policy(f"witness w {witness.verifier.vkey}\\nquorum w\\n".encode())
    >>> note = sign_checkpoint(Checkpoint("bank.example/log", 7, bytes(32)), log)
    >>> note = add_signatures(note, cosign(note, [witness], 1_700_000_000))
    >>> check_policy(policy, note, [log.verifier]).witnesses
    {'w': 1700000000}
    """
    logs = [Verifier(party.vkey) for party in policy.logs] + list(verifiers)
    if not logs:
        raise InputError(WORDS("bundle.trust"))
    head = open_checkpoint(note, logs, profile)
    names = {party.vkey: name for name, party in policy.witnesses.items()}
    found: dict[str, int] = {}
    whole, keys = read_note(note), [Verifier(vkey) for vkey in names]
    for key in keys:
        if any(key.public == log.public for log in logs):
            raise InputError(WORDS("policy.roles", given=key.name))
    ids = {(key.name, key.id) for key in keys}
    if any((signature.name, signature.id) in ids for signature in whole.signatures):
        for key, signature in trusted_signatures(whole, keys):
            found[names[key.vkey]] = signed_time(key.kind, signature.signature) or 0
    if not policy.holds(frozenset(found)):
        given = ", ".join(_shown(name) for name in found) or "-"
        raise TamperError(WORDS("policy.quorum", quorum=_shown(policy.quorum), given=given))
    return Witnessed(head, found)


def parse_policy(text: bytes, file: str = "policy") -> Policy:
    """Read a policy; all its faults are raised together, each with its line.

    Parameters
    ----------
    text
        The bytes of the file: lines of `log`, `witness`, `group` and one `quorum`; blank lines and comments (#).
    file
        Its name, for the faults.

    Raises
    ------
    DefinitionErrors
        Naming every line that is wrong.

    Examples
    --------
    >>> parse_policy(b"quorum none\\n").quorum
    'none'
    >>> parse_policy(b"quorum bank\\n", "trust.policy")
    Traceback (most recent call last):
    tallystick.core.errors.DefinitionErrors: trust.policy:1: ...
    """
    reading = _Reading(file)
    if len(text) > _BYTES_MAX:
        reading.fault(0, WORDS("policy.size", given=len(text), allowed=_BYTES_MAX))
        text = b""
    # Names are opaque bytes: surrogateescape keeps each of them apart from all others.
    for number, line in enumerate(text.decode("utf-8", "surrogateescape").split("\n"), 1):
        if any((letter < " " and letter != "\t") or letter == "\x7f" for letter in line):
            reading.fault(number, WORDS("policy.letters"))
            continue
        words = [word for word in _SPACE.split(line) if word]
        if words and not words[0].startswith("#"):
            reading.take(number, words)
    if not reading.quorum:
        reading.fault(0, WORDS("policy.quorums", given=0))
    reading.faults.raise_any()
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum)


class _Reading:
    """A policy as far as it was read."""

    def __init__(self, file: str) -> None:
        self.file, self.faults, self.quorum = file, Faults(), ""
        self.logs: list[Party] = []
        self.witnesses: dict[str, Party] = {}
        self.groups: dict[str, Group] = {}
        self._keys: dict[str, set[bytes]] = {"log": set(), "witness": set()}
        self._members: set[str] = set()

    def fault(self, number: int, message: Message) -> None:
        self.faults.add(InputError(message, Place(self.file, line=number or None)))

    def take(self, number: int, words: list[str]) -> None:
        kind, rest = words[0], words[1:]
        try:
            refuse_secret(" ".join(words))
            if kind == "log" and len(rest) in (1, 2):
                self.logs.append(self._party("log", rest))
            elif kind == "witness" and len(rest) in (2, 3):
                name = self._new(rest[0])
                self.witnesses[name] = self._party("witness", rest[1:])
            elif kind == "group" and len(rest) >= 3:
                name = self._new(rest[0])
                self.groups[name] = self._group(rest[1], tuple(rest[2:]))
            elif kind == "quorum" and len(rest) == 1:
                if self.quorum:
                    raise InputError(WORDS("policy.quorums", given=2))
                self.quorum = rest[0]
                if rest[0] != _NONE:
                    self._known(rest[0])
            else:
                raise InputError(WORDS("policy.line", given=_shown(" ".join(words))[:80]))
        except InputError as error:
            self.fault(number, error.message)

    def _party(self, role: str, words: list[str]) -> Party:
        key = Verifier(words[0])
        if key.kind is (KeyKind.COSIGNATURE if role == "log" else KeyKind.ED25519):
            raise InputError(WORDS("policy.kind", given=f"{key.kind:02x}", role=role))
        if key.public in self._keys[role]:
            raise InputError(WORDS("policy.twice", given=key.name))
        if key.public in self._keys["witness" if role == "log" else "log"]:
            raise InputError(WORDS("policy.roles", given=key.name))
        self._keys[role].add(key.public)
        return Party(words[0], words[1] if len(words) > 1 else "")

    def _new(self, name: str) -> str:
        if name == _NONE or name in self.witnesses or name in self.groups:
            raise InputError(WORDS("policy.name", given=_shown(name)))
        return name

    def _group(self, needed: str, members: tuple[str, ...]) -> Group:
        for member in members:
            self._known(member)
            if member in self._members:
                raise InputError(WORDS("policy.member", given=_shown(member)))
            self._members.add(member)
        counts = {"any": 1, "all": len(members)}
        count = int(needed) if _COUNT.fullmatch(needed) else counts.get(needed, 0)
        if not 1 <= count <= len(members):
            raise InputError(WORDS("policy.count", given=_shown(needed), allowed=len(members)))
        return Group(count, members)

    def _known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise InputError(WORDS("policy.unknown", given=_shown(name)))


def _shown(name: str) -> str:
    """A name for a message: bytes that are no UTF-8 as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
