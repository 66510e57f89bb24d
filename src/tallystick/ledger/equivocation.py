"""Proof that a log showed two pasts: two checkpoints that it signed and that cannot both be true."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import msgspec

from tallystick.core import InputError, TamperError, jcs
from tallystick.ledger.checkpoint import open_checkpoint
from tallystick.ledger.encoding import decode_base64
from tallystick.ledger.head import Checkpoint
from tallystick.ledger.keys import Verifier
from tallystick.ledger.profile import INTERNATIONAL, PROFILES, Profile
from tallystick.ledger.tree import consistency_roots
from tallystick.ledger.words import WORDS

_FORMAT = "tallystick-equivocation@1"
_HASHES_MAX = 64


class Equivocation(msgspec.Struct, frozen=True):
    """Two checkpoints of one log that contradict each other; `first` is not the larger one."""

    first: Checkpoint
    second: Checkpoint


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    first: str
    format: str
    hashes: tuple[str, ...]
    second: str


def make_equivocation(first: bytes, second: bytes, path: Sequence[bytes] = ()) -> bytes:
    """Write the file that shows two signed checkpoints beside each other.

    Parameters
    ----------
    first, second
        The signed notes; the first is not the larger one.
    path
        For two sizes: what leads from the second root to the root that its tree has at the first size, that root or its
        lowest part first (`consistency_roots`). For equal sizes: nothing.

    Returns
    -------
    bytes
        RFC 8785 JSON and a newline: `first`, `format`, `hashes` (base64), `second`.
    """
    hashes = tuple(base64.b64encode(item).decode() for item in path)
    document = _Document(first.decode(), _FORMAT, hashes, second.decode())
    return jcs(msgspec.to_builtins(document)) + b"\n"


def check_equivocation(proof: bytes, verifiers: Sequence[Verifier]) -> Equivocation:
    """Check that a file proves that a log signed two trees of which neither continues the other.

    Parameters
    ----------
    proof
        What `make_equivocation` wrote.
    verifiers
        Public keys of the log.

    Raises
    ------
    TamperError
        When it proves nothing: another form, a signature that does not hold, or two checkpoints that may both be true.

    Examples
    --------
    >>> from tallystick.ledger.checkpoint import sign_checkpoint
    >>> from tallystick.ledger.keys import Signer, generate_key
    >>> log = Signer(generate_key("bank.example/log")[0])
    >>> one, other = (sign_checkpoint(Checkpoint(log.name, 7, bytes([n]) * 32), log) for n in (1, 2))
    >>> check_equivocation(make_equivocation(one, other), [log.verifier]).first.size
    7
    """
    try:
        document = msgspec.json.decode(proof, type=_Document)
        same = jcs(msgspec.to_builtins(document)) + b"\n" == proof
    except (msgspec.MsgspecError, UnicodeError, InputError):
        same = False
    if not same or document.format != _FORMAT or len(document.hashes) > _HASHES_MAX:
        raise TamperError(WORDS("equivocation.form"))
    path = [decode_base64(item) for item in document.hashes]
    hashes = [item for item in path if item is not None and len(item) == 32]
    if len(hashes) != len(path):
        raise TamperError(WORDS("equivocation.form"))
    notes = [note.encode() for note in (document.first, document.second)]
    first, second = (open_checkpoint(note, verifiers) for note in notes)
    for profile in PROFILES.values():
        if contradict(first, second, hashes, profile) and all(_signed(note, verifiers, profile) for note in notes):
            return Equivocation(first, second)
    raise TamperError(WORDS("equivocation.none"))


def _signed(note: bytes, verifiers: Sequence[Verifier], profile: Profile) -> bool:
    try:
        open_checkpoint(note, verifiers, profile)
    except TamperError:
        return False
    return True


def contradict(
    first: Checkpoint, second: Checkpoint, path: Sequence[bytes] = (), profile: Profile = INTERNATIONAL
) -> bool:
    """Whether two checkpoints of one log cannot both be true, by their roots or by the path that is given."""
    if first.origin != second.origin:
        return False
    if first.size == second.size:
        return first.root != second.root
    if not 0 < first.size < second.size or not path:
        return False
    try:
        old_root, new_root = consistency_roots(first.size, second.size, path, profile)
    except TamperError:
        return False
    return new_root == second.root and old_root != first.root
