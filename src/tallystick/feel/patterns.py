"""XPath's regular expressions: text to a tree. Nothing here runs a pattern; `matcher` does."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from tallystick.feel.charsets import ALL, Ranges, case_blind, category, chars, difference, escaped, inverse, union

REPEAT_MAX = 1_000
DEPTH_MAX = 50
_NEWLINE = chars("\n")
_SPACES = " \t\n\r"
_SPECIAL = frozenset(".\\?*+{}()|[]^$")
_ESCAPED = frozenset("\\|.?*+(){}-[]^$")
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}


class Chars(msgspec.Struct, frozen=True):
    """One character of a set."""

    ranges: Ranges


class Start(msgspec.Struct, frozen=True):
    """The start of the text, or of a line."""

    lines: bool


class End(msgspec.Struct, frozen=True):
    """The end of the text, or of a line."""

    lines: bool


class Back(msgspec.Struct, frozen=True):
    """What a group before has matched, case-blind or not."""

    group: int
    blind: bool


class Group(msgspec.Struct, frozen=True):
    """A part whose match is kept."""

    index: int
    body: Node


class Sequence(msgspec.Struct, frozen=True):
    """Parts one after the other."""

    parts: tuple[Node, ...]


class Choice(msgspec.Struct, frozen=True):
    """The first alternative that leads to a match."""

    options: tuple[Node, ...]


class Repeat(msgspec.Struct, frozen=True):
    """A part `least` to `most` times (None: without end), as often as can be, or as rarely when `lazy`."""

    body: Node
    least: int
    most: int | None
    lazy: bool


Node: TypeAlias = Chars | Start | End | Back | Group | Sequence | Choice | Repeat


class PatternFault(ValueError):
    """A text that is no pattern."""


def read_pattern(text: str, flags: str = "") -> tuple[Node, int]:
    """The tree of a pattern and the number of its groups.

    Parameters
    ----------
    text
        The pattern, as XPath's functions and operators define it.
    flags
        Any of s (a dot matches newlines too), m (^ and $ match at lines), i (case-blind), x (spaces in the pattern
        mean nothing) and q (no character is special).

    Raises
    ------
    PatternFault
        For anything else.

    Examples
    --------
    >>> read_pattern("a|(b)")[1]
    1
    """
    if not set(flags) <= set("smixq"):
        raise PatternFault(flags)
    reader = _Reader(_unspaced(text) if "x" in flags and "q" not in flags else text, flags)
    if "q" in flags:
        return Sequence(tuple(reader.single(char) for char in text)), 0
    tree = reader.choice(0)
    if reader.at < len(reader.text):
        raise PatternFault(text)
    return tree, reader.groups


def _unspaced(text: str) -> str:
    """A pattern without the spaces outside its character classes."""
    kept, depth, index = "", 0, 0
    while index < len(text):
        char = text[index]
        if char == "\\":
            kept += text[index : index + 2] if depth or text[index + 1 : index + 2] not in _SPACES else char
            index += 2 if depth or text[index + 1 : index + 2] not in _SPACES else 1
            continue
        depth += (char == "[") - (char == "]")
        if depth or char not in _SPACES:
            kept += char
        index += 1
    return kept


class _Reader:
    """Reads a pattern from left to right."""

    def __init__(self, text: str, flags: str) -> None:
        self.text, self.at = text, 0
        self.dot_all, self.lines, self.blind = "s" in flags, "m" in flags, "i" in flags
        self.groups = 0
        self.closed: set[int] = set()

    def peek(self, ahead: int = 0) -> str:
        return self.text[self.at + ahead : self.at + ahead + 1]

    def take(self) -> str:
        char = self.peek()
        if not char:
            raise PatternFault(self.text)
        self.at += 1
        return char

    def accept(self, text: str) -> bool:
        found = self.text.startswith(text, self.at)
        self.at += len(text) * found
        return found

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise PatternFault(self.text)

    def single(self, char: str) -> Chars:
        ranges = chars(char)
        return Chars(case_blind(ranges) if self.blind else ranges)

    def choice(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise PatternFault(self.text)
        options = [self.branch(depth)]
        while self.accept("|"):
            options.append(self.branch(depth))
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def branch(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.peek() not in ("", "|", ")"):
            parts.append(self.quantified(self.atom(depth)))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def atom(self, depth: int) -> Node:
        char = self.take()
        if char == "(":
            return self.group(depth)
        if char == "[":
            return Chars(self.char_class(depth))
        if char == "\\":
            return self.escape()
        if char == ".":
            return Chars(ALL if self.dot_all else inverse(_NEWLINE))
        if char in "^$":
            return Start(self.lines) if char == "^" else End(self.lines)
        if char in _SPECIAL:
            raise PatternFault(self.text)
        return self.single(char)

    def group(self, depth: int) -> Node:
        if self.accept("?:"):
            body = self.choice(depth + 1)
            self.expect(")")
            return body
        self.groups += 1
        index = self.groups
        body = self.choice(depth + 1)
        self.expect(")")
        self.closed.add(index)
        return Group(index, body)

    def quantified(self, body: Node) -> Node:
        bounds: tuple[int, int | None]
        if self.accept("*"):
            bounds = 0, None
        elif self.accept("+"):
            bounds = 1, None
        elif self.accept("?"):
            bounds = 0, 1
        elif self.accept("{"):
            bounds = self.counts()
        else:
            return body
        return Repeat(body, *bounds, lazy=self.accept("?"))

    def counts(self) -> tuple[int, int | None]:
        least = self.count()
        most: int | None = least
        if self.accept(","):
            most = None if self.peek() == "}" else self.count()
        self.expect("}")
        if most is not None and most < least:
            raise PatternFault(self.text)
        return least, most

    def count(self) -> int:
        digits = ""
        while self.peek().isascii() and self.peek().isdecimal():
            digits += self.take()
        if not digits or len(digits) > 9 or int(digits) > REPEAT_MAX:
            raise PatternFault(self.text)
        return int(digits)

    def escape(self) -> Node:
        if self.peek() in tuple("123456789"):
            return self.back_reference()
        found = self.escaped()
        return self.single(found) if isinstance(found, str) else Chars(found)

    def back_reference(self) -> Node:
        number = int(self.take())
        while self.peek().isascii() and self.peek().isdecimal() and number * 10 + int(self.peek()) <= self.groups:
            number = number * 10 + int(self.take())
        if number not in self.closed:
            raise PatternFault(self.text)
        return Back(number, self.blind)

    def escaped(self) -> str | Ranges:
        """What follows a backslash: a character, or a set of them."""
        char = self.take()
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char in _ESCAPED:
            return char
        if char in "sSdDwWiIcC":
            return escaped(char)
        if char not in "pP" or not self.accept("{"):
            raise PatternFault(self.text)
        end = self.text.find("}", self.at)
        found = category(self.text[self.at : end]) if end >= 0 else None
        if found is None:
            raise PatternFault(self.text)
        self.at = end + 1
        return found if char == "p" else inverse(found)

    def char_class(self, depth: int) -> Ranges:
        """What follows an opening bracket. Case-blindness does not touch the escapes that stand for sets."""
        if depth > DEPTH_MAX:
            raise PatternFault(self.text)
        negated, begin = self.accept("^"), self.at
        singles: list[tuple[int, int]] = []
        sets: list[Ranges] = []
        taken: Ranges = ()
        while self.at == begin or not self.accept("]"):
            if self.at > begin and self.accept("-["):
                taken = self.char_class(depth + 1)
                self.expect("]")
                break
            self.class_item(singles, sets, self.at == begin)
        ranges = union(singles)
        ranges = union(case_blind(ranges) if self.blind else ranges, *sets)
        return difference(inverse(ranges) if negated else ranges, taken)

    def class_item(self, singles: list[tuple[int, int]], sets: list[Ranges], first: bool) -> None:
        low = self.class_char()
        if not isinstance(low, str):
            sets.append(low)
            return
        hyphen = low == "-" and self.text[self.at - 2 : self.at] != "\\-"
        if hyphen and not first and self.peek() != "]" and not (self.peek() == "-" and self.peek(1) == "["):
            raise PatternFault(self.text)
        high: str | Ranges = low
        if self.peek() == "-" and self.peek(1) not in ("]", "[", ""):
            self.take()
            high = self.class_char()
        if not isinstance(high, str) or high < low:
            raise PatternFault(self.text)
        singles.append((ord(low), ord(high)))

    def class_char(self) -> str | Ranges:
        char = self.take()
        if char == "\\":
            return self.escaped()
        if char in "[]":
            raise PatternFault(self.text)
        return char
