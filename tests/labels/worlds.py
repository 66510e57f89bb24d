"""Random labels: every aggregate over every window, with random columns, filters, delays, links and anchors.

Three streams: payments of cards at terminals, accounts (what a card's attributes are changed to) and moves (of
customers). A payment has its card's segment as of then as a joined column.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from tests.labels.oracle import DAY, HOUR, Asked, Column, Filter, Stream

from tallystick.core import Field, FieldType
from tallystick.labels import Entity, Events, Family, Label, Library, decimal, flag, instant, integer, money, real, text
from tallystick.labels import date as day
from tallystick.labels.algebra import ALGEBRA

ZONE = "Europe/Berlin"

card, terminal, customer = Entity("card"), Entity("terminal"), Entity("customer")
accounts = Events(
    "accounts",
    id="change_id",
    at="changed_at",
    keys={card: "card_id"},
    fields={"segment": text(), "holder": text(), "limit": money("EUR"), "opened": instant()},
)
moves = Events(
    "moves",
    id="move_id",
    at="moved_at",
    keys={customer: "customer_id"},
    fields={"shop": text(), "rooms": integer()},
)
segment_then = accounts.per(card).last("segment").over("lifetime")
payments = Events(
    "payments",
    id="payment_id",
    at="paid_at",
    sequence="number",
    lateness="30d",
    keys={card: "card_id", terminal: "terminal_id"},
    fields={
        "amount": money("EUR"),
        "tip": money("EUR"),
        "rate": decimal(4),
        "units": integer(),
        "level": real(),
        "city": text(),
        "due": instant(),
        "day": day(),
        "partner": text(),
        "fraud": flag(default=False, known_at="fraud_known_at"),
        "verdict": text(known_at="verdict_known_at"),
        "loss": money("EUR", known_at="verdict_known_at"),
    },
    joins={"segment": segment_then},
)
EVENTS = {"payments": payments, "accounts": accounts, "moves": moves}
ENTITIES = {"card": card, "terminal": terminal, "customer": customer}
SEGMENT = Asked("accounts", "card", "last", "segment")

# The columns that the stream does not declare, as its source does.
UNDECLARED = {
    name: Field(name, FieldType.parse(kind))
    for name, kind in {"merchant": "text", "fee": "money(EUR)", "seen_at": "instant", "weight": "real"}.items()
}


def _columns(events: Events, more: Mapping[str, Field]) -> dict[str, Column]:
    declared = {name: Column(spec.type.kind, spec.default, spec.known_at) for name, spec in events.fields.items()}
    return declared | {name: Column(field.type.kind) for name, field in more.items()}


STREAMS = {
    name: Stream(
        name,
        events.id,
        events.at,
        events.sequence or events.id,
        {entity.name: column for entity, column in events.keys.items()},
        _columns(events, UNDECLARED if name == "payments" else {}),
        joins={"segment": SEGMENT} if name == "payments" else {},
    )
    for name, events in EVENTS.items()
}


def _below(level: float | None, limit: float) -> bool:
    return level is not None and level < limit


def _hour(t: int) -> int:
    return datetime.fromtimestamp(t // 1_000_000, ZoneInfo(ZONE)).hour


FILTERS: dict[str, list[Filter]] = {
    "payments": [
        Filter("amount > 1.50", lambda row: row["amount"] is not None and row["amount"] > 150),
        Filter("fraud", lambda row: row["fraud"] is True),
        Filter('city = "Ulm" or level < 0.5', lambda row: row["city"] == "Ulm" or _below(row["level"], 0.5)),
        Filter("paid_at.hour < 6", lambda row: _hour(row["paid_at"]) < 6),
        Filter('merchant != "m1"', lambda row: row["merchant"] != "m1"),
        Filter("fee > 0.01", lambda row: row["fee"] is not None and row["fee"] > 1),
        Filter("seen_at.hour < 6", lambda row: row["seen_at"] is not None and _hour(row["seen_at"]) < 6),
        Filter("weight < 0.5", lambda row: _below(row["weight"], 0.5)),
        Filter('segment = "gold"', lambda row: row["segment"] == "gold"),
        Filter('verdict = "bad"', lambda row: row["verdict"] == "bad"),
    ],
    "accounts": [Filter('segment = "gold"', lambda row: row["segment"] == "gold")],
    "moves": [Filter("rooms > 2", lambda row: row["rooms"] is not None and row["rooms"] > 2)],
}
WINDOWS: dict[str, list[dict[str, Any]]] = {
    "span": [{"window": window} for window in ("1h", "3d", "7d")],
    "events": [{"window": f"{n} events"} for n in (1, 2, 3, 5, 40)],
    "lifetime": [{"window": "lifetime"}],
    "session": [{"window": f"session {gap}"} for gap in ("30min", "5h", "1d", "3d")],
    "after": [{"window": "after", "within": within} for within in ("", "5h", "2d")],
    "before": [{"window": "before", "within": within} for within in ("", "5h", "2d")],
    "back": [
        {"window": unit, "back": back} for unit in ("day", "week", "month", "quarter", "year") for back in (1, 1, 2)
    ],
    "to_date": [
        {"window": unit, "back": back, "to_date": True}
        for unit in ("day", "week", "month", "quarter", "year")
        for back in (1, 1, 2)
    ],
    **{unit: [{"window": unit}] for unit in ("day", "week", "month", "quarter", "year")},
}
PAIRS = [(kind, window) for kind in ALGEBRA for window in WINDOWS]
"""Every aggregate with every kind of window."""

LINKS = {
    "customer": Asked("accounts", "card", "last", "holder"),
    "terminal": Asked("payments", "", "own", "partner"),
}
LINKS["terminal "] = Asked("moves", "customer", "last", "shop", via=LINKS["customer"])
"""Entity → a label that gives its key; with a space, a chain of two."""

ANCHORS = [
    Asked("accounts", "card", "last_at"),
    Asked("accounts", "card", "first_at", where=FILTERS["accounts"][0]),
    Asked("accounts", "card", "max", "opened"),
    Asked("moves", "customer", "last_at", via=LINKS["customer"]),
    Asked("payments", "terminal", "first_at", window="7d", present=True),
    Asked("payments", "card", "mode", "due", window="day", delay="2h"),
]


def asked(random: Random, pairs: Iterable[tuple[str, str]], plain: Container[tuple[str, str]] = ()) -> dict[str, Asked]:
    """A label for each (aggregate, window), with a random column, filter, delay and link; `plain` ones with fewer."""
    found = {f"label_{i}": _one(random, *pair, pair in plain) for i, pair in enumerate(pairs)}
    for i, (stream, column) in enumerate((("payments", "loss"), ("payments", "segment"), ("accounts", "segment"))):
        found[f"own_{i}"] = Asked(stream, "", "own", column)
    return found


def _one(random: Random, name: str, window: str, plain: bool) -> Asked:
    kind = ALGEBRA[name]
    stream = "payments" if plain else random.choice(["payments"] * 10 + ["accounts", "moves"])
    columns = {column: spec.type.kind for column, spec in EVENTS[stream].fields.items()}
    if stream == "payments":
        columns["segment"] = "text"
    fitting = sorted(column for column, type in columns.items() if type in kind.columns)
    if name == "distinct" and stream == "payments":
        fitting += ["merchant", "weight", "seen_at"]
    if kind.columns and not fitting:
        return _one(random, name, window, plain)
    column = random.choice(fitting) if kind.columns else ""
    filtered = kind.flagged or (not plain and random.random() < 0.4)
    written = random.choice(WINDOWS[window])
    entity = "card" if plain else random.choice(list(STREAMS[stream].keys))
    links = [link for link in LINKS if link.strip() == entity]
    return Asked(
        stream,
        entity,
        name,
        column,
        random.choice(fitting) if name == "ratio" else "",
        random.choice(FILTERS[stream]) if filtered else None,
        **written,
        anchor=random.choice(ANCHORS[4:] if plain else ANCHORS) if window in ("after", "before") else None,
        delay="0d" if plain else random.choice(["0d", "0d", "0d", "2h", "1d"]),
        present=random.random() < 0.5,
        param=_param(random, name),
        cap=_cap(random, name, columns.get(column, "")),
        via=LINKS[random.choice(links)] if links and random.random() < 0.2 else None,
    )


def _param(random: Random, name: str) -> int:
    if name in ("nth", "top", "sequence"):
        return random.choice([1, 2, 3, 5])
    if name == "quantile":
        return random.choice([0, 1, 250_000, 333_333, 500_000, 950_000, 1_000_000])
    spans = {"slope": [DAY, HOUR, 7 * DAY], "decayed": [HOUR, 3 * HOUR + 1, 7 * DAY, 1]}
    return random.choice(spans.get(name, [0]))


def _cap(random: Random, name: str, kind: str) -> int:
    capped = name == "distinct" or (name == "quantile" and kind != "real")
    return random.choice([0, 2, 3, 100]) if capped else 0


def label(one: Asked, streams: Mapping[str, Events] = EVENTS) -> Label:
    """The same label as a risk analyst writes it."""
    events = streams[one.stream]
    if one.kind == "own":
        own: Label = events.own(one.column)
        return own
    where = "" if one.where is None else one.where.text
    per = events.per(ENTITIES[one.entity])
    part = getattr(per, one.kind.partition("_")[0] if one.kind.startswith("gap_") else one.kind)
    if one.kind in ("share", "streak"):
        part = part(where)
    elif one.kind.startswith("gap_"):
        part = part(one.kind.removeprefix("gap_"), where=where)
    elif not one.column:
        part = part(where=where)
    else:
        part = part(one.column, *_given(one), where=where, **({"cap": one.cap} if one.cap else {}))
    delay = None if one.delay == "0d" else one.delay
    shared = {"delay": delay, "including_present": one.present}
    if one.anchor is not None:
        made = getattr(part, one.window)(label(one.anchor, streams), within=one.within, **shared)
    else:
        made = part.over(one.window, back=one.back, to_date=one.to_date, **shared)
    written: Label = made if one.via is None else made.via(label(one.via, streams))
    return written


def _given(one: Asked) -> tuple[Any, ...]:
    """What comes after the column."""
    if one.kind in ("nth", "top", "sequence"):
        return (one.param,)
    if one.kind == "quantile":
        return (f"{one.param // 1_000_000}.{one.param % 1_000_000:06d}",)
    if one.kind in ("slope", "decayed"):
        return (f"{one.param}us",)
    return (one.other,) if one.kind == "ratio" else ()


def library(labels: Mapping[str, Asked], more: Mapping[str, Label | Family] | None = None) -> Library:
    """A library of the labels, and of what else is written."""
    written = {name: label(one) for name, one in labels.items()}
    return Library(written | dict(more or {}), EVENTS, zone=ZONE, schemas={"payments": UNDECLARED})
