"""Reading of lexemes: numbers, strings, operators and names with spaces."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable

_BLANK = r"\s\u180e\u200b\ufeff"
SPACE = re.compile(rf"(?:[{_BLANK}]++|//[^\n]*+|/\*.*?\*/)*+", re.DOTALL)
NUMBER = re.compile(r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
STRING = re.compile(r'"([^"\\]*+(?:\\.[^"\\]*+)*+)"', re.DOTALL)
OPERATOR = re.compile(r"\*\*|<=|>=|!=|\.\.|->|[-+*/<>=(){}\[\],.:@?]")
_START = (
    r"a-zA-Z_\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u167f\u1681-\u180d"
    r"\u180f-\u1fff\u200c\u200d\u2054\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufefe\uff00-\ufffd"
    r"\U00010000-\U000effff"
)
_PART = _START + r"0-9\u00b7\u0300-\u036f\u203f\u2040"
SIGNS = frozenset("*<>=!.-+/(){}[],:@?")
"""What an operator may begin with."""
WORD = re.compile(f"[{_START}][{_PART}]*+")
_LEXEME = re.compile(rf"[{_PART}]++\??|[./\-'’+*?]")
_SYMBOLS = frozenset("./-'’+*")
_SPACES = re.compile(f"[{_BLANK}]++")
_SYMBOL_SPACE = re.compile(r" ?([./\-'’+*]) ?")
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{6}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\"}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
NAME_LEXEMES_MAX = 200
"""The most lexemes that a name may have."""

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
    return _SYMBOL_SPACE.sub(r"\1", _SPACES.sub(" ", name).strip(" "))


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


def after_space(text: str, at: int) -> int:
    """Where white space and comments that begin at `at` end."""
    if "/" < text[at : at + 1] <= "~":
        return at
    match = SPACE.match(text, at)
    return match.end() if match else at


def _extended(name: str, lexeme: str) -> str:
    """A name in its normal form, one lexeme longer."""
    if not name or lexeme in _SYMBOLS or name[-1] in _SYMBOLS:
        return name + lexeme
    return f"{name} {lexeme}"


def longest_name(text: str, start: int, names: Container[str], lexemes_max: int) -> tuple[str, int] | None:
    """The longest known name that begins at `start`: its normal form and its end.

    `lexemes_max` bounds the look-ahead by the longest known name, so reading stays linear.
    """
    found: tuple[str, int] | None = None
    name, position = "", start
    for _ in range(lexemes_max):
        match = _LEXEME.match(text, position)
        if match is None:
            break
        name = _extended(name, match[0])
        if name in names:
            found = name, match.end()
        position = after_space(text, match.end())
    return found


def words_until(text: str, start: int, stops: Collection[str]) -> tuple[str, int] | None:
    """The name that begins at `start` and runs to one of the words or signs `stops`, and where that stands."""
    if WORD.match(text, start) is None:
        return None
    name, position = "", start
    for _ in range(NAME_LEXEMES_MAX):
        match = _LEXEME.match(text, position)
        if name and (text[position : position + 1] if match is None else match[0]) in stops:
            return name, position
        if match is None:
            return None
        name = _extended(name, match[0])
        position = after_space(text, match.end())
    return None


def words(text: str, start: int) -> tuple[str, int] | None:
    """The words that stand side by side from `start` on, up to a keyword, as one name; its end."""
    match = WORD.match(text, start)
    if match is None:
        return None
    parts, end = [match[0]], match.end()
    while len(parts) < NAME_LEXEMES_MAX:
        match = WORD.match(text, after_space(text, end))
        if match is None or match[0] in KEYWORDS:
            break
        parts.append(match[0])
        end = match.end()
    return " ".join(parts), end


def head(text: str, at: int = 0) -> str:
    """The first lexeme of a name that begins at `at`, or ""."""
    match = _LEXEME.match(text, at)
    return match[0] if match else ""


def lexemes(name: str) -> int:
    """How many lexemes a name has."""
    return len(_LEXEME.findall(name))


def longest_by_head(names: Iterable[str]) -> dict[str, int]:
    """For each first lexeme of `names` the most lexemes that a name beginning with it has."""
    found: dict[str, int] = {}
    for name in names:
        first = head(name)
        found[first] = max(found.get(first, 0), lexemes(name))
    return found
