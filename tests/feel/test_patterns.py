"""Patterns: the machine, Python's engine and a naive matcher agree, and no pattern takes long."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.feel.charsets import ALL, difference, holds, inverse, union
from tallystick.feel.functions import BUILTINS
from tallystick.feel.matcher import TooLong, matches_in, pattern_of, walked
from tallystick.feel.patterns import (
    Chars,
    Choice,
    End,
    Group,
    Node,
    PatternFault,
    Repeat,
    Sequence,
    Start,
    read_pattern,
)

ATOMS = st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "[a-c-[b]]", "^", "$", "\\n"])
QUANTIFIERS = st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{0,1}", "{2,}"])
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(lambda body: f"({body})", inner),
        st.builds(lambda body, count, lazy: f"(?:{body}){count}{lazy}", inner, QUANTIFIERS, st.sampled_from(["", "?"])),
        st.builds(lambda left, right: left + right, inner, inner),
        st.builds(lambda left, right: f"(?:{left}|{right})", inner, inner),
    ),
    max_leaves=6,
)
TEXTS = st.text(alphabet="abc\n", max_size=6)


def ends(node: Node, text: str, at: int) -> Iterator[int]:
    """Where a match from a place may end, the preferred first: straight from the definition."""
    match node:
        case Chars(ranges):
            if at < len(text) and holds(ranges, ord(text[at])):
                yield at + 1
        case Start(lines):
            if at == 0 or (lines and text[at - 1] == "\n" and at < len(text)):
                yield at
        case End(lines):
            if at == len(text) or (lines and text[at] == "\n"):
                yield at
        case Group(_, body):
            yield from ends(body, text, at)
        case Choice(options):
            for option in options:
                yield from ends(option, text, at)
        case Sequence(parts):
            if not parts:
                yield at
            else:
                for middle in ends(parts[0], text, at):
                    yield from ends(Sequence(parts[1:]), text, middle)
        case Repeat(body, least, most, lazy):
            if lazy and least == 0:
                yield at
            if most is None or most > 0:
                rest = Repeat(body, max(least - 1, 0), None if most is None else most - 1, lazy)
                for middle in ends(body, text, at):
                    # A turn without end that matches nothing leads nowhere new.
                    if middle > at or least > 0 or most is not None:
                        yield from ends(rest, text, middle)
            if not lazy and least == 0:
                yield at


@settings(deadline=None, max_examples=500)
@given(PATTERNS, TEXTS, st.sampled_from(["", "m", "s", "i"]))
def test_the_machine_finds_what_the_definition_says(text: str, subject: str, flags: str) -> None:
    tree, _ = read_pattern(text, flags)
    expected = next(
        ((at, end) for at in range(len(subject) + 1) for end in ends(tree, subject, at)),
        None,
    )
    found = next(walked(pattern_of(text, flags), subject), None)
    assert (found and found[:2]) == expected


@settings(deadline=None, max_examples=500)
@given(PATTERNS, TEXTS, st.sampled_from(["", "m", "s", "i"]))
def test_both_engines_find_the_same_matches_and_groups(text: str, subject: str, flags: str) -> None:
    pattern = pattern_of(text, flags)
    first = next(matches_in(pattern, subject), None)
    assert first == next(walked(pattern, subject), None)
    if next(walked(pattern, ""), None) is None:
        assert list(matches_in(pattern, subject)) == list(walked(pattern, subject))


@pytest.mark.parametrize(
    "text",
    [
        "(a+)+$",
        "([a-zA-Z]+)*$",
        "(a|aa)+$",
        "(a|a?)+$",
        "(.*a){20}",
        "(a*)*b",
        "((a*)*)*b",
        "(a?){50}a{50}",
        "^(a*)(a*)(a*)(a*)(a*)(a*)\\1\\2b$",
        "(?:(?:(?:(?:a{1000}){1000}){1000}){1000})",
        "(?:(?:(?:){1000}){1000}){1000}",
        "(" * 200 + "a" + ")" * 200,
        "[a-[b-" * 200,
        ".*.*.*.*.*.*=.*",
    ],
)
def test_no_pattern_runs_away(text: str) -> None:
    """Every call ends after a bounded number of steps, with an answer or with null."""
    subject = "a" * 2_000 + "!"
    assert BUILTINS["matches"].call(subject, text) in (True, False, None)
    try:
        pattern = pattern_of(text)
    except (PatternFault, TooLong):
        return
    assert len(pattern.code) <= 40_000


def test_a_plain_pattern_is_searched_in_a_long_text() -> None:
    subject = "ab" * 50_000
    assert BUILTINS["replace"].call(subject, "b", "") == "a" * 50_000
    assert BUILTINS["matches"].call(subject, "c$") is False
    assert len(BUILTINS["split"].call(subject, "ba")) == 50_000


FAULTS = """( ) a) [ [a a{ a{,2} a{1 } { ] ? *a \\ \\q \\p{L a++ \\0 [a-\\d] (?<n>a) (?i)a [a--b] a{1001} [^] (a)\\2"""


@pytest.mark.parametrize("text", FAULTS.split())
def test_what_is_no_pattern_is_null(text: str) -> None:
    with pytest.raises(PatternFault):
        read_pattern(text)
    assert BUILTINS["matches"].call("a", text) is None


@settings(deadline=None)
@given(st.text(alphabet="ab()[]{}*+?|^$\\.-,0123pLd", max_size=12), st.text(alphabet="ab01", max_size=6))
def test_any_text_is_a_pattern_or_null(text: str, subject: str) -> None:
    assert BUILTINS["matches"].call(subject, text) in (True, False, None)
    assert type(BUILTINS["replace"].call(subject, text, "$1")) in (str, type(None))


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 10)), max_size=5), st.integers(0, 60))
def test_sets_of_characters_are_sets(pairs: list[tuple[int, int]], code: int) -> None:
    spans = [(low, low + more) for low, more in pairs]
    inside = any(low <= code <= high for low, high in spans)
    ranges = union(spans)
    assert holds(ranges, code) is inside
    assert holds(inverse(ranges), code) is not inside
    assert difference(ALL, ranges) == inverse(ranges)


def test_substrings_count_code_points() -> None:
    horse = "\U0001f40e"
    assert BUILTINS["string length"].call(horse + "a") == Decimal(2)
    assert BUILTINS["replace"].call(horse + "a", ".", "x") == "xx"
