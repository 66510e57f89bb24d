"""What is known of an event: its revisions as observed, and the versions that follow from them; values in held form."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import msgspec
import numpy as np

from tallystick.core import FieldType, InputError, to_instant
from tallystick.labels.definition.fields import FieldSpec
from tallystick.labels.kernels.rows import FOREVER
from tallystick.labels.words import WORDS

_INT64 = 2**63
_SHOWN = 4_000
"""Bits up to which a whole number is shown as it is; beyond, Python makes no text of it."""
_EPOCH_DAY = date(1970, 1, 1).toordinal()


class Revision(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One revision of an event, its columns in held form; `joined` was read from other streams when it came."""

    known_at: int
    retract: bool
    at: int | None
    sequence: int | str | None
    keys: tuple[int | str | None, ...]
    values: tuple[Any, ...]
    joined: tuple[Any, ...] = ()

    def content(self) -> tuple[Any, ...]:
        """What two deliveries of the same revision must agree on: all but when each was known."""
        return self.retract, self.at, self.sequence, self.keys, self.values


class Version(msgspec.Struct, frozen=True):
    """What was known of an event for `known_from <= k < known_to`; `awaiting` holds columns not yet confirmed."""

    known_from: int
    known_to: int
    at: int
    sequence: int | str
    keys: tuple[int | str, ...]
    values: tuple[Any, ...]
    awaiting: frozenset[str] = frozenset()


class Event(msgspec.Struct, eq=False, gc=False):
    """All that was observed of one event; none of it refers back, so that the garbage collector need not look."""

    id: int | str
    number: int
    revisions: dict[int, Revision]


def versions(
    revisions: Mapping[int, Revision], columns: tuple[str, ...], fields: Mapping[str, FieldSpec]
) -> list[Version]:
    """The row versions of an event: revisions, retractions and late confirmations as one thing."""
    found: list[Version] = []
    end = FOREVER
    for number in sorted(revisions, reverse=True):
        one = revisions[number]
        if one.known_at < end and not one.retract:
            values = one.values + one.joined
            whole = Version(one.known_at, end, one.at, one.sequence, one.keys, values)  # type: ignore[arg-type]
            found += _confirmed(whole, columns, fields)
        end = min(end, one.known_at)
    return found


def _confirmed(whole: Version, columns: tuple[str, ...], fields: Mapping[str, FieldSpec]) -> list[Version]:
    found = [whole]
    for place, column in enumerate(columns):
        spec = fields.get(column)
        if spec is None or not spec.known_at:
            continue
        value, known = whole.values[place], whole.values[columns.index(spec.known_at)]
        if spec.default is not None and value == spec.default:
            continue
        confirmed = FOREVER if known is None else known
        split: list[Version] = []
        for one in found:
            if confirmed > one.known_from:
                values = (*one.values[:place], spec.default, *one.values[place + 1 :])
                awaiting = one.awaiting | {column} if spec.default is None else one.awaiting
                until = min(one.known_to, confirmed)
                split.append(msgspec.structs.replace(one, known_to=until, values=values, awaiting=awaiting))
            if confirmed < one.known_to:
                split.append(msgspec.structs.replace(one, known_from=max(one.known_from, confirmed)))
        found = split
    return found


def kind_of(value: object) -> FieldType | None:
    """The type of a value whose column is not declared."""
    if isinstance(value, bool):
        return FieldType("flag")
    for kind, name in ((int, "integer"), (str, "text"), (float, "real"), (datetime, "instant"), (date, "date")):
        if isinstance(value, kind):
            return FieldType(name)
    return None


def held_value(value: Any, kind: FieldType, stream: str, column: str) -> Any:
    """A value of an event in the form in which it is held; raises `InputError` for another type."""
    found = _HELD[kind.kind](value)
    if found is None and value == value:
        huge = isinstance(value, int) and value.bit_length() > _SHOWN
        given = f"{value:#x}"[:40] if huge else value
        raise InputError(WORDS("labels.value", stream=stream, column=column, given=given, allowed=str(kind)))
    return found


def _whole(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64
    return int(value) if fits else None


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        return None
    try:
        return float(value) + 0.0
    except OverflowError:
        return None


def _instant(value: Any) -> int | None:
    if isinstance(value, datetime):
        # A time without a zone is UTC, as in a frame.
        return to_instant(value) if value.tzinfo else to_instant(datetime.fromisoformat(f"{value.isoformat()}+00:00"))
    return _whole(value)


def _date(value: Any) -> date | None:
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


_HELD: Mapping[str, Any] = {
    "money": _whole,
    "decimal": _whole,
    "integer": _whole,
    "real": _real,
    "text": lambda value: value if isinstance(value, str) else None,
    "flag": lambda value: value if isinstance(value, bool) else None,
    "instant": _instant,
    "date": _date,
}


def to_int(value: Any, kind: FieldType) -> int:
    """A held value as int64 of the same order; a float by its bits."""
    if kind.kind == "date":
        return int(value.toordinal() - _EPOCH_DAY)
    if kind.kind == "real":
        bits = int(np.float64(value).view(np.int64))
        return bits if bits >= 0 else bits ^ FOREVER
    return int(value)


def from_int(number: int, kind: FieldType) -> Any:
    """The held value of `to_int`."""
    if kind.kind == "date":
        return date.fromordinal(number + _EPOCH_DAY)
    if kind.kind == "real":
        return float(np.int64(number if number >= 0 else number ^ FOREVER).view(np.float64))
    return bool(number) if kind.kind == "flag" else number


def rank_of(name: int | str) -> int:
    """A name as int64 of the same order, as far as 8 bytes tell."""
    if isinstance(name, int):
        return name
    start = name.encode("utf-8", "surrogatepass")[:8]
    return int.from_bytes(start.ljust(8, b"\0"), "big") - _INT64
