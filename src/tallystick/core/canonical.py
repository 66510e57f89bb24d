"""The canonical form (RFC 8785) and the content versions that are made of it."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import asdict

from tallystick.core.errors import InputError, Place
from tallystick.core.words import WORDS

_Plain: TypeAlias = Callable[[Any], Any]
_SAFE = 2**53 - 1
_ADJUSTED_MAX = 7_000
_POSITIONAL_MIN, _POSITIONAL_MAX = 1e-5, float(_SAFE)
"""Between them the encoder writes a float that is no integer as ECMAScript does."""
_KEPT = {str, bool, type(None)}
_SORTED = msgspec.json.Encoder(order="sorted").encode
_AS_GIVEN = msgspec.json.Encoder().encode
_BEYOND = re.compile(b"[\xf0-\xf4]")
"""The first byte of a character beyond the plane of 16 bits."""


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


def _plainer(integer: _Plain, rare: Callable[[Any, _Plain], Any]) -> _Plain:
    """What makes of a value one that the encoder writes by RFC 8785 as it is.

    `integer` is for an int, `rare` for whatever is none of JSON's own types in Python.
    """

    def plain(value: Any) -> Any:
        return value if type(value) in _KEPT else find(type(value), plain_rare)(value)

    def plain_object(value: Mapping[str, Any]) -> dict[str, Any]:
        made = dict(value)
        # A leaf is made on every decision, and almost all that it holds is looked at here.
        for name, item in value.items():
            kind = type(item)
            if kind is float:
                if item % 1 and _POSITIONAL_MIN <= item <= _POSITIONAL_MAX:
                    continue
            elif kind in _KEPT:
                continue
            made[name] = find(kind, plain_rare)(item)
        return made

    def plain_array(value: Sequence[Any]) -> list[Any]:
        return [item if (kind := type(item)) in _KEPT else find(kind, plain_rare)(item) for item in value]

    def plain_rare(value: Any) -> Any:
        if isinstance(value, Mapping):
            return plain_object(value)
        return plain_array(value) if isinstance(value, list | tuple) else rare(value, plain)

    makers: dict[type, _Plain] = {
        int: integer,
        float: _number,
        dict: plain_object,
        list: plain_array,
        tuple: plain_array,
    }
    find = makers.get
    return plain


def _text(plain: Any) -> bytes:
    """The text of a plain value."""
    text = _SORTED(plain)
    # Only beyond the plane of 16 bits is the order of UTF-16, which RFC 8785 wants, another than that of UTF-8.
    return text if text.isascii() or not _BEYOND.search(text) else _AS_GIVEN(_in_order(plain))


def _in_order(plain: Any) -> Any:
    if isinstance(plain, dict):
        return {name: _in_order(plain[name]) for name in sorted(plain, key=lambda name: name.encode("utf-16-be"))}
    return [_in_order(item) for item in plain] if isinstance(plain, list) else plain


def _safe_integer(value: int) -> int:
    if not -_SAFE <= value <= _SAFE:
        # In sixteens: a huge int has no decimal text.
        given = str(value) if value.bit_length() < 256 else f"{hex(value)[:24]}…"
        raise InputError(WORDS("canonical.integer", given=given))
    return value


def _rare_json(value: Any, plain: _Plain) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, int):
        return _safe_integer(int(value))
    raise _refused(value)


def _rare_content(value: Any, plain: _Plain) -> Any:
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, str | float):
        return _rare_json(value, plain)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal):
        return _digits(value)
    if isinstance(value, msgspec.Struct):
        return plain(asdict(value))
    if isinstance(value, set | frozenset):
        return msgspec.Raw(b"[%b]" % b",".join(sorted(_text(plain(item)) for item in value)))
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return plain(list(value))
    raise _refused(value)


def _rare_record(value: Any, plain: _Plain) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else _rare_content(value, plain)


def _number(value: float) -> Any:
    """A double that the encoder writes in ECMAScript's shortest text (RFC 8785 section 3.2.2.3)."""
    if _POSITIONAL_MIN <= abs(value) <= _POSITIONAL_MAX:
        return value if value % 1 else int(value)
    return msgspec.Raw(_digits_of(value)) if value else 0


def _digits_of(value: float) -> str:
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


def _encoded(value: Any, plain: _Plain) -> bytes:
    try:
        return _text(plain(value))
    except (InputError, UnicodeEncodeError, TypeError):
        raise _blamed(value, lambda part: _text(plain(part))) from None


def _blamed(value: Any, encode: Callable[[Any], bytes], path: tuple[str, ...] = ()) -> InputError:
    """The refusal of the smallest part that has no canonical form, with the way to it."""

    def fault(part: Any) -> InputError | None:
        try:
            encode(part)
        except InputError as error:
            return error
        except (UnicodeEncodeError, TypeError):
            # A lone surrogate, or a key that is no text.
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


_JSON = _plainer(_safe_integer, _rare_json)
_CONTENT = _plainer(str, _rare_content)
_RECORD = _plainer(str, _rare_record)
