"""What a label reads and what it means: its definition record, its content and its version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from tallystick import feel
from tallystick.core import FieldType, Grade, Span, content_version
from tallystick.labels.definition.define import Events, Label, Note, Own, Windowed
from tallystick.labels.definition.grammar import shown_window
from tallystick.labels.plan import CALENDAR, Const, Leaf, Node, Op, Rule, all_leaves, leaves

SEMANTICS = 2
"""Number of the meaning of label engines; it is part of every label's version."""


class Definition(msgspec.Struct, frozen=True):
    """What a label is: its kind, type and what it reads.

    `nature` is "fact" for what is counted and "rule" for what is made of labels; `entities` are those whose keys a
    point must name; `columns` are the source columns that it reads, and `reads` says them by stream with the keys.
    `grade` is the highest grade of those, None where the sources were not given. `approximate` says that a value may
    be an estimate, which `<label>__approximate` then marks.
    """

    name: str
    kind: str
    type: FieldType
    entities: tuple[str, ...]
    streams: tuple[str, ...]
    columns: tuple[str, ...]
    window: str
    delay: str
    including_present: bool
    where: str
    version: str
    nature: str = "fact"
    note: Note = Note()
    grade: Grade | None = None
    approximate: bool = False
    reads: Mapping[str, tuple[str, ...]] = {}


class Known(msgspec.Struct, frozen=True):
    """What the resolver learned of the streams: their events, joined columns, and what each aggregate reads."""

    streams: Mapping[str, Events]
    joins: Mapping[str, Mapping[str, Node]]
    reads: Mapping[tuple[str, str, str, str], frozenset[str]]

    def of(self, leaf: Leaf) -> frozenset[str]:
        """The columns of its stream that a leaf reads, joined ones among them; without keys."""
        return self.reads[reading(leaf)]


def reading(leaf: Leaf) -> tuple[str, str, str, str]:
    """What decides which columns a leaf reads."""
    return leaf.stream, leaf.column, leaf.other, leaf.where


def key_column(events: Events, entity: str) -> str:
    """The column of an entity's key."""
    # A stream that is declared twice may lack it: that fault is shown with those of its labels.
    return next((column for key, column in events.keys.items() if key.name == entity), "")


def every_leaf(node: Node, known: Known) -> Iterator[Leaf]:
    """The leaves of a node with the anchors and links they hang on and those of the joined columns they read."""
    for leaf in all_leaves(node):
        for column in sorted(known.of(leaf) & known.joins.get(leaf.stream, {}).keys()):
            yield from every_leaf(known.joins[leaf.stream][column], known)
        yield leaf


def definition(name: str, label: Label, node: Node, known: Known, zone: str) -> Definition:
    """The record of a label."""
    parts = list(every_leaf(node, known))
    reads: dict[str, set[str]] = {}
    columns: set[str] = set()
    for leaf in parts:
        events, joins = known.streams[leaf.stream], known.joins.get(leaf.stream, {})
        own, joined = known.of(leaf) - joins.keys(), known.of(leaf) & joins.keys()
        whose = {leaf.entity, *(entity for name in joined for entity in entities_asked(joins[name]))} - {""}
        columns |= own
        reads.setdefault(leaf.stream, set()).update(own, (key_column(events, entity) for entity in whose))
    windowed = label if isinstance(label, Windowed) else None
    kind = windowed.kind if windowed else "own" if isinstance(label, Own) else "formula"
    return Definition(
        name=name,
        kind=kind,
        type=node.type,
        entities=entities_asked(node),
        streams=tuple(dict.fromkeys(leaf.stream for leaf in parts)),
        columns=tuple(sorted(columns)),
        window=shown_window(windowed) if windowed else "",
        delay=(windowed.delay or "") if windowed else "",
        including_present=windowed.including_present if windowed else False,
        where=windowed.aggregate.where if windowed else "",
        version=content_version("label", content(node, known, zone), SEMANTICS),
        nature="rule" if kind == "formula" else "fact",
        note=label.note,
        approximate=any(leaf.cap for leaf in leaves(node)),
        reads={stream: tuple(sorted(names)) for stream, names in reads.items()},
    )


def entities_asked(node: Node) -> tuple[str, ...]:
    """The entities whose keys a point must name."""
    return tuple(dict.fromkeys(leaf.entity for leaf in all_leaves(node) if leaf.entity and leaf.via is None))


def content(node: Node, known: Known, zone: str) -> Any:
    """What a label means, without its name, its note and the spelling of its spans."""
    if isinstance(node, Const):
        return {"integer" if isinstance(node.value, int) else "real": node.value}
    if isinstance(node, Op):
        return [node.op, content(node.left, known, zone), content(node.right, known, zone)]
    if isinstance(node, Rule):
        return _rule(node, known, zone)
    return _leaf(node, known, zone)


def _leaf(leaf: Leaf, known: Known, zone: str) -> Any:
    events, read = known.streams[leaf.stream], known.of(leaf)
    window = msgspec.structs.asdict(leaf.window)
    del window["text"]
    window["anchor"] = leaf.window.anchor and content(leaf.window.anchor, known, zone)
    aggregate = msgspec.structs.asdict(leaf)
    aggregate["window"] = window
    aggregate["via"] = leaf.via and content(leaf.via, known, zone)
    joins = known.joins.get(leaf.stream, {})
    return {
        "aggregate": aggregate,
        "stream": {
            "id": events.id,
            "at": events.at,
            "sequence": events.sequence,
            "lateness_micros": Span.parse(events.lateness).micros,
            "keys": sorted(events.keys.values()),
            "key": key_column(events, leaf.entity) if leaf.entity else "",
            "fields": {name: spec for name, spec in events.fields.items() if name in read},
            "joins": {name: content(joins[name], known, zone) for name in sorted(read & joins.keys())},
        },
        "zone": zone if leaf.where or leaf.window.kind == CALENDAR else "",
    }


def _rule(rule: Rule, known: Known, zone: str) -> Any:
    names = [name for name, _ in rule.operands]
    return {
        "rule": _nameless(feel.parse(rule.source, names), {name: number for number, name in enumerate(names)}),
        "operands": [content(operand, known, zone) for _, operand in rule.operands],
        "type": rule.type,
        "zone": rule.zone,
    }


def _nameless(part: Any, numbers: Mapping[str, int]) -> Any:
    """An expression as plain data, its labels by number: their names are no part of the meaning."""
    match part:
        case feel.Name(name) if name in numbers:
            return {"operand": numbers[name]}
        case feel.Temporal():
            return feel.spell(part)
        case feel.Expr():
            fields = {name: _nameless(getattr(part, name), numbers) for name in part.__struct_fields__}
            return {"node": type(part).__name__, **fields}
        case tuple():
            return [_nameless(item, numbers) for item in part]
        case Decimal() | str() | bool() | None:
            return part
        case _:
            return feel.show(part)
