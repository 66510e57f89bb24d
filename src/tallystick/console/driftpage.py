"""The page of label drift: PSI and missing values by month, drawn as the report draws them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tallystick.console.plots import drift_plots
from tallystick.console.report import template
from tallystick.console.words import WORDS
from tallystick.core import Language
from tallystick.desk.labeldrift import Drift
from tallystick.desk.reportdata import DriftPoint, LabelDrift


def render_drift(project: str, drift: Sequence[Drift], language: Language = "en") -> str:
    """Render the drift of labels as one HTML page that needs no network; the same figures give the same bytes.

    Parameters
    ----------
    project
        The project's name.
    drift
        From `desk.drift_of`; the 24 labels that moved most are drawn, all stand in the tables.
    language
        The language shown first; the reader switches on the page, without scripts.
    """
    drawn = [
        LabelDrift(label.label, tuple(DriftPoint(each.month, each.psi, each.share_missing) for each in label.months))
        for label in drift
    ]
    title = WORDS("page.drift", project=project)
    return template("drift.html").render(language=language, title=title, plots=drift_plots(drawn))


def write_drift(path: Path, project: str, drift: Sequence[Drift], language: Language = "en") -> None:
    """Write `render_drift` to a file, UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_drift(project, drift, language), encoding="utf-8", newline="\n")
