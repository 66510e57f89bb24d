"""The future changes nothing: facts after t, or known after k, leave every value and reason at (t, k) as they are."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest
from tests.labels import logs, worlds
from tests.labels.compare import Bits, batch_rows, vector_bits
from tests.labels.logs import Log
from tests.labels.oracle import HOUR, Point

from tallystick.labels import Library

SEEDS = range(100 if os.environ.get("TALLYSTICK_SOAK") == "1" else 3)


def known_later(random: Random, log: Log, k: int) -> Log:
    """New events, corrections and retractions that become known after k, of whatever instant."""
    late: Log = []
    for i, (stream, fact) in enumerate(log):
        known = {"known_at": k + 1 + random.choice([0, i, i * HOUR])}
        late.append((stream, fact | known | {worlds.STREAMS[stream].id: f"q{i}", "revision": 0, "retract": False}))
        changed = logs.facts_like(random, stream, i, fact)
        late.append((stream, changed | known | {"revision": 90 + i, "retract": random.random() < 0.3}))
    return late


def later_than(log: Log, t: int) -> Log:
    """New events after t, known at once."""
    return [
        (
            stream,
            fact
            | {worlds.STREAMS[stream].id: f"r{i}", worlds.STREAMS[stream].at: t + 1 + i, "known_at": t + 1 + i}
            | {"revision": 0, "retract": False},
        )
        for i, (stream, fact) in enumerate(log)
    ]


def batch(library: Library, names: list[str], point: dict[str, Any], log: Log) -> dict[str, Bits]:
    return batch_rows(library.at(logs.point_frame([point]), facts=logs.frames(log)), names)[0]


def live(library: Library, names: list[str], point: Point, log: Log) -> dict[str, Bits]:
    executor = library.live()
    for event in logs.events(sorted(log, key=lambda one: int(one[1]["known_at"]))):
        executor.observe(event)
    return vector_bits(executor.now(point.keys, point.t, k=point.k, own=point.own, labels=names))


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_what_comes_later_changes_no_value(seed: int) -> None:
    random = Random(seed)
    asked = worlds.asked(random, random.sample(worlds.PAIRS, 40))
    library = worlds.library(asked)
    log = logs.facts(random, 20)
    judge = logs.judge(log)
    for point in logs.points(random, log, 2):
        at = logs.point_of(judge, point)
        point["k"] = at.k
        names = list(asked)
        kept = [(stream, fact) for stream, fact in log if fact["known_at"] <= at.k]
        before = batch(library, names, point, kept)
        assert live(library, names, at, kept) == before
        more = log + known_later(random, log, at.k) + later_than(log, at.t)
        assert batch(library, names, point, log) == before
        assert batch(library, names, point, more) == before
        assert live(library, names, at, more) == before
