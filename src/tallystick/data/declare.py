"""sources.toml → records: every fault of the file is found and shown together."""

from __future__ import annotations

import codecs
import difflib
import re
import tomllib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import (
    DefinitionError,
    Faults,
    Field,
    FieldType,
    Grade,
    InputError,
    Message,
    Place,
    Span,
    parse_value,
)
from tallystick.data.source import Check, Melt, Period, Source
from tallystick.data.words import WORDS

SOURCE_KEYS = (
    *("files", "format", "id", "at", "known_at", "revision", "retract", "subject", "owner", "description", "lateness"),
    *("delimiter", "quote", "encoding", "null", "fields", "melt"),
)
FIELD_KEYS = (
    *("type", "required", "default", "known_at", "grade", "personal", "description", "column", "value"),
    *("allowed", "min", "max", "pattern", "purposes"),
)
MELT_KEYS = ["id", "periods"]
PERIOD_KEYS = ["at", "columns"]
FORMATS = ("csv", "parquet", "jsonl")
FACT_COLUMNS = ("known_at", "revision", "retract")
"""Columns that every table of facts has; a field may carry such a name only where it is that column."""
_ROLES = {"id": "", "at": "instant", "known_at": "instant", "revision": "integer", "retract": "flag", "subject": ""}
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_ORDERED = ("money", "decimal", "integer", "real", "instant", "date")


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
        reader = _Reader(faults, path.name, name)
        if not _NAME.fullmatch(name):
            reader.fault(WORDS("sources.name", given=name))
        elif not isinstance(table, dict):
            reader.fault(WORDS("sources.type", key=name, given=table, wanted="a table"))
        else:
            source = reader.source(name, table)
            if source is not None:
                sources[name] = source
    faults.raise_any()
    return sources


class _Reader:
    """Reads one source; holds where it is and what it found wrong."""

    def __init__(self, faults: Faults, file: str, cell: str) -> None:
        self.faults, self.file, self.cell = faults, file, cell

    def under(self, name: str) -> _Reader:
        return _Reader(self.faults, self.file, f"{self.cell}.{name}")

    def fault(self, message: Message) -> None:
        self.faults.add(DefinitionError(message, Place(self.file, cell=self.cell)))

    def known(self, table: Mapping[str, Any], keys: Iterable[str]) -> None:
        for given in table.keys() - set(keys):
            self.fault(unknown("sources.key", given, sorted(keys)))

    def value(self, table: Mapping[str, Any], key: str, wanted: type, default: Any, words: str) -> Any:
        given = table.get(key, default)
        if type(given) is wanted:
            return given
        self.fault(WORDS("sources.type", key=key, given=given, wanted=words))
        return default

    def text(self, table: Mapping[str, Any], key: str, default: str = "") -> str:
        return str(self.value(table, key, str, default, "text"))

    def texts(self, table: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        given = table.get(key, list(default))
        given = [given] if isinstance(given, str) else given
        if isinstance(given, list) and all(isinstance(item, str) for item in given):
            return tuple(given)
        self.fault(WORDS("sources.type", key=key, given=given, wanted="text or a list of texts"))
        return default

    def needed(self, table: Mapping[str, Any], meanings: Mapping[str, str]) -> bool:
        missing = [key for key in meanings if not table.get(key)]
        for key in missing:
            self.fault(WORDS("sources.missing", key=key, meaning=meanings[key]))
        return not missing

    def source(self, name: str, table: Mapping[str, Any]) -> Source | None:
        self.known(table, SOURCE_KEYS)
        complete = self.needed(
            table,
            {
                "files": "where the files lie",
                "format": "csv, parquet or jsonl",
                "id": "which field is the unique id",
                "at": "which field says when it happened",
                "fields": "what the columns are",
            },
        )
        fields: dict[str, Field] = {}
        columns: dict[str, str] = {}
        constants: dict[str, Any] = {}
        checks: dict[str, Check] = {}
        for field_name, given in self.value(table, "fields", dict, {}, "a table").items():
            self.under(f"fields.{field_name}").field(field_name, given, fields, columns, constants, checks)
        roles = {role: self.text(table, role) for role in _ROLES}
        self._roles(roles, fields)
        for role in ("id", "at", "known_at", "revision"):
            if roles[role] in fields:
                fields[roles[role]] = _required(fields[roles[role]])
        melt = self._melt(table, roles, fields, columns, constants)
        if not complete:
            return None
        source = Source(
            name=name,
            files=self.texts(table, "files", ()),
            format=self.text(table, "format"),
            fields=fields,
            columns=columns,
            constants=constants,
            checks=checks,
            owner=self.text(table, "owner"),
            description=self.text(table, "description"),
            lateness=self._lateness(table, roles["known_at"]),
            delimiter=self.text(table, "delimiter", ","),
            quote=self.text(table, "quote", '"'),
            encoding=self.text(table, "encoding", "utf-8").lower().removesuffix("-sig"),
            null=self.texts(table, "null", ("",)),
            melt=melt,
            **roles,
        )
        self._format(source)
        return source

    def _roles(self, roles: Mapping[str, str], fields: Mapping[str, Field]) -> None:
        for role, name in roles.items():
            if not name:
                continue
            if name not in fields:
                self.fault(unknown("sources.field", name, sorted(fields), key=role))
            elif _ROLES[role] and fields[name].type.kind != _ROLES[role]:
                given = str(fields[name].type)
                self.fault(WORDS("sources.field_type", key=role, wanted=_ROLES[role], given=name, type=given))
        if roles["id"] in fields and fields[roles["id"]].type.kind not in ("integer", "text"):
            given = str(fields[roles["id"]].type)
            self.fault(WORDS("sources.field_type", key="id", wanted="integer or text", given=roles["id"], type=given))
        for name in FACT_COLUMNS:
            if name in fields and roles[name] != name:
                self.fault(WORDS("sources.reserved", given=name))
        for field in fields.values():
            if field.known_at and field.known_at not in fields:
                self.under(f"fields.{field.name}").fault(
                    unknown("sources.field", field.known_at, sorted(fields), key="known_at")
                )
            elif field.known_at and fields[field.known_at].type.kind != "instant":
                given = str(fields[field.known_at].type)
                self.under(f"fields.{field.name}").fault(
                    WORDS("sources.field_type", key="known_at", wanted="instant", given=field.known_at, type=given)
                )

    def _lateness(self, table: Mapping[str, Any], known_at: str) -> Span:
        given = self.text(table, "lateness")
        if not given:
            if known_at:
                self.fault(WORDS("sources.lateness"))
            return Span(0)
        try:
            return Span.parse(given)
        except InputError as error:
            self.fault(error.message)
            return Span(0)

    def _format(self, source: Source) -> None:
        if source.format not in FORMATS:
            self.fault(WORDS("sources.choice", key="format", given=source.format, allowed=", ".join(FORMATS)))
        if len(source.delimiter) != 1 or not source.delimiter.isascii() or source.delimiter in '"\r\n':
            self.fault(WORDS("sources.type", key="delimiter", given=source.delimiter, wanted="one ASCII character"))
        if len(source.quote) > 1 or not source.quote.isascii() or source.quote in ("\n", "\r", source.delimiter):
            self.fault(WORDS("sources.type", key="quote", given=source.quote, wanted='one ASCII character, or ""'))
        if not _by_lines(source.encoding):
            allowed = "utf-8, latin-1, cp1252, gb18030, shift_jis and others in which a line end is one byte"
            self.fault(WORDS("sources.choice", key="encoding", given=source.encoding, allowed=allowed))

    def field(
        self,
        name: str,
        given: Any,
        fields: dict[str, Field],
        columns: dict[str, str],
        constants: dict[str, Any],
        checks: dict[str, Check],
    ) -> None:
        if not isinstance(given, dict):
            self.fault(WORDS("sources.type", key=name, given=given, wanted='a table such as { type = "integer" }'))
            return
        self.known(given, FIELD_KEYS)
        if not self.needed(given, {"type": "what the values are, such as integer"}):
            return
        try:
            kind = FieldType.parse(self.text(given, "type"))
            grade = Grade.parse(self.text(given, "grade", "L2"))
        except InputError as error:
            self.fault(error.message)
            return
        plain = Field(name, kind)
        field = Field(
            name,
            kind,
            required=self.value(given, "required", bool, False, "true or false"),
            default=self._held(plain, "default", given.get("default")),
            known_at=self.text(given, "known_at"),
            grade=grade,
            personal=self.value(given, "personal", bool, grade >= Grade.L3, "true or false"),
            description=self.text(given, "description"),
            purposes=self._purposes(given),
        )
        fields[name] = field
        if "value" in given:
            if "column" in given:
                self.fault(WORDS("sources.constant", key="column"))
            self._held(plain, "value", given["value"])
            constants[name] = _simple(given["value"])
        else:
            columns[name] = self.text(given, "column", name)
        check = self._check(plain, given)
        if check != Check():
            checks[name] = check

    def _purposes(self, given: Mapping[str, Any]) -> tuple[str, ...]:
        found = self.texts(given, "purposes", ())
        for purpose in found:
            if not _NAME.fullmatch(purpose):
                self.fault(WORDS("sources.type", key="purposes", given=purpose, wanted="names such as credit or fraud"))
        return tuple(dict.fromkeys(found))

    def _held(self, field: Field, key: str, given: Any) -> Any:
        try:
            return parse_value(field, _simple(given))
        except InputError as error:
            self.under(key).fault(error.message)
            return None

    def _check(self, field: Field, given: Mapping[str, Any]) -> Check:
        kind = field.type.kind
        allowed = given.get("allowed")
        if allowed is not None:
            if not isinstance(allowed, list) or not allowed:
                self.fault(WORDS("sources.type", key="allowed", given=allowed, wanted="a list of at least one value"))
                allowed = None
            elif kind == "instant":
                self.fault(WORDS("sources.check", key="allowed", type=kind, allowed="any type but instant"))
                allowed = None
            else:
                allowed = tuple(self._held(field, "allowed", item) for item in allowed)
        bounds = {key: self._held(field, key, given.get(key)) for key in ("min", "max")}
        for key, bound in bounds.items():
            if bound is not None and kind not in _ORDERED:
                self.fault(WORDS("sources.check", key=key, type=kind, allowed=", ".join(_ORDERED)))
                bounds[key] = None
        if None not in bounds.values() and bounds["min"] > bounds["max"]:
            self.fault(WORDS("sources.order", low=given["min"], high=given["max"]))
        if kind == "instant":
            bounds = {key: _simple(given.get(key)) for key in bounds}
        pattern = self.text(given, "pattern")
        if pattern and kind != "text":
            self.fault(WORDS("sources.check", key="pattern", type=kind, allowed="text"))
        try:
            re.compile(pattern)
        except re.error as error:
            self.fault(WORDS("sources.pattern", given=pattern, detail=str(error)))
            pattern = ""
        return Check(allowed, bounds["min"], bounds["max"], pattern)

    def _melt(
        self,
        table: Mapping[str, Any],
        roles: Mapping[str, str],
        fields: dict[str, Field],
        columns: dict[str, str],
        constants: dict[str, Any],
    ) -> Melt | None:
        if "melt" not in table:
            return None
        reader = self.under("melt")
        given = self.value(table, "melt", dict, {}, "a table")
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
            period = reader.under(f"periods[{index}]")._period(item, fields)
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

    def _period(self, given: Any, fields: Mapping[str, Field]) -> Period | None:
        if not isinstance(given, dict):
            self.fault(WORDS("sources.type", key="periods", given=given, wanted="a list of tables"))
            return None
        self.known(given, PERIOD_KEYS)
        if not self.needed(given, {"at": "when these events happened", "columns": "field = column of the file"}):
            return None
        self._held(Field("at", FieldType("instant")), "at", given["at"])
        columns = self.value(given, "columns", dict, {}, "a table")
        for name, column in columns.items():
            if name not in fields:
                self.fault(unknown("sources.field", name, sorted(fields), key="columns"))
            if not isinstance(column, str):
                self.fault(WORDS("sources.type", key=name, given=column, wanted="the name of a column"))
        return Period(str(_simple(given["at"])), {name: str(column) for name, column in columns.items()})


def template_columns(template: str) -> list[str]:
    """The names in braces of an id template, in order."""
    return re.findall(r"\{([^{}]+)\}", template)


def unknown(code: str, given: str, allowed: Iterable[str], **params: Any) -> Message:
    """The message `code` for an unknown name, or its `_near` form when an allowed name is close."""
    allowed = list(allowed)
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.6)
    shown = ", ".join(allowed)
    if near:
        return WORDS(f"{code}_near", given=given, near=near[0], allowed=shown, **params)
    return WORDS(code, given=given, allowed=shown, **params)


def _required(field: Field) -> Field:
    return msgspec.structs.replace(field, required=True)


def _simple(given: Any) -> Any:
    """TOML's own dates and times as text: one form for the record and its version."""
    return given.isoformat() if isinstance(given, datetime | date | time) else given


def _by_lines(encoding: str) -> bool:
    """Whether a file in this encoding can be cut at line ends before it is decoded."""
    try:
        codecs.lookup(encoding)
        return '\n,"'.encode(encoding) == b'\n,"'
    except (LookupError, UnicodeError):
        return False
