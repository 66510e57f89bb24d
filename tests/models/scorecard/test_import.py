"""Foreign scorecards: PMML and spreadsheets come in exactly, or are refused with the place."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from tallystick.core import DefinitionErrors, InputError, Place, TallystickError
from tallystick.models import PointsTable, Scale
from tallystick.models.frames import encode
from tallystick.models.scorecard import read_pmml, read_sheet, sheet
from tallystick.models.scorecard.rules import (
    Always,
    Case,
    Characteristic,
    Compare,
    Missing,
    OneOf,
    Several,
    Test,
    holds,
    imported,
)

PMML = """<?xml version="1.0"?>
<PMML xmlns="http://www.dmg.org/PMML-4_{minor}" version="4.{minor}">
  <Header/>
  <DataDictionary numberOfFields="4">
    <DataField name="department" optype="categorical" dataType="string"/>
    <DataField name="age" optype="continuous" dataType="integer"/>
    <DataField name="income" optype="continuous" dataType="double"/>
    <DataField name="owner" optype="categorical" dataType="boolean"/>
  </DataDictionary>
  <Scorecard modelName="SampleScorecard" functionName="regression" useReasonCodes="true"
      reasonCodeAlgorithm="pointsBelow" initialScore="100" baselineMethod="other">
    <MiningSchema>
      <MiningField name="department" usageType="active" invalidValueTreatment="asMissing"/>
      <MiningField name="age" usageType="active"/>
      <MiningField name="income" usageType="active"/>
      <MiningField name="owner" usageType="active" missingValueReplacement="false"/>
    </MiningSchema>
    <Output><OutputField name="Final Score" feature="predictedValue" dataType="double" optype="continuous"/></Output>
    <Characteristics>
      <Characteristic name="departmentScore" reasonCode="RC1" baselineScore="19">
        <Attribute partialScore="-9">
          <SimplePredicate field="department" operator="isMissing"/></Attribute>
        <Attribute partialScore="19">
          <SimplePredicate field="department" operator="equal" value="marketing"/></Attribute>
        <Attribute partialScore="3"><SimpleSetPredicate field="department" booleanOperator="isIn">
          <Array n="2" type="string">engineering "back \\"office\\""</Array></SimpleSetPredicate></Attribute>
        <Attribute partialScore="6"><True/></Attribute>
      </Characteristic>
      <Characteristic name="ageScore" reasonCode="RC2" baselineScore="18">
        <Attribute partialScore="-1"><SimplePredicate field="age" operator="isMissing"/></Attribute>
        <Attribute partialScore="-3"><SimplePredicate field="age" operator="lessOrEqual" value="18"/></Attribute>
        <Attribute partialScore="0"><CompoundPredicate booleanOperator="and">
          <SimplePredicate field="age" operator="greaterThan" value="18"/>
          <SimplePredicate field="age" operator="lessThan" value="30"/></CompoundPredicate></Attribute>
        <Attribute partialScore="77"><SimplePredicate field="age" operator="equal" value="99"/></Attribute>
        <Attribute partialScore="18.0"><SimplePredicate field="age" operator="greaterOrEqual" value="30"/></Attribute>
      </Characteristic>
      <Characteristic name="incomeScore" reasonCode="RC3" baselineScore="10">
        <Attribute partialScore="5"><SimplePredicate field="income" operator="isMissing"/></Attribute>
        <Attribute partialScore="26"><SimplePredicate field="income" operator="lessThan" value="1000.5"/></Attribute>
        <Attribute partialScore="-3">
          <SimplePredicate field="income" operator="greaterOrEqual" value="1000.5"/></Attribute>
      </Characteristic>
      <Characteristic name="ownerScore" baselineScore="4">
        <Attribute partialScore="4"><SimplePredicate field="owner" operator="equal" value="true"/></Attribute>
        <Attribute partialScore="-4"><SimplePredicate field="owner" operator="notEqual" value="true"/></Attribute>
      </Characteristic>
    </Characteristics>
  </Scorecard>
</PMML>
"""


def total(table: PointsTable, rows: dict[str, list[Any]]) -> list[int]:
    matrix = encode(pl.DataFrame(rows, strict=False), [v.feature for v in table.variables])
    return [int(points) for points in table.total(matrix)]


def written(folder: Path, text: str) -> Path:
    path = folder / "card.pmml"
    path.write_text(text, "utf-8")
    return path


@pytest.mark.parametrize("minor", [1, 2, 3, 4])
def test_the_scorecard_of_the_standard(minor: int, tmp_path: Path) -> None:
    """Texts, intervals open and closed, one exact value, replacement of missing, reason codes and baselines."""
    found = read_pmml(written(tmp_path, PMML.replace("{minor}", str(minor))))
    rows: dict[str, list[Any]] = {
        "department": ["marketing", "engineering", 'back "office"', "sales", None],
        "age": [18, 29, 30, 99, None],
        "income": [1000.5, math.nextafter(1000.5, 0), None, 2000.0, 0.0],
        "owner": [True, False, None, True, True],
    }
    expected = [
        100 + 19 - 3 - 3 + 4,
        100 + 3 + 0 + 26 - 4,
        100 + 3 + 18 + 5 - 4,
        100 + 6 + 77 - 3 + 4,
        100 - 9 - 1 + 26 + 4,
    ]
    assert total(found.table, rows) == expected
    assert (found.name, found.table.base, found.baseline) == ("SampleScorecard", 100, (19.0, 18.0, 10.0, 4.0))
    assert found.codes == {"department": "RC1", "age": "RC2", "income": "RC3"}
    age = found.table.variables[1]
    assert (age.edges, age.specials) == ((18.0, math.nextafter(30.0, 0)), (99.0,))
    assert found.table.scale == Scale()


@pytest.mark.parametrize(
    ("was", "now", "code"),
    [
        ('partialScore="26"', 'partialScore="26.5"', "import.points"),
        ('partialScore="26"', "", "import.points"),
        ('initialScore="100"', 'initialScore="much"', "import.points"),
        ("pointsBelow", "pointsAbove", "pmml.above"),
        ('functionName="regression"', 'functionName="classification"', "pmml.function"),
        ('functionName="regression"', 'functionName="regression" isScorable="false"', "pmml.unscorable"),
        ('field="income" operator="lessThan"', 'field="age" operator="lessThan"', "pmml.fields"),
        ('field="income"', 'field="age"', "import.twice"),
        ('field="income"', 'field="wages"', "pmml.field"),
        (
            'dataType="double"/>\n    <DataField name="owner"',
            'dataType="date"/>\n    <DataField name="owner"',
            "pmml.type",
        ),
        ('operator="lessThan" value="1000.5"', 'operator="lessThan" value="lots"', "pmml.number"),
        ('operator="lessThan" value="1000.5"', 'operator="near" value="1000.5"', "pmml.operator"),
        ('operator="equal" value="marketing"', 'operator="lessThan" value="marketing"', "pmml.operator"),
        ('booleanOperator="isIn"', 'booleanOperator="isAround"', "pmml.operator"),
        ('booleanOperator="and"', 'booleanOperator="nor"', "pmml.operator"),
        ("<True/>", "", "pmml.predicate"),
        ("<True/>", "<ComplexPartialScore/><True/>", "pmml.element"),
        ("<Characteristics>", "<Targets/><Characteristics>", "pmml.element"),
        ('<MiningField name="age" ', '<MiningField name="age" outliers="asExtremeValues" ', "pmml.treatment"),
        ("http://www.dmg.org/PMML-4_4", "http://www.dmg.org/PMML-3_2", "pmml.root"),
        ("Scorecard", "TreeModel", "pmml.card"),
        ("<Header/>", "<Header>", "xml.text"),
        ("<PMML", '<!DOCTYPE PMML [<!ENTITY a "b">]><PMML', "xml.doctype"),
    ],
)
def test_what_whole_points_cannot_hold_is_refused_with_its_line(was: str, now: str, code: str, tmp_path: Path) -> None:
    """Each fault names the file and the line."""
    text = PMML.replace("{minor}", "4")
    assert was in text
    with pytest.raises(TallystickError) as caught:
        read_pmml(written(tmp_path, text.replace(was, now)))
    faults = caught.value.faults if isinstance(caught.value, DefinitionErrors) else (caught.value,)
    assert code in [fault.code for fault in faults]
    for fault in faults:
        assert fault.place is not None
        assert fault.place.file == "card.pmml"
        assert fault.place.line
        assert fault.text("zh")


def test_every_fault_is_shown_at_once(tmp_path: Path) -> None:
    """Two wrong points and a wrong direction are three lines of one error."""
    text = (
        PMML.replace("{minor}", "4")
        .replace('"26"', '"2.5"')
        .replace('"-9"', '"x"')
        .replace("pointsBelow", "pointsAbove")
    )
    with pytest.raises(DefinitionErrors) as caught:
        read_pmml(written(tmp_path, text))
    assert len(caught.value.faults) == 3


def test_values_that_nothing_holds_for(tmp_path: Path) -> None:
    """Where PMML gives no score the file is refused, or the label's lowest points are given and told."""
    text = PMML.replace("{minor}", "4").replace('<SimplePredicate field="age" operator="isMissing"/>', "<False/>")
    with pytest.raises(TallystickError, match="age: nothing says the points of a missing value"):
        read_pmml(written(tmp_path, text))
    found = read_pmml(written(tmp_path, text), uncovered="lowest", scale=Scale(500.0, 10.0, 40.0))
    assert [note.params["points"] for note in found.notes] == [-3]
    assert found.table.scale == Scale(500.0, 10.0, 40.0)
    gap = PMML.replace("{minor}", "4").replace(
        'operator="greaterOrEqual" value="30"', 'operator="greaterThan" value="30"'
    )
    with pytest.raises(TallystickError, match="values above 29"):
        read_pmml(written(tmp_path, gap))


def test_a_deep_or_large_file_is_refused(tmp_path: Path) -> None:
    """A thousand nested predicates do not exhaust the stack."""
    deep = '<CompoundPredicate booleanOperator="and">' * 1_000
    text = PMML.replace("{minor}", "4").replace("<True/>", deep + "<True/>" + "</CompoundPredicate>" * 1_000)
    with pytest.raises(TallystickError, match="deeper than"):
        read_pmml(written(tmp_path, text))
    with pytest.raises(InputError, match="cannot be read"):
        read_pmml(tmp_path / "none.pmml")


NUMBERS = [-2.0, -1.0, 0.0, 0.5, 1.0, 3.0]
numeric = st.sampled_from(NUMBERS)
simple = st.one_of(
    st.builds(Compare, st.sampled_from(["<", "<=", ">", ">=", "=", "!="]), numeric),
    st.builds(OneOf, st.lists(numeric, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(Missing, st.booleans()),
    st.builds(Always, st.booleans()),
)
tests_ = st.recursive(
    simple,
    lambda inner: st.builds(
        Several, st.sampled_from(["and", "or", "xor", "surrogate"]), st.lists(inner, min_size=1, max_size=3).map(tuple)
    ),
    max_leaves=5,
)
texts = st.one_of(
    st.builds(Compare, st.sampled_from(["=", "!="]), st.sampled_from("abc")),
    st.builds(OneOf, st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(Missing, st.booleans()),
)


def naive(cases: list[tuple[Test, int]], value: Any) -> int:
    """The first test that holds, by the definition; the least points where none does."""
    return next((points for test, points in cases if holds(test, value)), min(points for _, points in cases))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(tests_, st.integers(-9, 9)), min_size=1, max_size=6))
def test_bins_of_numbers_are_the_tests_exactly(cases: list[tuple[Test, int]]) -> None:
    """On, beside and between all values that a test names, and where there is none, the bins give its points."""
    rows = tuple(Case(test, points, Place("made")) for test, points in cases)
    found = imported("made", [Characteristic("x", False, rows, Place("made"))], 0, Scale(), "lowest")
    near = [step for value in NUMBERS for step in (math.nextafter(value, -9), value, math.nextafter(value, 9))]
    values = [*near, -7.0, 0.2, 0.7, 2.0, 9.0, -1e308, 1e308]
    assert total(found.table, {"x": [*values, None]}) == [naive(cases, value) for value in [*values, None]]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(texts, st.integers(-9, 9)), min_size=1, max_size=5))
def test_bins_of_texts_are_the_tests_exactly(cases: list[tuple[Test, int]]) -> None:
    """Named texts, all others and missing; of the others those that no test holds for read as missing."""
    rows = tuple(Case(test, points, Place("made")) for test, points in cases)
    found = imported("made", [Characteristic("x", True, rows, Place("made"))], 0, Scale(), "lowest")
    named = {value for test, _ in cases for value in getattr(test, "values", (getattr(test, "value", None),))}
    expected = []
    for value in ["a", "b", "c", "d", "", None]:
        told = value in named or any(holds(test, value) for test, _ in cases)
        expected.append(naive(cases, value if told else None))
    assert total(found.table, {"x": ["a", "b", "c", "d", "", None]}) == expected


PLAIN = """Variable;Bin;Points
base;;500
age;"(-inf, 25.00)";-20
;"[25.00, 40.00)";0
;"[40.00, inf)";15
;Missing;-5
purpose;"['car' 'new, red']";10
;"radio, tv; 'other'";-4
;other;1
;missing;2
late;-1;30
;≤ 0;5
;0 < x <= 3;-6
;> 3;-30
;缺失;0
"""


def test_a_table_as_banks_keep_it(tmp_path: Path) -> None:
    """Intervals open to either side, lists of texts as people and as NumPy write them, codes, blank labels."""
    book = Workbook()
    book.active.title = "Notes"
    page = book.create_sheet("Our card")
    for line in PLAIN.splitlines():
        label, _, rest = line.partition(";")
        name, _, points = rest.rpartition(";")
        whole = points.lstrip("-").isdigit()
        page.append([label or None, name.strip('"') or None, int(points) if whole else points])
    book.save(tmp_path / "card.xlsx")
    found = read_sheet(tmp_path / "card.xlsx", scale=Scale(600.0, 30.0, 20.0))
    rows: dict[str, list[Any]] = {
        "age": [24.999, 25.0, 40.0, None],
        "purpose": ["new, red", "tv", "boat", None],
        "late": [-1, 0, 3, 4],
    }
    assert total(found.table, rows) == [500 - 20 + 10 + 30, 500 - 4 + 5, 500 + 15 + 1 - 6, 500 - 5 + 2 - 30]
    assert found.table.scale == Scale(600.0, 30.0, 20.0)
    assert found.baseline == ()


@pytest.mark.parametrize(
    ("rows", "code", "cell"),
    [
        (["age,18-25,3", "age,26-40,5"], "sheet.bin", "cell B2"),
        (["age,< 25,3", "age,about 30,5"], "sheet.mixed", "cell B3"),
        (["age,< 25,3.5", "age,>= 25,5"], "import.points", "cell B2"),
        (["age,< 25,1_0", "age,>= 25,5"], "import.points", "cell B2"),
        (["age,< 25,", "age,>= 25,5"], "import.points", "cell B2"),
        ([",< 25,3"], "sheet.label", "cell B2"),
        (["age,< 25,3", "age,>= 25,5"], "import.uncovered", "cell B2"),
        (["age,< 25,3", "age,> 25,5", "age,missing,0"], "import.uncovered", "cell B2"),
        (["age,< 25,3", "age,>= 25,5", "age,missing,0", "age,missing,9"], "sheet.twice", "cell B5"),
        (["base,,500", "base,,510", "age,other,5", "age,missing,0"], "sheet.twice", "cell B3"),
    ],
)
def test_rows_that_are_not_understood_are_named(rows: list[str], code: str, cell: str, tmp_path: Path) -> None:
    """A range without brackets may mean either end; half points and gaps are refused: file and cell are told."""
    (tmp_path / "card.csv").write_text("\n".join(["label,bin,points", *rows]), "utf-8")
    with pytest.raises(TallystickError) as caught:
        read_sheet(tmp_path / "card.csv")
    fault = caught.value.faults[0] if isinstance(caught.value, DefinitionErrors) else caught.value
    assert (fault.code, str(fault.place)) == (code, f"card.csv, {cell}")


def test_files_that_hold_no_card(tmp_path: Path) -> None:
    """Another table, no table, no workbook."""
    (tmp_path / "card.csv").write_text("name,value\na,1\n", "utf-8")
    (tmp_path / "card.xlsx").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "base.csv").write_text("label,bin,points\nbase,,500\n", "utf-8")
    for name, code in (
        ("card.csv", "sheet.none"),
        ("base.csv", "import.empty"),
        ("card.xlsx", "import.read"),
        ("none.csv", "import.read"),
    ):
        with pytest.raises(TallystickError) as caught:
            read_sheet(tmp_path / name)
        assert caught.value.code == code


def test_a_cell_far_out_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One cell in the last corner of a sheet, and a workbook that unpacks to too much, are refused."""
    book = Workbook()
    book.active.cell(1_048_576, 16_384, 1)
    book.save(tmp_path / "wide.xlsx")
    with pytest.raises(InputError) as caught:
        read_sheet(tmp_path / "wide.xlsx")
    assert caught.value.code == "sheet.cells"
    monkeypatch.setattr(sheet, "_UNPACKED_MAX", 1_000)
    with pytest.raises(InputError) as caught:
        read_sheet(tmp_path / "wide.xlsx")
    assert caught.value.code == "import.large"


def test_chinese_headings_are_read(tmp_path: Path) -> None:
    """A table of 标签, 分箱 and 分值."""
    lines = ["标签,分箱,分值", "基础分,,600", "年龄,< 30,-10", "年龄,>= 30,10", "年龄,缺失,0"]
    (tmp_path / "card.csv").write_text("\n".join(lines), "utf-8-sig")
    assert total(read_sheet(tmp_path / "card.csv").table, {"年龄": [20, 30, None]}) == [590, 610, 600]


def test_infinities_lie_in_the_outer_bins(tmp_path: Path) -> None:
    """An infinity is read as the largest finite number."""
    found = read_pmml(written(tmp_path, PMML.replace("{minor}", "4")))
    column = encode(pl.DataFrame({"income": [np.inf, -np.inf]}), [found.table.variables[2].feature])
    alone = PointsTable(Scale(), 0, found.table.variables[2:3], found.table.points[2:3], (1.0,))
    assert alone.total(column).tolist() == [-3, 26]
