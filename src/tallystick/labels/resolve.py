"""From what a label file wrote to what the executors run: types, faults and content versions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tallystick import feel
from tallystick.core import (
    DefinitionError,
    Faults,
    FieldType,
    InputError,
    Message,
    Place,
    Span,
    TallystickError,
    content_version,
)
from tallystick.labels.define import Aggregate, Arithmetic, Events, FormulaText, Label, Number, Per, Windowed
from tallystick.labels.filters import columns_read
from tallystick.labels.words import WORDS

SEMANTICS = 1
"""Number of the meaning of label engines; it is part of every label's version."""

LIFETIME, MONTH = -1, 0
_SPAN_MAX = 2**60
_INTEGER, _REAL = FieldType("integer"), FieldType("real")
_SUMMED = ("money", "decimal", "integer", "flag")
_ORDERED = ("money", "decimal", "integer", "real", "instant", "date")
_ANY = (*_ORDERED, "text", "flag")
_COLUMN_KINDS = {"sum": _SUMMED, "mean": _SUMMED, "std": _SUMMED, "min": _ORDERED, "max": _ORDERED}
_COLUMN_KINDS |= {"first": _ANY, "last": _ANY}


class Leaf(msgspec.Struct, frozen=True):
    """One windowed aggregate as executors run it; equal leaves are computed once.

    `window_micros` is `LIFETIME`, `MONTH` or a length.
    """

    stream: str
    entity: str
    kind: str
    column: str
    where: str
    window_micros: int
    delay_micros: int
    including_present: bool
    type: FieldType


class Const(msgspec.Struct, frozen=True):
    """A number in a formula: an int stays exact, a float is Float64."""

    value: int | float
    type: FieldType


class Op(msgspec.Struct, frozen=True):
    """`left op right`; `type` decides whether it is exact (64-bit) or Float64."""

    op: str
    left: Node
    right: Node
    type: FieldType


Node: TypeAlias = Leaf | Const | Op


class Definition(msgspec.Struct, frozen=True):
    """What a label is: its kind, type and what it reads."""

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


class Resolved(msgspec.Struct, frozen=True):
    """The labels of a file, checked."""

    definitions: Mapping[str, Definition]
    nodes: Mapping[str, Node]
    columns: Mapping[str, frozenset[str]]
    """Stream → the columns that its labels read."""


def declared_types(events: Events) -> dict[str, FieldType | None]:
    """The stream's own columns with the type that the label file gives them, None when it gives none."""
    types: dict[str, FieldType | None] = dict.fromkeys((events.id, *events.keys.values()))
    if events.sequence:
        types[events.sequence] = None
    for spec in events.fields.values():
        if spec.known_at:
            types[spec.known_at] = FieldType("instant")
    types |= {column: spec.type for column, spec in events.fields.items()}
    types[events.at] = FieldType("instant")
    return types


def leaves(node: Node) -> Iterator[Leaf]:
    """The aggregates of a node, left to right."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Op):
        yield from leaves(node.left)
        yield from leaves(node.right)


def resolve(written: Mapping[str, Label], streams: Mapping[str, Events], zone: str, faults: Faults) -> Resolved:
    """Check every label and make its plan; faults are kept, the labels without fault returned."""
    work = _Resolver(written, streams, faults)
    for name in written:
        work.by_name(name, ())
    definitions: dict[str, Definition] = {}
    for name, label in written.items():
        node = work.done[name]
        if node is not None and not faults:
            definitions[name] = _definition(name, label, node, streams, work.reads, zone)
    nodes = {name: node for name, node in work.done.items() if node is not None}
    columns: dict[str, set[str]] = {stream: set() for stream in streams}
    for (stream, _, _), names in work.reads.items():
        columns[stream] |= names
    return Resolved(definitions, nodes, {stream: frozenset(names) for stream, names in columns.items()})


class _Resolver:
    """Walks the labels once; keeps what is done and what each aggregate reads."""

    def __init__(self, written: Mapping[str, Label], streams: Mapping[str, Events], faults: Faults) -> None:
        self.written, self.streams, self.faults = written, streams, faults
        self.done: dict[str, Node | None] = {}
        self.reads: dict[tuple[str, str, str], frozenset[str]] = {}
        self._names = {id(label): name for name, label in written.items()}
        self._leaves: dict[Leaf, Leaf] = {}

    def by_name(self, name: str, above: tuple[str, ...]) -> Node | None:
        if name in above:
            circle = " → ".join((*above[above.index(name) :], name))
            self._fault(self.written[name].place, WORDS("labels.cycle", given=circle))
            return None
        if name not in self.done:
            self.done[name] = self._node(self.written[name], (*above, name))
        return self.done[name]

    def _node(self, label: Label, above: tuple[str, ...]) -> Node | None:
        if isinstance(label, Windowed):
            return self._leaf(label)
        if isinstance(label, FormulaText):
            return self._text(label, above)
        assert isinstance(label, Arithmetic)
        nodes = [self._operand(operand, label.place, above) for operand in label.operands]
        if any(node is None for node in nodes):
            return None
        if len(nodes) == 1:
            nodes = [Const(-1, _INTEGER), nodes[0]]
        return self._combine("*" if len(label.operands) == 1 else label.op, nodes[0], nodes[1], label.place)

    def _operand(self, operand: Label | Number, place: Place, above: tuple[str, ...]) -> Node | None:
        if not isinstance(operand, Label):
            return self._const(operand, place)
        name = self._names.get(id(operand))
        return self._node(operand, above) if name is None else self.by_name(name, above)

    def _const(self, value: Number, place: Place) -> Node | None:
        if isinstance(value, Decimal):
            value = int(value) if value.is_finite() and value.as_tuple().exponent == 0 else float(value)
        if isinstance(value, int):
            if -(2**63) <= value < 2**63:
                return Const(value, _INTEGER)
        elif math.isfinite(value):
            return Const(value, _REAL)
        self._fault(place, WORDS("labels.formula_number", given=value))
        return None

    def _text(self, label: FormulaText, above: tuple[str, ...]) -> Node | None:
        try:
            expr = feel.parse(label.source, self.written)
        except TallystickError as error:
            if error.code == "feel.name":
                given = error.message.params.get("given")
                self._fault(label.place, WORDS("labels.unknown", given=given, allowed=", ".join(self.written)))
            else:
                detail = error.message.text()
                self._fault(label.place, WORDS("labels.formula", given=label.source, detail=detail))
            return None
        return self._translate(expr, label, above)

    def _translate(self, expr: feel.Expr, label: FormulaText, above: tuple[str, ...]) -> Node | None:
        match expr:
            case feel.Number(value):
                return self._const(value, label.place)
            case feel.Negate(feel.Number(value)):
                return self._const(-value, label.place)
            case feel.Name(name):
                return self.by_name(name, above)
            case feel.Negate(operand):
                inner = self._translate(operand, label, above)
                return inner and self._combine("*", Const(-1, _INTEGER), inner, label.place)
            case feel.Binary(op, left, right) if op in "+-*/":
                first, second = self._translate(left, label, above), self._translate(right, label, above)
                return self._combine(op, first, second, label.place)
            case _:
                kind = type(expr).__name__.lower()
                self._fault(label.place, WORDS("labels.formula_node", given=label.source, kind=kind))
                return None

    def _combine(self, op: str, left: Node | None, right: Node | None, place: Place) -> Node | None:
        if left is None or right is None:
            return None
        found = _type(op, left.type, right.type)
        if found is None:
            self._fault(place, WORDS("labels.types", left=str(left.type), op=op, right=str(right.type)))
            return None
        return Op(op, left, right, found)

    def _leaf(self, label: Windowed) -> Node | None:
        events = label.per.events
        before = _Count(self.faults)
        keys = ", ".join(entity.name for entity in events.keys)
        if label.per.entity not in events.keys:
            words = WORDS("labels.entity", stream=events.stream, entity=label.per.entity.name, allowed=keys)
            before.fault(label.place, words)
        window = _window(label, before)
        delay = _delay(label, before)
        types = declared_types(events)
        result = _aggregate_type(label, types, before)
        read = frozenset((label.column,)) - {""}
        if label.where or label.kind == "share":
            try:
                read |= columns_read(label.where, types)
            except TallystickError as error:
                before.fault(label.place, WORDS("labels.where", given=label.where, detail=error.message.text()))
        if before.any:
            return None
        late = {events.fields[name].known_at for name in read if name in events.fields} - {""}
        self.reads[(events.stream, label.column, label.where)] = read | late
        leaf = Leaf(
            events.stream,
            label.per.entity.name,
            label.kind,
            label.column,
            label.where,
            window,
            delay,
            label.including_present,
            result,
        )
        # Equal leaves are one object, so that executors may tell them by identity.
        return self._leaves.setdefault(leaf, leaf)

    def _fault(self, place: Place, words: Message) -> None:
        self.faults.add(DefinitionError(words, place))


class _Count:
    """Faults of one label, so that it can be left out when it has any."""

    def __init__(self, faults: Faults) -> None:
        self.faults, self.any = faults, False

    def fault(self, place: Place, words: Message) -> None:
        self.faults.add(DefinitionError(words, place))
        self.any = True


def _window(label: Windowed, faults: _Count) -> int:
    if label.window in ("month", "lifetime"):
        return MONTH if label.window == "month" else LIFETIME
    try:
        micros = Span.parse(label.window).micros
        detail = "labels.window_zero" if micros == 0 else "labels.window_long" if micros >= _SPAN_MAX else ""
    except InputError:
        micros, detail = 1, "labels.window_text"
    if detail:
        faults.fault(label.place, WORDS(detail, given=label.window))
    return micros


def _delay(label: Windowed, faults: _Count) -> int:
    if label.delay is None:
        return 0
    try:
        micros = Span.parse(label.delay).micros
        if micros < _SPAN_MAX:
            return micros
    except InputError:
        pass
    faults.fault(label.place, WORDS("labels.delay", given=label.delay))
    return 0


def _aggregate_type(label: Windowed, types: Mapping[str, FieldType | None], faults: _Count) -> FieldType:
    if label.kind in ("count", "since_last", "distinct"):
        return _INTEGER
    if label.kind == "share":
        return _REAL
    found = types.get(label.column)
    allowed = ", ".join(_COLUMN_KINDS[label.kind])
    params = {"kind": label.kind, "column": label.column, "stream": label.per.events.stream}
    if found is None:
        fields = ", ".join(name for name, kind in types.items() if kind) or "none"
        faults.fault(label.place, WORDS("labels.undeclared", **params, allowed=fields))
        return _INTEGER
    if found.kind not in _COLUMN_KINDS[label.kind]:
        faults.fault(label.place, WORDS("labels.kind", **params, type=str(found), allowed=allowed))
    if label.kind in ("mean", "std"):
        return _REAL
    return _INTEGER if label.kind == "sum" and found.kind == "flag" else found


def _type(op: str, left: FieldType, right: FieldType) -> FieldType | None:
    """The type of `left op right`, None where it has no meaning."""
    numbers = ("money", "decimal", "integer", "real")
    if left.kind not in numbers or right.kind not in numbers:
        return None
    if left.kind == right.kind == "money" and left != right:
        return None
    if op == "/" or "real" in (left.kind, right.kind):
        return _REAL
    if op == "*":
        plain = _INTEGER in (left, right)
        return (right if left == _INTEGER else left) if plain else None
    return left if left == right else None


def _definition(
    name: str,
    label: Label,
    node: Node,
    streams: Mapping[str, Events],
    reads: Mapping[tuple[str, str, str], frozenset[str]],
    zone: str,
) -> Definition:
    parts = list(leaves(node))
    columns = {column for leaf in parts for column in reads[(leaf.stream, leaf.column, leaf.where)]}
    windowed = label if isinstance(label, Windowed) else None
    return Definition(
        name=name,
        kind=windowed.kind if windowed else "formula",
        type=node.type,
        entities=tuple(dict.fromkeys(leaf.entity for leaf in parts)),
        streams=tuple(dict.fromkeys(leaf.stream for leaf in parts)),
        columns=tuple(sorted(columns)),
        window=windowed.window if windowed else "",
        delay=(windowed.delay or "") if windowed else "",
        including_present=windowed.including_present if windowed else False,
        where=windowed.where if windowed else "",
        version=content_version("label", _content(node, streams, reads, zone), SEMANTICS),
    )


def _content(
    node: Node, streams: Mapping[str, Events], reads: Mapping[tuple[str, str, str], frozenset[str]], zone: str
) -> Any:
    if isinstance(node, Const):
        return {"integer" if isinstance(node.value, int) else "real": node.value}
    if isinstance(node, Op):
        return [node.op, _content(node.left, streams, reads, zone), _content(node.right, streams, reads, zone)]
    events = streams[node.stream]
    read = reads[(node.stream, node.column, node.where)]
    return {
        "aggregate": node,
        "stream": {
            "id": events.id,
            "at": events.at,
            "sequence": events.sequence,
            "lateness_micros": Span.parse(events.lateness).micros,
            "keys": sorted(events.keys.values()),
            "key": next(column for entity, column in events.keys.items() if entity.name == node.entity),
            "fields": {name: spec for name, spec in events.fields.items() if name in read},
        },
        "zone": zone if node.where or node.window_micros == MONTH else "",
    }


def unfinished(name: str, value: object) -> Message | None:
    """The fault of a module global that was meant as a label but has no window."""
    if isinstance(value, Aggregate):
        return WORDS("labels.unfinished", name=name, kind=value.kind)
    if isinstance(value, Per):
        return WORDS("labels.unfinished", name=name, kind=f"per({value.entity.name})")
    return None
