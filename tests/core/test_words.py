"""Messages for people: whole in one language, and with the way out."""

from __future__ import annotations

import pytest

from tallystick.core import Field, FieldType, InputError, Message, parse_instant, parse_value


def test_a_message_within_a_message_is_said_in_the_same_language() -> None:
    inner = Message("inner", "day", "日")
    outer = Message("outer", "by {what}, {number}", "按{what}，{number}", {"what": inner, "number": 3})
    assert (outer.text("en"), outer.text("zh"), str(outer)) == ("by day, 3", "按日，3", "by day, 3")


@pytest.mark.parametrize(
    ("text", "code", "ways"),
    [
        ("2025-10-26T02:30:00", "time.twice", ("2025-10-26T02:30:00+02:00", "2025-10-26T02:30:00+01:00")),
        ("2026-03-29 02:30", "time.skipped", ("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00")),
    ],
)
def test_a_local_time_that_is_no_single_instant_says_what_to_write(text: str, code: str, ways: tuple[str, str]) -> None:
    """An hour that the clocks show twice, and one that they skip: each way out is one of the texts in the message."""
    with pytest.raises(InputError) as caught:
        parse_instant(text, "Europe/Berlin")
    assert caught.value.code == code
    for language in ("en", "zh"):
        assert all(way in caught.value.text(language) for way in ways)
    assert [parse_instant(way) for way in ways] == sorted(parse_instant(way) for way in ways)


def test_a_field_says_why_in_either_language() -> None:
    field = Field("paid_at", FieldType("instant"))
    with pytest.raises(InputError) as caught:
        parse_value(field, "2025-10-26T02:30:00", "Europe/Berlin")
    assert caught.value.text("en").startswith("field paid_at: '2025-10-26T02:30:00' happens twice")
    assert "allowed" not in caught.value.text("zh")
    with pytest.raises(InputError) as caught:
        parse_value(field, "soon", "UTC")
    assert "不是时刻" in caught.value.text("zh")
    assert "is not" not in caught.value.text("zh")
