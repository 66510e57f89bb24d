"""One event from outside → held form, under the same rules as a row of a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallystick.core import Field, InputError, Language, Message, Place, parse_value
from tallystick.data.checks import check_time, check_value
from tallystick.data.source import Check, Source
from tallystick.data.words import WORDS, unknown


class EventError(InputError):
    """All faults of one event, shown together.

    Parameters
    ----------
    faults
        At least one.
    """

    def __init__(self, faults: list[InputError]) -> None:
        self.faults = tuple(faults)
        super().__init__(faults[0].message, faults[0].place)

    def text(self, language: Language = "en") -> str:
        """Every fault on a line of its own."""
        return "\n".join(fault.text(language) for fault in self.faults)


def parse_event(source: Source, mapping: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """Read one event (a JSON object) as `source` declares it.

    Parameters
    ----------
    source
        What the event must be.
    mapping
        Field name → JSON value; a field that is not required may be absent. `stream`, when given, must be the
        source's name.
    zone
        Time zone of local times.

    Returns
    -------
    dict
        Every field of the source → held value or None (money in minor units, instants in microseconds).

    Raises
    ------
    EventError
        An `InputError` that holds every fault: unknown keys, values of another type, missing required fields,
        broken checks.

    Examples
    --------
    >>> from tallystick.core import FieldType
    >>> fields = {"id": Field("id", FieldType("integer")), "at": Field("at", FieldType("instant"))}
    >>> source = Source("visits", ("v.csv",), "csv", "id", "at", fields, {"id": "id", "at": "at"}, {}, {})
    >>> parse_event(source, {"id": 7, "at": "1970-01-01T00:00:01Z"}, "UTC")
    {'id': 7, 'at': 1000000}
    """
    if not isinstance(mapping, Mapping):
        raise EventError([_fault(WORDS("event.object", given=type(mapping).__name__), source.name)])
    faults: list[InputError] = []
    if "stream" not in source.fields and mapping.get("stream", source.name) != source.name:
        faults.append(_fault(WORDS("event.stream", given=mapping["stream"], name=source.name), "stream"))
    for key in mapping:
        if key not in source.fields and key != "stream":
            message = unknown("event.key", str(key), sorted(source.fields), name=source.name)
            faults.append(_fault(message, str(key)))
    held: dict[str, Any] = {}
    for name, field in source.fields.items():
        given = source.constants.get(name, mapping.get(name))
        try:
            held[name] = _value(source, field, given, zone)
        except InputError as error:
            faults.append(_fault(error.message, name))
    if not faults:
        at = held[source.at]
        known_at = held[source.known_at] if source.known_at else at
        late = check_time(source, at, known_at, held[source.revision] if source.revision else 0)
        if late is not None:
            faults.append(_fault(late, source.known_at or source.at))
    if faults:
        raise EventError(faults)
    return held


def _fault(message: Message, cell: str) -> InputError:
    return InputError(message, Place(cell=cell))


def _value(source: Source, field: Field, given: Any, zone: str) -> Any:
    value = parse_value(Field(field.name, field.type), given, zone)
    if value is None and not field.known_at:
        value = field.default
    if value is None and field.required:
        return parse_value(field, None, zone)
    message = check_value(field, source.checks.get(field.name, Check()), value, zone)
    if message is not None:
        raise InputError(message)
    return value
