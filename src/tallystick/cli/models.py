"""`tally models`: what is stored, who approved it, how it fares, and its way from candidate to retirement."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.words import WORDS
from tallystick.core import Place, UsageError

models_app = typer.Typer(help="Stored models: show, approve, promote, monitor, compare, retire.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A model of models.toml.")]
VersionArgument = Annotated[str, typer.Argument(metavar="VERSION", help="A stored version, or how it begins.")]
ByOption = Annotated[str, typer.Option("--by", metavar="PERSON", help="Who does this.")]
CommentOption = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why.")]


def _say(code: str, **params: Any) -> None:
    typer.echo(WORDS(code, **params).text(CONTEXT.language))


@models_app.command("list")
def show_all(json_file: JsonOption = None) -> None:
    """List every stored version with its status, approvals and expiry, and recipes that were never trained."""
    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.desk import inventory, load_project, system_clock

    project = load_project(CONTEXT.project)
    rows = inventory(project, system_clock(0))
    write_json(json_file, to_builtins(rows))
    columns = ("name", "version", "status", "since", "expires", "approvals", "missing", "validated", "flows")
    cells = []
    for r in rows:
        since, expires, validated = (moment[:10] for moment in (r.since, r.expires, r.validated))
        cells.append(
            (r.name, r.version[:12], _status(r.status), since, expires, r.approvals, r.missing, validated, r.flows)
        )
    print_table(CONTEXT.language, [f"models.{column}" for column in columns], cells)
    warn_expired(rows)


@models_app.command("show")
def show(
    name: NameArgument,
    version: Annotated[
        str, typer.Argument(metavar="[VERSION]", help="A stored version; the champion without it.")
    ] = "",
    json_file: JsonOption = None,
) -> None:
    """Show the model card of a version: standing, labels with their sources, figures, gates, recipe, history."""
    from rich.console import Console
    from rich.table import Table

    from tallystick.desk import load_project, model_card, system_clock

    card = model_card(load_project(CONTEXT.project), name, version, system_clock(0))
    write_json(json_file, card.document)
    console, language = Console(), CONTEXT.language
    for section in card.sections:
        table = Table(
            title=section.title.text(language), title_justify="left", title_style="bold", box=None, pad_edge=False
        )
        for head in section.columns:
            table.add_column(head.text(language), overflow="fold")
        for row in section.rows:
            table.add_row(*(cell if isinstance(cell, str) else cell.text(language) for cell in row))
        console.print(table)
        console.print()


@models_app.command("card")
def card(
    name: NameArgument,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A .html, .md or .json file.")],
    version: Annotated[str, typer.Option(metavar="VERSION", help="A version; the champion without it.")] = "",
) -> None:
    """Write the model card of a version as a page, as Markdown or as JSON."""
    from tallystick.console import write_card
    from tallystick.desk import load_project, model_card, system_clock

    _ending(output, ".html", ".md", ".json")
    found = model_card(load_project(CONTEXT.project), name, version, system_clock(0))
    if output.suffix == ".json":
        write_json(output, found.document)
    else:
        write_card(output, found, CONTEXT.language)
    _say("models.written", path=output)


@models_app.command("inventory")
def inventory(output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A .csv or .json file.")]) -> None:
    """Write the inventory of all models: owner, purpose, status, expiry, last validation, flows."""
    from msgspec import to_builtins

    from tallystick.desk import inventory as inventory_of
    from tallystick.desk import inventory_csv, load_project, system_clock

    _ending(output, ".csv", ".json")
    rows = inventory_of(load_project(CONTEXT.project), system_clock(0))
    if output.suffix == ".json":
        write_json(output, to_builtins(rows))
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(inventory_csv(rows), "utf-8", newline="")
    _say("models.written", path=output)


@models_app.command("approve")
def approve(
    name: NameArgument,
    version: VersionArgument,
    by: ByOption,
    comment: CommentOption = "",
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The validation report read; the last noted one without it.")
    ] = None,
) -> None:
    """Approve a version: on a validation report, by one who neither owns nor developed it, once a person."""
    from tallystick.desk import approve_model, load_project

    _stands(approve_model(load_project(CONTEXT.project), name, version, by, comment, report))


@models_app.command("promote")
def promote(
    name: NameArgument,
    version: VersionArgument,
    by: ByOption,
    comment: CommentOption = "",
    challenger: Annotated[bool, typer.Option("--challenger", help="As challenger: it decides nothing.")] = False,
) -> None:
    """Make a version the champion; gates, approvals and expiry must allow it."""
    from tallystick.desk import load_project, promote_model

    _stands(promote_model(load_project(CONTEXT.project), name, version, by, comment, challenger=challenger))


@models_app.command("retire")
def retire(
    name: NameArgument,
    version: VersionArgument,
    by: ByOption,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; needed.")],
) -> None:
    """Retire a version for good: it is kept for replay and never serves again."""
    from tallystick.desk import load_project, retire_model

    _stands(retire_model(load_project(CONTEXT.project), name, version, by, comment))


@models_app.command("compare")
def compare(
    left: Annotated[str, typer.Argument(metavar="LEFT", help="NAME for a champion, NAME@VERSION for a version.")],
    right: Annotated[str, typer.Argument(metavar="RIGHT", help="The same.")],
    cut: Annotated[int, typer.Option(metavar="POINTS", help="Lowest approved points of LEFT; 0: by share.")] = 0,
    share: Annotated[float, typer.Option(min=0.01, max=1.0, help="Share approved where no cut is given.")] = 0.8,
    decided: Annotated[bool, typer.Option("--decided", help="On the decisions taken, from recorded labels.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Compare two versions on the same points with known outcomes: ranking, calibration, whom a cut-off swaps."""
    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.desk import compare_models, load_project

    found = compare_models(load_project(CONTEXT.project), left, right, cut or None, share, decided=decided)
    write_json(json_file, to_builtins(found))
    compared = found.comparison
    _say(f"models.sample.{found.sample}", rows=f"{compared.rows:,}", bad=f"{compared.events:,}")
    columns = ("name", "version", "auc", "ks", "brier", "predicted", "cut", "approved", "approved_bad")
    rows = [
        (
            text,
            version[:12],
            f"{side.auc:.4f}",
            f"{side.ks:.4f}",
            f"{side.brier:.5f}",
            f"{side.predicted:.4f}",
            side.cut,
            side.approved,
            side.approved_bad,
        )
        for text, version, side in (
            (left, found.left_version, compared.left),
            (right, found.right_version, compared.right),
        )
    ]
    print_table(CONTEXT.language, [f"models.{column}" for column in columns], rows)
    figures = {"value": compared.difference, "low": compared.low, "high": compared.high}
    shown = {key: f"{value:+.4f}" for key, value in figures.items()}
    _say("models.difference", left=left, right=right, p=f"{compared.p_value:.3g}", psi=f"{compared.psi:.4f}", **shown)
    for text, swap in ((right, compared.swap_in), (left, compared.swap_out)):
        _say("models.swap", name=text, rows=f"{swap.rows:,}", bad=f"{swap.bad:,}")


@models_app.command("monitor")
def monitor(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models, or NAME@VERSION; all champions without it.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw it as an HTML page.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Hold models by month against their development: drift, missing values, performance (exit code 1: an alarm)."""
    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.console import alarm_words, write_monitor
    from tallystick.desk import load_project, monitor_models, system_clock

    project = load_project(CONTEXT.project)
    found = monitor_models(project, names or (), system_clock(0))
    write_json(json_file, to_builtins(found))
    columns = ("month", "rows", "psi", "moved", "ripe", "bad", "predicted", "observed", "auc", "ks")
    for each in found:
        typer.echo(f"{each.name} {each.version[:12]}")
        rows = [
            (
                month.month,
                month.rows,
                _number(month.psi, ".3f"),
                month.moved_most(),
                month.ripe,
                month.events,
                _number(month.predicted, ".2%"),
                _number(month.observed, ".2%"),
                _number(month.auc, ".3f"),
                _number(month.ks, ".3f"),
            )
            for month in each.watch.months
        ]
        print_table(CONTEXT.language, [f"models.{column}" for column in columns], rows)
        for alarm in each.watch.alarms:
            typer.echo(alarm_words(alarm).text(CONTEXT.language))
    if chart is not None:
        write_monitor(chart, project.settings.project.name, found, CONTEXT.language)
        _say("models.written", path=chart)
    if any(each.watch.alarms or each.expired for each in found):
        raise typer.Exit(1)


@models_app.command("export")
def export(
    name: NameArgument,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="The file to write.")],
    to: Annotated[str, typer.Option("--to", metavar="FORM", help="dmn, sql, excel or pmml.")],
    version: Annotated[str, typer.Option(metavar="VERSION", help="A stored version; the champion without it.")] = "",
    table: Annotated[str, typer.Option(metavar="NAME", help="The table that the SELECT reads.")] = "applications",
) -> None:
    """Write a model of scorecards for another system, where it scores the same."""
    from tallystick.desk import export_model, load_project

    registry = load_project(CONTEXT.project).registry()
    export_model(registry.load(name, registry.resolve(name, version)), to, output, table=table)
    _say("models.written", path=output)


@models_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A .pmml, .xml, .xlsx or .csv file.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="Of the model; the file's own without it.")] = "",
    base_score: Annotated[float, typer.Option(help="The points at the base odds.")] = 600.0,
    base_odds: Annotated[float, typer.Option(help="Good for one bad at the base score.")] = 50.0,
    pdo: Annotated[float, typer.Option(help="Points that double the odds; 0: as the file says.")] = 0.0,
    uncovered: Annotated[str, typer.Option(help="Values that no bin holds: refuse, or lowest points.")] = "refuse",
) -> None:
    """Read a scorecard from PMML, a workbook or a table and store it as a candidate."""
    from tallystick.desk import import_scorecard, load_project, store_model
    from tallystick.models import Scale

    ways: dict[str, Literal["refuse", "lowest"]] = {"refuse": "refuse", "lowest": "lowest"}
    if uncovered not in ways:
        raise UsageError(WORDS("usage.choice", given=uncovered, allowed=", ".join(ways)), Place(cell="--uncovered"))
    project = load_project(CONTEXT.project)
    scale = Scale(base_score=base_score, base_odds=base_odds, pdo=pdo) if pdo else None
    model, notes = import_scorecard(
        source, name, scale=scale, uncovered="lowest" if uncovered == "lowest" else "refuse"
    )
    for note in notes:
        typer.echo(note.text(CONTEXT.language))
    _stands(store_model(project, model))


def warn_expired(rows: Any) -> None:
    """Say of each champion in an inventory that has expired that it has, and of each damaged file that it is."""
    for row in rows:
        if row.damaged:
            _say("models.damaged", name=row.name, version=row.version[:12])
        if row.status == "champion" and row.expired:
            _say("models.expired", name=row.name, version=row.version[:12], at=row.expires)


def _stands(entry: Any) -> None:
    found = entry.standing
    approvals = ", ".join(event.by for event in found.approvals) or "-"
    about = {"name": entry.name, "version": entry.version[:12], "status": _status(found.status)}
    _say("models.stands", approvals=approvals, missing=found.missing, **about)


def _status(status: str) -> str:
    from tallystick.desk import status_words

    return status_words(status).text(CONTEXT.language) if status else WORDS("models.untrained").text(CONTEXT.language)


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _ending(path: Path, *allowed: str) -> None:
    if path.suffix not in allowed:
        raise UsageError(WORDS("models.suffix", given=path.name, allowed=", ".join(allowed)), Place(cell="OUTPUT"))
