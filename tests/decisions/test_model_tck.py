"""The runner of the compatibility kit: its comparer must fail what is wrong, and the public part must pass."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tallystick.decisions.tck import main, run_tck, same

MODEL = """<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" namespace="n" name="m">
  <inputData id="i" name="a"><variable name="a" typeRef="number"/></inputData>
  <decision id="d" name="double"><variable name="double"/>
    <informationRequirement><requiredInput href="#i"/></informationRequirement>
    <literalExpression><text>a * 2</text></literalExpression></decision>
  <decision id="e" name="next"><variable name="next"/>
    <informationRequirement><requiredDecision href="#d"/></informationRequirement>
    <literalExpression><text>double + 1</text></literalExpression></decision>
  <decision id="f" name="broken"><variable name="broken"/>
    <literalExpression><text>1 +</text></literalExpression></decision>
  <decisionService id="s" name="both"><outputDecision href="#d"/><outputDecision href="#e"/><inputData href="#i"/>
  </decisionService>
  <businessKnowledgeModel id="b" name="half"><encapsulatedLogic><formalParameter name="n" typeRef="number"/>
    <literalExpression><text>n / 2</text></literalExpression></encapsulatedLogic></businessKnowledgeModel>
</definitions>"""
CASES = """<testCases xmlns="http://www.omg.org/spec/DMN/20160719/testcase"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><modelName>m.dmn</modelName>
  <testCase id="right"><inputNode name="a"><value xsi:type="xsd:decimal">4</value></inputNode>
    <resultNode name="double"><expected><value xsi:type="xsd:decimal">8.000000001</value></expected></resultNode>
    <resultNode name="next"><expected><value xsi:type="xsd:decimal">9</value></expected></resultNode></testCase>
  <testCase id="half wrong"><inputNode name="a"><value xsi:type="xsd:decimal">4</value></inputNode>
    <resultNode name="double"><expected><value xsi:type="xsd:decimal">8</value></expected></resultNode>
    <resultNode name="next"><expected><value>9</value></expected></resultNode></testCase>
  <testCase id="override"><inputNode name="double"><value xsi:type="xsd:decimal">1</value></inputNode>
    <resultNode name="next"><expected><value xsi:type="xsd:decimal">2</value></expected></resultNode></testCase>
  <testCase id="service" type="decisionService" invocableName="both">
    <inputNode name="a"><value xsi:type="xsd:decimal">1</value></inputNode>
    <resultNode name="double"><expected><value xsi:type="xsd:decimal">2</value></expected></resultNode>
    <resultNode name="next"><expected><value xsi:type="xsd:decimal">3</value></expected></resultNode>
    <resultNode name="both"><expected><component name="double"><value xsi:type="xsd:decimal">2</value></component>
      <component name="next"><value xsi:type="xsd:decimal">3</value></component></expected></resultNode></testCase>
  <testCase id="bkm" type="bkm" invocableName="half">
    <inputNode name="n"><value xsi:type="xsd:decimal">3</value></inputNode>
    <resultNode name="half"><expected><value xsi:type="xsd:decimal">1.5</value></expected></resultNode></testCase>
  <testCase id="error"><resultNode name="broken" errorResult="true">
    <expected><value>1</value></expected></resultNode></testCase>
  <testCase id="none"><resultNode name="nothing"><expected><value>1</value></expected></resultNode></testCase>
</testCases>"""


def kit(folder: Path) -> Path:
    inner = folder / "compliance-level-3" / "0001-own"
    inner.mkdir(parents=True)
    (inner / "m.dmn").write_text(MODEL, encoding="utf-8")
    (inner / "0001-own-test-01.xml").write_text(CASES, encoding="utf-8")
    return folder


def test_a_case_passes_when_all_its_result_nodes_do(tmp_path: Path) -> None:
    outcomes = run_tck(kit(tmp_path))
    assert [(o.case, o.passed, o.expects) for o in outcomes] == [
        ("right", True, True),
        ("half wrong", False, True),
        ("override", True, True),
        ("service", True, True),
        ("bkm", True, True),
        ("error", True, False),
        ("none", False, True),
    ]
    assert outcomes[1].comment == 'next: expected "9", found 9'
    assert "no decision 'nothing'" in outcomes[-1].comment


def test_the_results_are_written_in_the_form_of_the_kit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "results.csv"
    assert main([str(kit(tmp_path)), "--csv", str(target)]) == 1
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == '"compliance-level-3/0001-own","0001-own-test-01","right","SUCCESS",""'
    assert lines[1].startswith('"compliance-level-3/0001-own","0001-own-test-01","half wrong","ERROR","next: expected')
    printed = capsys.readouterr().out
    assert "5/7 cases passed (71.4%)\n4/6 cases that expect a value passed (66.7%)\n" in printed


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (Decimal(1), True),
        (Decimal(1), "1"),
        (Decimal(1), 1),
        (Decimal(1), 1.0),
        (Decimal(0), False),
        (Decimal(0), None),
        (Decimal(1), Decimal("1.00000002")),
        (None, False),
        (None, []),
        ("", None),
        ("a", "A"),
        ("1", Decimal(1)),
        (True, "true"),
        ([Decimal(1), Decimal(2)], [Decimal(2), Decimal(1)]),
        ([Decimal(1)], Decimal(1)),
        ([Decimal(1)], [Decimal(1), Decimal(1)]),
        ([], None),
        ([None], []),
        ({"a": None}, {}),
        ({"a": Decimal(1)}, {"a": Decimal(1), "b": None}),
        ({"a": Decimal(1)}, [Decimal(1)]),
        (date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        (date(2026, 1, 1), "2026-01-01"),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC)),
        (datetime(2026, 1, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")), datetime(2026, 1, 1, tzinfo=UTC)),
        (timedelta(days=1), "P1D"),
    ],
)
def test_the_comparer_of_the_kit_is_strict(expected: object, found: object) -> None:
    assert not same(expected, found)
    assert not same(found, expected)
    assert same(expected, expected)


@pytest.mark.real
def test_the_public_part_of_the_compatibility_kit(shared: Path) -> None:
    outcomes = run_tck(shared / "tck")
    assert len(outcomes) == 2_152
    assert [(o.file, o.case, o.comment) for o in outcomes if not o.passed] == []
