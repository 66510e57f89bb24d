"""Reading of lexemes: numbers, strings, operators and names with spaces."""

from __future__ import annotations

import re
from collections.abc import Collection

SPACE = re.compile(r"(?:[\s\u200b\ufeff]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
OPERATOR = re.compile(r"\*\*|<=|>=|!=|\.\.|->|[-+*/<>=(){}\[\],.:@?]")
WORD = re.compile(r"[^\W\d][\w\u2054]*|[\U0001F000-\U000EFFFF]+")
_LEXEME = re.compile(r"[\w\U0001F000-\U000EFFFF]+|[./\-'’+*]")
_SYMBOL_SPACE = re.compile(r"\s*([./\-'’+*])\s*")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{6}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")

KEYWORDS = frozenset(
    (
        "true",
        "false",
        "null",
        "and",
        "or",
        "if",
        "then",
        "else",
        "for",
        "in",
        "return",
        "some",
        "every",
        "satisfies",
        "between",
        "instance",
        "function",
    )
)


def normal(name: str) -> str:
    """A name as it is compared: single spaces, none around . / - ' + *."""
    return _SYMBOL_SPACE.sub(r"\1", " ".join(name.split()))


def unescape(body: str) -> str:
    """The text of a string literal's body; an unknown escape stands for itself."""
    if "\\" not in body:
        return body
    plain = _ESCAPE.sub(_resolve, body)
    return _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), plain)


def _resolve(match: re.Match[str]) -> str:
    code = match[1]
    if len(code) > 1:
        point = int(code[1:], 16)
        return chr(point) if point <= 0x10FFFF else match[0]
    return _ESCAPES.get(code, match[0])


def longest_name(text: str, start: int, names: Collection[str], lexemes_max: int) -> tuple[str, int] | None:
    """The longest known name that begins at `start`: its normal form and its end.

    `lexemes_max` bounds the look-ahead by the longest known name, so reading stays linear.
    """
    ends: list[int] = []
    position = start
    while len(ends) < lexemes_max:
        match = _LEXEME.match(text, position)
        if match is None:
            break
        ends.append(match.end())
        space = SPACE.match(text, match.end())
        position = space.end() if space else match.end()
    for end in reversed(ends):
        name = normal(text[start:end])
        if name in names:
            return name, end
    return None


def lexemes(name: str) -> int:
    """How many lexemes a name has."""
    return len(_LEXEME.findall(name))
