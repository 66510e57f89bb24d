"""RFC 8785: published vectors, and the equality of canonical form and meaning."""

from __future__ import annotations

import json
import struct
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import InputError, Span, canonical, canonical_record, content_version, jcs

# RFC 8785 appendix B: IEEE 754 bits and the text of the number.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_are_written_as_rfc_8785_says(bits: str, text: str) -> None:
    assert jcs(struct.unpack(">d", bytes.fromhex(bits))[0]) == text.encode()


def test_the_example_of_rfc_8785() -> None:
    document = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert (
        jcs(document)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


def test_keys_are_sorted_by_utf_16_code_units() -> None:
    document = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "ö": 7}
    assert list(json.loads(jcs(document))) == ["\r", "1", "\u0080", "ö", "€", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 2**53, {1: 2}, b"x", object(), "\ud800", {"\ud800é": 1}])
def test_what_json_cannot_carry_is_refused(bad: object) -> None:
    with pytest.raises(InputError):
        jcs(bad)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"card": "c1", "event": {"city": "\ud800", "note": "x" * 500}}, r"event.city: '\ud800' of type str"),
        ({"card": [1, {"n": float("nan")}]}, "card.1.n: nan of type float"),
        ({"card": {"\ud800": 1}}, r"card: '\ud800' of type str"),
        ({"card": b"x" * 500}, "card: b'" + "x" * 78 + " of type bytes"),
        ({"n": 2**53}, "n: 9007199254740992 is beyond"),
        ({"n": 10**5000}, "n: 0x"),
        ("\ud800", r"'\ud800' of type str"),
    ],
)
def test_a_refusal_names_the_part_and_not_the_whole(value: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        jcs(value)
    assert str(caught.value).startswith(said)
    assert len(str(caught.value)) < 320
    if "n" not in dict(value if isinstance(value, dict) else {}):
        with pytest.raises(InputError) as caught:
            canonical(value)
        assert str(caught.value).startswith(said)


def test_a_definition_keeps_every_int_and_decimal_as_text() -> None:
    assert canonical({"n": 2**62, "d": Decimal("1.10"), "z": Decimal("-0.0"), "span": Span(7)}) == (
        b'{"d":"1.1","n":"4611686018427387904","span":{"micros":"7"},"z":"0"}'
    )


def test_kind_content_and_semantics_all_count() -> None:
    versions = {
        content_version("label", {"a": 1}, 1),
        content_version("model", {"a": 1}, 1),
        content_version("label", {"a": 2}, 1),
        content_version("label", {"a": 1}, 2),
    }
    assert len(versions) == 4


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_canonical_text_reads_back_as_the_same_value_and_is_stable(value: object) -> None:
    text = jcs(value)
    again = json.loads(text, parse_int=float)
    assert again == value
    assert jcs(again) == text


class _Colour(StrEnum):
    RED = "rouge\u00e9"


class _Pair(msgspec.Struct):
    left: object
    right: object = 3


def _plainly(value: Any, integers: bool) -> Any:
    """The form of a value that the standard library can write, by the rules one after another."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plainly(value.value, integers)
    if isinstance(value, msgspec.Struct):
        return {name: _plainly(getattr(value, name), integers) for name in value.__struct_fields__}
    if isinstance(value, dict):
        order = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return {key: _plainly(value[key], integers) for key in order}
    if isinstance(value, list | tuple):
        return [_plainly(item, integers) for item in value]
    if isinstance(value, int):
        return str(value) if integers else value
    return Number(value) if isinstance(value, float) else value


class Number(float):
    """A float that the standard library writes as ECMAScript does."""

    def __repr__(self) -> str:
        value = float(self)
        if value == 0:
            return "0"
        sign, digits, exponent = Decimal(float.__repr__(value)).normalize().as_tuple()
        assert isinstance(exponent, int)
        text, point = "".join(map(str, digits)), len(digits) + exponent
        if 0 < point <= 21:
            body = text.ljust(point, "0") if len(text) <= point else f"{text[:point]}.{text[point:]}"
        elif -6 < point <= 0:
            body = "0." + "0" * -point + text
        else:
            body = f"{text[0]}{'.' if len(text) > 1 else ''}{text[1:]}e{point - 1:+d}"
        return "-" * sign + body


def _obviously(value: Any, integers: bool) -> bytes:
    """An encoder without any haste: the standard library's, in pure Python, for one value at a time."""
    encoder = json.encoder.py_encode_basestring
    plain = _plainly(value, integers)

    def text(part: Any) -> str:
        if isinstance(part, dict):
            return "{" + ",".join(f"{encoder(key)}:{text(item)}" for key, item in part.items()) + "}"
        if isinstance(part, list):
            return "[" + ",".join(map(text, part)) + "]"
        return encoder(part) if isinstance(part, str) else repr(part) if isinstance(part, float) else json.dumps(part)

    return text(plain).encode()


_FINITE = st.floats(allow_nan=False, allow_infinity=False)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_NAMES = _TEXT | st.sampled_from(["a", "\ue000", "\uffff", "\U00010000"])
"""Some stand in another order by UTF-16 than by UTF-8."""
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | _FINITE | _TEXT,
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(_NAMES, inner),
    max_leaves=20,
)


@settings(max_examples=500)
@given(_ANYTHING)
def test_what_is_written_fast_is_what_is_written_plainly(value: Any) -> None:
    """Both encoders beside one that goes by the rules one after another."""
    assert jcs(value) == _obviously(value, integers=False)
    for given_value in (value, _Pair(value, _Colour.RED)):
        assert canonical(given_value) == canonical_record(given_value) == _obviously(given_value, integers=True)


def test_a_set_is_an_array_in_the_order_of_its_texts() -> None:
    assert canonical({"s": {"b", 2, ("\U00010000", 1.0), "\ue000"}}) == (
        '{"s":["2","b","\ue000",["\U00010000",1]]}'.encode()
    )


@settings(max_examples=2000)
@given(_FINITE)
def test_every_double_has_the_digits_of_ecmascript(value: float) -> None:
    assert jcs(value).decode() == repr(Number(value))
    assert float(jcs(value)) == value
