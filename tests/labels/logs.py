"""Random logs: ties, gaps, late facts, duplicates, revisions, retractions and late confirmation, over DST nights."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, TypeAlias

import polars as pl
from tests.labels.oracle import DAY, HOUR, Judge, Point
from tests.labels.worlds import STREAMS, ZONE

Log: TypeAlias = list[tuple[str, dict[str, Any]]]
"""(stream, fact) in the order in which they became known."""

# The clocks change on March 29th and October 25th of 2026; April begins in Berlin two hours before UTC's.
STARTS = [
    int(datetime(2026, 3, 25, tzinfo=UTC).timestamp()) * 1_000_000,
    int(datetime(2026, 10, 21, tzinfo=UTC).timestamp()) * 1_000_000,
]
DTYPES: dict[str, Any] = {
    "money": pl.Int64,
    "decimal": pl.Int64,
    "integer": pl.Int64,
    "instant": pl.Int64,
    "real": pl.Float64,
    "text": pl.String,
    "flag": pl.Boolean,
    "date": pl.Date,
}
INSTANT = pl.Datetime("us", "UTC")


def facts(random: Random, size: int) -> Log:
    """A log (stream, fact) in the order in which it became known."""
    log: Log = []
    large, start, days = random.random() < 0.15, random.choice(STARTS), random.choice([1, 4, 10])
    for i in range(size):
        stream = random.choice(["payments"] * 4 + ["accounts", "moves"])
        at = _instant(random, start + 3 * DAY if days < 4 else start, days)
        known = at + random.choice([0, 0, 0, 1, HOUR, DAY, 40 * DAY, -1])
        for revision in range(random.choice([1, 1, 1, 2, 3])):
            row = _row(random, stream, i, at, large)
            row |= {"revision": revision, "known_at": known, "retract": revision > 0 and random.random() < 0.3}
            if revision == 0 and random.random() < 0.03:
                row[random.choice(sorted(STREAMS[stream].keys.values()))] = None
            log.append((stream, row))
            if random.random() < 0.1:
                log.append((stream, row | {"known_at": known + random.choice([0, HOUR])}))
            known += random.choice([0, 1, HOUR, 3 * DAY, -HOUR])
            at += random.choice([0, 0, HOUR])
    log.sort(key=lambda one: one[1]["known_at"])
    return log


def facts_like(random: Random, stream: str, i: int, fact: dict[str, Any]) -> dict[str, Any]:
    """What a correction of a fact says: another content for the same event."""
    changed = _row(random, stream, i, fact[STREAMS[stream].at] - random.choice([0, HOUR, 3 * DAY]), False)
    return changed | {STREAMS[stream].id: fact[STREAMS[stream].id]}


def _instant(random: Random, start: int, days: int) -> int:
    """Mostly within some days of a DST night, on a grid that makes ties; sometimes a unit of the calendar earlier."""
    at = start + random.randrange(days * 12) * 2 * HOUR // random.choice([1, 1, 2])
    if random.random() < 0.25:
        at -= random.choice([7, 31, 62, 91, 182, 364, 365, 730]) * DAY
    return at + random.choice([0, 0, 0, 0, -1, HOUR // 2])


def _row(random: Random, stream: str, i: int, at: int, large: bool) -> dict[str, Any]:
    def some(*values: Any) -> Any:
        return random.choice([*values, None])

    if stream == "accounts":
        row: dict[str, Any] = {"change_id": f"a{i}", "changed_at": at, "card_id": random.choice("aab")}
        row |= {"segment": some("gold", "basic"), "holder": some("u", "v")}
        return row | {"limit": some(100_00, 250_00), "opened": some(at, at - 2 * DAY, at + DAY)}
    if stream == "moves":
        row = {"move_id": f"m{i}", "moved_at": at, "customer_id": random.choice("uuv")}
        return row | {"shop": some("x", "y"), "rooms": some(1, 2, 3)}
    local = date(1970, 1, 1) + timedelta(days=at // DAY)
    return {
        "payment_id": f"p{i}",
        "paid_at": at,
        "number": random.randrange(3),
        "card_id": random.choice("aaab"),
        "terminal_id": random.choice("xxxyz"),
        "amount": some(*([2**62, -(2**63), 2**63 - 1] if large else [100, 150, 151, 250, -700, 2**52 + 1, 99])),
        "tip": some(*([2**63 - 1, -(2**63)] if large else [0, 10, -10, 30])),
        "rate": some(1, 2, 30_001),
        "units": some(0, 1, 7, -7, 123_456_789),
        "level": some(0.25, 0.5, -1.5, 1e300, 0.0, -0.0, 1.7e308, -1.7e308),
        "city": some("Ulm", "Köln", 'a "b"\\'),
        "due": some(at + HOUR, at - 3 * HOUR, at),
        "day": some(local, local - timedelta(days=300), date(1969, 5, 17)),
        "partner": some("x", "y", "w"),
        "fraud": some(True, False),
        "fraud_known_at": some(at, at + DAY, at + 4 * DAY),
        "verdict": some("good", "bad"),
        "loss": some(500, -3),
        "verdict_known_at": some(at + HOUR, at + 2 * DAY),
        "merchant": some("m1", "m2", "m3"),
        "fee": some(0, 1, 2),
        "seen_at": some(at, at + 4 * HOUR),
        "weight": some(1, 0.25, 0.0, -0.0),
    }


def by_stream(log: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in STREAMS}
    for stream, fact in log:
        found[stream].append(fact)
    return found


def frames(log: Log) -> dict[str, pl.DataFrame]:
    """The facts of each stream in columns."""
    found = {}
    for name, rows in by_stream(log).items():
        stream = STREAMS[name]
        types: dict[str, Any] = dict.fromkeys((stream.id, *stream.keys.values()), pl.String)
        types |= {stream.at: pl.Int64, "revision": pl.Int64, "retract": pl.Boolean, "known_at": pl.Int64}
        if stream.sequence != stream.id:
            types[stream.sequence] = pl.Int64
        for column, of in stream.columns.items():
            types[column] = DTYPES[of.kind]
            if of.known_at:
                types[of.known_at] = pl.Int64
        found[name] = pl.DataFrame(rows, schema=types)
    return found


def events(log: Log) -> list[dict[str, Any]]:
    """The facts as they are observed one by one."""
    return [{"stream": stream, **fact} for stream, fact in log]


def points(random: Random, log: Log, size: int) -> list[dict[str, Any]]:
    """Free points, and the own points of events, with and without k."""
    found = []
    instants = sorted(fact[STREAMS[stream].at] for stream, fact in log) or STARTS
    late = instants[len(instants) // 2 :]
    for _ in range(size):
        point: dict[str, Any] = {"card": random.choice("aaaaabc"), "terminal": random.choice("xxxxyzw")}
        point |= {"customer": random.choice("uuuvw"), "k": None, "stream": None, "id": None}
        point["t"] = random.choice(late) + random.choice([0, 0, 0, 1, -1, HOUR, 6 * HOUR, DAY, 9 * DAY, 40 * DAY])
        if log and random.random() < 0.6:
            stream, row = random.choice(log)
            point |= {"stream": stream, "id": row[STREAMS[stream].id]}
            point |= {entity: row[key] for entity, key in STREAMS[stream].keys.items() if row[key] is not None}
            if random.random() < 0.9:
                point["t"] = row[STREAMS[stream].at]
        if random.random() < 0.5:
            point["k"] = point["t"] + random.choice([0, HOUR, 2 * DAY, 50 * DAY, 50 * DAY, 50 * DAY, -HOUR])
        found.append(point)
    return found


def point_frame(asked_at: list[dict[str, Any]]) -> pl.DataFrame:
    names: dict[str, Any] = dict.fromkeys(("card", "terminal", "customer", "stream", "id"), pl.String)
    return pl.DataFrame(asked_at, schema=names | {"t": pl.Int64, "k": pl.Int64})


def point_of(judge: Judge, point: dict[str, Any]) -> Point:
    """The point with its k: without one the own event's first known instant, else t."""
    own = None if point["id"] is None else (point["stream"], point["id"])
    k = point["k"]
    if k is None:
        k = None if own is None else judge.first_known(own)
    keys = {entity: point[entity] for entity in ("card", "terminal", "customer")}
    return Point(keys, point["t"], point["t"] if k is None else k, own)


def judge(log: Log) -> Judge:
    return Judge(STREAMS, by_stream(log), ZONE)
