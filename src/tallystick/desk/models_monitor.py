"""Monitoring of what serves: drift and performance by month, against development, with alarms at declared limits."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import polars as pl

from tallystick import models
from tallystick.core import StateError
from tallystick.desk.champion import check_labels
from tallystick.desk.models_compare import development, find_model, judged_frame
from tallystick.desk.models_words import WORDS
from tallystick.desk.project import Project


class ModelWatch(msgspec.Struct, frozen=True):
    """One version by month, the limits that it is held against, and whether it has run out."""

    name: str
    version: str
    rules: models.Monitor
    watch: models.Watch
    expired: bool


def monitor_models(project: Project, names: Sequence[str] = (), now: int = 0) -> list[ModelWatch]:
    """Hold models against their development at the points that `tally labels compute` has computed.

    Parameters
    ----------
    project
        A project whose labels are computed.
    names
        NAME for a champion, NAME@VERSION for a version; every champion without it.
    now
        Against which expiry is judged, in microseconds UTC.

    Raises
    ------
    InputError
        For an unknown model.
    StateError
        When there is nothing to monitor, or a label of a model means something else today.
    """
    registry = project.registry()
    wanted = names or [name for name in project.recipes if registry.champion(name) is not None]
    if not wanted:
        raise StateError(WORDS("monitor.none"))
    return [_watched(project, text, now) for text in wanted]


def _watched(project: Project, text: str, now: int) -> ModelWatch:
    model = find_model(project, text)
    check_labels(project, model)
    recipe, before = project.recipes[model.name], development(model)
    frame = judged_frame(project, recipe, tuple(model.labels))
    labels = frame.select(model.labels)
    scored = model.score_columns(labels)
    t = frame["t"].to_physical().to_numpy()
    end = before.until
    later = np.ones(t.size, dtype=np.int64) if end is None else (t > end).astype(np.int64)
    found = models.watch(
        before,
        labels,
        scored["pd"].to_numpy(),
        scored["points"].to_numpy(),
        frame[recipe.target].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        frame["t"].dt.convert_time_zone(project.zone).dt.strftime("%Y-%m"),
        later,
        recipe.monitor,
        judged_auc(model),
    )
    expired = project.registry().entry(model.name, model.version).standing.expired(now)
    return ModelWatch(model.name, model.version, recipe.monitor, found, expired)


def judged_auc(model: models.Model) -> float | None:
    """The AUC that a model was judged by: out of time where there was such a sample, else cross-validated."""
    report = model.card.get("report", {})
    judged = report.get("out_of_time") or report.get("cross_validation") or {}
    value = judged.get("auc")
    return None if value is None else float(value)
