"""Facts: what happened, and when we could know it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tallystick.core.time import Instant, Span


class Fact(msgspec.Struct, frozen=True):
    """One revision of one event of a stream.

    `fields` maps source columns to held values (see `FieldType`); `at` is when it happened, `known_at` when we could
    know it (both int64 microseconds UTC); `retract` says that the event no longer counts from `known_at` on.
    """

    stream: str
    id: str | int
    revision: int
    retract: bool
    at: Instant
    known_at: Instant
    fields: Mapping[str, Any]


def is_late(at: Instant, known_at: Instant, lateness: Span) -> bool:
    """Whether a first revision belongs in quarantine: known before it happened, or beyond the declared lateness.

    Judged from the fact alone, so batch and live judge alike.

    Examples
    --------
    >>> is_late(0, 5, Span(5)), is_late(0, 6, Span(5)), is_late(0, -1, Span(5))
    (False, True, True)
    """
    return not 0 <= known_at - at <= lateness.micros
