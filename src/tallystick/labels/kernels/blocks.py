"""What a base is: what is settled of a key's past as exact state, that the answers of lifetimes start from.

A base begins with how many rows of the segment are relics (they are in the base too, and stay for windows of the
latest events and sessions), and for each feature where its block begins, counted from the base (0 for none). A block
says how many values, nulls and values never confirmed there were, how many trues the last values are in a row, the
least and greatest gap, how many rows and how many tallies follow; then the sums of the feature's families and of its
gaps; then rows (value, instant) in order, as few as its aggregates need; then tallies (value, count), in the order in
which the values came last; then, where rows are linked to the same value, the values of the tallies in their order.
"""

from __future__ import annotations

from typing import Any

from tallystick.core.numeric import kernel
from tallystick.labels.kernels.arena import FAMILY, LAYOUT_WORDS, SECOND_FAMILY
from tallystick.labels.kernels.bare import Words

VALUES, NULLS, AWAITED, RUN, GAP_LEAST, GAP_MOST, KEPT, TALLIES = range(8)
"""Words at the beginning of a block."""
BLOCK_WORDS = 8

SUM_WORDS = (0, 2, 5, 9, 4, 10)
"""Family → how many words its sums take."""
GAP_WORDS = 5

NEEDED, NEEDS_FIRST, NEEDS_LAST, NEEDS_EXTREMES, NEEDS_TALLY, LEAST_HASHES, CUT_ABOVE, HASH_ROW = range(8)
"""Words of what a feature's lifetimes need: whether there are any; the first row; how many of the last; the least and
greatest; counts of values; of so many least hashes alone (0: of all); values cut above so many (0: never); its row of
hashes."""
NEED_WORDS = 8


@kernel
def kept_at(layout: Words, f: int, block: int) -> Any:
    """Where the rows of a feature's block begin."""
    one = f * LAYOUT_WORDS
    return block + BLOCK_WORDS + SUM_WORDS[layout[one + FAMILY]] + SUM_WORDS[layout[one + SECOND_FAMILY]] + GAP_WORDS


@kernel
def tallied(bases: Words, layout: Words, base: int, f: int, x: int) -> bool:
    """Whether a value is among the tallies of a feature, whose rows are linked to the same value."""
    if base == 0 or bases[base + 1 + f] == 0:
        return False
    block = base + bases[base + 1 + f]
    low = kept_at(layout, f, block) + 2 * (bases[block + KEPT] + bases[block + TALLIES])
    end = low + bases[block + TALLIES]
    high = end
    while low < high:
        middle = (low + high) >> 1
        if bases[middle] < x:
            low = middle + 1
        else:
            high = middle
    return bool(low < end and bases[low] == x)
