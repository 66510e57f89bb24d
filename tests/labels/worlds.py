"""Random small worlds: logs with ties, gaps, late facts, revisions, retractions and late confirmation."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from tests.labels.oracle import DAY, Asked

from tallystick.core import Field, FieldType
from tallystick.labels import Entity, Events, Label, Library, decimal, flag, formula, money, real, text

ZONE = "Europe/Berlin"
HOUR = DAY // 24
# Around the end of March 2026: the clocks change on the 29th, and April begins in Berlin two hours before UTC's.
START = int(datetime(2026, 3, 25, tzinfo=UTC).timestamp()) * 1_000_000

card, terminal = Entity("card"), Entity("terminal")
payments = Events(
    "payments",
    id="payment_id",
    at="paid_at",
    sequence="number",
    lateness="30d",
    keys={card: "card_id", terminal: "terminal_id"},
    fields={
        "amount": money("EUR"),
        "rate": decimal(4),
        "level": real(),
        "city": text(),
        "fraud": flag(default=False, known_at="fraud_known_at"),
        "verdict": text(known_at="verdict_known_at"),
    },
)
WINDOWS = ["1h", "3d", "7d", "month", "lifetime"]
FILTERS: list[tuple[str, Any]] = [
    ("", None),
    ("amount > 1.50", lambda row: row["amount"] is not None and row["amount"] > 150),
    ("fraud", lambda row: row["fraud"] is True),
    ('city = "Ulm" or level < 0.5', lambda row: row["city"] == "Ulm" or _below(row["level"], 0.5)),
    ("paid_at.hour < 6", lambda row: _hour(row["paid_at"]) < 6),
    ('merchant != "m1"', lambda row: row["merchant"] != "m1"),
    ("fee > 0.01", lambda row: row["fee"] is not None and row["fee"] > 1),
    ("seen_at.hour < 6", lambda row: row["seen_at"] is not None and _hour(row["seen_at"]) < 6),
    ("weight < 0.5", lambda row: _below(row["weight"], 0.5)),
]
# The columns that the stream does not declare, as its source does.
UNDECLARED = {
    name: Field(name, FieldType.parse(kind))
    for name, kind in {"merchant": "text", "fee": "money(EUR)", "seen_at": "instant", "weight": "real"}.items()
}
AGGREGATES = [
    *(("count", ""), ("since_last", "")),
    *((kind, "amount") for kind in ("sum", "mean", "std", "min", "max", "first", "last", "distinct")),
    *((kind, "rate") for kind in ("sum", "std", "min")),
    *((kind, "level") for kind in ("min", "max", "last", "distinct")),
    *((kind, "city") for kind in ("first", "last", "distinct")),
    *((kind, "fraud") for kind in ("mean", "sum", "last", "std")),
    *((kind, "verdict") for kind in ("last", "distinct")),
    *(("distinct", column) for column in ("merchant", "weight", "seen_at")),
]
SCHEMA: dict[str, Any] = {
    "payment_id": pl.String,
    "revision": pl.Int64,
    "retract": pl.Boolean,
    "paid_at": pl.Int64,
    "known_at": pl.Int64,
    "number": pl.Int64,
    "card_id": pl.String,
    "terminal_id": pl.String,
    "amount": pl.Int64,
    "rate": pl.Int64,
    "level": pl.Float64,
    "city": pl.String,
    "fraud": pl.Boolean,
    "fraud_known_at": pl.Int64,
    "verdict": pl.String,
    "verdict_known_at": pl.Int64,
    "merchant": pl.String,
    "fee": pl.Int64,
    "seen_at": pl.Int64,
    "weight": pl.Float64,
}


def _below(level: float | None, limit: float) -> bool:
    return level is not None and level < limit


def _hour(t: int) -> int:
    return datetime.fromtimestamp(t // 1_000_000, ZoneInfo(ZONE)).hour


def asked(random: Random, size: int) -> dict[str, Asked]:
    """Some aggregates, each with a random window, delay and filter."""
    found = {}
    for i in range(size):
        kind, column = random.choice(AGGREGATES)
        condition = random.randrange(len(FILTERS)) if kind == "count" or random.random() < 0.4 else 0
        found[f"label_{i}"] = Asked(
            entity=random.choice(["card", "terminal"]),
            kind="share" if kind == "count" and condition and random.random() < 0.5 else kind,
            column=column,
            window=random.choice(WINDOWS),
            delay=random.choice(["0d", "0d", "2h", "1d"]),
            present=random.random() < 0.5,
            where=FILTERS[condition][1],
        )
    return found


def label(one: Asked) -> Label:
    """The same aggregate as a risk analyst writes it."""
    per = payments.per(card if one.entity == "card" else terminal)
    condition = next(text for text, test in FILTERS if test is one.where)
    if one.kind == "share":
        part = per.share(condition)
    elif one.kind in ("count", "since_last"):
        part = getattr(per, one.kind)(where=condition)
    else:
        part = getattr(per, one.kind)(one.column, where=condition)
    delay = None if one.delay == "0d" else one.delay
    written: Label = part.over(one.window, delay=delay, including_present=one.present)
    return written


def library(labels: dict[str, Asked]) -> Library:
    """A library of the aggregates, and a few formulas over them."""
    written = {name: label(one) for name, one in labels.items()}
    return Library(written, {"payments": payments}, zone=ZONE, schemas={"payments": UNDECLARED})


def facts(random: Random, events: int) -> list[dict[str, Any]]:
    """A log in the order in which it became known."""
    log: list[dict[str, Any]] = []
    large = random.random() < 0.1
    for i in range(events):
        at = START + random.randrange(10 * 12) * 2 * HOUR // random.choice([1, 1, 2])
        known = at + random.choice([0, 0, 0, 1, HOUR, DAY, 40 * DAY, -1])
        for revision in range(random.choice([1, 1, 1, 2, 3])):
            row = _row(random, f"p{i}", at, large)
            row |= {"revision": revision, "known_at": known, "retract": revision > 0 and random.random() < 0.3}
            if revision == 0 and random.random() < 0.03:
                row[random.choice(["card_id", "terminal_id", "number"])] = None
            log.append(row)
            if random.random() < 0.1:
                log.append(row | {"known_at": known + random.choice([0, HOUR])})
            known += random.choice([0, 1, HOUR, 3 * DAY, -HOUR])
            at += random.choice([0, 0, HOUR])
    log.sort(key=lambda row: row["known_at"])
    return log


def _row(random: Random, id: str, at: int, large: bool) -> dict[str, Any]:
    def some(values: list[Any]) -> Any:
        return random.choice([*values, None])

    return {
        "payment_id": id,
        "paid_at": at,
        "number": random.randrange(3),
        "card_id": random.choice("ab"),
        "terminal_id": random.choice("xyz"),
        "amount": some([2**62, -(2**63), 2**63 - 1] if large else [100, 150, 151, 250, -700, 2**52 + 1]),
        "rate": some([1, 2, 30_001]),
        "level": some([0.25, 0.5, -1.5, 1e300, 0.0, -0.0]),
        "city": some(["Ulm", "Köln"]),
        "fraud": some([True, False]),
        "fraud_known_at": some([at, at + DAY, at + 4 * DAY]),
        "verdict": some(["good", "bad"]),
        "verdict_known_at": some([at + HOUR, at + 2 * DAY]),
        "merchant": some(["m1", "m2"]),
        "fee": some([0, 1, 2]),
        "seen_at": some([at, at + 4 * HOUR]),
        "weight": some([1, 0.25, 0.0, -0.0]),
    }


def frame(log: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(log, schema=SCHEMA)


def points(random: Random, log: list[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """Free points, and the own points of events, with and without k."""
    found = []
    for _ in range(size):
        point: dict[str, Any] = {"card": random.choice("abc"), "terminal": random.choice("xyw")}
        point |= {"t": START + random.randrange(11 * 24) * HOUR, "k": None, "stream": None, "id": None}
        if log and random.random() < 0.6:
            row = random.choice(log)
            point |= {"stream": "payments", "id": row["payment_id"], "t": row["paid_at"]}
            point |= {"card": row["card_id"] or "a", "terminal": row["terminal_id"] or "x"}
        if random.random() < 0.5:
            point["k"] = point["t"] + random.choice([0, HOUR, 2 * DAY, 50 * DAY, -HOUR])
        found.append(point)
    return found


def point_frame(asked_at: list[dict[str, Any]]) -> pl.DataFrame:
    names: dict[str, Any] = {"card": pl.String, "terminal": pl.String, "t": pl.Int64, "k": pl.Int64}
    return pl.DataFrame(asked_at, schema=names | {"stream": pl.String, "id": pl.String})


def formulas() -> dict[str, Label]:
    spend = payments.per(card).sum("amount").over("7d")
    return {
        "spend": spend,
        "number": payments.per(card).count().over("7d"),
        "mean": payments.per(card).mean("amount").over("3d"),
        "by_operator": (spend - payments.per(card).sum("amount").over("1h")) / payments.per(card).count().over("3d"),
        "by_text": formula("(spend - 3 * spend) / (number - 2)"),
        "twice": -(spend * 2),
        "mixed": formula("0.5 * mean + number - 1"),
    }
