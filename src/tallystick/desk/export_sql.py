"""A model of scorecards as one SELECT of plain SQL."""

from __future__ import annotations

from tallystick.core import InputError
from tallystick.desk.export_plain import Input, Numbers, PlainCard, Way
from tallystick.desk.words import WORDS

_LARGEST = 1.7976931348623157e308


def to_sql(card: PlainCard, table: str) -> str:
    """One SELECT over `table` that adds to its columns the points, the probability of bad, and the grade.

    Parameters
    ----------
    card
        The model.
    table
        The name of the table or view; a schema and a catalogue may stand before it, with points between.

    Returns
    -------
    str
        Plain SQL for DuckDB, PostgreSQL and SQLite. Added columns: `points`, `pd` and, where there are grades,
        `rating`. Flags are read as 0 and 1 (PostgreSQL: cast them to integer in a view).

    Raises
    ------
    InputError
        When a label is called as a column that is added.
    """
    added = ["points", "pd", *(["rating"] if card.rated else [])]
    for label in card.labels():
        if label.lower() in added:
            raise InputError(WORDS("export.label", given=label))
    source = ".".join(_name(part) for part in table.split("."))
    several = len(card.ways) > 1
    rows = []
    for place, way in enumerate(card.ways):
        for found in way.outcomes:
            cells = [str(place)] if several else []
            cells += [str(found.total), str(found.points), number(found.pd)]
            rows.append(f"  ({', '.join([*cells, _text(found.rating)] if card.rated else cells)})")
    listed = ",\n".join(rows)
    names = ", ".join([*(["way"] if several else []), "total", *added])
    chosen = "outcome.points, CAST(outcome.pd AS DOUBLE PRECISION) AS pd" + (", outcome.rating" if card.rated else "")
    return (
        f"-- {_comment(card.name)} {card.version}\n"
        f"WITH outcome ({names}) AS (VALUES\n{listed}\n)\n"
        f"SELECT source.*, {chosen}\n"
        f"FROM {source} AS source\n"
        f"JOIN outcome ON {_outcome_of(card)}\n"
    )


def number(value: float) -> str:
    """A double as a literal that every database reads as a double: its shortest digits with an exponent."""
    text = repr(value)
    return text if "e" in text else f"{text}e0"


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _comment(text: str) -> str:
    return " ".join(text.split())


def _outcome_of(card: PlainCard) -> str:
    """Which outcome is that of a row; nothing is added to its columns on the way, whatever they are called."""
    if len(card.ways) == 1:
        return f"outcome.total =\n{_total(card.ways[0], 4)}"
    # A flag or a whole number picks its way by its text.
    route = f"CAST(source.{_name(card.route)} AS VARCHAR)"
    named = list(enumerate(card.ways[:-1]))
    ways = " ".join(f"WHEN {_text(way.route)} THEN {place}" for place, way in named)
    totals = "\n".join(f"    WHEN {_text(way.route)} THEN\n{_total(way, 6)}" for _, way in named)
    return (
        f"outcome.way = CASE {route} {ways} ELSE {len(named)} END\n"
        f"  AND outcome.total = CASE {route}\n{totals}\n    ELSE\n{_total(card.ways[-1], 6)}\n    END"
    )


def _total(way: Way, indent: int) -> str:
    blank = " " * indent
    return "\n".join([f"{blank}{way.base}", *(f"{blank}+ {_case(given, blank)}" for given in way.inputs)])


def _case(given: Input, blank: str) -> str:
    column = f"source.{_name(given.label)}"
    lines = [f"CASE WHEN {column} IS NULL THEN {given.missing}"]
    if isinstance(given.by, Numbers):
        lines += _numbers(f"CAST({column} AS DOUBLE PRECISION)", given.by, given.missing)
    else:
        lines += [
            f"WHEN {column} IN ({', '.join(map(_text, names))}) THEN {p}" for names, p in given.by.groups if names
        ]
        lines.append(f"ELSE {given.by.other} END")
    return f"\n{blank}  ".join(lines)


def _numbers(column: str, by: Numbers, missing: int) -> list[str]:
    # An infinity is read as the largest finite number, of which a special value may be made.
    signs = {_LARGEST: ">=", -_LARGEST: "<="}
    specials = [f"WHEN {column} {signs.get(value, '=')} {number(value)} THEN {points}" for value, points in by.specials]
    values = [f"WHEN {column} <= {number(edge)} THEN {p}" for edge, p in zip(by.edges, by.points[:-1], strict=True)]
    # NaN is above every number in DuckDB and PostgreSQL, and does not exist in SQLite; only its text tells it apart.
    above = f"{column} > {number(_LARGEST)} AND LOWER(CAST({column} AS VARCHAR(9))) = 'nan'"
    nan = [] if by.points[-1] == missing and not by.specials else [f"WHEN {above} THEN {missing}"]
    return [*(nan + specials + values if by.specials else values + nan), f"ELSE {by.points[-1]} END"]
