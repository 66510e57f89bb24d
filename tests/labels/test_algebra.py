"""What every aggregate keeps, whichever it is: its type, what an empty window gives, and that it is declared once."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.labels import folds, worlds
from tests.labels.compare import Bits, batch_rows, vector_bits
from tests.labels.oracle import DAY, HOUR, Asked, Filter

from tallystick.labels import Events, Library, flag, instant, integer, money, real, text
from tallystick.labels import date as day
from tallystick.labels.algebra import ALGEBRA, NUMBERS, Kind

visits = Events(
    "visits",
    id="id",
    at="at",
    keys={worlds.card: "card"},
    fields={
        "money": money("EUR", known_at="told"),
        "integer": integer(known_at="told"),
        "real": real(known_at="told"),
        "instant": instant(known_at="told"),
        "date": day(known_at="told"),
        "text": text(known_at="told"),
        "flag": flag(known_at="told"),
    },
)
START = 1_772_323_200_000_000
FULL = {"money": 100, "integer": 3, "real": 0.5, "instant": 5, "date": date(2026, 3, 1), "text": "x", "flag": True}
EVERY = [
    (kind, column)
    for kind in ALGEBRA.values()
    for column in (sorted(set(kind.columns) & visits.fields.keys()) if kind.columns else [""])
]
PARAM = {"nth": 1, "top": 3, "sequence": 3, "quantile": 500_000, "slope": DAY, "decayed": DAY}


def fact(i: int, **changed: Any) -> dict[str, Any]:
    row = {"id": f"v{i}", "at": START + i * i * HOUR, "known_at": START + i * i * HOUR, "card": "c", "told": START}
    return row | FULL | {"integer": i * i * i, "money": i * i * i, "flag": i % 2 == 0} | changed


def library(kind: Kind, column: str) -> Library:
    one = Asked(
        "visits",
        "card",
        kind.name,
        column,
        column if kind.name == "ratio" else "",
        Filter("id != null", lambda row: True) if kind.flagged else None,
        window="2d",
        param=PARAM.get(kind.name, 0),
    )
    return Library({"value": worlds.label(one, {"visits": visits})}, {"visits": visits})


def asked(made: Library, facts: list[dict[str, Any]], t: int) -> Bits:
    """The value in columns and live, which must agree."""
    types: dict[str, Any] = {"money": pl.Int64, "integer": pl.Int64, "real": pl.Float64, "instant": pl.Int64}
    types |= {"date": pl.Date, "text": pl.String, "flag": pl.Boolean, "told": pl.Int64, "known_at": pl.Int64}
    frame = pl.DataFrame(facts, schema={"id": pl.String, "at": pl.Int64, "card": pl.String} | types)
    found = made.at(pl.DataFrame({"card": ["c"], "t": [t]}), facts={"visits": frame})
    live = made.live()
    for row in facts:
        live.observe({"stream": "visits", **row})
    row = batch_rows(found, ["value"])[0]
    assert vector_bits(live.now({"card": "c"}, t, k=t)) == row
    return row["value"]


@pytest.fixture(params=EVERY, ids=lambda one: " ".join((one[0].name, one[1])).strip())
def each(request: pytest.FixtureRequest) -> tuple[Kind, str, Library]:
    kind, column = request.param
    return kind, column, library(kind, column)


def test_an_empty_window(each: tuple[Kind, str, Library]) -> None:
    """0 where nothing is a number, else missing: never seen, or expired where there were facts before."""
    kind, _, made = each
    nothing, before = asked(made, [], START), asked(made, [fact(0)], START + 9 * DAY)
    if kind.empty:
        zero = (b"\0" * 8 if kind.gives == "real" else ("int", 0), "", False)
        assert (nothing, before) == (zero, zero)
    else:
        assert (nothing[1], before[1]) == ("never_seen", "expired")


def test_rows_without_a_value(each: tuple[Kind, str, Library]) -> None:
    """Null in the source, or awaiting confirmation; one of them awaiting is enough; beside a value they are skipped."""
    _, column, made = each
    if not column:
        return
    null, waits = {column: None}, {"told": START + 30 * DAY}
    at = START + DAY
    assert asked(made, [fact(1, **null)], at)[1] == "source_null"
    assert asked(made, [fact(1, **waits)], at)[1] == "not_yet_known"
    assert asked(made, [fact(1, **null), fact(2, **waits), fact(3, **null)], at)[1] == "not_yet_known"
    values = [fact(1), fact(3), fact(4)]
    assert asked(made, [values[0], fact(2, **null), *values[1:]], at) == asked(made, values, at)
    assert asked(made, [values[0], fact(2, **waits), *values[1:]], at) == asked(made, values, at)


def test_its_type_is_as_declared(each: tuple[Kind, str, Library]) -> None:
    kind, column, made = each
    frame = pl.DataFrame([fact(i) for i in range(1, 5)])
    found = made.at(pl.DataFrame({"card": ["c"], "t": [START + DAY]}), facts={"visits": frame})["value"][0]
    columns = {"money": int, "integer": int, "real": float, "instant": datetime, "date": date, "text": str}
    number = "integer" if column == "flag" and kind.name == "sum" else column
    of_column = (columns | {"flag": bool}).get(number)
    types = {"integer": int, "real": float, "instant": datetime, "list": str}
    assert type(found) is types.get(kind.gives, of_column)


def test_rows_in_any_order(each: tuple[Kind, str, Library]) -> None:
    _, _, made = each
    facts = [fact(i) for i in range(1, 6)]
    assert asked(made, facts, START + DAY) == asked(made, facts[::-1], START + DAY)


def test_each_is_declared_once() -> None:
    """One number, one fold of the oracle, and one way to write it each."""
    assert sorted(kind.code for kind in ALGEBRA.values()) == list(range(len(ALGEBRA)))
    assert all(name == kind.name for name, kind in ALGEBRA.items())
    assert set(folds.FOLDS) == set(ALGEBRA)


# The first call of log and exp loads their compiled form.
patient = settings(deadline=None)
VALUES = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), min_size=1, max_size=12)
PAIRED = st.lists(st.tuples(st.integers(0, 2**51), st.integers(-(2**63), 2**63 - 1)), min_size=1, max_size=12)


def near(found: float | None, exact: Callable[[], Fraction | float], rel: float = 1e-14) -> None:
    if found is not None:
        assert found == pytest.approx(float(exact()), rel=rel)


@patient
@given(VALUES)
def test_the_oracles_moments_are_those_of_the_textbook(xs: list[int]) -> None:
    """Against exact fractions: means, deviations and the adjusted Fisher-Pearson skewness."""
    n, mean = len(xs), Fraction(sum(xs), len(xs))
    near(folds.mean(xs), lambda: mean)
    assert (folds.std(xs) is None) == (n < 2)
    near(folds.std(xs), lambda: statistics.stdev(map(Fraction, xs)))
    second, third = (sum((x - mean) ** power for x in xs) / n for power in (2, 3))
    assert (folds.skew(xs) is None) == (n < 3 or second == 0)
    near(folds.skew(xs), lambda: float(third) / float(second) ** 1.5 * math.sqrt(n * (n - 1)) / (n - 2), 1e-12)


@patient
@given(PAIRED)
def test_the_oracles_slope_is_that_of_least_squares(points: list[tuple[int, int]]) -> None:
    ats, xs = [at for at, _ in points], [x for _, x in points]
    assert (folds.slope(ats, xs, DAY) is None) == (len(set(ats)) == 1)
    middle, height = Fraction(sum(ats), len(ats)), Fraction(sum(xs), len(xs))
    near(
        folds.slope(ats, xs, DAY),
        lambda: sum((a - middle) * (x - height) for a, x in points) / sum((a - middle) ** 2 for a in ats) * DAY,
    )


@patient
@given(VALUES, st.integers(0, 1_000_000))
def test_the_oracles_quantile_is_the_nearest_rank(xs: list[int], millionths: int) -> None:
    found, approximate = folds.quantile(xs, millionths, 0)
    share = Fraction(millionths, 1_000_000)
    reached = [x for x in sorted(xs) if Fraction(sum(one <= x for one in xs), len(xs)) >= share]
    assert (found, approximate) == (reached[0], False)


@patient
@given(VALUES)
def test_eight_bits_are_within_a_128th(xs: list[int]) -> None:
    for x in xs:
        assert abs(folds.eight_bits(x)) <= abs(x) <= abs(folds.eight_bits(x)) * (1 + Fraction(1, 128))
        assert x >= 0 or folds.eight_bits(x) < 0


@patient
@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=40))
def test_the_oracles_entropy_is_that_of_shannon(xs: list[str]) -> None:
    shares = [xs.count(x) / len(xs) for x in set(xs)]
    assert folds.entropy(xs) == pytest.approx(-sum(p * math.log(p) for p in shares), abs=1e-8)


def test_the_sketch_estimates() -> None:
    """A thousand different values by the 64 smallest hashes: within four standard errors, whatever their order."""
    found, approximate = folds.distinct(list(range(1000)), 64)
    assert approximate
    assert abs(found - 1000) < 4 * 1000 / math.sqrt(62)
    assert folds.distinct([*range(1000)][::-1] * 2, 64) == (found, True)
    assert folds.distinct(list(range(64)), 64) == (64, False)


def test_weights_halve() -> None:
    assert [folds.weight(steps * HOUR, HOUR) for steps in (0, 1, 40, 41)] == [2**40, 2**39, 1, 0]
    assert folds.weight(HOUR // 2, HOUR) == pytest.approx(2**39.5, rel=1e-9)


def test_numbers_have_a_range() -> None:
    assert set(ALGEBRA["range"].columns) == set(NUMBERS)
