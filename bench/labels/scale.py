"""Cost for each value and memory as the history grows, out of core: `tallystick.labels.scale.partitions.at_partitions`.

    python -m bench.labels.scale write|run EVENTS FOLDER     (one size alone, for its time and memory)

Cards grow with the payments, twenty payments a card on the average; the busiest has a fifth of them all, however many
they are. The files are written before, by another process. The cost is CPU time, of all threads.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl
from bench.labels.data import WINDOWS, write_parts
from bench.labels.every_event import compiled, library
from bench.labels.measure import Row, fields, fresh, peak_mib, seconds_of

EVENTS_PER_CARD, MEMORY_MIB = 20, 4096
VALUES = 3 * len(WINDOWS)


def rows(sizes: list[int], folder: Path | None) -> list[Row]:
    """A row for each size; its ratio is the cost for each value beside the smallest size's."""
    found: list[Row] = []
    first = 0.0
    with tempfile.TemporaryDirectory(dir=folder) as name:
        for events in sizes:
            fresh("bench.labels.scale", "write", events, name)
            # The better of two, but for the hundred million, which take minutes.
            runs = [fresh("bench.labels.scale", "run", events, name) for _ in range(2 if events < 50_000_000 else 1)]
            best = min(runs, key=lambda run: run["cpu"])
            cost = best["cpu"] / (events * VALUES) * 1e9
            first = first or cost
            found.append(
                Row(
                    f"out of core, {events:,} events, {VALUES} labels",
                    f"{best['cpu']:.1f} CPU s, {cost:.0f} ns a value",
                    f"ourselves at {sizes[0]:,}",
                    f"{cost / first:.2f} of its cost",
                    f"whole process {max(run['peak'] for run in runs) / 1024:.2f} GiB; {best['steps']} steps of "
                    f"{best['partitions']} partitions; {best['seconds']:.1f} s; disk {best['disk']:,} MB at the most",
                )
            )
            shutil.rmtree(Path(name) / str(events))
    return found


def one_size(events: int, folder: Path) -> dict[str, Any]:
    """Seconds, memory and disk of one run over the files of `folder`."""
    from tallystick.labels.scale import at_partitions

    compiled()
    made, out = library(False), folder / f"out{events}"
    facts = {"payments": pl.scan_parquet(folder / str(events) / "*.parquet")}
    used: list[int] = []

    def watch(stage: str, done: int, total: int) -> None:
        used.append(sum(path.stat().st_size for path in folder.glob(f".{out.name}-*/**/*") if path.is_file()))

    start = time.process_time()
    report, seconds = seconds_of(
        lambda: at_partitions(made, facts, out, stream="payments", memory_mib=MEMORY_MIB, progress=watch)
    )
    cpu = time.process_time() - start
    height = pl.scan_parquet(out / "*.parquet").select(pl.len()).collect().item()
    shutil.rmtree(out)
    if height != events:
        sys.exit(f"{height} rows for {events} events")
    sizes = {"partitions": report.partitions, "steps": report.steps, "disk": max(used) // 1_000_000}
    return {"seconds": seconds, "cpu": cpu, "peak": peak_mib(), **sizes}


if __name__ == "__main__":
    step, size, where = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
    if step == "write":
        fields({"files": len(write_parts(where / sys.argv[2], size, max(size // EVENTS_PER_CARD, 1)))})
    else:
        fields(one_size(size, where))
