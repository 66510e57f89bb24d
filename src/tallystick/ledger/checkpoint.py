"""Checkpoints (C2SP tlog-checkpoint): a signed note that says how large the tree is and what its root is."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

import msgspec

from tallystick.core import TamperError
from tallystick.ledger.note import Signer, Verifier, decode_base64, open_note, sign_note
from tallystick.ledger.words import WORDS

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of a tree: the log's name, its number of entries, its root (32 bytes)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The text that is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    def signed(self, signer: Signer) -> bytes:
        """The signed note."""
        return sign_note(self.text(), [signer])


def open_checkpoint(note: bytes, verifiers: Sequence[Verifier]) -> Checkpoint:
    """Check a signed checkpoint; one of the signatures must be of a trusted key that bears the log's own name.

    Raises
    ------
    TamperError
        When it is no checkpoint or the log's signature does not hold.

    Examples
    --------
    >>> from tallystick.ledger.note import generate_key
    >>> signer = Signer(generate_key("bank.example/log")[0])
    >>> head = Checkpoint("bank.example/log", 0, bytes(32))
    >>> open_checkpoint(head.signed(signer), [signer.verifier]) == head
    True
    """
    text, names = open_note(note, verifiers)
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise TamperError(WORDS("checkpoint.form"))
    root = decode_base64(lines[2])
    if _SIZE.fullmatch(lines[1]) is None or root is None or len(root) != 32:
        raise TamperError(WORDS("checkpoint.form"))
    if lines[0] not in names:
        trusted = ", ".join(verifier.name for verifier in verifiers)
        raise TamperError(WORDS("note.unsigned", given=", ".join(names), allowed=f"{trusted}; origin {lines[0]}"))
    return Checkpoint(lines[0], int(lines[1]), root)
