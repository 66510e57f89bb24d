"""`tally decisions`: models on the terminal, in spreadsheets, held against cases and against each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.words import WORDS
from tallystick.core import InputError, Place, UsageError

decisions_app = typer.Typer(help="Decision models: show, check, run, compare, exchange.", no_args_is_help=True)

ModelArgument = Annotated[Path, typer.Argument(metavar="MODEL", help="A DMN file.")]
NowOption = Annotated[str, typer.Option(metavar="INSTANT", help="The moment that now() and today() read.")]
TableOption = Annotated[str, typer.Option(metavar="NAME", help="Only this table; all without it.")]


def _say(code: str, **params: Any) -> None:
    typer.echo(WORDS(code, **params).text(CONTEXT.language))


def _now(given: str) -> Any:
    from tallystick.core import parse_instant, to_datetime

    return to_datetime(parse_instant(given, "UTC"), "UTC") if given else None


@decisions_app.command("list")
def show_all(
    models: Annotated[
        list[Path] | None, typer.Argument(metavar="[MODEL]...", help="DMN files; without any those of the project.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """List decisions with logic, hit policy, rules, inputs, type and the version of their model."""
    from msgspec import structs

    from tallystick.cli.show import print_table
    from tallystick.decisions import load, overview

    paths = models or sorted((CONTEXT.project / "decisions").glob("*.dmn"))
    if not paths:
        raise InputError(WORDS("decisions.none", given=CONTEXT.project / "decisions"))
    rows: list[Sequence[Any]] = []
    documents = []
    for path in paths:
        model = load(path)
        for entry in overview(model):
            documents.append({"file": path.name, "version": model.version} | structs.asdict(entry))
            kind = WORDS(f"decisions.logic.{entry.logic}").text(CONTEXT.language)
            inputs = ", ".join(entry.inputs)
            rules = entry.rules if entry.logic == "table" else "-"
            rows.append((entry.name, kind, entry.policy, rules, inputs, entry.type, path.name, model.version[:12]))
    write_json(json_file, documents)
    columns = ("name", "logic", "policy", "rules", "inputs", "type", "file", "version")
    print_table(CONTEXT.language, [f"decisions.{column}" for column in columns], rows)


@decisions_app.command("show")
def show(
    path: ModelArgument,
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A table; without it the graph and all tables.")] = "",
) -> None:
    """Show what a model's decisions require, and its tables."""
    from tallystick.cli.tables import print_decision_table
    from tallystick.decisions import graph_lines, load, tables

    model = load(path)
    found = tables(model, name)
    if not name:
        _say("decisions.graph")
        typer.echo("\n".join(graph_lines(model, CONTEXT.language)))
    for table in found:
        typer.echo("")
        print_decision_table(table, CONTEXT.language)


@decisions_app.command("check")
def check(models: Annotated[list[Path], typer.Argument(metavar="MODEL...", help="DMN files, each a model.")]) -> None:
    """Read models and show all their faults, each with decision, rule and cell."""
    from tallystick.core import Faults, TallystickError
    from tallystick.decisions import load

    faults = Faults()
    for path in models:
        try:
            model = load(path)
        except TallystickError as error:
            faults.add(error)
            continue
        _say("decisions.ok", name=path.name, decisions=len(model.decisions), version=model.version[:12])
    faults.raise_any()


@decisions_app.command("run")
def run(
    path: ModelArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A decision.")],
    inputs: Annotated[
        list[str] | None, typer.Argument(metavar="[INPUT=FEEL]...", help="As income=1000 or 'class=\"low\"'.")
    ] = None,
    now: NowOption = "",
    json_file: JsonOption = None,
) -> None:
    """Take one decision: its value, the rules that matched, reasons, and the cause of every null."""
    from msgspec import to_builtins
    from rich.markup import escape

    from tallystick.cli.show import print_pairs
    from tallystick.decisions import load
    from tallystick.feel import compile as compile_feel
    from tallystick.feel import show as text_of

    given = {}
    for text in inputs or ():
        key, mark, value = text.partition("=")
        if not mark:
            raise UsageError(WORDS("decisions.given", given=text))
        given[key.strip()] = compile_feel(value, ())({})
    result = load(path).decide(name, given, _now(now))
    matched = [f"{rule.decision} {rule.rule}" for rule in result.matched]
    shown = [("value", [text_of(result.value)]), ("matched", matched), ("reasons", result.reasons)]
    trace = {key: text_of(value) for key, value in result.trace.items()}
    shown += [("nulls", result.nulls), ("trace", [f"{key}: {value}" for key, value in trace.items()])]
    write_json(
        json_file,
        {
            "value": text_of(result.value),
            "matched": to_builtins(result.matched),
            "reasons": list(result.reasons),
            "nulls": list(result.nulls),
            "trace": trace,
        },
    )
    print_pairs(CONTEXT.language, [(f"decisions.{part}", escape("\n".join(texts))) for part, texts in shown if texts])


@decisions_app.command("cases")
def cases(
    path: ModelArgument,
    file: Annotated[Path, typer.Argument(metavar="CASES", help="CSV: a column per input, =Decision per expectation.")],
    now: NowOption = "",
    json_file: JsonOption = None,
) -> None:
    """Run the cases of a CSV file and show those that fail (exit code 1 then)."""
    from msgspec import to_builtins

    from tallystick.decisions import load, run_cases

    found = run_cases(load(path), file, _now(now))
    write_json(json_file, to_builtins(found))
    for failure in found.failures:
        place = Place(file.name, failure.line, cell=failure.decision)
        _say("decisions.failure", place=place, expected=failure.expected, found=failure.found)
    _say("decisions.cases", total=found.total, failed=len(found.failures))
    if found.failures:
        raise typer.Exit(1)


@decisions_app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="A DMN file.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="A DMN file.")],
    file: Annotated[
        Path | None, typer.Option("--cases", metavar="FILE", help="CSV of inputs: for whom do decisions change?")
    ] = None,
    examples: Annotated[int, typer.Option(min=0, help="Show so many kinds of different outcomes.")] = 5,
    now: NowOption = "",
    json_file: JsonOption = None,
) -> None:
    """Say in words what differs between two models, and for which inputs they decide otherwise."""
    from msgspec import structs, to_builtins

    from tallystick.decisions import diff as changes_of
    from tallystick.decisions import effects, load

    models = load(old), load(new)
    found = changes_of(*models)
    changed = effects(*models, file, _now(now)) if file is not None else ()
    language = CONTEXT.language
    changes = [structs.asdict(c) | {"part": c.part.text(language), "text": c.text(language)} for c in found]
    write_json(json_file, {"changes": changes, "effects": to_builtins(changed)})
    if not found:
        _say("decisions.same")
    for change in found:
        typer.echo(change.text(language))
    for effect in changed:
        _say("decisions.effect", name=effect.decision, differing=f"{effect.differing:,}", rows=f"{effect.rows:,}")
        for outcome in effect.outcomes[:examples]:
            inputs = ", ".join(f"{name}={value}" for name, value in outcome.inputs.items())
            about = {"old": outcome.old, "new": outcome.new, "count": f"{outcome.count:,}"}
            _say("decisions.outcome", **about, line=outcome.line, inputs=inputs)


@decisions_app.command("export")
def export(
    path: ModelArgument,
    output: Annotated[Path, typer.Argument(metavar="OUTPUT", help="A .xlsx file, or .csv for one table.")],
    table: TableOption = "",
) -> None:
    """Write decision tables to a spreadsheet, every cell as text."""
    from tallystick.decisions import export_tables, load

    names = export_tables(load(path), output, table, CONTEXT.language)
    _say("decisions.exported", names=", ".join(names), path=output)


@decisions_app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A .xlsx or .csv file as exported.")],
    path: Annotated[Path, typer.Argument(metavar="MODEL", help="The DMN file; a new one is made of the tables alone.")],
) -> None:
    """Read decision tables from a spreadsheet into a model; all else in its XML stays."""
    from tallystick.decisions import import_tables

    written = import_tables(source, path)
    if written:
        _say("decisions.imported", path=", ".join(map(str, written)))
    else:
        _say("decisions.unchanged", path=path)
