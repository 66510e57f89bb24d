"""Files: the bank's tables as CSV, as a bank would deliver them, with the truth in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import polars as pl

from tallystick.core import StateError
from tallystick.sim.bank import Bank, Piece, Progress, check, pieces
from tallystick.sim.calendar import ZONE, calendar_from
from tallystick.sim.words import WORDS

TRUTH = {
    "truth_fraud": "truth/fraud.csv",
    "truth_states": "truth/states.csv",
    "truth_events": "truth/life_events.csv",
    "truth_rings": "truth/rings.csv",
}
MONEY = ("income", "credit_limit", "amount", "balance", "minimum_due", "paid")


def write(bank: Bank, folder: Path | str, progress: Progress | None = None) -> list[Path]:
    """Write a bank's tables as CSV: a header, RFC 3339 instants in UTC, amounts in euros as text such as 12.50.

    Parameters
    ----------
    bank
        What `simulate` gave.
    folder
        Made when missing. Files of the same name are replaced; payments of other months are refused.
    progress
        Called with months of payments written and months in all.

    Returns
    -------
    list of Path
        The files, the truth in `folder`/truth.

    Raises
    ------
    StateError
        When the folder holds payments of months that this bank has not: readers would mix two banks.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from tallystick.sim import simulate
    >>> with TemporaryDirectory() as folder:
    ...     print(*(path.name for path in write(simulate(100, 1, seed=1), folder)))
    accounts.csv cards.csv customers.csv ... payments_2025_01.csv ... states.csv
    """
    by_month = _by_month(bank.payments)
    return _write(_pieces_of(bank, by_month, progress), Path(folder), by_month)


def write_bank(
    folder: Path | str,
    customers: int,
    months: int,
    seed: int,
    start: str = "2025-01-01",
    progress: Progress | None = None,
) -> list[Path]:
    """Simulate a bank straight into files: the same bytes as `write(simulate(...))` without holding its payments.

    Parameters
    ----------
    folder
        As for `write`.
    customers, months, seed, start, progress
        As for `simulate`.

    Returns
    -------
    list of Path
        The files, the truth in `folder`/truth.

    Raises
    ------
    InputError
        When a parameter is outside its range.
    StateError
        When the folder holds payments of other months.
    """
    check(customers, months, seed)
    names = calendar_from(start, months).names[:months]
    return _write(pieces(customers, months, seed, start, progress), Path(folder), names)


def _by_month(payments: pl.DataFrame) -> dict[str, pl.DataFrame]:
    month = payments["paid_at"].dt.convert_time_zone(ZONE).dt.strftime("%Y_%m")
    found = payments.with_columns(month=month).partition_by("month", include_key=False, as_dict=True)
    return {str(key[0]): frame for key, frame in found.items()}


def _pieces_of(bank: Bank, by_month: dict[str, pl.DataFrame], progress: Progress | None) -> Iterator[Piece]:
    for table in Bank.__struct_fields__:
        if table != "payments":
            yield Piece(table, "", getattr(bank, table))
    for done, (month, frame) in enumerate(by_month.items(), start=1):
        yield Piece("payments", month, frame)
        if progress is not None:
            progress(done, len(by_month))


def _write(parts: Iterable[Piece], folder: Path, months: Iterable[str]) -> list[Path]:
    ours = {f"payments_{month}.csv" for month in months}
    stale = sorted(path.name for path in folder.glob("payments_*.csv") if path.name not in ours)
    if stale:
        raise StateError(WORDS("sim.stale", folder=folder, names=", ".join(stale)))
    open_files: dict[Path, BinaryIO] = {}
    with ExitStack() as stack:
        for piece in parts:
            path = _path(folder, piece)
            fresh = path not in open_files
            if fresh:
                path.parent.mkdir(parents=True, exist_ok=True)
                open_files[path] = stack.enter_context(path.open("wb"))
            _text(piece.frame).write_csv(
                open_files[path], include_header=fresh, datetime_format="%Y-%m-%dT%H:%M:%SZ", line_terminator="\n"
            )
    return sorted(open_files, key=lambda path: ("truth" in path.parts[-2:-1], path.name))


def _path(folder: Path, piece: Piece) -> Path:
    if piece.table in TRUTH:
        return folder / TRUTH[piece.table]
    return folder / (f"{piece.table}_{piece.month}.csv" if piece.month else f"{piece.table}.csv")


def _text(frame: pl.DataFrame) -> pl.DataFrame:
    """Amounts as text in euros, exactly: whole euros, a point, two digits."""
    amounts = [
        pl.concat_str(
            (pl.col(name) // 100).cast(pl.String), pl.lit("."), (pl.col(name) % 100).cast(pl.String).str.zfill(2)
        ).alias(name)
        for name in MONEY
        if name in frame.columns
    ]
    return frame.with_columns(amounts)
