"""Quality beside named peers: `python -m bench.quality [--repeats 10] [--only NAME …] [--cache build/quality]`.

German Credit, Taiwan (sex, education, marriage and age out, then in) and Bank Marketing without `duration`; stratified
5-fold, repeated; every model has its own defaults, the same columns and the same folds. Exits 1 when the layered model
lies more than .002 AUC below the best peer on a data set, or not above 0 on average; when the scorecard lies more than
.002 below a peer's; or when calibration is worse. What was computed is kept, so a stopped run goes on.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

import numpy as np
from bench.quality.data import Data, all_data
from bench.quality.judge import Figures, Verdict, figures, judge
from bench.quality.run import MODELS, out_of_fold


def main() -> None:
    """Compute, print, judge."""
    parser = argparse.ArgumentParser(prog="python -m bench.quality", description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=10, help="repeats of the 5 folds (10)")
    parser.add_argument("--only", nargs="+", default=None, help="names of data sets, such as german")
    parser.add_argument("--cache", type=Path, default=Path("build/quality"), help="where answers are kept")
    given = parser.parse_args()
    shared = Path(os.environ.get("TALLYSTICK_SHARED", "../shared"))
    chosen = [data for data in all_data(shared / "data") if not given.only or data.name in given.only]
    if not chosen:
        sys.exit(f"no data set of these names; allowed: {', '.join(data.name for data in all_data(shared / 'data'))}")
    verdicts = {data.name: one(data, given.repeats, given.cache) for data in chosen}
    average = float(np.mean([verdict.difference for verdict in verdicts.values()]))
    broken = [f"{name}: {rule}" for name, verdict in verdicts.items() for rule in verdict.broken]
    if average <= 0.0:
        broken.append(f"average difference {average:+.4f} is not above 0")
    print(f"\naverage difference from the best peer: {average:+.4f} AUC")
    for line in broken:
        print(f"FAILED {line}")
    sys.exit(1 if broken else 0)


def one(data: Data, repeats: int, cache: Path) -> Verdict:
    """Compute one data set, repeat by repeat, and print its table."""
    found: dict[str, dict[int, np.ndarray]] = {model: {} for model in MODELS}
    for repeat in range(repeats):
        for model in MODELS:
            print(f"\r{data.name}: repeat {repeat + 1} of {repeats}, {model:<20}", end="", file=sys.stderr, flush=True)
            found[model][repeat] = out_of_fold(data, repeat, model, cache)
    print("\r" + " " * 72 + "\r", end="", file=sys.stderr)
    table = {model: figures(data.y, answers) for model, answers in found.items()}
    verdict = judge(table)
    show(data, table, verdict)
    return verdict


def show(data: Data, table: dict[str, Figures], verdict: Verdict) -> None:
    """One line for each model: means over repeats and folds, and the paired difference from the layered model."""
    print(f"\n{data.name}: {data.y.size:,} rows, {data.frame.width} columns, {data.y.mean():.1%} events")
    print(f"  {'':<18}{'AUC':>8}{'± fold':>8}{'layered −':>12}{'Brier':>9}{'slope':>8}")
    for model, own in table.items():
        difference = float((table["layered"].auc - own.auc).mean())
        print(
            f"  {model:<18}{own.auc.mean():>8.4f}{own.auc.std():>8.4f}{difference:>+12.4f}"
            f"{own.brier.mean():>9.4f}{own.slope.mean():>8.3f}"
        )
    print(f"  best peer {verdict.best}: layered {verdict.difference:+.4f}; scorecard {verdict.card_difference:+.4f}")


if __name__ == "__main__":
    main()
