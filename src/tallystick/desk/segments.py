"""Segments of a project: whose keys they are asked for, and expressions over them."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import polars as pl

from tallystick.core import Instant, StateError, UsageError
from tallystick.desk.history import INSTANT, frame_end
from tallystick.desk.project import Project
from tallystick.desk.words import WORDS
from tallystick.labels.segments import Members, Segment, Segments, define, overlap

__all__ = [
    "build_segment",
    "keys_known",
    "latest_known",
    "members_of",
    "names_in",
    "overlap",
    "segments_of",
    "write_members",
]

Ask = Callable[[pl.LazyFrame], pl.LazyFrame]


def segments_of(project: Project) -> Segments:
    """The project's segments: `.tallystick/segments`."""
    return Segments(project.state / "segments")


def latest_known(project: Project) -> Instant:
    """The latest instant at which the lake learned of a fact."""
    known = [_facts(project, stream, lambda facts: facts.select("known_at")) for stream in project.library.streams]
    return max(map(frame_end, known), default=0)


def keys_known(project: Project, entity: str, k: Instant) -> pl.Series:
    """Every key of an entity in a fact of the lake known by `k`, sorted."""
    found = []
    for stream, events in project.library.streams.items():
        for key, column in events.keys.items():
            if key.name == entity:
                found.append(_facts(project, stream, _known_keys(entity, column, k))[entity])
    return pl.concat(found).drop_nulls().unique().sort() if found else pl.Series(entity, [], dtype=pl.String())


def _known_keys(entity: str, column: str, k: Instant) -> Ask:
    by_then = pl.col("known_at").cast(INSTANT) <= pl.lit(k).cast(INSTANT)
    return lambda facts: facts.filter(by_then).select(pl.col(column).alias(entity)).unique()


def build_segment(
    project: Project,
    name: str,
    entity: str = "",
    condition: str = "",
    t: Instant | None = None,
    k: Instant | None = None,
) -> Members:
    """Build a segment over every key that the lake knows by k.

    Parameters
    ----------
    project
        A checked project with a loaded lake.
    name
        The segment's.
    entity, condition
        What it means; without both, what it meant when it was built last.
    t, k
        The point, microseconds UTC: the latest that the lake knows; k is t when only t is given.

    Raises
    ------
    UsageError
        When one of entity and condition is missing and the segment was never built.
    """
    store = segments_of(project)
    earlier = store.builds(name)
    if earlier:
        entity, condition = entity or earlier[-1].segment.entity, condition or earlier[-1].segment.condition
    if not entity or not condition:
        raise UsageError(WORDS("segments.meaning", given=name))
    segment: Segment = define(project.library, name, entity, condition)
    t = latest_known(project) if t is None else t
    k = t if k is None else k
    return store.build(project.library, segment, keys_known(project, entity, k), t, k)


def members_of(project: Project, expression: str, t: Instant | None = None, k: Instant | None = None) -> Members:
    """The members of an expression over segments: names, `&`, `|`, `-`, `~` and brackets, as in Python.

    Parameters
    ----------
    project
        Whose segments.
    expression
        Such as `often & ~(new | lost)`.
    t, k
        The point as of which each segment counts, by its latest build up to then; the latest build without it.

    Raises
    ------
    UsageError
        When the text is no such expression.
    InputError
        For a segment that was not built by then, or segments of several entities.
    """
    store = segments_of(project)

    def value(node: ast.expr) -> Members:
        match node:
            case ast.Name(name):
                return store.latest(name) if t is None else store.at(name, t, k)
            case ast.UnaryOp(ast.Invert(), operand):
                return ~value(operand)
            case ast.BinOp(left, ast.BitAnd(), right):
                return value(left) & value(right)
            case ast.BinOp(left, ast.BitOr(), right):
                return value(left) | value(right)
            case ast.BinOp(left, ast.Sub(), right):
                return value(left) - value(right)
        raise UsageError(WORDS("segments.expression", given=expression))

    return value(_parsed(expression))


def names_in(expression: str) -> tuple[str, ...]:
    """The segments that an expression names, each once, in order."""
    names = [(node.col_offset, node.id) for node in ast.walk(_parsed(expression)) if isinstance(node, ast.Name)]
    return tuple(dict.fromkeys(name for _, name in sorted(names)))


def write_members(members: Members, path: Path) -> int:
    """Write the keys of members to a file, .csv or .parquet; returns how many.

    Raises
    ------
    UsageError
        For another ending.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(WORDS("segments.output", given=str(path)))
    frame = members.frame()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    return frame.height


def _parsed(expression: str) -> ast.expr:
    try:
        return ast.parse(expression.strip(), mode="eval").body
    except (SyntaxError, ValueError):
        raise UsageError(WORDS("segments.expression", given=expression)) from None


def _facts(project: Project, stream: str, ask: Ask) -> pl.DataFrame:
    lake = project.lake()
    if stream not in lake.tables():
        raise StateError(WORDS("lake.empty", given=stream))
    return lake.read(stream, ask)
