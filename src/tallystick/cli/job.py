"""Running steps of a project from a command, with bars, summary and exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from tallystick.cli.context import CONTEXT, write_json
from tallystick.cli.words import WORDS


def draw(project: Any, run: Any) -> Path:
    """Draw a run's report and give its file."""
    from tallystick.console import write_report
    from tallystick.desk import report_data

    path: Path = project.state / "report.html"
    write_report(path, report_data(project, run), project.settings.project.language)
    return path


def run_job(steps: tuple[str, ...] | None, json_file: Path | None = None, fresh: bool = False) -> None:
    """Run steps, all by default, and print the summary; exits 1 when a check of the run failed."""
    from rich.console import Console

    from tallystick.cli.show import Steps
    from tallystick.console import print_summary
    from tallystick.desk import STEPS, caught_at_budget, load_project, run_steps, set_aside, summarise, summary_document

    project = load_project(CONTEXT.project)
    aside = set_aside(project) if fresh else None
    if aside is not None:
        typer.echo(WORDS("fresh.aside", path=aside).text(CONTEXT.language))
    with Steps(CONTEXT.language) as progress:
        outcome = run_steps(project, steps or STEPS, progress, draw=draw)
    write_json(json_file, summary_document(project, outcome))
    print_summary(Console(), summarise(project, outcome), CONTEXT.language)
    for flow in outcome.backtest.flows if outcome.backtest else ():
        found = caught_at_budget(flow)
        if found is not None and flow.alert_budget is not None:
            budget, model, rules = (f"{share:.1%}" for share in (flow.alert_budget.at, *found))
            words = WORDS("alerts.caught", flow=flow.flow, budget=budget, model=model, rules=rules)
            typer.echo(words.text(CONTEXT.language))
    for trained in outcome.train.models if outcome.train else ():
        if not trained.passed:
            gates = ", ".join(gate.name for gate in trained.report.gates if not gate.passed)
            typer.echo(WORDS("model.failed", model=trained.name, gates=gates).text(CONTEXT.language))
        # A step may be taken from its note, and people may have approved since.
        elif missing := project.registry().entry(trained.name, trained.version).standing.missing:
            about = {"name": trained.name, "version": trained.version[:12], "missing": missing}
            typer.echo(WORDS("models.waiting", **about).text(CONTEXT.language))
    if outcome.report:
        typer.echo(WORDS("report.at", path=outcome.report).text(CONTEXT.language))
    if outcome.failed:
        raise typer.Exit(1)
