"""How a label is written: entities, events, fields, aggregates and arithmetic between labels."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tallystick.core import FieldType, Place, minor_digits

Number: TypeAlias = int | float | Decimal


class Entity(msgspec.Struct, frozen=True):
    """Whom or what labels are about: a card, a customer, a terminal.

    Examples
    --------
    >>> Entity("card")
    Entity(name='card')
    """

    name: str


class FieldSpec(msgspec.Struct, frozen=True):
    """The type of a source column; a field with `known_at` reads `default` until that column's instant."""

    type: FieldType
    default: Any = None
    known_at: str = ""


def money(currency: str, default: int | None = None, known_at: str = "") -> FieldSpec:
    """An amount in whole minor units of `currency` (ISO 4217); raises `InputError` for another code."""
    return FieldSpec(FieldType("money", currency, minor_digits(currency)), default, known_at)


def decimal(scale: int, default: int | None = None, known_at: str = "") -> FieldSpec:
    """A number held as whole multiples of 10^-`scale`, 0 to 18."""
    return FieldSpec(FieldType.parse(f"decimal({scale})"), default, known_at)


def integer(default: int | None = None, known_at: str = "") -> FieldSpec:
    """A whole number of 64 bits."""
    return FieldSpec(FieldType("integer"), default, known_at)


def real(default: float | None = None, known_at: str = "") -> FieldSpec:
    """A float: it can be compared and counted, never summed."""
    return FieldSpec(FieldType("real"), default, known_at)


def text(default: str | None = None, known_at: str = "") -> FieldSpec:
    """Text."""
    return FieldSpec(FieldType("text"), default, known_at)


def flag(default: bool | None = None, known_at: str = "") -> FieldSpec:
    """True or false; sums and means count the true ones."""
    return FieldSpec(FieldType("flag"), default, known_at)


def instant(default: int | None = None, known_at: str = "") -> FieldSpec:
    """An instant, held as microseconds UTC."""
    return FieldSpec(FieldType("instant"), default, known_at)


def date(known_at: str = "") -> FieldSpec:
    """A calendar date."""
    return FieldSpec(FieldType("date"), None, known_at)


class Label(msgspec.Struct, frozen=True, eq=False):
    """A label's definition; + - * / between labels and numbers make new ones."""

    place: Place

    def __add__(self, other: Label | Number) -> Label:
        return _combine("+", self, other)

    def __radd__(self, other: Number) -> Label:
        return _combine("+", other, self)

    def __sub__(self, other: Label | Number) -> Label:
        return _combine("-", self, other)

    def __rsub__(self, other: Number) -> Label:
        return _combine("-", other, self)

    def __mul__(self, other: Label | Number) -> Label:
        return _combine("*", self, other)

    def __rmul__(self, other: Number) -> Label:
        return _combine("*", other, self)

    def __truediv__(self, other: Label | Number) -> Label:
        return _combine("/", self, other)

    def __rtruediv__(self, other: Number) -> Label:
        return _combine("/", other, self)

    def __neg__(self) -> Label:
        return Arithmetic(_caller(), "-", (self,))


class Arithmetic(Label, frozen=True, eq=False):
    """`op` over one operand (unary minus) or two: labels and numbers."""

    op: str
    operands: tuple[Label | Number, ...]


class FormulaText(Label, frozen=True, eq=False):
    """Arithmetic written as FEEL text over the names of labels."""

    source: str


class Events(msgspec.Struct, frozen=True, eq=False):
    """A stream of events and how its columns are read.

    Parameters
    ----------
    stream
        The stream's name.
    id
        Column that names an event; a correction has the same id and a higher revision.
    at
        Column of the instant when it happened.
    keys
        Entity → column of its key.
    sequence
        Column that orders events of equal `at` (whole numbers or text); then, and without it, `id` orders.
    lateness
        Span within which a first revision must be known, else it is quarantined.
    fields
        Column → type, for columns that labels aggregate or compare as amounts. Others are read with the type they have.

    Examples
    --------
    >>> card = Entity("card")
    >>> payments = Events("payments", id="payment_id", at="paid_at", keys={card: "card_id"},
    ...                   fields={"amount": money("EUR")})
    >>> spend_7d = payments.per(card).sum("amount").over("7d")
    >>> spend_7d.kind, spend_7d.window
    ('sum', '7d')
    """

    stream: str
    id: str
    at: str
    keys: Mapping[Entity, str]
    sequence: str = ""
    lateness: str = "30d"
    fields: Mapping[str, FieldSpec] = {}

    def per(self, entity: Entity) -> Per:
        """What is counted for each key of `entity`."""
        return Per(self, entity)


class Per(msgspec.Struct, frozen=True, eq=False):
    """The aggregates of a stream for one entity; each becomes a label with `.over(window)`."""

    events: Events
    entity: Entity

    def count(self, where: str = "") -> Aggregate:
        """How many events (for which the FEEL condition `where` is true)."""
        return Aggregate(self, "count", "", where)

    def sum(self, column: str, where: str = "") -> Aggregate:
        """The exact sum of a money, decimal, integer or flag column."""
        return Aggregate(self, "sum", column, where)

    def mean(self, column: str, where: str = "") -> Aggregate:
        """The exact sum divided once by the count, Float64 in the column's unit."""
        return Aggregate(self, "mean", column, where)

    def std(self, column: str, where: str = "") -> Aggregate:
        """The sample's standard deviation, Float64 in the column's unit; missing below two values."""
        return Aggregate(self, "std", column, where)

    def min(self, column: str, where: str = "") -> Aggregate:
        """The smallest value."""
        return Aggregate(self, "min", column, where)

    def max(self, column: str, where: str = "") -> Aggregate:
        """The largest value."""
        return Aggregate(self, "max", column, where)

    def distinct(self, column: str, where: str = "") -> Aggregate:
        """How many different values."""
        return Aggregate(self, "distinct", column, where)

    def first(self, column: str, where: str = "") -> Aggregate:
        """The earliest value by (at, sequence, id)."""
        return Aggregate(self, "first", column, where)

    def last(self, column: str, where: str = "") -> Aggregate:
        """The latest value by (at, sequence, id)."""
        return Aggregate(self, "last", column, where)

    def share(self, condition: str) -> Aggregate:
        """The part of the events for which the FEEL condition is true, 0 to 1."""
        return Aggregate(self, "share", "", condition)

    def since_last(self, where: str = "") -> Aggregate:
        """Microseconds from the latest event (for which `where` is true) to the point."""
        return Aggregate(self, "since_last", "", where)


class Aggregate(msgspec.Struct, frozen=True, eq=False):
    """An aggregate that still needs its window."""

    per: Per
    kind: str
    column: str
    where: str

    def over(self, window: str, delay: str | None = None, including_present: bool = False) -> Windowed:
        """The label over a window that ends at the point.

        Parameters
        ----------
        window
            A span ("7d": the last 168 hours, its start left out), "month" (this calendar month so far, in the
            library's zone) or "lifetime".
        delay
            A span by which the window ends earlier, for what becomes known late.
        including_present
            Whether an event's own point counts the event itself.
        """
        return Windowed(_caller(), self.per, self.kind, self.column, self.where, window, delay, including_present)


class Windowed(Label, frozen=True, eq=False):
    """An aggregate of one stream for one entity over one window."""

    per: Per
    kind: str
    column: str
    where: str
    window: str
    delay: str | None
    including_present: bool


def formula(source: str) -> Label:
    """A label from arithmetic in FEEL text over the names of labels.

    Examples
    --------
    >>> formula("spend_7d / spend_90d").source
    'spend_7d / spend_90d'
    """
    return FormulaText(_caller(), source)


def _combine(op: str, left: Label | Number, right: Label | Number) -> Label:
    for operand in (left, right):
        if isinstance(operand, bool) or not isinstance(operand, Label | int | float | Decimal):
            refused: Label = NotImplemented
            return refused
    return Arithmetic(_caller(), op, (left, right))


def _caller() -> Place:
    """The line outside this module that wrote the label: where its faults are shown."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename == __file__ and frame.f_back is not None:
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)
