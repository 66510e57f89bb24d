"""Sheets put into DMN XML: what a sheet changes is written anew, every other byte of the file stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from tallystick.core.xml import Node, parse_xml
from tallystick.decisions.align import aligned
from tallystick.decisions.imports import NAMESPACES
from tallystick.decisions.sheet import KINDS, Column, Held, Row, Sheet, every
from tallystick.feel import normal

_OPENING = re.compile(r"""<[^>"']*(?:"[^"]*"[^>"']*|'[^']*'[^>"']*)*>""")
_POLICY = re.compile(r"""\s+(?:hitPolicy|aggregation)\s*=\s*(?:"[^"]*"|'[^']*')""")
_ENCODING = re.compile(r"""(^<\?xml[^>]*?)\s+encoding\s*=\s*["']([\w.-]+)["']""")
_Edit = tuple[int, int, str]


def spliced(data: bytes, changes: Iterable[tuple[Held, Sheet]]) -> bytes:
    """A file's bytes with other sheets in place of those of some of its tables."""
    changes = [(held, sheet) for held, sheet in changes if held.sheet != sheet]
    if not changes:
        return data
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        data = _ENCODING.sub(r"\1", data.decode("utf-16")).encode("utf-8")
    declared = _ENCODING.match(data[:200].decode("latin-1").removeprefix("\xef\xbb\xbf"))
    encoding = declared.group(2) if declared else "utf-8"
    nodes = list(every(parse_xml(data)))
    spans = dict(zip(map(id, nodes), _spans(data), strict=True))
    edits: list[_Edit] = []
    for held, sheet in changes:
        edits += _Put(data, encoding, spans, nodes[held.index], held.sheet, sheet).edits()
    parts, at = [], 0
    for start, end, text in sorted(edits, key=lambda edit: edit[:2]):
        parts += [data[at:start], text.encode(encoding, "xmlcharrefreplace")]
        at = max(at, end)
    return b"".join([*parts, data[at:]])


def written(sheets: Sequence[Sheet], name: str) -> bytes:
    """A new model of tables alone: what they need and no table gives is input data."""
    tables = {normal(sheet.name): f"decision_{number}" for number, sheet in enumerate(sheets, 1)}
    inputs: dict[str, str] = {}
    for need, kind in (need for sheet in sheets for need in sheet.needs if normal(need[0]) not in tables):
        inputs[normal(need)] = inputs.get(normal(need)) or kind
    ids = {need: f"input_{number}" for number, need in enumerate(inputs, 1)}
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    about = {"xmlns": NAMESPACES["1.5"], "id": "definitions", "name": name, "namespace": "urn:tables"}
    lines.append(f"<definitions{_attributes(about)}>")
    for need, kind in inputs.items():
        variable = f"<variable{_attributes({'name': need, 'typeRef': kind})}/>"
        lines.append(f"  <inputData{_attributes({'id': ids[need], 'name': need})}>{variable}</inputData>")
    for sheet in sheets:
        key = normal(sheet.name)
        lines.append(f"  <decision{_attributes({'id': tables[key], 'name': key})}>")
        lines.append(f"    <variable{_attributes({'name': key, 'typeRef': sheet.type})}/>")
        for need, _ in sheet.needs:
            tag, target = "requiredDecision", tables.get(normal(need))
            if target is None:
                tag, target = "requiredInput", ids[normal(need)]
            lines.append(f'    <informationRequirement><{tag} href="#{target}"/></informationRequirement>')
        policy = {"hitPolicy": sheet.policy, "aggregation": sheet.aggregation}
        lines.append(f"    <decisionTable{_attributes(policy)}>")
        lines += [f"      {_column('', column)}" for column in sheet.columns]
        kinds = [column.kind for column in sheet.columns]
        lines += [f"      {_rule('', row, kinds)}" for row in sheet.rows]
        lines += ["    </decisionTable>", "  </decision>"]
    return "\n".join([*lines, "</definitions>", ""]).encode("utf-8")


def _spans(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each element begins and ends, in bytes, in the order of the file."""
    parser = expat.ParserCreate()
    found: list[list[int]] = []
    opened: list[int] = []
    bare = [False]

    def start(name: str, attributes: dict[str, str]) -> None:
        opened.append(len(found))
        found.append([parser.CurrentByteIndex, 0])
        bare[0] = True

    def end(name: str) -> None:
        span, at = found[opened.pop()], parser.CurrentByteIndex
        # The end of an element without an end tag is told at the byte after it.
        closed = bare[0] and data[span[0] : at].endswith(b"/>")
        span[1] = at if closed else data.index(b">", at) + 1
        bare[0] = False

    def text(given: str) -> None:
        bare[0] = False

    parser.StartElementHandler, parser.EndElementHandler, parser.CharacterDataHandler = start, end, text
    parser.Parse(data, True)
    return ((begin, stop) for begin, stop in found)


def _attributes(given: dict[str, str]) -> str:
    return "".join(f" {name}={quoteattr(value)}" for name, value in given.items() if value)


def _texted(prefix: str, tag: str, text: str, given: dict[str, str] | None = None) -> str:
    words = escape(text, {"\r": "&#13;"})
    return f"<{prefix}{tag}{_attributes(given or {})}><{prefix}text>{words}</{prefix}text></{prefix}{tag}>"


def _column(prefix: str, column: Column) -> str:
    if column.kind == "annotation":
        return f"<{prefix}annotation name={quoteattr(column.text)}/>"
    about = {"id": column.id, "label": column.label}
    inner = []
    if column.kind == "input":
        inner.append(_texted(prefix, "inputExpression", column.text, {"typeRef": column.type}))
    else:
        about |= {"name": column.text, "typeRef": column.type}
    if column.values:
        inner.append(_texted(prefix, f"{column.kind}Values", column.values))
    if column.default:
        inner.append(_texted(prefix, "defaultOutputEntry", column.default))
    return f"<{prefix}{column.kind}{_attributes(about)}>{''.join(inner)}</{prefix}{column.kind}>"


def _rule(prefix: str, row: Row, kinds: Sequence[str]) -> str:
    entries = (_texted(prefix, f"{kind}Entry", text) for kind, text in zip(kinds, row.cells, strict=True))
    return f"<{prefix}rule{_attributes({'id': row.id})}>{''.join(entries)}</{prefix}rule>"


class _Put:
    """One table's edits: the old sheet is what its element says, the new one what it shall say."""

    def __init__(
        self, data: bytes, encoding: str, spans: dict[int, tuple[int, int]], table: Node, old: Sheet, new: Sheet
    ) -> None:
        self.data, self.encoding, self.spans, self.table = data, encoding, spans, table
        self.old, self.new = old, new
        opening = _OPENING.match(self._raw(table))
        self.opening = opening.group() if opening else ""
        self.prefix = self.opening[1:].partition("decisionTable")[0]
        self.origins = _origins(old.columns, new.columns)

    def edits(self) -> list[_Edit]:
        """All edits of this table."""
        found: list[_Edit] = []
        start = self.spans[id(self.table)][0]
        at = start + len(self.opening.encode(self.encoding))
        if (self.old.policy, self.old.aggregation) != (self.new.policy, self.new.aggregation):
            policy = {"hitPolicy": self.new.policy, "aggregation": self.new.aggregation}
            name = f"<{self.prefix}decisionTable"
            rest = _POLICY.sub("", self.opening[len(name) :])
            found.append((start, at, f"{name}{_attributes(policy)}{rest}"))
        for kind in KINDS:
            nodes = list(self.table.all(kind))
            olds = [column for column in self.old.columns if column.kind == kind]
            offset = next((i for i, column in enumerate(self.old.columns) if column.kind == kind), 0)
            news = []
            for column, origin in zip(self.new.columns, self.origins, strict=True):
                if column.kind == kind:
                    place = origin - offset if origin is not None else None
                    same = place is not None and olds[place] == column
                    news.append((place, None if same else _column(self.prefix, column)))
            edits, at = self._group(nodes, news, at)
            found += edits
        return found + self._rules(at)

    def _rules(self, at: int) -> list[_Edit]:
        """The edits of rules; `at` is where the first goes if there were none."""
        rules, olds = list(self.table.all("rule")), self.old.rows
        places = aligned(olds, self.new.rows) if olds != self.new.rows else list(range(len(olds)))
        kept = [place for place in places if place is not None]
        # Rules in another order are written as one piece, which no edit may cut into.
        moved, same = kept != sorted(kept), self.origins == list(range(len(self.old.columns)))
        found: list[_Edit] = []
        texts: list[tuple[int | None, str | None]] = []
        for row, place in zip(self.new.rows, places, strict=True):
            text: str | None = None
            if place is None:
                text = _rule(self.prefix, row, [column.kind for column in self.new.columns])
            elif row != olds[place] or not same:
                edits = self._within(rules[place], olds[place], row) if same and not moved else None
                found += edits or []
                text = self._ruled(rules[place], olds[place], row) if edits is None else None
            texts.append((place, text))
        return found + self._group(rules, texts, at)[0]

    def _raw(self, node: Node) -> str:
        start, end = self.spans[id(node)]
        return self.data[start:end].decode(self.encoding)

    def _before(self, node: Node) -> int:
        """Where the white space before an element begins."""
        at = self.spans[id(node)][0]
        while self.data[at - 1 : at].isspace():
            at -= 1
        return at

    def _gap(self, node: Node) -> str:
        return self.data[self._before(node) : self.spans[id(node)][0]].decode(self.encoding)

    def _group(
        self, nodes: Sequence[Node], news: Sequence[tuple[int | None, str | None]], at: int
    ) -> tuple[list[_Edit], int]:
        """The edits of elements of one kind.

        `news` has the place among the old ones and the new text (None: as it is) of each; `at` is where the first goes
        if there were none. Gives the edits and where the last old one ends.
        """
        edits: list[_Edit] = []
        gap = self._gap(nodes[0] if nodes else next(iter(self.table.children), self.table))
        last = self.spans[id(nodes[-1])][1] if nodes else at
        kept = [place for place, _ in news if place is not None]
        if kept != sorted(kept):
            texts = [self._raw(nodes[place]) if text is None and place is not None else text for place, text in news]
            return [(self.spans[id(nodes[0])][0], last, gap.join(map(str, texts)))], last
        for gone in set(range(len(nodes))).difference(kept):
            edits.append((self._before(nodes[gone]), self.spans[id(nodes[gone])][1], ""))
        fresh: dict[int, list[str]] = {}
        for place, text in news:
            if place is None:
                fresh.setdefault(at, []).append(f"{gap}{text}")
                continue
            start, at = self.spans[id(nodes[place])]
            if text is not None:
                edits.append((start, at, text))
        edits += [(start, start, "".join(texts)) for start, texts in fresh.items()]
        return edits, last

    def _within(self, node: Node, old: Row, new: Row) -> list[_Edit] | None:
        """The edits of a rule in its place; None where it must be written anew."""
        if old.id != new.id:
            return None
        edits = []
        for column, entry, before, text in zip(
            self.old.columns, self._entries(node), old.cells, new.cells, strict=True
        ):
            if before != text:
                if entry is None:
                    return None
                start, end = self.spans[id(entry)]
                edits.append((start, end, _texted(self.prefix, f"{column.kind}Entry", text, {"id": entry.get("id")})))
        return edits

    def _ruled(self, node: Node, old: Row, new: Row) -> str:
        """A rule written anew: entries that stay are taken as they are."""
        entries = self._entries(node)
        texts = []
        for column, origin, text in zip(self.new.columns, self.origins, new.cells, strict=True):
            entry = entries[origin] if origin is not None else None
            if entry is not None and origin is not None and old.cells[origin] == text:
                texts.append(self._raw(entry))
            else:
                about = {"id": entry.get("id")} if entry is not None else {}
                texts.append(_texted(self.prefix, f"{column.kind}Entry", text, about))
        tags = {f"{kind}Entry" for kind in KINDS}
        others = [self._raw(child) for child in node.children if child.tag not in tags]
        opening = _OPENING.match(self._raw(node))
        opened = (
            opening.group() if opening and old.id == new.id else f"<{self.prefix}rule{_attributes({'id': new.id})}>"
        )
        gap = self._gap(node.children[0]) if node.children else ""
        ending = f"{self._gap(node) if gap else ''}</{self.prefix}rule>"
        return opened + "".join(f"{gap}{text}" for text in (*others, *texts)) + ending

    def _entries(self, node: Node) -> list[Node | None]:
        """The entries of a rule, one per old column; None where an annotation is left out."""
        found: list[Node | None] = []
        for kind in KINDS:
            entries: list[Node | None] = list(node.all(f"{kind}Entry"))
            count = sum(column.kind == kind for column in self.old.columns)
            found += (entries + [None] * count)[:count]
        return found


def _origins(olds: Sequence[Column], news: Sequence[Column]) -> list[int | None]:
    """For each new column the old one that it was, or None: by id, else by text, else the one in the same place."""
    found: list[int | None] = [None] * len(news)
    left = set(range(len(olds)))
    keys = (
        lambda column: (column.kind, column.id, "") if column.id else None,
        lambda column: (column.kind, "", column.text),
        lambda column: (column.kind, "", ""),
    )
    for key in keys:
        known: dict[object, list[int]] = {}
        for place in sorted(left):
            known.setdefault(key(olds[place]), []).append(place)
        for place, column in enumerate(news):
            wanted = key(column)
            if found[place] is None and wanted is not None and known.get(wanted):
                found[place] = known[wanted].pop(0)
        left -= set(found)
    return found
