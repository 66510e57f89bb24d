"""Core: the records and meanings that every room shares. No I/O, no clock, no random, no import of another room."""

from tallystick.core.canonical import canonical, canonical_record, content_version, jcs
from tallystick.core.errors import (
    ConflictError,
    DefinitionError,
    DefinitionErrors,
    Faults,
    InputError,
    Place,
    StateError,
    TallystickError,
    TamperError,
    UsageError,
)
from tallystick.core.facts import Fact, is_late
from tallystick.core.messages import LANGUAGES, Catalogue, Language, Message
from tallystick.core.missing import Missing
from tallystick.core.money import Money, format_minor, minor_digits, parse_minor, parse_scaled
from tallystick.core.schema import Field, FieldType, Grade, parse_value
from tallystick.core.time import Instant, Span, format_instant, parse_instant, to_datetime, to_instant, zone_of

__all__ = [
    "LANGUAGES",
    "Catalogue",
    "ConflictError",
    "DefinitionError",
    "DefinitionErrors",
    "Fact",
    "Faults",
    "Field",
    "FieldType",
    "Grade",
    "InputError",
    "Instant",
    "Language",
    "Message",
    "Missing",
    "Money",
    "Place",
    "Span",
    "StateError",
    "TallystickError",
    "TamperError",
    "UsageError",
    "canonical",
    "canonical_record",
    "content_version",
    "format_instant",
    "format_minor",
    "is_late",
    "jcs",
    "minor_digits",
    "parse_instant",
    "parse_minor",
    "parse_scaled",
    "parse_value",
    "to_datetime",
    "to_instant",
    "zone_of",
]
