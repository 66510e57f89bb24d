"""A decision table as a sheet of texts: read from DMN, laid out in the cells of a spreadsheet, and read from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from tallystick.core import LANGUAGES, Language, Message
from tallystick.core.xml import Node, parse_xml
from tallystick.decisions.imports import is_model
from tallystick.decisions.rules import POLICIES
from tallystick.decisions.words import WORDS
from tallystick.feel import normal

_FOLDED = {"+": " SUM", "<": " MIN", ">": " MAX", "#": " COUNT"}
KINDS = ("input", "output", "annotation")
_ABOVE = ("table", "kind", "policy", "aggregation", "type", "needs", "need_types")
_HEADS = ("column", "label", "id", "column_type", "values", "default", "rule")
_FIRST = 2
"""The place of a table's first column; before it stand the rule's number and id."""
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Column(msgspec.Struct, frozen=True):
    """A column: its kind (one of `KINDS`), its expression or name, and what is said of it, as in the file."""

    kind: str
    text: str
    id: str = ""
    label: str = ""
    type: str = ""
    values: str = ""
    default: str = ""


class Row(msgspec.Struct, frozen=True):
    """A rule: its id ("" if it has none) and a text for each column."""

    id: str
    cells: tuple[str, ...]


class Sheet(msgspec.Struct, frozen=True):
    """A table: its name, what it decides by, and its columns and rules.

    `part` is true of a table that is not the whole logic of a decision; `type` is the decision's, `needs` are the names
    and types of what it requires.
    """

    name: str
    part: bool
    policy: str
    aggregation: str
    type: str
    needs: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


class Placed(msgspec.Struct, frozen=True):
    """A sheet that was read from cells, and where its parts stand, all counted from 1.

    `lines` are the rows of headings by their code, `columns` the places of columns, `rows` those of rules.
    """

    sheet: Sheet
    lines: Mapping[str, int]
    columns: tuple[int, ...]
    rows: tuple[int, ...]


class Held(msgspec.Struct, frozen=True):
    """A table: the place of its file in `Model.sources`, that of its element there, its line, and its sheet."""

    file: int
    index: int
    line: int
    sheet: Sheet


def tables_of(sources: Sequence[tuple[str, bytes]]) -> tuple[Held, ...]:
    """Every decision table of a model's files, named as the decision or knowledge model that it is in.

    A second one in the same place has " (2)" after its name.
    """
    roots = [parse_xml(data, name) for name, data in sources]
    prefixes = _prefixes(roots)
    found: dict[str, Held] = {}
    for number, root in enumerate(roots):
        indexes = {id(node): index for index, node in enumerate(every(root))}
        for holder in root.all("decision", "businessKnowledgeModel"):
            name = ".".join((*prefixes.get(number, ()), name_of(holder)))
            for table in _tables(holder):
                key, count = name, 1
                while key in found:
                    count += 1
                    key = f"{name} ({count})"
                whole = holder.tag == "decision" and any(table is child for child in holder.children)
                others = sorted(range(len(roots)), key=lambda other: other != number)
                known = [(prefixes.get(other, ()), roots[other]) for other in others]
                sheet = _sheet(key, table, holder if whole else None, known)
                found[key] = Held(number, indexes[id(table)], table.line, sheet)
    return tuple(found.values())


def policy_name(letters: str) -> str:
    """A hit policy and aggregation in full, from the letters that stand for them."""
    return POLICIES[letters[0]] + _FOLDED.get(letters[1:], "")


def every(node: Node) -> Iterator[Node]:
    """An element and all below it, in the order of the file."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(node.children))


def name_of(node: Node) -> str:
    """The name by which an element's value is known."""
    variable = node.first("variable")
    return normal((variable.get("name") if variable is not None else "") or node.get("name"))


def _prefixes(roots: Sequence[Node]) -> dict[int, tuple[str, ...]]:
    """The names of the imports that lead to each file."""
    numbers = {root.get("namespace"): number for number, root in enumerate(roots)}
    imports = [[n for n in root.all("import") if is_model(n.get("importType"))] for root in roots]
    targets = {numbers.get(node.get("namespace")) for nodes in imports for node in nodes}
    pending: list[tuple[int, tuple[str, ...]]] = [(n, ()) for n in range(len(roots)) if n not in targets] or [(0, ())]
    found: dict[int, tuple[str, ...]] = {}
    for number, path in pending:
        if number in found:
            continue
        found[number] = path
        for node in imports[number]:
            target = numbers.get(node.get("namespace"))
            if target is not None:
                pending.append((target, (*path, *filter(None, (normal(node.get("name")),)))))
    return found


def _tables(node: Node) -> Iterator[Node]:
    for child in node.children:
        if child.namespace != node.namespace or child.tag == "extensionElements":
            continue
        if child.tag == "decisionTable":
            yield child
        else:
            yield from _tables(child)


def _sheet(name: str, table: Node, decision: Node | None, known: Sequence[tuple[tuple[str, ...], Node]]) -> Sheet:
    columns = (
        *(_input(node) for node in table.all("input")),
        *(_output(node) for node in table.all("output")),
        *(Column("annotation", node.get("name")) for node in table.all("annotation")),
    )
    counts = [sum(column.kind == kind for column in columns) for kind in KINDS]
    rows = []
    for rule in table.all("rule"):
        cells: list[str] = []
        for kind, count in zip(KINDS, counts, strict=True):
            texts = [entry.words("text") for entry in rule.all(f"{kind}Entry")][:count]
            cells += texts + [""] * (count - len(texts))
        rows.append(Row(rule.get("id"), tuple(cells)))
    variable = decision.first("variable") if decision is not None else None
    return Sheet(
        name,
        decision is None,
        table.get("hitPolicy") or "UNIQUE",
        table.get("aggregation"),
        (variable.get("typeRef") if variable is not None else "") or table.get("typeRef"),
        tuple(_needs(decision, known)) if decision is not None else (),
        columns,
        tuple(rows),
    )


def _input(node: Node) -> Column:
    expression, values = node.first("inputExpression"), node.first("inputValues")
    return Column(
        "input",
        expression.words("text") if expression is not None else "",
        node.get("id"),
        node.get("label"),
        expression.get("typeRef") if expression is not None else "",
        values.words("text") if values is not None else "",
    )


def _output(node: Node) -> Column:
    values, default = node.first("outputValues"), node.first("defaultOutputEntry")
    return Column(
        "output",
        node.get("name"),
        node.get("id"),
        node.get("label"),
        node.get("typeRef"),
        values.words("text") if values is not None else "",
        default.words("text") if default is not None else "",
    )


def _needs(decision: Node, known: Sequence[tuple[tuple[str, ...], Node]]) -> Iterator[tuple[str, str]]:
    """What a decision requires; `known` are the files after the names of their imports, its own first."""
    for reference in (r for n in decision.all("informationRequirement") for r in n.children):
        base, _, wanted = reference.get("href").rpartition("#")
        for path, root in known[:1] if base in ("", known[0][1].get("namespace")) else known[1:]:
            node = next((n for n in root.all("inputData", "decision") if n.get("id") == wanted), None)
            if node is not None:
                variable = node.first("variable")
                kind = variable.get("typeRef") if variable is not None and node.tag == "inputData" else ""
                yield ".".join((*path, name_of(node))), kind
                break


def cells_of(sheet: Sheet, language: Language = "en") -> list[list[str]]:
    """The rows of cells that show a table whole; `sheet_at` reads them back."""
    words = {code: WORDS(f"sheet.{code}").text(language) for code in (*_ABOVE, *_HEADS, *KINDS, "rule_id", *_PARTS)}
    rows = [
        [words["table"], sheet.name],
        [words["kind"], words[_PARTS[sheet.part]]],
        [words["policy"], sheet.policy],
        [words["aggregation"], sheet.aggregation],
    ]
    if not sheet.part:
        rows.append([words["type"], sheet.type])
        rows.append([words["needs"], *(name for name, _ in sheet.needs)])
        rows.append([words["need_types"], *(kind for _, kind in sheet.needs)])
    rows.append([])
    heads = {
        "column": [words[column.kind] for column in sheet.columns],
        "label": [column.label for column in sheet.columns],
        "id": [column.id for column in sheet.columns],
        "column_type": [column.type for column in sheet.columns],
        "values": [column.values for column in sheet.columns],
        "default": [column.default for column in sheet.columns],
    }
    rows += [[words[code], "", *texts] for code, texts in heads.items()]
    rows.append([words["rule"], words["rule_id"], *(column.text for column in sheet.columns)])
    rows += [[str(number), row.id, *row.cells] for number, row in enumerate(sheet.rows, 1)]
    return rows


_PARTS = ("decision", "part")


def _code(text: str, allowed: Sequence[str]) -> str:
    """The code whose words in either language are `text`, or ""."""
    wanted = text.strip().casefold()
    every = ((code, WORDS(f"sheet.{code}").text(language)) for code in allowed for language in LANGUAGES)
    return next((code for code, words in every if words.casefold() == wanted), "")


def sheet_at(cells: Sequence[Sequence[str]], fault: Callable[[Message, int, int], None]) -> Placed | None:
    """Read a table from rows of cells.

    Parameters
    ----------
    cells
        As `cells_of` lays them out: columns may stand in any order, headings be in either language, empty rows lie
        between. What stands under no column must be empty.
    fault
        Called with what is wrong, the row and the column, counted from 1.

    Returns
    -------
    Placed or None
        None where the cells are no table, or too much is missing to read one.
    """
    if not cells or not cells[0] or _code(cells[0][0], ("table",)) == "":
        return None
    for number, row in enumerate(cells, 1):
        for place, text in enumerate(row, 1):
            if _ILLEGAL.search(text):
                fault(WORDS("sheet.character", given=ascii(text)), number, place)
    lines: dict[str, int] = {}
    for number, row in enumerate(cells, 1):
        code = _code(row[0], _HEADS if "column" in lines else (*_ABOVE, "column")) if row else ""
        if code:
            lines[code] = number
        elif row and row[0].strip() and "rule" not in lines:
            allowed = _labels(_HEADS if "column" in lines else (*_ABOVE, "column"))
            fault(WORDS("sheet.heading", given=row[0], allowed=allowed), number, 1)
        if code == "rule":
            break
    missing = [code for code in ("policy", "column", "rule") if code not in lines]
    if missing:
        fault(WORDS("sheet.missing", given=_labels(missing)), 1, 1)
        return None

    def at(code: str, place: int) -> str:
        row = cells[lines[code] - 1] if code in lines else ()
        return row[place].strip() if place < len(row) else ""

    columns, places = _columns(cells, lines, at, fault)
    rows, numbers = _rows(cells, lines["rule"], places, fault)
    names = [name.strip() for name in (cells[lines["needs"] - 1][1:] if "needs" in lines else ())]
    needs = tuple((name, at("need_types", place)) for place, name in enumerate(names, 1) if name)
    if "needs" not in lines:
        needs = tuple((column.text, column.type) for column in columns if column.kind == "input")
    kind = _code(at("kind", 1), _PARTS) if at("kind", 1) else "decision"
    if not kind:
        fault(WORDS("sheet.choice", given=at("kind", 1), allowed=_labels(_PARTS)), lines["kind"], 2)
    if not at("table", 1):
        fault(WORDS("sheet.unnamed"), 1, 2)
    policy, aggregation = at("policy", 1).upper() or "UNIQUE", at("aggregation", 1).upper()
    sheet = Sheet(
        at("table", 1), kind == "part", policy, aggregation, at("type", 1), needs, tuple(columns), tuple(rows)
    )
    return Placed(sheet, lines, tuple(place + 1 for place in places), tuple(numbers))


def _columns(
    cells: Sequence[Sequence[str]],
    lines: Mapping[str, int],
    at: Callable[[str, int], str],
    fault: Callable[[Message, int, int], None],
) -> tuple[list[Column], list[int]]:
    """The columns, inputs first and annotations last, and their places counted from 0."""
    found: list[tuple[int, int, Column]] = []
    for place in range(_FIRST, max(len(cells[number - 1]) for number in lines.values())):
        said = at("column", place)
        kind = _code(said, KINDS)
        heads = {code: at(code, place) for code in ("rule", "id", "label", "column_type", "values", "default")}
        if kind:
            text, *about = heads.values()
            found.append((KINDS.index(kind), place, Column(kind, text, *about)))
        elif said or any(heads.values()):
            fault(WORDS("sheet.choice", given=said, allowed=_labels(KINDS)), lines["column"], place + 1)
            continue
        # What a kind of column cannot say would be lost.
        unsaid = {"input": ("default",), "annotation": ("id", "label", "column_type", "values", "default")}
        for code in unsaid.get(kind, ()):
            if heads[code]:
                fault(WORDS("sheet.unsaid", given=heads[code], kind=said), lines.get(code, 1), place + 1)
    found.sort(key=lambda item: item[:2])
    return [column for _, _, column in found], [place for _, place, _ in found]


def _rows(
    cells: Sequence[Sequence[str]], head: int, places: Sequence[int], fault: Callable[[Message, int, int], None]
) -> tuple[list[Row], list[int]]:
    rows: list[Row] = []
    numbers: list[int] = []
    seen: set[str] = set()
    expected = {0, 1, *places}
    for number, row in enumerate(cells[head:], head + 1):
        texts = [text.strip() for text in row]
        if not any(texts):
            continue
        for place, text in enumerate(texts):
            if text and place not in expected:
                fault(WORDS("sheet.outside", given=text), number, place + 1)
        given = texts[1] if len(texts) > 1 else ""
        # A row that was copied brings the id of its original along: it is a new rule.
        rows.append(Row("" if given in seen else given, tuple(texts[p] if p < len(texts) else "" for p in places)))
        seen.add(given)
        numbers.append(number)
    return rows, numbers


def _labels(codes: Sequence[str]) -> str:
    return ", ".join(WORDS(f"sheet.{code}").text() for code in codes)
