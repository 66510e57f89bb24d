"""What each aggregate says of its values, written out as in a textbook."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable
from datetime import date, timedelta
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

from tallystick.core.numeric import exp, log

if TYPE_CHECKING:
    from tests.labels.oracle import Asked

Found: TypeAlias = tuple[Any, bool]
"""A value (None: undefined), and whether it is approximate."""

Triple: TypeAlias = tuple[int, Any, Any]
"""(at, x, y) of one value."""

DAY_0 = date(1970, 1, 1)


def real(value: float) -> float | None:
    return value if math.isfinite(value) else None


def whole(value: int) -> int | None:
    return value if -(2**63) <= value < 2**63 else None


def difference(big: Any, small: Any) -> Any:
    return real(big - small) if isinstance(big, float) else whole(int(big) - int(small))


def mean(xs: list[int]) -> float | None:
    return real(float(sum(xs)) / float(len(xs)))


def std(xs: list[int]) -> float | None:
    n, total = len(xs), sum(xs)
    if n < 2:
        return None
    spread = n * sum(x * x for x in xs) - total * total
    return real(math.sqrt(float(spread) / float(n * (n - 1))))


def skew(xs: list[int]) -> float | None:
    n, one, two, three = len(xs), sum(xs), sum(x**2 for x in xs), sum(x**3 for x in xs)
    a = n * two - one * one
    b = n * n * three - 3 * n * one * two + 2 * one**3
    if n < 3 or a == 0:
        return None
    g = float(b) / (float(a) * math.sqrt(float(a)))
    return real(g * math.sqrt(float(n * (n - 1))) / float(n - 2))


def ratio(xs: list[int], ys: list[int]) -> float | None:
    return real(float(sum(xs)) / float(sum(ys))) if sum(ys) else None


def slope(ats: list[int], xs: list[int], per: int) -> float | None:
    n = len(xs)
    up = n * sum(at * x for at, x in zip(ats, xs, strict=True)) - sum(ats) * sum(xs)
    along = n * sum(at * at for at in ats) - sum(ats) ** 2
    return real(float(up) / float(along) * float(per)) if along else None


def canonical(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def hashed(value: Any) -> int:
    return int.from_bytes(sha256(canonical(value).encode()).digest()[:8], "big")


def distinct(xs: list[Any], cap: int) -> Found:
    different = set(xs)
    if not cap or len(different) <= cap:
        return len(different), False
    last = sorted(map(hashed, different))[cap - 1]
    return round(float(cap - 1) * 2.0**64 / float(last)), True


def ranked(xs: list[Any]) -> list[Any]:
    """The different values, the most frequent first, of equally frequent ones the latest seen first."""
    times = Counter(xs)
    latest = {x: i for i, x in enumerate(xs)}
    return sorted(times, key=lambda x: (times[x], latest[x]), reverse=True)


def eight_bits(value: int) -> int:
    """The 8 leading significant bits of a number, the rest zero."""
    lost = max(abs(value).bit_length() - 8, 0)
    kept = (abs(value) >> lost) << lost
    return -kept if value < 0 else kept


def cut(value: Any) -> Any:
    if isinstance(value, date):
        return DAY_0 + timedelta(days=eight_bits((value - DAY_0).days))
    return eight_bits(value)


def quantile(xs: list[Any], millionths: int, cap: int) -> Found:
    approximate = 0 < cap < len(xs)
    ordered = sorted(map(cut, xs) if approximate else xs)
    return ordered[max(1, -(-millionths * len(xs) // 1_000_000)) - 1], approximate


def entropy(xs: list[Any]) -> float | None:
    def weight(count: int) -> int:
        return round(float(count) * log(float(count)) * 2.0**30)

    total = sum(weight(count) for count in Counter(xs).values())
    return max(0.0, float(weight(len(xs)) - total) / (float(len(xs)) * 2.0**30))


def streak(xs: list[int]) -> int:
    return next((i for i, x in enumerate(reversed(xs)) if not x), len(xs))


def listed(values: list[Any]) -> str:
    plain = [value.isoformat() if isinstance(value, date) else value for value in values]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def weight(age: int, half_life: int) -> int:
    steps, rest = divmod(age, half_life)
    part = rest * 1024 // half_life
    return 0 if steps > 40 else round(exp(-math.log(2) * part / 1024) * 2.0**40) >> steps


def decayed(values: list[Triple], t: int, half_life: int) -> float:
    return float(sum(int(x) * weight(t - at, half_life) for at, x, _ in values)) / 2.0**40


def gaps(values: list[Triple]) -> list[int]:
    return [after[0] - before[0] for before, after in pairwise(values)]


def sized(count: int, least: int, found: Callable[[], Any]) -> Any:
    return found() if count >= least else None


def xs(values: list[Triple]) -> list[Any]:
    return [x for _, x, _ in values]


def numbers(values: list[Triple]) -> list[int]:
    return [int(x) for _, x, _ in values]


Fold: TypeAlias = "Callable[[Asked, list[Triple], int], Found]"

FOLDS: dict[str, Fold] = {
    "count": lambda asked, v, t: (len(v), False),
    "sum": lambda asked, v, t: (whole(sum(numbers(v))), False),
    "mean": lambda asked, v, t: (mean(numbers(v)), False),
    "share": lambda asked, v, t: (mean(numbers(v)), False),
    "std": lambda asked, v, t: (std(numbers(v)), False),
    "skew": lambda asked, v, t: (skew(numbers(v)), False),
    "min": lambda asked, v, t: (min(xs(v)), False),
    "max": lambda asked, v, t: (max(xs(v)), False),
    "range": lambda asked, v, t: (difference(max(xs(v)), min(xs(v))), False),
    "first": lambda asked, v, t: (v[0][1], False),
    "last": lambda asked, v, t: (v[-1][1], False),
    "nth": lambda asked, v, t: (sized(len(v), asked.param, lambda: v[-asked.param][1]), False),
    "distinct": lambda asked, v, t: distinct(xs(v), asked.cap),
    "mode": lambda asked, v, t: (ranked(xs(v))[0], False),
    "top": lambda asked, v, t: (listed(ranked(xs(v))[: asked.param]), False),
    "quantile": lambda asked, v, t: quantile(xs(v), asked.param, asked.cap),
    "ratio": lambda asked, v, t: (ratio(numbers(v), [int(y) for _, _, y in v]), False),
    "slope": lambda asked, v, t: (slope([at for at, _, _ in v], numbers(v), asked.param), False),
    "entropy": lambda asked, v, t: (entropy(xs(v)), False),
    "since_first": lambda asked, v, t: (t - v[0][0], False),
    "since_last": lambda asked, v, t: (t - v[-1][0], False),
    "first_at": lambda asked, v, t: (v[0][0], False),
    "last_at": lambda asked, v, t: (v[-1][0], False),
    "streak": lambda asked, v, t: (streak(xs(v)), False),
    "gap_mean": lambda asked, v, t: (
        sized(len(v), 2, lambda: real(float(v[-1][0] - v[0][0]) / float(len(v) - 1))),
        False,
    ),
    "gap_std": lambda asked, v, t: (std(gaps(v)), False),
    "gap_min": lambda asked, v, t: (sized(len(v), 2, lambda: min(gaps(v))), False),
    "gap_max": lambda asked, v, t: (sized(len(v), 2, lambda: max(gaps(v))), False),
    "sequence": lambda asked, v, t: (listed(xs(v)[-asked.param :]), False),
    "decayed": lambda asked, v, t: (real(decayed(v, t, asked.param)), False),
}
"""Aggregate → its value over rows (at, x, y) in order, at the instant t."""
