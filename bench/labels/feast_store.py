"""Ten thousand points of three labels beside Feast's `get_historical_features` on its file store.

Feast runs in an environment of its own, since it pins what it needs. It pairs every point with every row of the
point's key before it chooses, so its time and memory go with the square of a busy key: at 1,000,000 payments and
points as the cards pay it was killed. Hence two rows: few payments with points as the cards pay, and many
payments with points that ask each card alike.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

import polars as pl
from bench.labels.data import differing, free_points, payments
from bench.labels.measure import ROOT, Row, in_turns, seconds_of, times

from tallystick.labels import Entity, Events, Library, integer, money

COLUMNS = ("amount", "merchant_id", "payment_id")
POINTS = 10_000


def library() -> Library:
    """The latest value of three columns within thirty days: what a feature view with that time to live gives."""
    card = Entity("card")
    fields = {"amount": money("EUR"), "merchant_id": integer(), "payment_id": integer()}
    stream = Events("payments", id="payment_id", at="paid_at", keys={card: "card_id"}, fields=fields)
    return Library({column: stream.per(card).last(column).over("30d") for column in COLUMNS}, {"payments": stream})


def rows() -> list[Row]:
    """Points as the cards pay, and points that ask each card alike."""
    return [_row(30_000, False, 1), _row(1_000_000, True, 2)]


def _row(events: int, each_alike: bool, rounds: int) -> Row:
    work = f"{POINTS:,} points ({'each card alike' if each_alike else 'as cards pay'}), 3 labels, {events:,} payments"
    python = Path(os.environ.get("TALLYSTICK_FEAST", ROOT / ".venv-feast")) / "bin" / "python"
    if not python.exists():
        return Row(work, "", "Feast", "", "not run: no .venv-feast")
    made, facts = library(), payments(events)
    points = free_points(facts, POINTS, each_alike=each_alike)
    made.at(points.head(10), facts={"payments": facts})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write(folder, facts, points)
        (seconds,) = in_turns(lambda: seconds_of(lambda: _ours(made, folder))[1], rounds=3)
        command = [str(python), "-P", str(Path(__file__).with_name("peer_feast.py")), name, str(rounds)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        if ended.returncode:
            return Row(work, f"{seconds:.3f} s", "Feast", "", f"Feast ended with {ended.returncode}")
        peer = json.loads(ended.stdout.strip().splitlines()[-1])
        theirs = pl.read_parquet(folder / "found.parquet").select("point", *COLUMNS)
        found = _ours(made, folder)
    kept = found.join(theirs, on="point", suffix="_theirs")
    different = differing(kept, {column: kept[f"{column}_theirs"] for column in COLUMNS})
    lost = POINTS - theirs["point"].n_unique()
    remark = f"{different} values differ; Feast lost {lost:,} of {POINTS:,} rows, we answer each"
    return Row(work, f"{seconds:.3f} s", f"Feast {peer['seconds']:.2f} s", times(peer["seconds"] / seconds), remark)


def _write(folder: Path, facts: pl.DataFrame, points: pl.DataFrame) -> None:
    stamp = pl.from_epoch("t", "us").dt.replace_time_zone("UTC").alias("event_timestamp")
    facts.write_parquet(folder / "ours.parquet")
    facts = facts.rename({"card_id": "card", "paid_at": "t"}).select("card", stamp, *COLUMNS)
    facts.write_parquet(folder / "facts.parquet")
    points = points.with_columns(point=pl.int_range(pl.len(), dtype=pl.Int64))
    points.write_parquet(folder / "asked.parquet")
    points.select("point", "card", stamp).write_parquet(folder / "points.parquet")


def _ours(made: Library, folder: Path) -> pl.DataFrame:
    """Read the files, as Feast does, and answer."""
    return made.at(
        pl.read_parquet(folder / "asked.parquet"), facts={"payments": pl.read_parquet(folder / "ours.parquet")}
    )
