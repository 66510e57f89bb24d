"""Row versions beside a naive reading of the facts: at any k, of each event the highest revision that is known."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick.core import InputError
from tallystick.labels import Entity, Events, FieldSpec, flag, money, text
from tallystick.labels.definition.resolve import declared_types
from tallystick.labels.meaning.facts import ID, Rows, prepare

CARD = Entity("card")
FIELDS: dict[str, FieldSpec] = {
    "amount": money("EUR"),
    "kind": text(),
    "fraud": flag(default=False, known_at="fraud_at"),
    "verdict": text(known_at="verdict_at"),
}
READ = ("amount", "kind", "fraud", "fraud_at", "verdict", "verdict_at")


def events(ordered: bool, read: Iterable[str]) -> Events:
    fields = {name: spec for name, spec in FIELDS.items() if name in read}
    sequence = "number" if ordered else ""
    return Events("p", id="id", at="at", keys={CARD: "card"}, fields=fields, sequence=sequence, lateness="9d")


def history(random: Random, size: int) -> list[dict[str, Any]]:
    """Events in the order of their ids, most in that of their instants; late ones and corrections come after."""
    facts: list[dict[str, Any]] = []
    step, late = random.choice([0, 1, 3]), random.random() < 0.5
    late_ones = random.sample(range(size), min(size, random.choice([0, 2])))
    for i in [*range(size), *(i + 1 / 3 for i in late_ones)]:
        at = step * int(i) + random.choice([0, 0, 2])
        fact: dict[str, Any] = {
            "id": round(3 * i),
            "at": at,
            "card": random.randint(0, 2),
            "number": random.randint(0, 2),
        }
        fact |= {"amount": random.randint(0, 99), "kind": random.choice(["a", "b", None])}
        for name, values in (("fraud", [False, True]), ("verdict", [None, "x", "y"])):
            fact |= {name: random.choice(values), f"{name}_at": random.choice([None, at, at + 5])}
        facts.append(fact | {"known_at": at + late * random.choice([0, 0, 4]), "revision": 0, "retract": False})
    for fact in random.sample(facts, size // random.choice([3, 30, size + 1])):
        again = fact | {"known_at": fact["known_at"] + random.choice([0, 3, 9])}
        told = {"amount": 100, "revision": random.choice([1, 2]), "retract": random.random() < 0.3}
        facts.append(again if random.random() < 0.2 else again | told)
    return facts


def framed(random: Random, facts: list[dict[str, Any]]) -> pl.DataFrame:
    """The facts as a frame, in one piece or in several, with ids of some kind."""
    frame = pl.DataFrame(facts, schema_overrides={"fraud_at": pl.Int64, "verdict_at": pl.Int64, "verdict": pl.String})
    apart, order = random.choice([1, 10**12]), random.random()
    frame = frame.with_columns(pl.col("id") * apart)
    if order < 0.3:
        frame = frame.sample(fraction=1.0, shuffle=True, seed=random.randint(0, 99))
    elif order < 0.4:
        frame = frame.with_columns(pl.format("p{}", "id").alias("id"))
    cut = random.randint(0, frame.height)
    return pl.concat([frame[:cut], frame[cut:]], rechunk=random.random() < 0.5)


def visible(rows: Rows, read: Iterable[str], k: int) -> list[tuple[Any, ...]]:
    """What rows say at k, in their order."""
    ids, columns = rows.ids[ID].to_list(), [rows.frame[name].to_physical().to_list() for name in ("card", *read)]
    seen = np.flatnonzero((rows.known_from <= k) & (k < rows.known_to)).tolist()
    return [(int(rows.at[i]), ids[rows.event[i]], *(column[i] for column in columns)) for i in seen]


def said(facts: list[dict[str, Any]], ordered: bool, read: Iterable[str], k: int) -> list[tuple[Any, ...]]:
    """What the facts say at k."""
    latest: dict[Any, dict[str, Any]] = {}
    for fact in facts:
        before = latest.get(fact["id"])
        if fact["known_at"] <= k and (before is None or before["revision"] < fact["revision"]):
            latest[fact["id"]] = fact
    told = [one for one in latest.values() if not one["retract"]]
    told.sort(key=lambda one: (one["at"], one["number"] if ordered else 0, one["id"]))
    return [(one["at"], one["id"], one["card"], *(_as_known(one, name, k) for name in read)) for one in told]


def _as_known(fact: dict[str, Any], name: str, k: int) -> Any:
    spec = FIELDS.get(name)
    if spec is None or not spec.known_at:
        return fact[name]
    confirmed = fact[spec.known_at]
    return fact[name] if confirmed is not None and confirmed <= k else spec.default


@pytest.mark.parametrize("seed", range(120))
def test_what_was_known(seed: int) -> None:
    random = Random(seed)
    facts = history(random, random.choice([1, 8, 60]))
    frame = framed(random, facts)
    if random.random() < 0.3:
        frame = frame.filter(revision=0).drop("revision", "retract").unique("id", keep="first", maintain_order=True)
    facts = [{"revision": 0, "retract": False} | fact for fact in frame.to_dicts()]
    ordered, read = random.random() < 0.3, READ if random.random() < 0.3 else READ[:2]
    stream = events(ordered, read)
    rows = prepare(stream, frame, read, declared_types(stream))
    plain = len(facts) == len({fact["id"] for fact in facts}) == rows.at.size
    assert (rows.known_from < rows.known_to).all()
    assert rows.plain == (plain and not any(fact["retract"] for fact in facts))
    for k in {fact["known_at"] + more for fact in facts for more in (-1, 0, 5)}:
        assert visible(rows, read, k) == said(facts, ordered, read, k)
    first: dict[Any, int] = {}
    for fact in facts:
        first[fact["id"]] = min(first.get(fact["id"], fact["known_at"]), fact["known_at"])
    assert dict(zip(rows.ids[ID], rows.first_known.tolist(), strict=True)) == first


def test_a_revision_that_differs_from_its_redelivery() -> None:
    facts = history(Random(1), 9)[:9]
    again = facts[5] | {"known_at": 90}
    stream = events(False, READ[:2])
    prepare(stream, pl.DataFrame([*facts, again]), READ[:2], declared_types(stream))
    with pytest.raises(InputError, match="15"):
        prepare(stream, pl.DataFrame([*facts, again | {"amount": 101}]), READ[:2], declared_types(stream))
