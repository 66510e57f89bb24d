"""Decisions over columns: row for row what `decide` gives."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import decisions
from tallystick.core import InputError
from tallystick.core.numeric import parallel

INPUTS = {"amount": "number", "rate": "number", "score": "number", "country": "string", "flag": "boolean",
          "day": "date", "anything": ""}  # fmt: skip
CELLS = {
    "amount": ["-", "1", "-1.5", "< 1", ">= 2.005", "(1..3]", "not(1)", "null", "not(null)", "1, null", "? > rate",
               "< 1, > 2", "? * 2 > 3", "[0.004..0.006]"],
    "rate": ["-", "0.3", "> 0.1", "[0.1..0.3)", "not(0.3)", "< -1e30", ">= 1e400", "0.30000000000000001"],
    "score": ["-", "0.1", "> 0.3", "<= 0.30000000000000004", "< 0.1, 0.3", "not(< 0)", "0", "> 1e400", "< 1e-330"],
    "country": ["-", '"DE"', 'not("DE", "FR")', "null", 'starts with(?, "D")', '"DE", null'],
    "flag": ["-", "true", "false", "not(true)", "null"],
    "day": ["-", '@"2026-01-01"', '< @"2026-01-01"', '[@"2026-01-01"..@"2026-02-01"]', 'not(@"2026-01-01")'],
    "anything": ["-", "1", '"1"', "true", "not(null)", '@"2026-01-01"', "> 0"],
}  # fmt: skip
OUTCOMES = ["1", "2.50", "null", '"A"', '"B"', "true", "-0.5", "[1, 2]", "{a: 1}", "amount * 2", "amount * rate + 1",
            "if flag then amount else rate", "country", "score + 1", "string(rate)", "day",
            "amount - 0.05 * amount"]  # fmt: skip
POLICIES = ["FIRST", "UNIQUE", "ANY", "PRIORITY", "RULE ORDER", "OUTPUT ORDER", "COLLECT", "COLLECT SUM",
            "COLLECT MIN", "COLLECT MAX", "COLLECT COUNT"]  # fmt: skip
INT64 = st.integers(-(2**63), 2**63 - 1)
VALUES: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "amount": (pl.Decimal(20, 2), st.integers(-500, 500).map(lambda n: Decimal(n).scaleb(-2))),
    "rate": (pl.Decimal(12, 4), st.sampled_from(["0.3", "0.1", "0.2999", "-2", "0"]).map(Decimal)),
    "score": (pl.Float64(), st.floats() | st.sampled_from([0.1, 0.3, 0.30000000000000004, -0.0, 5e-324])),
    "country": (pl.String(), st.sampled_from(["DE", "FR", "", "é", "DK"])),
    "flag": (pl.Boolean(), st.booleans()),
    "day": (pl.Date(), st.dates(date(2025, 12, 30), date(2026, 2, 2))),
    "anything": (pl.Int64(), st.integers(-2, 2) | INT64),
}


def table(name: str, rules: list[tuple[list[str], str]], policy: str, columns: list[str], needs: list[str]) -> str:
    """A decision that is a table; its values for PRIORITY and OUTPUT ORDER are those of its rules, backwards."""
    values = ", ".join(dict.fromkeys(outcome for _, outcome in reversed(rules)))
    listed = (
        f"<outputValues><text>{escape(values)}</text></outputValues>"
        if policy.split()[0] in ("PRIORITY", "OUTPUT")
        else ""
    )
    hit, _, aggregation = policy.partition(" ") if policy.startswith("COLLECT ") else (policy, "", "")
    body = "".join(
        "<rule>"
        + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in cells)
        + f"<outputEntry><text>{escape(outcome)}</text></outputEntry></rule>"
        for cells, outcome in rules
    )
    return (
        f'<decision name="{name}" id="d-{name}">{required(needs)}'
        f'<decisionTable hitPolicy="{hit}"{f" aggregation={quoteattr(aggregation)}" if aggregation else ""}>'
        + "".join(f"<input><inputExpression><text>{escape(c)}</text></inputExpression></input>" for c in columns)
        + f'<output name="o">{listed}</output>{body}</decisionTable></decision>'
    )


def required(needs: list[str]) -> str:
    return "".join(
        f"<informationRequirement><{'requiredInput' if n in INPUTS else 'requiredDecision'} "
        f'href="#{"i" if n in INPUTS else "d"}-{n}"/></informationRequirement>'
        for n in needs
    )


def literal(name: str, text: str, needs: list[str]) -> str:
    logic = f"<literalExpression><text>{escape(text)}</text></literalExpression>"
    return f'<decision name="{name}" id="d-{name}">{required(needs)}{logic}</decision>'


def load(*parts: str) -> decisions.Model:
    data = "".join(
        f'<inputData name="{n}" id="i-{n}"><variable name="{n}"{f" typeRef={quoteattr(t)}" if t else ""}/></inputData>'
        for n, t in INPUTS.items()
    )
    text = (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="n" name="m">'
        f"{data}{''.join(parts)}</definitions>"
    )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.dmn"
        path.write_text(text, encoding="utf-8")
        return decisions.load(path)


def frame_of(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame({name: pl.Series(name, [r[name] for r in rows], dtype=VALUES[name][0]) for name in INPUTS})


def checked(model: decisions.Model, name: str, frame: pl.DataFrame) -> None:
    """Every row of the frame is what `decide` gives, in value and in type; also where the frame is worked in parts."""
    expected = [model.decide(name, row) for row in frame.to_dicts()]
    compared(model.decide_columns(name, frame), name, frame, expected)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_CHUNK", 2)
        compared(model.decide_columns(name, frame), name, frame, expected)


def compared(found: pl.DataFrame, name: str, frame: pl.DataFrame, expected: list[decisions.Result]) -> None:
    assert found[name].to_list() == [result.value for result in expected]
    assert found.height == frame.height
    rule = f"{name}__rule"
    if rule in found.columns:
        numbers = [[m.rule for m in result.matched if m.decision == name] for result in expected]
        assert found[rule].to_list() == [n[0] if len(n) == 1 else None for n in numbers]


@st.composite
def tables(draw: st.DrawFn, constant: bool = False) -> tuple[str, list[tuple[list[str], str]], list[str]]:
    columns = draw(st.lists(st.sampled_from(list(INPUTS)), min_size=1, max_size=4, unique=True))
    policy = draw(st.sampled_from(POLICIES))
    outcomes = OUTCOMES[:9] if constant or policy in ("PRIORITY", "OUTPUT ORDER") else OUTCOMES
    if draw(st.booleans()) and policy.startswith("COLLECT "):
        outcomes = ["1", "2.5", "-3"]
    rule = st.tuples(st.tuples(*(st.sampled_from(CELLS[c]) for c in columns)).map(list), st.sampled_from(outcomes))
    return policy, draw(st.lists(rule, min_size=1, max_size=draw(st.sampled_from([3, 8, 70])))), columns


ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in VALUES.items()}), max_size=12
).map(frame_of)


@settings(max_examples=60, deadline=None)
@given(tables(), ROWS)
def test_a_table_over_columns_is_the_table_over_each_row(
    drawn: tuple[str, list[tuple[list[str], str]], list[str]], frame: pl.DataFrame
) -> None:
    policy, rules, columns = drawn
    checked(load(table("D", rules, policy, columns, list(INPUTS))), "D", frame)


@settings(max_examples=40, deadline=None)
@given(tables(True), tables(), ROWS)
def test_chained_decisions_over_columns_are_those_over_each_row(first: Any, second: Any, frame: pl.DataFrame) -> None:
    one = table("one", first[1], first[0], first[2], list(INPUTS))
    two = table("two", second[1], second[0], [*second[2][:-1], "one"], [*INPUTS, "one"])
    mixed = literal("mixed", "if one = 1 then amount * rate else [one, two, string(amount)]", ["one", "two", *INPUTS])
    sized = literal("sized", "(one + amount) * 2 > rate", ["one", *INPUTS])
    shown = literal("shown", "string(if flag then amount else rate)", ["flag", "amount", "rate"])
    model = load(one, two, mixed, sized, shown)
    for name in ("two", "mixed", "sized", "shown"):
        checked(model, name, frame)


EXPRESSIONS = st.recursive(
    st.sampled_from(["amount", "rate", "anything", "score", "1", "-0.5", "1e17", "null", "100.00"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda parts: f"({' '.join(parts)})"),
        st.tuples(inner, inner, inner).map(lambda p: f"(if {p[0]} > {p[1]} then {p[1]} else {p[2]})"),
        inner.map(lambda text: f"-({text})"),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(
    EXPRESSIONS, st.sampled_from(["{}", "{} > amount", "{} between 0 and rate", "{} in (1, > 3)", "string({})"]), ROWS
)
def test_arithmetic_over_columns_is_exact(inner: str, shape: str, frame: pl.DataFrame) -> None:
    """Sums and products beyond 64 bits, and every number's own text, are those of the row form."""
    checked(load(literal("E", shape.format(inner), list(INPUTS))), "E", frame)


def test_a_large_table_gives_over_columns_what_it_gives_over_each_row() -> None:
    rules = [([f"[{n}..{n + 1})", "-" if n % 3 else f'"C{n % 7}"'], str(n)) for n in range(3_000)]
    frame = pl.DataFrame({n: [None, None, None, None] for n in INPUTS}).with_columns(
        amount=pl.Series([0.5, 2_999.25, 3_000.0, None]), country=pl.Series(["C0", "x", "C1", "C2"])
    )
    for policy in ("FIRST", "UNIQUE", "COLLECT"):
        model = load(table("D", rules, policy, ["amount", "country"], list(INPUTS)))
        checked(model, "D", frame)


@pytest.mark.parametrize(
    "series",
    [
        pl.Series([1, None, 2], dtype=pl.Int8),
        pl.Series([1, 2**64 - 1], dtype=pl.UInt64),
        pl.Series([Decimal("1.50"), Decimal("12345678901234567890123.50"), None]),
        pl.Series(["a", None, "b"], dtype=pl.Categorical),
        pl.Series(["a", None], dtype=pl.Enum(["a", "unused"])),
        pl.Series([datetime(2026, 3, 29, 0, 59, tzinfo=UTC), None]).dt.convert_time_zone("Europe/Berlin"),
        pl.Series([datetime(2026, 3, 29, 1, 59), None]),
        pl.Series([timedelta(days=1, microseconds=1), None]),
        pl.Series([[1, None], [2], None, []]),
        pl.Series([{"a": 1, "b": "x"}, {"a": None, "b": None}]),
        pl.Series([None, None]),
        pl.Series([0.1, -0.0, float("inf"), float("nan"), None], dtype=pl.Float32),
    ],
)
def test_columns_of_every_type_are_read_without_loss(series: pl.Series) -> None:
    frame = pl.DataFrame({n: pl.Series(n, [None] * len(series)) for n in INPUTS}).with_columns(series.alias("anything"))
    model = load(
        literal("text", "string(anything)", ["anything"]),
        literal("same", "anything", ["anything"]),
        table("D", [(["> 1"], '"many"'), (["not(null)"], '"some"')], "FIRST", ["anything"], ["anything"]),
    )
    for name in ("text", "same", "D"):
        checked(model, name, frame)


def test_what_a_column_cannot_be_is_refused_as_a_value_is() -> None:
    model = load(literal("E", "amount", ["amount"]))
    with pytest.raises(InputError, match="needs input 'amount', which is absent"):
        model.decide_columns("E", pl.DataFrame({"rate": [1]}))
    with pytest.raises(InputError, match="input amount is"):
        model.decide_columns("E", pl.DataFrame({"amount": ["a"]}))
    moments = pl.Series("anything", [1], dtype=pl.Datetime("ns"))
    with pytest.raises(InputError, match="finer than a microsecond"):
        load(literal("E", "anything", ["anything"])).decide_columns("E", pl.DataFrame({"anything": moments}))


def test_the_plan_names_what_goes_by_row_and_why() -> None:
    model = load(
        table("T", [(["< 1"], "1")], "FIRST", ["amount"], ["amount"]),
        table("R", [(["? > rate"], "1")], "FIRST", ["amount"], ["amount", "rate"]),
        literal("A", "amount * rate > 1 and not(flag)", ["amount", "rate", "flag"]),
        literal("S", "string(amount)", ["amount"]),
        literal("all", "[T, R, A, S]", ["T", "R", "A", "S"]),
    )
    plan = model.columns_plan("all")
    assert plan["T"] == plan["A"] == "in columns"
    assert plan["R"] == "by distinct row: a cell, a default or allowed values read other names"
    assert plan["S"] == "by distinct row: string(amount) is worked out once for each distinct row"


def test_numbers_come_back_as_exact_decimals_of_one_scale_and_texts_as_texts() -> None:
    rules = [(["< 10"], "1.5"), (["< 20"], "2"), (["< 30"], "amount * 2")]
    model = load(table("D", rules, "FIRST", ["amount"], ["amount"]))
    found = model.decide_columns("D", pl.DataFrame({"amount": [5, 15, 25, 35]}))
    assert found.schema == {"D": pl.Decimal(38, 1), "D__rule": pl.Int32()}
    assert found["D"].to_list() == [Decimal("1.5"), Decimal(2), Decimal(50), None]
    assert found["D__rule"].to_list() == [1, 2, 3, None]
