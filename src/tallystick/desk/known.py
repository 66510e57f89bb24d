"""Whether anything is held of a subject, and who has nearly the same name: an id that was misspelt is told."""

from __future__ import annotations

import difflib

import polars as pl
import sqlalchemy as sql

from tallystick import data
from tallystick.desk.forget_notes import state_of, states_of
from tallystick.desk.forget_survey import has_key
from tallystick.desk.index import DECISIONS
from tallystick.desk.project import Project
from tallystick.desk.subjects import Subject, sources_of, subject_columns
from tallystick.store.sql import connect

_NEAR, _COMPARED_MAX = 3, 10_000


def is_known(project: Project, subject: Subject) -> bool:
    """Whether there is a key, or a row of a table, of a subject in any state."""
    for place in (state_of(project, state) for state in states_of(project)):
        if has_key(place.state / "keys.db", subject):
            return True
        lake = place.lake()
        tables = [source for source in sources_of(project, subject) if source.name in lake.tables()]
        if any(lake.of_subject(source, subject.value, 1).height for source in tables):
            return True
    return False


def unknown(project: Project, subject: Subject) -> dict[str, str]:
    """What there is to say of a subject of whom nothing is held: its column and value, near ids, and the columns."""
    near = difflib.get_close_matches(subject.value, _alike(project, subject), _NEAR)
    columns = ", ".join(subject_columns(project))
    return {"column": subject.column, "given": subject.value, "near": ", ".join(near) or "-", "allowed": columns}


def _alike(project: Project, subject: Subject) -> list[str]:
    """The ids of lake and state table that begin or end as the given one does: one slip leaves one half of it whole."""
    half = len(subject.value) // 2
    first, second = subject.value[:half], subject.value[half:]
    found = _decided(project, subject, first, second)
    for source in sources_of(project, subject):
        if source.name in project.lake().tables():
            found += _loaded(project.lake(), source, first, second)
    # Stand-ins are nobody's ids.
    return [id for id in dict.fromkeys(found) if not id.startswith(("~", "-"))]


def _loaded(lake: data.Lake, source: data.Source, first: str, second: str) -> list[str]:
    """The ids of a table that begin or end in some way, and are about as long."""
    ids, length = pl.col(source.subject).cast(pl.String), len(first) + len(second)
    like = ids.str.starts_with(first) | ids.str.ends_with(second)
    near = like & ids.str.len_chars().is_between(length - 2, length + 2)
    rows = lake.read(source.name, lambda rows: rows.select(ids).filter(near).unique().sort(ids).head(_COMPARED_MAX))
    return rows[source.subject].to_list()


def _decided(project: Project, subject: Subject, first: str, second: str) -> list[str]:
    """The ids of the state table that begin or end in some way."""
    path, named = project.state / "state.db", DECISIONS.c.subject
    if not path.exists():
        return []
    begins = named.startswith(f"{subject.column}={first}", autoescape=True)
    ends = named.startswith(f"{subject.column}=", autoescape=True) & named.endswith(second, autoescape=True)
    asked = sql.select(named).where(begins | ends).distinct().order_by(named).limit(_COMPARED_MAX)
    engine = connect(path)
    try:
        if not sql.inspect(engine).has_table(DECISIONS.name):
            return []
        with engine.connect() as connection:
            return [key.partition("=")[2] for key in connection.execute(asked).scalars()]
    finally:
        engine.dispose()
