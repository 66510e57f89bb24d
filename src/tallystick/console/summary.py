"""The summary of a run on the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tallystick.console.words import WORDS
from tallystick.core import Language
from tallystick.desk.reportdata import Metric, ModelFigures, Summary


def print_summary(console: Console, summary: Summary, language: Language = "en") -> None:
    """Print a run's summary as tables: figures, models, decisions by outcome, seconds by step.

    Parameters
    ----------
    console
        Where to print; its width and colours are kept.
    summary
        What desk computed.
    language
        "en" or "zh".
    """
    console.print()
    console.print(f"[bold]{escape(summary.project)}[/bold]")
    console.print(_figures(summary, language))
    if summary.models:
        console.print(_models(summary.models, language))
    if summary.decisions:
        console.print(_outcomes(summary, language))
    if summary.wall_seconds:
        console.print(_steps(summary, language))


def _figures(summary: Summary, language: Language) -> Table:
    table = _table(language, "", "table.value")
    rate = summary.decisions_per_second
    plain = {
        "rows_loaded": summary.rows_loaded,
        "rows_quarantined": summary.rows_quarantined,
        "labels": summary.labels,
        "label_values": summary.label_values,
        "decisions": sum(summary.decisions.values()),
    }
    for name, count in plain.items():
        table.add_row(WORDS(f"card.{name}").text(language), "–" if count is None else f"{count:,}")
    table.add_row(WORDS("card.rate").text(language), "–" if rate is None else f"{rate:,.0f}")
    promised = {"mismatches": summary.mismatches, "replay": summary.replay_differences}
    for name, count in promised.items():
        table.add_row(WORDS(f"card.{name}").text(language), "–" if count is None else _state(f"{count:,}", count == 0))
    checked = "–" if summary.proofs_checked is None else f"{summary.proofs_checked:,}"
    if summary.proofs_failed:
        checked += f" ({WORDS('state.failed', n=summary.proofs_failed).text(language)})"
    held = summary.proofs_failed == 0
    table.add_row(
        WORDS("card.proofs").text(language), checked if summary.proofs_failed is None else _state(checked, held)
    )
    table.add_row(WORDS("card.log").text(language), "–" if summary.log_size is None else f"{summary.log_size:,}")
    return table


def _models(models: tuple[ModelFigures, ...], language: Language) -> Table:
    table = _table(language, "table.figure")
    for model in models:
        table.add_column(escape(model.name), justify="right")
    rows: list[tuple[str, list[str]]] = [
        ("table.rows", [f"{model.rows:,}" for model in models]),
        ("table.bad_rate", [f"{model.bad_rate:.2%}" for model in models]),
    ]
    rows += [
        (f"table.{name}", [_metric(getattr(model, name), language) for model in models])
        for name in ("auc_cv", "ks_cv", "auc_oot", "ks_oot")
    ]
    rows.append(("table.gates", [_gates(model, language) for model in models]))
    for code, cells in rows:
        table.add_row(WORDS(code).text(language), *cells)
    return table


def _gates(model: ModelFigures, language: Language) -> str:
    if not model.gates:
        return WORDS("table.no_gates").text(language)
    failed = [gate for gate in model.gates if not gate.passed]
    if not failed:
        return _state(WORDS("table.passed").text(language), good=True)
    words = WORDS("table.not_passed").text(language)
    told = "; ".join(f"{gate.name} {gate.limit} ({gate.value})" for gate in failed)
    return _state(f"{words}: {escape(told)}", good=False)


def _outcomes(summary: Summary, language: Language) -> Table:
    table = _table(language, "table.outcome", "table.count", "table.share")
    total = sum(summary.decisions.values()) or 1
    for outcome, count in sorted(summary.decisions.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(escape(outcome), f"{count:,}", f"{count / total:.1%}")
    return table


def _steps(summary: Summary, language: Language) -> Table:
    table = _table(language, "table.step", "table.seconds")
    for step, seconds in summary.wall_seconds.items():
        table.add_row(escape(step), f"{seconds:,.2f}")
    table.add_section()
    table.add_row(WORDS("table.total").text(language), f"{sum(summary.wall_seconds.values()):,.2f}")
    return table


def _table(language: Language, *codes: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, code in enumerate(codes):
        text = WORDS(code).text(language) if code else ""
        table.add_column(text, justify="right" if index else "left")
    return table


def _metric(metric: Metric, language: Language) -> str:
    if metric.value is not None:
        return f"{metric.value:.4f}"
    if metric.reason is None:
        return "–"
    return f"– ({escape(metric.reason.zh if language == 'zh' else metric.reason.en)})"


def _state(text: str, good: bool) -> str:
    return f"[green]{text} ✓[/green]" if good else f"[bold red]{text} ✗[/bold red]"
