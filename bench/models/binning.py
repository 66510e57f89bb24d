"""Optimal bins beside optbinning's, in the same run: `python -m bench.models.binning`.

150,000 × 10 numeric columns (skewed, tied, with missing values, one without any signal) against optbinning's default;
ours are its defaults too, and a second time with `auto` as theirs has. Each column's information value is printed, and
the run fails when one of ours is lower. Then one column of 100 pre-bins under a monotone constraint against its
constraint programme on the same pre-bins and limits, with the same value to 1e-6. No least size is set there: theirs
rules out cuts beforehand in a way that holds only without one, and with one may end lower.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from typing import Any

import numpy as np
from bench.labels.measure import Row, in_turns, seconds_of, table, times
from numpy.typing import NDArray

from tallystick.models import OptimalBinner

with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
    warnings.simplefilter("ignore")
    from optbinning import OptimalBinning

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
ROWS = 150_000
TOLERANCE = 1e-6


def columns(rows: int, seed: int = 3) -> tuple[dict[str, Floats], Ints]:
    """Ten columns of a made-up lender, and who went bad (about 15%)."""
    rng = np.random.default_rng(seed)
    risk, turning = rng.normal(size=rows), rng.normal(size=rows)

    def near(share: float) -> Floats:
        mixed: Floats = share * risk + np.sqrt(1.0 - share * share) * rng.normal(size=rows)
        return mixed

    def gaps(values: Floats, share: float) -> Floats:
        return np.where(rng.uniform(size=rows) < share, np.nan, values)

    balance = np.where(rng.uniform(size=rows) < 0.4, 0.0, np.exp(6.0 + 1.5 * near(0.35)))
    made: dict[str, Floats] = {
        "usage": 1.0 / (1.0 + np.exp(-near(0.5))),
        "salary": np.round(np.exp(10.0 - 0.4 * near(0.4)) / 100.0) * 100.0,
        "late": np.floor(np.maximum(0.0, near(0.5)) * 2.0),
        "age": np.clip(np.round(40.0 - 12.0 * near(0.3)), 18.0, 90.0),
        "amount": np.exp(8.0 + 2.0 * near(0.1)),
        "balance": gaps(balance, 0.1),
        "turning": turning,
        "mostly_missing": gaps(near(0.4), 0.8),
        "enquiries": rng.poisson(np.exp(0.5 * near(0.5))).astype(np.float64),
        "noise": gaps(rng.normal(size=rows), 0.2),
    }
    log_odds = -2.2 + 0.9 * risk + 0.5 * (np.abs(turning) - 0.8)
    return made, (rng.uniform(size=rows) < 1.0 / (1.0 + np.exp(-log_odds))).astype(np.int64)


def peer(values: Floats, y: Ints, **options: Any) -> tuple[float, int, str]:
    """optbinning's information value, number of bins and verdict."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = OptimalBinning(**options).fit(values, y)
        fitted.binning_table.build()
    return fitted.binning_table.iv, len(fitted.splits) + 1, fitted.status


def default_rows() -> tuple[list[Row], bool]:
    """150,000 × 10 against the default of optbinning; whether every column has at least its information value."""
    made, y = columns(ROWS)
    OptimalBinner(monotone="auto").fit(made, y)
    found: dict[str, Any] = {}

    def ours() -> float:
        found["ours"], taken = seconds_of(lambda: OptimalBinner().fit(made, y))
        return taken

    def ours_auto() -> float:
        found["auto"], taken = seconds_of(lambda: OptimalBinner(monotone="auto").fit(made, y))
        return taken

    def theirs() -> float:
        found["theirs"], taken = seconds_of(lambda: [peer(values, y) for values in made.values()])
        return taken

    quick, auto, slow = in_turns(ours, ours_auto, theirs, rounds=3)
    print(f"{'column':<16}{'ours':>10}{'bins':>6}{'auto':>10}{'shape':>12}{'theirs':>10}{'bins':>6}  status")
    fine = True
    for mine, shaped, (iv, bins, status) in zip(
        found["ours"].variables_, found["auto"].variables_, found["theirs"], strict=True
    ):
        fine &= mine.iv >= iv - 1e-12
        print(
            f"{mine.feature.name:<16}{mine.iv:>10.6f}{len(mine.edges) + 1:>6}{shaped.iv:>10.6f}{shaped.monotone:>12}"
            f"{iv:>10.6f}{bins:>6}  {status}{'' if mine.iv >= iv - 1e-12 else '  OURS IS LOWER'}"
        )
    work, remark = f"bin {ROWS:,} × 10 numeric", "IV no lower on any column" if fine else "IV LOWER SOMEWHERE"
    return [
        Row(work, f"{quick * 1e3:,.0f} ms", f"optbinning default, {slow:.2f} s", times(slow / quick), remark),
        Row(f"{work}, monotone auto", f"{auto * 1e3:,.0f} ms", f"{slow:.2f} s", times(slow / auto)),
    ], fine


def one_column_rows() -> tuple[list[Row], bool]:
    """One column of 100 pre-bins, ascending, against constraint programming; whether the values agree."""
    rng = np.random.default_rng(5)
    x = np.concatenate([np.arange(100).repeat(2), rng.integers(0, 100, 20_000)]).astype(np.float64)
    risk = -2.0 + 0.02 * x + 0.3 * np.sin(x / 5.0) + rng.normal(0.0, 0.3, 100)[x.astype(np.int64)]
    y = (rng.uniform(size=x.size) < 1.0 / (1.0 + np.exp(-risk))).astype(np.int64)
    y[:200:2], y[1:200:2] = 0, 1
    splits = np.arange(99) + 0.5
    limits = {"monotonic_trend": "ascending", "max_n_bins": 8}
    slow_found, slow = seconds_of(lambda: peer(x, y, solver="cp", user_splits=splits, time_limit=600, **limits))
    binner = OptimalBinner(8, 0.0, min_events=1, max_prebins=100, monotone="ascending")
    quick = in_turns(lambda: seconds_of(lambda: binner.fit({"x": x}, y))[1], rounds=5)[0]
    iv, bins, status = slow_found
    ours = binner.variables_[0].iv
    same = abs(ours - iv) <= TOLERANCE and status == "OPTIMAL"
    remark = f"IV {ours:.7f} and {iv:.7f}, {bins} bins, theirs {status}"
    print(remark)
    work = "one column, 100 pre-bins, ascending"
    return [Row(work, f"{quick * 1e3:.1f} ms", f"optbinning CP, {slow:.2f} s", times(slow / quick), remark)], same


def main() -> None:
    """Run both; fail when an information value is not as promised."""
    (many, fine), (one, same) = default_rows(), one_column_rows()
    print(table(many + one))
    sys.exit(not (fine and same))


if __name__ == "__main__":
    main()
