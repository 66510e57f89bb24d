"""Labels made of labels: arithmetic in Python, and formulas in FEEL text."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Self, TypeAlias

import msgspec

from tallystick.core import Place
from tallystick.labels.definition.fields import FieldSpec
from tallystick.labels.definition.notes import Note, caller

Number: TypeAlias = int | float | Decimal


class Label(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A label's definition; + - * / between labels and numbers make new ones."""

    place: Place
    note: Note = Note()

    def described(
        self,
        text: str,
        owner: str = "",
        purposes: str | Iterable[str] = (),
        freshness: str = "",
        max_grade: str = "",
    ) -> Self:
        """The same label with a note for the catalogue; its meaning and version stay.

        Parameters
        ----------
        text
            What it says, for people.
        owner
            Who answers for it.
        purposes
            What it may be used for; every column that it reads must allow each of them.
        freshness
            How old its facts may be, a span such as "1d".
        max_grade
            The highest grade of a column that it may read, "L1" to "L5".

        Examples
        --------
        >>> formula("spend_7d / spend_90d").described("Spending against habit", owner="fraud").note.owner
        'fraud'
        """
        # What is no iterable is kept as it is, for the check of notes.
        many = isinstance(purposes, Iterable) and not isinstance(purposes, str)
        named: Any = tuple(purposes) if many else (purposes,)
        return msgspec.structs.replace(self, note=Note(text, owner, named, freshness, max_grade))

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
        return Arithmetic("-", (self,), place=caller())


class Arithmetic(Label, frozen=True, eq=False):
    """`op` over one operand (unary minus) or two: labels and numbers."""

    op: str
    operands: tuple[Label | Number, ...]


class FormulaText(Label, frozen=True, eq=False):
    """FEEL text over the names of labels: arithmetic, or with a `type` any expression."""

    source: str
    type: FieldSpec | None = None


def formula(source: str, type: FieldSpec | None = None) -> FormulaText:
    """A label from FEEL text over the names of labels.

    Parameters
    ----------
    source
        The expression. Without `type` it is arithmetic (+ - * /), exact in 64 bits or Float64.
    type
        The type of the result: `flag()`, `text()`, `money("EUR")` and so on. Then any FEEL expression will do; a
        missing label is null in it, money is in major units, and a result that is not of the type is undefined.

    Examples
    --------
    >>> formula("spend_7d / spend_90d").source
    'spend_7d / spend_90d'
    """
    return FormulaText(source, type, place=caller())


def shown_slip(value: object) -> str:
    """What was written where something else is allowed, for people: a function by its name, else as Python shows it.

    Examples
    --------
    >>> shown_slip("card"), shown_slip(formula)
    ("'card'", 'formula without ()')
    """
    name = getattr(value, "__name__", "") if callable(value) else ""
    return f"{name} without ()" if name else repr(value)[:80]


def _combine(op: str, left: Label | Number, right: Label | Number) -> Label:
    for operand in (left, right):
        if isinstance(operand, bool) or not isinstance(operand, Label | int | float | Decimal):
            refused: Label = NotImplemented
            return refused
    return Arithmetic(op, (left, right), place=caller())
