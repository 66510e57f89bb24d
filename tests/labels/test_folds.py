"""Every fold of the algebra against the textbook, and states that rows are added to and taken from."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.labels.folds import FOLDS, eight_bits, hashed, weight
from tests.labels.oracle import Asked

from tallystick.labels.algebra import ALGEBRA, SKEW, STD
from tallystick.labels.kernels import folds, linear
from tallystick.labels.kernels.rows import APPROXIMATE, FOREVER, FOUND, NONE, UNDEFINED

DAY = 86_400_000_000
LEAST = -(2**63)
EDGES = (LEAST, LEAST + 1, FOREVER, FOREVER - 1, 0, 1, -1, 2**31, -(2**32), 2**53 + 1)
LISTS = ("top", "sequence")
LINEAR = tuple(name for name, kind in ALGEBRA.items() if linear.family_of(kind.code))
HASHES = np.array([hashed(code) for code in range(40)], np.uint64)
NO_HASHES = np.zeros(0, np.uint64)

FEW = st.integers(-3, 3)
WIDE = st.one_of(st.integers(LEAST, FOREVER), st.sampled_from(EDGES))
VALUES = st.one_of(
    st.lists(FEW, max_size=9),
    st.lists(WIDE, max_size=9),
    st.lists(st.one_of(FEW, st.integers(-(10**7), 10**7)), max_size=80),
    st.lists(st.one_of(FEW, WIDE), max_size=80),
)
FLAGS = st.lists(st.integers(0, 1), max_size=40)
CODES = st.one_of(st.lists(st.integers(0, 5), max_size=60), st.lists(st.integers(0, 39), max_size=80))
PARAMS: dict[str, st.SearchStrategy[int]] = {
    "nth": st.integers(1, 12),
    "top": st.integers(1, 12),
    "sequence": st.integers(1, 12),
    "quantile": st.one_of(st.integers(0, 1_000_000), st.sampled_from((0, 1, 250_000, 500_000, 999_999, 1_000_000))),
    "slope": st.sampled_from((1, 3_600_000_000, DAY, 2**50)),
    "decayed": st.one_of(st.integers(1, 100), st.sampled_from((DAY, 7 * DAY, 2**51 - 1))),
}
MOVES = {
    "since": st.lists(st.integers(0, 3), max_size=81),
    "day": st.lists(st.integers(0, DAY), max_size=81),
    "far": st.lists(st.integers(0, 2**54), max_size=81),
}


def instants(data: st.DataObject, n: int) -> list[int]:
    """Instants in order, with ties, of the size of our era or around zero."""
    steps = data.draw(st.one_of(*MOVES.values()))
    start = data.draw(st.sampled_from((0, -(2**55), 1_700_000_000_000_000, 2**55)))
    at = [start]
    for i in range(n - 1):
        at.append(at[-1] + (steps[i % len(steps)] if steps else 0))
    return at[:n]


def folded(
    name: str,
    x: list[int],
    y: list[int],
    at: list[int],
    t: int,
    param: int = 0,
    cap: int = 0,
    hashes: Any = NO_HASHES,
) -> Any:
    """A fold over rows that lie inside longer arrays, with a work array full of rubbish and guarded at its end."""
    n = len(x)
    xs, ys, ats = (np.array([LEAST, *column, LEAST], np.int64) for column in (x, y, at))
    work = np.full(folds.FOLD_WORDS + 2 * n + 4, -5, np.int64)
    if name in LISTS:
        out = np.full(param + 1, -7, np.int64)
        count = folds.fold_list(ALGEBRA[name].code, xs, 1, n + 1, param, out, work)
        assert (out[count:] == -7).all()
        found: Any = [int(value) for value in out[:count]]
    else:
        found = folds.fold(ALGEBRA[name].code, xs, ys, ats, 1, n + 1, t, param, cap, hashes, work)
    assert (work[-4:] == -5).all()
    return found


def plain(name: str, found: Any) -> tuple[Any, bool]:
    """What a fold says, as the textbook says it: the value (None: undefined), and whether it is approximate."""
    if name in LISTS:
        return found, False
    status, whole, real = found
    if status == UNDEFINED:
        return None, False
    assert status in (FOUND, APPROXIMATE)
    return (float(real) if ALGEBRA[name].gives == "real" else int(whole)), status == APPROXIMATE


def wanted(name: str, x: list[Any], y: list[int], at: list[int], t: int, param: int, cap: int) -> tuple[Any, bool]:
    asked = Asked(stream="", entity="", kind=name, param=param, cap=cap)
    value, approximate = FOLDS[name](asked, list(zip(at, x, y, strict=True)), t)
    return (json.loads(value) if name in LISTS else value), approximate


def same(left: tuple[Any, bool], right: tuple[Any, bool]) -> bool:
    """Equal, to the sign of a zero."""
    one, other = left[0], right[0]
    return left == right and (not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other))


@pytest.mark.parametrize("name", ALGEBRA)
@given(data=st.data())
@settings(deadline=None, max_examples=60)
def test_a_fold_is_the_textbook_s(name: str, data: st.DataObject) -> None:
    x = data.draw(FLAGS if ALGEBRA[name].flagged else CODES if ALGEBRA[name].coded else VALUES)
    y = data.draw(st.one_of(st.just([0]), st.lists(st.one_of(FEW, WIDE), min_size=1, max_size=9)))
    y = [y[i % len(y)] for i in range(len(x))]
    at = instants(data, len(x))
    t = (at[-1] if at else 0) + data.draw(st.one_of(st.integers(0, 5), st.integers(0, 2**56)))
    param = data.draw(PARAMS.get(name, st.just(0)))
    found = folded(name, x, y, at, t, param)
    if x:
        assert same(plain(name, found), wanted(name, x, y, at, t, param, 0))
    elif name in LISTS:
        assert found == []
    else:
        assert found == ((FOUND if ALGEBRA[name].empty else NONE), 0, 0.0)


@given(CODES.filter(bool), st.integers(1, 20))
@settings(deadline=None)
def test_above_its_cap_distinct_is_an_estimate_from_the_smallest_hashes(x: list[int], cap: int) -> None:
    found = folded("distinct", x, x, x, 0, 0, cap, HASHES)
    assert plain("distinct", found) == wanted("distinct", x, x, x, 0, 0, cap)


@given(VALUES.filter(bool), PARAMS["quantile"], st.integers(1, 20))
@settings(deadline=None)
def test_above_its_cap_a_quantile_is_cut(x: list[int], q: int, cap: int) -> None:
    at = [0] * len(x)
    assert plain("quantile", folded("quantile", x, x, at, 0, q, cap)) == wanted("quantile", x, x, at, 0, q, cap)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=12))
@example([-1.5e308, 1.5e308])
@example([-math.inf, math.inf])
@example([math.inf, math.inf])
@settings(deadline=None)
def test_the_range_of_reals_is_their_difference(values: list[float]) -> None:
    bits = np.array(values).view(np.int64)
    x = [int(b) for b in bits ^ ((bits >> 63) & FOREVER)]
    assert [folds.real_of(b) for b in x] == values
    status, _, real = folded("range", x, x, x, 0, 1)
    difference = max(values) - min(values)
    assert (status, real) == ((FOUND, difference) if math.isfinite(difference) else (UNDEFINED, 0.0))


def test_long_windows_sort_and_select_as_short_ones() -> None:
    rng = np.random.default_rng(5)
    for x in (rng.integers(0, 900, 3000), np.arange(3000), np.arange(3000)[::-1], np.zeros(3000, np.int64)):
        values = [int(v) for v in x]
        at = list(range(3000))
        for name, param in (("distinct", 0), ("mode", 0), ("top", 50), ("quantile", 300_000), ("entropy", 0)):
            found = plain(name, folded(name, values, values, at, 5000, param))
            assert found == wanted(name, values, values, at, 5000, param, 0), name


ROW = st.tuples(st.one_of(FEW, WIDE), st.one_of(FEW, WIDE), st.one_of(FEW, WIDE))
STEPS = st.lists(st.one_of(ROW, st.integers(0, 30)), max_size=40)


def state_of(family: int, rows: list[tuple[int, int, int]]) -> Any:
    s = np.zeros(linear.STATE_WORDS, np.uint64)
    for x, y, at in rows:
        linear.add(family, s, x, y, at)
    return s


@pytest.mark.parametrize("name", LINEAR)
@given(steps=STEPS)
@settings(deadline=None, max_examples=60)
def test_what_is_taken_leaves_no_trace(name: str, steps: list[Any]) -> None:
    kind = ALGEBRA[name].code
    family = linear.family_of(kind)
    s = np.full(linear.STATE_WORDS, 3, np.uint64)
    linear.zero(s)
    rows: list[tuple[int, int, int]] = []
    for step in steps:
        if isinstance(step, tuple):
            rows.append(step)
            linear.add(family, s, *step)
        elif rows:
            linear.take(family, s, *rows.pop(step % len(rows)))
    assert (s == state_of(family, rows)).all()
    assert linear.count_of(s) == len(rows)
    found = linear.finish(kind, s, DAY, np.full(linear.WORK_WORDS, -5, np.int64))
    if rows:
        x, y, at = ([row[i] for row in rows] for i in range(3))
        assert same(plain(name, found), wanted(name, x, y, at, 0, DAY, 0))
    else:
        assert found == ((FOUND if ALGEBRA[name].empty else NONE), 0, 0.0)


@pytest.mark.parametrize("family", [linear.MOMENTS1, linear.MOMENTS2, linear.MOMENTS3, linear.PAIR, linear.LINE])
@given(left=st.lists(ROW, max_size=12), right=st.lists(ROW, max_size=12))
@settings(deadline=None)
def test_states_combine_and_part(family: int, left: list[Any], right: list[Any]) -> None:
    s, other = state_of(family, left), state_of(family, right)
    linear.combine(family, s, other)
    assert (s == state_of(family, left + right)).all()
    linear.remove(family, s, other)
    assert (s == state_of(family, left)).all()


@given(st.lists(ROW, min_size=2, max_size=9), st.integers(-(2**58), 2**58))
@settings(deadline=None)
def test_a_slope_does_not_depend_on_where_time_is_counted_from(rows: list[Any], base: int) -> None:
    rows = [(x, y, at >> 5) for x, y, at in rows]
    work = np.zeros(linear.WORK_WORDS, np.int64)
    kind = ALGEBRA["slope"].code
    moved = state_of(linear.LINE, [(x, y, at - base) for x, y, at in rows])
    assert linear.finish(kind, moved, DAY, work) == linear.finish(kind, state_of(linear.LINE, rows), DAY, work)


def test_moments_of_many_extreme_rows_stay_exact() -> None:
    """A state of 2⁴⁰ rows, as doubling makes it, against Python's integers."""
    s = state_of(linear.MOMENTS3, [(LEAST, 0, 0), (LEAST, 0, 0), (FOREVER, 0, 0)])
    for _ in range(40):
        linear.combine(linear.MOMENTS3, s, s.copy())
    n, one = 3 << 40, (2 * LEAST + FOREVER) << 40
    two, three = (2 * LEAST**2 + FOREVER**2) << 40, (2 * LEAST**3 + FOREVER**3) << 40
    a, b = n * two - one * one, n * n * three - 3 * n * one * two + 2 * one**3
    work = np.zeros(linear.WORK_WORDS, np.int64)
    g = float(b) / (float(a) * math.sqrt(float(a)))
    assert linear.finish(SKEW, s, 0, work) == (FOUND, 0, g * math.sqrt(float(n * (n - 1))) / float(n - 2))
    assert linear.finish(STD, s, 0, work) == (FOUND, 0, math.sqrt(float(a) / float(n * (n - 1))))


@given(st.integers(LEAST, FOREVER))
@example(LEAST)
@example(FOREVER)
@example(255)
@example(-256)
@settings(deadline=None)
def test_a_cut_keeps_eight_bits(value: int) -> None:
    assert folds.cut8(value) == eight_bits(value)


@given(st.integers(0, 2**56), st.one_of(st.integers(1, 50), st.integers(1, 2**51 - 1)))
@settings(deadline=None)
def test_a_weight_halves_with_age(age: int, half_life: int) -> None:
    assert folds.weight(age, half_life) == weight(age, half_life)


GOLDENS = [
    ("count", [5, 5, 9], 0, 3),
    ("sum", [FOREVER, 1, -1], 0, FOREVER),
    ("sum", [FOREVER, 1], 0, None),
    ("mean", [1, 2], 0, 1.5),
    ("mean", [FOREVER, FOREVER], 0, 2.0**63),
    ("std", [1, 3], 0, 1.4142135623730951),
    ("std", [7], 0, None),
    ("std", [LEAST, FOREVER], 0, 1.3043817825332783e19),
    ("skew", [0, 0, 3], 0, 1.7320508075688772),
    ("skew", [4, 4, 4], 0, None),
    ("range", [LEAST, 0], 0, None),
    ("range", [LEAST, -1], 0, FOREVER),
    ("nth", [7, 8, 9], 1, 9),
    ("nth", [7, 8, 9], 4, None),
    ("mode", [2, 1, 2, 1, 0], 0, 1),
    ("top", [2, 1, 2, 1, 0], 5, [1, 2, 0]),
    ("top", [2, 1, 2, 1, 2], 1, [2]),
    ("sequence", [1, 2, 3], 2, [2, 3]),
    ("quantile", [4, 1, 3, 2], 500_000, 2),
    ("quantile", [4, 1, 3, 2], 0, 1),
    ("quantile", [4, 1, 3, 2], 1_000_000, 4),
    ("entropy", [6], 0, 0.0),
    ("streak", [1, 0, 1, 1], 0, 2),
    ("slope", [10, 13, 16], 10, 30.0),
    ("gap_mean", [0, 0, 0], 0, 1.0),
    ("gap_std", [0, 0, 0], 0, 0.0),
    ("gap_std", [0, 0], 0, None),
    ("gap_max", [0], 0, None),
    ("since_last", [0, 0, 0], 0, 8),
    ("decayed", [0, 0, 64], 4, 16.0),
]


@pytest.mark.parametrize(("name", "x", "param", "value"), GOLDENS)
def test_goldens(name: str, x: list[int], param: int, value: Any) -> None:
    """Rows one microsecond apart from instant 0, asked at instant 10."""
    assert plain(name, folded(name, x, x, list(range(len(x))), 10, param))[0] == value


def test_entropy_is_near_that_of_real_logarithms() -> None:
    x = [1, 2, 1, 2]
    assert plain("entropy", folded("entropy", x, x, x, 0))[0] == pytest.approx(math.log(2), abs=2**-30)
    x = [6, 6, 6]
    assert plain("entropy", folded("entropy", x, x, x, 0))[0] == pytest.approx(0.0, abs=2**-30)


def test_an_estimate_of_distinct_is_near() -> None:
    hashes = np.array([hashed(code) for code in range(5000)], np.uint64)
    codes = list(range(5000))
    status, estimate, _ = folded("distinct", codes, codes, codes, 0, 0, 1024, hashes)
    assert status == APPROXIMATE
    assert abs(estimate - 5000) < 500


def test_a_hash_of_zero_gives_no_estimate() -> None:
    assert folds.theta(4, np.uint64(0)) == (UNDEFINED, 0, 0.0)
