"""Item definitions: nested, collections, restricted, functions, recursive; and Java's functions of doubles."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick import decisions
from tallystick.core import DefinitionError, InputError
from tallystick.feel.java import external
from tallystick.feel.trigonometry import FUNCTIONS

TYPES = """
  <itemDefinition name="tGrade"><typeRef>string</typeRef><allowedValues><text>"A", "B", "C"</text></allowedValues>
  </itemDefinition>
  <itemDefinition name="tTop"><typeRef>tGrade</typeRef><allowedValues><text>"A", "B", "Z"</text></allowedValues>
  </itemDefinition>
  <itemDefinition name="tGrades" isCollection="true"><typeRef>tGrade</typeRef>
    <typeConstraint><text>count(?) &lt; 3</text></typeConstraint></itemDefinition>
  <itemDefinition name="tPerson">
    <itemComponent name="full name"><typeRef>string</typeRef></itemComponent>
    <itemComponent name="age"><typeRef>feel:number</typeRef><allowedValues><text>[0..150]</text></allowedValues>
    </itemComponent>
    <itemComponent name="home"><itemComponent name="city"><typeRef>string</typeRef></itemComponent></itemComponent>
    <itemComponent name="marks" isCollection="true"><typeRef>tGrade</typeRef></itemComponent></itemDefinition>
  <itemDefinition name="tTree"><itemComponent name="value"><typeRef>number</typeRef></itemComponent>
    <itemComponent name="below" isCollection="true"><typeRef>tTree</typeRef></itemComponent></itemDefinition>
  <itemDefinition name="tTable" isCollection="true"><typeRef>tRow</typeRef></itemDefinition>
  <itemDefinition name="tRow" isCollection="true"><typeRef>number</typeRef></itemDefinition>
  <itemDefinition name="tRule"><functionItem outputTypeRef="number"><parameters name="a" typeRef="number"/>
    </functionItem>
  </itemDefinition>
  <itemDefinition name="tMoment"><typeRef>dateTime</typeRef></itemDefinition>"""


def load(folder: Path, kind: str, types: str = TYPES, strict: bool = True) -> decisions.Model:
    path = folder / "types.dmn"
    path.write_text(
        '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" xmlns:feel='
        '"https://www.omg.org/spec/DMN/20230324/FEEL/" namespace="n" name="m">'
        f'{types}<inputData id="i" name="x"><variable name="x" typeRef="{kind}"/></inputData>'
        '<decision id="d" name="D"><variable name="D"/><informationRequirement><requiredInput href="#i"/>'
        "</informationRequirement><literalExpression><text>x</text></literalExpression></decision></definitions>",
        encoding="utf-8",
    )
    return decisions.load(path, strict=strict)


PERSON = {"full name": "Ann", "age": 30, "home": {"city": "X"}, "marks": ["A"]}
LEAF = {"value": 1, "below": []}


@pytest.mark.parametrize(
    ("kind", "value", "found"),
    [
        ("tGrade", "A", "A"),
        ("tGrade", ["A"], "A"),
        ("tGrade", None, None),
        ("tTop", "B", "B"),
        ("tGrades", ["A", "B"], ["A", "B"]),
        ("tGrades", "A", ["A"]),
        ("tGrades", [], []),
        ("tPerson", PERSON, PERSON),
        ("tPerson", [PERSON], PERSON),
        ("tPerson", PERSON | {"more": 1}, PERSON | {"more": 1}),
        ("tTree", {"value": 1, "below": [LEAF, LEAF]}, {"value": 1, "below": [LEAF, LEAF]}),
        ("tTable", [[1, 2], []], [[1, 2], []]),
        ("tTable", [1, 2], [[1, 2]]),
        ("tRow", 1, [1]),
        ("tMoment", date(2026, 3, 1), datetime(2026, 3, 1, tzinfo=UTC)),
        ("feel:date", date(2026, 3, 1), date(2026, 3, 1)),
        ("Any", [1, "x"], [1, "x"]),
        ("integer", 1, 1),
        ("&lt;Undefined&gt;", "x", "x"),
        ("list", [1, "x"], [1, "x"]),
        ("list", 1, [1]),
        ("context", {"a": 1}, {"a": 1}),
    ],
)
def test_a_value_of_the_type_or_convertible_to_it(tmp_path: Path, kind: str, value: Any, found: Any) -> None:
    assert load(tmp_path, kind).decide("D", {"x": value}).value == found


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("tGrade", "D"),
        ("tGrade", ["A", "B"]),
        ("tGrade", 1),
        ("tTop", "C"),
        ("tTop", "Z"),
        ("tGrades", ["A", "D"]),
        ("tGrades", ["A", "B", "C"]),
        ("tGrades", "D"),
        ("tPerson", PERSON | {"age": 200}),
        ("tPerson", PERSON | {"home": {}}),
        ("tPerson", PERSON | {"marks": ["D"]}),
        ("tPerson", {key: PERSON[key] for key in ("full name", "age", "home")}),
        ("tTree", {"value": 1, "below": [{"value": "x", "below": []}]}),
        ("tTable", ["a", "b"]),
        ("tRule", 1),
        ("tMoment", "2026-03-01"),
        ("number", True),
        ("boolean", 1),
        ("date", datetime(2026, 3, 1, tzinfo=UTC)),
    ],
)
def test_any_other_value_is_refused_or_null_with_its_cause(tmp_path: Path, kind: str, value: Any) -> None:
    with pytest.raises(InputError, match=r"input x is .*; allowed: "):
        load(tmp_path, kind).decide("D", {"x": value})
    result = load(tmp_path, kind, strict=False).decide("D", {"x": value})
    assert result.value is None
    assert result.nulls[0].startswith("x: ")


@pytest.mark.parametrize(
    ("types", "message"),
    [
        ('<itemDefinition name="tX"><typeRef>tY</typeRef></itemDefinition>', "'tY' is not a type; allowed: Any"),
        (
            '<itemDefinition name="tX"><typeRef>tY</typeRef></itemDefinition>'
            '<itemDefinition name="tY"><typeRef>tX</typeRef></itemDefinition>',
            "run in a circle: tY",
        ),
        (
            '<itemDefinition name="tX"><typeRef>number</typeRef><allowedValues><text>1..</text></allowedValues>'
            "</itemDefinition>",
            "types.dmn:1, tX: ",
        ),
        (
            "".join(
                f'<itemDefinition name="t{i}"><typeRef>t{i + 1}</typeRef></itemDefinition>' for i in range(5_000)
            ).replace("t0", "tX"),
            "nested deeper than",
        ),
    ],
)
def test_faulty_item_definitions_are_refused(tmp_path: Path, types: str, message: str) -> None:
    with pytest.raises(DefinitionError, match=message):
        load(tmp_path, "tX", types)


@pytest.mark.parametrize(
    ("class_", "signature", "arguments", "value"),
    [
        ("java.lang.Math", "max(int, int)", (Decimal(1), Decimal(2)), Decimal(2)),
        ("java.lang.Math", "max(int,int)", (Decimal("1.5"), Decimal(2)), None),
        ("java.lang.Math", "max(int,int)", (Decimal(2**31), Decimal(2)), None),
        ("java.lang.Math", "addExact(int,int)", (Decimal(2**31 - 1), Decimal(1)), None),
        ("java.lang.Math", "addExact(long,long)", (Decimal(2**31 - 1), Decimal(1)), Decimal(2**31)),
        ("java.lang.Math", "floorDiv(int,int)", (Decimal(-7), Decimal(2)), Decimal(-4)),
        ("java.lang.Math", "floorDiv(int,int)", (Decimal(1), Decimal(0)), None),
        ("java.lang.Math", "round(double)", (Decimal("-2.5"),), Decimal(-2)),
        ("java.lang.Math", "rint(double)", (Decimal("2.5"),), Decimal(2)),
        ("java.lang.Math", "pow(double,double)", (Decimal(2), Decimal(10)), Decimal(1024)),
        ("java.lang.Math", "pow(double,double)", (Decimal(-8), Decimal("0.5")), None),
        ("java.lang.Math", "log(double)", (Decimal(-1),), None),
        ("java.lang.Math", "cos(double)", (None,), None),
        ("java.lang.Math", "cos(double)", (Decimal(1), Decimal(2)), None),
        ("java.lang.Integer", "parseInt(java.lang.String)", ("12",), Decimal(12)),
        ("java.lang.Integer", "valueOf(String)", ("12.5",), None),
        ("java.lang.Byte", "valueOf(byte)", (Decimal(200),), None),
        ("java.lang.Float", "valueOf(java.lang.String)", ("0.1",), Decimal("0.1")),
        ("java.lang.String", "valueOf(char)", ("ab",), None),
        ("java.lang.String", "valueOf(double)", (Decimal(1),), "1.0"),
        ("java.lang.String", "valueOf(double)", (Decimal("1e10"),), "1.0E10"),
        ("java.lang.String", "format(String, Object...)", ("%s is %6.2f|%-4s|%%", "x", Decimal("3.145"), True),
         "x is   3.15|true|%"),
        ("java.lang.String", "format(String, Object[])", ("%2$s %1$s", "a", "b"), "b a"),
        ("java.lang.String", "format(String, Object...)", ("%s",), None),
        ("java.lang.String", "format(String, Object...)", ("%d", "x"), None),
        ("java.lang.String", "format(String, Object...)", ("%9999999s", "x"), None),
        ("java.lang.String", "join(CharSequence, CharSequence...)", ("-", "a", "b"), "a-b"),
        ("java.lang.Boolean", "parseBoolean(String)", ("TRUE",), True),
        ("java.lang.Character", "isDigit(char)", ("7",), True),
    ],
)  # fmt: skip
def test_java_methods(class_: str, signature: str, arguments: tuple[Any, ...], value: Any) -> None:
    function = external(class_, signature)
    assert function is not None
    assert function(*arguments) == value


@pytest.mark.parametrize(
    ("class_", "signature"),
    [
        ("java.lang.Runtime", "getRuntime()"),
        ("java.lang.Math", "__class__(double)"),
        ("java.lang.Math", "max(int)"),
        ("java.lang.Math", "max(String, String)"),
        ("java.lang.Math", "max"),
        ("java.lang.Math", ""),
        ("builtins", "eval(String)"),
    ],
)
def test_java_methods_that_are_not_listed(class_: str, signature: str) -> None:
    assert external(class_, signature) is None


_PEERS = [
    name for name in FUNCTIONS if hasattr(math, name) and FUNCTIONS[name][0] == 1 and name not in ("ceil", "floor")
]


@given(st.sampled_from(_PEERS), st.floats(-1e300, 1e300))
def test_functions_of_doubles_agree_with_the_machine(name: str, x: float) -> None:
    """The machine's library may be off by an ulp or two; ours is rounded once."""
    try:
        theirs = getattr(math, name)(x)
    except (ValueError, OverflowError):
        return
    ours = FUNCTIONS[name][1](x)
    assert math.isclose(ours, theirs, rel_tol=1e-15, abs_tol=1e-300)
