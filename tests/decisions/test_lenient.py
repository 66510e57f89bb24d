"""Models of other tools, read leniently: undeclared names, ids, languages; and what strict reading refuses."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tallystick import decisions
from tallystick.core import DefinitionErrors, InputError

MODEL = '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" namespace="n" name="m"{}>{}</definitions>'


def loaded(folder: Path, body: str, strict: bool = True, about: str = "") -> decisions.Model:
    path = folder / "m.dmn"
    path.write_text(MODEL.format(about, body), encoding="utf-8")
    return decisions.load(path, strict=strict)


def table(text: str, *rules: tuple[str, str], output: str = "<output/>") -> str:
    rows = "".join(
        f"<rule><inputEntry><text>{cell}</text></inputEntry><outputEntry><text>{value}</text></outputEntry></rule>"
        for cell, value in rules
    )
    clause = f"<input><inputExpression><text>{text}</text></inputExpression></input>"
    return f'<decisionTable hitPolicy="FIRST">{clause}{output}{rows}</decisionTable>'


def literal(text: str, kind: str = "", about: str = "") -> str:
    return (
        f'<inputData name="x" id="x"><variable name="x"{kind}/></inputData><decision name="D"><informationRequirement>'
        f'<requiredInput href="#x"/></informationRequirement><literalExpression{about}><text>{text}</text>'
        "</literalExpression></decision>"
    )


ORDER = f'<decision name="D">{table("amount", ("&lt; 10", "1"), ("-", "2"))}</decision>'


def test_an_undeclared_name_is_read_from_the_inputs_or_null_with_its_cause(tmp_path: Path) -> None:
    model = loaded(tmp_path, ORDER, strict=False)
    assert [given.name for given in model.inputs("D")] == ["amount"]
    assert model.decide("D", {"amount": 5}).value == 1
    absent = model.decide("D", {})
    assert absent.value == 2
    assert "needs input 'amount'" in absent.nulls[0]
    with pytest.raises(DefinitionErrors, match="'amount' is not a known name"):
        loaded(tmp_path, ORDER)


@pytest.mark.parametrize(
    "about",
    [
        ' exporter="Camunda Modeler"',
        ' exporter="dmn-js (https://bpmn.io)"',
        ' xmlns:c="http://camunda.org/schema/1.0/dmn"',
    ],
)
def test_an_input_clause_declares_its_input_where_the_modeller_has_no_other_way(tmp_path: Path, about: str) -> None:
    body = ORDER.replace("<inputExpression>", '<inputExpression typeRef="integer">').replace(
        "<text>2<", "<text>amount<"
    )
    model = loaded(tmp_path, body, about=about)
    assert [(given.name, given.type) for given in model.inputs("D")] == [("amount", "number")]
    assert model.decide("D", {"amount": 12}).value == 12
    with pytest.raises(InputError, match="needs input 'amount'"):
        model.decide("D", {})
    with pytest.raises(DefinitionErrors, match="'limit' is not a known name"):
        loaded(tmp_path, body.replace("&lt; 10", "&lt; limit"), about=about)


def test_a_required_decision_is_read_by_its_id_or_its_output(tmp_path: Path) -> None:
    above = '<informationRequirement><requiredDecision href="#season"/></informationRequirement>'
    season = table("temp", ("&lt; 10", '"W"'), ("-", '"S"'), output='<output name="part of year"/>')
    body = (
        f'<decision id="dish" name="Dish">{above}{table("season", ("&quot;W&quot;", "1"), ("-", "2"))}</decision>'
        f'<decision id="side" name="Side">{above}{table("part of year", ("&quot;W&quot;", "3"), ("-", "4"))}</decision>'
        f'<decision id="season" name="The season">{season}</decision>'
    )
    model = loaded(tmp_path, body, strict=False)
    assert model.decide("Dish", {"temp": 2}).value == 1
    assert model.decide("side", {"temp": 20}).value == 4


@pytest.mark.parametrize("kind", ["", ' typeRef="context"', ' typeRef="Any"'])
def test_numbers_inside_contexts_become_numbers_of_feel(tmp_path: Path, kind: str) -> None:
    assert loaded(tmp_path, literal("x.a + 1", kind)).decide("D", {"x": {"a": 1}}).value == Decimal(2)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal("1" * 35), 10**40 + 1])
@pytest.mark.parametrize("kind", ["", ' typeRef="number"'])
@pytest.mark.parametrize("logic", ["literal", "table"])
def test_numbers_that_feel_does_not_have_are_refused(tmp_path: Path, value: Any, kind: str, logic: str) -> None:
    body = literal("x", kind)
    if logic == "table":
        start = body.index("<literalExpression")
        body = body[:start] + table("x", ("&lt; 10", "1"), ("-", "2")) + "</decision>"
    with pytest.raises(InputError, match=r"input x: .* is no number of FEEL"):
        loaded(tmp_path, body).decide("D", {"x": value})


@pytest.mark.parametrize(
    ("body", "about"),
    [
        (literal("x", "", ' expressionLanguage="groovy"'), ""),
        (literal("x"), ' expressionLanguage="http://www.w3.org/1999/XPath"'),
        (literal("x").replace("<literalExpression><text>x</text></literalExpression>", table("x", ("1", "2"))).replace(
            "<inputEntry>", '<inputEntry expressionLanguage="juel">'), ""),
        (literal("x").replace("<literalExpression><text>x</text></literalExpression>", table("x", ("1", "2"))).replace(
            "<inputExpression>", '<inputExpression expressionLanguage="javascript">'), ""),
    ],
)  # fmt: skip
def test_other_expression_languages_are_refused(tmp_path: Path, body: str, about: str) -> None:
    with pytest.raises(DefinitionErrors, match=r"expression language '.*' is refused"):
        loaded(tmp_path, body, about=about)


def test_outputs_need_names_of_their_own(tmp_path: Path) -> None:
    rule = "<rule><outputEntry><text>1</text></outputEntry><outputEntry><text>2</text></outputEntry></rule>"
    for outputs in ("<output/><output/>", '<output name="a"/><output name="a"/>'):
        with pytest.raises(DefinitionErrors, match="table with several outputs"):
            loaded(tmp_path, f'<decision name="D"><decisionTable>{outputs}{rule}</decisionTable></decision>')


def test_functions_call_themselves(tmp_path: Path) -> None:
    text = "if n &lt;= 1 then 1 else n * f(n - 1)"
    body = f"<formalParameter name='n'/><literalExpression><text>{text}</text></literalExpression>"
    context = (
        f'<decision name="D"><context><contextEntry><variable name="f"/><functionDefinition>{body}</functionDefinition>'
        "</contextEntry><contextEntry><literalExpression><text>f(5)</text></literalExpression></contextEntry></context>"
        "</decision>"
    )
    assert loaded(tmp_path, context).decide("D", {}).value == 120
    model = (
        f'<businessKnowledgeModel name="f" id="f"><encapsulatedLogic>{body}</encapsulatedLogic>'
        "</businessKnowledgeModel>"
        '<decision name="D"><knowledgeRequirement><requiredKnowledge href="#f"/></knowledgeRequirement>'
        "<literalExpression><text>f(5)</text></literalExpression></decision>"
    )
    assert loaded(tmp_path, model).decide("D", {}).value == 120


def test_a_list_is_an_item_of_a_list_of_lists(tmp_path: Path) -> None:
    types = (
        '<itemDefinition name="tI" isCollection="true"><typeRef>number</typeRef></itemDefinition>'
        '<itemDefinition name="tL" isCollection="true"><typeRef>tI</typeRef></itemDefinition>'
    )
    assert loaded(tmp_path, types + literal("x", ' typeRef="tL"')).decide("D", {"x": [1, 2]}).value == [[1, 2]]
    assert loaded(tmp_path, types + literal("x", ' typeRef="tI"')).decide("D", {"x": [[1]]}).value == [1]


def test_an_import_of_an_import_does_not_hide_ones_own(tmp_path: Path) -> None:
    def file(name: str, imports: str, body: str) -> None:
        lines = "".join(
            f'<import name="{n}" namespace="urn:{n}" importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>'
            for n in imports.split()
        )
        text = MODEL.replace('namespace="n"', f'namespace="urn:{name}"').format("", lines + body)
        (tmp_path / f"{name}.dmn").write_text(text, encoding="utf-8")

    def decision(name: str, needs: str, text: str) -> str:
        above = "".join(
            f'<informationRequirement><requiredDecision href="{href}"/></informationRequirement>'
            for href in needs.split()
        )
        logic = f"<literalExpression><text>{text}</text></literalExpression>"
        return f'<decision name="{name}" id="{name}">{above}{logic}</decision>'

    file("c", "", decision("Deep", "", "1"))
    file("b", "c", decision("Base", "urn:c#Deep", "c.Deep + 1"))
    file("a", "b c", decision("Top", "urn:b#Base urn:c#Deep", "b.Base + c.Deep"))
    model = decisions.load([tmp_path / f"{name}.dmn" for name in "abc"])
    assert model.decide("Top", {}).value == 3


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [("list&lt;number&gt;", [1, 2], [1, 2]), ("xsd:decimal", 1, 1), ("xsd:string", "a", "a")],
)
def test_types_as_other_tools_write_them(tmp_path: Path, kind: str, value: Any, expected: Any) -> None:
    about = ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    model = loaded(tmp_path, literal("x", f' typeRef="{kind}"'), about=about)
    assert model.decide("D", {"x": value}).value == expected
    with pytest.raises(InputError):
        model.decide("D", {"x": True})


def test_an_input_may_be_named_with_more_spaces(tmp_path: Path) -> None:
    body = literal("x y").replace('name="x"', 'name="x  y"')
    assert loaded(tmp_path, body).decide("D", {"x  y": 1}).value == 1
