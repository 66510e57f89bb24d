"""`tally labels`: the catalogue of labels, what they cost, how they drift, and the state that a start is quick from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.job import run_job
from tallystick.cli.words import WORDS
from tallystick.core import InputError, Place, UsageError

labels_app = typer.Typer(help="The labels of the project: what they are, cost and do.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A label or a model.")]
NamesArgument = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Labels; all without it.")]


def _say(code: str, **params: Any) -> None:
    typer.echo(WORDS(code, **params).text(CONTEXT.language))


@labels_app.command("compute")
def compute() -> None:
    """Compute every label at every event that a model or flow uses."""
    run_job(("load", "labels"))


@labels_app.command("list")
def show_all(
    nature: Annotated[str, typer.Option(help="Only these: fact, rule or model.")] = "",
    json_file: JsonOption = None,
) -> None:
    """List labels and models with nature, type, window, owner, grade and version."""
    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.desk import catalogue, load_project

    if nature not in ("", "fact", "rule", "model"):
        words = WORDS("usage.choice", given=nature, allowed="fact, rule, model")
        raise UsageError(words, Place(cell="--nature"))
    entries = [each for each in catalogue(load_project(CONTEXT.project)).values() if nature in ("", each.nature)]
    write_json(json_file, to_builtins(entries))
    columns = ("name", "nature", "kind", "type", "window", "owner", "grade", "version")
    rows = [(e.name, _nature(e.nature), e.kind, e.type, e.window, e.owner, e.grade, e.version[:12]) for e in entries]
    print_table(CONTEXT.language, [f"labels.{column}" for column in columns], rows)


@labels_app.command("show")
def show(name: NameArgument, json_file: JsonOption = None) -> None:
    """Show all that the catalogue says of one label or model."""
    from msgspec import structs, to_builtins

    from tallystick.cli.show import print_pairs
    from tallystick.desk import entry_of, load_project

    entry = entry_of(load_project(CONTEXT.project), name)
    write_json(json_file, to_builtins(entry))
    shown = []
    for part, value in structs.asdict(entry).items():
        if isinstance(value, bool):
            value = WORDS("yes").text(CONTEXT.language) if value else ""
        text = ", ".join(value) if isinstance(value, tuple) else _nature(value) if part == "nature" else value
        if text:
            shown.append((f"labels.{part}", text))
    print_pairs(CONTEXT.language, shown)


@labels_app.command("search")
def search(
    words: Annotated[list[str], typer.Argument(metavar="WORD...", help="Words that must all occur.")],
    json_file: JsonOption = None,
) -> None:
    """Find labels and models by words of name, description, owner, purposes or columns (exit code 1: none)."""
    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.desk import catalogue, load_project, nearest
    from tallystick.desk import search as find

    project = load_project(CONTEXT.project)
    entries = find(project, words)
    write_json(json_file, to_builtins(entries))
    if not entries:
        close = ", ".join(nearest(" ".join(words), catalogue(project))) or "-"
        _say("search.none", given=" ".join(words), allowed=close)
        raise typer.Exit(1)
    columns = ("labels.name", "labels.nature", "labels.owner", "labels.description")
    rows = [(entry.name, _nature(entry.nature), entry.owner, entry.description) for entry in entries]
    print_table(CONTEXT.language, columns, rows)


@labels_app.command("lineage")
def lineage(name: NameArgument, json_file: JsonOption = None) -> None:
    """Show what a label or model is made of, down to source files, and what is made of it."""
    from tallystick.desk import branch_document, lineage_of, load_project, tree_lines

    found = lineage_of(load_project(CONTEXT.project), name)
    language = CONTEXT.language
    write_json(
        json_file,
        {
            "name": found.name,
            "reads": branch_document(found.reads, language),
            "used_by": branch_document(found.used_by, language),
        },
    )
    _say("lineage.reads")
    typer.echo("\n".join(tree_lines(found.reads, language)))
    _say("lineage.used_by")
    typer.echo("\n".join(tree_lines(found.used_by, language)))


@labels_app.command("diff")
def diff(
    old: Annotated[str, typer.Argument(metavar="OLD", help="A label file, or the beginning of a kept version.")],
    new: Annotated[str, typer.Argument(metavar="[NEW]", help="The same; without it the project's labels.py.")] = "",
    points: Annotated[
        int, typer.Option(min=0, help="At most so many points are compared; 0: definitions only.")
    ] = 20000,
    json_file: JsonOption = None,
) -> None:
    """Say what a change of labels means, and for how many points and keys values differ."""
    from msgspec import to_builtins

    from tallystick.desk import diff_labels, library_of, load_project

    project = load_project(CONTEXT.project)
    found = diff_labels(project, library_of(project, old), library_of(project, new), points)
    write_json(json_file, to_builtins(found))
    if not found:
        _say("diff.same")
    for label in found:
        _say(f"diff.{label.how}", label=label.label, to=label.renamed_to)
        for change in label.changes:
            typer.echo(f"  {change.words.text(CONTEXT.language)}")
        for effect in label.effects:
            typer.echo(f"  {_effect(effect)}")
            for example in effect.examples:
                typer.echo(f"    {example.point}: {example.old} → {example.new}")


def _effect(effect: Any) -> str:
    counts = {name: f"{getattr(effect, name):,}" for name in ("points", "differing", "keys", "keys_differing")}
    missing = {"missing_old": f"{effect.missing_old:,}", "missing_new": f"{effect.missing_new:,}"}
    text = WORDS("diff.effect", stream=effect.stream, **counts, **missing).text(CONTEXT.language)
    if effect.mean_old is None or effect.mean_new is None:
        return text
    means = {"old": f"{effect.mean_old:.6g}", "new": f"{effect.mean_new:.6g}"}
    return text + WORDS("diff.mean", **means).text(CONTEXT.language)


@labels_app.command("cost")
def cost(
    names: NamesArgument = None,
    points: Annotated[int, typer.Option(min=1, help="At most so many points of each stream.")] = 50000,
    json_file: JsonOption = None,
) -> None:
    """Measure the CPU milliseconds of each label for a million values, what is shared told apart."""
    from msgspec import to_builtins

    from tallystick.cli.show import Steps, print_table
    from tallystick.desk import label_costs, load_project

    project = load_project(CONTEXT.project)
    _require_labels(project, names)
    with Steps(CONTEXT.language) as progress:
        costs = label_costs(project, names or (), points, progress)
    write_json(json_file, to_builtins(costs))
    columns = ("labels.name", "cost.group", "cost.points", "cost.own", "cost.shared", "cost.alone")
    rows = [(c.label, c.group, c.points, round(c.own_ms), round(c.shared_ms), round(c.alone_ms)) for c in costs]
    print_table(CONTEXT.language, columns, rows)


@labels_app.command("drift")
def drift(
    names: NamesArgument = None,
    base: Annotated[str, typer.Option(metavar="MONTH", help="The month, 2026-03, that others are held against.")] = "",
    chart: Annotated[Path | None, typer.Option(metavar="FILE", help="Also draw it as an HTML page.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Show by month how far labels have moved (PSI), the share missing, mean and quantiles."""
    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.desk import drift_of, load_project

    project = load_project(CONTEXT.project)
    _require_labels(project, names)
    found = drift_of(project, names or (), base)
    write_json(json_file, to_builtins(found))
    columns = ("labels.name", "drift.month", "drift.points", "drift.psi", "drift.missing", "drift.mean")
    rows = []
    for label in found:
        for month in label.months:
            psi = "-" if month.psi is None else f"{month.psi:.3f}"
            mean = "-" if month.mean is None else f"{month.mean:.4g}"
            quantiles = [f"{value:.4g}" for value in month.quantiles] or ["-"] * 5
            rows.append((label.label, month.month, month.points, psi, f"{month.share_missing:.1%}", mean, *quantiles))
    print_table(CONTEXT.language, (*columns, *(f"drift.p{part}" for part in (5, 25, 50, 75, 95))), rows)
    if chart is not None:
        from tallystick.console import write_drift

        write_drift(chart, project.settings.project.name, found, CONTEXT.language)
        _say("drift.chart", path=chart)


@labels_app.command("warm")
def warm(json_file: JsonOption = None) -> None:
    """Make live label state from lake and journal once, and keep it: the next start is quick."""
    from msgspec import to_builtins

    from tallystick.desk import Desk, load_project

    with Desk(load_project(CONTEXT.project)) as desk:
        kept = desk.keep_labels()
    write_json(json_file, to_builtins(kept))
    size = f"{kept.bytes / 1e6:,.1f}"
    counts = {"facts": f"{kept.facts:,}", "events": f"{kept.events:,}", "position": f"{kept.position:,}"}
    _say("warm.kept", seconds=f"{kept.seconds:.2f}", megabytes=size, **counts)


def _require_labels(project: Any, names: list[str] | None) -> None:
    from tallystick.desk import nearest

    for name in names or ():
        if name not in project.library.labels:
            allowed = ", ".join(nearest(name, project.library.labels)) or "-"
            raise InputError(WORDS("labels.near", given=name, allowed=allowed))


def _nature(nature: str) -> str:
    return WORDS(f"nature.{nature}").text(CONTEXT.language)
