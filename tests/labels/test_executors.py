"""Batch, live and request give the same bits, and those of the obvious executor."""

from __future__ import annotations

import os
import struct
from random import Random
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.labels import oracle, worlds

from tallystick.labels import Library

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
EXAMPLES = 3_000 if SOAK else 30
quick = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.randoms(use_true_random=False)


def bits(value: Any) -> Any:
    return struct.pack(">d", value) if isinstance(value, float) else (type(value).__name__, value)


def row_of(found: pl.DataFrame, row: int, names: list[str]) -> dict[str, Any]:
    one = found.row(row, named=True)
    return {name: (bits(one[name]), one[f"{name}__missing"] or "") for name in names}


def vector_of(vector: Any, names: list[str]) -> dict[str, Any]:
    return {name: (bits(vector.values[name]), vector.missing.get(name, "")) for name in names}


def k_of(point: dict[str, Any], log: list[dict[str, Any]]) -> int:
    if point["k"] is not None:
        return int(point["k"])
    first = None if point["id"] is None else oracle.first_known(log, point["id"])
    return int(point["t"]) if first is None else first


def live_at(library: Library, live: Any, point: dict[str, Any], k: int) -> dict[str, Any]:
    own = None if point["id"] is None else ("payments", point["id"])
    keys = {"card": point["card"], "terminal": point["terminal"]}
    return vector_of(live.now(keys, point["t"], k=k, own=own), list(library.labels))


@pytest.mark.soak
@quick
@given(seeds)
def test_batch_and_live_agree_with_the_oracle(random: Random) -> None:
    """Any log, any label, any point: batch = live = looking at every fact."""
    asked = worlds.asked(random, 8)
    log = worlds.facts(random, random.randrange(14))
    points = worlds.points(random, log, 8)
    library = worlds.library(asked)
    found = library.at(worlds.point_frame(points), facts={"payments": worlds.frame(log)})
    assert found.height == len(points)
    live = library.live()
    for fact in log:
        assert live.observe({"stream": "payments", **fact}).accepted == oracle.counts(fact)
    for i, point in enumerate(points):
        k = k_of(point, log)
        expected = {}
        for name, one in asked.items():
            value, reason = oracle.value(one, log, point[one.entity], point["t"], k, point["id"], worlds.ZONE)
            expected[name] = (bits(value), reason)
        described = {name: (one, point, k) for name, one in asked.items()}
        batch = row_of(found, i, list(asked))
        for name in asked:
            assert batch[name] == expected[name], described[name]
        assert live_at(library, live, point, k) == expected


@pytest.mark.soak
@quick
@given(seeds)
def test_request_is_observing_without_keeping(random: Random) -> None:
    """`now(request=event)` gives what `observe(event)` and its own point give, and batch; and nothing is kept."""
    asked = worlds.asked(random, 6)
    library = worlds.library(asked)
    log = worlds.facts(random, 5)
    live = library.live()
    chosen = random.randrange(len(log))
    for place, fact in enumerate(log):
        event = {"stream": "payments", **fact}
        point = {"card": fact["card_id"] or "a", "terminal": fact["terminal_id"] or "x", "t": fact["paid_at"]}
        keys = {"card": point["card"], "terminal": point["terminal"]}
        before = live.snapshot()
        requested = vector_of(live.now(keys, point["t"], event), list(asked))
        assert live.snapshot() == before
        # An explicit k is when the request is known, as `known_at` is for `observe`.
        late = fact["known_at"] + random.choice([0, 0, worlds.HOUR])
        again = vector_of(live.now(keys, point["t"], event | {"known_at": 0}, k=late), list(asked))
        assert live.snapshot() == before
        other = library.live(before)
        other.observe(event, known_at=late)
        own = ("payments", fact["payment_id"])
        assert again == vector_of(other.now(keys, point["t"], own=own, k=late), list(asked))
        live.observe(event)
        after = vector_of(live.now(keys, point["t"], own=own, k=fact["known_at"]), list(asked))
        assert requested == after
        if place != chosen:
            continue
        known = worlds.frame(log[: place + 1])
        point |= {"k": fact["known_at"], "stream": "payments", "id": fact["payment_id"]}
        batch = library.at(worlds.point_frame([point]), facts={"payments": known})
        assert requested == row_of(batch, 0, list(asked))


@pytest.mark.soak
@quick
@given(seeds)
def test_the_future_changes_nothing(random: Random) -> None:
    """Facts that happen after t, or are known after k, change no label and no reason."""
    asked = worlds.asked(random, 6)
    library = worlds.library(asked)
    log = worlds.facts(random, 10)
    for point in worlds.points(random, log, 1):
        k = k_of(point, log)
        frame = worlds.point_frame([point | {"k": k}])
        kept = [fact for fact in log if fact["known_at"] <= k]
        late = [fact | {"payment_id": f"q{i}", "revision": 0, "known_at": k + 1 + i} for i, fact in enumerate(log)]
        far = [
            fact | {"payment_id": f"r{i}", "paid_at": point["t"] + 1 + i, "known_at": point["t"] + 1 + i, "revision": 0}
            for i, fact in enumerate(log)
        ]
        whole = library.at(frame, facts={"payments": worlds.frame(log)})
        assert row_of(whole, 0, list(asked)) == row_of(
            library.at(frame, facts={"payments": worlds.frame(kept)}), 0, list(asked)
        )
        assert row_of(whole, 0, list(asked)) == row_of(
            library.at(frame, facts={"payments": worlds.frame(log + late + far)}), 0, list(asked)
        )


@pytest.mark.soak
@quick
@given(seeds)
def test_formulas_agree(random: Random) -> None:
    """Arithmetic in Python and in FEEL text, by column and by value: the same bits and reasons."""
    library = Library(worlds.formulas(), {"payments": worlds.payments}, zone=worlds.ZONE)
    log = worlds.facts(random, 10)
    points = worlds.points(random, log, 4)
    found = library.at(worlds.point_frame(points), facts={"payments": worlds.frame(log)})
    live = library.live()
    for fact in log:
        live.observe({"stream": "payments", **fact})
    again = library.live(live.snapshot())
    for i, point in enumerate(points):
        k = k_of(point, log)
        batch = row_of(found, i, list(library.labels))
        assert batch == live_at(library, live, point, k)
        assert batch == live_at(library, again, point, k)


@quick
@given(seeds)
def test_rows_in_any_order(random: Random) -> None:
    """The order of the frame's rows means nothing."""
    asked = worlds.asked(random, 6)
    library = worlds.library(asked)
    log = worlds.facts(random, 10)
    frame = worlds.point_frame(worlds.points(random, log, 5))
    first = library.at(frame, facts={"payments": worlds.frame(log)})
    random.shuffle(log)
    assert first.equals(library.at(frame, facts={"payments": worlds.frame(log)}))


@pytest.mark.soak
@quick
@given(seeds)
def test_history_in_columns_is_observing_fact_by_fact(random: Random) -> None:
    """A live executor that starts from a frame answers as one that saw every fact, also after later revisions."""
    asked = worlds.asked(random, 6)
    library = worlds.library(asked)
    log = worlds.facts(random, random.randrange(2, 12))
    seen: set[str] = set()
    history: list[dict[str, Any]] = []
    later: list[dict[str, Any]] = []
    for fact in log:
        # History holds each event once; whatever else is known of it comes later, as do some whole events.
        started = fact["revision"] == 0 and fact["payment_id"] not in seen and random.random() < 0.8
        seen.add(fact["payment_id"])
        (history if started else later).append(fact)
    warm, slow = library.live(), library.live()
    accepted = warm.warm({"payments": worlds.frame(history)})
    assert accepted == sum(slow.observe({"stream": "payments", **fact}).accepted for fact in history)
    assert warm.known_at == slow.known_at
    points = worlds.points(random, log, 4)
    for place in range(len(later) + 1):
        for point in points:
            k = k_of(point, log)
            assert live_at(library, warm, point, k) == live_at(library, slow, point, k)
        if place < len(later):
            event = {"stream": "payments", **later[place]}
            assert warm.observe(event) == slow.observe(event)
    assert library.live(warm.snapshot()).snapshot() == warm.snapshot()


@pytest.mark.soak
@quick
@given(seeds)
def test_redelivered_in_any_order(random: Random) -> None:
    """Of a fact that comes twice the first known delivery counts, in batch, warmed, or observed in any order."""
    asked = worlds.asked(random, 6)
    library = worlds.library(asked)
    log = worlds.facts(random, 6)
    log += [fact | {"known_at": fact["known_at"] + worlds.HOUR} for fact in log if random.random() < 0.5]
    random.shuffle(log)
    points = worlds.points(random, log, 5)
    found = library.at(worlds.point_frame(points), facts={"payments": worlds.frame(log)})
    warm, observed = library.live(), library.live()
    warm.warm({"payments": worlds.frame(log)})
    for fact in log:
        observed.observe({"stream": "payments", **fact})
    for i, point in enumerate(points):
        batch = row_of(found, i, list(asked))
        assert live_at(library, warm, point, k_of(point, log)) == batch
        assert live_at(library, observed, point, k_of(point, log)) == batch
