"""The folding of settled rows into the bases of their keys (`kernels.blocks` says what a base is)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.arena import AT, FAMILY, FROM, LAYOUT_WORDS, SAME, SECOND_FAMILY, SHIFT, TO, WORD, X, Y
from tallystick.labels.kernels.blocks import (
    AWAITED,
    BLOCK_WORDS,
    CUT_ABOVE,
    GAP_LEAST,
    GAP_MOST,
    GAP_WORDS,
    HASH_ROW,
    KEPT,
    LEAST_HASHES,
    NEEDED,
    NEEDS_EXTREMES,
    NEEDS_FIRST,
    NEEDS_LAST,
    NEEDS_TALLY,
    NULLS,
    RUN,
    SUM_WORDS,
    TALLIES,
    VALUES,
)
from tallystick.labels.kernels.folds import cut8
from tallystick.labels.kernels.linear import MOMENTS2, STATE_WORDS, add, zero
from tallystick.labels.kernels.rows import AWAITING, FILTERED, FOREVER, NULL, VALUE, Ints

Table = NDArray[np.int64]
_TOP = np.uint64(0x8000000000000000)


@kernel
def _lasts(rows: Table, r: int, before: int) -> Any:
    """Whether a row counts at every k from `before` on."""
    return rows[r, TO] == FOREVER and rows[r, FROM] <= before


@kernel
def _code(rows: Table, layout: Ints, f: int, r: int) -> Any:
    one = f * LAYOUT_WORDS
    return (rows[r, layout[one + WORD]] >> layout[one + SHIFT]) & 3


@kernel
def settled_rows(rows: Table, begin: int, size: int, edge: int, before: int) -> Any:
    """How many of the first rows of a segment happened by `edge` and are the same at every k from `before` on."""
    i = 0
    while i < size and rows[begin + i, AT] <= edge:
        if not (rows[begin + i, TO] <= before or _lasts(rows, begin + i, before)):
            return i
        i += 1
    return i


@kernel
def keep_relics(
    rows: Table,
    layout: Ints,
    latest: Table,
    sessions: Table,
    begin: int,
    upto: int,
    limit: int,
    before: int,
    keep: Any,
) -> None:
    """Mark the settled rows that windows of the latest events and open sessions still take."""
    for e in range(latest.shape[0]):
        i, wanted = upto, latest[e, 1]
        while i > 0 and wanted > 0:
            i -= 1
            if _lasts(rows, begin + i, before) and _code(rows, layout, latest[e, 0], begin + i) != FILTERED:
                keep[begin + i] = True
                wanted -= 1
    for e in range(sessions.shape[0]):
        # What comes later happens no earlier than `limit`.
        i, follower = upto, limit
        while i > 0 and follower - rows[begin + i - 1, AT] <= sessions[e, 1]:
            i -= 1
            if _lasts(rows, begin + i, before) and _code(rows, layout, sessions[e, 0], begin + i) != FILTERED:
                keep[begin + i] = True
                follower = rows[begin + i, AT]


@kernel
def settle(
    rows: Table,
    sizes: Ints,
    layout: Ints,
    needs: Table,
    latest: Table,
    sessions: Table,
    hashes: Any,
    old: Ints,
    based: Ints,
    edge: int,
    before: int,
    keep: Any,
    dropped: Ints,
) -> Any:
    """Fold what is settled into bases.

    Parameters
    ----------
    rows, sizes
        The base words of all rows, and how many each segment has, one after the other.
    layout
        The features' layout, one after the other.
    needs
        What each feature's lifetimes need (`kernels.blocks`).
    latest, sessions
        (feature, events) and (feature, gap in microseconds) of windows that need rows themselves.
    hashes
        The hashes of numbered values, by row of hashes.
    old, based
        The bases so far, and where each segment's lies; `based` becomes where it lies in the new ones.
    edge, before
        Rows that happened by `edge` and are the same at every k from `before` on are settled.
    keep
        True for each row; becomes False for those that go.
    dropped
        For each segment whether facts were dropped from it; becomes 1 where they are now.

    Returns
    -------
    ndarray
        The new bases.
    """
    out, used, features = np.empty(1024, np.int64), 1, needs.shape[0]
    out[0] = 0
    lifetimes = False
    for f in range(features):
        lifetimes |= needs[f, NEEDED] != 0
    begin = 0
    for slot in range(sizes.size):
        size, relics = sizes[slot], old[based[slot]] if based[slot] > 0 else 0
        upto = settled_rows(rows, begin, size, edge, before)
        for i in range(size):
            # Beyond the first unsettled row only what nobody sees any more goes.
            keep[begin + i] = i >= upto and not (rows[begin + i, AT] <= edge and rows[begin + i, TO] <= before)
        limit = min(edge, rows[begin + upto, AT]) if upto < size else edge
        keep_relics(rows, layout, latest, sessions, begin, upto, limit, before, keep)
        left, fresh = 0, 0
        for i in range(upto):
            left += 1 if keep[begin + i] else 0
            if i >= relics and _lasts(rows, begin + i, before):
                fresh += 1
                dropped[slot] = 1
        if lifetimes and (fresh > 0 or based[slot] > 0):
            was, based[slot] = based[slot], used
            room = 1 + features
            while used + room > out.size:
                out = _larger(out, used)
            out[used] = left
            used += room
            for f in range(features):
                out[based[slot] + 1 + f] = 0
                if needs[f, NEEDED] == 0:
                    continue
                block = was + old[was + 1 + f] if was > 0 else 0
                kept = old[block + KEPT] + old[block + TALLIES] if was > 0 else 0
                while used + BLOCK_WORDS + 40 + 5 * (kept + upto - relics) > out.size:
                    out = _larger(out, used)
                out[based[slot] + 1 + f] = used - based[slot]
                used = _block(
                    rows, layout, needs, f, hashes, old, block, begin + relics, begin + upto, before, out, used
                )
        begin += size
    return out[:used].copy()


@kernel
def _larger(out: Ints, used: int) -> Any:
    found = np.empty(2 * out.size, np.int64)
    found[:used] = out[:used]
    return found


@kernel
def _block(
    rows: Table,
    layout: Ints,
    needs: Table,
    f: int,
    hashes: Any,
    old: Ints,
    block: int,
    low: int,
    high: int,
    before: int,
    out: Ints,
    here: int,
) -> Any:
    """Write the block of a feature: the old one (0 for none) with rows [low, high); gives where it ends."""
    one = f * LAYOUT_WORDS
    first, second = layout[one + FAMILY], layout[one + SECOND_FAMILY]
    sums = BLOCK_WORDS + SUM_WORDS[first] + SUM_WORDS[second] + GAP_WORDS
    for j in range(sums):
        out[here + j] = old[block + j] if block > 0 else 0
    if block == 0:
        out[here + GAP_LEAST], out[here + GAP_MOST] = FOREVER, -1
    m, tallies = out[here + KEPT], out[here + TALLIES]
    x, at = np.empty(m + high - low, np.int64), np.empty(m + high - low, np.int64)
    for i in range(m):
        x[i], at[i] = old[block + sums + 2 * i], old[block + sums + 2 * i + 1]
    s, d, g = np.zeros(STATE_WORDS, np.uint64), np.zeros(STATE_WORDS, np.uint64), np.zeros(STATE_WORDS, np.uint64)
    place = here + BLOCK_WORDS
    _copy_in(out, place, SUM_WORDS[first], s)
    _copy_in(out, place + SUM_WORDS[first], SUM_WORDS[second], d)
    _copy_in(out, here + sums - GAP_WORDS, GAP_WORDS, g)
    end = m
    for r in range(low, high):
        code = _code(rows, layout, f, r) if _lasts(rows, r, before) else FILTERED
        if code == VALUE:
            x[end], at[end] = rows[r, layout[one + X]], rows[r, AT]
            y = rows[r, layout[one + Y]]
            if first != 0:
                add(first, s, x[end], y, at[end])
            if second != 0:
                add(second, d, x[end], y, at[end])
            if end > 0:
                gap = at[end] - at[end - 1]
                add(MOMENTS2, g, gap, np.int64(0), np.int64(0))
                out[here + GAP_LEAST] = min(out[here + GAP_LEAST], gap)
                out[here + GAP_MOST] = max(out[here + GAP_MOST], gap)
            out[here + RUN] = out[here + RUN] + 1 if x[end] == 1 else 0
            end += 1
        elif code == NULL:
            out[here + NULLS] += 1
        elif code == AWAITING:
            out[here + AWAITED] += 1
    out[here + VALUES] += end - m
    _copy_out(out, place, SUM_WORDS[first], s)
    _copy_out(out, place + SUM_WORDS[first], SUM_WORDS[second], d)
    _copy_out(out, here + sums - GAP_WORDS, GAP_WORDS, g)
    place = here + sums
    out[here + KEPT] = _keep_rows(x, at, end, needs[f], out, place)
    place += 2 * out[here + KEPT]
    if needs[f, NEEDS_TALLY] != 0:
        old_at = block + sums + 2 * m
        out[here + TALLIES] = _tally(x, m, end, old, old_at, tallies, needs[f], hashes, out[here + VALUES], out, place)
    size = out[here + TALLIES]
    if layout[one + SAME] == 0:
        return place + 2 * size
    out[place + 2 * size : place + 3 * size] = np.sort(out[place : place + 2 * size : 2].copy())
    return place + 3 * size


@kernel
def _copy_in(out: Ints, place: int, size: int, s: Any) -> None:
    zero(s)
    for j in range(size):
        s[1 + j] = np.uint64(out[place + j])


@kernel
def _copy_out(out: Ints, place: int, size: int, s: Any) -> None:
    for j in range(size):
        out[place + j] = np.int64(s[1 + j])


@kernel
def _keep_rows(x: Ints, at: Ints, end: int, need: Ints, out: Ints, place: int) -> Any:
    """Write the rows that aggregates need, in order; gives how many."""
    least, most = 0, 0
    for i in range(1, end):
        least = i if x[i] < x[least] else least
        most = i if x[i] > x[most] else most
    found = 0
    for i in range(end):
        edges = i >= end - need[NEEDS_LAST] or (i == 0 and need[NEEDS_FIRST] != 0)
        if edges or (need[NEEDS_EXTREMES] != 0 and i in (least, most)):
            out[place + 2 * found], out[place + 2 * found + 1] = x[i], at[i]
            found += 1
    return found


@kernel
def _tally(
    x: Ints,
    m: int,
    end: int,
    old: Ints,
    old_at: int,
    tallies: int,
    need: Ints,
    hashes: Any,
    n: int,
    out: Ints,
    place: int,
) -> Any:
    """Write each value with its count, in the order in which they came last; gives how many there are."""
    size = tallies + end - m
    values, counts = np.empty(size, np.int64), np.ones(size, np.int64)
    for i in range(tallies):
        values[i], counts[i] = old[old_at + 2 * i], old[old_at + 2 * i + 1]
    for i in range(m, end):
        values[tallies + i - m] = x[i]
    if 0 < need[CUT_ABOVE] < n:
        for i in range(size):
            values[i] = cut8(values[i])
    order, last, different = np.argsort(values, kind="mergesort"), np.empty(size, np.int64), 0
    for j in range(size):
        i = order[j]
        if j > 0 and values[i] == values[order[j - 1]]:
            counts[i] += counts[order[j - 1]]
            last[different - 1] = i
        else:
            last[different] = i
            different += 1
    chosen, limit = np.sort(last[:different]), np.int64(FOREVER)
    if 0 < need[LEAST_HASHES] < different:
        ranked = np.empty(different, np.int64)
        for j in range(different):
            ranked[j] = np.int64(hashes[need[HASH_ROW], values[chosen[j]]] ^ _TOP)
        limit = np.sort(ranked)[need[LEAST_HASHES] - 1]
    found = 0
    for j in range(different):
        i = chosen[j]
        if limit == FOREVER or np.int64(hashes[need[HASH_ROW], values[i]] ^ _TOP) <= limit:
            out[place + 2 * found], out[place + 2 * found + 1] = values[i], counts[i]
            found += 1
    return found
