"""What is read of one written aggregate: its window, its numbers and the type of its value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType, InputError, Message, Place, Span
from tallystick.labels.algebra import ALGEBRA, Kind
from tallystick.labels.definition.define import Windowed
from tallystick.labels.definition.words import WORDS
from tallystick.labels.meaning.windows import UNITS
from tallystick.labels.plan import AFTER, BEFORE, CALENDAR, EVENTS, LIFETIME, SESSION, SPAN, Leaf, Window

SPAN_MAX = 2**60
HALF_LIFE_MAX = 2**51
EVENTS_MAX, BACK_MAX, N_MAX, CAP_MAX = 100_000, 10_000, 10_000, 1_000_000
INTEGER, REAL, TEXT = FieldType("integer"), FieldType("real"), FieldType("text")
_GIVES = {"integer": INTEGER, "real": REAL, "instant": FieldType("instant"), "list": TEXT}
_EVENTS = re.compile(r"(\d+)\s+events?")
_SESSION = re.compile(r"session\s+(\S.*)")
_MINUTES = re.compile(r"(\d+)\s*m")


class Shape(msgspec.Struct, frozen=True):
    """What an aggregate gives and with which numbers."""

    type: FieldType
    param: int
    cap: int


class LabelFaults:
    """Faults of one label, so that it can be left out when it has any."""

    def __init__(self, faults: Faults, place: Place) -> None:
        self.faults, self.place, self.any = faults, place, False

    def add(self, words: Message) -> None:
        """Keep a fault with the label's line."""
        self.faults.add(DefinitionError(words, self.place))
        self.any = True

    def span(self, text: Any, code: str, limit: int = SPAN_MAX, least: int = 0, **params: Any) -> int:
        """A span of `least` to below `limit` microseconds; `least` itself when it is none."""
        try:
            micros = Span.parse(text).micros if isinstance(text, str) else -1
        except InputError:
            micros = -1
        if least <= micros < limit:
            return micros
        self.add(WORDS(code, given=text, **params))
        return least


def read_window(label: Windowed, anchor: Leaf | None, faults: LabelFaults) -> Window:
    """The window of a label; `anchor` is the resolved one."""
    text = label.window.strip() if isinstance(label.window, str) else str(label.window)
    if label.side:
        micros = _micros(text, text, faults) if text else 0
        shown = f"{label.side} {Span(micros)}" if micros else label.side
        return Window(AFTER if label.side == "after" else BEFORE, shown, micros, anchor=anchor)
    if text in UNITS:
        return _calendar(label, text, faults)
    if label.back or label.to_date:
        faults.add(WORDS("labels.window_back", given=text, allowed=", ".join(UNITS)))
    if text == LIFETIME:
        return Window(LIFETIME, LIFETIME)
    if (match := _EVENTS.fullmatch(text)) is not None:
        count = int(match[1])
        if not 1 <= count <= EVENTS_MAX:
            faults.add(WORDS("labels.window_events" if count else "labels.window_zero", given=text))
        return Window(EVENTS, f"{count} events", count=count)
    if (match := _SESSION.fullmatch(text)) is not None:
        # In a session "m" can only be minutes; as a window of its own it might as well be months.
        minutes = _MINUTES.fullmatch(match[1])
        micros = _micros(f"{minutes[1]}min" if minutes else match[1], text, faults)
        return Window(SESSION, f"session {Span(micros)}", micros)
    micros = _micros(text, text, faults)
    return Window(SPAN, str(Span(micros)), micros)


def _calendar(label: Windowed, unit: str, faults: LabelFaults) -> Window:
    back = label.back
    if isinstance(back, bool) or not isinstance(back, int) or not 0 <= back <= BACK_MAX:
        faults.add(WORDS("labels.window_units", given=back, most=BACK_MAX))
        back = 0
    # The present unit ends at the point as it is.
    to_date = bool(label.to_date) and back > 0
    return Window(CALENDAR, unit + _shown_back(back, to_date), unit=unit, back=back, to_date=to_date)


def _micros(text: str, given: str, faults: LabelFaults) -> int:
    try:
        micros = Span.parse(text).micros
    except InputError:
        faults.add(WORDS("labels.window_text", given=given))
        return 1
    if micros == 0 or micros >= SPAN_MAX:
        faults.add(WORDS("labels.window_long" if micros else "labels.window_zero", given=given))
    return micros


def shown_window(label: Windowed) -> str:
    """A window as it was written, for people: "7d", "month back 1 to date", "after 90d"."""
    if label.side:
        return f"{label.side} {label.window}".strip()
    return label.window + _shown_back(label.back, label.to_date)


def _shown_back(back: int, to_date: bool) -> str:
    return f" back {back}{' to date' if to_date else ''}" if back else ""


def read_delay(label: Windowed, faults: LabelFaults) -> int:
    """How many microseconds before the point a label's window ends."""
    return 0 if label.delay is None else faults.span(label.delay, "labels.delay")


def read_shape(label: Windowed, types: Mapping[str, FieldType | None], faults: LabelFaults) -> Shape:
    """The type of a label's value and its numbers, held against the types of the stream's columns."""
    written = label.aggregate
    kind = ALGEBRA.get(written.kind)
    if kind is None:
        given = written.kind.removeprefix("gap_")
        faults.add(WORDS("labels.gap", given=given, allowed="mean, std, min, max"))
        return Shape(INTEGER, 0, 0)
    found = _column(label, kind, written.column, types, faults)
    if kind.name == "ratio":
        _column(label, kind, written.other, types, faults)
    gives = _GIVES.get(kind.gives, found)
    if kind.name == "sum" and found.kind == "flag":
        gives = INTEGER
    return Shape(gives, _param(label, found, faults), _cap(label, found, faults))


def _column(
    label: Windowed, kind: Kind, column: str, types: Mapping[str, FieldType | None], faults: LabelFaults
) -> FieldType:
    if not kind.columns:
        return INTEGER
    params = {"kind": kind.name, "column": column, "stream": label.per.events.stream}
    found = types.get(column)
    if found is None:
        if kind.name != "distinct" or not column:
            fields = ", ".join(name for name, declared in types.items() if declared) or "none"
            faults.add(WORDS("labels.undeclared", **params, allowed=fields))
        return INTEGER
    if found.kind not in kind.columns:
        code = "labels.kind_real" if found.kind == "real" else "labels.kind"
        faults.add(WORDS(code, **params, type=str(found), allowed=", ".join(kind.columns)))
    return found


def _param(label: Windowed, column: FieldType, faults: LabelFaults) -> int:
    kind, given = label.kind, label.aggregate.amount
    if kind in ("nth", "top", "sequence"):
        if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= N_MAX:
            return given
        faults.add(WORDS("labels.number", kind=kind, given=given, most=N_MAX))
    elif kind == "quantile":
        return _millionths(given, faults)
    elif kind == "decayed":
        return faults.span(given, "labels.half_life", HALF_LIFE_MAX, 1)
    elif kind == "slope":
        return faults.span(given, "labels.slope", SPAN_MAX, 1)
    elif kind == "range":
        return int(column.kind == "real")
    return 0


def _millionths(given: Any, faults: LabelFaults) -> int:
    try:
        scaled = Decimal(str(given)).scaleb(6)
        if not isinstance(given, bool) and 0 <= scaled <= 1_000_000 and scaled == scaled.to_integral_value():
            return int(scaled)
    except InvalidOperation:
        pass
    faults.add(WORDS("labels.quantile", given=given))
    return 0


def _cap(label: Windowed, column: FieldType, faults: LabelFaults) -> int:
    cap = label.aggregate.cap
    if cap == 0:
        return 0
    if isinstance(cap, bool) or not isinstance(cap, int) or not 2 <= cap <= CAP_MAX:
        faults.add(WORDS("labels.cap", given=cap, most=CAP_MAX))
        return 0
    if label.kind == "quantile" and column.kind == "real":
        faults.add(WORDS("labels.cap_real", column=label.aggregate.column))
    return cap
