"""Faults of a label file: each is found, all are shown, each with its line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.core import DefinitionError, DefinitionErrors, Field, FieldType, Grade, InputError, StateError
from tallystick.labels import Entity, Events, Library

HEAD = """from tallystick.labels import Entity, Events, date, decimal, flag, formula, integer, money, real, text
card, till = Entity("card"), Entity("till")
p = Events("p", id="id", at="at", keys={card: "card"}, fields={
    "amount": money("EUR"), "usd": money("USD"), "level": real(), "city": text(), "ok": flag(), "shop": integer()})
moves = Events("moves", id="id", at="at", keys={till: "till"}, fields={"till": text(), "kind": text()})
per = lambda: p.per(card)
"""
FAULTS = [
    ('a = per().sum("level").over("7d")', "labels.kind_real"),
    ('a = per().sum("city").over("7d")', "labels.kind"),
    ('a = per().max("city").over("7d")', "labels.kind"),
    ('a = per().sum("other").over("7d")', "labels.undeclared"),
    ('a = per().count().over("0d")', "labels.window_zero"),
    ('a = per().count().over("0 events")', "labels.window_zero"),
    ('a = per().count().over("session 0d")', "labels.window_zero"),
    ('a = per().count().over("100001 events")', "labels.window_events"),
    ('a = per().count().over("30m")', "labels.window_text"),
    ('a = per().count().over("weeks")', "labels.window_text"),
    ('a = per().count().over("session soon")', "labels.window_text"),
    ('a = per().count().over("7d", back=1)', "labels.window_back"),
    ('a = per().count().over("lifetime", to_date=True)', "labels.window_back"),
    ('a = per().count().over("month", back=-1)', "labels.window_units"),
    ('a = per().count().over("month", back=0.5)', "labels.window_units"),
    ('a = per().count().over("99999999d")', "labels.window_long"),
    ('a = per().count().over("7d", delay="-1d")', "labels.delay"),
    ('a = per().count(where="amount >").over("7d")', "labels.where"),
    ('a = per().share("").over("7d")', "labels.where"),
    ('a = per().count(where="at < now()").over("7d")', "labels.where"),
    ('a = per().count(where=\'amount = "x"\').over("7d")', "labels.where"),
    ("a = per().count(where='city > 5').over(\"7d\")", "labels.where"),
    ("a = per().count(where='city in (1, 2)').over(\"7d\")", "labels.where"),
    ("a = per().count(where='ok and amount').over(\"7d\")", "labels.where"),
    ("a = per().count(where='city + 1 = 2').over(\"7d\")", "labels.where"),
    ('a = per().count(where=\'amount between 1 and "x"\').over("7d")', "labels.where"),
    ("a = per().count(where='amount + 1').over(\"7d\")", "labels.where"),
    ('a = per().count(where=\'at.hour = "6"\').over("7d")', "labels.where"),
    ('a = per().skew("city").over("7d")', "labels.kind"),
    ('a = per().range("ok").over("7d")', "labels.kind"),
    ('a = per().ratio("amount", "level").over("7d")', "labels.kind_real"),
    ('a = per().ratio("amount", "nothing").over("7d")', "labels.undeclared"),
    ('a = per().entropy("other").over("7d")', "labels.undeclared"),
    ('a = per().nth("amount", 0).over("7d")', "labels.number"),
    ('a = per().top("city", True).over("7d")', "labels.number"),
    ('a = per().sequence("city", 10_001).over("7d")', "labels.number"),
    ('a = per().quantile("amount", 1.1).over("7d")', "labels.quantile"),
    ('a = per().quantile("amount", 0.1234567).over("7d")', "labels.quantile"),
    ('a = per().quantile("amount", "half").over("7d")', "labels.quantile"),
    ('a = per().quantile("amount", "nan").over("7d")', "labels.quantile"),
    ('a = per().quantile("level", 0.5, cap=10).over("7d")', "labels.cap_real"),
    ('a = per().distinct("city", cap=1).over("7d")', "labels.cap"),
    ('a = per().distinct("city", cap=-1).over("7d")', "labels.cap"),
    ('a = per().decayed("amount", half_life="0d").over("7d")', "labels.half_life"),
    ('a = per().decayed("amount", half_life="30000d").over("7d")', "labels.half_life"),
    ('a = per().slope("amount", per="day").over("7d")', "labels.slope"),
    ('a = per().gap("median").over("7d")', "labels.gap"),
    ('a = per().streak("").over("7d")', "labels.where"),
    ('a = per().count().after(per().count().over("7d"))', "labels.anchor"),
    ('a = per().count().before("soon")', "labels.anchor"),
    ('a = per().count().after(per().last_at().over("7d"), within="0d")', "labels.window_zero"),
    ('a = per().count().after(per().last_at().over("7d") - 1)', "labels.types"),
    ('a = moves.per(till).count().over("7d").via(per().sum("amount").over("7d"))', "labels.link"),
    ('a = moves.per(till).count().over("7d").via(per().last("shop").over("7d"))', "labels.link_key"),
    (
        'a = moves.per(till).count().over("7d").via(formula("b", type=text()))\nb = per().last("city").over("7d")',
        "labels.link",
    ),
    ('a = p.own("nothing")', "labels.undeclared"),
    ('a = per().count().over("7d").by("city", ["a b", "a-b"])', "labels.family_clash"),
    ('a = per().count().over("7d").by("city", [])', "labels.family_empty"),
    ('a = per().share("ok").over("7d").by("city", ["Ulm"])', "labels.family_flagged"),
    ('a = per().sum("amount").over("7d")\na__missing = per().count().over("7d")', "labels.name_taken"),
    ('a = per().sum("amount").over_each(["1d", "0d"])', "labels.window_zero"),
    ('a = per().count().over("7d").described("x", freshness="daily")', "labels.freshness"),
    ('a = per().count().over("7d").described("x", max_grade="L9")', "grade.text"),
    ("a = per().count()", "labels.unfinished"),
    ('a = p.per(Entity("till")).count().over("7d")', "labels.entity"),
    ('a = formula("b + 1")\nb = formula("a + 1")', "labels.cycle"),
    ('a = formula("nothing / 2")', "labels.unknown"),
    ('a = formula("1 +")', "labels.formula"),
    ('b = per().count().over("7d")\na = formula("abs(b)")', "labels.formula_node"),
    ('b = per().count().over("7d")\na = formula("b > nothing", type=flag())', "labels.unknown"),
    ('b = per().count().over("7d")\na = formula("today()", type=date())', "labels.formula"),
    ('b = per().count().over("7d")\na = formula(\'b = "x"\', type=flag())', "labels.formula"),
    ('b = per().count().over("7d")\na = formula("b > 1", type=text())', "labels.rule_kind"),
    ('b = formula("a > 1", type=flag())\na = formula("if b then 1 else 2", type=integer())', "labels.cycle"),
    ('a = per().sum("amount").over("7d") + per().sum("usd").over("7d")', "labels.types"),
    ('a = per().sum("amount").over("7d") + 1', "labels.types"),
    ('a = per().last("city").over("7d") * 2', "labels.types"),
    ('a = per().count().over("7d") + 2**63', "labels.formula_number"),
    ('a = per().count().over("7d")\nb = a', "labels.alias"),
    ('q = Events("p", id="id", at="at", keys={card: "card"})', "labels.stream_twice"),
    ('q = Events("q", id="id", at="at", keys={card: "card"}, lateness="soon")', "labels.lateness"),
    ('q = Events("q", id="id", at="at", keys={card: "card"}, fields={"x": flag(default=True)})', "labels.known_at"),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, fields={"x": flag(default=1, known_at="y")})',
        "labels.default",
    ),
    ('q = Events("q", id="id", at="at", keys={Entity("t"): "card"})', "labels.entity_name"),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, joins={"kind": moves.per(till).count().over("7d")})',
        "labels.join_entity",
    ),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, joins={"card": per().count().over("7d")})',
        "labels.join_column",
    ),
    ('q = Events("q", id="id", at="at", keys={card: "card"}, joins={"x": p.own("amount")})', "labels.join_own"),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, joins={"x": formula("a")})\n'
        'a = q.per(card).count(where="x > 1").over("7d")',
        "labels.join_cycle",
    ),
    ('a = per().count(where="amount > usd").over("7d")', "labels.where"),
    ('a = per().count(where="amount - usd > 1").over("7d")', "labels.where"),
    ('a = per().count(where="1 < min(amount, usd * 2)").over("7d")', "labels.where"),
    ('a = per().count(where="amount in (usd, 5)").over("7d")', "labels.where"),
    ('a = per().count(where="amount between 1 and usd").over("7d")', "labels.where"),
    ('e = per().sum("amount").over("7d")\na = formula("e", type=money("USD"))', "labels.formula"),
    ('e = per().sum("amount").over("7d")\na = formula("if e > 5 then 1 else 2", type=money("JPY"))', "labels.formula"),
    ('a = per().count().over("7d").by("city", ["x"])\na__x = per().count().over("1d")', "labels.family_clash"),
    ("a = per().count(where=5).over('7d')", "labels.where_text"),
    ("a = per().count(where=5).over('7d').by('city', ['x'])", "labels.where_text"),
    ("a = per().count(where=None).over('7d')", "labels.where_text"),
    ("a = per().count().over('7d', including_present='no')", "labels.including_present"),
    ("a = per().count().over('7d').described(5)", "labels.note"),
    ("a = per().count().over('7d').described('x', purposes=5)", "labels.note"),
    ("n = per().count().over('7d')\na = formula('n + 1', type='integer')", "labels.type"),
    ("n = per().count().over('7d')\na = formula('n + 1', type=integer)", "labels.type"),
    ("a = formula(5)", "labels.formula_text"),
    ("t = per().count().over('7d')", "labels.name_point"),
    ("k = per().count().over('7d')", "labels.name_point"),
    ("id = per().count().over('7d')", "labels.name_point"),
    ("stream = per().count().over('7d')", "labels.name_point"),
    ("till = per().count().over('7d')\na = moves.per(Entity('till')).count().over('7d')", "labels.name_point"),
    ("q = Events('q', id='id', at='at', keys={Entity(5): 'card'})", "labels.entity_name"),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, fields={"x": integer(default=2**70, known_at="y")})',
        "labels.default",
    ),
]
SLIPS = [
    ('a = p.per("card").count().over("7d")', "labels.per", "'card'"),
    ("a = p.per(Entity).count().over('7d')", "labels.per", "Entity without"),
    ('q = Events("q", id="id", at="at", keys={"card": "card"})', "labels.events", "'card'"),
    ('q = Events("q", id="id", at="at", keys="card")', "labels.events", "'card'"),
    (
        'q = Events("q", id="id", at="at", keys={card: "card"}, fields={"x": integer})',
        "labels.events",
        "integer without",
    ),
    ('q = Events("q", id="id", at="at", keys={card: "card"}, joins={"x": per()})', "labels.events", "Per"),
    ('a = per().count().over("7d").by("city", "abc")', "labels.family_values", "'abc'"),
    ('a = per().count().over("7d").by("city", 5)', "labels.family_values", "5"),
    ('a = per().count().over_each(["7d"]).by("city", "abc")', "labels.family_values", "'abc'"),
    ('a = per().count().over("7d").by("city", ["x", None])', "labels.family_value", "None"),
    ('a = per().count().over("7d").by("level", [float("nan")])', "labels.family_value", "nan"),
    ("raise SystemExit", "labels.file", "SystemExit"),
    ("raise SystemExit(3)", "labels.file", "SystemExit: 3"),
    ("exit()", "labels.file", "SystemExit"),
]


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "labels.py"
    path.write_text(HEAD + text + "\n")
    return path


@pytest.mark.parametrize(("text", "code"), FAULTS)
def test_each_fault_is_named(tmp_path: Path, text: str, code: str) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(write(tmp_path, text))
    assert code in [fault.code for fault in caught.value.faults]
    assert caught.value.text("en") != caught.value.text("zh")


def test_faults_are_shown_together(tmp_path: Path) -> None:
    """Two faults, two lines, each with the file's line."""
    path = write(tmp_path, 'a = per().sum("level").over("7d")\nb = per().count().over("0d")')
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(path)
    assert [str(fault.place) for fault in caught.value.faults] == [f"{path}:7", f"{path}:8"]


@pytest.mark.parametrize(
    "text", ["a = (", "a = 1 / 0", "a = b", 'a = money("euro")', 'a = per().count().over("7d") + "x"']
)
def test_a_file_that_cannot_run_names_its_line(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(DefinitionError) as caught:
        Library.from_file(path)
    assert str(caught.value.place) == f"{path}:7"


@pytest.mark.parametrize(("text", "code", "given"), SLIPS)
def test_a_slip_of_writing_names_its_line(tmp_path: Path, text: str, code: str, given: str) -> None:
    """A string for an entity, a type without its brackets, a file that leaves: a fault, never a traceback."""
    path = write(tmp_path, text)
    with pytest.raises(DefinitionError) as caught:
        Library.from_file(path)
    assert (caught.value.code, str(caught.value.place)) == (code, f"{path}:7")
    assert given in caught.value.text("en")
    assert caught.value.text("en") != caught.value.text("zh")


def test_every_fault_of_a_file_is_shown_at_once(tmp_path: Path) -> None:
    """What is unfinished, at fault in itself, beside its source, or of a stream at fault: each by its line."""
    text = """b1 = formula("b2 + 1")
b2 = formula("b1 + 1")
zero = per().count().over("0d")
summed = per().sum("zz").over("1d")
where = per().count(where="zz2 > 1").over("1d")
limited = per().sum("amount").over("1d").described("x", max_grade="L1")
odd = per().count().over("1d").described("x", max_grade="L9")
open = per().count()
q = Events("q", id="id", at="at", keys={card: "card"}, lateness="soon", fields={"n": integer(default=2**70)})
late = q.per(card).sum("n").over("1d")
t = per().count().over("1d")
mixed = per().count(where="channel > amount").over("1d")
"""
    schemas = graded(amount={"grade": Grade.L3})
    schemas["p"]["channel"] = Field("channel", FieldType.parse("money(USD)"))
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(write(tmp_path, text), schemas=schemas)
    found = [(fault.code, fault.place.line if fault.place else None) for fault in caught.value.faults]
    assert {
        ("labels.cycle", 7),
        ("labels.window_zero", 9),
        ("labels.undeclared", 10),
        ("labels.column", 11),
        ("labels.max_grade", 12),
        ("grade.text", 13),
        ("labels.unfinished", None),
        ("labels.lateness", None),
        ("labels.default", None),
        ("labels.name_point", 17),
        ("labels.where", 18),
    } <= set(found)
    assert found.count(("labels.cycle", 7)) == 1


def test_only_labels_make_a_library() -> None:
    card = Entity("card")
    counts = Events("p", id="id", at="at", keys={card: "card"}).per(card).count()
    given: dict[str, Any] = {"a": counts, "b": 5, "c": counts.over("7d"), "d": counts.over}
    with pytest.raises(DefinitionErrors) as caught:
        Library(given, {})
    assert [fault.code for fault in caught.value.faults] == [
        "labels.unfinished",
        "labels.not_label",
        "labels.not_label",
    ]


@pytest.mark.parametrize(
    ("source", "type"),
    [
        ("e + j", 'money("EUR")'),
        ("e - 2 * j", "real()"),
        ("e > j", "flag()"),
        ("e * (j / e) + j", "real()"),
        ("max(e, j) > 1", "flag()"),
        ("sum([e, j]) > 1", "flag()"),
        ("if e > 1 then e else j", "real()"),
        ("e * 1.1", 'money("USD")'),
        ("(e + 1) / 2", 'money("USD")'),
        ("round half up(e, 0)", 'money("USD")'),
        ("e in [j, 5]", "flag()"),
    ],
)
def test_a_rule_never_mixes_currencies(tmp_path: Path, source: str, type: str) -> None:
    text = f'e = per().sum("amount").over("7d")\nj = per().sum("usd").over("7d")\na = formula("{source}", type={type})'
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(write(tmp_path, text))
    assert [fault.code for fault in caught.value.faults] == ["labels.formula"]


@pytest.mark.parametrize(
    ("source", "type"),
    [
        ("e / j > 2", "flag()"),
        ("e * (j / e)", 'money("EUR")'),
        ("e > 5 and j > 5", "flag()"),
        ("if j > 1 then e else 5", 'money("EUR")'),
        ("n * 0.25", 'money("USD")'),
        ("max(e, 3 * n)", 'money("EUR")'),
        ("some e in [1, 2] satisfies j > e", "flag()"),
        ("e", "real()"),
    ],
)
def test_amounts_of_one_currency_and_plain_numbers_go_together(tmp_path: Path, source: str, type: str) -> None:
    text = 'e = per().sum("amount").over("7d")\nj = per().sum("usd").over("7d")\nn = per().count().over("7d")\n'
    made = Library.from_file(write(tmp_path, text + f'a = formula("{source}", type={type})'))
    assert "a" in made.labels


def test_a_bad_family_names_its_line(tmp_path: Path) -> None:
    path = write(
        tmp_path, 'a = per().count().over("7d").by("city", ["x", "y"])\nb = per().sum("level").over_each(["1d"])'
    )
    with pytest.raises(DefinitionErrors) as caught:
        Library.from_file(path)
    assert [str(fault.place) for fault in caught.value.faults] == [f"{path}:8"]


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no label file"):
        Library.from_file(tmp_path / "labels.py")


def library(tmp_path: Path) -> Library:
    text = 'spend = per().sum("amount").over("7d")\nweb = per().count(where="channel = \\"web\\"").over("7d")'
    return Library.from_file(write(tmp_path, text))


def test_describe(tmp_path: Path) -> None:
    spend, web = library(tmp_path).labels.values()
    assert (spend.kind, str(spend.type), spend.window, spend.columns) == ("sum", "money(EUR)", "7d", ("amount",))
    assert (web.entities, web.streams, web.where, web.columns) == (("card",), ("p",), 'channel = "web"', ("channel",))


def test_check_against_the_sources(tmp_path: Path) -> None:
    """A column that no source has and one of another type are both found."""
    schemas = graded()
    schemas["p"]["amount"] = Field("amount", FieldType.parse("money(USD)"))
    with pytest.raises(DefinitionErrors) as caught:
        library(tmp_path).check(schemas)
    assert [fault.code for fault in caught.value.faults] == ["labels.column", "labels.column_type"]
    lines = [f"{tmp_path / 'labels.py'}:{line}" for line in (8, 7)]
    assert [str(fault.place) for fault in caught.value.faults] == lines
    with pytest.raises(DefinitionErrors, match="not a stream"):
        library(tmp_path).check({})
    schemas = graded()
    schemas["p"]["channel"] = Field("channel", FieldType("text"))
    library(tmp_path).check(schemas)


def test_filters_are_held_against_the_types_of_the_source(tmp_path: Path) -> None:
    """channel is not declared: only its source says that it is a number."""
    schemas = graded()
    schemas["p"]["channel"] = Field("channel", FieldType("integer"))
    with pytest.raises(DefinitionErrors, match="brings number and text together"):
        library(tmp_path).check(schemas)


def noted(tmp_path: Path, note: str) -> Library:
    return Library.from_file(write(tmp_path, f'a = per().sum("amount", where="ok").over("7d").described("x", {note})'))


def graded(**changes: Any) -> dict[str, dict[str, Field]]:
    names = {"id": "text", "at": "instant", "card": "text", "amount": "money(EUR)", "usd": "money(USD)"}
    names |= {"level": "real", "city": "text", "ok": "flag", "shop": "integer"}
    schema = {name: Field(name, FieldType.parse(kind), **changes.get(name, {})) for name, kind in names.items()}
    moves = {"id": "text", "at": "instant", "till": "text", "kind": "text"}
    return {"p": schema, "moves": {name: Field(name, FieldType.parse(kind)) for name, kind in moves.items()}}


@pytest.mark.parametrize("column", ["amount", "ok", "card"])
def test_a_label_may_not_read_above_its_grade(tmp_path: Path, column: str) -> None:
    """Aggregated, filtered by or keyed by: an L4 column is read, and the fault says which and where."""
    made, schemas = noted(tmp_path, 'max_grade="L3"'), graded(**{column: {"grade": Grade.L4}})
    made.check(graded())
    with pytest.raises(DefinitionErrors, match=f"label a reads column p.{column} of grade L4") as caught:
        made.check(schemas)
    assert [str(fault.place) for fault in caught.value.faults] == [f"{tmp_path / 'labels.py'}:7"]
    noted(tmp_path, 'max_grade="L4"').check(schemas)


def test_a_label_serves_only_the_purposes_of_its_columns(tmp_path: Path) -> None:
    schemas = graded(amount={"purposes": ("credit", "fraud")}, ok={"purposes": ("fraud",)})
    noted(tmp_path, 'purposes="fraud"').check(schemas)
    with pytest.raises(DefinitionErrors, match=r"for credit, but reads column p.ok; .* fraud") as caught:
        noted(tmp_path, 'purposes=["credit", "fraud"]').check(schemas)
    assert [fault.code for fault in caught.value.faults] == ["labels.purpose"]


def test_the_grade_is_inherited(tmp_path: Path) -> None:
    """The highest of what is read, keys among them, through links, anchors, joined columns and formulas."""
    text = """seg = moves.per(till).last("kind").over("lifetime")
q = Events("q", id="id", at="at", keys={card: "card", till: "till"}, joins={"kind": seg})
n = q.per(card).count(where='kind = "x"').over("7d")
ratio = formula("n / n")
far = p.per(card).count().over("7d").via(q.per(till).last("kind").over("7d"))
plain = p.per(card).count().over("7d")
"""
    schemas = graded(card={"grade": Grade.L1})
    schemas["moves"]["kind"] = Field("kind", FieldType("text"), grade=Grade.L5)
    schemas["q"] = {name: Field(name, FieldType("text"), grade=Grade.L1) for name in ("id", "card", "till")}
    schemas["q"]["at"] = Field("at", FieldType("instant"))
    made = Library.from_file(write(tmp_path, text), schemas=schemas)
    grades = {name: label.grade for name, label in made.labels.items()}
    assert grades == dict.fromkeys(("seg", "n", "ratio", "far"), Grade.L5) | {"plain": Grade.L1}
    assert made.labels["n"].reads == {"moves": ("kind", "till"), "q": ("card", "till")}


FACTS: dict[str, list[Any]] = {"id": ["1"], "at": [5], "card": ["c"], "amount": [1], "channel": ["web"]}


def test_bad_points_and_facts(tmp_path: Path) -> None:
    made = library(tmp_path)
    facts = {"p": pl.DataFrame(FACTS)}
    points = pl.DataFrame({"card": ["c"], "t": [9]})
    assert made.at(points, facts=facts)["web"].to_list() == [1]
    for wrong, match in [
        (points.drop("t"), "no column 't'"),
        (points.drop("card"), "needs the key"),
        (points.with_columns(t=pl.lit(None, pl.Int64)), "point 1 has no t"),
        (points.with_columns(t=pl.lit(2**62)), "years 1 to 9999"),
        (points.with_columns(t=pl.lit("now")), "holds String"),
        (points.with_columns(card=pl.lit(3)), "column card holds"),
        (points.with_columns(id=pl.lit("1")), "together"),
        (points.with_columns(id=pl.lit("1"), stream=pl.lit("q")), "not a stream"),
        (points.with_columns(spend=pl.lit(1)), "already have"),
    ]:
        with pytest.raises(InputError, match=match):
            made.at(wrong, facts=facts)
    for frame, match in [
        (pl.DataFrame(FACTS).drop("amount"), "no column 'amount'"),
        (pl.DataFrame(FACTS | {"amount": [1.5]}), "holds Float64"),
        (pl.DataFrame({name: values * 2 for name, values in FACTS.items()} | {"amount": [1, 2]}), "came twice"),
    ]:
        with pytest.raises(InputError, match=match):
            made.at(points, facts={"p": frame})
    with pytest.raises(InputError, match="not a label"):
        made.at(points, labels=["none"], facts=facts)
    with pytest.raises(InputError, match="no lake"):
        made.at(points)
    with pytest.raises(InputError, match="no facts were given for stream p"):
        made.at(points, facts={})
    lake = Library.from_file(write(tmp_path, 'spend = per().sum("amount").over("7d")'), lake=facts.__getitem__)
    assert lake.at(points)["spend"].to_list() == [1]


def test_bad_events(tmp_path: Path) -> None:
    """A faulty event is refused with a reason or an error, and leaves no trace."""
    live = library(tmp_path).live()
    event: dict[str, Any] = {"stream": "p", "id": "1", "at": 5, "card": "c", "amount": 1, "channel": "web"}
    assert live.observe(event | {"card": None}).reason == "no_key"
    assert live.observe(event | {"id": None}).reason == "no_id"
    assert live.observe(event | {"at": None}).reason == "no_at"
    assert live.observe(event, known_at=4).reason == "known_before_it_happened"
    assert live.observe(event, known_at=6).accepted
    assert live.observe(event, known_at=7).accepted
    assert live.now({"card": "c"}, 9)["spend"] == 1
    faulty: list[tuple[dict[str, Any], str]] = [
        ({"amount": 2}, "came twice"),
        ({"amount": "1"}, "is not money"),
        ({"amount": 2**63}, "is not money"),
        ({"id": 1}, "is not text"),
        ({"id": True}, "is not"),
        ({"stream": "q"}, "not a stream"),
    ]
    for wrong, match in faulty:
        with pytest.raises(InputError, match=match):
            live.observe({**event, **wrong})
    with pytest.raises(InputError, match="names no stream"):
        live.observe({"id": "1"})
    with pytest.raises(InputError, match="needs the key"):
        live.now({}, 9)
    assert live.now({"card": "c"}, 9)["spend"] == 1


def test_state_of_other_labels_is_refused(tmp_path: Path) -> None:
    made = library(tmp_path)
    state = made.live().snapshot()
    other = Library.from_file(write(tmp_path, 'spend = per().sum("usd").over("7d")'))
    with pytest.raises(StateError):
        other.live(state)
    with pytest.raises(StateError):
        made.live(b"\x00nothing")
