"""Decision tables: the index finds what reading every rule finds, and each hit policy gives its outcome."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import decisions, feel
from tallystick.core import DefinitionErrors

NAMES = ("amount", "country", "flag", "day")


def dmn(
    rules: list[tuple[list[str], list[str], str]], hit: str = 'hitPolicy="FIRST"', outputs: str = '<output name="o"/>'
) -> str:
    """A model of one table over the four inputs; each rule is (cells, outcomes, reason)."""
    data = "".join(f'<inputData name="{n}" id="i-{n}"><variable name="{n}"/></inputData>' for n in NAMES)
    needs = "".join(f'<informationRequirement><requiredInput href="#i-{n}"/></informationRequirement>' for n in NAMES)
    columns = "".join(f"<input><inputExpression><text>{n}</text></inputExpression></input>" for n in NAMES)
    body = "".join(
        f"<rule id={quoteattr(f'r{i}')}>"
        + "".join(f"<inputEntry><text>{escape(cell)}</text></inputEntry>" for cell in cells)
        + "".join(f"<outputEntry><text>{escape(out)}</text></outputEntry>" for out in outs)
        + f"<annotationEntry><text>{escape(reason)}</text></annotationEntry></rule>"
        for i, (cells, outs, reason) in enumerate(rules, 1)
    )
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="n" name="m">'
        f'{data}<decision name="D" id="d">{needs}<decisionTable {hit}>{columns}{outputs}'
        f'<annotation name="Reason"/>{body}</decisionTable></decision></definitions>'
    )


def load(text: str) -> decisions.Model:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.dmn"
        path.write_text(text, encoding="utf-8")
        return decisions.load(path)


NUMBER_CELLS = st.sampled_from(
    [
        "-",
        "1",
        "-1.5",
        "1, 2",
        "< 1",
        ">= 2",
        "(1..3]",
        "[1..2)",
        "[2..2]",
        "(2..2)",
        "[3..1]",
        "not(1)",
        "not(1, [2..3])",
        "not(< 2)",
        "null",
        "not(null)",
        "1, null",
        "< 1, > 2",
        "not(2, null)",
        '1, "a"',
        "? > 1",
        "> day.month",
        "!= 1",
        '"a"',
        "(> 2)",
    ]
)
TEXT_CELLS = st.sampled_from(
    [
        "-",
        '"DE"',
        '"DE", "FR"',
        'not("DE")',
        'not("DE", "FR")',
        "null",
        "not(null)",
        '"DE", null',
        'starts with(?, "D")',
        '> "E"',
        '["DE", "US"]',
        "1",
    ]
)
FLAG_CELLS = st.sampled_from(["-", "true", "false", "not(true)", "null", "true, null"])
DAY_CELLS = st.sampled_from(
    [
        "-",
        '@"2026-01-01"',
        '< @"2026-01-01"',
        '[@"2026-01-01"..@"2026-02-01"]',
        'not(@"2026-01-01")',
        '> date("2026-01-31")',
    ]
)
RULES = st.lists(st.tuples(NUMBER_CELLS, TEXT_CELLS, FLAG_CELLS, DAY_CELLS), min_size=1, max_size=12)
INPUTS = st.fixed_dictionaries(
    {
        "amount": st.sampled_from(
            [None, *map(Decimal, ("-1.5", "0", "1", "1.0", "1.5", "2", "2.5", "3", "4")), "a", [Decimal(1)]]
        ),
        "country": st.sampled_from([None, "DE", "FR", "US", "", Decimal(1), True, ["DE"]]),
        "flag": st.sampled_from([None, True, False, "true"]),
        "day": st.sampled_from(
            [None, date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 15), date(2026, 2, 1), date(2026, 3, 1)]
        ),
    }
)


def naive_hits(rules: list[tuple[str, ...]], values: dict[str, Any]) -> list[int]:
    """The oracle: every cell of every rule is tested on its own."""
    return [
        number
        for number, cells in enumerate(rules, 1)
        if all(feel.unary_tests(cell, NAMES)(values[n], values) is True for n, cell in zip(NAMES, cells, strict=True))
    ]


@settings(max_examples=250, deadline=None)
@given(RULES, st.lists(INPUTS, min_size=1, max_size=8))
def test_the_index_finds_the_rules_that_reading_each_cell_finds(
    rules: list[tuple[str, ...]], inputs: list[dict[str, Any]]
) -> None:
    numbered = [(list(cells), [str(number)], "") for number, cells in enumerate(rules, 1)]
    every = load(dmn(numbered, 'hitPolicy="RULE ORDER"'))
    first = load(dmn(numbered))
    for values in inputs:
        hits = naive_hits(rules, values)
        found = every.decide("D", values)
        assert [m.rule for m in found.matched] == hits
        assert found.value == ([Decimal(hit) for hit in hits] or None)
        assert first.decide("D", values).value == (Decimal(hits[0]) if hits else None)


POLICY_RULES = [
    (["< 10", "-", "-", "-"], ["3"], "R1"),
    (["< 20", "-", "-", "-"], ["1"], "R2, R1"),
    (["< 30", "-", "-", "-"], ["1 + 1"], '"R3"'),
]
PRIORITIES = '<output name="o"><outputValues><text>1, 2, 3</text></outputValues></output>'


@pytest.mark.parametrize(
    ("hit", "amount", "expected"),
    [
        ("", 25, "2"),
        ("", 5, "null"),
        ('hitPolicy="UNIQUE"', 99, "null"),
        ('hitPolicy="ANY"', 5, "null"),
        ('hitPolicy="ANY"', 25, "2"),
        ('hitPolicy="PRIORITY"', 5, "1"),
        ('hitPolicy="FIRST"', 5, "3"),
        ('hitPolicy="RULE ORDER"', 5, "[3, 1, 2]"),
        ('hitPolicy="OUTPUT ORDER"', 5, "[1, 2, 3]"),
        ('hitPolicy="COLLECT"', 15, "[1, 2]"),
        ('hitPolicy="COLLECT" aggregation="SUM"', 5, "6"),
        ('hitPolicy="COLLECT" aggregation="MIN"', 5, "1"),
        ('hitPolicy="COLLECT" aggregation="MAX"', 5, "3"),
        ('hitPolicy="COLLECT" aggregation="COUNT"', 5, "3"),
    ],
)
def test_each_hit_policy(hit: str, amount: int, expected: str) -> None:
    model = load(dmn(POLICY_RULES, hit, PRIORITIES))
    values = {"amount": amount, "country": None, "flag": None, "day": None}
    assert feel.show(model.decide("D", values).value) == expected


def test_reasons_come_in_order_of_the_rules_each_once_and_rules_by_number_and_id() -> None:
    model = load(dmn(POLICY_RULES, 'hitPolicy="COLLECT"'))
    result = model.decide("D", {"amount": 5, "country": None, "flag": None, "day": None})
    assert result.reasons == ("R1", "R2", "R3")
    assert [(m.decision, m.rule, m.id) for m in result.matched] == [("D", 1, "r1"), ("D", 2, "r2"), ("D", 3, "r3")]


def test_every_null_has_its_cause() -> None:
    values = {"amount": 99, "country": None, "flag": None, "day": None}
    unique = load(dmn(POLICY_RULES, ""))
    assert unique.decide("D", values).nulls == (
        "D: no rule matches amount = 99, country = null, flag = null, day = null",
    )
    assert unique.decide("D", values | {"amount": 5}).nulls == (
        "D: rules 1, 2, 3 match, but hit policy UNIQUE allows one outcome",
    )


def test_several_outputs_make_a_context_and_defaults_stand_in_when_no_rule_matches() -> None:
    outputs = (
        '<output name="action"><defaultOutputEntry><text>"hold"</text></defaultOutputEntry></output>'
        '<output name="limit"><defaultOutputEntry><text>0</text></defaultOutputEntry></output>'
    )
    model = load(dmn([(["> 5", "-", "-", "-"], ['"raise"', "amount * 2"], "")], outputs=outputs))
    values = {"amount": 6, "country": None, "flag": None, "day": None}
    assert model.decide("D", values).value == {"action": "raise", "limit": Decimal(12)}
    assert model.decide("D", values | {"amount": 1}).value == {"action": "hold", "limit": Decimal(0)}


def test_all_faults_of_a_table_are_shown_together_with_their_cells() -> None:
    rules = [
        (["< amuont", "-", "-", "-"], ["1"], ""),
        (["1", "(", "-"], ["1 +"], ""),
    ]
    with pytest.raises(DefinitionErrors) as caught:
        load(dmn(rules, 'hitPolicy="SOME"'))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "model.dmn:1, decision D",
        "model.dmn:1, decision D, rule 1, input 1",
        "model.dmn:1, decision D, rule 2",
        "model.dmn:1, decision D, rule 2, input 2",
        "model.dmn:1, decision D, rule 2, output 1",
    ]
    assert "did you mean 'amount'?" in lines[1]


def test_a_table_of_thousands_of_rules_is_read_through_its_index() -> None:
    """The last of 3,000 rules is found, and so is the gap after it."""
    rules = [([f"[{n}..{n + 1})", f'"C{n % 7}"', "-", "-"], [str(n)], "") for n in range(3000)]
    model = load(dmn(rules))
    values = {"amount": 2999.5, "country": "C3", "flag": None, "day": None}
    assert model.decide("D", values).value == Decimal(2999)
    assert model.decide("D", values | {"amount": 3000}).value is None


def test_a_value_that_a_column_does_not_allow_makes_the_table_null_with_its_cause() -> None:
    text = dmn([(["-", "-", "-", "-"], ["1"], "")]).replace(
        "<text>country</text></inputExpression>",
        '<text>country</text></inputExpression><inputValues><text>"DE", "FR"</text></inputValues>',
    )
    values = {"amount": None, "country": "US", "flag": None, "day": None}
    result = load(text).decide("D", values)
    assert result.value is None
    assert any('"US" is not "DE", "FR"' in cause for cause in result.nulls)
    assert load(text).decide("D", values | {"country": "FR"}).value == Decimal(1)


def test_an_outcome_that_its_output_does_not_allow_is_null_with_its_cause() -> None:
    outputs = '<output name="o" typeRef="number"><outputValues><text>1, 2</text></outputValues></output>'
    rules = [([f"{n}", "-", "-", "-"], [text], "") for n, text in enumerate(["1", "3", '"a"', "amount + 1"])]
    model = load(dmn(rules, outputs=outputs))
    values = {"country": None, "flag": None, "day": None}
    found = [model.decide("D", values | {"amount": n}) for n in range(4)]
    assert [result.value for result in found] == [Decimal(1), None, None, None]
    assert ["D, rule 2" in found[1].nulls[0], "number" in found[2].nulls[0], "rule 4" in found[3].nulls[0]] == [
        True
    ] * 3


def test_any_takes_equal_numbers_of_other_scales_as_one_outcome() -> None:
    rules = [(["-", "-", "-", "-"], [text], "") for text in ("1.0", "1.00")]
    values = {"amount": 1, "country": None, "flag": None, "day": None}
    assert load(dmn(rules, 'hitPolicy="ANY"')).decide("D", values).value == Decimal(1)
