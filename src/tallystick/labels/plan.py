"""What executors run: aggregates with their windows, constants and arithmetic, after every check."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from tallystick.core import FieldType
from tallystick.labels.algebra import ALGEBRA, Kind

SPAN, EVENTS, LIFETIME, CALENDAR, SESSION, AFTER, BEFORE = (
    "span",
    "events",
    "lifetime",
    "calendar",
    "session",
    "after",
    "before",
)


class Window(msgspec.Struct, frozen=True):
    """Which facts a label takes at t' = t − delay; `text` is its one spelling, whichever way it was written.

    | kind | takes |
    |---|---|
    | span | (t' − micros, t'] |
    | events | the latest `count` facts that pass the filter, up to t' |
    | lifetime | all up to t' |
    | calendar | from the start of the `unit` of t', to t'; with `back` n, the whole n-th unit before it, |
    |          | or with `to_date` that unit up to the same distance from its start as t' has (never past its end) |
    | session | the run of facts that pass the filter, ending at the latest up to t', with no gap over `micros`; |
    |         | empty when the latest is more than `micros` before t' |
    | after | (A, min(t', A + micros)] where A is the anchor's instant; `micros` 0 sets no limit |
    | before | [A − micros, A), never past t'; `micros` 0 sets no limit |
    """

    kind: str
    text: str
    micros: int = 0
    count: int = 0
    unit: str = ""
    back: int = 0
    to_date: bool = False
    anchor: Leaf | None = None


class Leaf(msgspec.Struct, frozen=True):
    """One windowed aggregate; equal leaves are one object and are computed once.

    Parameters
    ----------
    stream, entity
        The events, and whose. Without an entity the leaf is the own event's `column`: a value of the request itself.
    kind
        A name of the algebra, or "own".
    column, other
        What is aggregated; `other` is the denominator's column of a ratio.
    where
        FEEL condition on a row, "" for none.
    window, delay_micros, including_present
        Which facts.
    param
        n of nth, top and sequence; q of a quantile in millionths; the half-life of decayed and the unit of a slope in
        microseconds; 1 for the range of a real column.
    cap
        Above so many values the answer is approximate (distinct, quantile); 0 means never.
    via
        Gives the key of `entity` at the point, where the point itself does not name it.
    type
        Of the value.
    """

    stream: str
    entity: str
    kind: str
    column: str
    other: str
    where: str
    window: Window
    delay_micros: int
    including_present: bool
    param: int
    cap: int
    via: Leaf | None
    type: FieldType

    @property
    def feature(self) -> Feature:
        """What a row means to this aggregate."""
        return feature_of(self)


class Feature(msgspec.Struct, frozen=True):
    """What a row means to the aggregates that share column, filter and role ("", "coded" or "flagged").

    A row's code is 0 filtered out, 1 a value, 2 no value in the source, 3 a value that awaits its confirmation; with
    two columns the worse of both. Flagged rows all have a value: 1 where the condition is true, else 0.
    """

    column: str
    other: str
    where: str
    role: str


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


class Rule(msgspec.Struct, frozen=True):
    """A FEEL expression over operands by name, for what arithmetic alone cannot say.

    A missing operand is null in it. Where the result is null it is missing: for the reason of the left-most missing
    operand, else "undefined". An instant is seen in `zone`.
    """

    source: str
    operands: tuple[tuple[str, Node], ...]
    type: FieldType
    zone: str = "UTC"


Node: TypeAlias = Leaf | Const | Op | Rule


def feature_of(leaf: Leaf) -> Feature:
    """What a row means to a leaf; a leaf of the own event takes its rows as they are."""
    kind = ALGEBRA.get(leaf.kind, Kind("own", -1))
    return Feature(leaf.column, leaf.other, leaf.where, "coded" if kind.coded else "flagged" if kind.flagged else "")


def leaves(node: Node) -> Iterator[Leaf]:
    """The aggregates of a node, left to right; anchors and links that they hang on are reached through them."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Op):
        yield from leaves(node.left)
        yield from leaves(node.right)
    elif isinstance(node, Rule):
        for _, operand in node.operands:
            yield from leaves(operand)


def needs(leaf: Leaf) -> tuple[Leaf, ...]:
    """The link and the anchor that a leaf hangs on."""
    return tuple(one for one in (leaf.via, leaf.window.anchor) if one is not None)


def all_leaves(node: Node) -> Iterator[Leaf]:
    """The aggregates of a node with the anchors and links that they hang on, those first."""
    for leaf in leaves(node):
        for needed in needs(leaf):
            yield from all_leaves(needed)
        yield leaf
