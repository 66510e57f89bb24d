"""Labels at every event, ours beside DuckDB's RANGE windows in the same run, on the same rows, values compared.

    python bench/labels.py [--events N] [--keys N]

One million card payments over 50,000 keys of skewed use (the busiest has some 27,000), four windows; count, sum and max
at each event's own point, itself included. DuckDB has no distinct count over a RANGE window at this size, so ours is
timed with and without it.
"""

from __future__ import annotations

import argparse
import time

import duckdb
import numpy as np
import polars as pl

from tallystick.labels import Entity, Events, Label, Library, money

WINDOWS = {"1h": "1 hour", "1d": "1 day", "7d": "7 days", "30d": "30 days"}
DAY = 86_400_000_000


def payments(events: int, keys: int) -> pl.DataFrame:
    """Payments of a year at distinct instants: two rows of equal time would be one frame to a RANGE window."""
    random = np.random.default_rng(7)
    at = np.sort(random.choice(365 * DAY // 1000, events, replace=False) * 1000)
    return pl.DataFrame(
        {
            "payment_id": np.arange(events),
            "paid_at": at,
            "card_id": (random.random(events) ** 3 * keys).astype(np.int64),
            "merchant_id": random.integers(0, 500, events),
            "amount": random.integers(1, 1_000_000, events),
        }
    )


def library(distinct: bool) -> Library:
    """The labels of the benchmark."""
    card = Entity("card")
    stream = Events("payments", id="payment_id", at="paid_at", keys={card: "card_id"}, fields={"amount": money("EUR")})
    per = stream.per(card)
    labels: dict[str, Label] = {}
    for window in WINDOWS:
        labels[f"count_{window}"] = per.count().over(window, including_present=True)
        labels[f"sum_{window}"] = per.sum("amount").over(window, including_present=True)
        labels[f"max_{window}"] = per.max("amount").over(window, including_present=True)
        if distinct:
            labels[f"merchants_{window}"] = per.distinct("merchant_id").over(window, including_present=True)
    return Library(labels, {"payments": stream})


def ours(facts: pl.DataFrame, distinct: bool) -> tuple[pl.DataFrame, float]:
    """Our labels at every event, and the seconds they took."""
    made = library(distinct)
    points = facts.select(
        pl.col("card_id").alias("card"),
        pl.col("paid_at").alias("t"),
        pl.lit("payments").alias("stream"),
        pl.col("payment_id").alias("id"),
    )
    start = time.perf_counter()
    found = made.at(points, facts={"payments": facts})
    return found, time.perf_counter() - start


def theirs(facts: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """DuckDB's: (t − W, t] in whole microseconds is RANGE W − 1 µs PRECEDING."""
    parts = []
    for name in WINDOWS:
        over = f"w_{name}"
        parts += [f"count(*) OVER {over} AS count_{name}", f"sum(amount) OVER {over} AS sum_{name}"]
        parts += [f"max(amount) OVER {over} AS max_{name}"]
    frames = ", ".join(
        f"w_{name} AS (PARTITION BY card_id ORDER BY happened "
        f"RANGE BETWEEN INTERVAL '{interval}' - INTERVAL 1 MICROSECOND PRECEDING AND CURRENT ROW)"
        for name, interval in WINDOWS.items()
    )
    query = (
        f"SELECT payment_id, {', '.join(parts)} FROM (SELECT *, make_timestamp(paid_at) AS happened FROM facts) "
        f"WINDOW {frames} ORDER BY payment_id"
    )
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        columns = {name: facts[name].to_numpy() for name in ("payment_id", "paid_at", "card_id", "amount")}
        connection.register("given", columns)
        connection.execute("CREATE TABLE facts AS SELECT * FROM given")
        start = time.perf_counter()
        found = connection.execute(query).fetchnumpy()
        seconds = time.perf_counter() - start
        return pl.DataFrame({name: np.asarray(values).astype(np.int64) for name, values in found.items()}), seconds


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--keys", type=int, default=50_000)
    asked = parser.parse_args()
    ours(payments(1_000, 50), True)  # compiles
    facts = payments(asked.events, asked.keys)
    found, seconds = ours(facts, False)
    peer, peer_seconds = theirs(facts)
    # Interleaved and the better of two, so that a busy moment of the machine falls on neither.
    seconds, peer_seconds = min(seconds, ours(facts, False)[1]), min(peer_seconds, theirs(facts)[1])
    _, seconds_distinct = ours(facts, True)
    different = 0
    for name in [name for name in peer.columns if name != "payment_id"]:
        different += int((found[name] != peer[name]).sum())
    values = asked.events * 3 * len(WINDOWS)
    print(f"{asked.events:,} events, {facts['card_id'].n_unique():,} keys, {values:,} values")
    print(f"ours          {seconds:8.2f} s   {values / seconds / 1e6:6.1f} M values/s")
    print(f"with distinct {seconds_distinct:8.2f} s   {values * 4 / 3 / seconds_distinct / 1e6:6.1f} M values/s")
    print(f"DuckDB        {peer_seconds:8.2f} s   {values / peer_seconds / 1e6:6.1f} M values/s")
    print(f"ratio         {peer_seconds / seconds:8.1f}     values that differ: {different}")


if __name__ == "__main__":
    main()
