"""Models: requirements, types, inputs, versions, cases, and files that are refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import decisions
from tallystick.core import DefinitionError, DefinitionErrors, InputError

HEAD = '<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="bank" name="m">'
LIMIT = f"""<?xml version="1.0" encoding="UTF-8"?>
{HEAD}
  <itemDefinition name="tRisk"><typeRef>string</typeRef>
    <allowedValues><text>"low", "high"</text></allowedValues></itemDefinition>
  <inputData id="i1" name="Income"><variable name="Income" typeRef="number"/></inputData>
  <inputData id="i2" name="Risk class"><variable name="Risk class" typeRef="tRisk"/></inputData>
  <businessKnowledgeModel id="b1" name="months"><encapsulatedLogic>
    <formalParameter name="n" typeRef="number"/>
    <literalExpression><text>n * Income factor</text></literalExpression></encapsulatedLogic>
    <knowledgeRequirement><requiredKnowledge href="#b2"/></knowledgeRequirement>
  </businessKnowledgeModel>
  <businessKnowledgeModel id="b2" name="Income factor"><encapsulatedLogic>
    <literalExpression><text>3</text></literalExpression></encapsulatedLogic></businessKnowledgeModel>
  <decision id="d1" name="Factor"><variable name="Factor" typeRef="number"/>
    <informationRequirement><requiredInput href="#i2"/></informationRequirement>
    <decisionTable hitPolicy="FIRST">
      <input><inputExpression><text>Risk class</text></inputExpression></input><output/>
      <annotation name="reason"/>
      <rule id="a"><inputEntry><text>"low"</text></inputEntry><outputEntry><text>2</text></outputEntry>
        <annotationEntry><text/></annotationEntry></rule>
      <rule id="b"><inputEntry><text>-</text></inputEntry><outputEntry><text>0.5</text></outputEntry>
        <annotationEntry><text>RISK_CLASS</text></annotationEntry></rule>
    </decisionTable></decision>
  <decision id="d2" name="Credit limit"><variable name="Credit limit" typeRef="number"/>
    <informationRequirement><requiredDecision href="#d1"/></informationRequirement>
    <informationRequirement><requiredInput href="bank#i1"/></informationRequirement>
    <literalExpression><text>Income * Factor</text></literalExpression></decision>
</definitions>"""
LIMIT = LIMIT.replace("n * Income factor", "n * Income factor()")


def written(folder: Path, text: str, name: str = "limit.dmn") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_decision_runs_through_its_requirements_and_keeps_the_trace(tmp_path: Path) -> None:
    model = decisions.load(written(tmp_path, LIMIT))
    assert model.decisions == ("Factor", "Credit limit")
    assert [(i.name, i.type) for i in model.inputs("Credit limit")] == [("Income", "number"), ("Risk class", "tRisk")]
    result = model.decide("Credit limit", {"Income": 1000, "Risk class": "high", "unused": object()})
    assert result.value == Decimal(500)
    assert result.trace == {
        "Income": Decimal(1000),
        "Risk class": "high",
        "Factor": Decimal("0.5"),
        "Credit limit": Decimal(500),
    }
    assert result.reasons == ("RISK_CLASS",)
    assert result.nulls == ()


def test_a_null_input_is_a_value_and_its_cause_is_told(tmp_path: Path) -> None:
    model = decisions.load(written(tmp_path, LIMIT))
    result = model.decide("Credit limit", {"Income": None, "Risk class": "low"})
    assert result.value is None
    assert result.nulls == ("Credit limit: Income is null in the input",)


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"Income": 1}, "decision Credit limit needs input 'Risk class', which is absent; .* .given: Income"),
        ({"Income": "1", "Risk class": "low"}, 'input Income is "1"; allowed: number'),
        ({"Income": 1, "Risk class": "mid"}, 'input Risk class is "mid"; allowed: tRisk ."low", "high"'),
    ],
)
def test_inputs_that_are_absent_or_not_of_their_type_are_refused(
    tmp_path: Path, inputs: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        decisions.load(written(tmp_path, LIMIT)).decide("Credit limit", inputs)


def test_an_unknown_decision_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no decision 'Limit'; the model has: Factor, Credit limit"):
        decisions.load(written(tmp_path, LIMIT)).decide("Limit", {})


def test_knowledge_models_are_functions(tmp_path: Path) -> None:
    text = LIMIT.replace(
        "<literalExpression><text>Income * Factor</text>",
        '<knowledgeRequirement><requiredKnowledge href="#b1"/></knowledgeRequirement>'
        "<literalExpression><text>months(n: Income)</text>",
    )
    assert decisions.load(written(tmp_path, text)).decide(
        "Credit limit", {"Income": 5, "Risk class": "low"}
    ).value == Decimal(15)


def test_the_version_hangs_on_the_content_and_not_on_its_layout(tmp_path: Path) -> None:
    model = decisions.load(written(tmp_path, LIMIT))
    spaced = LIMIT.replace("Income * Factor", " (Income\n *  Factor) // limit").replace('id="a"', 'id="z"')
    assert decisions.load(written(tmp_path, spaced, "other.dmn")).version == model.version
    for old, new in (("<text>2</text>", "<text>3</text>"), ('"low", "high"', '"low"'), ("RISK_CLASS", "RISK")):
        assert decisions.load(written(tmp_path, LIMIT.replace(old, new))).version != model.version


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("Income * Factor", "Incom * Factor", r"limit.dmn:\d+, decision Credit limit: 'Incom' is not a known name"),
        ("Income * Factor", "Income * Risk class", "'Risk class' is part of the model but is not required here"),
        ("Income * Factor", "Income * months", "'months' is part of the model but is not required here"),
        ('href="#d1"', 'href="#d9"', "decision Credit limit: '#d9' refers to no decision; known ids: #d1, #d2"),
        ('href="#i2"', 'href="#i1"', "decision Factor, input 1: 'Risk class' is part of the model"),
        (
            '<requiredInput href="#i2"/>',
            '<requiredDecision href="#d2"/>',
            "run in a circle: Factor → Credit limit → Factor",
        ),
        ('id="b"', 'id="a"', "id 'a' is used twice"),
        ('name="Income" typeRef', 'name="Factor" typeRef', "name 'Factor' is used twice"),
        ('typeRef="tRisk"', 'typeRef="tRsk"', "'tRsk' is not a type; allowed: Any, boolean"),
        ("20230324", "20151101", "the root element is .*; allowed: definitions of DMN 1.2, 1.3, 1.4 or 1.5"),
        ("<text>Income * Factor</text>", "<text/>", "there is no logic here"),

        ("</definitions>", "", "limit.dmn:.*this is not well-formed XML"),
    ],
)  # fmt: skip
def test_a_faulty_model_is_refused_with_file_decision_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(DefinitionError, match=message):
        decisions.load(written(tmp_path, LIMIT.replace(old, new)))


@pytest.mark.parametrize(
    "prologue",
    [
        '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE d SYSTEM "file:///etc/passwd">',
        '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    ],
)
def test_a_document_type_and_its_entities_are_refused(tmp_path: Path, prologue: str) -> None:
    with pytest.raises(DefinitionErrors, match=r"limit\.dmn:1: a document type declaration is refused"):
        decisions.load(written(tmp_path, prologue + HEAD + "</definitions>"))


@pytest.mark.parametrize("encoding", ["nonsense", "utf-7", "hex", "idna"])
def test_an_encoding_that_cannot_be_read_is_refused(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(DefinitionErrors, match=r"limit\.dmn:1: this is not well-formed XML"):
        decisions.load(written(tmp_path, f'<?xml version="1.0" encoding="{encoding}"?>{HEAD}</definitions>'))


def test_deep_xml_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionErrors, match="nested deeper than 200"):
        decisions.load(written(tmp_path, HEAD + "<context>" * 100_000))


def test_several_files_form_one_model(tmp_path: Path) -> None:
    first, second = LIMIT.split('  <decision id="d2"')
    paths = [
        written(tmp_path, first + "</definitions>", "a.dmn"),
        written(
            tmp_path,
            HEAD.replace('"bank"', '"other"') + '<decision id="d2"' + second.replace('href="#d1"', 'href="bank#d1"'),
            "b.dmn",
        ),
    ]
    assert decisions.load(paths).decide("Credit limit", {"Income": 2, "Risk class": "low"}).value == Decimal(4)


def test_cases_beside_a_model(tmp_path: Path) -> None:
    """A CSV of inputs and expectations; what fails is named by its line."""
    model = decisions.load(written(tmp_path, LIMIT))
    cases = 'Income,Risk class,=Credit limit,=Factor\n1000,low,2000,2\n1000,"""high""",600,0.5\n,low,,2\n'
    report = decisions.run_cases(model, written(tmp_path, cases, "cases.csv"))
    assert report.total == 6
    assert report.failures == (decisions.Failure(3, "Credit limit", "600", "500.0"),)
    with pytest.raises(InputError, match="column 'Incom' is neither"):
        decisions.run_cases(model, written(tmp_path, "Incom,=Factor\n1,2\n", "cases.csv"))
    with pytest.raises(InputError, match="no column that begins with ="):
        decisions.run_cases(model, written(tmp_path, "Income\n1\n", "cases.csv"))


def test_a_required_decision_that_is_given_is_not_worked_out(tmp_path: Path) -> None:
    """Then its own inputs are not needed either; a decision that is asked for is always worked out."""
    model = decisions.load(written(tmp_path, LIMIT))
    result = model.decide("Credit limit", {"Income": 10, "Factor": 7, "Credit limit": 1})
    assert result.value == Decimal(70)
    assert result.matched == ()
    with pytest.raises(InputError, match='input Factor is "7"; allowed: number'):
        model.decide("Credit limit", {"Income": 10, "Factor": "7"})


def test_a_decision_without_logic_must_be_given(tmp_path: Path) -> None:
    text = LIMIT.replace("<literalExpression><text>Income * Factor</text></literalExpression>", "")
    text = text.replace(
        "</definitions>",
        """<decision id="d3" name="Offer">
        <informationRequirement><requiredDecision href="#d2"/></informationRequirement>
        <literalExpression><text>Credit limit - 1</text></literalExpression></decision></definitions>""",
    )
    model = decisions.load(written(tmp_path, text))
    assert [given.name for given in model.inputs("Offer")] == ["Credit limit"]
    assert model.decide("Offer", {"Credit limit": 5}).value == Decimal(4)
    with pytest.raises(InputError, match="decision Offer needs input 'Credit limit', which is absent"):
        model.decide("Offer", {"Income": 1, "Risk class": "low"})
    assert model.decide("Credit limit", {}).nulls == ("Credit limit: null",)


def test_without_strictness_what_is_wrong_is_null_with_its_cause_and_the_rest_goes_on(tmp_path: Path) -> None:
    text = LIMIT.replace("Income * Factor", "Incom * Factor")
    path = written(tmp_path, text)
    with pytest.raises(DefinitionErrors, match="'Incom' is not a known name"):
        decisions.load(path)
    model = decisions.load(path, strict=False)
    result = model.decide("Credit limit", {"Income": "x"})
    assert result.value is None
    assert result.trace["Factor"] == Decimal("0.5")
    assert any('Income: "x" is not number' in cause for cause in result.nulls)
    assert any("needs input 'Risk class'" in cause for cause in result.nulls)
    assert any("Incom" in cause for cause in result.nulls)
    broken = decisions.load(written(tmp_path, LIMIT.replace("Income * Factor", "Income * (")), strict=False)
    result = broken.decide("Credit limit", {"Income": 1, "Risk class": "low"})
    assert result.value is None
    assert result.trace["Factor"] == Decimal(2)
    assert "limit.dmn" in result.nulls[0]


def test_a_decision_model_of_an_older_version_of_dmn_is_read(tmp_path: Path) -> None:
    for namespace in (
        "http://www.omg.org/spec/DMN/20180521/MODEL/",
        "https://www.omg.org/spec/DMN/20191111/MODEL/",
        "https://www.omg.org/spec/DMN/20211108/MODEL/",
    ):
        text = LIMIT.replace("https://www.omg.org/spec/DMN/20230324/MODEL/", namespace)
        prefixed = text.replace("<definitions xmlns=", "<d:definitions xmlns:d=").replace("</def", "</d:def")
        for tag in ("itemDefinition", "typeRef", "allowedValues", "text", "inputData", "variable", "decision",
                    "businessKnowledgeModel", "encapsulatedLogic", "formalParameter", "literalExpression", "rule",
                    "knowledgeRequirement", "requiredKnowledge", "informationRequirement", "requiredInput", "input",
                    "requiredDecision", "decisionTable", "inputExpression", "output", "annotation", "inputEntry",
                    "outputEntry", "annotationEntry"):  # fmt: skip
            for opening in (f"<{tag} ", f"<{tag}>", f"<{tag}/>", f"</{tag}>"):
                prefixed = prefixed.replace(opening, opening.replace(tag, f"d:{tag}"))
        for written_as in (text, prefixed):
            model = decisions.load(written(tmp_path, written_as))
            assert model.decide("Credit limit", {"Income": 1, "Risk class": "low"}).value == Decimal(2)


def test_what_other_tools_add_is_left_alone(tmp_path: Path) -> None:
    text = LIMIT.replace(
        "</definitions>",
        """<extensionElements><x:grid xmlns:x="urn:x"><x:cell id="i1"/></x:grid>
        </extensionElements><knowledgeSource id="k" name="Policy"/>
        <textAnnotation id="t"><text>hm</text></textAnnotation>
        <di:DMNDI xmlns:di="https://www.omg.org/spec/DMN/20230324/DMNDI/"><di:DMNDiagram id="i1"/></di:DMNDI>
        <businessContextElement/></definitions>""",
    )
    assert decisions.load(written(tmp_path, text)).version == decisions.load(written(tmp_path, LIMIT, "b.dmn")).version


def test_inputs_nested_too_deep_are_refused(tmp_path: Path) -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(InputError, match="input Income is nested too deep"):
        decisions.load(written(tmp_path, LIMIT)).decide("Credit limit", {"Income": deep, "Risk class": "low"})


PIECES = st.sampled_from(
    ["(", "]", '"', "..", "<text/>", "</text>", "?", "__class__", "&lt;", "&a;", "null", "#", "tRisk"]
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, len(LIMIT)), st.integers(0, 40), PIECES), min_size=1, max_size=3), st.booleans()
)
def test_a_model_that_was_damaged_is_refused_or_runs(edits: list[tuple[int, int, str]], strict: bool) -> None:
    text = LIMIT
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
    with TemporaryDirectory() as folder:
        try:
            model = decisions.load(written(Path(folder), text), strict=strict)
        except DefinitionError:
            return
        for name in model.decisions:
            try:
                model.decide(name, {"Income": 1, "Risk class": "low"})
            except InputError:
                assert strict
