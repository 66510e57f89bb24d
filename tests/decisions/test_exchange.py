"""Tables to spreadsheets and back without loss, faults by cell, and what differs between two models."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZipFile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick import decisions
from tallystick.core import DefinitionErrors, InputError, TallystickError, UsageError

SPACE = "https://www.omg.org/spec/DMN/20230324/MODEL/"
TEXTS = ['"0012"', "1.10", '"=A1"', "\"'x\"", '"a\nb"', '"a\r\nb"', '"_x0041_"', '"_x005F_"', '"#N/A"', '"1e5"',
         '"<&>"', '"中 é 😀"', '"tab\tx"', '"say \\"so\\""', 'date("2026-01-31")', "true", "null", "-0.50"]  # fmt: skip
TESTS = ["-", "", "> 0012", "[1.10..2]", "not(7)", "< 3, > 5", "? = 4", *TEXTS]
NOTES = ["", "=SUM(A1)", "'quoted", "0012", "2026-01-31", "a, b;c", "-", "@x", "+1", "line\nline"]
POLICIES = ["FIRST", "UNIQUE", "ANY", "RULE ORDER", "COLLECT", "COLLECT COUNT", ""]
Table = dict[str, Any]


@st.composite
def drawn(draw: st.DrawFn) -> Table:
    inputs, notes = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    policy = draw(st.sampled_from(POLICIES))
    outputs = draw(st.integers(1, 1 if policy == "COLLECT COUNT" else 2))
    rule = st.tuples(
        st.lists(st.sampled_from(TESTS), min_size=inputs, max_size=inputs),
        st.lists(st.sampled_from(TEXTS), min_size=outputs, max_size=outputs),
        st.lists(st.sampled_from(NOTES), min_size=notes, max_size=notes),
    )
    rules = draw(st.lists(rule, max_size=6))
    return {
        "policy": policy,
        "inputs": draw(st.lists(st.sampled_from(["a", "b + 1", "a = b"]), min_size=inputs, max_size=inputs)),
        "allowed": draw(st.sampled_from(["", '"0012", 1.10', "> -9"])),
        "type": draw(st.sampled_from(["", "Any"])),
        "outputs": outputs,
        "values": draw(st.sampled_from(["", ", ".join(TEXTS)])),
        "default": draw(st.sampled_from(["", *TEXTS])),
        "notes": ["reason", "note"][:notes],
        "rules": rules,
        "ids": draw(st.booleans()),
        "label": draw(st.sampled_from(["", "=A1", "Wie\nalt?"])),
    }


def text_of(tag: str, text: str) -> str:
    return f"<{tag}><text>{escape(text, {chr(13): '&#13;'})}</text></{tag}>"


def logic(table: Table) -> str:
    policy, _, aggregation = (
        table["policy"].partition(" ") if "COLLECT" in table["policy"] else (table["policy"], "", "")
    )
    parts = [f"<decisionTable{f' hitPolicy={quoteattr(policy)}' if policy else ''}"]
    parts += [f" aggregation={quoteattr(aggregation)}" if aggregation else "", ">\n"]
    kind = f' typeRef="{table["type"]}"' if table["type"] else ""
    for number, expression in enumerate(table["inputs"]):
        name = (f' id="in{number}"' if table["ids"] else "") + (
            f" label={quoteattr(table['label'])}" if table["label"] else ""
        )
        inner = f"<inputExpression{kind}><text>{escape(expression)}</text></inputExpression>"
        parts.append(
            f"<input{name}>{inner}{text_of('inputValues', table['allowed']) if table['allowed'] else ''}</input>"
        )
    for number in range(table["outputs"]):
        inner = text_of("outputValues", table["values"]) if table["values"] else ""
        inner += text_of("defaultOutputEntry", table["default"]) if table["default"] else ""
        parts.append(f'<output name="o{number}"{kind}>{inner}</output>')
    parts += [f'<annotation name="{name}"/>' for name in table["notes"]]
    for number, (cells, outputs, notes) in enumerate(table["rules"], 1):
        entries = [text_of("inputEntry", c) for c in cells] + [text_of("outputEntry", o) for o in outputs]
        entries += [text_of("annotationEntry", note) for note in notes]
        rule = f'<rule id="r{number}">' if table["ids"] else "<rule>"
        parts.append(f"\n  {rule}{''.join(entries)}</rule>")
    return "".join(parts) + "</decisionTable>"


def xml(body: str, name: str = "D") -> str:
    data = "".join(f'<inputData id="{n}" name="{n}"/>' for n in "ab")
    needs = "".join(f'<informationRequirement><requiredInput href="#{n}"/></informationRequirement>' for n in "ab")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<definitions xmlns="{SPACE}" namespace="n" name="m">{data}'
        f'<decision id="d" name={quoteattr(name)}>{needs}{body}</decision></definitions>'
    )


def load(text: str | bytes) -> decisions.Model:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.dmn"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return decisions.load(path)


FACES = {"x.xlsx": (decisions.to_excel, decisions.from_excel), "x.csv": (decisions.to_csv, decisions.from_csv)}


@settings(max_examples=100, deadline=None)
@given(drawn(), drawn(), st.sampled_from(["en", "zh"]), st.sampled_from(list(FACES)))
def test_a_table_comes_back_whole(table: Table, other: Table, language: Any, name: str) -> None:
    """Into its own model no byte changes; into another's place, or alone, the version is the first one's."""
    model, second = load(xml(logic(table))), load(xml(logic(other)))
    write, read = FACES[name]
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        assert write(model, path, "D", language) == ("D",)
        assert read(path, model).sources == model.sources
        assert read(path).version == model.version
        merged = read(path, second)
        assert merged.version == model.version
        assert decisions.tables(merged)[0].rows == decisions.tables(model)[0].rows


@settings(max_examples=100, deadline=None)
@given(drawn(), drawn())
def test_models_differ_in_words_exactly_where_their_versions_do(table: Table, other: Table) -> None:
    first, second = load(xml(logic(table))), load(xml(logic(other)))
    found = decisions.diff(first, second)
    assert bool(found) == (first.version != second.version)
    assert all(change.text(language) for change in found for language in ("en", "zh"))
    assert decisions.diff(first, first) == ()


AGES: Table = {
    "policy": "FIRST", "inputs": ["a", "b"], "allowed": "", "type": "", "outputs": 1, "values": "", "default": "",
    "notes": ["reason"], "ids": True, "label": "",
    "rules": [([">= 18", '"DE"'], ["1"], ["ADULT"]), ([">= 16", "-"], ["2"], [""]), (["-", "-"], ["3"], [""])],
}  # fmt: skip
BODY = logic(AGES)


def edited(folder: Path, *cells: tuple[str, Any], body: str = BODY) -> Path:
    path = folder / "d.xlsx"
    decisions.to_excel(load(xml(body)), path)
    book = openpyxl.load_workbook(path)
    for place, value in cells:
        book["D"][place].value = value
    book.save(path)
    return path


def test_a_sheet_is_laid_out_to_be_read(tmp_path: Path) -> None:
    page = openpyxl.load_workbook(edited(tmp_path))["D"]
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    assert rows[0][:2] == ["Decision table", "D"]
    assert rows[2][:2] == ["Hit policy", "FIRST"]
    assert rows[14] == ["Rule", "Rule id", "a", "b", "o0", "reason"]
    assert rows[15] == ["1", "r1", ">= 18", '"DE"', "1", "ADULT"]
    assert {cell.data_type for row in page.iter_rows() for cell in row if cell.value} == {"s"}
    assert page.freeze_panes == "C16"


def test_a_changed_cell_is_changed_in_the_file_and_nothing_else_is(tmp_path: Path) -> None:
    text = xml(BODY.replace("<rule", "<!-- kept --><rule").replace("</rule>", "<!-- too --></rule>"))
    text = text.replace("</definitions>", '<x:view xmlns:x="urn:x" at="1"/></definitions>').replace("\n", "\r\n")
    path = edited(tmp_path, ("C16", ">= 21"))
    found = decisions.from_excel(path, load(text)).sources[0][1].decode()
    assert found == text.replace("&gt;= 18", "&gt;= 21")


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "utf-8-sig", "ascii"])
def test_a_file_keeps_its_characters(tmp_path: Path, encoding: str) -> None:
    declared = {"utf-8-sig": "UTF-8", "ascii": "US-ASCII"}.get(encoding, encoding.upper())
    text = xml(BODY, "D").replace('name="m"', 'name="m&#233;"' if encoding == "ascii" else 'name="mé"')
    model = load(text.replace("UTF-8", declared, 1).encode(encoding))
    changed = decisions.from_excel(edited(tmp_path, ("C16", '"ä中"')), model)
    assert decisions.tables(changed)[0].rows[0].cells[0] == '"ä中"'
    assert decisions.diff(model, changed)[0].new == '"ä中"'


def test_rules_come_go_and_move(tmp_path: Path) -> None:
    """A row put in, one copied (its id stays with the first), one deleted; and all the other way round."""
    path = edited(tmp_path)
    book = openpyxl.load_workbook(path)
    page = book["D"]
    page.insert_rows(16)
    for place, text in (("C16", "< 0"), ("E16", "0")):
        page[place] = text
    for column in "ABCDEF":
        page[f"{column}21"] = page[f"{column}19"].value
    page.delete_rows(18)
    book.save(path)
    model = load(xml(BODY))
    changed = decisions.from_excel(path, model)
    rows = [(row.id, row.cells[0], row.cells[2]) for row in decisions.tables(changed)[0].rows]
    assert rows == [("", "< 0", "0"), ("r1", ">= 18", "1"), ("r3", "-", "3"), ("", "-", "3")]
    assert [(change.how, change.rule) for change in decisions.diff(model, changed)] == [
        ("rule_removed", "2"),
        ("rule_added", "1"),
        ("rule_added", "4"),
    ]
    text = changed.sources[0][1].decode()
    assert text.count("\n  <rule") == 4
    for row in range(3):
        for column in "BCDEF":
            page[f"{column}{30 + row}"] = page[f"{column}{19 - row}"].value
    page.delete_rows(16, 4)
    book.save(path)
    turned = decisions.tables(decisions.from_excel(path, changed))[0].rows
    assert [row.id for row in turned] == ["r3", "", "r1"]


@pytest.mark.parametrize(
    ("place", "value", "match"),
    [
        ("C16", ">= ", r"^d\.xlsx, sheet D, cell C16: "),
        ("D17", "c > 1", r"^d\.xlsx, sheet D, cell D17: 'c' is not a known name"),
        ("E18", "1 +", r"^d\.xlsx, sheet D, cell E18: "),
        ("C15", "c", r"^d\.xlsx, sheet D, cell C15: 'c' is not a known name"),
        ("C13", "> > 1", r"^d\.xlsx, sheet D, cell C13: "),
        ("E13", "1, 2 +", r"^d\.xlsx, sheet D, cell E13: "),
        ("E14", "1 +", r"^d\.xlsx, sheet D, cell E14: "),
        ("E12", "numbr", r"^d\.xlsx, sheet D, cell E12: 'numbr' is not a type; allowed: Any, "),
        ("B3", "FRIST", r"^d\.xlsx, sheet D, cell B3: hit policy 'FRIST' is not one; allowed: UNIQUE, "),
        ("B3", "PRIORITY", r"^d\.xlsx, sheet D, cell B3: hit policy PRIORITY needs output values"),
        ("B4", "SUM", r"^d\.xlsx, sheet D, cell B3: hit policy 'FIRST SUM'"),
        ("C9", "in", r"^d\.xlsx, sheet D, cell C9: 'in'; allowed: input, output, annotation"),
        ("C14", "1", r"^d\.xlsx, sheet D, cell C14: '1' cannot be said of a column of kind input"),
        ("A4", "Agregation", r"^d\.xlsx, sheet D, cell A4: 'Agregation' is no heading; allowed: Decision table, "),
        ("G17", "7", r"^d\.xlsx, sheet D, cell G17: '7' stands under no column"),
        ("C17", "=1+1", r"^d\.xlsx, sheet D, cell C17: =1\+1 is a date, formula or error .*allowed: text, a number"),
        ("C17", date(2026, 1, 31), r"^d\.xlsx, sheet D, cell C17: 2026-01-31 .*is a date"),
        ("C17", '"_x0001_"', r"^d\.xlsx, sheet D, cell C17: .*character that XML cannot hold"),
        ("B1", "E", r"^d\.xlsx, sheet D, cell B1: there is no table 'E'; the model has: D"),
        ("B5", "number", r"^d\.xlsx, sheet D, cell B5: 'number' lies outside the table"),
        ("B6", "c", r"^d\.xlsx, sheet D, cell B6: 'c, b' lies outside the table .*allowed here: a, b"),
        ("A15", "Rules", r"^d\.xlsx, sheet D, cell A15: 'Rules' is no heading"),
    ],
)
def test_an_invalid_cell_is_refused_by_its_address(tmp_path: Path, place: str, value: Any, match: str) -> None:
    path, model = edited(tmp_path, (place, value)), load(xml(BODY))
    with pytest.raises(DefinitionErrors, match=match) as caught:
        decisions.from_excel(path, model)
    assert all(fault.place and "cell" in fault.place.cell for fault in caught.value.faults)


def test_all_faults_are_shown_together(tmp_path: Path) -> None:
    path = edited(tmp_path, ("C16", "> >"), ("D18", "c > 1"))
    with pytest.raises(DefinitionErrors) as caught:
        decisions.from_excel(path, load(xml(BODY)))
    assert [str(fault.place) for fault in caught.value.faults] == [
        "d.xlsx, sheet D, cell C16",
        "d.xlsx, sheet D, cell D18",
    ]


def test_tables_on_one_line_are_told_apart(tmp_path: Path) -> None:
    body = BODY.replace("\n", "")
    second = re.sub('id="(?!D)', 'id="e', body)
    text = xml(body).replace("\n", "")
    needs = text[text.index("<informationRequirement") : text.index("<decisionTable")]
    text = text.replace("</definitions>", f'<decision id="e" name="E">{needs}{second}</decision></definitions>')
    decisions.to_excel(load(text), tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    for title, place in (("D", "C17"), ("E", "D18")):
        book[title][place] = "> >"
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(DefinitionErrors) as caught:
        decisions.from_excel(tmp_path / "x.xlsx", load(text))
    assert [str(fault.place) for fault in caught.value.faults] == [
        "x.xlsx, sheet D, cell C17",
        "x.xlsx, sheet E, cell D18",
    ]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_broken_workbook_is_refused_and_never_more(data: st.DataObject) -> None:
    """Bytes changed anywhere in the parts of a workbook: read, or refused with words."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.xlsx"
        decisions.to_excel(load(xml(BODY)), path)
        with ZipFile(path) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
        name = data.draw(st.sampled_from(sorted(parts)))
        start = data.draw(st.integers(0, len(parts[name])))
        put = data.draw(st.sampled_from([b"", b"<", b'"', b"9", b"</row>", b"<!DOCTYPE a>", b"\xff", b"<v>1</v>"]))
        parts[name] = parts[name][:start] + put + parts[name][start + data.draw(st.integers(0, 40)) :]
        with ZipFile(path, "w") as archive:
            for part, content in parts.items():
                archive.writestr(part, content)
        with suppress(TallystickError):
            decisions.from_excel(path)


def test_numbers_and_truth_typed_into_a_cell_become_texts(tmp_path: Path) -> None:
    path = edited(tmp_path, ("E16", 21), ("E17", 1.1), ("E18", True))
    rows = decisions.tables(decisions.from_excel(path, load(xml(BODY))))[0].rows
    assert [row.cells[2] for row in rows] == ["21", "1.1", "true"]


def test_columns_come_and_go(tmp_path: Path) -> None:
    path = edited(
        tmp_path, ("G9", "input"), ("G15", "a + b"), ("G16", "> 1"), ("F9", None), ("F15", None), ("F16", None)
    )
    model = load(xml(BODY))
    changed = decisions.from_excel(path, model)
    texts = [change.text() for change in decisions.diff(model, changed)]
    assert texts == [
        "D: annotation reason removed",
        "D: input a + b added",
        "D: rule 1: a + b was -, now > 1",
    ]
    assert decisions.tables(changed)[0].rows[1].cells == (">= 16", "-", "", "2")


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    for data, match in ((b"", "not an Excel workbook"), (b"PK\x03\x04 no", "not an Excel workbook")):
        (tmp_path / "x.xlsx").write_bytes(data)
        with pytest.raises(InputError, match=match):
            decisions.from_excel(tmp_path / "x.xlsx")
    book = openpyxl.Workbook()
    book.save(tmp_path / "x.xlsx")
    with pytest.raises(InputError, match="no sheet begins with the heading Decision table"):
        decisions.from_excel(tmp_path / "x.xlsx")
    (tmp_path / "x.csv").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not CSV in UTF-8"):
        decisions.from_csv(tmp_path / "x.csv")
    with pytest.raises(InputError, match=r"none\.csv: cannot be read"):
        decisions.from_csv(tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"x\.ods: the name must end in \.xlsx or \.csv"):
        decisions.export_tables(load(xml(BODY)), tmp_path / "x.ods")


def test_a_text_longer_than_a_cell_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = edited(tmp_path)
    before = path.read_bytes()
    model = load(xml(BODY.replace('"DE"', f'"{"x" * 40_000}"')))
    with pytest.raises(InputError, match=r"d\.xlsx, sheet D, cell D16: .*40002 characters; allowed in a cell: 32767"):
        decisions.to_excel(model, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["d.xlsx"]
    decisions.to_csv(model, tmp_path / "d.csv")
    assert decisions.from_csv(tmp_path / "d.csv").version == model.version


def knowledge(body: str) -> str:
    return xml("<literalExpression><text>1</text></literalExpression>").replace(
        "</definitions>",
        '<businessKnowledgeModel id="k" name="K"><encapsulatedLogic>'
        '<formalParameter name="a"/><formalParameter name="b"/>'
        f"{body}</encapsulatedLogic></businessKnowledgeModel></definitions>",
    )


def test_tables_inside_other_logic_need_their_model(tmp_path: Path) -> None:
    model = load(knowledge(BODY))
    assert [sheet.name for sheet in decisions.tables(model)] == ["K"]
    path = tmp_path / "k.xlsx"
    decisions.to_excel(model, path)
    with pytest.raises(DefinitionErrors, match=r"sheet K, cell B2: this table is part of other logic"):
        decisions.from_excel(path)
    book = openpyxl.load_workbook(path)
    book["K"]["C13"] = ">= 21"
    book.save(path)
    changed = decisions.from_excel(path, model)
    assert [change.text() for change in decisions.diff(model, changed)] == ["K, body: rule 1: a was >= 18, now >= 21"]


def test_an_import_into_a_file_is_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "m.dmn"
    target.write_text(xml(BODY), "utf-8")
    assert decisions.import_tables(edited(tmp_path), target) == ()
    before = target.read_bytes()
    with pytest.raises(DefinitionErrors):
        decisions.import_tables(edited(tmp_path, ("C16", "> >")), target)
    assert target.read_bytes() == before
    assert decisions.import_tables(edited(tmp_path, ("C16", "> 1")), target) == (target,)
    assert decisions.load(target).decide("D", {"a": 2, "b": "DE"}).value == 1
    fresh = tmp_path / "new.dmn"
    assert decisions.import_tables(edited(tmp_path, ("C16", "> 1")), fresh) == (fresh,)
    assert decisions.load(fresh).version == decisions.load(target).version


def test_tables_of_imported_files_go_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "rates.dmn").write_text(xml(BODY), "utf-8")
    main = tmp_path / "main.dmn"
    main.write_text(
        f'<definitions xmlns="{SPACE}" namespace="main" name="main">'
        f'<import name="rates" namespace="n" importType="{SPACE}" locationURI="rates.dmn"/>'
        '<decision id="e" name="E"><informationRequirement><requiredDecision href="n#d"/></informationRequirement>'
        "<literalExpression><text>rates.D + 1</text></literalExpression></decision></definitions>",
        "utf-8",
    )
    model = decisions.load(main)
    assert [sheet.name for sheet in decisions.tables(model)] == ["rates.D"]
    decisions.to_excel(model, tmp_path / "x.xlsx")
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    book["rates.D"]["E18"] = "9"
    book.save(tmp_path / "x.xlsx")
    assert decisions.import_tables(tmp_path / "x.xlsx", main) == (tmp_path / "rates.dmn",)
    assert decisions.load(main).decide("E", {"rates.a": 1, "rates.b": ""}).value == 10
    (tmp_path / "rates.dmn").write_text(xml(BODY), "utf-8")
    moved = tmp_path / "parts"
    moved.mkdir()
    (tmp_path / "rates.dmn").rename(moved / "rates.dmn")
    main.write_text(main.read_text("utf-8").replace('URI="', 'URI="parts/'), "utf-8")
    with pytest.raises(InputError, match=r"x\.xlsx: tables of the imported file rates\.dmn changed"):
        decisions.import_tables(tmp_path / "x.xlsx", main)


def test_names_that_no_sheet_may_have(tmp_path: Path) -> None:
    names = ["A/B", "A*B", "History", "x" * 40, "x" * 39 + "y"]
    body = "".join(f'<decision id="d{n}" name="{name}">{BODY}</decision>' for n, name in enumerate(names))
    text = f'<definitions xmlns="{SPACE}" namespace="n" name="m">{body}</definitions>'
    text = text.replace("<text>a</text>", "<text>1</text>").replace("<text>b</text>", "<text>2</text>")
    for number in range(len(names)):
        text = text.replace('id="in0"', f'id="i{number}a"', 1).replace('id="in1"', f'id="i{number}b"', 1)
        for rule in (1, 2, 3):
            text = text.replace(f'id="r{rule}"', f'id="q{number}-{rule}"', 1)
    model = load(text)
    decisions.to_excel(model, tmp_path / "x.xlsx")
    titles = openpyxl.load_workbook(tmp_path / "x.xlsx").sheetnames
    assert len({title.casefold() for title in titles}) == len(names)
    assert max(map(len, titles)) <= 31
    assert decisions.from_excel(tmp_path / "x.xlsx").version == model.version


def changed(**parts: Any) -> list[str]:
    first, second = load(xml(BODY)), load(xml(logic(AGES | parts)))
    return [change.text() for change in decisions.diff(first, second)]


def test_a_diff_in_words() -> None:
    rules: list[Any] = list(AGES["rules"])
    adult = ([">= 21", '"DE"'], ["1"], ["ADULT"])
    assert changed(rules=[adult, *rules[1:]]) == ["D: rule 1: a was >= 18, now >= 21"]
    assert changed(rules=[(["< 0", "-"], ["0"], ["NONE"]), *rules], ids=False) == [
        "D: rule 1 added: a: < 0; o0: 0; reason: NONE"
    ]
    assert changed(rules=rules[1:]) == ['D: rule 1 removed: a: >= 18; b: "DE"; o0: 1; reason: ADULT']
    assert changed(rules=[rules[1], rules[2], rules[0]]) == ["D: rule 1 is now rule 3"]
    assert changed(policy="COLLECT COUNT") == ["D: hit policy was FIRST, now COLLECT COUNT"]
    assert changed(inputs=["a", "b = 1"]) == ["D: input was b, now b = 1"]
    assert changed(allowed="> 0") == ["D: allowed values of a was -, now > 0", "D: allowed values of b was -, now > 0"]
    assert changed(default="7") == ["D: default was -, now 7"]
    first, second = load(xml(BODY)), load(xml("<literalExpression><text>a</text></literalExpression>"))
    assert [c.text("zh") for c in decisions.diff(first, second)] == ["D：逻辑 原为 a decision table of 3 rules，现为 a"]
    renamed = [change.text() for change in decisions.diff(first, load(xml(BODY, "E")))]
    assert renamed == ["D: decision removed", "E: decision added"]
    typed = load(xml(BODY).replace('name="a"/>', 'name="a"><variable name="a" typeRef="number"/></inputData>', 1))
    assert [change.text() for change in decisions.diff(first, typed)] == ["a: type was Any, now number"]


def test_whom_a_change_touches(tmp_path: Path) -> None:
    file = tmp_path / "cases.csv"
    file.write_text('a,b,=D\n17,"DE",2\n18,"DE",1\n19,DE,1\n30,"FR",2\n', "utf-8")
    second = load(xml(BODY.replace("&gt;= 18", "&gt;= 21")))
    (effect,) = decisions.effects(load(xml(BODY)), second, file)
    assert (effect.decision, effect.rows, effect.differing) == ("D", 4, 2)
    assert effect.outcomes == (decisions.Outcome("1", "2", 2, 3, {"a": "18", "b": '"DE"'}),)
    file.write_text("a\n17\n", "utf-8")
    with pytest.raises(InputError, match=r"cases\.csv:1: no decision .* columns a; each needs all of: a, b"):
        decisions.effects(load(xml(BODY)), second, file)
    with pytest.raises(TallystickError, match=r"none\.csv: cannot be read"):
        decisions.effects(second, second, tmp_path / "none.csv")
