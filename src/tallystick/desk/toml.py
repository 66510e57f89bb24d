"""TOML files as records: every fault of a file at once, each with its line, its key and what is allowed."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import msgspec

from tallystick.core import DefinitionError, Faults, InputError, Message, Place
from tallystick.desk.words import WORDS

T = TypeVar("T")

_SPOT = re.compile(r"line (\d+), column (\d+)")
_HEADER = re.compile(r"\s*\[+\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_SHOWN = 60
Parse = Callable[[str], object]
Judge = Callable[[str], Message | None]
_KINDS = {str: "text", bool: "flag", int: "integer", float: "number", tuple: "list", list: "list"}


def parsed(parse: Parse) -> msgspec.Meta:
    """Mark a text of a record as one that `parse` must take; what that raises as `InputError` is the fault."""
    return msgspec.Meta(extra={"parse": parse})


def keyed(keys: Mapping[str, Parse | None]) -> msgspec.Meta:
    """Mark a table of texts as one with these keys only, and say what must take the text of each."""
    return msgspec.Meta(extra={"keys": keys})


class _Lines:
    """The line of every key of a TOML file."""

    def __init__(self, path: Path, text: str) -> None:
        self._path, self._lines = path, dict[tuple[str, ...], int]()
        table: tuple[str, ...] = ()
        for number, line in enumerate(text.split("\n"), 1):
            if header := _HEADER.match(line):
                table = _parts(header[1])
                self._lines.setdefault(table, number)
            elif key := _KEY.match(line):
                self._lines.setdefault((*table, *_parts(key[1])), number)

    def place(self, way: tuple[str, ...]) -> Place:
        """Where a key stands; one that is not there has the line of its table."""
        spots = (self._lines.get(way[:length]) for length in range(len(way), 0, -1))
        line = next((spot for spot in spots if spot is not None), None)
        return Place(str(self._path), line=line, cell=".".join(way))


def read_toml(path: Path, shape: type[T], filled: Collection[str] = (), judge: Judge = lambda name: None) -> T:
    """Read a TOML file as records.

    Parameters
    ----------
    path
        The file.
    shape
        A struct, or a dict of them; `parsed` and `keyed` mark what its types do not say.
    filled
        Fields of its structs that the reader fills in: they are no keys of the file.
    judge
        Says what is wrong with the name of a table, None where nothing is.

    Raises
    ------
    DefinitionErrors
        With every unknown or missing key and every value of another kind; or with the line that is no TOML.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "limits.toml")
    ...     _ = path.write_text("[cards]\\nlow = 1\\n")
    ...     read_toml(path, dict[str, dict[str, int]])
    {'cards': {'low': 1}}
    """
    faults = Faults()
    try:
        text = path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
        document = tomllib.loads(text)
    except OSError as error:
        why = WORDS("toml.file", why=error.strerror or str(error))
        faults.add(DefinitionError(why, Place(str(path))))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        faults.add(DefinitionError(WORDS("toml.text"), Place(str(path), line=line)))
    except tomllib.TOMLDecodeError as error:
        faults.add(_no_toml(path, text, str(error)))
    faults.raise_any()
    found = list(_faults(document, shape, (), filled))
    found += [((name,), message) for name in document if (message := judge(name)) is not None]
    lines = _Lines(path, text)
    for place, message in sorted(
        ((lines.place(way), message) for way, message in found), key=lambda one: one[0].line or 0
    ):
        faults.add(DefinitionError(message, place))
    faults.raise_any()
    return msgspec.convert(document, shape)


def _no_toml(path: Path, text: str, detail: str) -> DefinitionError:
    lines = text.split("\n")
    spot = _SPOT.search(detail)
    line, column = (int(spot[1]), int(spot[2])) if spot else (len(lines), None)
    given = lines[min(line, len(lines)) - 1].strip()[:_SHOWN]
    return DefinitionError(WORDS("toml.syntax", given=given), Place(str(path), line=line, column=column))


def _faults(
    value: Any, shape: Any, way: tuple[str, ...], filled: Collection[str], parse: Parse | None = None
) -> Iterator[tuple[tuple[str, ...], Message]]:
    shape, marks = _bare(shape)
    if isinstance(shape, type) and issubclass(shape, msgspec.Struct):
        known = {field.encode_name: field for field in msgspec.structs.fields(shape) if field.name not in filled}
        if not isinstance(value, dict):
            yield way, WORDS("toml.value", given=_short(value), allowed=WORDS("toml.kind.table"))
            return
        yield from _unknown(value, known, way)
        for key, field in known.items():
            if key in value:
                yield from _faults(value[key], field.type, (*way, key), filled)
            elif field.required:
                yield (*way, key), WORDS("toml.missing", given=key)
    elif get_origin(shape) is dict and isinstance(value, dict):
        known = marks.get("keys", dict.fromkeys(value))
        yield from _unknown(value, known, way)
        for key in value.keys() & known.keys():
            yield from _faults(value[key], get_args(shape)[1], (*way, key), filled, known[key])
    else:
        try:
            msgspec.convert(value, shape)
        except msgspec.ValidationError:
            yield way, WORDS("toml.value", given=_short(value), allowed=_allowed(shape))
            return
        try:
            if parse := parse or marks.get("parse"):
                parse(value)
        except InputError as error:
            yield way, error.message


def _bare(shape: Any) -> tuple[Any, dict[str, Any]]:
    """A type without its marks, and the marks."""
    if get_origin(shape) is not Annotated:
        return shape, {}
    bare, *notes = get_args(shape)
    return bare, {name: mark for note in notes for name, mark in (note.extra or {}).items()}


def _unknown(
    given: Collection[str], known: Collection[str], way: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Message]]:
    for key in given:
        if key not in known:
            near = ", ".join(difflib.get_close_matches(key, known, 1)) or "-"
            yield (*way, key), WORDS("toml.key", given=key, near=near, allowed=", ".join(known))


def _allowed(shape: Any) -> str | Message:
    origin = get_origin(shape)
    if origin is Literal:
        return ", ".join(f'"{choice}"' for choice in get_args(shape))
    return WORDS(f"toml.kind.{_KINDS.get(origin or shape, 'table')}")


def _short(value: Any) -> str:
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _parts(name: str) -> tuple[str, ...]:
    return tuple(part.strip(" \t\"'") for part in name.split("."))
