"""Row versions of facts: why a fact is refused, which facts are of one event, until when each is what was known."""

from __future__ import annotations

from typing import Any

import numpy as np

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.rows import FOREVER, Codes, Ints


@kernel
def refused(
    gaps: Codes, known: Ints, at: Ints, revision: Ints, retract: Any, lateness: int, first: int, last: int
) -> Codes:
    """Why each fact counts nowhere, 0 where it does: the first that holds of what `meaning.facts` lists.

    Of `gaps` bit 0 says that there is no id, 1 no `at`, 2 no key, 3 no sequence, 4 that nothing says when it was known.
    `gaps`, `revision` and `retract` are empty where they would be 0 throughout; so is what is found where nothing is
    refused. A retraction needs only its id and when it was known. Instants lie in [first, last).
    """
    bad = 0
    for i in range(known.size):
        bad += (known[i] < first) | (known[i] >= last) | (at[i] < first) | (at[i] >= last)
        bad += (known[i] < at[i]) | (known[i] - at[i] > lateness)
    for i in range(gaps.size):
        bad += gaps[i] != 0
    for i in range(revision.size):
        bad += revision[i] < 0
    found = np.zeros(known.size if bad > 0 else 0, np.uint8)
    for i in range(found.size):
        gap, number = gaps[i] if gaps.size > 0 else 0, revision[i] if revision.size > 0 else 0
        begins = number == 0
        whole = begins or retract.size == 0 or not retract[i]
        timed = gap & 2 == 0
        if gap & 1 != 0:
            found[i] = 1
        elif number < 0:
            found[i] = 2
        elif gap & 16 != 0 or (whole and not timed):
            found[i] = 3
        elif whole and gap & 4 != 0:
            found[i] = 4
        elif whole and gap & 8 != 0:
            found[i] = 5
        elif known[i] < first or known[i] >= last or (timed and (at[i] < first or at[i] >= last)):
            found[i] = 6
        elif begins and known[i] < at[i]:
            found[i] = 7
        elif begins and known[i] - at[i] > lateness:
            found[i] = 8
    return found


@kernel
def climb(values: Ints) -> int:
    """How many values there are until one is not above the one before it."""
    i = min(1, values.size)
    while i < values.size and values[i] > values[i - 1]:
        i += 1
    return i


@kernel
def several(event: Ints, retract: Any, events: int) -> Ints:
    """The facts whose event has more than one, and retractions; `retract` is empty where there is none."""
    seen, size = np.zeros(events, np.uint8), event.size
    for i in range(event.size):
        before = seen[event[i]]
        seen[event[i]] = 1 if before == 0 else 2
        size += (before == 1) - (before == 0)
    for i in range(retract.size):
        size += retract[i]
    found, n = np.empty(size, np.int64), 0
    for i in range(event.size):
        if seen[event[i]] > 1 or (retract.size > 0 and retract[i]):
            found[n] = i
            n += 1
    return found[:n]


@kernel
def ends(event: Ints, again: Any, retract: Any, known: Ints) -> Ints:
    """Until when each fact is what was known: not beyond when it was known itself where it never is.

    Facts lie in the order (event, revision, known). A revision counts until a higher one is known, from its first
    delivery: what is delivered `again` never does. A retraction only ends what it follows.
    """
    found, end = np.empty(event.size, np.int64), FOREVER
    for i in range(event.size - 1, -1, -1):
        if i + 1 < event.size and event[i + 1] != event[i]:
            end = FOREVER
        found[i] = known[i] if again[i] or retract[i] else end
        if not again[i]:
            end = min(end, known[i])
    return found


@kernel
def first_known(event: Ints, known: Ints, events: int) -> Ints:
    """When each event was first known."""
    found = np.full(events, FOREVER, np.int64)
    for i in range(event.size):
        found[event[i]] = min(found[event[i]], known[i])
    return found
