"""`tally run`: load → labels → train → backtest → decide → verify → report, resumable step by step.

Each step leaves a JSON note in `.tallystick/run/` with a key made of the versions of all it read; a step whose key has
not changed is not done again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import polars as pl

from tallystick import data
from tallystick.core import InputError, StateError, content_version
from tallystick.desk.backtest import BacktestResult, backtest_flows
from tallystick.desk.live_run import LiveResult, decide_history
from tallystick.desk.points import LabelsResult, compute_labels, point_streams
from tallystick.desk.progress import Progress, silent
from tallystick.desk.project import Project
from tallystick.desk.training import TrainResult, lake_versions, require_champions, train_models
from tallystick.desk.verification import VerifyResult, verify_run
from tallystick.desk.words import WORDS
from tallystick.store import atomic_write

STEPS = ("load", "labels", "train", "backtest", "decide", "verify", "report")
SEMANTICS = 1
T = TypeVar("T", bound=msgspec.Struct)


class LoadResult(msgspec.Struct, frozen=True):
    """What the lake holds after loading: rows and quarantined rows of each source, over all loads."""

    rows: dict[str, int]
    quarantined: dict[str, int]


class Run(msgspec.Struct, frozen=True):
    """The results of the steps that were run, seconds by step, and the report's file."""

    load: LoadResult | None = None
    labels: LabelsResult | None = None
    train: TrainResult | None = None
    backtest: BacktestResult | None = None
    decide: LiveResult | None = None
    verify: VerifyResult | None = None
    seconds: dict[str, float] = {}
    report: str = ""

    @property
    def failed(self) -> bool:
        """Whether a model failed its gates, a bit differed or a proof did not hold."""
        gates = self.train is not None and not all(model.passed for model in self.train.models)
        return gates or (self.verify is not None and not self.verify.holds)


class _Note(msgspec.Struct, frozen=True):
    key: str
    seconds: float
    result: msgspec.Raw


def run_steps(
    project: Project,
    steps: Sequence[str] = STEPS,
    progress: Progress = silent,
    draw: Callable[[Project, Run], Path] | None = None,
) -> Run:
    """Run steps in order; one that would read the same versions again is taken from its note.

    Parameters
    ----------
    project
        A checked project.
    steps
        A beginning of `STEPS`.
    progress
        Told how far each step is.
    draw
        Draws the report of a run and returns its path; given by whoever draws pages.

    Returns
    -------
    Run
        Every step's result, from which summary and report are made.
    """
    run = Run()
    for step in steps:
        if step not in STEPS:
            raise InputError(WORDS("run.step", given=step, allowed=", ".join(STEPS)))
        started = time.perf_counter()
        if step != "report":
            shape, work = _WORK[step]
            result, seconds = _step(project, step, shape, work, progress)
            run = msgspec.structs.replace(run, **{step: result}, seconds={**run.seconds, step: seconds})
            if step == "train" and step != steps[-1]:
                require_champions(project, result)
        elif draw is not None:
            path = draw(project, run)
            seconds = time.perf_counter() - started
            run = msgspec.structs.replace(run, report=str(path), seconds={**run.seconds, step: seconds})
        progress(step, 1, 1)
    return run


def last_run(project: Project) -> Run:
    """The results that the last run left; raises `StateError` when a step was never run."""
    results: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for step, (shape, _) in _WORK.items():
        left = _left(project, step, shape)
        if left is None:
            raise StateError(WORDS("run.none"))
        _, results[step], seconds[step] = left
    return Run(**results, seconds=seconds)


def load_sources(project: Project, progress: Progress = silent) -> list[data.LoadReport]:
    """Load every source's new files into the lake; returns a report by source."""
    lake = project.lake()

    def tell(file: str, done: int, total: int) -> None:
        progress("load", done, total)

    return [lake.load(source, project.root, tell) for source in project.sources.values()]


def _load(project: Project, progress: Progress) -> LoadResult:
    load_sources(project, progress)
    lake = project.lake()
    counts = {name: lake.read(name, lambda facts: facts.select(pl.len())).item() for name in project.sources}
    return LoadResult(counts, {name: lake.quarantine(name).height for name in project.sources})


def _step(
    project: Project, step: str, shape: type[T], work: Callable[[Project, Progress], T], progress: Progress
) -> tuple[T, float]:
    key = content_version("step", [step, *_reads(project, step)], SEMANTICS)
    left = _left(project, step, shape)
    # Loading asks the files themselves, and verifying the bytes on disk, which no version of ours knows.
    if step not in ("load", "verify") and left is not None and left[0] == key:
        return left[1], left[2]
    started = time.perf_counter()
    result = work(project, progress)
    seconds = time.perf_counter() - started
    # Deciding moves the journal, which its own key names: what counts is what stands now.
    key = content_version("step", [step, *_reads(project, step)], SEMANTICS)
    note = _Note(key, seconds, msgspec.Raw(msgspec.json.encode(result)))
    atomic_write(_note_path(project, step), msgspec.json.encode(note))
    return result, seconds


def _left(project: Project, step: str, shape: type[T]) -> tuple[str, T, float] | None:
    """What a step left: key, result and seconds; None when it never ran, or an older release ran it."""
    path = _note_path(project, step)
    if not path.exists():
        return None
    try:
        note = msgspec.json.decode(path.read_bytes(), type=_Note)
        return note.key, msgspec.json.decode(note.result, type=shape), note.seconds
    except msgspec.ValidationError:
        return None


def _reads(project: Project, step: str) -> list[Any]:
    """The versions of all that a step reads."""
    place = STEPS.index(step)
    reads: list[Any] = [{name: source.version for name, source in project.sources.items()}]
    if place >= STEPS.index("labels"):
        reads += [lake_versions(project), dict(project.library.versions), point_streams(project)]
    if place >= STEPS.index("train"):
        reads.append([msgspec.structs.replace(recipe, place=None) for recipe in project.recipes.values()])
        reads.append([flow.live for flow in project.flows.values()])
    if place >= STEPS.index("backtest"):
        registry = project.registry()
        reads += [[registry.champion(flow.model) for flow in project.flows.values()]]
        reads += [[model.version for model in project.decisions.values()]]
        reads += [[msgspec.structs.replace(flow, path="") for flow in project.flows.values()]]
    if place >= STEPS.index("decide"):
        reads += [project.reasons.version, _journal_size(project)]
    return reads


def _journal_size(project: Project) -> int:
    folder = project.state / "journal"
    return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0


def _note_path(project: Project, step: str) -> Path:
    return project.state / "run" / f"{step}.json"


_WORK: dict[str, tuple[type[Any], Callable[[Project, Progress], Any]]] = {
    "load": (LoadResult, _load),
    "labels": (LabelsResult, compute_labels),
    "train": (TrainResult, train_models),
    "backtest": (BacktestResult, backtest_flows),
    "decide": (LiveResult, decide_history),
    "verify": (VerifyResult, verify_run),
}
