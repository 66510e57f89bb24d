"""The plots of a report: each one drawing, one sentence that reads it, and its numbers as a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from tallystick.console.drawing import BAD, EMPTY, GOOD, HEAT, INK, SOFT, inline, new_figure, style, svg_of
from tallystick.console.words import WORDS
from tallystick.core import Message
from tallystick.desk.reportdata import AlertBudget, BudgetPoint, LabelDrift, ModelCurves, ScoreHistogram

_SIZE = (5.4, 3.3)
_DRIFT_LABELS_MAX = 24
_WATCH, _LOOK = 0.10, 0.25
_MISSING_SHOWN = 0.005
_TYPICAL_APPROVAL = 0.8
_Item = TypeVar("_Item")
_PERCENT = FuncFormatter(lambda share, _: f"{share:.0%}")
_FINE_PERCENT = FuncFormatter(lambda share, _: f"{share:.2%}")


class Plot(msgspec.Struct, frozen=True):
    """One plot: its id on the page, title, SVG element, reading, and table (column heads, rows)."""

    name: str
    title: Message
    svg: str
    reading: Message
    columns: tuple[Message, ...]
    rows: tuple[tuple[str | Message, ...], ...]
    wide: bool = False


def model_plots(model: ModelCurves, prefix: str) -> tuple[Plot, ...]:
    """Draw one model: score distribution, KS, calibration and trade-off, each left out when it has no points.

    Parameters
    ----------
    model
        The figures that desk computed.
    prefix
        Goes before the id of each plot, so that models share a page.
    """
    plots = []
    if sum(model.scores.good) + sum(model.scores.bad):
        plots.append(_scores(model, f"{prefix}-scores"))
    if model.ks:
        plots.append(_ks(model, f"{prefix}-ks"))
    if model.calibration:
        plots.append(_calibration(model, f"{prefix}-calibration"))
    if model.trade_off:
        plots.append(_trade_off(model, f"{prefix}-trade-off"))
    return tuple(plots)


def _scores(model: ModelCurves, name: str) -> Plot:
    histogram = model.scores
    edges = histogram.edges

    def draw(axes: Axes) -> None:
        for counts, colour, code in ((histogram.good, GOOD, "series.good"), (histogram.bad, BAD, "series.bad")):
            total = sum(counts) or 1
            shares = [count / total for count in counts]
            axes.stairs(shares, edges, fill=True, color=colour, alpha=0.25)
            axes.stairs(shares, edges, color=colour, linewidth=1.8, label=_en(code))
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.legend(loc="best")

    return _plot(
        name,
        "plot.scores",
        draw,
        ("axis.score", "axis.share_cases"),
        ("series.good", "series.bad"),
        WORDS("read.scores", good=_median(histogram, "good"), bad=_median(histogram, "bad")),
        ("column.from", "column.to", "column.good", "column.bad"),
        [
            (f"{low:g}", f"{high:g}", f"{good:,}", f"{bad:,}")
            for low, high, good, bad in zip(edges[:-1], edges[1:], histogram.good, histogram.bad, strict=True)
        ],
    )


def _ks(model: ModelCurves, name: str) -> Plot:
    best = max(model.ks, key=lambda point: point.bad - point.good)
    scores = [point.score for point in model.ks]

    def draw(axes: Axes) -> None:
        axes.step(scores, [point.good for point in model.ks], where="post", color=GOOD, label=_en("series.good"))
        axes.step(scores, [point.bad for point in model.ks], where="post", color=BAD, label=_en("series.bad"))
        axes.vlines(best.score, best.good, best.bad, color=INK, linewidth=1.2, linestyle="dotted")
        label = f"KS {best.bad - best.good:.3f}"
        axes.text(0.98, 0.05, label, transform=axes.transAxes, ha="right", fontsize=11, weight="bold")
        axes.set_ylim(0, 1.02)
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.legend(loc="best")

    return _plot(
        name,
        "plot.ks",
        draw,
        ("axis.score", "axis.share_below"),
        ("series.good", "series.bad"),
        WORDS(
            "read.ks",
            score=f"{best.score:g}",
            bad=f"{best.bad:.0%}",
            good=f"{best.good:.0%}",
            ks=f"{best.bad - best.good:.3f}",
        ),
        ("column.score", "column.good", "column.bad"),
        [(f"{point.score:g}", f"{point.good:.1%}", f"{point.bad:.1%}") for point in _thin(model.ks)],
    )


def _calibration(model: ModelCurves, name: str) -> Plot:
    bins = model.calibration
    gaps = [abs(group.predicted - group.observed) for group in bins]
    cases = sum(group.n for group in bins) or 1
    mean = sum(gap * group.n for gap, group in zip(gaps, bins, strict=True)) / cases

    def draw(axes: Axes) -> None:
        top = max(max(group.predicted, group.observed) for group in bins) * 1.08 or 1.0
        axes.plot([0, top], [0, top], color=SOFT, linewidth=1, linestyle="dashed", label=_en("series.ideal"))
        axes.plot(
            [group.predicted for group in bins],
            [group.observed for group in bins],
            color=GOOD,
            marker="o",
            markersize=5,
            linewidth=1.2,
            label=_en("series.model"),
        )
        axes.set_xlim(0, top)
        axes.set_ylim(0, top)
        formatter = _PERCENT if top > 0.05 else _FINE_PERCENT
        axes.xaxis.set_major_formatter(formatter)
        axes.yaxis.set_major_formatter(formatter)
        axes.legend(loc="upper left")

    return _plot(
        name,
        "plot.calibration",
        draw,
        ("axis.predicted", "axis.observed"),
        ("series.ideal", "series.model"),
        WORDS("read.calibration", mean=f"{mean * 100:.2f}", most=f"{max(gaps) * 100:.2f}"),
        ("column.predicted", "column.observed", "column.cases"),
        [(f"{group.predicted:.2%}", f"{group.observed:.2%}", f"{group.n:,}") for group in bins],
    )


def _trade_off(model: ModelCurves, name: str) -> Plot:
    points = sorted(model.trade_off, key=lambda point: point.approve_rate)
    typical = min(points, key=lambda point: abs(point.approve_rate - _TYPICAL_APPROVAL))

    def draw(axes: Axes) -> None:
        approved = [point.approve_rate for point in points]
        axes.plot(approved, [point.bad_rate for point in points], color=GOOD)
        axes.plot([typical.approve_rate], [typical.bad_rate], color=BAD, marker="o", markersize=6)
        axes.annotate(
            f"{typical.bad_rate:.2%}",
            (typical.approve_rate, typical.bad_rate),
            xytext=(-6, 7),
            textcoords="offset points",
            ha="right",
        )
        axes.set_xlim(0, 1.02)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(_PERCENT)
        axes.yaxis.set_major_formatter(_PERCENT if points[-1].bad_rate > 0.05 else _FINE_PERCENT)

    return _plot(
        name,
        "plot.trade_off",
        draw,
        ("axis.approved", "axis.bad_rate"),
        (),
        WORDS(
            "read.trade_off",
            approved=f"{typical.approve_rate:.0%}",
            bad=f"{typical.bad_rate:.2%}",
            all=f"{points[-1].bad_rate:.2%}",
        ),
        ("column.cutoff", "column.approved", "column.bad_rate"),
        [(f"{point.cutoff:g}", f"{point.approve_rate:.1%}", f"{point.bad_rate:.2%}") for point in _thin(points)],
    )


def budget_plot(budget: AlertBudget) -> Plot:
    """Draw the share of bad cases caught against the share of cases alerted, the rules' curve beside the model's."""
    at, model, rules = budget.at, _recall(budget.model, budget.at), _recall(budget.rules, budget.at)

    def draw(axes: Axes) -> None:
        for points, colour, dash, code in (
            (budget.model, GOOD, "solid", "series.model"),
            (budget.rules, BAD, "dashed", "series.rules"),
        ):
            if points:
                xs, ys = [point.budget for point in points], [point.recall for point in points]
                axes.plot(xs, ys, color=colour, linestyle=dash, label=_en(code))
                axes.plot([at], [_recall(points, at)], color=colour, marker="o", markersize=6)
        axes.axvline(at, color=SOFT, linewidth=1, linestyle="dotted")
        axes.set_ylim(0, 1.02)
        axes.set_xlim(left=0)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share * 100:.3g}%"))
        axes.yaxis.set_major_formatter(_PERCENT)
        axes.legend(loc="best")

    reading = WORDS("read.budget_model", at=f"{at:.1%}", model=f"{model:.0%}")
    if budget.rules:
        reading = WORDS("read.budget", at=f"{at:.1%}", model=f"{model:.0%}", rules=f"{rules:.0%}")
    rows = [
        (WORDS(code), f"{point.budget:.2%}", f"{point.recall:.1%}")
        for code, points in (("series.model", budget.model), ("series.rules", budget.rules))
        for point in _thin(points)
    ]
    return _plot(
        "alert-budget",
        "plot.budget",
        draw,
        ("axis.budget", "axis.recall"),
        ("series.model", "series.rules"),
        reading,
        ("column.series", "column.budget", "column.recall"),
        rows,
        wide=True,
    )


def drift_plots(drift: Sequence[LabelDrift], prefix: str = "") -> tuple[Plot, ...]:
    """Draw PSI and the share of missing values, labels by months; the 24 labels that moved most are drawn.

    `prefix` goes before the id of each plot.
    """
    values = [(label.label, point) for label in drift for point in label.points]
    moved = [(point.psi, name, point.month) for name, point in values if point.psi is not None]
    plots = []
    if moved:
        psi, name, month = max(moved, key=lambda item: item[0])
        look = len({label for value, label, _ in moved if value >= _LOOK})
        reading = WORDS("read.drift", label=name, psi=f"{psi:.3f}", month=month, n=look, labels=len(drift))
        rows = [(label, point.month, _or_dash(point.psi, ".3f")) for label, point in values]
        columns = ("column.label", "column.month", "column.psi")
        plots.append(_heat(f"{prefix}drift-psi", "plot.drift", drift, "psi", reading, columns, rows))
    if any(point.share_missing > 0 for _, point in values):
        share, name, month = max((point.share_missing, name, point.month) for name, point in values)
        reading = WORDS("read.missing", label=name, share=f"{share:.0%}", month=month)
        rows = [(label, point.month, f"{point.share_missing:.1%}") for label, point in values]
        columns = ("column.label", "column.month", "column.missing")
        plots.append(_heat(f"{prefix}drift-missing", "plot.missing", drift, "share_missing", reading, columns, rows))
    return tuple(plots)


def _heat(
    name: str,
    title: str,
    drift: Sequence[LabelDrift],
    figure: str,
    reading: Message,
    columns: Sequence[str],
    rows: Sequence[tuple[str | Message, ...]],
) -> Plot:
    months = sorted({point.month for label in drift for point in label.points})
    table = [(label.label, {point.month: getattr(point, figure) for point in label.points}) for label in drift]
    table.sort(key=lambda row: -max((value for value in row[1].values() if value is not None), default=0.0))
    table = table[:_DRIFT_LABELS_MAX]
    with style(name):
        drawing = new_figure(9.4, 0.9 + 0.27 * len(table))
        axes = drawing.add_subplot()
        for down, (_, cells) in enumerate(table):
            for across, month in enumerate(months):
                value = cells.get(month)
                axes.barh(down, 0.94, left=across + 0.03, height=0.88, color=_heat_colour(value), linewidth=0)
                if value is not None and value >= (_WATCH if figure == "psi" else _MISSING_SHOWN):
                    text = f"{value:.2f}" if figure == "psi" else f"{value:.0%}"
                    colour = INK if value < _LOOK else "white"
                    axes.text(across + 0.5, down, text, ha="center", va="center", fontsize=7.5, color=colour)
        axes.set_ylim(len(table) - 0.5, -0.5)
        axes.set_xlim(0, len(months))
        axes.set_yticks(range(len(table)), [label for label, _ in table])
        every = -(-len(months) // 14)
        axes.set_xticks([i + 0.5 for i in range(0, len(months), every)], months[::every])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        codes = ("series.calm", "series.watch", "series.look", "series.none")
        patches = [Patch(facecolor=colour, label=_en(code)) for colour, code in zip((*HEAT, EMPTY), codes, strict=True)]
        drawing.legend(handles=patches, loc="outside lower center", ncols=4)
        svg = inline(svg_of(drawing, name), name, codes)
    heads = tuple(WORDS(code) for code in columns)
    return Plot(name, WORDS(title), svg, reading, heads, tuple(rows), wide=True)


def _plot(
    name: str,
    title: str,
    draw: Callable[[Axes], None],
    axis_codes: tuple[str, str],
    series: tuple[str, ...],
    reading: Message,
    columns: Sequence[str],
    rows: Sequence[tuple[str | Message, ...]],
    *,
    wide: bool = False,
) -> Plot:
    with style(name):
        figure = new_figure(9.4, 3.6) if wide else new_figure(*_SIZE)
        axes = figure.add_subplot()
        draw(axes)
        axes.set_xlabel(_en(axis_codes[0]))
        axes.set_ylabel(_en(axis_codes[1]))
        axes.tick_params(length=0)
        svg = inline(svg_of(figure, name), name, (*axis_codes, *series))
    return Plot(name, WORDS(title), svg, reading, tuple(WORDS(code) for code in columns), tuple(rows), wide)


def month_plot(
    name: str,
    title: str,
    months: Sequence[str],
    draw: Callable[[Axes], None],
    axis: str,
    series: tuple[str, ...],
    reading: Message,
    columns: Sequence[str],
    rows: Sequence[tuple[str | Message, ...]],
) -> Plot:
    """Draw a wide plot over months, which stand at 0, 1, 2, … of its axis; `axis` is the code of the other one."""

    def drawn(axes: Axes) -> None:
        draw(axes)
        every = -(-len(months) // 14)
        axes.set_xticks(range(0, len(months), every), list(months)[::every])

    return _plot(name, title, drawn, ("axis.month", axis), series, reading, columns, rows, wide=True)


def _heat_colour(value: float | None) -> str:
    if value is None:
        return EMPTY
    return HEAT[0] if value < _WATCH else HEAT[1] if value < _LOOK else HEAT[2]


def _median(histogram: ScoreHistogram, which: str) -> str:
    counts = histogram.good if which == "good" else histogram.bad
    half, seen = sum(counts) / 2, 0.0
    for low, high, count in zip(histogram.edges[:-1], histogram.edges[1:], counts, strict=True):
        if count and seen + count >= half:
            return f"{low + (high - low) * (half - seen) / count:.0f}"
        seen += count
    return "–"


def _recall(points: Sequence[BudgetPoint], at: float) -> float:
    """Recall at a budget, on the straight line between the two nearest points."""
    below = max((point for point in points if point.budget <= at), key=lambda point: point.budget, default=None)
    above = min((point for point in points if point.budget >= at), key=lambda point: point.budget, default=None)
    if below is None or above is None or above.budget == below.budget:
        return below.recall if below else 0.0
    return below.recall + (above.recall - below.recall) * (at - below.budget) / (above.budget - below.budget)


def _thin(points: Sequence[_Item], most: int = 25) -> list[_Item]:
    """Evenly spaced points, first and last kept: a table is for reading."""
    if len(points) <= most:
        return list(points)
    return [points[round(i * (len(points) - 1) / (most - 1))] for i in range(most)]


def _en(code: str) -> str:
    """The English word: it is what matplotlib lays out, and what `inline` then puts into both languages."""
    return WORDS(code).text("en")


def _or_dash(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)
