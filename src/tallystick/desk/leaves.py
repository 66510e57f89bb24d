"""The journal's leaves beside the ledger's: compared, and appended where they are missing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Protocol

from tallystick.core import TamperError
from tallystick.desk.frames import WORDS
from tallystick.ledger import Log

_CHUNK = 10_000


class Leaves(Protocol):
    """What has leaves: a journal."""

    def leaves(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """The leaves from position `start` on, with their positions."""


def facts_payload(facts: Sequence[tuple[int, bytes]]) -> dict[str, Any]:
    """What evidence says of the fact frames of a batch, given by position and stored bytes, at least one."""
    digest = hashlib.sha256(b"".join(frame for _, frame in facts)).hexdigest()
    return {"first": facts[0][0], "count": len(facts), "digest": f"sha256:{digest}"}


def hold_ledger(journal: Leaves, log: Log) -> None:
    """Compare the journal's leaves with those of the ledger, and write nothing.

    Raises
    ------
    TamperError
        When a leaf differs, or the ledger has leaves that the journal lost.
    """
    index = 0
    leaves = (item for _, item in journal.leaves())
    while chunk := list(islice(leaves, min(_CHUNK, log.size - index))):
        index += log.compare(chunk, index)
    if index < log.size:
        raise TamperError(WORDS("journal.short", given=log.size, size=index))


def extend_ledger(journal: Leaves, log: Log) -> int:
    """Compare the journal's leaves with the ledger's, append those that are missing, and return how many were added.

    The ledger must be open for writing.

    Raises
    ------
    TamperError
        When a leaf differs, or the ledger has leaves that the journal lost.
    """
    before, index = log.size, 0
    leaves = (item for _, item in journal.leaves())
    while chunk := list(islice(leaves, _CHUNK)):
        log.append(chunk, at=index)
        index += len(chunk)
    if index < before:
        raise TamperError(WORDS("journal.short", given=before, size=index))
    return log.size - before
