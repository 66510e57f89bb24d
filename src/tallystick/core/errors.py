"""One family of errors: what was wrong, what was given, what is allowed, and where."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tallystick.core.messages import Language, Message


class Place(msgspec.Struct, frozen=True):
    """Where a fault lies: a file, then as much of line, column, row and cell as is known (counted from 1).

    Examples
    --------
    >>> str(Place("bank/sources.toml", line=4))
    'bank/sources.toml:4'
    >>> str(Place("risk.dmn", cell="decision Action, rule 3, input 2"))
    'risk.dmn, decision Action, rule 3, input 2'
    """

    file: str = ""
    line: int | None = None
    column: int | None = None
    cell: str = ""

    def __str__(self) -> str:
        spot = ":".join(str(part) for part in (self.file, self.line, self.column) if part not in ("", None))
        return ", ".join(part for part in (spot, self.cell) if part)


class TallystickError(Exception):
    """The root of every error that Tallystick raises on purpose.

    Parameters
    ----------
    message
        What was wrong, given and allowed: a `Message` of the room's catalogue.
    place
        Where, when it is known.
    """

    def __init__(self, message: Message, place: Place | None = None) -> None:
        super().__init__(message, place)
        self.message = message
        self.place = place

    @property
    def code(self) -> str:
        """The message's code, stable across languages and releases."""
        return self.message.code

    def text(self, language: Language = "en") -> str:
        """The whole error as one line: place, then message."""
        words = self.message.text(language)
        return f"{self.place}: {words}" if self.place is not None and str(self.place) else words

    def __str__(self) -> str:
        return self.text("en")


class UsageError(TallystickError):
    """A command was called wrongly (exit code 2)."""


class InputError(TallystickError):
    """Data, an event or a file from outside is not what its schema says; nothing was written."""


class ConflictError(InputError):
    """The same request id came with another body."""


class StateError(TallystickError):
    """A project's state is missing, locked by another writer, or not what this step needs."""


class TamperError(TallystickError):
    """Stored bytes are not the bytes that were written, or a proof does not hold."""


class DefinitionError(TallystickError):
    """One fault of a definition: a label, model, decision, source or policy."""


class DefinitionErrors(DefinitionError):
    """All faults of a definition, found in one pass and shown together."""

    def __init__(self, faults: Iterable[TallystickError]) -> None:
        self.faults = tuple(faults)
        super().__init__(self.faults[0].message, self.faults[0].place)

    def text(self, language: Language = "en") -> str:
        """Every fault on a line of its own."""
        return "\n".join(fault.text(language) for fault in self.faults)


class Faults:
    """Collects faults while a definition is read, then raises them together.

    Examples
    --------
    >>> faults = Faults()
    >>> faults.raise_any()  # nothing was found
    """

    def __init__(self) -> None:
        self._found: list[TallystickError] = []

    def add(self, fault: TallystickError) -> None:
        """Keep a fault; the faults of a `DefinitionErrors` are kept one by one."""
        self._found.extend(fault.faults if isinstance(fault, DefinitionErrors) else [fault])

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_any(self) -> None:
        """Raise `DefinitionErrors` when at least one fault was kept."""
        if self._found:
            raise DefinitionErrors(self._found)
