"""What label files write, and what executors are given: windows, links, families, joined columns, rules, versions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import polars as pl
import pytest

from tallystick import feel
from tallystick.core import DefinitionErrors, FieldType, InputError
from tallystick.labels import (
    Entity,
    Events,
    Family,
    Label,
    Library,
    decimal,
    flag,
    formula,
    instant,
    integer,
    money,
    real,
    text,
)
from tallystick.labels import date as date_field
from tallystick.labels.algebra import ALGEBRA
from tallystick.labels.definition.families import equals
from tallystick.labels.meaning.arithmetic import by_column, by_value
from tallystick.labels.meaning.reasons import REASONS
from tallystick.labels.meaning.rules import lower
from tallystick.labels.meaning.values import Values
from tallystick.labels.plan import Leaf, Node, Rule, Window

DAY = 86_400_000_000
card, customer, shop = Entity("card"), Entity("customer"), Entity("shop")
moves = Events("moves", id="id", at="at", keys={customer: "customer"}, fields={"segment": text()})
segment = moves.per(customer).last("segment").over("lifetime")
payments = Events(
    "payments",
    id="id",
    at="at",
    keys={card: "card", customer: "customer", shop: "shop"},
    fields={"amount": money("EUR"), "fee": decimal(3), "ok": flag(), "level": real(), "shop": text(), "due": instant()},
    joins={"segment": segment},
)
of_card = payments.per(card)


def library(**labels: Label | Family) -> Library:
    return Library(labels, {}, zone="Europe/Berlin")


def leaf(label: Label) -> Leaf:
    node = library(a=label).nodes()["a"]
    assert isinstance(node, Leaf)
    return node


WINDOWS = [
    ("7d", Window("span", "7d", 7 * DAY)),
    ("168h", Window("span", "7d", 7 * DAY)),
    ("10 events", Window("events", "10 events", count=10)),
    ("1 event", Window("events", "1 events", count=1)),
    ("session 30m", Window("session", "session 30min", 1_800_000_000)),
    ("session 2h", Window("session", "session 2h", 7_200_000_000)),
    ("lifetime", Window("lifetime", "lifetime")),
    *((unit, Window("calendar", unit, unit=unit)) for unit in ("day", "week", "month", "quarter", "year")),
]


@pytest.mark.parametrize(("written", "expected"), WINDOWS)
def test_windows(written: str, expected: Window) -> None:
    assert leaf(of_card.count().over(written)).window == expected


def test_calendar_units_back() -> None:
    whole, part = of_card.count().over("month", back=2), of_card.count().over("month", back=2, to_date=True)
    assert leaf(whole).window == Window("calendar", "month back 2", unit="month", back=2)
    assert leaf(part).window == Window("calendar", "month back 2 to date", unit="month", back=2, to_date=True)
    assert leaf(of_card.count().over("month", to_date=True)) == leaf(of_card.count().over("month"))
    assert library(a=part).labels["a"].window == "month back 2 to date"


def test_every_aggregate_can_be_written() -> None:
    """Each kind of the algebra has its verb, with the type that the algebra gives."""
    written = {
        "count": of_card.count(),
        **{kind: getattr(of_card, kind)("amount") for kind in ("sum", "mean", "std", "skew", "min", "max", "range")},
        **{kind: getattr(of_card, kind)("amount") for kind in ("first", "last", "mode", "distinct", "entropy")},
        "nth": of_card.nth("amount", 3),
        "top": of_card.top("shop", 2),
        "quantile": of_card.quantile("amount", 0.95, cap=100),
        "share": of_card.share("ok"),
        "streak": of_card.streak("ok"),
        "ratio": of_card.ratio("amount", "fee"),
        "slope": of_card.slope("amount", per="1h"),
        **{kind: getattr(of_card, kind)() for kind in ("since_first", "since_last", "first_at", "last_at")},
        **{f"gap_{statistic}": of_card.gap(statistic) for statistic in ("mean", "std", "min", "max")},
        "sequence": of_card.sequence("amount", 5),
        "decayed": of_card.decayed("amount", half_life="1h"),
    }
    assert written.keys() == ALGEBRA.keys()
    made = library(**{kind: one.over("7d") for kind, one in written.items()})
    assert {name: label.kind for name, label in made.labels.items()} == {kind: kind for kind in written}
    given = {"integer": "integer", "real": "real", "instant": "instant", "list": "text", "column": "money(EUR)"}
    assert {name: str(label.type) for name, label in made.labels.items()} == {
        name: given[kind.gives] for name, kind in ALGEBRA.items()
    }
    params = {name: node.param for name, node in made.nodes().items() if isinstance(node, Leaf) and node.param}
    hour = DAY // 24
    assert params == {"nth": 3, "top": 2, "quantile": 950_000, "slope": hour, "sequence": 5, "decayed": hour}
    assert {name for name, label in made.labels.items() if label.approximate} == {"quantile"}


def test_types_follow_the_column() -> None:
    made = library(
        ok=of_card.sum("ok").over("7d"),
        spread=of_card.range("level").over("7d"),
        latest=of_card.max("due").over("7d"),
        half=of_card.median("level").over("7d"),
    )
    assert [str(label.type) for label in made.labels.values()] == ["integer", "real", "instant", "real"]
    assert leaf(of_card.range("level").over("7d")).param == 1
    assert leaf(of_card.median("level").over("7d")).param == 500_000


def test_equal_aggregates_are_one() -> None:
    """However it is spelled, one aggregate is one object: executors compute it once."""
    made = library(
        a=of_card.sum("amount").over("7d"),
        b=of_card.sum("amount").over("168h").described("The same", owner="risk"),
        c=formula("a + b"),
    )
    assert len({id(one) for one in made.leaves()}) == 1
    assert made.versions["a"] == made.versions["b"]


CHANGES: list[Label] = [
    of_card.count().over("7d"),
    of_card.count().over("8d"),
    of_card.count().over("7d", delay="1d"),
    of_card.count().over("7d", including_present=True),
    of_card.count(where="ok").over("7d"),
    of_card.count(where='segment = "gold"').over("7d"),
    of_card.count().over("7 events"),
    of_card.count().over("month"),
    of_card.count().over("month", back=1),
    of_card.count().over("month", back=1, to_date=True),
    of_card.count().after(of_card.last_at().over("7d")),
    of_card.count().after(of_card.last_at().over("7d"), within="1d"),
    of_card.count().after(of_card.first_at().over("7d")),
    of_card.count().before(of_card.last_at().over("7d")),
    payments.per(shop).count().over("7d"),
    payments.per(shop).count().over("7d").via(of_card.last("shop").over("7d")),
    payments.per(shop).count().over("7d").via(payments.own("shop")),
    of_card.distinct("shop").over("7d"),
    of_card.distinct("shop", cap=10).over("7d"),
    of_card.nth("amount", 1).over("7d"),
    of_card.nth("amount", 2).over("7d"),
    of_card.ratio("amount", "fee").over("7d"),
    of_card.ratio("fee", "amount").over("7d"),
    payments.own("amount"),
    payments.own("fee"),
]


def test_versions_differ_where_meanings_do() -> None:
    made = library(**{f"label_{number}": label for number, label in enumerate(CHANGES)})
    assert len(set(made.versions.values())) == len(CHANGES)


def test_versions_follow_what_a_label_hangs_on() -> None:
    """A joined column's own definition is part of the meaning of whoever reads it, and of nobody else's."""

    def versions(window: str) -> dict[str, str]:
        joined = moves.per(customer).last("segment").over(window)
        changed = Events("p", id="id", at="at", keys={card: "card", customer: "c"}, joins={"segment": joined})
        gold = changed.per(card).count(where='segment = "gold"').over("7d")
        return dict(Library({"gold": gold, "all": changed.per(card).count().over("7d")}, {}).versions)

    before, after = versions("7d"), versions("8d")
    assert before["gold"] != after["gold"]
    assert before["all"] == after["all"]


def test_versions_ignore_names_of_labels() -> None:
    """A rule over renamed labels means the same; over other labels, another type or another text it does not."""

    def version(source: str, kind: Any = None, **labels: Label) -> str:
        return library(**labels, out=formula(source, type=kind or flag())).versions["out"]

    count, total = of_card.count().over("7d"), of_card.sum("amount").over("7d")
    same = version("a > 1 and b > 2", a=count, b=total)
    assert same == version("n>1  and m >2", n=count, m=total)
    different = [
        version("b > 1 and a > 2", a=count, b=total),
        version("a > 1 or b > 2", a=count, b=total),
    ]
    assert len({same, *different}) == 3
    assert version("a * 2", real(), a=count) != version("a * 2", integer(), a=count)
    dated = version('a > 1 and date("2026-01-01") > @"2025-01-01"', a=count)
    assert dated != version('a > 1 and date("2026-01-01") > @"2025-01-02"', a=count)


def test_families_multiply_and_name() -> None:
    made = library(
        spend=of_card.sum("amount").over_each(["1d", "10 events"]).by("shop", ["a&b", "c"]),
        visits=of_card.count(where="ok").over("7d").by("segment", ["gold"]).described("Visits", owner="sales"),
    )
    assert list(made.labels) == [
        "spend_1d__a_b",
        "spend_1d__c",
        "spend_10_events__a_b",
        "spend_10_events__c",
        "visits__gold",
    ]
    assert made.labels["spend_1d__a_b"].where == 'shop = "a&b"'
    assert made.labels["visits__gold"].where == '(ok) and segment = "gold"'
    assert made.labels["visits__gold"].note.owner == "sales"
    assert made.labels["visits__gold"].columns == ("ok", "segment")


def test_a_member_of_a_family_is_a_label() -> None:
    family = of_card.sum("amount").over_each(["1d", "7d"])
    made = library(spend=family, surge=family["1d"] / family["_7d"], text=formula("spend_1d / spend_7d"))
    assert made.versions["surge"] == made.versions["text"]
    with pytest.raises(InputError, match="no label '8d'"):
        family["8d"]


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        ('it\'s "x"', r'c = "it\'s \"x\""'.replace(r"\'", "'")),
        (5, "c = 5"),
        (-2.5, "c = (-2.5)"),
        (Decimal("1.50"), "c = 1.50"),
        (True, "c = true"),
        (date(2026, 3, 1), 'c = @"2026-03-01"'),
    ],
)
def test_values_of_a_family_in_feel(value: Any, condition: str) -> None:
    assert equals("c", value) == condition
    compiled = feel.compile(condition, ["c"])
    assert compiled({"c": feel.lift(value)}) is True


def test_links_chain() -> None:
    last_shop = of_card.last("shop").over("lifetime")
    far = payments.per(shop).last("shop").over("7d")
    chained = payments.per(shop).count().over("7d").via(far).via(last_shop)
    assert leaf(chained) == leaf(payments.per(shop).count().over("7d").via(far.via(last_shop)))
    made = library(a=chained)
    assert made.labels["a"].entities == ("card",)
    assert [one.entity for one in made.leaves()] == ["card", "shop", "shop"]
    assert library(a=payments.per(shop).count().over("7d").via(payments.own("shop"))).labels["a"].entities == ()


def test_anchors_come_first() -> None:
    moved = moves.per(customer).last_at().over("lifetime")
    made = library(since=of_card.count().after(moved, within="90d"))
    assert [one.stream for one in made.leaves()] == ["moves", "payments"]
    assert made.labels["since"].entities == ("customer", "card")
    assert made.labels["since"].window == "after 90d"


FACTS = {
    "payments": pl.DataFrame(
        {
            "id": [1, 2, 3, 4, 5, 5],
            "revision": [0, 0, 0, 0, 0, 0],
            "at": [1 * DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY, 5 * DAY],
            "known_at": [1 * DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY, 7 * DAY],
            "card": [7] * 6,
            "customer": [1] * 6,
            "shop": ["a", "b", "a", "a", "b", "b"],
            "amount": [100, 200, 300, None, 500, 500],
            "fee": [1] * 6,
            "ok": [True] * 6,
            "level": [0.5] * 6,
            "due": [DAY] * 6,
        }
    ),
    "moves": pl.DataFrame(
        {
            "id": [1, 2, 3],
            "at": [DAY - 1, 3 * DAY, 3 * DAY + 5],
            "known_at": [DAY - 1, 3 * DAY, 6 * DAY],
            "customer": [1, 1, 1],
            "segment": ["gold", "silver", "bronze"],
        }
    ),
}


def test_joined_columns_are_as_of_the_event() -> None:
    """A segment counts as it was at each payment and as known just before: a move known at that instant comes later."""
    made = library(
        gold=of_card.count(where='segment = "gold"').over("lifetime"),
        segments=of_card.sequence("segment", 9).over("lifetime"),
        spend=of_card.sum("amount").over("lifetime").by("segment", ["gold", "silver"]),
    )
    points = pl.DataFrame({"card": [7, 7], "t": [9 * DAY, 9 * DAY], "k": [9 * DAY, 2 * DAY]})
    found = made.at(points, facts=FACTS)
    # Payment 5 was delivered again at day 7, when the bronze move was known: its first delivery decides.
    assert found["segments"].to_list() == ['["gold","gold","gold","silver","silver"]', '["gold","gold"]']
    assert found["gold"].to_list() == [3, 2]
    assert found["spend__silver"].to_list() == [500, 0]
    assert set(made.columns("payments")) == {"id", "at", "card", "customer", "shop", "amount"}
    assert made.refused(FACTS)["payments"].is_empty()


def test_own_and_linked_labels() -> None:
    made = library(
        amount=payments.own("amount"),
        shop_count=payments.per(shop).count().over("lifetime").via(payments.own("shop")),
        big=formula('if amount = null then "none" else if amount > 2.5 then "big" else "small"', type=text()),
    )
    points = pl.DataFrame(
        {"t": [2 * DAY, 3 * DAY, 4 * DAY, 9 * DAY], "stream": ["payments"] * 3 + [None], "id": [2, 3, 4, None]}
    )
    found = made.at(points, facts=FACTS)
    assert found["amount"].to_list() == [200, 300, None, None]
    assert found["amount__missing"].to_list() == [None, None, "source_null", "never_seen"]
    assert found["shop_count"].to_list() == [0, 1, 2, None]
    assert found["shop_count__missing"].to_list() == [None, None, None, "never_seen"]
    assert found["big"].to_list() == ["small", "big", "none", "none"]


def test_approximate_labels_are_marked() -> None:
    made = library(
        shops=of_card.distinct("id", cap=3).over("lifetime"),
        twice=formula("shops + shops"),
        rule=formula("if shops > 0 then 1 else 0", type=integer()),
        exact=of_card.count().over("lifetime"),
    )
    found = made.at(pl.DataFrame({"card": [7, 7, 8], "t": [3 * DAY, 9 * DAY, 9 * DAY]}), facts=FACTS)
    for name in ("shops", "twice", "rule"):
        assert found[f"{name}__approximate"].to_list() == [False, True, False]
    assert "exact__approximate" not in found.columns


LOWERED: list[tuple[Any, str, Any]] = [
    (Decimal("12.50"), "money(EUR)", 1250),
    (Decimal("12.505"), "money(EUR)", None),
    (Decimal("92233720368547758.07"), "money(EUR)", 2**63 - 1),
    (Decimal("92233720368547758.08"), "money(EUR)", None),
    (Decimal("1E+6000"), "integer", None),
    (Decimal("-3"), "integer", -3),
    (Decimal("3.0"), "integer", 3),
    (Decimal("0.5"), "integer", None),
    (Decimal("0.1"), "real", 0.1),
    (Decimal("-0"), "real", 0.0),
    (Decimal("1E+400"), "real", None),
    (True, "integer", None),
    (True, "flag", True),
    ("x", "text", "x"),
    (Decimal(1), "text", None),
    (date(2026, 3, 1), "date", date(2026, 3, 1)),
    (datetime(1970, 1, 1, tzinfo=UTC), "instant", 0),
    (datetime(1970, 1, 1), "instant", None),
    (datetime(1970, 1, 1, tzinfo=UTC), "date", None),
    ([Decimal(1)], "integer", None),
]


@pytest.mark.parametrize(("value", "kind", "held"), LOWERED)
def test_results_of_rules_are_held_exactly_or_not(value: Any, kind: str, held: Any) -> None:
    assert lower(value, FieldType.parse(kind)) == held


RULES: list[tuple[str, Any]] = [
    ("if n > 2 then spend else 0", money("EUR")),
    ("spend * 1.5", money("EUR")),
    ("spend / n", real()),
    ("spend / n", decimal(4)),
    ("n ** 70", integer()),
    ('if city = null then "unknown" else upper case(city)', text()),
    ("city", text()),
    ("ok and n > 1", flag()),
    ("not(ok)", flag()),
    ("n > 2.5", flag()),
    ("spend >= 1.5 or n = 3", flag()),
    ('city = "Ulm"', flag()),
    ("city = null", flag()),
    ("level < 0.5", flag()),
    ("due.hour < 6", flag()),
    ('born > @"1970-01-01"', flag()),
    ("n / spend > 2", flag()),
    ("if ok then 1 else true", flag()),
    ("due", instant()),
    ('due - duration("PT1H")', instant()),
    ("date(due)", date_field()),
    ("born", date_field()),
    ('born + duration("P1D")', date_field()),
    ("born.year", integer()),
    ("if level > 0.5 then level else null", real()),
    ("max(n, level, spend)", real()),
    ("list contains([1, 2], n)", flag()),
    ("7", integer()),
    ("null", integer()),
    ("due.hour", integer()),
]
OPERANDS: dict[str, Any] = {
    "n": ("integer", [0, 1, 2, 3, -5, 2**63 - 1, -(2**63)]),
    "spend": ("money(EUR)", [0, 150, -1, 101, 2**62]),
    "city": ("text", ["Ulm", "Köln", ""]),
    "ok": ("flag", [True, False]),
    "due": ("instant", [0, 1_774_746_000_000_000, -1]),
    "born": ("date", [date(1970, 1, 1), date(2000, 2, 29), date(1955, 7, 1)]),
    "level": ("real", [0.1, 0.5, -0.0, 1e300, 1e-300]),
}


def column_of(kind: str, values: list[Any], reasons: list[int]) -> Values:
    texts = None
    if kind == "text":
        texts = pl.Series(["Köln", "Ulm", ""], dtype=pl.String)
        values = [0 if value is None else texts.to_list().index(value) for value in values]
    elif kind == "date":
        values = [0 if value is None else (value - date(1970, 1, 1)).days for value in values]
    held = np.array([0 if value is None else value for value in values], np.float64 if kind == "real" else np.int64)
    return Values(held, np.array(reasons, np.uint8), texts)


@pytest.mark.parametrize(("source", "kind"), RULES)
def test_rules_by_column_are_rules_by_value(source: str, kind: Any) -> None:
    """Over every mixture of values and reasons, a column of rules holds what each rule gives alone."""
    random, size = Random(source), 200
    names = sorted(feel.names_in(feel.parse(source, OPERANDS)), key=source.index)
    leaves = {
        name: Leaf(
            "s",
            "",
            "own",
            name,
            "",
            "",
            Window("lifetime", ""),
            0,
            True,
            0,
            0,
            None,
            FieldType.parse(OPERANDS[name][0]),
        )
        for name in names
    }
    node: Node = Rule(source, tuple(leaves.items()), kind.type, "Europe/Berlin")
    rows = {name: [random.choice([*OPERANDS[name][1], None]) for _ in range(size)] for name in names}
    reasons = {name: [0 if value is not None else random.randrange(1, 6) for value in rows[name]] for name in names}
    found = {leaves[name]: column_of(OPERANDS[name][0], rows[name], reasons[name]) for name in names}
    column = by_column(node, found, size)
    for row in range(size):
        held = {leaves[name]: (rows[name][row], REASONS[reasons[name][row]]) for name in names}
        value, reason = by_value(node, held.__getitem__)
        assert REASONS[column.reason[row]] == reason
        if not reason:
            expected = column_of(kind.type.kind, [value], [0]) if kind.type.kind != "text" else None
            if expected is None:
                assert column.texts is not None
                assert column.texts[int(column.data[row])] == value
            else:
                assert column.data[row].tobytes() == expected.data[0].tobytes()


def test_a_null_rule_names_its_leftmost_missing_operand() -> None:
    made = library(
        a=of_card.max("amount").over("7d"),
        b=of_card.count().over("7d"),
        out=formula("b + a", type=real()),
        none=formula("if b > 0 then 1 else null", type=integer()),
        zero=formula("if a = null then 0 else 1", type=integer()),
    )
    found = made.at(pl.DataFrame({"card": [8], "t": [DAY]}), facts=FACTS)
    assert found.select("out__missing", "none__missing", "zero").row(0) == ("never_seen", "undefined", 0)


def test_faults_of_an_anchor_are_shown_once() -> None:
    with pytest.raises(DefinitionErrors) as caught:
        library(a=of_card.count().after(of_card.last_at().over("0d")))
    assert [fault.code for fault in caught.value.faults] == ["labels.window_zero"]
