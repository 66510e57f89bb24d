"""Models beside named peers, in the same run, on the same rows: `python -m bench models [ROW ...] [options]`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable

from bench.labels.measure import Row, table

Run = Callable[[], tuple[list[Row], bool]]


def _bins() -> tuple[list[Row], bool]:
    from bench.models import binning

    return binning.default_rows()


def _column() -> tuple[list[Row], bool]:
    from bench.models import binning

    return binning.one_column_rows()


def _trees() -> tuple[list[Row], bool]:
    from bench.models import scoring

    return scoring.tree_rows()


def _card() -> tuple[list[Row], bool]:
    from bench.models import scoring

    return scoring.card_rows(), True


def _recipe() -> tuple[list[Row], bool]:
    from bench.models import recipe

    return recipe.recipe_rows()


ROWS: dict[str, Run] = {"bins": _bins, "column": _column, "trees": _trees, "card": _card, "recipe": _recipe}


def main() -> None:
    """Run the chosen rows, or all, and print each as it is done; ends with 1 when a result is not what is promised."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench models")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all without one")
    parser.add_argument("--markdown", action="store_true", help="print the whole table again, for docs/benchmarks.md")
    asked = parser.parse_args()
    for name in asked.rows:
        if name not in ROWS:
            parser.error(f"unknown row {name!r}; allowed: {', '.join(ROWS)}")
    found: list[Row] = []
    whole = True
    for name in asked.rows or ROWS:
        rows, fine = ROWS[name]()
        whole &= fine
        for row in rows:
            print(f"{row.work}\n    ours {row.ours} · {row.peer} · {row.ratio} · {row.remark}", flush=True)
            found.append(row)
    if asked.markdown:
        print(table(found))
    sys.exit(not whole)


if __name__ == "__main__":
    # Before any of them starts its threads: both sides have two.
    for variable in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "2")
    main()
