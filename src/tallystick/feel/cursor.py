"""The reading position in an expression: lexemes, names in scope, faults with line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import NoReturn

from tallystick.core import DefinitionError, Faults, FieldType, Place
from tallystick.feel.expr import Expr, ItemName, Name
from tallystick.feel.temporal import PROPERTIES
from tallystick.feel.tokens import KEYWORDS, OPERATOR, SPACE, WORD, lexemes, longest_name, normal
from tallystick.feel.words import WORDS

LENGTH_MAX = 1_000_000
DEPTH_MAX = 100
Names = Mapping[str, FieldType | None] | Iterable[str]


class Cursor:
    """Where the parser stands in `text`, and which names it sees there."""

    def __init__(self, text: str, names: Names, members: Collection[str]) -> None:
        self.text, self.at, self.depth, self.filters = text, 0, 0, 0
        outer = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names)
        self.spelling = {normal(name): name for name in outer}
        self.scopes: list[dict[str, FieldType | None]] = [{normal(name): kind for name, kind in outer.items()}]
        self.members = {normal(name) for name in members} | PROPERTIES
        self.faults = Faults()
        self._unknown: set[str] = set()
        if len(text) > LENGTH_MAX:
            raise DefinitionError(WORDS("feel.long", given=len(text), allowed=LENGTH_MAX))
        self._space()

    def _space(self) -> None:
        match = SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def move(self, end: int) -> None:
        """Go to `end`, then past white space and comments."""
        self.at = end
        self._space()

    def matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what `pattern` matches here, if anything."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.move(match.end())
        return match

    def operator(self) -> str:
        """The operator here, or ""; the position stays."""
        match = OPERATOR.match(self.text, self.at)
        return match[0] if match else ""

    def word(self) -> str:
        """The single word here, or ""; the position stays."""
        match = WORD.match(self.text, self.at)
        return match[0] if match else ""

    def accept(self, *lexemes_: str) -> str:
        """Take the operator or keyword here if it is one of `lexemes_`; returns it, or ""."""
        for found in (self.operator(), self.word()):
            if found and found in lexemes_:
                self.move(self.at + len(found))
                return found
        return ""

    def expect(self, lexeme: str) -> None:
        """Take `lexeme` or fail."""
        if not self.accept(lexeme):
            self.fail(lexeme)

    def place(self, at: int) -> Place:
        """The line and column of a position."""
        return Place(line=self.text.count("\n", 0, at) + 1, column=at - self.text.rfind("\n", 0, at))

    def fail(self, allowed: str) -> NoReturn:
        """Refuse the text at this position, with all faults found so far."""
        given = self.text[self.at : self.at + 20] or "the end"
        self.faults.add(DefinitionError(WORDS("feel.syntax", given=given, allowed=allowed), self.place(self.at)))
        self.faults.raise_any()
        raise AssertionError("a fault was just added")

    def too_deep(self) -> DefinitionError:
        """The refusal of what is nested too deep."""
        return DefinitionError(WORDS("feel.deep", allowed=DEPTH_MAX), self.place(self.at))

    @contextmanager
    def nested(self) -> Iterator[None]:
        """What is read inside lies one level deeper; too deep is refused."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.too_deep()
        yield
        self.depth -= 1

    @contextmanager
    def scope(self, names: Iterable[str]) -> Iterator[dict[str, FieldType | None]]:
        """A scope in which `names` are bound too."""
        frame: dict[str, FieldType | None] = dict.fromkeys(names, FieldType("local"))
        self.scopes.append(frame)
        yield frame
        self.scopes.pop()

    def known(self) -> dict[str, FieldType | None]:
        """All names in scope, inner ones over outer ones."""
        return {name: kind for frame in self.scopes for name, kind in frame.items()}

    def longest(self, names: Collection[str]) -> tuple[str, int] | None:
        """The longest of `names` that stands here: its normal form and its end."""
        return longest_name(self.text, self.at, names, max(map(lexemes, names), default=0))

    def name(self) -> Expr:
        """Take a name in scope; an unknown one becomes a fault, or a member inside a filter."""
        found = self.longest(self.known())
        if found is not None:
            self.move(found[1])
            node = Name(self._outer(found[0]))
            return ItemName(found[0], node) if self.filters else node
        start, word = self.at, self.word()
        if not word or word in KEYWORDS:
            self.fail("a value, a name or (")
        if self.filters:
            member = self.longest(self.members)
            self.move(member[1] if member else start + len(word))
            return ItemName(member[0] if member else word, None)
        self.move(start + len(word))
        self._fault(word, start)
        return Name(word)

    def _outer(self, name: str) -> str:
        """A name as its owner spells it, unless it is bound inside the expression."""
        return name if any(name in frame for frame in self.scopes[1:]) else self.spelling.get(name, name)

    def _fault(self, word: str, start: int) -> None:
        if word in self._unknown:
            return
        self._unknown.add(word)
        known = sorted(self._outer(name) for name in self.known() if name != "?")
        close = difflib.get_close_matches(word, known, 1)
        nearest = f" (did you mean {close[0]!r}?)" if close else ""
        allowed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "") or "none"
        self.faults.add(
            DefinitionError(WORDS("feel.name", given=word, nearest=nearest, allowed=allowed), self.place(start))
        )
