"""Batch, live, micro-batches, warm starts and requests give the same bits, and those of the obvious executor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from random import Random
from typing import Any

import msgspec
import polars as pl
import pytest
from tests.labels import logs, worlds
from tests.labels.compare import Bits, batch_rows, bits_of, vector_bits
from tests.labels.oracle import DAY, HOUR, Asked, Column, Filter, Judge, Point, counts

from tallystick.labels import FieldSpec, Library, Live

SOAK = os.environ.get("TALLYSTICK_SOAK") == "1"
COMPARED = 1_000_000 if SOAK else 10_000
PARTS = 4 if SOAK else 2
EXAMPLES = 400 if SOAK else 4
LABELS = 32


class Tally(msgspec.Struct):
    """How many values were compared with the oracle's, and for which aggregates and windows it had one."""

    compared: int = 0
    found: set[str] = msgspec.field(default_factory=set)


class World:
    """A log, labels and points, and what the oracle says of them."""

    def __init__(self, seed: Any, asked: Mapping[str, Asked], size: int, tally: Tally) -> None:
        self.random = Random(seed)
        self.seed, self.asked, self.tally = seed, asked, tally
        self.log = logs.facts(self.random, size)
        self.judge = logs.judge(self.log)
        self.library: Library = worlds.library(asked)
        self.points = logs.points(self.random, self.log, 12)
        self.moments = [logs.point_of(self.judge, point) for point in self.points]
        self.expected = [self.said(self.judge, point) for point in self.moments]

    def said(self, judge: Judge, point: Point) -> dict[str, Bits]:
        found = {name: judge.value(one, point) for name, one in self.asked.items()}
        self.tally.found |= {name for name, outcome in found.items() if not outcome.reason}
        return {name: bits_of(one.value, one.reason, one.approximate) for name, one in found.items()}

    def agree(self, who: str, found: Mapping[str, Bits], expected: Mapping[str, Bits], point: Point) -> None:
        for name, one in self.asked.items():
            assert found[name] == expected[name], f"{who}, seed {self.seed}: {one} at {point}"
            self.tally.compared += 1

    def agree_live(self, who: str, live: Live) -> None:
        for point, expected in zip(self.moments, self.expected, strict=True):
            self.agree(who, vector_bits(live.now(point.keys, point.t, k=point.k, own=point.own)), expected, point)

    def batch(self) -> None:
        found = self.library.at(logs.point_frame(self.points), facts=logs.frames(self.log))
        assert found.height == len(self.points)
        for row, expected, point in zip(batch_rows(found, self.asked), self.expected, self.moments, strict=True):
            self.agree("batch", row, expected, point)

    def observed(self) -> None:
        """One by one; before some events they are asked about as requests, which leave no trace."""
        live = self.library.live()
        asked = set(self.random.sample(range(len(self.log)), min(len(self.log), 4)))
        for place, ((stream, fact), event) in enumerate(zip(self.log, logs.events(self.log), strict=True)):
            # One that counts nowhere is refused as a request.
            if place in asked and counts(worlds.STREAMS[stream], fact):
                self.request(live, place, event)
            assert live.observe(event).accepted == counts(worlds.STREAMS[stream], fact)
        self.agree_live("live", live)
        self.agree_live("restored", self.library.live(live.snapshot()))

    def request(self, live: Live, place: int, event: dict[str, Any]) -> None:
        stream = worlds.STREAMS[event["stream"]]
        keys = {"card": "a", "terminal": "x", "customer": "u"}
        keys |= {entity: event[key] for entity, key in stream.keys.items() if event[key] is not None}
        point = Point(keys, event[stream.at], event["known_at"], (stream.name, event[stream.id]))
        before = live.snapshot()
        found = vector_bits(live.now(keys, point.t, event))
        assert live.snapshot() == before
        self.agree("request", found, self.said(logs.judge(self.log[: place + 1]), point), point)

    def batched(self) -> None:
        """In micro-batches of several sizes."""
        live, events = self.library.live(), logs.events(self.log)
        while events:
            size = self.random.choice([1, 2, 7, 100])
            live.observe_many(events[:size])
            events = events[size:]
        self.agree_live("micro-batches", live)

    def warmed(self) -> None:
        """From history in columns, and the rest one by one."""
        live, cut = self.library.live(), self.random.randrange(len(self.log) + 1)
        accepted = live.warm(logs.frames(self.log[:cut]))
        assert accepted == sum(counts(worlds.STREAMS[stream], fact) for stream, fact in self.log[:cut])
        for event in logs.events(self.log[cut:]):
            live.observe(event)
        self.agree_live("warmed", live)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_every_executor_agrees_with_the_oracle(part: int, record_property: Any) -> None:
    """Every aggregate over every window, with a value found at least once: all ways to ask = looking at every fact."""
    random, tally = Random(part), Tally()
    mine = worlds.PAIRS[part::PARTS]
    missing, world, tried = list(mine), 0, set[tuple[str, str]]()
    while missing or tally.compared < COMPARED // PARTS:
        assert world < 100 * len(mine), f"no world has a value of {missing[:5]}"
        pairs = [*missing, *random.sample(mine, LABELS)][:LABELS]
        asked = worlds.asked(random, pairs, tried)
        tried.update(pairs)
        tally.found.clear()
        one = World(f"{part}/{world}", asked, random.randrange(20, 60), tally)
        for executor in (one.batch, one.observed, one.batched, one.warmed):
            executor()
        found = {pair for i, pair in enumerate(pairs) if f"label_{i}" in tally.found}
        # What found no value waits behind the others, and is then asked more plainly.
        missing = [pair for pair in missing if pair not in found and pair not in pairs] + [
            pair for pair in missing if pair not in found and pair in pairs
        ]
        world += 1
    record_property("compared", tally.compared)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(EXAMPLES))
def test_order_and_redelivery_mean_nothing(seed: int) -> None:
    """Of a fact that comes twice the first known delivery counts, in batch, warmed, or observed in any order."""
    random = Random(seed)
    # What joins another stream is settled when it is observed, in known order.
    asked = {name: one for name, one in _some(random, 16).items() if "segment" not in _text(one)}
    library = worlds.library(asked)
    log = logs.facts(random, 12)
    log += [(stream, fact | {"known_at": fact["known_at"] + HOUR}) for stream, fact in log if random.random() < 0.5]
    points = logs.points(random, log, 5)
    judge = logs.judge(log)
    ordered = library.at(logs.point_frame(points), facts=logs.frames(log))
    random.shuffle(log)
    found = library.at(logs.point_frame(points), facts=logs.frames(log))
    assert found.equals(ordered)
    warm, observed = library.live(), library.live()
    warm.warm(logs.frames(log))
    for event in logs.events(log):
        observed.observe(event)
    for row, point in zip(batch_rows(found, asked), (logs.point_of(judge, one) for one in points), strict=True):
        for live in (warm, observed):
            assert vector_bits(live.now(point.keys, point.t, k=point.k, own=point.own)) == row
        outcomes = {name: judge.value(one, point) for name, one in asked.items()}
        assert row == {name: bits_of(one.value, one.reason, one.approximate) for name, one in outcomes.items()}


def _some(random: Random, size: int) -> dict[str, Asked]:
    return worlds.asked(random, random.sample(worlds.PAIRS, size))


def _text(asked: Asked | None) -> str:
    """The columns and filters that a label reads, through its links and anchors."""
    if asked is None or asked.stream != "payments":
        return "" if asked is None else _text(asked.via) + _text(asked.anchor)
    where = asked.where.text if asked.where else ""
    return " ".join((asked.column, asked.other, where, _text(asked.via), _text(asked.anchor)))


def test_families_are_their_members() -> None:
    """`by` and `over_each` multiply: each member is the label with its filter and window."""
    for seed in range(EXAMPLES):
        random = Random(seed)
        per = worlds.payments.per(worlds.card)
        family = per.sum("amount", where="tip > 0.05").over_each(["7d", "lifetime"]).by("city", ["Ulm", "Köln"])
        asked = {
            f"spend_{window}__{city}": Asked("payments", "card", "sum", "amount", window=window, where=_in_city(city))
            for window in ("7d", "lifetime")
            for city in ("Ulm", "Köln")
        }
        log = logs.facts(random, 30)
        points = logs.points(random, log, 8)
        library = worlds.library({}, {"spend": family})
        assert set(library.labels) == set(asked)
        found = batch_rows(library.at(logs.point_frame(points), facts=logs.frames(log)), asked)
        judge = logs.judge(log)
        for row, point in zip(found, (logs.point_of(judge, one) for one in points), strict=True):
            outcomes = {name: judge.value(one, point) for name, one in asked.items()}
            assert row == {name: bits_of(one.value, one.reason) for name, one in outcomes.items()}


def _in_city(city: str) -> Filter:
    return Filter("", lambda row: row["tip"] is not None and row["tip"] > 5 and row["city"] == city)


PLAIN_EVENTS = msgspec.structs.replace(
    worlds.payments, joins={}, fields={name: FieldSpec(spec.type) for name, spec in worlds.payments.fields.items()}
)
PLAIN = msgspec.structs.replace(
    worlds.STREAMS["payments"],
    joins={},
    columns={name: Column(of.kind) for name, of in worlds.STREAMS["payments"].columns.items()},
)


def _plain_log(random: Random, size: int) -> list[dict[str, Any]]:
    """Payments once each, in order as they became known, with whole numbers for ids and cards; few keys."""
    log: list[dict[str, Any]] = []
    known, at, pace = 0, logs.STARTS[0], random.choice([1_000_000, HOUR // 4, HOUR])
    names = [column for column in logs.frames([])["payments"].columns if column not in ("revision", "retract")]
    for i in range(size):
        at += random.choice([0, 0, 1, pace, pace, 5 * pace, DAY if random.random() < 0.02 else 0])
        row = logs.facts_like(
            random, "payments", i, {"paid_at": at, "payment_id": 1000 - i if i % 7 == 0 else 1000 + i}
        )
        late = random.choice([HOUR, 3 * DAY]) if random.random() < 0.05 else random.choice([0, 0, 5])
        row |= {"paid_at": at, "card_id": random.choice([7, 7, 7, 8]), "terminal_id": random.choice("xxy")}
        row["known_at"] = at + late
        log.append({name: row[name] for name in names})
    log.sort(key=lambda row: int(row["known_at"]))
    for row in log:
        known = row["known_at"] = max(known + 1, row["known_at"])
    return log


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(40 if SOAK else 2))
def test_long_streams(seed: int) -> None:
    """Hundreds of events of a key: at own points right after each event, in frames, one by one, and over history."""
    random = Random(seed)
    asked = {
        f"label_{i}": one
        for i, one in enumerate(worlds.asked(random, random.sample(worlds.PAIRS, 100)).values())
        if one.stream == "payments"
        and "segment" not in _text(one)
        and one.via is None
        and one.anchor is None
        # Every second world is plain enough for what is compiled as a whole.
        and (seed % 2 or one.kind not in ("own", "top", "sequence"))
    }
    streams = {"payments": PLAIN_EVENTS}
    written = {name: worlds.label(one, streams) for name, one in asked.items()}
    library = Library(written, streams, zone=worlds.ZONE, schemas={"payments": worlds.UNDECLARED})
    log = _plain_log(random, 300)
    frame = pl.DataFrame(log, schema_overrides={name: logs.DTYPES[of.kind] for name, of in PLAIN.columns.items()})
    judge = Judge(
        {"payments": PLAIN}, {"payments": [row | {"revision": 0, "retract": False} for row in log]}, worlds.ZONE
    )
    own = frame.select(card="card_id", terminal="terminal_id", t="paid_at", stream=pl.lit("payments"), id="payment_id")
    history = batch_rows(library.at(own, facts={"payments": frame}), asked)
    many, single, place = library.live(), library.live(), 0
    while place < len(log):
        size = random.choice([1, 3, 64, 100])
        taken = many.observe_many(frame[place : place + size], labels=asked, stream="payments")
        assert taken.values is not None
        for row in batch_rows(taken.values, asked):
            fact = log[place]
            point = Point({"card": fact["card_id"], "terminal": fact["terminal_id"]}, fact["paid_at"], fact["known_at"])
            point = msgspec.structs.replace(point, own=("payments", fact["payment_id"]))
            single.observe({"stream": "payments", **fact})
            assert vector_bits(single.now(point.keys, point.t, own=point.own)) == row == history[place]
            if random.random() < 0.08:
                for name, one in asked.items():
                    said = judge.value(one, point)
                    assert row[name] == bits_of(said.value, said.reason, said.approximate), (one, point)
            place += 1
