"""TOML files as records: every fault of a file at once, each with its line, its key and what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
from collections.abc import Callable, Collection, Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from tallystick.core.errors import DefinitionError, DefinitionErrors, InputError, Place
from tallystick.core.messages import Message
from tallystick.core.words import WORDS

T = TypeVar("T")
Parse = Callable[[Any], object]
Judge = Callable[[str], Message | None]
Way = tuple[str | int, ...]

_SPOT = re.compile(r"line (\d+), column (\d+)")
_HEADER = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_SHOWN = 60
_KINDS = {str: "text", bool: "flag", int: "integer", float: "number", tuple: "list", list: "list"}
_LISTS = (list, tuple)
_FAULTY: Any = object()


def parsed(parse: Parse) -> msgspec.Meta:
    """Mark a value of a record as one that `parse` must take; what that raises as `InputError` is the fault."""
    return msgspec.Meta(extra={"parse": parse})


def keyed(keys: Mapping[str, Parse | None]) -> msgspec.Meta:
    """Mark a table of texts as one with these keys only, and say what must take the text of each."""
    return msgspec.Meta(extra={"keys": keys})


class TomlFile:
    """A TOML file: its tables, where every key stands, and the faults that are found in it.

    Parameters
    ----------
    data
        The bytes of the file, UTF-8 with or without a mark at the beginning.
    file
        Named in errors.

    Raises
    ------
    DefinitionErrors
        With the line that is no text or no TOML.

    Examples
    --------
    >>> toml = TomlFile(b"[cards]\\nlow = 1\\nhigh = 'x'\\n", "limits.toml")
    >>> toml.read(dict[str, dict[str, int]])
    {'cards': {'low': 1}}
    >>> toml.faulty("cards", "high"), toml.place(("cards", "high"))
    (True, Place(file='limits.toml', line=3, column=None, cell='cards.high'))
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.file, self.tables = file, dict[str, Any]()
        self._faults = dict[Way, list[Message]]()
        try:
            text = data.decode("utf-8-sig").replace("\r\n", "\n")
            self.tables = tomllib.loads(text)
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise DefinitionErrors([DefinitionError(WORDS("toml.text"), Place(file, line))]) from None
        except tomllib.TOMLDecodeError as error:
            raise DefinitionErrors([_no_toml(file, text, str(error))]) from None
        self._lines = _lines(text)

    def fault(self, way: Way, message: Message) -> None:
        """Note what is wrong with a key, given by the names of its tables and its own."""
        self._faults.setdefault(way, []).append(message)

    def faulty(self, *way: str | int) -> bool:
        """Whether anything is wrong with a key, or with what stands under it."""
        return any(other[: len(way)] == way for other in self._faults)

    def read(self, shape: type[T], filled: Collection[str] = ()) -> T | None:
        """Read the sound part as records; every unknown or missing key and every value of another kind is noted.

        Parameters
        ----------
        shape
            A struct, or a dict of them; `parsed` and `keyed` mark what its types do not say.
        filled
            Fields of its structs that the reader fills in: they are no keys of the file.

        Returns
        -------
        T or None
            Without the keys that are at fault, and without the tables to which such a key is necessary.
        """
        found = self._read(self.tables, shape, (), filled)
        return None if found is _FAULTY else found

    def raise_any(self) -> None:
        """Raise `DefinitionErrors` with what was noted, in the order of the lines, when anything was."""
        found = [(self.place(way), message) for way, messages in self._faults.items() for message in messages]
        if found:
            found.sort(key=lambda one: one[0].line or 0)
            raise DefinitionErrors(DefinitionError(message, place) for place, message in found)

    def place(self, way: Way) -> Place:
        """Where a key stands; one that is not there has the line of its table."""
        line = next((self._lines[way[:n]] for n in range(len(way), 0, -1) if way[:n] in self._lines), None)
        cell = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in way)
        return Place(self.file, line=line, cell=cell.removeprefix("."))

    def _read(self, value: Any, shape: Any, way: Way, filled: Collection[str], parse: Parse | None = None) -> Any:
        bare, marks = _bare(shape)
        if _is_table(bare):
            return self._table(value, bare, way, filled)
        if get_origin(bare) is dict and isinstance(value, dict) and value:
            known = marks.get("keys", dict.fromkeys(value))
            self._unknown(value, known, way)
            inner = {k: (*way, k) for k in value if k in known}
            read = {k: self._read(value[k], get_args(bare)[1], at, filled, known[k]) for k, at in inner.items()}
            return {key: item for key, item in read.items() if item is not _FAULTY}
        if get_origin(bare) in _LISTS and isinstance(value, list) and value and _is_table(get_args(bare)[0]):
            rows = [self._read(row, get_args(bare)[0], (*way, index), filled) for index, row in enumerate(value)]
            return get_origin(bare)(row for row in rows if row is not _FAULTY)
        return self._leaf(value, shape, way, parse or marks.get("parse"))

    def _table(self, value: Any, shape: type[msgspec.Struct], way: Way, filled: Collection[str]) -> Any:
        known = {field.encode_name: field for field in msgspec.structs.fields(shape) if field.name not in filled}
        if not isinstance(value, dict):
            self.fault(way, WORDS("toml.value", given=_short(value), allowed=WORDS("toml.kind.table")))
            return _FAULTY
        self._unknown(value, known, way)
        read: dict[str, Any] = {}
        sound = True
        for key, field in known.items():
            item = self._read(value[key], field.type, (*way, key), filled) if key in value else _FAULTY
            if item is not _FAULTY:
                read[field.name] = item
            elif field.required:
                sound = False
                if key not in value:
                    self.fault((*way, key), WORDS("toml.missing", given=key, allowed=_allowed(field.type)))
        return shape(**read) if sound else _FAULTY

    def _leaf(self, value: Any, shape: Any, way: Way, parse: Parse | None) -> Any:
        try:
            held = msgspec.convert(value, shape)
            if parse is not None:
                parse(held)
        except msgspec.ValidationError:
            self.fault(way, WORDS("toml.value", given=_short(value), allowed=_allowed(shape)))
        except InputError as error:
            self.fault(way, error.message)
        else:
            return held
        return _FAULTY

    def _unknown(self, given: Collection[str], known: Collection[str], way: Way) -> None:
        for key in given:
            if key not in known:
                near = ", ".join(difflib.get_close_matches(key, known, 1)) or "-"
                self.fault((*way, key), WORDS("toml.key", given=key, near=near, allowed=", ".join(known)))


def read_toml(
    data: bytes, file: str, shape: type[T], filled: Collection[str] = (), judge: Judge = lambda name: None
) -> T:
    """Read a TOML file as records.

    Parameters
    ----------
    data, file
        As for `TomlFile`.
    shape, filled
        As for `TomlFile.read`.
    judge
        Says what is wrong with the name of a table, None where nothing is.

    Raises
    ------
    DefinitionErrors
        With every fault of the file.

    Examples
    --------
    >>> read_toml(b"[cards]\\nlow = 1\\n", "limits.toml", dict[str, dict[str, int]])
    {'cards': {'low': 1}}
    """
    toml = TomlFile(data, file)
    found = toml.read(shape, filled)
    for name in toml.tables:
        if (message := judge(name)) is not None:
            toml.fault((name,), message)
    toml.raise_any()
    assert found is not None
    return found


def _lines(text: str) -> dict[Way, int]:
    """The line of every key."""
    lines: dict[Way, int] = {}
    table: Way = ()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _HEADER.match(line):
            table = _parts(header[1])
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def _no_toml(file: str, text: str, detail: str) -> DefinitionError:
    lines = text.split("\n")
    spot = _SPOT.search(detail)
    line, column = (int(spot[1]), int(spot[2])) if spot else (len(lines), None)
    given = lines[min(line, len(lines)) - 1].strip()[:_SHOWN]
    return DefinitionError(WORDS("toml.syntax", given=given), Place(file, line=line, column=column))


def _bare(shape: Any) -> tuple[Any, dict[str, Any]]:
    """A type without its marks and without None, and the marks."""
    if get_origin(shape) in (Union, types.UnionType):
        some = [part for part in get_args(shape) if part is not type(None)]
        return _bare(some[0]) if len(some) == 1 else (shape, {})
    if get_origin(shape) is not Annotated:
        return shape, {}
    bare, *notes = get_args(shape)
    bare, inner = _bare(bare)
    return bare, inner | {name: mark for note in notes for name, mark in (note.extra or {}).items()}


def _is_table(shape: Any) -> bool:
    return isinstance(shape, type) and issubclass(shape, msgspec.Struct)


def _allowed(shape: Any) -> str | Message:
    bare = _bare(shape)[0]
    origin = get_origin(bare)
    if origin is Literal:
        return ", ".join(f'"{choice}"' for choice in get_args(bare))
    if origin in (Union, types.UnionType):
        return WORDS("toml.kind.texts")
    return WORDS(f"toml.kind.{_KINDS.get(origin or bare, 'table')}")


def _short(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _parts(name: str) -> Way:
    return tuple(part.strip(" \t\"'") for part in name.split("."))
