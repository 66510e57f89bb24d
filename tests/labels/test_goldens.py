"""Small event tables that a risk analyst can check by hand."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.labels import worlds
from tests.labels.oracle import Asked, Filter, Judge, Outcome, Point, Stream

from tallystick.core import parse_instant
from tallystick.labels import Entity, Events, Library, flag, integer, money, real, text
from tallystick.labels.algebra import ALGEBRA

GOLDENS = Path(__file__).parent / "goldens"
ZONE = "Europe/Berlin"

SNIPPET = """
from tallystick.labels import Entity, Events, money, flag

card, terminal = Entity("card"), Entity("terminal")
payments = Events("payments", id="payment_id", at="paid_at", sequence="payment_id", lateness="30d",
                  keys={card: "card_id", terminal: "terminal_id"},
                  fields={"amount": money("EUR"), "fraud": flag(default=False, known_at="fraud_known_at")})
spend_7d        = payments.per(card).sum("amount").over("7d")
payments_1h     = payments.per(card).count().over("1h", including_present=True)
merchants_30d   = payments.per(card).distinct("merchant_id").over("30d")
night_share_30d = payments.per(card).share("paid_at.hour < 6").over("30d")
terminal_risk   = payments.per(terminal).mean("fraud").over("30d", delay="7d")
spend_surge     = spend_7d / payments.per(card).sum("amount").over("90d")
"""

# payment | paid at (Berlin)  | card | terminal | merchant | EUR    | fraud | confirmed
LOG = """
p1        | 2026-03-01T05:59  | c1   | t1       | m1       | 10.00  | no    |
p2        | 2026-03-02T12:00  | c1   | t1       | m1       | 20.00  | yes   | 2026-03-12T00:00
p3        | 2026-03-09T12:00  | c1   | t2       | m2       | 40.00  | no    |
p4        | 2026-03-09T12:00  | c1   | t1       | m3       | 80.00  | no    |
p5        | 2026-03-09T12:30  | c2   | t1       |          | 5.00   | no    |
"""


def instant(text: str) -> int:
    return parse_instant(text, "Europe/Berlin")


def log(text: str = LOG) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for line in text.strip().splitlines():
        id, at, card, terminal, merchant, amount, fraud, confirmed = (cell.strip() or None for cell in line.split("|"))
        assert at is not None
        assert amount is not None
        row = {"payment_id": id, "paid_at": instant(at), "card_id": card, "terminal_id": terminal}
        row |= {"merchant_id": merchant, "amount": int(amount.replace(".", "")), "fraud": fraud == "yes"}
        rows.append(row | {"fraud_known_at": None if confirmed is None else instant(confirmed)})
    return pl.DataFrame(rows, schema_overrides={"fraud_known_at": pl.Int64})


@pytest.fixture
def library(tmp_path: Path) -> Library:
    (tmp_path / "labels.py").write_text(SNIPPET)
    (tmp_path / "tallystick.toml").write_text('[project]\nname = "bank"\ntime_zone = "Europe/Berlin"\n')
    return Library.from_file(tmp_path / "labels.py")


def ask(library: Library, at: str, card: str = "c1", terminal: str = "t1", own: str | None = None) -> dict[str, Any]:
    """The labels at one point, by both executors, which must agree."""
    t = instant(at)
    point = {"card": [card], "terminal": [terminal], "t": [t]}
    if own is not None:
        point |= {"stream": ["payments"], "id": [own]}
    found = library.at(pl.DataFrame(point), facts={"payments": log()}).row(0, named=True)
    live = library.live()
    live.warm({"payments": log()})
    vector = live.now({"card": card, "terminal": terminal}, t, own=None if own is None else ("payments", own), k=t)
    assert {name: vector[name] for name in vector} == {name: found[name] for name in library.labels}
    assert vector.missing == {name: found[f"{name}__missing"] for name in vector if found[f"{name}__missing"]}
    return {name: vector.missing.get(name, vector[name]) for name in vector}


def test_a_window_leaves_out_its_start(library: Library) -> None:
    """p2 is exactly seven days before p3 and p4, so their week begins just after it; one microsecond is enough."""
    assert ask(library, "2026-03-09T12:00")["spend_7d"] == 120_00
    assert ask(library, "2026-03-09T11:59:59.999999")["spend_7d"] == 20_00


def test_equal_instants_go_by_sequence(library: Library) -> None:
    """p3 and p4 come at once: p4's own point sees p3, p3's does not see p4; only payments_1h counts itself."""
    assert ask(library, "2026-03-09T12:00", own="p3")["spend_7d"] == 0
    assert ask(library, "2026-03-09T12:00", own="p4")["spend_7d"] == 40_00
    assert ask(library, "2026-03-09T12:00", own="p3")["payments_1h"] == 1
    assert ask(library, "2026-03-09T12:00", own="p4")["payments_1h"] == 2


def test_hours_are_the_project_zones(library: Library) -> None:
    """p1 was paid at 05:59 in Berlin: one of four payments at night."""
    assert ask(library, "2026-03-09T12:00")["night_share_30d"] == 0.25


def test_fraud_counts_once_confirmed(library: Library) -> None:
    """With a delay of a week, p1 and p2 are judged on March 9th; p2 is fraud only from the 12th on."""
    assert ask(library, "2026-03-10T00:00")["terminal_risk"] == 0.0
    assert ask(library, "2026-03-12T00:00")["terminal_risk"] == 0.5


def test_missing_says_why(library: Library) -> None:
    """No card c9: never seen. Nothing spent: the ratio is undefined. p5 names no merchant: null in the source."""
    never = ask(library, "2026-03-10T00:00", card="c9")
    assert (never["spend_7d"], never["night_share_30d"], never["spend_surge"]) == (0, "never_seen", "undefined")
    late = ask(library, "2026-12-01T00:00")
    assert (late["night_share_30d"], late["merchants_30d"]) == ("expired", 0)
    assert ask(library, "2026-03-10T00:00", card="c2")["merchants_30d"] == "source_null"


def test_types_and_rows(library: Library) -> None:
    """Sums are Int64, ratios Float64; points keep their order and columns, repeated ones too."""
    t = instant("2026-03-09T12:00")
    points = pl.DataFrame(
        {"card": ["c9", "c1", "c1"], "terminal": "t1", "t": pl.Series([t, t, t]).cast(pl.Datetime("us", "UTC"))}
    )
    found = library.at(points, labels=["spend_surge", "spend_7d"], facts={"payments": log()})
    assert found.columns == [
        "card",
        "terminal",
        "t",
        "spend_surge",
        "spend_surge__missing",
        "spend_7d",
        "spend_7d__missing",
    ]
    assert found["spend_7d"].to_list() == [0, 12000, 12000]
    assert found.schema["spend_7d"] == pl.Int64
    assert found["spend_surge"].to_list() == [None, 0.8, 0.8]
    empty = library.at(points.clear(), facts={"payments": log().clear()})
    assert empty.height == 0
    assert empty.schema["spend_surge"] == pl.Float64


def test_refused_facts_are_shown(library: Library) -> None:
    """Known 31 days later: refused with a reason, and counted nowhere."""
    late = log().with_columns((pl.col("paid_at") + 31 * 86_400_000_000).alias("known_at"))
    assert library.refused({"payments": late})["payments"]["reason"].to_list() == ["late"] * 5
    t = instant("2026-09-01T00:00")
    points = pl.DataFrame({"card": ["c1"], "terminal": ["t1"], "t": [t]})
    assert library.at(points, facts={"payments": late})["terminal_risk__missing"].to_list() == ["never_seen"]


def test_versions_are_of_the_content(tmp_path: Path, library: Library) -> None:
    """A new name or a space changes no version; another window, lateness or operand does."""

    def versions(text: str) -> dict[str, str]:
        (tmp_path / "labels.py").write_text(text)
        return dict(Library.from_file(tmp_path / "labels.py", zone="Europe/Berlin").versions)

    same = versions(SNIPPET.replace("spend_7d ", "spend_week ").replace("spend_7d /", "spend_week /"))
    assert same["spend_week"] == library.versions["spend_7d"]
    assert same["spend_surge"] == library.versions["spend_surge"]
    other = versions(SNIPPET.replace('"90d"', '"91d"'))
    assert {name for name in other if other[name] != library.versions[name]} == {"spend_surge"}
    assert not set(versions(SNIPPET.replace('lateness="30d"', 'lateness="20d"')).values()) & set(
        library.versions.values()
    )


def test_the_page_shows_this_file() -> None:
    """The example of docs/labels.md is the one that runs here."""
    page = Path(__file__).parents[2] / "docs" / "labels.md"
    assert SNIPPET.strip() in page.read_text("utf-8")


card_of = Entity("card")
EVENTS = {
    "payments": Events(
        "payments",
        id="payment",
        at="at",
        sequence="n",
        keys={card_of: "card"},
        fields={"n": integer(), "cents": money("EUR"), "fee": money("EUR"), "city": text(), "contactless": flag()}
        | {"level": real()},
    ),
    "moves": Events("moves", id="move", at="at", keys={card_of: "card"}),
}
STREAMS = {
    "payments": Stream("payments", "payment", "at", "n", {"card": "card"}, {}),
    "moves": Stream("moves", "move", "at", "move", {"card": "card"}, {}),
}
CONDITIONS: dict[str, Filter | None] = {
    "": None,
    "contactless": Filter("contactless", lambda row: bool(row["contactless"])),
    'city = "Ulm"': Filter('city = "Ulm"', lambda row: bool(row["city"] == "Ulm")),
    'city = "Köln"': Filter('city = "Köln"', lambda row: bool(row["city"] == "Köln")),
    'city = "Bonn"': Filter('city = "Bonn"', lambda row: bool(row["city"] == "Bonn")),
    'city = "shop"': Filter('city = "shop"', lambda row: bool(row["city"] == "shop")),
}
MOVED = Asked("moves", "card", "last_at")


def rows_of(name: str) -> list[dict[str, str]]:
    with (GOLDENS / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@lru_cache(maxsize=1)
def tables() -> dict[str, list[dict[str, Any]]]:
    """The events of the tables, in the order in which they became known."""
    payments: list[dict[str, Any]] = []
    for row in rows_of("events"):
        payments.append(
            {
                **{name: row[name] for name in ("payment", "card", "city")},
                **{name: int(row[name]) if row[name] else None for name in ("n", "cents", "fee")},
                "at": instant(row["at"]),
                "known_at": instant(row["known_at"] or row["at"]),
                "revision": int(row["change"]),
                "retract": row["retracted"] == "yes",
                "contactless": row["contactless"] == "yes",
                "level": float(row["level"]) if row["level"] else None,
            }
        )
    moves = [{**row, "at": instant(row["at"]), "revision": 0, "retract": False} for row in rows_of("moves")]
    moves = [row | {"known_at": row["at"]} for row in moves]
    return {"payments": sorted(payments, key=lambda row: int(row["known_at"])), "moves": moves}


def found_by(name: str, one: Asked, point: Point) -> dict[str, Outcome]:
    """The value of a label by the oracle, in columns and live."""
    library = Library({name: worlds.label(one, EVENTS)}, EVENTS, zone=ZONE)
    frame = pl.DataFrame(
        {"card": [point.keys["card"]], "t": [point.t], "k": [point.k]}
        | {"stream": [point.own and point.own[0]], "id": [point.own and point.own[1]]},
        schema_overrides={"stream": pl.String, "id": pl.String},
    )
    row = library.at(frame, facts={stream: pl.DataFrame(rows) for stream, rows in tables().items()}).row(0, named=True)
    live = library.live()
    every = [{**row, "stream": stream} for stream, rows in tables().items() for row in rows]
    for event in sorted(every, key=lambda event: int(event["known_at"])):
        assert live.observe(event).accepted
    vector = live.now(point.keys, point.t, k=point.k, own=point.own)
    return {
        "oracle": Judge(STREAMS, tables(), ZONE).value(one, point),
        "batch": Outcome(row[name], row[f"{name}__missing"] or "", bool(row.get(f"{name}__approximate"))),
        "live": Outcome(vector.values[name], vector.missing.get(name, ""), name in vector.approximate),
    }


def shown(found: Outcome, expected: str) -> Any:
    """What was found, as the table writes it."""
    if found.reason:
        return found.reason
    value = int(found.value.timestamp()) * 1_000_000 if hasattr(found.value, "timestamp") else found.value
    if "T" in expected and value == instant(expected):
        return expected
    if isinstance(value, int | float):
        exact = expected.removeprefix("~")
        equal = exact.lstrip("-").replace(".", "", 1).isdigit() and value == pytest.approx(float(exact), rel=1e-9)
        return ("~" if found.approximate else "") + (exact if equal else repr(value))
    return value


def check(one: Asked, point: Point, expected: str) -> None:
    assert {who: shown(found, expected) for who, found in found_by("label", one, point).items()} == dict.fromkeys(
        ("oracle", "batch", "live"), expected
    )


def names(rows: list[dict[str, str]], *columns: str) -> list[str]:
    return [f"{i + 2}: {' '.join(row[name] for name in columns if row[name])}" for i, row in enumerate(rows)]


AGGREGATES, WINDOWS, KNOWLEDGE = rows_of("aggregates"), rows_of("windows"), rows_of("knowledge")


@pytest.mark.parametrize("row", AGGREGATES, ids=names(AGGREGATES, "aggregate", "column", "option", "card"))
def test_aggregates(row: Mapping[str, str]) -> None:
    """goldens/aggregates.csv: what each aggregate says of a card's life so far; amounts in cents, ~ is approximate."""
    kind, (option, _, cap) = row["aggregate"], row["option"].partition(" cap ")
    if option.startswith("cap "):
        option, cap = "", option.removeprefix("cap ")
    param = 0
    if kind in ("nth", "top", "sequence"):
        param = int(option)
    elif kind in ("slope", "decayed"):
        param = {"1d": 86_400_000_000}[option]
    elif kind == "quantile":
        param = round(float(option) * 1_000_000)
    other = option if kind == "ratio" else ""
    where = CONDITIONS[row["where"]]
    one = Asked("payments", "card", kind, row["column"], other, where, param=param, cap=int(cap or 0))
    check(one, Point({"card": row["card"]}, instant(row["at"]), instant(row["at"])), row["value"])


@pytest.mark.parametrize("row", WINDOWS, ids=names(WINDOWS, "window", "back", "to_date", "within", "delay", "at"))
def test_windows(row: Mapping[str, str]) -> None:
    """goldens/windows.csv: the numbers of the payments that each window takes."""
    window = row["window"]
    one = Asked(
        "payments",
        "card",
        "sequence",
        "n",
        where=CONDITIONS[row["where"]],
        window=window,
        back=int(row["back"] or 0),
        to_date=row["to_date"] == "yes",
        anchor=MOVED if window in ("after", "before") else None,
        within=row["within"],
        delay=row["delay"] or "0d",
        present=row["present"] == "yes",
        param=99,
    )
    taken = row["takes"]
    expected = json.dumps([int(n) for n in taken.split()], separators=(",", ":")) if taken[0].isdigit() else taken
    own = ("payments", row["own"]) if row["own"] else None
    check(one, Point({"card": row["card"]}, instant(row["at"]), instant(row["at"]), own), expected)


@pytest.mark.parametrize("row", KNOWLEDGE, ids=names(KNOWLEDGE, "aggregate", "column", "at", "known"))
def test_knowledge(row: Mapping[str, str]) -> None:
    """goldens/knowledge.csv: late, corrected and retracted payments, by what was known when."""
    one = Asked("payments", "card", row["aggregate"], row["column"], where=CONDITIONS[row["where"]])
    check(one, Point({"card": row["card"]}, instant(row["at"]), instant(row["known"])), row["value"])


def test_every_aggregate_has_a_golden() -> None:
    assert {row["aggregate"] for row in AGGREGATES} == set(ALGEBRA)
