"""Spoils bytes, texts and JSON in the ways that files are spoiled by accident and by those who try."""

from __future__ import annotations

import json
import random
import string
from typing import Any

_PIECES = [
    *(b"", b"\0", b"\n", b"\n\n", b"\r\n", b" ", b"\t", b"=", b"+", b"-", b'"', b"\\", b"\\u0000", b"\\ud800", b"\xff"),
    *("— ".encode(), "\u2028".encode(), "\ufeff".encode(), "٣".encode(), "\U0001f600".encode(), b"\xed\xa0\x80"),
    *(b"0", b"00", b"-1", b"1e9", b"18446744073709551615", b"18446744073709551616", b"9" * 5000, b"NaN", b"null"),
    *(b"index 0\n", b"extra AAAA\n", b"old 0\n", b"quorum none\n", b"[" * 3000, b'{"a":' * 3000, b"A" * 70_000),
]


def spoil(chance: random.Random, data: bytes, other: bytes = b"") -> bytes:
    """The data with one to three changes: a bit, a cut, a piece put in, lines or parts repeated, moved or exchanged."""
    for _ in range(chance.choice([1, 1, 1, 2, 3])):
        data = _once(chance, data, other)
    return data


def spoil_json(chance: random.Random, data: bytes, other: bytes = b"{}") -> bytes:
    """A canonical JSON object with one value changed and written again in its canonical form, so that it is read on."""
    document = json.loads(data)
    name = chance.choice(sorted(document))
    document[name] = _value(chance, document[name], json.loads(other).get(name))
    if chance.random() < 0.1:
        document[chance.choice(["", "leaf", "more", "\u4e2d"])] = document.pop(name)
    text = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode("utf-8", "ignore") + b"\n"


def _value(chance: random.Random, value: Any, other: Any) -> Any:
    if chance.random() < 0.15:
        return chance.choice([None, 7, True, [], {}, [[[[]]]], "", other, 1e300, -0.0, [value], {"data": value}])
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        changed = [*value[:at], _value(chance, value[at], None), *value[at + 1 :]]
        return chance.choice([changed, value + value[:1], value[::-1], value[:at] + value[at + 1 :]])
    if isinstance(value, dict) and value:
        name = chance.choice(sorted(value))
        return {**value, name: _value(chance, value[name], None)}
    if not isinstance(value, str):
        return ""
    if chance.random() < 0.2:
        return _spare(value)
    return spoil(chance, value.encode(), str(other).encode()).decode("utf-8", "ignore")


def _spare(text: str) -> str:
    """The text with the last letter before its first padding changed: in base64 often other text for the same bytes."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    at = text.find("=") - 1
    return text[:at] + letters[(letters.find(text[at]) + 1) % 64] + text[at + 1 :] if at > 0 else text + "="


def _once(chance: random.Random, data: bytes, other: bytes) -> bytes:
    at, end = sorted((chance.randint(0, len(data)), chance.randint(0, len(data))))
    end = min(end, at + chance.choice([0, 1, 4, 40, 4000]))
    lines = data.split(b"\n")
    line = chance.randrange(len(lines))
    kind = chance.randrange(9)
    if kind == 0 and data:
        place = chance.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
    if kind == 1:
        return data[:at] + data[end:]
    if kind == 2:
        return data[:at] + chance.choice(_PIECES) + data[end:]
    if kind == 3:
        return data[:at] + chance.randbytes(chance.choice([1, 2, 40])) + data[at:]
    if kind == 4:
        return b"\n".join([*lines[:line], *[lines[line]] * chance.choice([2, 3, 200]), *lines[line + 1 :]])
    if kind == 5:
        place = chance.randrange(len(lines))
        lines[line], lines[place] = lines[place], lines[line]
        return b"\n".join(lines)
    if kind == 6:
        return b"\n".join(lines[:line] + lines[line + 1 :])
    if kind == 7:
        return data[:at] + other[at : at + chance.choice([10, 1000, 1 << 20])]
    return chance.choice(
        [data + data, data[:at], data[at:], other + data, data + other, b"", data[:at] + data[at:end] + data[at:]]
    )
