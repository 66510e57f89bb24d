"""Labels beside named peers, in the same run, on the same rows: `python -m bench labels [ROW ...] [options]`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path

from bench.labels.measure import Row, table

Run = Callable[[argparse.Namespace], list[Row]]


def _every_event(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import every_event

    return [row for events in [1_000_000, *([5_000_000] if asked.large else [])] for row in every_event.rows(events)]


def _polars(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import every_event

    return every_event.polars_rows(1_000_000)


def _any_point(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import any_point

    return any_point.rows(1_000_000)


def _feast(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import feast_store

    return feast_store.rows()


def _scale(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import scale

    return scale.rows([1_000_000, 10_000_000, *([100_000_000] if asked.large else [])], asked.folder)


def _stream(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import stream

    return stream.rows(50_000, 1_000_000)


def _segments(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import segments

    return segments.rows()


def _limit(asked: argparse.Namespace) -> list[Row]:
    from bench.labels import limit

    return limit.rows(1_000_000)


ROWS: dict[str, Run] = {
    "events": _every_event,
    "polars": _polars,
    "points": _any_point,
    "feast": _feast,
    "scale": _scale,
    "stream": _stream,
    "segments": _segments,
    "limit": _limit,
}


def main() -> None:
    """Run the chosen rows, or all, and print each as it is done."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m bench labels")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all without one")
    parser.add_argument("--large", action="store_true", help="5,000,000 events too, and 100,000,000 out of core")
    parser.add_argument("--folder", type=Path, help="where the large files go; a temporary folder by default")
    parser.add_argument("--markdown", action="store_true", help="print the whole table again, for docs/benchmarks.md")
    asked = parser.parse_args()
    for name in asked.rows:
        if name not in ROWS:
            parser.error(f"unknown row {name!r}; allowed: {', '.join(ROWS)}")
    found: list[Row] = []
    for name in asked.rows or ROWS:
        for row in ROWS[name](asked):
            print(f"{row.work}\n    ours {row.ours} · {row.peer} · {row.ratio} · {row.remark}", flush=True)
            found.append(row)
    if asked.markdown:
        print(table(found))


if __name__ == "__main__":
    # Before any of them starts its threads: both sides have two.
    for variable in ("POLARS_MAX_THREADS", "NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ.setdefault(variable, "2")
    main()
