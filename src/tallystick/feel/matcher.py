"""Runs patterns in bounded time: by Python's `re` where few paths lead through them, else by a machine that counts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from tallystick.feel.charsets import holds, same_but_case
from tallystick.feel.patterns import Back, Chars, Choice, End, Group, Node, Repeat, Sequence, Start, read_pattern

STEPS_MAX = 1_000_000
"""Steps of the machine in one call; a pattern that needs more has no value."""
_PATHS_MAX = 10_000_000
_SIZE_MAX = 20_000
_LENGTH_MAX = 10_000_000
_CHARS, _SPLIT, _JUMP, _SAVE, _START, _END, _BACK, _MATCH = range(8)
Spans: TypeAlias = tuple[int, ...]
"""Start and end of the whole match, then of each group; -1 for a group that took no part."""


class TooLong(ValueError):
    """A match that needs more steps, or a pattern that needs more room, than is allowed."""


class Pattern(msgspec.Struct, frozen=True):
    """A pattern that is ready to run."""

    tree: Node
    groups: int
    code: tuple[tuple[Any, ...], ...]
    size: int
    referring: bool
    quick: re.Pattern[str] | None
    reach: int
    """The longest text in which Python's engine takes few steps, whatever the text."""


@lru_cache(maxsize=256)
def pattern_of(text: str, flags: str = "") -> Pattern:
    """The pattern of a text; `PatternFault` when it is none, `TooLong` when it is too large."""
    tree, groups = read_pattern(text, flags)
    code: list[tuple[Any, ...]] = []
    _emit(Group(0, tree), code)
    code.append((_MATCH,))
    referring = any(step[0] == _BACK for step in code)
    quick = None if referring or _may_spin(tree) else re.compile(_spelled(tree))
    reach = (
        -1 if quick is None else bisect_right(range(_LENGTH_MAX), _PATHS_MAX, key=lambda n: _steps(tree, len(code), n))
    )
    return Pattern(tree, groups, tuple(code), len(code), referring, quick, reach - 1)


def _steps(tree: Node, size: int, length: int) -> int:
    """A bound on the steps that a search takes in a text."""
    return _paths(tree, length) * size * (length + 1)


def matches_in(pattern: Pattern, text: str) -> Iterator[Spans]:
    """The matches in a text from left to right, none within another; `TooLong` when they take too many steps."""
    if pattern.quick is not None and len(text) <= pattern.reach:
        for match in pattern.quick.finditer(text):
            yield tuple(place for index in range(pattern.groups + 1) for place in match.span(index))
        return
    yield from walked(pattern, text)


def has_match(pattern: Pattern, text: str) -> bool:
    """Whether a text holds a match."""
    if pattern.quick is not None and len(text) <= pattern.reach:
        return pattern.quick.search(text) is not None
    return next(walked(pattern, text), None) is not None


def walked(pattern: Pattern, text: str) -> Iterator[Spans]:
    """The same matches, by the machine."""
    left, at = STEPS_MAX, 0
    while at <= len(text):
        # What failed from one place fails from it again: remembered until a match, this makes the walk short.
        failed: set[Any] = set()
        found = None
        while found is None and at <= len(text):
            found, left = _walk(pattern, text, at, failed, left)
            at += 1
        if found is None:
            return
        yield found
        at = found[1] + (found[1] == found[0])


def _walk(pattern: Pattern, text: str, start: int, failed: set[Any], left: int) -> tuple[Spans | None, int]:
    """The match that starts at a place, if any, and the steps that are left."""
    code, referring, size = pattern.code, pattern.referring, pattern.size
    stack: list[tuple[int, int, Spans]] = [(0, start, (-1,) * (2 * pattern.groups + 2))]
    while stack:
        at, place, spans = stack.pop()
        while True:
            left -= 1
            if left < 0:
                raise TooLong
            step = code[at]
            kind = step[0]
            if kind == _CHARS:
                if place >= len(text) or not holds(step[1], ord(text[place])):
                    break
                place += 1
                at += 1
            elif kind == _SPLIT:
                state = (at, place, spans) if referring else at + size * place
                if state in failed:
                    break
                failed.add(state)
                left -= 3 * referring
                stack.append((step[2], place, spans))
                at = step[1]
            elif kind == _JUMP:
                at = step[1]
            elif kind == _SAVE:
                spans = (*spans[: step[1]], place, *spans[step[1] + 1 :])
                at += 1
            elif kind == _MATCH:
                return spans, left
            else:
                moved = _beyond(step, text, place, spans)
                if moved < 0:
                    break
                left -= moved - place
                place, at = moved, at + 1
    return None, left


def _beyond(step: tuple[Any, ...], text: str, place: int, spans: Spans) -> int:
    """Where an anchor or a back-reference leads, or -1."""
    kind, lines = step[0], step[1]
    if kind == _START:
        return place if place == 0 or (lines and text[place - 1] == "\n" and place < len(text)) else -1
    if kind == _END:
        return place if place == len(text) or (lines and text[place] == "\n") else -1
    kept = text[spans[2 * step[1]] : spans[2 * step[1] + 1]] if spans[2 * step[1] + 1] >= 0 else ""
    here = text[place : place + len(kept)]
    return place + len(kept) if here == kept or (step[2] and same_but_case(here, kept)) else -1


def _emit(node: Node, code: list[tuple[Any, ...]]) -> None:
    """Append the machine's steps for a part."""
    if len(code) > _SIZE_MAX:
        raise TooLong
    match node:
        case Chars(ranges):
            code.append((_CHARS, ranges))
        case Start(lines):
            code.append((_START, lines))
        case End(lines):
            code.append((_END, lines))
        case Back(group, blind):
            code.append((_BACK, group, blind))
        case Group(index, body):
            code.append((_SAVE, 2 * index))
            _emit(body, code)
            code.append((_SAVE, 2 * index + 1))
        case Sequence(parts):
            for part in parts:
                _emit(part, code)
        case Choice(options):
            _emit_choice(options, code)
        case Repeat(body, least, most, lazy):
            _emit_repeat(body, least, most, lazy, code)


def _emit_choice(options: tuple[Node, ...], code: list[tuple[Any, ...]]) -> None:
    jumps = []
    for option in options[:-1]:
        split = len(code)
        code.append(())
        _emit(option, code)
        jumps.append(len(code))
        code.append(())
        code[split] = (_SPLIT, split + 1, len(code))
    _emit(options[-1], code)
    for jump in jumps:
        code[jump] = (_JUMP, len(code))


def _emit_repeat(body: Node, least: int, most: int | None, lazy: bool, code: list[tuple[Any, ...]]) -> None:
    for _ in range(least):
        before = len(code)
        _emit(body, code)
        if len(code) == before:
            return
    splits = []
    for _ in range(1 if most is None else most - least):
        splits.append(len(code))
        code.append(())
        _emit(body, code)
    if most is None:
        code.append((_JUMP, splits[0]))
    for split in splits:
        code[split] = (_SPLIT, len(code), split + 1) if lazy else (_SPLIT, split + 1, len(code))


def _parts(node: Node) -> tuple[Node, ...]:
    match node:
        case Group(_, body) | Repeat(body, _, _, _):
            return (body,)
        case Sequence(parts) | Choice(parts):
            return parts
    return ()


def _may_be_empty(node: Node) -> bool:
    match node:
        case Chars():
            return False
        case Choice(options):
            return any(map(_may_be_empty, options))
        case Repeat(body, least, _, _):
            return least == 0 or _may_be_empty(body)
        case _:
            return all(map(_may_be_empty, _parts(node)))


def _may_spin(node: Node) -> bool:
    """Whether something that may match nothing is repeated: engines differ in what its groups then keep."""
    here = isinstance(node, Repeat) and _may_be_empty(node.body)
    return here or any(map(_may_spin, _parts(node)))


def _paths(node: Node, length: int) -> int:
    """A bound on the ways through a pattern from one place of a text."""
    match node:
        case Sequence(parts):
            ways = 1
            for part in parts:
                ways = min(ways * _paths(part, length), _PATHS_MAX + 1)
            return ways
        case Choice(options):
            return sum(_paths(option, length) for option in options)
        case Repeat(body, least, most, _):
            each, ways = _paths(body, length), 0
            most = length if most is None else min(most, length)
            if each == 1:
                return max(most - least, 0) + 1
            for count in range(least, max(most, least) + 1):
                ways += each ** min(count, 64)
                if ways > _PATHS_MAX:
                    break
            return min(ways, _PATHS_MAX + 1)
        case Group(_, body):
            return _paths(body, length)
        case _:
            return 1


def _spelled(node: Node) -> str:
    """The pattern in Python's notation."""
    match node:
        case Chars(ranges):
            spans = "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges)
            return f"[{spans}]" if ranges else "(?!)"
        case Start(lines):
            return r"(?:\A|(?<=\n)(?!\Z))" if lines else r"\A"
        case End(lines):
            return r"(?=\n|\Z)" if lines else r"\Z"
        case Group(_, body):
            return f"({_spelled(body)})"
        case Choice(options):
            return f"(?:{'|'.join(map(_spelled, options))})"
        case Repeat(body, least, most, lazy):
            bounds = f"{{{least},{'' if most is None else most}}}"
            return f"(?:{_spelled(body)}){bounds}{'?' if lazy else ''}"
        case _:
            return "".join(map(_spelled, _parts(node)))
