"""Erased frames against the leaves of erasures: a frame that cannot be opened is one whose erasure was recorded.

Without this, whoever can write the journal could make a frame unreadable by naming a key that was destroyed, or change
what an erased frame still says in clear.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping

import msgspec

from tallystick.core import Instant, Message, StateError, TamperError
from tallystick.desk import frames
from tallystick.desk.forget_words import WORDS
from tallystick.desk.frames import FACT, FACTS, OUTER, Entry, Evidence
from tallystick.desk.journal import Journal
from tallystick.desk.leaves import facts_payload
from tallystick.store import key_number

ERASURE = "erasure"
"""The kind of the leaf."""


class Erasure(msgspec.Struct, frozen=True):
    """What the leaf of an erasure says; nothing in it is personal.

    `id` is a random number. `subject` is the stand-in of the subject's own id, which its erased rows and frames bear.
    `at` is when the erasure was asked for (microseconds UTC), `counts` what was found by place. `frames` are those of
    the journal that were sealed under the destroyed key: position and SHA-256 (hex) of each as it is stored. `shared`
    are the positions of other people's decisions that had a personal key in common with the subject.
    """

    id: str
    subject: str
    at: Instant
    reason: str
    counts: dict[str, int]
    frames: tuple[tuple[int, str], ...] = ()
    shared: tuple[int, ...] = ()


class ErasedFrames:
    """The erased frames of a journal, told frame by frame, and the erasures that its leaves tell of."""

    def __init__(self) -> None:
        self._uncovered: dict[int, tuple[bytes, str]] = {}

    def __call__(self, entry: Entry, frame: bytes) -> None:
        """Take the next entry, with its bytes as they lie on disk.

        Raises `TamperError` when it is a leaf that commits to other bytes of an erased frame.
        """
        if entry.record is None:
            self._uncovered[entry.position] = sealed_by(frame), frame_digest(frame)
        elif is_erasure(entry):
            for position, digest in erasure_of(entry).frames:
                _, stored = self._uncovered.pop(position, (b"", digest))
                if stored != digest:
                    raise TamperError(WORDS("forget.altered", position=position, leaf=entry.position))

    def check(self, begun: Callable[[], Mapping[bytes, Message]] = dict) -> None:
        """Raise when a frame is erased and no leaf says so: no frame but those of erasures that were only begun may be.

        Parameters
        ----------
        begun
            Gives the number of the key that an erasure was about to destroy, and what is to be said of it.

        Raises
        ------
        TamperError
            Naming the first frame that cannot be opened though no erasure was recorded or begun.
        StateError
            When all of them belong to erasures that were begun and not ended.
        """
        known = begun() if self._uncovered else {}
        for position, (number, _) in self._uncovered.items():
            if number not in known:
                raise TamperError(WORDS("forget.uncovered", position=position))
        for number, _ in self._uncovered.values():
            raise StateError(known[number])


def checked_frames(journal: Journal, start: int = 0, number: bytes | None = None) -> Iterator[tuple[Entry, bytes]]:
    """Give every entry with its bytes as they are stored, having compared them with what commits to them.

    A decision or evidence is held against its leaf, facts against the evidence of their batch, which is read after
    them: they are sound when the next entry is given. Of a forgotten decision there is nothing to compare.

    Parameters
    ----------
    journal
        What to read.
    start
        The position of a batch's first frame.
    number
        Of a key: then only the frames that it sealed are compared.

    Raises
    ------
    TamperError
        Naming the position of the first frame that is not what was committed to.
    """
    facts: list[tuple[int, bytes]] = []
    asked = False
    for entry, frame in journal.stored(start=start):
        wanted = number is None or sealed_by(frame) == number
        if wanted and entry.record is not None and entry.leaf != entry.expected_leaf():
            raise TamperError(frames.WORDS("journal.leaf", position=entry.position))
        if entry.kind == FACT:
            facts.append((entry.position, frame))
            asked |= wanted
        elif isinstance(entry.record, Evidence) and entry.record.kind == FACTS:
            if (asked or number is None) and (not facts or entry.record.payload != facts_payload(facts)):
                position = facts[0][0] if facts else entry.position
                raise TamperError(frames.WORDS("journal.facts", position=position))
            facts, asked = [], False
        yield entry, frame
    if facts:
        raise TamperError(frames.WORDS("journal.facts", position=facts[0][0]))


def is_erasure(entry: Entry) -> bool:
    """Whether an entry is the leaf of an erasure."""
    return isinstance(entry.record, Evidence) and entry.record.kind == ERASURE


def erasure_of(entry: Entry) -> Erasure:
    """What the leaf of an erasure says; raises `TamperError` where it has another form."""
    assert isinstance(entry.record, Evidence)
    try:
        return msgspec.convert({**entry.record.payload}, Erasure)
    except msgspec.ValidationError as error:
        raise TamperError(WORDS("forget.leaf", position=entry.position, why=str(error))) from None


def sealed_by(frame: bytes) -> bytes:
    """The number of the key under which the body of a frame is sealed; empty where it is not sealed."""
    _, sealed, body = OUTER.decode(frame)
    return key_number(body) if sealed else b""


def frame_digest(frame: bytes) -> str:
    """SHA-256 (hex) of a frame as it is stored."""
    return hashlib.sha256(frame).hexdigest()
