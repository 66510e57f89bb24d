"""From what a label file wrote to what the executors run: names, types, faults and plans."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

import msgspec

from tallystick import feel
from tallystick.core import DefinitionError, Faults, FieldType, Grade, InputError, Message, Place, TallystickError
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.definition.contents import (
    SEMANTICS,
    Definition,
    Known,
    definition,
    entities_asked,
    every_leaf,
    reading,
)
from tallystick.labels.definition.currencies import check_result
from tallystick.labels.definition.define import (
    Aggregate,
    Arithmetic,
    Events,
    FieldSpec,
    FormulaText,
    Label,
    Number,
    Own,
    Per,
    Windowed,
)
from tallystick.labels.definition.formulas import shown_slip
from tallystick.labels.definition.grammar import INTEGER, REAL, LabelFaults, read_delay, read_shape, read_window
from tallystick.labels.definition.typecheck import check_types, kind_of
from tallystick.labels.definition.words import WORDS
from tallystick.labels.meaning.filters import columns_read, refuse_clock
from tallystick.labels.plan import LIFETIME, Const, Leaf, Node, Op, Rule, Window, all_leaves
from tallystick.labels.words import WORDS as LABEL_WORDS

__all__ = ["SEMANTICS", "Definition", "Resolved", "declared_types", "resolve", "unfinished"]

_KEYS = ("text", "integer")


class Resolved(msgspec.Struct, frozen=True):
    """The labels of a file, checked."""

    definitions: Mapping[str, Definition]
    nodes: Mapping[str, Node]
    columns: Mapping[str, frozenset[str]]
    """Stream → the columns that its labels read, joined ones among them."""
    joins: Mapping[str, Mapping[str, Node]] = {}
    """Stream → joined column that labels read → the label that gives it, at each event's own (at, known_at − 1)."""


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


def resolve(written: Mapping[str, Label], streams: Mapping[str, Events], zone: str, faults: Faults) -> Resolved:
    """Check every label and make its plan; faults are kept, the labels without fault returned."""
    work = _Resolver(written, streams, zone, faults)
    for stream in streams:
        work.types_of(stream)
    for name, label in written.items():
        work.by_name(name, ())
        _check_note(label, faults)
    nodes = {name: node for name, node in work.done.items() if node is not None}
    known = Known(streams, work.joins, work.reads)
    columns: dict[str, set[str]] = {stream: set() for stream in streams}
    for node in nodes.values():
        for leaf in every_leaf(node, known):
            columns[leaf.stream] |= known.of(leaf)
    definitions = {name: definition(name, written[name], node, known, zone) for name, node in nodes.items()}
    joins = {
        stream: {column: node for column, node in joined.items() if column in columns[stream]}
        for stream, joined in work.joins.items()
    }
    return Resolved(
        definitions,
        nodes,
        {stream: frozenset(names) for stream, names in columns.items()},
        {stream: joined for stream, joined in joins.items() if joined},
    )


class _Resolver:
    """Walks the labels once; keeps what is done and what each aggregate reads."""

    def __init__(self, written: Mapping[str, Label], streams: Mapping[str, Events], zone: str, faults: Faults) -> None:
        self.written, self.streams, self.zone, self.faults = written, streams, zone, faults
        self.done: dict[str, Node | None] = {}
        self.reads: dict[tuple[str, str, str, str], frozenset[str]] = {}
        self.joins: dict[str, dict[str, Node]] = {}
        self._names = {id(label): name for name, label in written.items()}
        self._leaves: dict[Leaf, Leaf] = {}
        self._types: dict[str, dict[str, FieldType | None]] = {}
        self._joining: list[str] = []

    def by_name(self, name: str, above: tuple[str, ...]) -> Node | None:
        """The plan of a named label, made once; `above` are the names that led here."""
        if name in above:
            circle = " → ".join((*above[above.index(name) :], name))
            self._fault(self.written[name].place, WORDS("labels.cycle", given=circle))
            return None
        if name not in self.done:
            self.done[name] = self._node(self.written[name], (*above, name))
        return self.done[name]

    def types_of(self, stream: str) -> dict[str, FieldType | None]:
        """The columns of a stream with their declared types, joined ones too."""
        if stream not in self._types:
            events = self.streams[stream]
            types, self.joins[stream] = declared_types(events), {}
            self._joining.append(stream)
            for column, label in events.joins.items():
                node = self._join(events, column, label, column in types)
                types[column] = node.type if node else None
                if node:
                    self.joins[stream][column] = node
            self._joining.pop()
            self._types[stream] = types
        return self._types[stream]

    def _join(self, events: Events, column: str, label: Label, taken: bool) -> Node | None:
        if taken:
            self._fault(label.place, WORDS("labels.join_column", stream=events.stream, column=column))
        node = self._operand(label, label.place, ())
        if node is None or taken:
            return None
        keys = {entity.name for entity in events.keys}
        for entity in entities_asked(node):
            if entity not in keys:
                words = WORDS("labels.join_entity", stream=events.stream, column=column, entity=entity)
                self._fault(label.place, words)
        if any(leaf.kind == "own" for leaf in all_leaves(node)):
            self._fault(label.place, WORDS("labels.join_own", stream=events.stream, column=column))
        return node

    def _node(self, label: Label, above: tuple[str, ...]) -> Node | None:
        if isinstance(label, Windowed):
            return self._leaf(label, above)
        if isinstance(label, Own):
            return self._own(label)
        if isinstance(label, FormulaText):
            return self._text(label, above)
        assert isinstance(label, Arithmetic)
        nodes = [self._operand(operand, label.place, above) for operand in label.operands]
        if any(node is None for node in nodes):
            return None
        if len(nodes) == 1:
            nodes = [Const(-1, INTEGER), nodes[0]]
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
                return Const(value, INTEGER)
        elif math.isfinite(value):
            return Const(value, REAL)
        self._fault(place, WORDS("labels.formula_number", given=value))
        return None

    def _text(self, label: FormulaText, above: tuple[str, ...]) -> Node | None:
        if not _well_written(label, self.faults):
            return None
        try:
            expr = feel.parse(label.source, self.written)
            refuse_clock(expr)
        except TallystickError as error:
            if error.code == "feel.name":
                given = error.message.params.get("given")
                self._fault(label.place, LABEL_WORDS("labels.unknown", given=given, allowed=", ".join(self.written)))
            else:
                detail = error.message.text()
                self._fault(label.place, WORDS("labels.formula", given=label.source, detail=detail))
            return None
        if label.type is None:
            return self._translate(expr, label, above)
        return self._rule(expr, label, label.type.type, above)

    def _rule(self, expr: feel.Expr, label: FormulaText, type: FieldType, above: tuple[str, ...]) -> Node | None:
        operands = [(name, self.by_name(name, above)) for name in _in_order(expr)]
        if any(node is None for _, node in operands):
            return None
        found = tuple((name, node) for name, node in operands if node)
        types = {name: node.type for name, node in found}
        try:
            kind = check_types(expr, types)
            check_result(label.source, expr, types, type)
        except DefinitionError as error:
            self._fault(label.place, WORDS("labels.formula", given=label.source, detail=error.message.text()))
            return None
        if kind not in ("", kind_of(type)):
            self._fault(label.place, WORDS("labels.rule_kind", given=label.source, kind=kind, type=str(type)))
            return None
        return Rule(label.source, found, type, self.zone)

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
                return inner and self._combine("*", Const(-1, INTEGER), inner, label.place)
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

    def _own(self, label: Own) -> Node | None:
        stream, types = label.events.stream, self._checked_types(label.events, label.place)
        found = types.get(label.column) if types is not None else None
        if found is None:
            fields = ", ".join(name for name, kind in (types or {}).items() if kind) or "none"
            words = WORDS("labels.undeclared", kind="own", column=label.column, stream=stream, allowed=fields)
            self._fault(label.place, words)
            return None
        window = Window(LIFETIME, LIFETIME)
        leaf = Leaf(stream, "", "own", label.column, "", "", window, 0, True, 0, 0, None, found)
        return self._kept(leaf, frozenset((label.column,)))

    def _checked_types(self, events: Events, place: Place) -> dict[str, FieldType | None] | None:
        """The columns of a stream, None where its joined columns would be made of itself."""
        if events.stream in self._joining:
            circle = " → ".join((*self._joining[self._joining.index(events.stream) :], events.stream))
            self._fault(place, WORDS("labels.join_cycle", given=circle))
            return None
        return self.types_of(events.stream)

    def _leaf(self, label: Windowed, above: tuple[str, ...]) -> Node | None:
        events, aggregate = label.per.events, label.aggregate
        types = self._checked_types(events, label.place)
        if types is None:
            return None
        mine = LabelFaults(self.faults, label.place)
        keys = ", ".join(entity.name for entity in events.keys)
        if label.per.entity not in events.keys:
            mine.add(WORDS("labels.entity", stream=events.stream, entity=label.per.entity.name, allowed=keys))
        anchor = self._hung(label.anchor, "labels.anchor", ("instant",), mine, above) if label.side else None
        via = self._hung(label.link, "labels.link", _KEYS, mine, above)
        if via is not None:
            _check_key(types.get(events.keys.get(label.per.entity, "")), via, label, mine)
        window, delay = read_window(label, anchor, mine), read_delay(label, mine)
        shape = read_shape(label, types, mine)
        read = frozenset((aggregate.column, aggregate.other)) - {""}
        kind = ALGEBRA.get(aggregate.kind)
        if not isinstance(label.including_present, bool):
            mine.add(WORDS("labels.including_present", given=label.including_present))
        if label.dimension and kind and kind.flagged:
            mine.add(WORDS("labels.family_flagged", kind=kind.name))
        if not isinstance(aggregate.where, str):
            mine.add(WORDS("labels.where_text", given=aggregate.where))
        elif aggregate.where or (kind and kind.flagged):
            try:
                read |= columns_read(aggregate.where, types)
            except TallystickError as error:
                mine.add(WORDS("labels.where", given=aggregate.where, detail=error.message.text()))
        if mine.any:
            return None
        leaf = Leaf(
            stream=events.stream,
            entity=label.per.entity.name,
            kind=aggregate.kind,
            column=aggregate.column,
            other=aggregate.other,
            where=aggregate.where,
            window=window,
            delay_micros=delay,
            including_present=label.including_present,
            param=shape.param,
            cap=shape.cap,
            via=via,
            type=shape.type,
        )
        return self._kept(leaf, read)

    def _hung(
        self, label: Label | None, code: str, allowed: tuple[str, ...], mine: LabelFaults, above: tuple[str, ...]
    ) -> Leaf | None:
        """The aggregate that an anchor or a link is; a link may also be a column of the own event."""
        if label is None and code == "labels.link":
            return None
        node = self._operand(label, mine.place, above) if isinstance(label, Label) else None
        if isinstance(label, Label) and node is None:
            # Its own fault is shown; this label only falls with it.
            mine.any = True
            return None
        plain = isinstance(node, Leaf) and (node.kind != "own" or code == "labels.link")
        if not plain or node is None or node.type.kind not in allowed:
            given = str(node.type) if node else type(label).__name__
            mine.add(WORDS(code, given=given))
            return None
        assert isinstance(node, Leaf)
        return node

    def _kept(self, leaf: Leaf, read: frozenset[str]) -> Leaf:
        fields = self.streams[leaf.stream].fields
        late = {fields[name].known_at for name in read if name in fields} - {""}
        self.reads[reading(leaf)] = read | late
        # Equal leaves are one object, so that executors may tell them by identity.
        return self._leaves.setdefault(leaf, leaf)

    def _fault(self, place: Place, words: Message) -> None:
        self.faults.add(DefinitionError(words, place))


def _check_key(key: FieldType | None, via: Leaf, label: Windowed, mine: LabelFaults) -> None:
    if key is not None and key.kind != via.type.kind:
        mine.add(WORDS("labels.link_key", entity=label.per.entity.name, given=str(via.type), type=str(key)))


def _in_order(expr: feel.Expr) -> list[str]:
    """The labels that an expression reads, in the order of their first use."""
    outer, found = feel.names_in(expr), dict[str, None]()
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        if isinstance(part, feel.Name) and part.name in outer:
            found[part.name] = None
        waiting.extend(reversed(list(feel.children(part))))
    return list(found)


def _well_written(label: FormulaText, faults: Faults) -> bool:
    """Whether a formula is text and its type a type, `integer()` and not `integer`; else a fault."""
    mine = LabelFaults(faults, label.place)
    if not isinstance(label.source, str):
        mine.add(WORDS("labels.formula_text", given=label.source))
    if label.type is not None and not isinstance(label.type, FieldSpec):
        mine.add(WORDS("labels.type", given=shown_slip(label.type)))
    return not mine.any


def _check_note(label: Label, faults: Faults) -> None:
    note = label.note
    mine = LabelFaults(faults, label.place)
    written = {"text": note.text, "owner": note.owner, "freshness": note.freshness, "max_grade": note.max_grade}
    written |= {f"purposes[{number}]": purpose for number, purpose in enumerate(note.purposes)}
    for field, given in written.items():
        if not isinstance(given, str):
            mine.add(WORDS("labels.note", field=field, given=given))
    if mine.any:
        return
    if note.freshness:
        mine.span(note.freshness, "labels.freshness")
    if note.max_grade:
        try:
            Grade.parse(note.max_grade)
        except InputError as error:
            mine.add(error.message)


def _type(op: str, left: FieldType, right: FieldType) -> FieldType | None:
    """The type of `left op right`, None where it has no meaning."""
    numbers = ("money", "decimal", "integer", "real")
    if left.kind not in numbers or right.kind not in numbers:
        return None
    if left.kind == right.kind == "money" and left != right:
        return None
    if op == "/" or "real" in (left.kind, right.kind):
        return REAL
    if op == "*":
        plain = INTEGER in (left, right)
        return (right if left == INTEGER else left) if plain else None
    return left if left == right else None


def unfinished(name: str, value: object) -> Message | None:
    """The fault of a module global that was meant as a label but has no window."""
    if isinstance(value, Aggregate):
        return WORDS("labels.unfinished", name=name, kind=value.kind)
    if isinstance(value, Per):
        return WORDS("labels.unfinished", name=name, kind=f"per({value.entity.name})")
    return None
