"""The canonical form (RFC 8785) and the content versions that are made of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring as quoted
from typing import Any

import msgspec

from tallystick.core.errors import InputError, Place
from tallystick.core.words import WORDS

_SAFE = 2**53 - 1
_ADJUSTED_MAX = 7_000


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
    try:
        return _text(value)
    except (InputError, UnicodeEncodeError):
        raise _blamed(value, _text) from None


def canonical(value: Any) -> bytes:
    """The canonical form of a definition: RFC 8785 in which every int and Decimal is text.

    Records become objects, enums their values, tuples and sets (sorted) arrays; so an int64 survives any reader.

    Examples
    --------
    >>> canonical({"amount_minor": 2**60, "rate": 0.5})
    b'{"amount_minor":"1152921504606846976","rate":0.5}'
    """
    try:
        return _text(_plain(value))
    except (InputError, UnicodeEncodeError):
        raise _blamed(value, lambda part: _text(_plain(part))) from None


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


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is str or kind is float or kind is bool or value is None:
        return value
    if kind is int:
        return str(value)
    if kind is dict:
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((_plain(item) for item in value), key=jcs)
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(item) for item in value]
    raise _refused(value)


def _text(value: Any) -> bytes:
    parts: list[str] = []
    _encode(value, parts)
    return "".join(parts).encode("utf-8")


def _encode(value: Any, parts: list[str]) -> None:
    # Exact types first: a leaf is encoded on every decision, and almost all it holds is one of these.
    kind = type(value)
    if kind is str:
        parts.append(quoted(value))
    elif value is None:
        parts.append("null")
    elif kind is bool:
        parts.append("true" if value else "false")
    elif kind is float:
        parts.append(_number(value))
    elif kind is dict or isinstance(value, Mapping):
        _encode_object(value, parts)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            parts.append("," if index else "[")
            _encode(item, parts)
        parts.append("]" if value else "[]")
    elif isinstance(value, str):
        parts.append(quoted(str(value)))
    elif isinstance(value, float):
        parts.append(_number(float(value)))
    elif isinstance(value, int):
        if not -_SAFE <= value <= _SAFE:
            # In sixteens: a huge int has no decimal text.
            given = str(value) if value.bit_length() < 256 else f"{hex(value)[:24]}…"
            raise InputError(WORDS("canonical.integer", given=given))
        parts.append(str(int(value)))
    else:
        raise _refused(value)


def _encode_object(value: Mapping[Any, Any], parts: list[str]) -> None:
    if not all(isinstance(key, str) for key in value):
        raise _refused(value)
    if all(map(str.isascii, value)):
        keys = sorted(value)
    else:
        # RFC 8785 sorts by UTF-16 code units, which is the byte order of UTF-16-BE.
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
    opening = "{"
    for key in keys:
        parts.append(f"{opening}{quoted(key)}:")
        _encode(value[key], parts)
        opening = ","
    parts.append("}" if keys else "{}")


def _number(value: float) -> str:
    """ECMAScript's shortest text of a double (RFC 8785 section 3.2.2.3)."""
    if not math.isfinite(value):
        raise _refused(value)
    if value == 0:
        return "0"
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
