"""Values as FEEL text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

from tallystick.feel import temporal
from tallystick.feel.civil import DATES, MOMENTS, SPANS, TIMES, Months
from tallystick.feel.operations import Interval

_TEMPORAL = (*DATES, *TIMES, *MOMENTS, *SPANS, Months)
_COMPOSITE = (list, dict, Interval)
_SHOWN_MAX = 100_000
"""Parts of the longest text that is shown."""
_NAME = re.compile(r"[^\W\d]\w*(?: \w+)*")


def show(value: Any) -> str:
    """A value as FEEL text; strings inside lists and contexts are quoted, and a text without end is cut."""
    if type(value) not in _COMPOSITE:
        return _atom(value)
    pieces = list(islice(_pieces(value), _SHOWN_MAX))
    return "".join(pieces) + ("…" if len(pieces) == _SHOWN_MAX else "")


def show_within(value: Any, length_max: int) -> str:
    """The same, but `OverflowError` when the text is longer: quotes within quotes grow fast."""
    pieces, length = [], 0
    for piece in _pieces(value):
        length += len(piece)
        if length > length_max:
            raise OverflowError(length)
        pieces.append(piece)
    return "".join(pieces)


def _pieces(value: Any) -> Iterator[str]:
    kind = type(value)
    if kind is list:
        yield "["
        for index, item in enumerate(value):
            yield ", " if index else ""
            yield from _pieces(item)
        yield "]"
    elif kind is dict:
        yield "{"
        for index, (key, item) in enumerate(value.items()):
            yield f"{', ' if index else ''}{_key(key)}: "
            yield from _pieces(item)
        yield "}"
    else:
        yield _interval(value) if kind is Interval else _atom(value)


def _atom(value: Any) -> str:
    kind = type(value)
    if value is None:
        return "null"
    if kind is bool:
        return "true" if value else "false"
    if kind is Decimal:
        return f"{value:f}"
    if kind is str:
        return _text(value)
    return temporal.show(value) if kind in _TEMPORAL else "function"


def _text(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _key(key: str) -> str:
    return key if _NAME.fullmatch(key) else _text(key)


def _interval(value: Interval) -> str:
    if value.low is None and value.high is not None:
        return f"({'<=' if value.high_closed else '<'} {show(value.high)})"
    if value.high is None and value.low is not None:
        return f"({'>=' if value.low_closed else '>'} {show(value.low)})"
    ends = "[" if value.low_closed else "(", "]" if value.high_closed else ")"
    return f"{ends[0]}{show(value.low)}..{show(value.high)}{ends[1]}"
