"""The page of a validation: verdicts first, then plots and the tables behind them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeAlias

import msgspec
from matplotlib.axes import Axes

from tallystick.console.drawing import GOOD
from tallystick.console.plots import Plot, drift_plots, model_plots, month_plot
from tallystick.console.report import template
from tallystick.console.validation_words import WORDS
from tallystick.core import Language, Message
from tallystick.desk.curves import curves_of
from tallystick.desk.reportdata import DriftPoint, LabelDrift, Phrase
from tallystick.desk.validation import Report, check_words, sample_words, verdict_words
from tallystick.models.validation import Alternatives, Check, Interval, Slice, SliceFigures

Cell: TypeAlias = str | Message


_ORDER = ("failed", "watch", "none", "passed", "told")


class Section(msgspec.Struct, frozen=True):
    """One table of the page: heading, column heads, rows, and for each row whether it is good, bad or neither."""

    title: Message
    columns: tuple[Message, ...]
    rows: tuple[tuple[Cell, ...], ...]
    marks: tuple[str, ...] = ()


def render_validation(project: str, reports: Sequence[Report], language: Language = "en") -> str:
    """Render validations as one HTML page that needs no network; the same reports give the same bytes.

    Parameters
    ----------
    project
        The project's name.
    reports
        From `desk.validate_model`, or read back from its JSON.
    language
        The language shown first; the reader switches on the page, without scripts.
    """
    models = [
        {
            "name": report.model,
            "version": report.version,
            "passed": report.passed,
            "verdict": _verdict(report),
            "about": WORDS(
                f"about.{report.judged}",
                target=report.target,
                rows=f"{report.rows:,}",
                events=f"{report.events:,}",
                without=f"{report.without_outcome:,}",
            ),
            "checks": _checks(report),
            "plots": _plots(report, f"v{place}-"),
            "sections": list(_sections(report)),
        }
        for place, report in enumerate(reports)
    ]
    return template("validation.html").render(language=language, title=WORDS("page", project=project), models=models)


def write_validation(path: Path, project: str, reports: Sequence[Report], language: Language = "en") -> None:
    """Write `render_validation` to a file, UTF-8."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_validation(project, reports, language), encoding="utf-8", newline="\n")


def _verdict(report: Report) -> Message:
    failed = sum(check.verdict == "failed" for check in report.checks)
    return WORDS("verdict.failed", failed=failed) if failed else WORDS("verdict.passed")


def _table(title: Message, heads: str, rows: Iterable[Sequence[Cell]], marks: Sequence[str] = ()) -> Section:
    columns = tuple(WORDS(f"column.{head}") for head in heads.split())
    return Section(title, columns, tuple(tuple(row) for row in rows), tuple(marks))


def _checks(report: Report) -> Section:
    marks = {"passed": "ok", "failed": "off"}
    ordered = sorted(report.checks, key=lambda check: _ORDER.index(check.verdict))
    heads = "check sample value bounds limit verdict why"
    shown = [marks.get(check.verdict, "") for check in ordered]
    return _table(WORDS("checks"), heads, map(_check, ordered), shown)


def _check(check: Check) -> tuple[Cell, ...]:
    limits = [
        f"≥ {check.least:g}" if check.least is not None else "",
        f"≤ {check.most:g}" if check.most is not None else "",
    ]
    bounds = "" if check.low is None or check.high is None else f"{check.low:.4f} – {check.high:.4f}"
    return (
        check_words(check),
        sample_words(check.sample),
        _number(check.value),
        bounds,
        " ".join(limits),
        verdict_words(check.verdict),
        check.why or "",
    )


def _number(value: float | None, form: str = ".4f") -> str:
    return "–" if value is None else format(value, form)


def _bounded(found: Interval | None, form: str = ".3f") -> str:
    return "–" if found is None else f"{found.value:{form}} ({found.low:{form}} – {found.high:{form}})"


def _yes(value: bool) -> Message:
    return WORDS("yes" if value else "no")


def _plots(report: Report, prefix: str) -> list[tuple[Message | None, tuple[Plot, ...]]]:
    found: list[tuple[Message | None, tuple[Plot, ...]]] = []
    for place, sample in enumerate(report.samples):
        name = sample_words(sample.name)
        curves = curves_of(report.model, Phrase(name.text("en"), name.text("zh")), sample.evaluation)
        found.append((WORDS(f"sample.{sample.name}"), model_plots(curves, f"{prefix}{place}")))
    ranked = [month for month in report.months if month.auc is not None]
    if ranked:
        found.append((None, (_month_auc(ranked, prefix),)))
    drift = [
        LabelDrift(
            each.label or report.model,
            tuple(DriftPoint(month.month or "–", month.psi, month.share_missing) for month in each.months),
        )
        for each in report.drift
    ]
    found.append((None, drift_plots(drift, prefix)))
    return found


def _month_auc(months: Sequence[SliceFigures], prefix: str) -> Plot:
    seen = [(month.name, month.auc, month.rows) for month in months if month.auc is not None]
    values = [auc.value for _, auc, _ in seen]
    reach = ([auc.value - auc.low for _, auc, _ in seen], [auc.high - auc.value for _, auc, _ in seen])

    def draw(axes: Axes) -> None:
        axes.errorbar(range(len(seen)), values, yerr=reach, color=GOOD, marker="o", linestyle="none", capsize=3)

    worst = min(seen, key=lambda month: month[1].value)
    plot = month_plot(
        f"{prefix}months",
        "plot.monitor_auc",
        [name for name, _, _ in seen],
        draw,
        "axis.auc",
        (),
        WORDS("read.months", auc=f"{worst[1].value:.3f}", month=worst[0]),
        ("column.month", "column.rows", "column.auc", "column.low", "column.high"),
        [(name, f"{rows:,}", f"{auc.value:.4f}", f"{auc.low:.4f}", f"{auc.high:.4f}") for name, auc, rows in seen],
    )
    return msgspec.structs.replace(plot, title=WORDS("plot.months"))


def _sections(report: Report) -> Iterable[Section]:
    if report.leaks:
        rows = [(WORDS(f"kind.{leak.kind}"), leak.column, f"{leak.rows:,}", leak.why) for leak in report.leaks]
        yield _table(WORDS("leaks"), "kind label rows why", rows)
    for sample in report.samples:
        if sample.gains:
            lifts = [(f"{gain.share:.0%}", f"{gain.gain:.1%}", f"{gain.lift:.2f}") for gain in sample.gains]
            yield _table(WORDS("gains"), "share gain lift", lifts)
            break
    if report.months:
        yield _slices(WORDS("months"), report.months)
    for segment, slices in report.segments.items():
        yield _slices(WORDS("segments", segment=segment), slices)
    yield from _stability(report)
    if report.overrides is not None:
        judged: list[tuple[Cell, ...]] = [
            (WORDS(f"side.{group.side}"), group.reason or WORDS("all"), f"{group.rows:,}", _bounded(group.bad_rate))
            for group in report.overrides.groups
        ]
        yield _table(WORDS("overrides"), "kind reason rows bad_rate", judged)
    for each in report.fairness:
        yield from _fairness(each)
    for search in report.alternatives:
        yield _alternatives(search)


def _slices(title: Message, slices: Sequence[SliceFigures]) -> Section:
    rows = [
        (
            each.name,
            f"{each.rows:,}",
            _number(each.bad_rate),
            _number(each.mean_pd),
            _bounded(each.auc),
            _number(each.ks),
        )
        for each in slices
    ]
    return _table(title, "name rows bad_rate mean_pd auc ks", rows)


def _stability(report: Report) -> Iterable[Section]:
    moved = []
    for each in report.drift:
        ivs = [month.iv for month in each.months if month.iv is not None]
        woes = [month.woe_shift for month in each.months if month.woe_shift is not None]
        if each.label and ivs:
            moved.append((each.label, f"{min(ivs):.3f} – {max(ivs):.3f}", _number(max(woes, default=None), ".2f")))
    if moved:
        yield _table(WORDS("bins"), "label iv woe", moved)
    if report.slopes:
        rows = []
        for slope in report.slopes:
            seen = slope.months.values()
            span = f"{min(seen):.2f} – {max(seen):.2f}" if seen else "–"
            rows.append((slope.label, _bounded(slope.value, ".2f"), span, str(slope.sign_changes)))
        yield _table(WORDS("slopes"), "label slope months signs", rows)


def _fairness(each: Slice) -> Iterable[Section]:
    rows = [
        (
            group.group,
            f"{group.rows:,}",
            _bounded(group.approval),
            _bounded(group.impact),
            _number(group.impact_p, ".2g"),
            _bounded(group.approved_goods),
            _bounded(group.bad_rate_approved),
            _bounded(group.calibration, ".2f"),
            _bounded(group.auc),
        )
        for group in each.groups
    ]
    heads = "group rows approval impact p goods bads calibration auc"
    yield _table(WORDS("fairness", attribute=each.attribute), heads, rows)
    if each.proxies:
        found = [(proxy.label or WORDS("together"), proxy.group, f"{proxy.auc:.3f}") for proxy in each.proxies]
        yield _table(WORDS("proxies", attribute=each.attribute), "label group auc", found)


def _alternatives(search: Alternatives) -> Section:
    rows = [
        (
            each.name,
            f"{each.auc:.4f}",
            _bounded(each.impact),
            _bounded(each.against.difference, ".4f"),
            _yes(each.chosen),
            _yes(each.gained),
        )
        for each in search.found
    ]
    title = WORDS("alternatives", attribute=search.attribute, tried=search.tried, approval=f"{search.approval:.0%}")
    return _table(title, "alternative auc impact against chosen gained", rows)
