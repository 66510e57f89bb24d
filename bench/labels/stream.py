"""Labels in a flow of events: one at a time beside bytewax, and in micro-batches of a thousand."""

from __future__ import annotations

import time
from typing import Any

import polars as pl
from bench.labels.data import differing, payments
from bench.labels.measure import Row, in_turns, seconds_of, times
from bench.labels.peer_stream import CARD, MERCHANT, run

from tallystick.labels import Entity, Events, Label, Library, money

MICRO_BATCH = 1_000


def library() -> Library:
    """Twenty labels over two keys; the own payment counts, but for what was before it."""
    card, merchant = Entity("card"), Entity("merchant")
    stream = Events(
        "payments",
        id="payment_id",
        at="paid_at",
        keys={card: "card_id", merchant: "merchant_id"},
        fields={"amount": money("EUR")},
    )
    labels: dict[str, Label] = {}
    for name in (*CARD, *MERCHANT):
        entity, *words, window = name.split("_")
        per, kind = stream.per(card if entity == "card" else merchant), "_".join(words)
        if kind in ("since_last", "last"):
            label = (per.since_last() if kind == "since_last" else per.last("amount")).over(window)
        elif kind == "count":
            label = per.count().over(window, including_present=True)
        elif kind in ("merchants", "cards"):
            label = per.distinct(f"{kind[:-1]}_id").over(window, including_present=True)
        else:
            label = getattr(per, kind)("amount").over(window, including_present=True)
        labels[name] = label
    return Library(labels, {"payments": stream})


def one_by_one(facts: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """Observe each payment and ask its own point; gives the values and the seconds, both calls and nothing else."""
    live = library().live()
    events = [{"stream": "payments", **row} for row in facts.iter_rows(named=True)]
    found: list[Any] = []
    start = time.perf_counter()
    for event in events:
        live.observe(event)
        keys = {"card": event["card_id"], "merchant": event["merchant_id"]}
        found.append(live.now(keys, event["paid_at"], own=("payments", event["payment_id"])).values)
    seconds = time.perf_counter() - start
    return pl.DataFrame(found, infer_schema_length=None), seconds


def theirs(facts: pl.DataFrame, batch: int) -> tuple[dict[str, Any], float]:
    """Bytewax's values and seconds; keys come as the text that it wants only inside its flow."""
    rows = list(facts.select("payment_id", "paid_at", "card_id", "merchant_id", "amount").iter_rows())
    (cards, merchants), seconds = seconds_of(lambda: run(rows, batch))
    found: dict[str, Any] = {}
    for names, answers in ((CARD, cards), (MERCHANT, merchants)):
        frame = pl.DataFrame([values for _, values in answers], orient="row", schema=["payment_id", *names])
        frame = frame.sort("payment_id").drop("payment_id")
        found |= {name: frame[name] for name in frame.columns}
    return found, seconds


def micro_batches(facts: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """Observe and answer a thousand payments a call; gives the values and the seconds on one core."""
    made = library()
    live, names = made.live(), list(made.labels)
    frames = list(facts.iter_slices(MICRO_BATCH))
    found: list[pl.DataFrame | None] = []
    start = time.perf_counter()
    for frame in frames:
        batch = live.observe_many(frame, labels=names, stream="payments")
        found.append(batch.values)
    seconds = time.perf_counter() - start
    return pl.concat(frame for frame in found if frame is not None), seconds


def rows(events: int, micro: int) -> list[Row]:
    """One at a time over `events` payments, micro-batches over `micro` of them; the values of all sides compared."""
    facts = payments(micro)
    few = facts.head(events)
    one_by_one(few.head(500))
    theirs(few.head(500), 1)
    kept: dict[str, Any] = {}

    def single() -> float:
        kept["single"], seconds = one_by_one(few)
        return seconds

    def peer(batch: int) -> float:
        kept["peer"], seconds = theirs(few, batch)
        return seconds

    mine, one, many = in_turns(single, lambda: peer(1), lambda: peer(MICRO_BATCH))
    different = differing(kept["single"], kept["peer"])
    said = f"{different} of {few.height * 20:,} values differ"
    scale = 1e6 / few.height
    work = "20 labels over two keys"
    found = [
        Row(
            f"stream, one event at a time, {work}, {few.height:,} events",
            f"{mine * scale:.1f} µs an event",
            f"bytewax stateful_map {one * scale:.1f} µs",
            times(one / mine),
            f"{said}; bytewax fed {MICRO_BATCH:,} at a time: {many * scale:.1f} µs",
        )
    ]
    micro_batches(facts.head(5_000))
    answers, seconds = micro_batches(facts)
    again = micro_batches(facts)[1]
    best = min(seconds, again)
    different = differing(answers.head(few.height), kept["peer"])
    return [
        *found,
        Row(
            f"stream, micro-batches of {MICRO_BATCH:,}, {work}, {micro:,} events",
            f"{micro / best:,.0f} events/s",
            f"bytewax fed {MICRO_BATCH:,} at a time {few.height / many:,.0f} events/s",
            times(micro / best * many / few.height),
            f"{different} of {few.height * 20:,} values differ",
        ),
    ]
