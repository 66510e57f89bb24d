"""The reading position in an expression: lexemes, names in scope, faults with line and column."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import msgspec

from tallystick.core import DefinitionError, Faults, FieldType, Place
from tallystick.feel.expr import BuiltinName, Expr, ItemName, Name, Unknown
from tallystick.feel.temporal import PROPERTIES
from tallystick.feel.tokens import (
    KEYWORDS,
    OPERATOR,
    SIGNS,
    WORD,
    after_space,
    head,
    lexemes,
    longest_by_head,
    longest_name,
    normal,
    words,
)
from tallystick.feel.types import PLAIN_NAMES
from tallystick.feel.words import WORDS

LENGTH_MAX = 1_000_000
DEPTH_MAX = 100
LOCAL = FieldType("local")


class Known(msgspec.Struct, frozen=True):
    """The names that expressions may read, prepared once for reading many expressions; `known` makes one."""

    names: dict[str, FieldType | None]
    spelling: dict[str, str]
    heads: dict[str, int]
    members: frozenset[str]
    member_heads: dict[str, int]
    types: Mapping[str, Any]
    type_heads: dict[str, int]
    lenient: bool


Names = Known | Mapping[str, FieldType | None] | Iterable[str]
_PROPERTY_HEADS = longest_by_head(PROPERTIES)
_TYPE_HEADS = longest_by_head(PLAIN_NAMES)


def known(
    names: Names, *, members: Collection[str] = (), types: Mapping[str, Any] | None = None, lenient: bool = False
) -> Known:
    """Prepare names once for reading many expressions.

    Parameters
    ----------
    names
        The outer names; only those of `FieldType("function")` or `FieldType("local")` hide the built-in function of
        that name.
    members
        Names of members of contexts, so that those with signs in them are read whole.
    types
        Declared types by name: objects with `holds(value) -> bool`, and `coerced(value) -> (fits, value)` where they
        convert.
    lenient
        Whether an unknown name is null instead of a fault.

    Examples
    --------
    >>> from tallystick.feel import known, parse
    >>> scope = known(["risk score"])
    >>> parse("risk score", scope), parse("risk  score", scope)
    (Name(name='risk score'), Name(name='risk score'))
    """
    if isinstance(names, Known):
        return names
    outer = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names)
    plain = frozenset(map(normal, members))
    declared = {normal(name): kind for name, kind in (types or {}).items()}
    return Known(
        {normal(name): kind for name, kind in outer.items()},
        {normal(name): name for name in outer},
        longest_by_head(map(normal, outer)),
        plain | PROPERTIES,
        _merged(_PROPERTY_HEADS, longest_by_head(plain)),
        declared,
        _merged(_TYPE_HEADS, longest_by_head(declared)),
        lenient,
    )


def _merged(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    return left | {name: max(count, left.get(name, 0)) for name, count in right.items()} if right else left


class Cursor:
    """Where the parser stands in `text`, and which names it sees there."""

    def __init__(self, text: str, scope: Known) -> None:
        if len(text) > LENGTH_MAX:
            raise DefinitionError(WORDS("feel.long", given=len(text), allowed=LENGTH_MAX))
        self.text, self.outer = text, scope
        self.depth, self.filters = 0, 0
        # Names bound inside the expression: their kind, and how many filters stood around the place of binding.
        self.bound: dict[str, tuple[FieldType, int]] = {}
        self._bound_heads: dict[str, int] = {}
        self._undo: list[tuple[str, tuple[FieldType, int] | None]] = []
        self._members: Collection[str] = scope.members
        self._member_heads: dict[str, int] = {}
        self.faults = Faults()
        self._unknown: set[str] = set()
        self.at = after_space(text, 0)

    def move(self, end: int) -> None:
        """Go to `end`, then past white space and comments."""
        self.at = after_space(self.text, end)

    def matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what `pattern` matches here, if anything."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.move(match.end())
        return match

    def operator(self) -> str:
        """The operator here, or ""; the position stays."""
        if self.text[self.at : self.at + 1] not in SIGNS:
            return ""
        match = OPERATOR.match(self.text, self.at)
        return match[0] if match else ""

    def word(self) -> str:
        """The single word here, or ""; the position stays."""
        if self.text[self.at : self.at + 1] in SIGNS:
            return ""
        match = WORD.match(self.text, self.at)
        return match[0] if match else ""

    def accept(self, *lexemes_: str) -> str:
        """Take the operator or keyword here if it is one of `lexemes_`; returns it, or ""."""
        found = self.operator() or self.word()
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

    def deeper(self) -> None:
        """What is read from here on lies one level deeper; too deep is refused. `depth` is taken back at its end."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self.too_deep()

    @contextmanager
    def scope(self, names: Iterable[str] = ()) -> Iterator[None]:
        """A scope in which `names` are bound too, and whatever `bind` adds until it ends."""
        mark = len(self._undo)
        for name in names:
            self.bind(name)
        yield
        while len(self._undo) > mark:
            name, before = self._undo.pop()
            if before is None:
                del self.bound[name]
            else:
                self.bound[name] = before

    def bind(self, name: str, *, filters: int | None = None) -> None:
        """Bind a name until the scope ends."""
        self._undo.append((name, self.bound.get(name)))
        self.bound[name] = (LOCAL, self.filters if filters is None else filters)
        if name == "?":
            return
        first = head(name)
        self._bound_heads[first] = max(self._bound_heads.get(first, 0), lexemes(name))

    def learn(self, member: str) -> None:
        """From here on `member` is the name of a member of some context."""
        if not isinstance(self._members, set):
            self._members = set(self._members)
        self._members.add(member)
        first = head(member)
        self._member_heads[first] = max(self._member_heads.get(first, 0), lexemes(member))

    def __contains__(self, name: object) -> bool:
        return name in self.bound or name in self.outer.names

    def kind(self, name: str) -> FieldType | None:
        """The type of a name in scope where it is known."""
        return self.bound[name][0] if name in self.bound else self.outer.names.get(name)

    def longest(self) -> tuple[str, int] | None:
        """The longest name in scope that stands here: its normal form and its end."""
        first = head(self.text, self.at)
        count = max(self._bound_heads.get(first, 0), self.outer.heads.get(first, 0))
        return longest_name(self.text, self.at, self, count) if count else None

    def member(self) -> tuple[str, int] | None:
        """The name of a member here: the longest known one, or all words that stand side by side."""
        first = head(self.text, self.at)
        count = max(self._member_heads.get(first, 0), self.outer.member_heads.get(first, 0))
        found = longest_name(self.text, self.at, self._members, count) if count else None
        run = words(self.text, self.at)
        return run if run is not None and (found is None or run[1] > found[1]) else found

    def name(self) -> Expr:
        """Take a name in scope; an unknown one becomes a fault, or a member inside a filter."""
        start, found = self.at, self.longest()
        if found is None and (not self.word() or self.word() in KEYWORDS):
            self.fail("a value, a name or (")
        member = self.member() if self.filters else None
        if member is not None and (found is None or member[1] > found[1]):
            self.move(member[1])
            return asking(member[0], None, self.filters)
        if found is not None:
            self.move(found[1])
            node = Name(self._spelled(found[0]))
            levels = self.filters - (self.bound[found[0]][1] if found[0] in self.bound else 0)
            return asking(found[0], node, levels)
        run = words(self.text, start)
        word, end = run if run is not None else (self.word(), start + len(self.word()))
        self.move(end)
        if self.outer.lenient:
            return Unknown(word)
        self.unknown(word, start)
        return Name(word)

    def _spelled(self, name: str) -> str:
        """A name as its owner spells it, unless it is bound inside the expression."""
        return name if name in self.bound else self.outer.spelling.get(name, name)

    def unknown(self, word: str, start: int) -> None:
        """A fault that names an unknown word once, and the nearest known one."""
        if word in self._unknown:
            return
        self._unknown.add(word)
        names = sorted(self._spelled(name) for name in {**self.outer.names, **self.bound} if name != "?")
        close = difflib.get_close_matches(word[:200], names, 1) if len(self._unknown) <= 100 else []
        nearest = f" (did you mean {close[0]!r}?)" if close else ""
        allowed = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "") or "none"
        self.faults.add(
            DefinitionError(WORDS("feel.name", given=word, nearest=nearest, allowed=allowed), self.place(start))
        )


def asking(name: str, outer: Name | BuiltinName | None, levels: int) -> Expr:
    """A name that asks the items of so many filters first, the innermost foremost."""
    node: Name | ItemName | BuiltinName | None = outer
    for _ in range(levels):
        node = ItemName(name, node)
    assert node is not None
    return node
