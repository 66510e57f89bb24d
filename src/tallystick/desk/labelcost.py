"""What labels cost: CPU time for a million values, each label alone, what is shared told apart."""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import polars as pl

from tallystick.core import InputError, StateError
from tallystick.desk.points import own_points, point_streams, reachable_labels
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS
from tallystick.labels import Library

POINTS = 50_000
_ROUNDS = 2


class Cost(msgspec.Struct, frozen=True):
    """One label's CPU milliseconds for a million values.

    `own_ms` is what the label adds to others of the same stream and entity; `shared_ms` is what is paid once for all of
    them: reading, checking and arranging the facts. `alone_ms` is both.
    """

    label: str
    group: str
    points: int
    own_ms: float
    shared_ms: float
    alone_ms: float


def label_costs(
    project: Project, names: Sequence[str] = (), points: int = POINTS, progress: Progress = silent
) -> list[Cost]:
    """Measure the process time of labels at own points of the project, dearest first.

    A group of labels that read the same streams by the same entities pays once what they share: if n labels alone cost
    the sum A and together B, the shared part is (A - B) / (n - 1), never more than the cheapest alone.

    Parameters
    ----------
    project
        A checked project with a loaded lake.
    names
        Labels; all that have points without it.
    points
        At most so many points of each stream, spread evenly over time.
    progress
        Told how many labels are measured.
    """
    for name in names:
        if name not in project.library.labels:
            raise InputError(WORDS("catalogue.unknown", given=name, allowed=", ".join(project.library.labels)))
    library = project.library
    facts = facts_of(project, library)
    work = []
    for stream in point_streams(project):
        wanted = [name for name in reachable_labels(project, stream) if not names or name in names]
        groups: dict[str, list[str]] = {}
        for name in wanted:
            label = library.labels[name]
            groups.setdefault(f"{', '.join(label.streams)} / {', '.join(label.entities) or '-'}", []).append(name)
        frame = sampled(own_points(project, stream, facts[stream]), points)
        work += [(frame, group, members) for group, members in groups.items()]
    total, done, costs = sum(len(members) for _, _, members in work), 0, list[Cost]()
    for frame, group, members in work:
        alone = []
        for name in members:
            alone.append(_seconds(library, frame, [name], facts))
            done += 1
            progress("cost", done, total)
        together = _seconds(library, frame, members, facts) if len(members) > 1 else alone[0]
        shared = (sum(alone) - together) / (len(members) - 1) if len(members) > 1 else 0.0
        shared = min(max(shared, 0.0), *alone) if len(alone) > 1 else 0.0
        scale = 1e9 / max(frame.height, 1)
        costs += [
            Cost(name, group, frame.height, (each - shared) * scale, shared * scale, each * scale)
            for name, each in zip(members, alone, strict=True)
        ]
    return sorted(costs, key=lambda cost: (-cost.own_ms, cost.label))


def facts_of(project: Project, library: Library) -> dict[str, pl.DataFrame]:
    """The facts of the streams that a library reads; raises `StateError` for one that is not loaded."""
    lake = project.lake()
    for stream in library.streams:
        if stream not in lake.tables():
            raise StateError(WORDS("lake.empty", given=stream))
    return {stream: lake.facts(stream) for stream in library.streams}


def sampled(frame: pl.DataFrame, points: int) -> pl.DataFrame:
    """At most so many rows of a frame of points, evenly spread in order of (t, id)."""
    every = -(-frame.height // max(points, 1))
    return frame.sort("t", "id").gather_every(max(every, 1))


def _seconds(library: Library, frame: pl.DataFrame, names: list[str], facts: dict[str, pl.DataFrame]) -> float:
    """The least process time of some rounds; the first of all compiles and is not counted."""
    library.at(frame.head(10), labels=names, facts=facts)
    least = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        library.at(frame, labels=names, facts=facts)
        least = min(least, time.process_time() - began)
    return least
