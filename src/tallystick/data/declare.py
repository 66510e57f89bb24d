"""sources.toml → records: every fault of the file is found and shown together."""

from __future__ import annotations

import codecs
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import DefinitionError, Faults, Field, FieldType, InputError, Place, Span
from tallystick.data.fields import NAME, read_field
from tallystick.data.source import Check, Melt, Period, Source
from tallystick.data.toml import Reader, simple, unknown
from tallystick.data.words import WORDS

SOURCE_KEYS = (
    *("files", "format", "id", "at", "known_at", "revision", "retract", "subject", "owner", "description", "lateness"),
    *("delimiter", "quote", "encoding", "null", "fields", "melt"),
)
MELT_KEYS = ["id", "periods"]
PERIOD_KEYS = ["at", "columns"]
FORMATS = ("csv", "parquet", "jsonl")
FACT_COLUMNS = ("known_at", "revision", "retract")
"""Columns that every table of facts has; a field may carry such a name only where it is that column."""
_ROLES = {"id": "", "at": "instant", "known_at": "instant", "revision": "integer", "retract": "flag", "subject": ""}


def read_sources(path: str | Path) -> dict[str, Source]:
    """Read a sources.toml into one record per source.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    dict
        Source name → `Source`, in the file's order.

    Raises
    ------
    DefinitionErrors
        With every fault of the file: TOML syntax, unknown keys (the nearest key is named), types, missing keys, names
        of fields that are not declared.

    Examples
    --------
    >>> import tempfile
    >>> text = '''
    ... [payments]
    ... files = "payments.csv"
    ... format = "csv"
    ... id = "payment_id"
    ... at = "paid_at"
    ... [payments.fields]
    ... payment_id = { type = "integer" }
    ... paid_at = { type = "instant" }
    ... amount = { type = "money(EUR)", min = "0" }
    ... '''
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "sources.toml")
    ...     _ = path.write_text(text)
    ...     read_sources(path)["payments"].fields["amount"].type
    FieldType(kind='money', currency='EUR', scale=2)
    """
    path, faults = Path(path), Faults()
    document: dict[str, Any] = {}
    try:
        document = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError:
        faults.add(DefinitionError(WORDS("sources.file", given=path.name), Place(path.name)))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        faults.add(DefinitionError(WORDS("sources.syntax", detail=str(error)), Place(path.name)))
    sources = {}
    for name, table in document.items():
        reader = Reader(faults, path.name, name)
        if not NAME.fullmatch(name):
            reader.fault(WORDS("sources.name", given=name))
        elif not isinstance(table, dict):
            reader.fault(WORDS("sources.type", key=name, given=table, wanted="a table"))
        else:
            source = _source(reader, name, table)
            if source is not None:
                sources[name] = source
    faults.raise_any()
    return sources


def _source(reader: Reader, name: str, table: Mapping[str, Any]) -> Source | None:
    reader.known(table, SOURCE_KEYS)
    complete = reader.needed(
        table,
        {
            "files": "where the files lie",
            "format": "csv, parquet or jsonl",
            "id": "which field is the unique id",
            "at": "which field says when it happened",
            "fields": "what the columns are",
        },
    )
    given = reader.value(table, "fields", dict, {}, "a table")
    read = {key: read_field(reader.under(f"fields.{key}"), key, item) for key, item in given.items()}
    declared = {key: found for key, found in read.items() if found is not None}
    fields = {key: found.field for key, found in declared.items()}
    columns = {key: found.column for key, found in declared.items() if found.column is not None}
    constants = {key: found.constant for key, found in declared.items() if found.column is None}
    roles = {role: reader.text(table, role) for role in _ROLES}
    _roles(reader, roles, fields)
    for role in ("id", "at", "known_at", "revision"):
        if roles[role] in fields:
            fields[roles[role]] = _required(fields[roles[role]])
    melt = _melt(reader, table, roles, fields, columns, constants)
    if not complete:
        return None
    source = Source(
        name=name,
        files=reader.texts(table, "files", ()),
        format=reader.text(table, "format"),
        fields=fields,
        columns=columns,
        constants=constants,
        checks={key: found.check for key, found in declared.items() if found.check != Check()},
        owner=reader.text(table, "owner"),
        description=reader.text(table, "description"),
        lateness=_lateness(reader, table, roles["known_at"]),
        delimiter=reader.text(table, "delimiter", ","),
        quote=reader.text(table, "quote", '"'),
        encoding=reader.text(table, "encoding", "utf-8").lower().removesuffix("-sig"),
        null=reader.texts(table, "null", ("",)),
        melt=melt,
        **roles,
    )
    _format(reader, source)
    return source


def _roles(reader: Reader, roles: Mapping[str, str], fields: Mapping[str, Field]) -> None:
    for role, name in roles.items():
        if not name:
            continue
        if name not in fields:
            reader.fault(unknown("sources.field", name, sorted(fields), key=role))
        elif _ROLES[role] and fields[name].type.kind != _ROLES[role]:
            given = str(fields[name].type)
            reader.fault(WORDS("sources.field_type", key=role, wanted=_ROLES[role], given=name, type=given))
    if roles["id"] in fields and fields[roles["id"]].type.kind not in ("integer", "text"):
        given = str(fields[roles["id"]].type)
        reader.fault(WORDS("sources.field_type", key="id", wanted="integer or text", given=roles["id"], type=given))
    for name in FACT_COLUMNS:
        if name in fields and roles[name] != name:
            reader.fault(WORDS("sources.reserved", given=name))
    for field in fields.values():
        if field.known_at and field.known_at not in fields:
            reader.under(f"fields.{field.name}").fault(
                unknown("sources.field", field.known_at, sorted(fields), key="known_at")
            )
        elif field.known_at and fields[field.known_at].type.kind != "instant":
            given = str(fields[field.known_at].type)
            reader.under(f"fields.{field.name}").fault(
                WORDS("sources.field_type", key="known_at", wanted="instant", given=field.known_at, type=given)
            )


def _lateness(reader: Reader, table: Mapping[str, Any], known_at: str) -> Span:
    given = reader.text(table, "lateness")
    if not given:
        if known_at:
            reader.fault(WORDS("sources.lateness"))
        return Span(0)
    try:
        return Span.parse(given)
    except InputError as error:
        reader.fault(error.message)
        return Span(0)


def _format(reader: Reader, source: Source) -> None:
    if source.format not in FORMATS:
        reader.fault(WORDS("sources.choice", key="format", given=source.format, allowed=", ".join(FORMATS)))
    if len(source.delimiter) != 1 or not source.delimiter.isascii() or source.delimiter in '"\r\n':
        reader.fault(WORDS("sources.type", key="delimiter", given=source.delimiter, wanted="one ASCII character"))
    if len(source.quote) > 1 or not source.quote.isascii() or source.quote in ("\n", "\r", source.delimiter):
        reader.fault(WORDS("sources.type", key="quote", given=source.quote, wanted='one ASCII character, or ""'))
    if not _by_lines(source.encoding):
        allowed = "utf-8, latin-1, cp1252, gb18030, shift_jis and others in which a line end is one byte"
        reader.fault(WORDS("sources.choice", key="encoding", given=source.encoding, allowed=allowed))


def _melt(
    reader: Reader,
    table: Mapping[str, Any],
    roles: Mapping[str, str],
    fields: dict[str, Field],
    columns: dict[str, str],
    constants: dict[str, Any],
) -> Melt | None:
    if "melt" not in table:
        return None
    reader = reader.under("melt")
    given = reader.value(table, "melt", dict, {}, "a table")
    reader.known(given, MELT_KEYS)
    if not reader.needed(given, {"id": "how an event's id is made", "periods": "which columns make which event"}):
        return None
    template = reader.text(given, "id")
    if "at" not in template_columns(template) or len(template_columns(template)) < 2:
        reader.fault(WORDS("sources.template", given=template))
    if roles["id"] in fields and fields[roles["id"]].type.kind != "text":
        kind = str(fields[roles["id"]].type)
        reader.fault(WORDS("sources.field_type", key="id", wanted="text", given=roles["id"], type=kind))
    periods: list[Period] = []
    for index, item in enumerate(reader.value(given, "periods", list, [], "a list of tables")):
        period = _period(reader.under(f"periods[{index}]"), item, fields)
        if period is None:
            continue
        periods.append(period)
    melted = {name for period in periods for name in period.columns}
    for index, period in enumerate(periods):
        for name in sorted(melted - period.columns.keys()):
            if name in fields and fields[name].required:
                reader.under(f"periods[{index}]").fault(WORDS("sources.periods", given=name))
    for name in {roles["id"], roles["at"], *(name for period in periods for name in period.columns)}:
        columns.pop(name, None)
    constants.pop(roles["at"], None)
    return Melt(template, tuple(periods))


def _period(reader: Reader, given: Any, fields: Mapping[str, Field]) -> Period | None:
    if not isinstance(given, dict):
        reader.fault(WORDS("sources.type", key="periods", given=given, wanted="a list of tables"))
        return None
    reader.known(given, PERIOD_KEYS)
    if not reader.needed(given, {"at": "when these events happened", "columns": "field = column of the file"}):
        return None
    reader.held(Field("at", FieldType("instant")), "at", given["at"])
    columns = reader.value(given, "columns", dict, {}, "a table")
    for name, column in columns.items():
        if name not in fields:
            reader.fault(unknown("sources.field", name, sorted(fields), key="columns"))
        if not isinstance(column, str):
            reader.fault(WORDS("sources.type", key=name, given=column, wanted="the name of a column"))
    return Period(str(simple(given["at"])), {name: str(column) for name, column in columns.items()})


def template_columns(template: str) -> list[str]:
    """The names in braces of an id template, in order."""
    return re.findall(r"\{([^{}]+)\}", template)


def _required(field: Field) -> Field:
    return msgspec.structs.replace(field, required=True)


def _by_lines(encoding: str) -> bool:
    """Whether a file in this encoding can be cut at line ends before it is decoded."""
    try:
        codecs.lookup(encoding)
        return '\n,"'.encode(encoding) == b'\n,"'
    except (LookupError, UnicodeError):
        return False
