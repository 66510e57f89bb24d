"""The sequencer: strictly increasing knowledge times, whatever the clock does."""

from __future__ import annotations

import time
from collections.abc import Callable

from tallystick.core import Instant


def system_clock(at: Instant) -> Instant:
    """The machine's clock."""
    return time.time_ns() // 1000


def event_clock(at: Instant) -> Instant:
    """The event's own time: for examples and history, where the past is decided as if it were now."""
    return at


CLOCKS: dict[str, Callable[[Instant], Instant]] = {"system": system_clock, "events": event_clock}


class Sequencer:
    """Gives each fact its `known_at`: the clock's reading, or one microsecond after the last if that is later.

    Examples
    --------
    >>> sequencer = Sequencer(event_clock, last=10)
    >>> sequencer.next(5), sequencer.next(20)
    (11, 20)
    >>> sequencer.take(20)
    >>> sequencer.next(20)
    21
    """

    def __init__(self, clock: Callable[[Instant], Instant], last: Instant) -> None:
        self._clock = clock
        self.last = last

    def next(self, at: Instant) -> Instant:
        """The knowledge time of a fact that happened (or was confirmed) at `at`."""
        return max(self._clock(at), self.last + 1)

    def take(self, known_at: Instant) -> None:
        """Mark a knowledge time as given out, once its fact is accepted."""
        self.last = max(self.last, known_at)
