"""Events and answers at the edge: one JSON object in, one JSON object out."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tallystick.core import InputError, Language, Place
from tallystick.core.system import system_words
from tallystick.desk.decide import Answer
from tallystick.desk.frames import DecisionRecord
from tallystick.desk.house import Desk
from tallystick.desk.story import decision_letter
from tallystick.desk.words import WORDS

EVENT_BYTES_MAX = 1 << 20


def read_event(source: str) -> dict[str, Any]:
    """Read one event as a JSON object from a file, or from standard input when `source` is "-".

    Raises
    ------
    InputError
        When it cannot be read, is longer than 1 MiB, or is not one JSON object.
    """
    try:
        if source == "-":
            raw = sys.stdin.buffer.read(EVENT_BYTES_MAX + 1)
        else:
            with Path(source).open("rb") as file:
                raw = file.read(EVENT_BYTES_MAX + 1)
    except OSError as error:
        raise InputError(WORDS("event.file", given=source, why=system_words(error))) from None
    if len(raw) > EVENT_BYTES_MAX:
        raise InputError(WORDS("event.long", given=source, allowed=EVENT_BYTES_MAX))
    place = Place()
    try:
        # Numbers stay text, so an amount is read as it was written.
        body = json.loads(raw.decode("utf-8-sig"), parse_float=Decimal)
    except json.JSONDecodeError as error:
        body, place = None, Place(source, line=error.lineno, column=error.colno)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InputError(WORDS("event.json", given=source), place)
    return body


def answer_document(desk: Desk, answer: Answer, language: Language) -> dict[str, Any]:
    """An answer as plain JSON values, its reasons in words, with the letter that an adverse outcome owes."""
    entry = desk.recorded(answer.id)
    assert isinstance(entry.record, DecisionRecord)
    assert entry.fact is not None
    letter = decision_letter(desk.champion(entry.fact.stream), entry.record, language)
    return {
        "id": answer.id,
        "outcome": answer.outcome,
        "value": plain(answer.value),
        "score": answer.score,
        "pd": answer.pd,
        "reasons": [{"code": reason.code, "text": reason.text(language)} for reason in answer.reasons],
        "matched": list(answer.matched),
        "position": answer.position,
        "versions": dict(answer.versions),
        "repeated": answer.repeated,
        "letter": None if letter is None else letter.text,
    }


def plain(value: Any) -> Any:
    """A FEEL value as JSON: numbers as numbers where JSON holds them, dates and durations as text."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value if value is None or isinstance(value, str | bool | int | float) else str(value)
