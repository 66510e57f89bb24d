"""Count and sum over 7 and 30 days at a million free points, beside as-of plans as one would write them by hand.

All of them take running sums in each key's order and find the last fact at or before the point and before each
window's start; the sums' differences are the labels. They give no reason where a value is missing, and know no late
fact and no correction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import polars as pl
from bench.labels.data import DAY, START, differing, free_points, payments
from bench.labels.measure import Row, in_turns, seconds_of, times

from tallystick.labels import Entity, Events, Label, Library, money

REACH = {"7d": 7 * DAY, "30d": 30 * DAY}
_TIME = 1 << 44


def library() -> Library:
    """Count and sum of a card's payments over both windows."""
    card = Entity("card")
    stream = Events("payments", id="payment_id", at="paid_at", keys={card: "card_id"}, fields={"amount": money("EUR")})
    per = stream.per(card)
    labels: dict[str, Label] = {}
    for window in REACH:
        labels[f"count_{window}"] = per.count().over(window)
        labels[f"sum_{window}"] = per.sum("amount").over(window)
    return Library(labels, {"payments": stream})


def duck(facts: pl.DataFrame, points: pl.DataFrame) -> tuple[pl.DataFrame, float]:
    """DuckDB: running sums, then one ASOF join for the point and one for each window's start."""
    joins = " ".join(
        f"ASOF LEFT JOIN sums w{name} ON card = w{name}.card_id AND w{name}.paid_at <= t - {micros}"
        for name, micros in REACH.items()
    )
    parts = ", ".join(
        f"coalesce(here.n, 0) - coalesce(w{name}.n, 0) AS count_{name}, "
        f"coalesce(here.s, 0) - coalesce(w{name}.s, 0) AS sum_{name}"
        for name in REACH
    )
    query = (
        "WITH sums AS MATERIALIZED (SELECT card_id, paid_at, row_number() OVER w AS n, sum(amount) OVER w AS s "
        "FROM facts WINDOW w AS (PARTITION BY card_id ORDER BY paid_at ROWS UNBOUNDED PRECEDING)) "
        f"SELECT point, {parts} FROM points "
        f"ASOF LEFT JOIN sums here ON card = here.card_id AND here.paid_at <= t {joins}"
    )
    with duckdb.connect() as connection:
        connection.execute("SET threads = 2")
        given = {name: facts[name].to_numpy() for name in ("paid_at", "card_id", "amount")}
        asked = {"point": np.arange(points.height), **{name: points[name].to_numpy() for name in ("card", "t")}}
        connection.register("given", given)
        connection.execute("CREATE TABLE facts AS SELECT * FROM given")
        connection.register("asked", asked)
        connection.execute("CREATE TABLE points AS SELECT * FROM asked")
        found, seconds = seconds_of(lambda: connection.execute(query).fetchnumpy())
    order = np.argsort(found.pop("point"))
    return pl.DataFrame({name: np.asarray(values)[order].astype(np.int64) for name, values in found.items()}), seconds


def polars_by_key(facts: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """Polars: running sums over the key, and as-of joins by the key."""
    sums = facts.lazy().select(
        "card_id",
        "paid_at",
        n=pl.int_range(1, pl.len() + 1).over("card_id"),
        s=pl.col("amount").cum_sum().over("card_id"),
    )
    asked = points.lazy().with_row_index("point").sort("t")
    for name, micros in {"": 0, **REACH}.items():
        asked = asked.with_columns(edge=pl.col("t") - micros).join_asof(
            sums.rename({"n": f"n{name}", "s": f"s{name}"}),
            left_on="edge",
            right_on="paid_at",
            by_left="card",
            by_right="card_id",
            coalesce=False,
            check_sortedness=False,
        )
        asked = asked.drop("paid_at", "card_id", "edge", strict=False)
    return _differences(asked)


def polars_packed(facts: pl.DataFrame, points: pl.DataFrame) -> pl.DataFrame:
    """Polars: key and instant packed into one number, which only small whole keys and a short history allow."""
    sums = (
        facts.lazy()
        .select("amount", key=pl.col("card_id") * _TIME + (pl.col("paid_at") - START))
        .sort("key")
        .select("key", n=pl.int_range(1, pl.len() + 1), s=pl.col("amount").cum_sum())
    )
    base = pl.col("card") * _TIME
    asked = points.lazy().with_row_index("point").with_columns(base=base, key=base + (pl.col("t") - START)).sort("key")
    for name, micros in {"": 0, **REACH}.items():
        asked = asked.with_columns(edge=pl.max_horizontal(pl.col("key") - micros, pl.col("base") - 1)).join_asof(
            sums.rename({"key": "found", "n": f"n{name}", "s": f"s{name}"}),
            left_on="edge",
            right_on="found",
            coalesce=False,
            check_sortedness=False,
        )
        asked = asked.drop("found", "edge", strict=False)
    return _differences(asked)


def _differences(asked: pl.LazyFrame) -> pl.DataFrame:
    def part(word: str, name: str) -> pl.Expr:
        return pl.col(word).fill_null(0) - pl.col(f"{word}{name}").fill_null(0)

    parts = [
        part(word, name).alias(f"{statistic}_{name}")
        for name in REACH
        for word, statistic in (("n", "count"), ("s", "sum"))
    ]
    return asked.sort("point").select(parts).collect()


def rows(size: int) -> list[Row]:
    """The best of the plans counts; the others stand in the remark."""
    facts = payments(size)
    points, made = free_points(facts, size), library()
    made.at(points.head(1_000), facts={"payments": facts})
    kept: dict[str, pl.DataFrame] = {}

    def timed(name: str, work: Callable[[], tuple[pl.DataFrame, float]]) -> Callable[[], float]:
        def side() -> float:
            kept[name], seconds = work()
            return seconds

        return side

    plans: dict[str, Callable[[], tuple[pl.DataFrame, float]]] = {
        "ours": lambda: seconds_of(lambda: made.at(points, facts={"payments": facts})),
        "DuckDB ASOF": lambda: duck(facts, points),
        "Polars join_asof by key": lambda: seconds_of(lambda: polars_by_key(facts, points)),
        "Polars join_asof on a packed key": lambda: seconds_of(lambda: polars_packed(facts, points)),
    }
    taken = dict(zip(plans, in_turns(*(timed(name, work) for name, work in plans.items()), rounds=3), strict=True))
    mine, seconds = kept.pop("ours").fill_null(0), taken.pop("ours")
    found: list[Row] = []
    for name, peer in sorted(taken.items(), key=lambda item: item[1]):
        values: dict[str, Any] = {column: kept[name][column] for column in kept[name].columns}
        remark = f"{differing(mine, values)} of {size * 4:,} values differ"
        work = f"{size:,} free points, {size:,} events, 4 labels"
        found.append(Row(work, f"{seconds:.2f} s", f"{name} {peer:.2f} s", times(peer / seconds), remark))
    return found
