"""The built-in functions of strings, which count code points; a wrong type or number of arguments gives null."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from tallystick.feel.matcher import Pattern, Spans, has_match, matches_in, pattern_of
from tallystick.feel.operations import STRING_MAX
from tallystick.feel.printing import show_within
from tallystick.feel.registry import Registrar, whole

_builtin = Registrar()
BUILTINS = _builtin.found
_S, _NULL = str, type(None)
_REFERENCE = re.compile(r"\\[\\$]|\$[0-9]+|[^\\$]+", re.ASCII)


@_builtin("string", "from")
def _string(value: Any) -> str | None:
    return None if value is None else value if type(value) is str else show_within(value, STRING_MAX)


@_builtin("substring", "string, start position, length?", types=(_S, Decimal, (Decimal, _NULL)))
def _substring(text: str, start: Decimal, length: Decimal | None = None) -> str | None:
    first = whole(start)
    if not 0 < abs(first) <= len(text):
        return None
    begin = first - 1 if first > 0 else len(text) + first
    if length is None:
        return text[begin:]
    return text[begin : begin + whole(length)] if length >= 1 else None


@_builtin("string length", "string", types=(_S,))
def _string_length(text: str) -> Decimal:
    return Decimal(len(text))


@_builtin("upper case", "string", types=(_S,))
def _upper_case(text: str) -> str:
    return text.upper()


@_builtin("lower case", "string", types=(_S,))
def _lower_case(text: str) -> str:
    return text.lower()


@_builtin("contains", "string, match", types=(_S, _S))
def _contains(text: str, match: str) -> bool:
    return match in text


@_builtin("starts with", "string, match", types=(_S, _S))
def _starts_with(text: str, match: str) -> bool:
    return text.startswith(match)


@_builtin("ends with", "string, match", types=(_S, _S))
def _ends_with(text: str, match: str) -> bool:
    return text.endswith(match)


@_builtin("substring before", "string, match", types=(_S, _S))
def _substring_before(text: str, match: str) -> str:
    return text[: max(text.find(match), 0)]


@_builtin("substring after", "string, match", types=(_S, _S))
def _substring_after(text: str, match: str) -> str:
    found = text.find(match)
    return "" if found < 0 else text[found + len(match) :]


@_builtin("string join", "list, delimiter?", types=(list, (_S, _NULL)))
def _string_join(items: list[Any], delimiter: str | None = None) -> str | None:
    texts = [item for item in items if item is not None]
    if any(type(text) is not str for text in texts):
        return None
    between = delimiter or ""
    if sum(map(len, texts)) + len(between) * len(texts) > STRING_MAX:
        return None
    return between.join(texts)


@_builtin("matches", "input, pattern, flags?", types=(_S, _S, (_S, _NULL)))
def _matches(text: str, pattern: str, flags: str | None = None) -> bool:
    return has_match(pattern_of(pattern, flags or ""), text)


def _filling(pattern: str, flags: str) -> Pattern:
    """A pattern that matches no empty text: XPath refuses all others where a text is split or replaced."""
    made = pattern_of(pattern, flags)
    if has_match(made, ""):
        raise ValueError(pattern)
    return made


@_builtin("split", "string, delimiter", types=(_S, _S))
def _split(text: str, delimiter: str) -> list[str]:
    parts, at = [], 0
    for spans in matches_in(_filling(delimiter, ""), text):
        parts.append(text[at : spans[0]])
        at = spans[1]
    return [*parts, text[at:]]


@_builtin("replace", "input, pattern, replacement, flags?", types=(_S, _S, _S, (_S, _NULL)))
def _replace(text: str, pattern: str, replacement: str, flags: str | None = None) -> str | None:
    made = _filling(pattern, flags or "")
    pieces = [replacement] if "q" in (flags or "") else _pieces(replacement, made.groups)
    found, size, at = list[str](), 0, 0
    for spans in matches_in(made, text):
        filled = "".join(piece if isinstance(piece, str) else _group(text, spans, piece) for piece in pieces)
        found += text[at : spans[0]], filled
        size += len(found[-1]) + len(found[-2])
        if size > STRING_MAX:
            return None
        at = spans[1]
    return "".join(found) + text[at:]


def _group(text: str, spans: Spans, index: int) -> str:
    if 2 * index >= len(spans) or spans[2 * index + 1] < 0:
        return ""
    return text[spans[2 * index] : spans[2 * index + 1]]


def _pieces(replacement: str, groups: int) -> list[str | int]:
    """The texts and group numbers of a replacement; of $12 the 2 is text where there are fewer than 12 groups."""
    pieces: list[str | int] = []
    at = 0
    while at < len(replacement):
        match = _REFERENCE.match(replacement, at)
        if match is None:
            raise ValueError(replacement)
        text, at = match[0], match.end()
        if text[0] != "$":
            pieces.append(text[1:] if text[0] == "\\" else text)
            continue
        digits = 2
        while digits < min(len(text), 9) and int(text[1 : digits + 1]) <= groups:
            digits += 1
        pieces += int(text[1:digits]), text[digits:]
    return pieces
