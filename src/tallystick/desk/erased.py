"""Erased frames against the leaves of erasures: a frame that cannot be opened is one whose erasure was recorded.

Without this, whoever can write the journal could make a frame unreadable by naming a key that was destroyed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from tallystick.core import Instant, TamperError
from tallystick.desk.forget_words import WORDS
from tallystick.desk.frames import OUTER, Entry, Evidence
from tallystick.store import key_number

ERASURE = "erasure"
"""The kind of the leaf."""


class Erasure(msgspec.Struct, frozen=True):
    """What the leaf of an erasure says; nothing in it is personal.

    `id` is a random number. `subject` is the stand-in of the subject's own id, which its erased rows and frames bear.
    `at` is when the erasure was asked for (microseconds UTC), `counts` what was found by place. `frames` of the journal
    were sealed under the destroyed key; `positions` is the SHA-256 (hex) of their positions as decimal text, each with
    a newline. `shared` are the positions of other people's decisions that had a personal key in common with the
    subject.
    """

    id: str
    subject: str
    at: Instant
    reason: str
    counts: dict[str, int]
    frames: int = 0
    positions: str = ""
    shared: tuple[int, ...] = ()


class ErasedFrames:
    """The erased frames of a journal, told frame by frame, and the erasures that its leaves tell of."""

    def __init__(self) -> None:
        self._positions: dict[bytes, list[int]] = {}
        self._covered: set[tuple[int, str]] = set()

    def __call__(self, entry: Entry, frame: bytes) -> None:
        """Take the next entry, with its bytes as they lie on disk."""
        if entry.record is None:
            self._positions.setdefault(sealed_by(frame), []).append(entry.position)
        elif isinstance(entry.record, Evidence) and entry.record.kind == ERASURE:
            said = msgspec.convert({**entry.record.payload}, Erasure)
            self._covered.add((said.frames, said.positions))

    def check(self) -> None:
        """Raise `TamperError` naming the first frame that is erased and that no leaf says was erased."""
        for positions in self._positions.values():
            if (len(positions), positions_digest(positions)) not in self._covered:
                raise TamperError(WORDS("forget.uncovered", position=positions[0]))


def sealed_by(frame: bytes) -> bytes:
    """The number of the key under which the body of a frame is sealed; empty where it is not sealed."""
    _, sealed, body = OUTER.decode(frame)
    return key_number(body) if sealed else b""


def positions_digest(positions: Iterable[int]) -> str:
    """SHA-256 (hex) of positions as decimal text, each with a newline.

    Examples
    --------
    >>> positions_digest([3, 17])[:16] == hashlib.sha256(b"3\\n17\\n").hexdigest()[:16]
    True
    """
    return hashlib.sha256("".join(f"{position}\n" for position in positions).encode()).hexdigest()
