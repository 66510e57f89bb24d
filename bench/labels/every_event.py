"""Labels at every event: beside DuckDB's RANGE windows, beside our own clean run, and beside Polars' rolling windows.

python -m bench.labels.every_event ours|over|group_by EVENTS     (one side alone, for its time and memory)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
from bench.labels.data import WINDOWS, differing, own_points, payments, with_corrections
from bench.labels.measure import Row, fields, fresh, held_mib, in_turns, peak_mib, seconds_of, times

from tallystick.labels import Entity, Events, Label, Library, money

STATISTICS = ("count", "sum", "max")


def library(distinct: bool) -> Library:
    """Count, sum and max of a card's payments over four windows, the own payment included; and its merchants."""
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


def compiled() -> None:
    """Let the kernels compile before anything is timed."""
    facts = payments(2_000, 50)
    library(True).at(own_points(facts), facts={"payments": facts})
    facts = with_corrections(facts)
    library(True).at(own_points(facts.filter(revision=0)), facts={"payments": facts})


def ours(facts: pl.DataFrame, distinct: bool) -> tuple[pl.DataFrame, float]:
    """Our labels at every payment's own point, and the seconds."""
    made, points = library(distinct), own_points(facts.filter(revision=0) if "revision" in facts.columns else facts)
    return seconds_of(lambda: made.at(points, facts={"payments": facts}))


def duck(facts: pl.DataFrame) -> tuple[dict[str, Any], float]:
    """DuckDB's from a table in memory: (t - W, t] in whole microseconds is RANGE W - 1 PRECEDING.

    Over whole numbers its frames are a little quicker than over timestamps, and fetching columns than a table.
    """
    parts = ", ".join(
        f"count(*) OVER w_{name} AS count_{name}, sum(amount) OVER w_{name} AS sum_{name}, "
        f"max(amount) OVER w_{name} AS max_{name}"
        for name in WINDOWS
    )
    frames = ", ".join(
        f"w_{name} AS (PARTITION BY card_id ORDER BY paid_at RANGE BETWEEN {micros - 1} PRECEDING AND CURRENT ROW)"
        for name, micros in WINDOWS.items()
    )
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        columns = {name: facts[name].to_numpy() for name in ("payment_id", "paid_at", "card_id", "amount")}
        connection.register("given", columns)
        connection.execute("CREATE TABLE facts AS SELECT * FROM given")
        query = f"SELECT payment_id, {parts} FROM facts WINDOW {frames}"
        found, seconds = seconds_of(lambda: connection.execute(query).fetchnumpy())
    order = np.argsort(found.pop("payment_id"))
    return {name: np.asarray(values)[order].astype(np.int64) for name, values in found.items()}, seconds


def polars_rolling(facts: pl.DataFrame) -> pl.DataFrame:
    """Polars' plan with `rolling_*_by().over()`: one expression for each label."""
    found: list[pl.Expr] = []
    for name, micros in WINDOWS.items():
        size = f"{micros}i"
        found += [
            pl.col("one").rolling_sum_by("paid_at", size).over("card_id").alias(f"count_{name}"),
            pl.col("amount").rolling_sum_by("paid_at", size).over("card_id").alias(f"sum_{name}"),
            pl.col("amount").rolling_max_by("paid_at", size).over("card_id").alias(f"max_{name}"),
        ]
    return facts.select(found)


def polars_grouped(facts: pl.DataFrame) -> pl.DataFrame:
    """Polars' plan with `rolling(group_by=key)`: one pass for each window, which all give their rows in one order."""
    parts = [
        facts.rolling("paid_at", period=f"{micros}i", group_by="card_id").agg(
            pl.col("payment_id").last(),
            pl.len().alias(f"count_{name}"),
            pl.col("amount").sum().alias(f"sum_{name}"),
            pl.col("amount").max().alias(f"max_{name}"),
        )
        for name, micros in WINDOWS.items()
    ]
    found = pl.concat(
        [parts[0], *(part.drop("card_id", "paid_at", "payment_id") for part in parts[1:])], how="horizontal"
    )
    return found.sort("payment_id").drop("card_id", "paid_at", "payment_id")


POLARS: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {"over": polars_rolling, "group_by": polars_grouped}


def rows(events: int) -> list[Row]:
    """Beside DuckDB, with and without distinct; then late and corrected facts beside the clean run."""
    compiled()
    facts = payments(events)
    kept: dict[str, Any] = {}

    def mine() -> float:
        kept["ours"], seconds = ours(facts, False)
        return seconds

    def peer() -> float:
        kept["duck"], seconds = duck(facts)
        return seconds

    plain, distinct, theirs = in_turns(mine, lambda: ours(facts, True)[1], peer, rounds=3)
    different = differing(kept["ours"], kept["duck"])
    work = f"{events:,} events, {facts['card_id'].n_unique():,} cards, 4 windows"
    said = f"{different} of {events * len(WINDOWS) * 3:,} values differ"
    duckdb_said = f"DuckDB RANGE {theirs:.2f} s"
    found = [
        Row(f"{work} × (count, sum, max)", f"{plain:.2f} s", duckdb_said, times(theirs / plain), said),
        Row(
            f"{work} × (count, sum, max, distinct)",
            f"{distinct:.2f} s",
            f"{duckdb_said} (without distinct)",
            times(theirs / distinct),
            f"{events * len(WINDOWS) * 4 / distinct / 1e6:,.0f} M values/s",
        ),
    ]
    kept.clear()
    changed = with_corrections(facts)
    clean, dirty = in_turns(lambda: ours(facts, True)[1], lambda: ours(changed, True)[1], rounds=3)
    late = "5% late, 1% corrected, the same 16 labels"
    return [
        *found,
        Row(
            f"{events:,} events, {late}",
            f"{dirty:.2f} s",
            f"our clean run {clean:.2f} s",
            f"{dirty / clean:.2f} of its time",
        ),
    ]


def polars_rows(events: int) -> list[Row]:
    """Beside Polars, every side in a process of its own; the better of Polars' plans counts, by time."""
    sides = ("ours", *POLARS)
    best: dict[str, dict[str, float]] = {}
    for _ in range(2):
        for side in sides:
            run = fresh("bench.labels.every_event", side, events)
            if side not in best or run["seconds"] < best[side]["seconds"]:
                best[side] = run
    mine = best.pop("ours")
    plan = min(best, key=lambda side: best[side]["seconds"])
    peer = best[plan]
    apart = "; ".join(f"{side}: {run['seconds']:.2f} s, {run['peak']:,.0f} MiB" for side, run in best.items())
    memory = mine["used"] / peer["used"]
    work = f"{events:,} events, 4 windows × (count, sum, max)"
    return [
        Row(
            f"{work}, time",
            f"{mine['seconds']:.2f} s",
            f"Polars {plan} {peer['seconds']:.2f} s",
            times(peer["seconds"] / mine["seconds"]),
            f"{'the same values' if mine['check'] == peer['check'] else 'OTHER VALUES'}; {apart}",
        ),
        Row(
            f"{work}, memory above the loaded data",
            f"{mine['used']:,.0f} MiB",
            f"Polars {plan} {peer['used']:,.0f} MiB",
            f"{memory:.2f} of its memory",
            f"whole process: {mine['peak']:,.0f} and {peer['peak']:,.0f} MiB",
        ),
    ]


def one_side(side: str, events: int) -> dict[str, Any]:
    """One side's seconds, its peak above what it held before, and a sum of its values to compare."""
    facts = payments(events)
    if side == "ours":
        compiled()
        before = held_mib()
        found, seconds = ours(facts, False)
    else:
        facts = facts.with_columns(one=pl.lit(1, pl.Int64))
        POLARS[side](facts.head(1_000))
        before = held_mib()
        found, seconds = seconds_of(lambda: POLARS[side](facts))
    peak = peak_mib()
    names = [f"{statistic}_{name}" for statistic in STATISTICS for name in WINDOWS]
    # A weight that changes from row to row, so that values at wrong places do not cancel out.
    weight = pl.int_range(pl.len(), dtype=pl.UInt64).hash(0) % 1_000_003
    check = found.select(checksum(name, weight) for name in names).row(0)
    return {"seconds": seconds, "peak": peak, "used": peak - before, "check": list(check)}


def checksum(name: str, weight: pl.Expr) -> pl.Expr:
    """A checksum of a column, exact modulo 2^64."""
    return (pl.col(name).cast(pl.UInt64) * weight.cast(pl.UInt64)).sum().alias(name)


if __name__ == "__main__":
    fields(one_side(sys.argv[1], int(sys.argv[2])))
