"""The report of a run: one self-contained HTML page, in both languages, with every plot inside it."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from tallystick.console.plots import Plot, budget_plot, drift_plots, model_plots
from tallystick.console.words import WORDS
from tallystick.core import LANGUAGES, Instant, Language, Message, to_datetime
from tallystick.desk.reportdata import Metric, Phrase, ReportData, Summary

_SECTIONS = ("summary", "models", "drift", "budget", "story", "steps", "versions")


def render_report(report: ReportData, language: Language = "en") -> str:
    """Render a run's report as one HTML page that needs no network.

    Parameters
    ----------
    report
        What desk computed.
    language
        The language shown first; the reader switches on the page, without scripts.

    Returns
    -------
    str
        The page; the same report gives the same bytes.
    """
    plots = {
        "models": [(model, model_plots(model, f"m{i}")) for i, model in enumerate(report.models)],
        "drift": drift_plots(report.drift),
        "budget": [budget_plot(report.alert_budget)] if report.alert_budget else [],
    }
    content: dict[str, Any] = {
        "language": language,
        "report": report,
        "summary": report.summary,
        "sections": _SECTIONS,
        "cards": _cards(report.summary),
        "outcomes": _outcomes(report.summary),
        "plots": plots,
        "total_seconds": sum(report.summary.wall_seconds.values()),
        "slowest_seconds": max(report.summary.wall_seconds.values(), default=0.0),
        "generated": moment(report.generated_at, report.zone),
    }
    if report.story is not None:
        content["story_at"] = moment(report.story.at, report.zone)
    return template("report.html").render(content)


def write_report(path: Path | str, report: ReportData, language: Language = "en") -> None:
    """Write `render_report` to a file, UTF-8."""
    Path(path).write_text(render_report(report, language), encoding="utf-8", newline="\n")


def moment(instant: Instant, zone: str) -> str:
    """An instant as people of both languages read it, to the second.

    Examples
    --------
    >>> moment(0, "Asia/Shanghai")
    '1970-01-01 08:00:00'
    """
    return to_datetime(instant, zone).strftime("%Y-%m-%d %H:%M:%S")


def both(words: Message | Phrase | str) -> Markup:
    """Both languages side by side, each escaped; the page shows one of them.

    Examples
    --------
    >>> both(Phrase("yes", "是"))
    Markup('<span lang="en">yes</span><span lang="zh">是</span>')
    """
    if isinstance(words, str):
        return Markup(escape(words))
    texts = (words.en, words.zh) if isinstance(words, Phrase) else [words.text(language) for language in LANGUAGES]
    return Markup("").join(
        Markup(f'<span lang="{language}">{escape(text)}</span>')
        for language, text in zip(LANGUAGES, texts, strict=True)
    )


def _cards(summary: Summary) -> list[dict[str, Any]]:
    """One card a figure: its words, its value, and for a promise whether it held."""
    loaded = summary.rows_loaded + summary.rows_quarantined
    quarantined = f"{summary.rows_quarantined / loaded:.2%}" if loaded else "0%"
    proofs_failed = WORDS("state.failed", n=summary.proofs_failed)
    rate = summary.decisions_per_second
    return [
        _card("rows_loaded", summary.rows_loaded),
        _card("rows_quarantined", summary.rows_quarantined, note=WORDS("state.share", share=quarantined)),
        _card("labels", summary.labels),
        _card("label_values", summary.label_values),
        _card("decisions", sum(summary.decisions.values())),
        _card("rate", None if rate is None else round(rate)),
        _card("mismatches", summary.mismatches, good=summary.mismatches == 0),
        _card("replay", summary.replay_differences, good=summary.replay_differences == 0),
        _card("proofs", summary.proofs_checked, note=proofs_failed, good=summary.proofs_failed == 0),
        _card("log", summary.log_size),
    ]


def _card(name: str, value: int | None, note: Message | None = None, good: bool | None = None) -> dict[str, Any]:
    shown = "–" if value is None else f"{value:,}"
    return {"words": WORDS(f"card.{name}"), "value": shown, "note": note, "good": None if value is None else good}


def _outcomes(summary: Summary) -> list[tuple[str, int, float]]:
    total = sum(summary.decisions.values()) or 1
    ordered = sorted(summary.decisions.items(), key=lambda item: (-item[1], item[0]))
    return [(outcome, count, count / total) for outcome, count in ordered]


def _metric(metric: Metric) -> Markup:
    if metric.value is not None:
        return Markup(f"{metric.value:.4f}")
    reason = both(metric.reason) if metric.reason is not None else Markup("")
    return Markup('<span class="none">– <small>{}</small></span>').format(reason)


def _missing(reason: str) -> Message | str:
    code = f"missing.{reason}"
    return WORDS(code) if code in WORDS else reason


def _svg(plot: Plot) -> Markup:
    # Made by our own drawing code, which escapes every text it is given.
    return Markup(plot.svg)


@cache
def template(name: str) -> Template:
    """A page's template, with the filters and words that pages use."""
    environment = Environment(
        loader=PackageLoader("tallystick.console"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"both": both, "metric": _metric, "missing": _missing, "svg": _svg}
    environment.globals["w"] = lambda code, **params: both(WORDS(code, **params))
    return environment.get_template(name)
