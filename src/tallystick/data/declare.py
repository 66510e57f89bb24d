"""sources.toml → records: every fault of the file is found and shown together."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from tallystick.core import Field, FieldType, InputError, Message, Span, parse_value
from tallystick.core.toml import TomlFile, Way, parsed
from tallystick.data.fields import NAME, FieldTable, Texts, read_field, simple, texts
from tallystick.data.source import Check, Melt, Period, Source
from tallystick.data.words import WORDS, unknown
from tallystick.store import read_bytes

FACT_COLUMNS = ("known_at", "revision", "retract")
"""Columns that every table of facts has; a field may carry such a name only where it is that column."""
_ROLES = {"id": "", "at": "instant", "known_at": "instant", "revision": "integer", "retract": "flag", "subject": ""}


def _check_delimiter(text: str) -> None:
    if len(text) != 1 or not text.isascii() or text in '"\r\n':
        raise InputError(WORDS("sources.delimiter", given=text))


def _check_quote(text: str) -> None:
    if len(text) > 1 or not text.isascii() or text in ("\n", "\r"):
        raise InputError(WORDS("sources.quote", given=text))


def _check_encoding(text: str) -> None:
    """Refuse an encoding in which a file cannot be cut at line ends before it is decoded."""
    try:
        cut = '\n,"'.encode(_plain(text)) == b'\n,"'
    except (LookupError, UnicodeError):
        cut = False
    if not cut:
        raise InputError(WORDS("sources.encoding", given=text))


def _check_template(text: str) -> None:
    names = template_columns(text)
    if "at" not in names or len(names) < 2:
        raise InputError(WORDS("sources.template", given=text))


def _check_period(given: Any) -> None:
    parse_value(Field("at", FieldType("instant"), required=True), simple(given))


Needed = Annotated[str, msgspec.Meta(min_length=1)]


class PeriodTable(msgspec.Struct, frozen=True):
    """The keys of a period of a melt."""

    at: Annotated[Any, parsed(_check_period)]
    columns: Annotated[dict[str, Needed], msgspec.Meta(min_length=1)]


class MeltTable(msgspec.Struct, frozen=True):
    """The keys of a melt."""

    id: Annotated[str, parsed(_check_template)]
    periods: Annotated[tuple[PeriodTable, ...], msgspec.Meta(min_length=1)]


class SourceTable(msgspec.Struct, frozen=True):
    """The keys of a source in sources.toml."""

    files: Needed | Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    format: Literal["csv", "parquet", "jsonl"]
    id: Needed
    at: Needed
    fields: dict[str, FieldTable]
    known_at: str = ""
    lateness: Annotated[str, parsed(Span.parse)] = ""
    revision: str = ""
    retract: str = ""
    subject: str = ""
    owner: str = ""
    description: str = ""
    delimiter: Annotated[str, parsed(_check_delimiter)] = ","
    quote: Annotated[str, parsed(_check_quote)] = '"'
    encoding: Annotated[str, parsed(_check_encoding)] = "utf-8"
    null: Texts = ("",)
    melt: MeltTable | None = None


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
    StateError
        When the file cannot be read.
    DefinitionErrors
        With every fault of the file, each with its line: TOML syntax, unknown keys (the nearest key is named), types,
        missing keys, names of fields that are not declared. What a source means is looked at when it has its keys.

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
    toml = TomlFile(read_bytes(path), str(path))
    tables = toml.read(dict[str, SourceTable]) or {}
    for name in toml.tables:
        if not NAME.fullmatch(name):
            toml.fault((name,), WORDS("sources.name", given=name))
    sources = {name: _source(toml, name, table) for name, table in tables.items()}
    toml.raise_any()
    return sources


def _source(toml: TomlFile, name: str, table: SourceTable) -> Source:
    declared = {key: read_field(toml, (name, "fields", key), key, given) for key, given in table.fields.items()}
    fields = {key: found.field for key, found in declared.items()}
    columns = {key: found.column for key, found in declared.items() if found.column is not None}
    constants = {key: found.constant for key, found in declared.items() if found.column is None}
    roles: dict[str, str] = {role: getattr(table, role) for role in _ROLES}
    _roles(toml, name, roles, fields)
    for role in ("id", "at", "known_at", "revision"):
        if roles[role] in fields:
            fields[roles[role]] = msgspec.structs.replace(fields[roles[role]], required=True)
    if roles["known_at"] and "lateness" not in toml.tables[name]:
        toml.fault((name,), WORDS("sources.lateness"))
    if table.quote == table.delimiter:
        toml.fault((name, "quote"), WORDS("sources.quote", given=table.quote))
    return Source(
        name=name,
        files=texts(table.files),
        format=table.format,
        fields=fields,
        columns=columns,
        constants=constants,
        checks={key: found.check for key, found in declared.items() if found.check != Check()},
        owner=table.owner,
        description=table.description,
        lateness=Span.parse(table.lateness) if table.lateness else Span(0),
        delimiter=table.delimiter,
        quote=table.quote,
        encoding=_plain(table.encoding),
        null=texts(table.null),
        melt=_melt(toml, name, table.melt, roles, fields, columns, constants) if table.melt is not None else None,
        **roles,
    )


def _roles(toml: TomlFile, source: str, roles: Mapping[str, str], fields: Mapping[str, Field]) -> None:
    for role, name in roles.items():
        if name:
            _named(toml, source, (source, role), name, fields, _ROLES[role])
    if roles["id"] in fields and fields[roles["id"]].type.kind not in ("integer", "text"):
        toml.fault((source, "id"), _wrong_type("id", fields[roles["id"]], "integer, text"))
    for name in FACT_COLUMNS:
        if name in fields and roles[name] != name:
            toml.fault((source, "fields", name), WORDS("sources.reserved", given=name))
    for field in fields.values():
        if field.known_at:
            _named(toml, source, (source, "fields", field.name, "known_at"), field.known_at, fields, "instant")


def _named(toml: TomlFile, source: str, way: Way, name: str, fields: Mapping[str, Field], kind: str = "") -> None:
    """Fault the name of a field that is not declared, or is of another type; one that could not be read is neither."""
    key = str(way[-1])
    if name not in toml.tables[source]["fields"]:
        toml.fault(way, unknown("sources.field", name, sorted(fields), key=key))
    elif name in fields and kind and fields[name].type.kind != kind:
        toml.fault(way, _wrong_type(key, fields[name], kind))


def _wrong_type(key: str, field: Field, wanted: str) -> Message:
    return WORDS("sources.field_type", key=key, wanted=wanted, given=field.name, type=str(field.type))


def _melt(
    toml: TomlFile,
    source: str,
    given: MeltTable,
    roles: Mapping[str, str],
    fields: Mapping[str, Field],
    columns: dict[str, str],
    constants: dict[str, Any],
) -> Melt:
    if roles["id"] in fields and fields[roles["id"]].type.kind != "text":
        toml.fault((source, "id"), _wrong_type("id", fields[roles["id"]], "text"))
    melted = {name for period in given.periods for name in period.columns}
    for index, period in enumerate(given.periods):
        way = (source, "melt", "periods", index)
        for name in period.columns:
            _named(toml, source, (*way, "columns"), name, fields)
        for name in sorted(melted - period.columns.keys()):
            if name in fields and fields[name].required:
                toml.fault(way, WORDS("sources.periods", given=name))
    for name in {roles["id"], roles["at"], *melted}:
        columns.pop(name, None)
    constants.pop(roles["at"], None)
    return Melt(given.id, tuple(Period(str(simple(period.at)), period.columns) for period in given.periods))


def _plain(encoding: str) -> str:
    """The name of an encoding without the mark at the beginning of a file, which is always looked for."""
    return encoding.lower().removesuffix("-sig")


def template_columns(template: str) -> list[str]:
    """The names in braces of an id template, in order."""
    return re.findall(r"\{([^{}]+)\}", template)
