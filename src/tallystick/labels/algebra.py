"""The algebra of aggregates: each declared once, as exact state that rows are added to, taken from and finished.

`lift` and `combine` are the adding of a row to the state of a family, `inverse` is its taking away, `finalize` turns
the state into a value (`labels.kernels.folds`). Every executor works through these and no other arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

SUMMED = ("money", "decimal", "integer", "flag")
NUMBERS = ("money", "decimal", "integer", "real")
ORDERED = (*NUMBERS, "instant", "date")
ANY = (*ORDERED, "text", "flag")

(
    COUNT,
    SUM,
    MEAN,
    STD,
    SKEW,
    MIN,
    MAX,
    RANGE,
    FIRST,
    LAST,
    NTH,
    DISTINCT,
    MODE,
    TOP,
    QUANTILE,
    SHARE,
    RATIO,
    SLOPE,
    ENTROPY,
    SINCE_FIRST,
    SINCE_LAST,
    FIRST_AT,
    LAST_AT,
    STREAK,
    GAP_MEAN,
    GAP_STD,
    GAP_MIN,
    GAP_MAX,
    SEQUENCE,
    DECAYED,
) = range(30)


class Kind(msgspec.Struct, frozen=True):
    """One aggregate: its number in the kernels, what it reads and what it gives.

    `columns` are the kinds of column it takes (none: it reads events only). `gives` is "integer", "real", "instant",
    "column" (the column's own type; a flag's sum is a whole number) or "list" (text: a JSON array). `empty` says
    whether a window without any fact gives 0 instead of a missing value. `coded` columns are numbered by value.
    `flagged` aggregates see every row, with the condition as 0 or 1.
    """

    name: str
    code: int
    columns: tuple[str, ...] = ()
    gives: str = "column"
    empty: bool = False
    coded: bool = False
    flagged: bool = False


ALGEBRA: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("count", COUNT, gives="integer", empty=True),
        Kind("sum", SUM, SUMMED, empty=True),
        Kind("mean", MEAN, SUMMED, "real"),
        Kind("std", STD, SUMMED, "real"),
        Kind("skew", SKEW, SUMMED, "real"),
        Kind("min", MIN, ORDERED),
        Kind("max", MAX, ORDERED),
        Kind("range", RANGE, NUMBERS),
        Kind("first", FIRST, ANY),
        Kind("last", LAST, ANY),
        Kind("nth", NTH, ANY),
        Kind("distinct", DISTINCT, ANY, "integer", empty=True, coded=True),
        Kind("mode", MODE, ANY, coded=True),
        Kind("top", TOP, ANY, "list", coded=True),
        Kind("quantile", QUANTILE, ORDERED),
        Kind("share", SHARE, gives="real", flagged=True),
        Kind("ratio", RATIO, SUMMED, "real"),
        Kind("slope", SLOPE, SUMMED, "real"),
        Kind("entropy", ENTROPY, ANY, "real", coded=True),
        Kind("since_first", SINCE_FIRST, gives="integer"),
        Kind("since_last", SINCE_LAST, gives="integer"),
        Kind("first_at", FIRST_AT, gives="instant"),
        Kind("last_at", LAST_AT, gives="instant"),
        Kind("streak", STREAK, gives="integer", empty=True, flagged=True),
        Kind("gap_mean", GAP_MEAN, gives="real"),
        Kind("gap_std", GAP_STD, gives="real"),
        Kind("gap_min", GAP_MIN, gives="integer"),
        Kind("gap_max", GAP_MAX, gives="integer"),
        Kind("sequence", SEQUENCE, ANY, "list"),
        Kind("decayed", DECAYED, SUMMED, "real", empty=True),
    )
}
"""Name → aggregate. `distinct` takes columns that are not declared too, with the type that they have."""
