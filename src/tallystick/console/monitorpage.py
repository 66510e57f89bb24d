"""The page of monitoring: every model by month, its alarms first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from tallystick.console.drawing import BAD, GOOD, INK, SOFT
from tallystick.console.plots import Plot, drift_plots, month_plot
from tallystick.console.report import template
from tallystick.console.words import WORDS
from tallystick.core import Language, Message
from tallystick.desk.models_monitor import ModelWatch
from tallystick.desk.reportdata import DriftPoint, LabelDrift
from tallystick.models.monitoring import Alarm, WatchMonth

_SHARES = ("missing_rise",)


def render_monitor(project: str, watched: Sequence[ModelWatch], language: Language = "en") -> str:
    """Render monitoring as one HTML page that needs no network; the same figures give the same bytes.

    Parameters
    ----------
    project
        The project's name.
    watched
        From `desk.monitor_models`.
    language
        The language shown first; the reader switches on the page, without scripts.
    """
    models = [
        {
            "name": each.name,
            "version": each.version,
            "expired": each.expired,
            "alarms": [alarm_words(alarm) for alarm in each.watch.alarms],
            "plots": _plots(each, f"w{place}-"),
        }
        for place, each in enumerate(watched)
    ]
    return template("monitor.html").render(
        language=language, title=WORDS("page.monitor", project=project), models=models
    )


def write_monitor(path: Path, project: str, watched: Sequence[ModelWatch], language: Language = "en") -> None:
    """Write `render_monitor` to a file, UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_monitor(project, watched, language), encoding="utf-8", newline="\n")


def alarm_words(alarm: Alarm) -> Message:
    """One alarm as a sentence."""
    form = ".1%" if alarm.what in _SHARES else ".3f"
    about: dict[str, Any] = {"month": alarm.month, "value": f"{alarm.value:{form}}", "limit": f"{alarm.limit:{form}}"}
    if alarm.label:
        about["label"] = alarm.label
    return WORDS(f"monitor.{alarm.what}", **about)


def _plots(each: ModelWatch, prefix: str) -> tuple[Plot, ...]:
    months = each.watch.months
    names = sorted({moved.label for month in months for moved in month.labels})
    drift = [
        LabelDrift(
            name,
            tuple(
                DriftPoint(month.month, moved.psi, moved.missing)
                for month in months
                for moved in month.labels
                if moved.label == name
            ),
        )
        for name in names
    ]
    ranked = [month for month in months if month.auc is not None]
    known = [month for month in months if month.ripe]
    plots = [_psi(each, prefix)] if any(month.psi is not None for month in months) else []
    plots += [_auc(each, ranked, prefix)] if ranked else []
    plots += [_rate(known, prefix)] if known else []
    return (*plots, *drift_plots(drift, prefix))


def _psi(each: ModelWatch, prefix: str) -> Plot:
    months = [month for month in each.watch.months if month.psi is not None]
    values = [month.psi or 0.0 for month in months]

    def draw(axes: Axes) -> None:
        axes.bar(range(len(months)), values, color=GOOD, width=0.6)
        axes.axhline(each.rules.psi_max, color=BAD, linewidth=1.2, linestyle="dashed", label=_en("series.limit"))
        axes.legend(loc="best")

    most = max(months, key=lambda month: month.psi or 0.0)
    reading = WORDS("read.monitor_psi", month=most.month, psi=f"{most.psi:.3f}", limit=f"{each.rules.psi_max:g}")
    return month_plot(
        f"{prefix}psi",
        "plot.monitor_psi",
        [month.month for month in months],
        draw,
        "axis.psi",
        ("series.limit",),
        reading,
        ("column.month", "column.rows", "column.psi"),
        [(month.month, f"{month.rows:,}", f"{month.psi:.3f}") for month in months],
    )


def _auc(each: ModelWatch, months: Sequence[WatchMonth], prefix: str) -> Plot:
    values = [month.auc or 0.0 for month in months]
    below = [value - (month.auc_low or 0.0) for value, month in zip(values, months, strict=True)]
    above = [(month.auc_high or 1.0) - value for value, month in zip(values, months, strict=True)]

    def draw(axes: Axes) -> None:
        places = range(len(months))
        axes.errorbar(places, values, yerr=(below, above), color=GOOD, marker="o", linestyle="none", capsize=3)
        if each.watch.auc is not None:
            axes.axhline(each.watch.auc, color=INK, linewidth=1.2, linestyle="dashed", label=_en("series.judged"))
            axes.legend(loc="best")

    worst = min(months, key=lambda month: month.auc or 0.0)
    reading = WORDS("read.monitor_auc", auc=f"{worst.auc:.3f}", month=worst.month, events=f"{worst.events:,}")
    rows = [
        (
            month.month,
            f"{month.ripe:,}",
            f"{month.events:,}",
            f"{month.auc:.4f}",
            f"{month.auc_low:.4f}",
            f"{month.auc_high:.4f}",
            f"{month.ks:.4f}",
        )
        for month in months
    ]
    heads = ("month", "ripe", "bad", "auc", "low", "high", "ks")
    return month_plot(
        f"{prefix}auc",
        "plot.monitor_auc",
        [month.month for month in months],
        draw,
        "axis.auc",
        ("series.judged",),
        reading,
        tuple(f"column.{head}" for head in heads),
        rows,
    )


def _rate(months: Sequence[WatchMonth], prefix: str) -> Plot:
    predicted, observed = [m.predicted or 0.0 for m in months], [m.observed or 0.0 for m in months]

    def draw(axes: Axes) -> None:
        places = range(len(months))
        axes.plot(places, predicted, color=SOFT, marker="o", linestyle="dashed", label=_en("series.predicted"))
        axes.plot(places, observed, color=BAD, marker="o", label=_en("series.observed"))
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.2%}"))
        axes.legend(loc="best")

    ripe = sum(month.ripe for month in months)
    expected = sum(value * month.ripe for value, month in zip(predicted, months, strict=True)) / ripe
    bad = sum(month.events for month in months) / ripe
    return month_plot(
        f"{prefix}rate",
        "plot.monitor_rate",
        [month.month for month in months],
        draw,
        "axis.bad_rate_all",
        ("series.predicted", "series.observed"),
        WORDS("read.monitor_rate", observed=f"{bad:.2%}", predicted=f"{expected:.2%}"),
        ("column.month", "column.ripe", "column.bad", "column.predicted", "column.observed"),
        [
            (m.month, f"{m.ripe:,}", f"{m.events:,}", f"{was:.2%}", f"{became:.2%}")
            for m, was, became in zip(months, predicted, observed, strict=True)
        ],
    )


def _en(code: str) -> str:
    return WORDS(code).text("en")
