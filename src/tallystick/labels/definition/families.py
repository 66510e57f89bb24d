"""Families: one definition that makes a label for each window or for each value of a column."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tallystick import feel
from tallystick.core import DefinitionError, Faults, InputError, Place
from tallystick.labels.definition.formulas import Label
from tallystick.labels.definition.notes import caller
from tallystick.labels.definition.words import WORDS

Value: TypeAlias = str | int | float | bool | Decimal | date
"""A value of a column in a label file; an amount is in major units, as everywhere in FEEL."""


class Family(msgspec.Struct, frozen=True, eq=False):
    """Labels that are written at once: (end of the name, label), named when the family itself is.

    Examples
    --------
    >>> from tallystick.labels import Entity, Events, money
    >>> card = Entity("card")
    >>> payments = Events("payments", id="id", at="at", keys={card: "card"}, fields={"amount": money("EUR")})
    >>> spend = payments.per(card).sum("amount").over_each(["1d", "7d"]).by("channel", ["web", "shop"])
    >>> list(spend)
    ['_1d__web', '_1d__shop', '_7d__web', '_7d__shop']
    """

    members: tuple[tuple[str, Label], ...]
    place: Place

    def __iter__(self) -> Iterator[str]:
        return (end for end, _ in self.members)

    def __len__(self) -> int:
        return len(self.members)

    def __getitem__(self, end: str) -> Label:
        """One label by the end of its name, with or without the underscores that join it; `InputError` for another."""
        for name, label in self.members:
            if end in (name, name.lstrip("_")) or ending(end) == name.lstrip("_"):
                return label
        raise InputError(WORDS("labels.family_member", given=end, allowed=", ".join(self)), self.place)

    def by(self, column: str, values: Iterable[Value]) -> Family:
        """Each label again for each value of `column`."""
        values = listed(column, values, caller())
        return self._multiply(lambda label: label.by(column, values))

    def via(self, link: Label) -> Family:
        """Each label with the key of its entity taken from `link`."""
        return self._each(lambda label: label.via(link))

    def described(self, text: str, **note: Any) -> Family:
        """Each label with the same note."""
        return self._each(lambda label: label.described(text, **note))

    def _each(self, change: Callable[[Any], Label]) -> Family:
        return Family(tuple((end, change(label)) for end, label in self.members), self.place)

    def _multiply(self, split: Callable[[Any], Family]) -> Family:
        found = [(end + more, part) for end, label in self.members for more, part in split(label).members]
        return Family(tuple(found), self.place)


def ending(value: object) -> str:
    """A value or window as the end of a name: whatever is no letter, digit or underscore becomes "_".

    Examples
    --------
    >>> ending("session 30m"), ending("food & drink"), ending(True)
    ('session_30m', 'food___drink', 'true')
    """
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    return re.sub(r"\W", "_", shown)


def listed(column: str, values: Iterable[Value], place: Place) -> tuple[Value, ...]:
    """The values that a family is split by; raises `DefinitionError` for one text, or for what has no FEEL literal."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise DefinitionError(WORDS("labels.family_values", column=column, given=values), place)
    found = tuple(values)
    for value in found:
        number = isinstance(value, float | Decimal) and math.isfinite(value)
        if not number and not isinstance(value, str | int | date):
            raise DefinitionError(WORDS("labels.family_value", column=column, given=value), place)
    return found


def equals(column: str, value: Value) -> str:
    """The FEEL condition that `column` has this value."""
    literal: feel.Expr
    if isinstance(value, bool):
        literal = feel.Flag(value)
    elif isinstance(value, str):
        literal = feel.Text(value)
    elif isinstance(value, date):
        literal = feel.Temporal(value)
    else:
        number = feel.lift(value)
        literal = feel.Number(number) if number >= 0 else feel.Negate(feel.Number(-number))
    return feel.spell(feel.Compare("=", feel.Name(column), literal))


def expand(written: Mapping[str, Label | Family], faults: Faults) -> dict[str, Label]:
    """Every label by its name, families taken apart; a name that comes twice or is no name is a fault."""
    labels: dict[str, Label] = {}
    for name, value in written.items():
        for end, label in value.members if isinstance(value, Family) else (("", value),):
            whole = name + end
            if whole in labels:
                faults.add(DefinitionError(WORDS("labels.family_clash", name=whole), label.place))
            elif end and not whole.isidentifier():
                faults.add(DefinitionError(WORDS("labels.family_name", given=whole), label.place))
            else:
                labels[whole] = label
        if isinstance(value, Family) and not value.members:
            faults.add(DefinitionError(WORDS("labels.family_empty", name=name), value.place))
    for name, label in labels.items():
        for end in ("__missing", "__approximate"):
            if name.endswith(end) and name.removesuffix(end) in labels:
                words = WORDS("labels.name_taken", name=name, other=name.removesuffix(end))
                faults.add(DefinitionError(words, label.place))
    return labels
