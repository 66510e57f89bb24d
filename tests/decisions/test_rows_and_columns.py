"""Random chained models over columns of every type: row for row what `decide` gives, in value and in type."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape

import polars as pl
import pytest
from tests.feel import written
from tests.feel.oracle_values import plain, same

from tallystick import decisions
from tallystick.core.numeric import parallel

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
MODELS = 1_500 if SOAK else 40
ROWS = 12

INPUTS = {"a": "number", "b": "number", "credit limit": "", "s": "string", "country": "string", "p": "boolean",
          "q": "boolean", "d": "date", "due date": "date", "m": "dateTime", "t": "time", "u": "dayTimeDuration",
          "xs": "", "ss": "", "c": "", "anything": ""}  # fmt: skip
POLICIES = ("FIRST", "UNIQUE", "ANY", "RULE ORDER", "COLLECT")
CELLS = {
    "n": ("-", "< 2", "[0..3)", "1, 2, null", "not(1)", "> b", "? * 2 > a", "null"),
    "s": ("-", '"DE"', 'not("a", "b")', "country", '["a".."c"]', 'contains(?, "a")'),
    "b": ("-", "true", "false", "not(true)", "null"),
    "d": ("-", '< @"2025-06-01"', "due date", '[@"2025-01-01"..@"2026-01-01"]', "not(null)", "> due date"),
}
KIND = {name: kind for kind, names in written.NAMES.items() for name in names}


def column(name: str, rng: Random) -> pl.Series:
    """Values of one of the types that a column of this name may have, about one in six of them null."""
    text: tuple[Any, ...] = ("", "a", "b", "DE", "ab", "é😀")
    numbers: tuple[Any, ...] = (
        (pl.Int8(), (-3, 0, 1, 2, 127)),
        (pl.UInt64(), (0, 1, 2, 2**64 - 1)),
        (pl.Int64(), (-(2**63), -1, 0, 1, 3)),
        (pl.Float64(), (0.1, -0.0, 2.5, 1e300, 5e-324, float("nan"), float("inf"))),
        (pl.Float32(), (0.5, -2.0, 3.0)),
        (pl.Decimal(20, 2), (Decimal("0.10"), Decimal("-3.25"), Decimal("2.00"))),
        (pl.Decimal(38, 0), (Decimal(10**37), Decimal(1), Decimal(-2))),
    )
    days = tuple(date(2025, 1, 1) + timedelta(days=37 * n) for n in range(-3, 12))
    moments = tuple(datetime(2025, 3, 30, 0, 30) + timedelta(hours=n, microseconds=n % 2) for n in range(6))
    kinds: dict[str, tuple[Any, ...]] = {
        "n": numbers,
        "s": ((pl.String(), text), (pl.Categorical(), text)),
        "b": ((pl.Boolean(), (True, False)),),
        "d": ((pl.Date(), days),),
        "m": (
            (pl.Datetime("us"), moments),
            (pl.Datetime("us", "UTC"), tuple(moment.replace(tzinfo=UTC) for moment in moments)),
        ),
        "t": ((pl.Time(), (time(0), time(10, 30), time(23, 59, 59, 500_000))),),
        "p": ((pl.Duration("us"), (timedelta(0), timedelta(hours=-30), timedelta(seconds=1.5))),),
        "ln": ((pl.List(pl.Int64()), ([], [1], [3, None, 2])),),
        "ls": ((pl.List(pl.String()), ([], ["a"], ["b", None])),),
        "c": ((pl.Struct({"x": pl.Int64(), "k": pl.String()}), ({"x": 1, "k": "v"}, {"x": None, "k": "DE"})),),
    }
    kind = rng.choice(("n", "s", "b", "d")) if name == "anything" else KIND[name]
    dtype, values = rng.choice(kinds[kind])
    drawn = [None if rng.random() < 1 / 6 else rng.choice(values) for _ in range(ROWS)]
    return pl.Series(name, drawn, dtype=dtype)


def logic(kind: str, needs: list[str], rng: Random) -> str:
    """A literal expression of random FEEL over the inputs; a name that is no input reads as a number."""
    text = f"({written.Writer(rng).of(kind, 3)})"
    for name in sorted(set(KIND) - set(INPUTS), key=len, reverse=True):
        text = text.replace(f"({name})", f"({rng.choice(needs)})")
    return f"<literalExpression><text>{escape(text)}</text></literalExpression>"


def table(columns: list[str], outcomes: list[str], rng: Random) -> str:
    rules = ""
    for _ in range(rng.randint(1, 8)):
        cells = [rng.choice(CELLS[KIND.get(name, "n")]) for name in columns]
        rules += "<rule>" + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in cells)
        rules += f"<outputEntry><text>{escape(rng.choice(outcomes))}</text></outputEntry></rule>"
    heads = "".join(f"<input><inputExpression><text>{name}</text></inputExpression></input>" for name in columns)
    return f'<decisionTable hitPolicy="{rng.choice(POLICIES)}">{heads}<output name="o"/>{rules}</decisionTable>'


def model_of(rng: Random, path: Path) -> decisions.Model:
    """Four decisions that read the inputs and each other: an expression, two tables, an expression."""
    names = list(INPUTS)
    columns = rng.sample([name for name in names if KIND.get(name) in CELLS], 3)
    outcomes = ["1", "a", "first", "a + b", '"DE"', "null", "country", "d", "first * 0.1", "if p then a else s"]
    bodies = {
        "first": logic("n", names, rng),
        "second": table([*columns, "first"], outcomes, rng),
        "third": table([rng.choice(columns), "second"], [*outcomes, "second"], rng),
        "last": "<literalExpression><text>{x: first, y: [second, third], z: if third = null then 0 else third}"
        "</text></literalExpression>",
    }
    ids = {name: f"i{number}" for number, name in enumerate(INPUTS)}
    text = '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="n" name="m">'
    for name, kind in INPUTS.items():
        text += f'<inputData name="{name}" id="{ids[name]}"><variable name="{name}"'
        text += f' typeRef="{kind}"/></inputData>' if kind else "/></inputData>"
    for number, (name, body) in enumerate(bodies.items()):
        text += f'<decision name="{name}" id="{name}">'
        links = [("Input", ids[each]) for each in INPUTS] + [("Decision", each) for each in list(bodies)[:number]]
        for what, target in links:
            text += f'<informationRequirement><required{what} href="#{target}"/></informationRequirement>'
        text += f"{body}</decision>"
    path.write_text(text + "</definitions>", encoding="utf-8")
    return decisions.load(path)


def lifted(value: Any) -> Any:
    """A value out of a column in FEEL's form: whole numbers of a column are int64."""
    if isinstance(value, pl.Series | list):
        return [lifted(item) for item in value]
    if isinstance(value, dict):
        return {name: lifted(item) for name, item in value.items()}
    return Decimal(value) if type(value) is int else value


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(MODELS))
def test_a_model_over_columns_gives_each_row_what_decide_gives(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = Random(seed)
    # Half of the frames are worked in parts.
    monkeypatch.setattr(parallel, "_CHUNK", 2 if seed % 2 else 50_000)
    model = model_of(rng, tmp_path / "model.dmn")
    frame = pl.DataFrame([column(name, rng) for name in INPUTS])
    for name in ("first", "second", "third", "last"):
        found = model.decide_columns(name, frame)
        assert found.height == frame.height
        for row, given in enumerate(frame.to_dicts()):
            expected = model.decide(name, given)
            value = lifted(found[name][row])
            assert same(plain(value), plain(expected.value)), f"{name}, row {row}: {value!r} is not {expected.value!r}"
