"""A table of sources.toml as it is read: where it stands, and every fault that is found in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from typing import Any

from tallystick.core import DefinitionError, Faults, Field, InputError, Message, Place, parse_value
from tallystick.data.words import WORDS


class Reader:
    """Reads one table; holds where it is and what it found wrong."""

    def __init__(self, faults: Faults, file: str, cell: str) -> None:
        self.faults, self.file, self.cell = faults, file, cell

    def under(self, name: str) -> Reader:
        """The reader of a table or value inside this one."""
        return Reader(self.faults, self.file, f"{self.cell}.{name}")

    def fault(self, message: Message) -> None:
        """Note what is wrong here."""
        self.faults.add(DefinitionError(message, Place(self.file, cell=self.cell)))

    def known(self, table: Mapping[str, Any], keys: Iterable[str]) -> None:
        """Fault every key that is not one of `keys`."""
        for given in table.keys() - set(keys):
            self.fault(unknown("sources.key", given, sorted(keys)))

    def value(self, table: Mapping[str, Any], key: str, wanted: type, default: Any, words: str) -> Any:
        """The value of a key; `default` where it is absent, or, which is a fault, of another type than `wanted`."""
        given = table.get(key, default)
        if type(given) is wanted:
            return given
        self.fault(WORDS("sources.type", key=key, given=given, wanted=words))
        return default

    def text(self, table: Mapping[str, Any], key: str, default: str = "") -> str:
        """The text of a key; see `value`."""
        return str(self.value(table, key, str, default, "text"))

    def texts(self, table: Mapping[str, Any], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
        """The text, or the list of texts, of a key; see `value`."""
        given = table.get(key, list(default))
        given = [given] if isinstance(given, str) else given
        if isinstance(given, list) and all(isinstance(item, str) for item in given):
            return tuple(given)
        self.fault(WORDS("sources.type", key=key, given=given, wanted="text or a list of texts"))
        return default

    def needed(self, table: Mapping[str, Any], meanings: Mapping[str, str]) -> bool:
        """Whether all keys of `meanings` are there; those that are not are at fault, with what they mean."""
        missing = [key for key in meanings if not table.get(key)]
        for key in missing:
            self.fault(WORDS("sources.missing", key=key, meaning=meanings[key]))
        return not missing

    def held(self, field: Field, key: str, given: Any) -> Any:
        """A value as its field holds it; None where, at fault, it is none of the field."""
        try:
            return parse_value(field, simple(given))
        except InputError as error:
            self.under(key).fault(error.message)
            return None


def unknown(code: str, given: str, allowed: Iterable[str], **params: Any) -> Message:
    """The message `code` for an unknown name, or its `_near` form when an allowed name is close."""
    allowed = list(allowed)
    near = difflib.get_close_matches(given, allowed, n=1, cutoff=0.6)
    shown = ", ".join(allowed)
    if near:
        return WORDS(f"{code}_near", given=given, near=near[0], allowed=shown, **params)
    return WORDS(code, given=given, allowed=shown, **params)


def simple(given: Any) -> Any:
    """TOML's own dates and times as text: one form for the record and its version."""
    return given.isoformat() if isinstance(given, datetime | date | time) else given
