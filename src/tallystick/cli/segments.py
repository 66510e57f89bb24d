"""`tally segments`: who has which label values, as of a moment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tallystick.cli.context import CONTEXT, JsonOption, write_json
from tallystick.cli.words import WORDS

segments_app = typer.Typer(help="Segments: who has which label values, as of a moment.", no_args_is_help=True)

AtOption = Annotated[str, typer.Option("--at", metavar="INSTANT", help="The moment t, such as 2026-03-01T00:00Z.")]
KnownOption = Annotated[str, typer.Option("--known", metavar="INSTANT", help="Only what was known by then; t itself.")]
ExpressionArgument = Annotated[
    str, typer.Argument(metavar="EXPRESSION", help="Names with &, |, -, ~ and brackets, in quotes.")
]


@segments_app.command("build")
def build(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The segment's name.")],
    entity: Annotated[str, typer.Option("--of", metavar="ENTITY", help="Whose keys are the members.")] = "",
    condition: Annotated[str, typer.Option("--where", metavar="FEEL", help="Condition over labels.")] = "",
    at: AtOption = "",
    known: KnownOption = "",
    json_file: JsonOption = None,
) -> None:
    """Find and keep the members of a segment among all keys that the lake knows."""
    from tallystick.desk import build_segment, load_project

    project = load_project(CONTEXT.project)
    members = build_segment(project, name, entity, condition, _instant(project, at), _instant(project, known))
    document = _document(project, members.build)
    write_json(json_file, document)
    typer.echo(WORDS("segments.built", **_figures(document)).text(CONTEXT.language))


@segments_app.command("list")
def show_all(json_file: JsonOption = None) -> None:
    """List the segments with their latest build."""
    from tallystick.cli.show import print_table
    from tallystick.desk import load_project, segments_of

    project = load_project(CONTEXT.project)
    store = segments_of(project)
    documents = [_document(project, store.latest(name).build) for name in store.names()]
    write_json(json_file, documents)
    parts = ("name", "entity", "size", "asked", "missing", "t", "k", "version")
    rows = [[d[part] if part != "version" else d[part][:12] for part in parts] for d in documents]
    print_table(CONTEXT.language, [f"segments.{part}" for part in parts], rows)


@segments_app.command("show")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The segment's name.")], json_file: JsonOption = None
) -> None:
    """Show what a segment means and every build of it."""
    from tallystick.cli.show import print_pairs, print_table
    from tallystick.desk import load_project, segments_of

    project = load_project(CONTEXT.project)
    store = segments_of(project)
    latest = store.latest(name).build
    builds = [_document(project, build) for build in store.builds(name)]
    write_json(json_file, builds)
    newest = _document(project, latest)
    labels = ", ".join(f"{label} {version[:12]}" for label, version in newest["labels"].items())
    pairs = [(f"segments.{part}", newest[part]) for part in ("name", "entity", "condition", "version")]
    print_pairs(CONTEXT.language, [*pairs, ("segments.labels", labels)])
    parts = ("number", "t", "k", "size", "asked", "missing", "version")
    rows = [[d[part] if part != "version" else d[part][:12] for part in parts] for d in builds]
    print_table(CONTEXT.language, [f"segments.{part}" for part in parts], rows)


@segments_app.command("combine")
def combine(
    expression: ExpressionArgument,
    at: AtOption = "",
    known: KnownOption = "",
    json_file: JsonOption = None,
) -> None:
    """Count a combination of segments, and how each two of them overlap, without listing anyone."""
    from itertools import combinations

    from msgspec import to_builtins

    from tallystick.cli.show import print_table
    from tallystick.desk import load_project, members_of, names_in, overlap

    project = load_project(CONTEXT.project)
    t, k = _instant(project, at), _instant(project, known)
    whole = members_of(project, expression, t, k)
    parts = {name: members_of(project, name, t, k) for name in names_in(expression)}
    overlaps = [(a, b, overlap(parts[a], parts[b])) for a, b in combinations(parts, 2)]
    document = {
        "expression": expression,
        "size": whole.size,
        "segments": {name: members.size for name, members in parts.items()},
        "overlaps": [{"left_segment": a, "right_segment": b, **to_builtins(found)} for a, b, found in overlaps],
    }
    write_json(json_file, document)
    sizes = ", ".join(f"{name} {members.size:,}" for name, members in parts.items())
    words = WORDS("segments.combined", expression=expression, size=f"{whole.size:,}", sizes=sizes)
    typer.echo(words.text(CONTEXT.language))
    if overlaps:
        rows = [(a, b, found.both, found.either, f"{found.jaccard:.4f}") for a, b, found in overlaps]
        columns = [f"segments.{part}" for part in ("left", "right", "both", "either", "jaccard")]
        print_table(CONTEXT.language, columns, rows)


@segments_app.command("export")
def export(
    expression: ExpressionArgument,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="A .csv or .parquet file.")],
    limit: Annotated[int, typer.Option(min=-1, help="At most so many, those first known; -1: all.")] = -1,
    sample: Annotated[int, typer.Option(min=-1, help="So many drawn by hash; -1: all.")] = -1,
    salt: Annotated[str, typer.Option(help="Another salt draws others.")] = "",
    at: AtOption = "",
    known: KnownOption = "",
) -> None:
    """Write the keys of a combination of segments to a file."""
    from tallystick.desk import load_project, members_of, write_members

    project = load_project(CONTEXT.project)
    members = members_of(project, expression, _instant(project, at), _instant(project, known))
    members = members.sample(sample, salt) if sample >= 0 else members
    members = members.limit(limit) if limit >= 0 else members
    count = write_members(members, output)
    typer.echo(WORDS("segments.written", count=f"{count:,}", path=output).text(CONTEXT.language))


def _instant(project: Any, text: str) -> int | None:
    from tallystick.core import parse_instant

    return parse_instant(text, project.zone) if text else None


def _document(project: Any, build: Any) -> dict[str, Any]:
    """A build as JSON values; its instants are seen in the project's zone."""
    from msgspec import to_builtins

    from tallystick.core import format_instant

    flat = to_builtins(build)
    segment: dict[str, Any] = flat.pop("segment")
    return {**segment, **flat, "t": format_instant(build.t, project.zone), "k": format_instant(build.k, project.zone)}


def _figures(document: dict[str, Any]) -> dict[str, str]:
    counts = {part: f"{document[part]:,}" for part in ("size", "asked", "missing")}
    return {part: document[part] for part in ("name", "entity", "t", "k")} | counts
