"""What differs between two models, in words, and for whom decisions come out otherwise."""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import msgspec

from tallystick.core import InputError, Language, Message, Place
from tallystick.decisions.align import aligned
from tallystick.decisions.cases import cell_value, decided, read_rows
from tallystick.decisions.model import Model
from tallystick.decisions.sheet import Row, policy_name, tables_of
from tallystick.decisions.words import WORDS
from tallystick.feel import show


class Change(msgspec.Struct, frozen=True):
    """One difference.

    `name` is the decision, input, knowledge model, service or type that differs; `how` the kind of difference (`added`,
    `removed`, `part`, `gained`, `lost`, `rule_added`, `rule_removed`, `rule_moved`, `cell`); `part` what of it, a
    column of a table for instance; `rule` the rule's number before ("3", or "3 → 4" where rules before it changed its
    number); `old` and `new` are texts.
    """

    name: str
    how: str
    part: Message
    rule: str = ""
    old: str = ""
    new: str = ""

    def text(self, language: Language = "en") -> str:
        """The difference as a sentence."""
        part, old, new = self.part.text(language), self.old or "-", self.new or "-"
        words = WORDS(f"change.{self.how}", name=self.name, kind=part, part=part, rule=self.rule, old=old, new=new)
        return words.text(language)


class Outcome(msgspec.Struct, frozen=True):
    """Rows that came out as `old` and now come out as `new`: how many, and the line and inputs of the first."""

    old: str
    new: str
    count: int
    line: int
    inputs: Mapping[str, str]


class Effect(msgspec.Struct, frozen=True):
    """What becomes of a decision over the rows of a file: how many there are, how many differ, and how."""

    decision: str
    rows: int
    differing: int
    outcomes: tuple[Outcome, ...]


def diff(old: Model, new: Model) -> tuple[Change, ...]:
    """Say how two models differ in content; () exactly where their versions are equal.

    Rules of a table are held against each other by content, then by id, then by place. Layout, ids, labels and
    descriptions do not count.

    Parameters
    ----------
    old, new
        Loaded models.

    Returns
    -------
    tuple of Change
        In the order of the elements of `new`, what was removed first.

    Examples
    --------
    >>> [change.text() for change in diff(load("old.dmn"), load("new.dmn"))]  # doctest: +SKIP
    ['Factor: rule 3: age was >= 18, now >= 21']
    """
    if old.version == new.version:
        return ()
    # What no sentence says, an annotation that is left out instead of empty for one, still makes another version.
    return tuple(_changes(old, new)) or (
        Change(new.sources[0][0], "part", _part("version"), old=old.version[:12], new=new.version[:12]),
    )


def effects(old: Model, new: Model, path: str | os.PathLike[str], now: datetime | None = None) -> tuple[Effect, ...]:
    """Say for which rows of a file decisions of two models come out otherwise.

    Parameters
    ----------
    old, new
        Loaded models.
    path
        UTF-8 CSV with a column per input, as `run_cases` reads it; columns that begin with = are left alone.
    now
        As for `Model.decide`.

    Returns
    -------
    tuple of Effect
        One for each decision of both models whose inputs are all columns of the file;
        the outcomes with most rows first.

    Raises
    ------
    InputError
        When the file cannot be read, or no decision can be taken from its columns.
    """
    file = Path(path)
    header, rows = read_rows(file)
    needed = {
        name: {item.name: None for model in (old, new) for item in model.inputs(name)}
        for name in new.decisions
        if name in old.decisions
    }
    names = [name for name, inputs in needed.items() if inputs.keys() <= set(header)]
    if not names:
        allowed = "; ".join(", ".join(inputs) for inputs in needed.values()) or "-"
        raise InputError(WORDS("change.inputs", given=", ".join(header), allowed=allowed), Place(file.name, 1))
    wanted = {item for name in names for item in needed[name]}
    values = [(line, {item: cell_value(row[item]) for item in wanted}) for line, row in rows]
    return tuple(_effect(old, new, name, list(needed[name]), values, now) for name in names)


def _effect(
    old: Model, new: Model, name: str, inputs: list[str], rows: list[tuple[int, dict[str, Any]]], now: datetime | None
) -> Effect:
    found: dict[tuple[str, str], Outcome] = {}
    for line, values in rows:
        pair = decided(old, name, values, now), decided(new, name, values, now)
        if pair[0] == pair[1]:
            continue
        if pair in found:
            found[pair] = msgspec.structs.replace(found[pair], count=found[pair].count + 1)
        else:
            found[pair] = Outcome(*pair, 1, line, {item: show(values[item]) for item in inputs})
    outcomes = sorted(found.values(), key=lambda outcome: (-outcome.count, outcome.line))
    return Effect(name, len(rows), sum(outcome.count for outcome in outcomes), tuple(outcomes))


def _part(code: str, **given: str) -> Message:
    return WORDS(f"change.part.{code}", **given)


def _changes(old: Model, new: Model) -> Iterator[Change]:
    befores, afters = _described(old), _described(new)
    for name, kind in (key for key in befores if key not in afters):
        yield Change(name, "removed", WORDS(f"change.kind.{kind}"))
    ids = [{held.sheet.name: [row.id for row in held.sheet.rows] for held in tables_of(m.sources)} for m in (old, new)]
    for (name, kind), after in afters.items():
        before = befores.get((name, kind))
        if before is None:
            yield Change(name, "added", WORDS(f"change.kind.{kind}"))
        elif kind == "type":
            yield from _logic(name, "", before, after, ([], []))
        else:
            for part in ("type", "requires"):
                if before[part] != after[part]:
                    yield Change(name, "part", _part(part), old=before[part], new=after[part])
            yield from _logic(name, "", before["logic"], after["logic"], (ids[0].get(name, []), ids[1].get(name, [])))
    counts = [str(len(model._types)) for model in (old, new)]
    if counts[0] != counts[1]:
        yield Change("", "part", _part("files"), old=counts[0], new=counts[1])


def _described(model: Model) -> dict[tuple[str, str], Any]:
    """All that counts towards a model's version, by name and kind."""
    found: dict[tuple[str, str], Any] = {}
    for number, types in enumerate(model._types):
        found |= {(f"{name} ({number + 1})" if number else name, "type"): kind for name, kind in types.items()}
    for key, element in model._elements.items():
        found[key, element.kind] = {
            "type": element.type.name,
            "requires": ", ".join(sorted(element.requires)),
            "logic": element.logic.content if element.logic is not None else None,
        }
    return found


def _logic(name: str, at: str, old: Any, new: Any, ids: tuple[list[str], list[str]]) -> Iterator[Change]:
    """The differences of two pieces of content; `at` says where in the logic of `name` they are."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() & new.keys():
        if "rules" in old and "rules" in new:
            yield from _table(f"{name}, {at}" if at else name, old, new, ids)
            old, new = ({"type": each.get("type")} for each in (old, new))
        for key in old | new:
            yield from _logic(name, _inner(at, key), old.get(key), new.get(key), ids)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True), 1):
            named = [isinstance(e, list) and len(e) == 2 and isinstance(e[0], str) for e in (before, after)]
            if all(named) and before[0] == after[0]:
                yield from _logic(name, _inner(at, before[0]), before[1], after[1], ids)
            else:
                yield from _logic(name, _inner(at, str(number)), before, after, ids)
    else:
        part = _part("at", given=at) if at else _part("logic")
        yield Change(name, "part", part, old=_text(old), new=_text(new))


def _inner(at: str, key: str) -> str:
    return at if key == "feel" else f"{at} / {key}" if at else key


def _text(content: Any) -> str:
    """Content as text: an expression as it is, a table by its size."""
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, dict) and "rules" in content:
        return WORDS("change.rules", rules=len(content["rules"])).text()
    return json.dumps(content, ensure_ascii=False)


def _table(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], ids: tuple[list[str], list[str]]
) -> Iterator[Change]:
    if old["table"] != new["table"]:
        yield Change(name, "part", _part("table"), old=policy_name(old["table"]), new=policy_name(new["table"]))
    heads = _heads(name, old), _heads(name, new)
    origins = _same_columns(*([head[:2] for head in each] for each in heads))
    for place, (kind, text, *_) in enumerate(heads[0]):
        if place not in origins:
            yield Change(name, "lost", _part(kind), old=text)
    for (kind, text, *about), origin in zip(heads[1], origins, strict=True):
        if origin is None:
            yield Change(name, "gained", _part(kind), new=text)
            continue
        _, before, *abouts = heads[0][origin]
        if before != text:
            yield Change(name, "part", _part(kind), old=before, new=text)
        for code, was, now in zip(("column_type", "values"), abouts, about, strict=True):
            if was != now:
                yield Change(name, "part", _part(code, given=text), old=was, new=now)
    if old["default"] != new["default"]:
        yield Change(name, "part", _part("default"), old=old["default"] or "", new=new["default"] or "")
    yield from _rules(name, heads, origins, (_rows(old, ids[0]), _rows(new, ids[1])))


def _heads(name: str, table: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """The kind, text, type and allowed values of each column."""
    inputs = [("input", text, *about) for text, about in zip(table["inputs"], table["allowed"], strict=True)]
    outputs = [("output", out["name"] or name, out["type"], out["values"]) for out in table["outputs"]]
    return [*inputs, *outputs, *(("annotation", text, "", "") for text in table["annotations"])]


def _same_columns(olds: Sequence[tuple[str, ...]], news: Sequence[tuple[str, ...]]) -> list[int | None]:
    """For each new column the old one that it was, or None; one that stands alone between others was renamed."""
    found: list[int | None] = [None] * len(news)
    for how, first, last, start, end in SequenceMatcher(None, olds, news, autojunk=False).get_opcodes():
        kinds = [head[0] for head in olds[first:last]] == [head[0] for head in news[start:end]]
        if how == "equal" or (how == "replace" and kinds):
            found[start:end] = range(first, last)
    return found


def _rows(table: Mapping[str, Any], ids: list[str]) -> list[Row]:
    widths = len(table["annotations"])
    rules = table["rules"]
    ids = ids if len(ids) == len(rules) else [""] * len(rules)
    return [
        Row(id, (*cells, *outputs, *(texts + [""] * widths)[:widths]))
        for id, (cells, outputs, texts) in zip(ids, rules, strict=True)
    ]


def _rules(
    name: str,
    heads: tuple[list[tuple[str, str, str, str]], list[tuple[str, str, str, str]]],
    origins: list[int | None],
    rows: tuple[list[Row], list[Row]],
) -> Iterator[Change]:
    olds, news = rows
    blank = ["" if head[0] == "annotation" else "-" for head in heads[1]]
    shown = [
        Row(row.id, tuple(row.cells[o] if o is not None else b for o, b in zip(origins, blank, strict=True)))
        for row in olds
    ]
    found = aligned(shown, news)
    kept = set(found)
    for number, row in enumerate(olds, 1):
        if number - 1 not in kept:
            yield Change(name, "rule_removed", _part("logic"), str(number), old=_rule_text(heads[0], row))
    steady = _increasing([place for place in found if place is not None])
    for number, (row, place) in enumerate(zip(news, found, strict=True), 1):
        if place is None:
            yield Change(name, "rule_added", _part("logic"), str(number), new=_rule_text(heads[1], row))
            continue
        if place not in steady:
            yield Change(name, "rule_moved", _part("logic"), str(place + 1), str(place + 1), str(number))
        label = str(place + 1) if place + 1 == number else f"{place + 1} → {number}"
        for head, before, after in zip(heads[1], shown[place].cells, row.cells, strict=True):
            if before != after:
                yield Change(name, "cell", _part("at", given=head[1]), label, before, after)


def _rule_text(heads: Sequence[tuple[str, ...]], row: Row) -> str:
    """A rule as people read it."""
    texts = [f"{head[1]}: {text}" for head, text in zip(heads, row.cells, strict=True) if text not in ("-", "")]
    return "; ".join(texts) or "-"


def _increasing(places: Sequence[int]) -> set[int]:
    """A longest increasing part of `places`: what is not in it was moved."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        before[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    found: set[int] = set()
    last = ends[-1] if ends else None
    while last is not None:
        found.add(last)
        last = before[last]
    return found
