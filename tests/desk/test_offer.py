"""What a model offers, its grade, limit and price, reaches the decision, the record and the backtest."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from tallystick.core import DefinitionErrors, FieldType
from tallystick.desk import Desk, load_project
from tallystick.desk.backtest import _score
from tallystick.desk.champion import crown
from tallystick.desk.decide import inputs, judge, offered, scored
from tallystick.models import MasterScale, Model, Offer, Score, Terms

Payment = Callable[..., dict[str, Any]]
OFFERING = """<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="https://www.omg.org/spec/DMN/20230324/MODEL/" id="offer" name="Offer" namespace="offer">
  <inputData id="rating" name="rating"><variable name="rating" typeRef="string"/></inputData>
  <inputData id="limit" name="limit"><variable name="limit" typeRef="number"/></inputData>
  <inputData id="price" name="price"><variable name="price" typeRef="number"/></inputData>
  <decision id="offer_now" name="Offer">
    <variable name="Offer" typeRef="Any"/>
    <informationRequirement><requiredInput href="#rating"/></informationRequirement>
    <informationRequirement><requiredInput href="#limit"/></informationRequirement>
    <informationRequirement><requiredInput href="#price"/></informationRequirement>
    <literalExpression>
      <text>{action: if rating = "A" then "approve" else "decline", limit: limit, price: price}</text>
    </literalExpression>
  </decision>
</definitions>
"""
PLAIN = Score(0.02, 620, {"log_odds": -3.9}, ())


def offering(model: Model, grades: tuple[str, ...], bounds: tuple[float, ...]) -> Model:
    """The same model with a master scale and terms that hang on the amount paid now."""
    size = len(grades)
    terms = Terms("amount_now", (1.5,) * size, (1_000_000,) * size, tuple(100 * i + 590 for i in range(size)))
    definition = msgspec.structs.replace(model.definition, rating=MasterScale(grades, bounds), terms=terms)
    return Model(definition, model.forests, model.backgrounds, model.card)


@pytest.fixture
def offering_bank(bank: Path) -> Path:
    """The trained bank, whose flow asks a decision that reads rating, limit and price."""
    (bank / "decisions" / "offer.dmn").write_text(OFFERING, "utf-8")
    flows = bank / "flows.toml"
    text = flows.read_text("utf-8").replace("authorisation.dmn#Authorisation", "offer.dmn#Offer")
    flows.write_text(re.sub(r"baseline = .*\n", "", text), "utf-8")
    return bank


def test_a_decision_reads_grade_limit_and_price(offering_bank: Path, payment: Payment) -> None:
    """The grade as text, the limit in major units, the price as a yearly share; the record keeps minor units."""
    project = load_project(offering_bank)
    flow = project.flows["authorise"]
    with Desk(project) as desk:
        request = desk.admit(desk.receive(payment(1)))
        assert request.fact is not None
        fact = request.fact
        for champion, wanted in (
            (crown(project, flow, offering(project.registry().load(flow.model), ("A",), ())), "approve"),
            (crown(project, flow), "decline"),
        ):
            vector = desk.live.now(request.keys, fact.at, request.event, k=fact.known_at, labels=champion.labels)
            known = (vector.values, vector.missing, request.id, request.digest, desk.opening.lake)
            record = judge(champion, fact, *known)
            assert record.result["outcome"] == wanted
            assert record.score is not None
            if wanted == "approve":
                assert record.result["value"]["limit"] == Decimal("18.75")
                assert record.result["value"]["price"] == Decimal("0.059")
                said = {name: record.score[name] for name in ("rating", "limit_minor", "price_bps")}
                assert said == {"rating": "A", "limit_minor": 1875, "price_bps": 590}
            else:
                assert record.result["value"] == {"action": "decline", "limit": None, "price": None}
                assert set(record.score) == {"points", "pd", "raw", "losses"}


def test_columns_say_what_a_row_says(offering_bank: Path, payment: Payment) -> None:
    """The backtest's score of a row of columns has the inputs of the live score."""
    project = load_project(offering_bank)
    flow = project.flows["authorise"]
    model = offering(project.registry().load(flow.model), ("A", "B", "C"), (0.001, 0.01))
    champion = crown(project, flow, model)
    with Desk(project) as desk:
        request = desk.admit(desk.receive(payment(1)))
        fact = request.fact
        vector = desk.live.now(request.keys, fact.at, request.event, k=fact.known_at, labels=champion.labels).values
    columns = model.score_columns(pl.DataFrame([vector], infer_schema_length=None).select(model.labels))
    row, column = model.score(vector), _score(columns.row(0, named=True))
    names = ("score", "pd", "rating", "limit", "price")
    assert inputs(champion, names, {}, vector, column) == inputs(champion, names, {}, vector, row)
    assert (column.rating, column.offer) == (row.rating, row.offer)


def test_what_is_not_offered_is_null() -> None:
    """No scale: no grade. No terms, or no base: no limit. The record keeps only what there is."""
    euro = FieldType.parse("money(EUR)")
    assert [offered(PLAIN, name, euro) for name in ("rating", "limit", "price")] == [None, None, None]
    graded = msgspec.structs.replace(PLAIN, rating="B", offer=Offer(None, 1490))
    assert [offered(graded, name, euro) for name in ("rating", "limit", "price")] == ["B", None, Decimal("0.1490")]
    assert scored(PLAIN) == {"points": 620, "pd": 0.02, "raw": {"log_odds": -3.9}, "losses": []}
    assert scored(graded) == {**scored(PLAIN), "rating": "B", "limit_minor": None, "price_bps": 1490}


def test_a_name_that_nothing_has_is_refused_with_the_offer_among_the_near(offering_bank: Path) -> None:
    decision = offering_bank / "decisions" / "offer.dmn"
    decision.write_text(OFFERING.replace("rating", "ratings"), "utf-8")
    with pytest.raises(DefinitionErrors, match=r"'ratings'.*rating"):
        load_project(offering_bank)
