"""The canonical form (RFC 8785) and the content versions that are made of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring as quoted
from typing import Any, TypeAlias

import msgspec

from tallystick.core.errors import InputError, Place
from tallystick.core.words import WORDS

_Write: TypeAlias = Callable[[Any], str]
_SAFE = 2**53 - 1
_ADJUSTED_MAX = 7_000
_SHAPES_MAX = 1_000
_SHORTEST = msgspec.json.Encoder().encode
"""The shortest digits that read back as the same double, faster than `repr`."""


def jcs(value: Any) -> bytes:
    """Encode a JSON value by RFC 8785: sorted keys, shortest numbers, no spaces, UTF-8.

    Parameters
    ----------
    value
        Nested dict (text keys), list, tuple, str, bool, None, finite float, or int within ±(2^53 − 1).

    Raises
    ------
    InputError
        For NaN, infinity, a larger int, a lone surrogate, or any other type; its place is the way to the value.

    Examples
    --------
    >>> jcs({"b": 1e21, "a": [1.0, "é", None]})
    b'{"a":[1,"\\xc3\\xa9",null],"b":1e+21}'
    """
    return _encoded(value, _JSON)


def canonical(value: Any) -> bytes:
    """The canonical form of a definition: RFC 8785 in which every int and Decimal is text.

    Records become objects, enums their values, tuples and sets (sorted) arrays; so an int64 survives any reader.

    Examples
    --------
    >>> canonical({"amount_minor": 2**60, "rate": 0.5})
    b'{"amount_minor":"1152921504606846976","rate":0.5}'
    """
    return _encoded(value, _CONTENT)


def canonical_record(value: Any) -> bytes:
    """As `canonical`, with dates as ISO 8601 texts and bytes as hex digits: what the leaf of a record commits to.

    Examples
    --------
    >>> canonical_record({"born": date(1990, 5, 17), "salt": bytes(2)})
    b'{"born":"1990-05-17","salt":"0000"}'
    """
    return _encoded(value, _RECORD)


def content_version(kind: str, content: Any, semantics: int) -> str:
    """The version of a definition: SHA-256 (64 hex digits) of its kind, content and engine-semantics number.

    Examples
    --------
    >>> content_version("label", {"name": "spend_7d"}, 1)[:12]
    'd50a0bc2c414'
    """
    return hashlib.sha256(canonical({"kind": kind, "content": content, "semantics": semantics})).hexdigest()


def _digits(value: Decimal) -> str:
    """A decimal without exponent or closing zeros, every digit kept: a context would round at its precision."""
    if not value.is_finite() or (value and abs(value.adjusted()) > _ADJUSTED_MAX):
        raise _refused(value)
    text = format(value, "f") if value else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _writer(integer: Callable[[int], str], rare: Callable[[Any, _Write], str]) -> _Write:
    """What writes a value: `integer` writes an int, `rare` whatever is none of JSON's own types in Python."""
    shapes: dict[tuple[str, ...], list[tuple[str, str]]] = {}

    def write(value: Any) -> str:
        known = writers.get(type(value))
        return known(value) if known is not None else write_rare(value)

    def write_object(value: Mapping[str, Any]) -> str:
        names = tuple(value)
        shape = shapes.get(names)
        if shape is None:
            if len(shapes) >= _SHAPES_MAX:
                shapes.clear()
            shape = shapes[names] = _shape(names)
        # A leaf is written on every decision, and almost all that it holds passes through this line.
        parts = [
            name + (known(item) if (known := find(type(item := value[key]))) is not None else write_rare(item))
            for key, name in shape
        ]
        return f"{{{','.join(parts)}}}"

    def write_array(value: Sequence[Any]) -> str:
        return f"[{','.join(map(write, value))}]"

    def write_rare(value: Any) -> str:
        if isinstance(value, Mapping):
            return write_object(value)
        return write_array(value) if isinstance(value, list | tuple) else rare(value, write)

    writers: dict[type, Callable[[Any], str]] = {
        str: quoted,
        int: integer,
        float: _number,
        bool: lambda value: "true" if value else "false",
        type(None): lambda _: "null",
        dict: write_object,
        list: write_array,
        tuple: write_array,
    }
    find = writers.get
    return write


def _shape(names: tuple[Any, ...]) -> list[tuple[str, str]]:
    """The keys of an object in the order of RFC 8785, each with its text."""
    for name in names:
        if not isinstance(name, str):
            raise _refused(name)
    if all(map(str.isascii, names)):
        order = sorted(names)
    else:
        # By UTF-16 code units, which is the byte order of UTF-16-BE.
        order = sorted(names, key=lambda name: name.encode("utf-16-be"))
    return [(name, f"{quoted(name)}:") for name in order]


def _safe_integer(value: int) -> str:
    if not -_SAFE <= value <= _SAFE:
        # In sixteens: a huge int has no decimal text.
        given = str(value) if value.bit_length() < 256 else f"{hex(value)[:24]}…"
        raise InputError(WORDS("canonical.integer", given=given))
    return str(value)


def _rare_json(value: Any, write: _Write) -> str:
    if isinstance(value, str):
        return quoted(str(value))
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, int):
        return _safe_integer(int(value))
    raise _refused(value)


def _rare_content(value: Any, write: _Write) -> str:
    if isinstance(value, Enum):
        return write(value.value)
    if isinstance(value, str | float):
        return _rare_json(value, write)
    if isinstance(value, int):
        return quoted(str(value))
    if isinstance(value, Decimal):
        return quoted(_digits(value))
    if isinstance(value, msgspec.Struct):
        return write({name: getattr(value, name) for name in value.__struct_fields__})
    if isinstance(value, set | frozenset):
        return f"[{','.join(sorted(map(write, value)))}]"
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return write(list(value))
    raise _refused(value)


def _rare_record(value: Any, write: _Write) -> str:
    if isinstance(value, date):
        return quoted(value.isoformat())
    return quoted(value.hex()) if isinstance(value, bytes) else _rare_content(value, write)


def _number(value: float) -> str:
    """ECMAScript's shortest text of a double (RFC 8785 section 3.2.2.3)."""
    text = _SHORTEST(value).decode()
    if text.endswith(".0"):
        return text[:-2] if value else "0"
    if "e" not in text and "n" not in text:
        return text
    if not math.isfinite(value):
        raise _refused(value)
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits))
    point = len(text) + exponent
    if 0 < point <= 21:
        body = text + "0" * (point - len(text)) if len(text) <= point else f"{text[:point]}.{text[point:]}"
    elif -6 < point <= 0:
        body = "0." + "0" * -point + text
    else:
        mantissa = text if len(text) == 1 else f"{text[0]}.{text[1:]}"
        body = f"{mantissa}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return ("-" if sign else "") + body


def _encoded(value: Any, write: _Write) -> bytes:
    try:
        return write(value).encode()
    except (InputError, UnicodeEncodeError):
        raise _blamed(value, lambda part: write(part).encode()) from None


def _blamed(value: Any, encode: Callable[[Any], bytes], path: tuple[str, ...] = ()) -> InputError:
    """The refusal of the smallest part that has no canonical form, with the way to it."""

    def fault(part: Any) -> InputError | None:
        try:
            encode(part)
        except InputError as error:
            return error
        except UnicodeEncodeError:
            return _refused(part)
        return None

    if isinstance(value, msgspec.Struct):
        parts = [(name, getattr(value, name)) for name in value.__struct_fields__]
    elif isinstance(value, Mapping):
        parts = list(value.items())
        for key in value:
            if not isinstance(key, str) or fault(key):
                return InputError(_refused(key).message, Place(cell=".".join(path)))
    else:
        parts = [(str(index), item) for index, item in enumerate(value)] if isinstance(value, list | tuple) else []
    for name, part in parts:
        if fault(part):
            return _blamed(part, encode, (*path, name))
    found = fault(value)
    assert found is not None, path
    return InputError(found.message, Place(cell=".".join(path)))


def _refused(value: Any) -> InputError:
    return InputError(WORDS("canonical.value", given=repr(value)[:80], type=type(value).__name__))


_JSON = _writer(_safe_integer, _rare_json)
_CONTENT = _writer(lambda value: f'"{value}"', _rare_content)
_RECORD = _writer(lambda value: f'"{value}"', _rare_record)
