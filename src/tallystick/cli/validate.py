"""`tally validate`: what a stored model is worth, and whether it may be trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tallystick.cli.app import app
from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.words import WORDS


@app.command()
def validate(
    model: Annotated[str, typer.Argument(metavar="[MODEL]", help="A model; without it every model.")] = "",
    version: Annotated[str, typer.Option(metavar="PREFIX", help="A stored version; else the champion.")] = "",
    segment: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="A label or column to look at apart; may be repeated.")
    ] = None,
    overrides: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Cases that people decided: CSV or Parquet.")
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw it as an HTML page.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Validate a stored model on the outcomes known today (exit code 1 when a check fails)."""
    from msgspec import to_builtins

    from tallystick.cli.show import Steps, print_table
    from tallystick.desk import load_project, validate_model
    from tallystick.desk.validation import check_words, sample_words, verdict_words

    project, language = load_project(CONTEXT.project), CONTEXT.language
    names = [model] if model else list(project.recipes)
    with Steps(language) as steps:
        found = [
            validate_model(project, name, version, segments=segment or (), overrides=overrides, progress=steps)
            for name in names
        ]
    reports = [each.report for each in found]
    write_json(json_file, [to_builtins(report) for report in reports])
    columns = ("check", "sample", "value", "bounds", "limit", "verdict", "why")
    for report in reports:
        rows = [
            (
                check_words(check).text(language),
                sample_words(check.sample).text(language),
                "–" if check.value is None else f"{check.value:.4f}",
                "" if check.low is None or check.high is None else f"{check.low:.4f} … {check.high:.4f}",
                _limit(check.least, check.most),
                verdict_words(check.verdict).text(language),
                "" if check.why is None else check.why.text(language),
            )
            for check in report.checks
        ]
        typer.echo(WORDS("validate.title", name=report.model, version=report.version[:12]).text(language))
        print_table(language, [f"validate.{column}" for column in columns], rows)
        failed = sum(check.verdict == "failed" for check in report.checks)
        words = WORDS("validate.failed", failed=failed) if failed else WORDS("validate.passed")
        typer.echo(words.text(language))
    if html is not None:
        from tallystick.console import write_validation

        write_validation(html, project.settings.project.name, reports, language)
        typer.echo(WORDS("validate.page", path=html).text(language))
    if not all(report.passed for report in reports):
        raise typer.Exit(1)


def _limit(least: float | None, most: float | None) -> str:
    parts = [f"≥ {least:g}" if least is not None else "", f"≤ {most:g}" if most is not None else ""]
    return " ".join(filter(None, parts))
