"""The text of a checkpoint (C2SP tlog-checkpoint): how large a log is and what its root is."""

from __future__ import annotations

import re

import msgspec

from tallystick.core import TamperError
from tallystick.ledger.encoding import decode_base64, encode_base64
from tallystick.ledger.words import WORDS

_SIZE = re.compile(r"0|[1-9][0-9]{0,19}")
_SIZE_LIMIT = 1 << 64


class Checkpoint(msgspec.Struct, frozen=True):
    """The head of a tree: the log's name, its number of entries, its root (32 bytes), and extension lines if any."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        """The text that is signed."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint; whether anybody signed it is another question.

    Raises
    ------
    TamperError
        When it is no checkpoint.

    Examples
    --------
    >>> head = Checkpoint("bank.example/log", 7, bytes(32), ("closed",))
    >>> read_checkpoint(head.text()) == head
    True
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines.pop() or not all(lines):
        raise TamperError(WORDS("checkpoint.form"))
    root = decode_base64(lines[2])
    size = read_size(lines[1])
    if size is None or root is None or len(root) != 32:
        raise TamperError(WORDS("checkpoint.form"))
    return Checkpoint(lines[0], size, root, tuple(lines[3:]))


def read_size(text: str) -> int | None:
    """The number of a decimal text without leading zeros, at most 2^64 − 1; None for any other text."""
    size = int(text) if _SIZE.fullmatch(text) else _SIZE_LIMIT
    return size if size < _SIZE_LIMIT else None
