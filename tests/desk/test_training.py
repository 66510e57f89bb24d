"""Training where applicants are refused: their rows reach the model, and the accepted alone judge it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tallystick import models
from tallystick.core import DefinitionError, InputError
from tallystick.desk import PAYMENTS, Project, copy_example, load_project, model_card, training_frame, validate_model
from tallystick.desk.pipeline import load_sources
from tallystick.desk.points import compute_labels
from tallystick.desk.training import outcomes, train_models

SOURCES = """\
[loans]
files = "sources/loans.csv"
format = "csv"
id = "loan_id"
at = "applied_at"
subject = "customer_id"
lateness = "9000d"
[loans.fields]
loan_id = { type = "integer", required = true }
applied_at = { type = "instant", required = true }
customer_id = { type = "text", required = true }
amount = { type = "money(EUR)", required = true }
refused = { type = "flag" }
bad = { type = "flag", default = false, known_at = "bad_known_at" }
bad_known_at = { type = "instant" }
"""
LIBRARY = """\
from tallystick.labels import Entity, Events, flag, money
loan, customer = Entity("loan"), Entity("customer")
fields = {"amount": money("EUR")}
keys = {loan: "loan_id", customer: "customer_id"}
loans = Events("loans", id="loan_id", at="applied_at", lateness="9000d", keys=keys, fields=fields)
asked = loans.per(loan).last("amount").over("1s", including_present=True)
earlier = loans.per(customer).count().over("90d")
"""
RECIPE = """\
[risk]
target = "loans.bad"
points = "loans"
labels = ["asked", "earlier"]
layers = ["scorecard"]
folds = 2
group = "customer_id"
[risk.split]
kind = "time"
cut = "2025-04-01T00:00:00Z"
maturity = "10d"
[risk.rejects]
field = "loans.refused"
method = "fuzzy"
factor = 2.0
factors = [1.0]
"""
FIRST, CUT = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
ROWS = 2_400


def rows() -> list[dict[str, object]]:
    """One loan an hour and a half; large amounts are refused more often, and turn bad more often."""
    rng = np.random.default_rng(3)
    found: list[dict[str, object]] = []
    for number in range(ROWS):
        at, amount = FIRST + timedelta(minutes=90 * number), float(rng.lognormal(8, 0.7))
        risk = 1 / (1 + np.exp(1.5 - 1.5 * (np.log(amount) - 8)))
        refused = bool(rng.uniform() < risk)
        bad = bool(rng.uniform() < risk)
        found.append(
            {
                "loan_id": number,
                "applied_at": at.isoformat(),
                "customer_id": f"C{number // 2}",
                "amount": f"{amount:.2f}",
                "refused": refused if refused or number % 2 else "",
                "bad": "" if refused else bad,
                "bad_known_at": "" if refused else (at + timedelta(days=9)).isoformat(),
            }
        )
    return found


def write(folder: Path, loans: list[dict[str, object]]) -> Project:
    copy_example(PAYMENTS, folder)
    for name, text in (("sources.toml", SOURCES), ("labels.py", LIBRARY), ("models.toml", RECIPE), ("flows.toml", "")):
        (folder / name).write_text(text, "utf-8")
    (folder / "sources").mkdir(exist_ok=True)
    with (folder / "sources" / "loans.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(loans[0]))
        writer.writeheader()
        writer.writerows(loans)
    project = load_project(folder)
    load_sources(project)
    compute_labels(project, lambda *_: None)
    return project


@pytest.fixture(scope="module")
def lender(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return write(tmp_path_factory.mktemp("lender") / "lender", rows())


def test_the_refused_are_delivered_without_an_outcome(lender: Project) -> None:
    """As ripe as the accepted, with flag and group; who asks for outcomes sees the accepted alone."""
    recipe = lender.recipes["risk"]
    frame = training_frame(lender, recipe)
    refused = frame.filter(pl.col("loans.refused").fill_null(False))
    assert refused["loans.bad"].null_count() == refused.height
    told = [row for row in rows() if row["refused"] is True]
    assert set(refused["id"]) <= {row["loan_id"] for row in told}
    assert refused.height > 0.9 * len([row for row in told if str(row["applied_at"]) < "2025-05-20"])
    assert frame.filter(pl.col("loans.bad").is_null()).height == refused.height
    assert set(frame["customer_id"]) <= {row["customer_id"] for row in rows()}
    unripe = (CUT - timedelta(days=10), CUT)
    assert frame.filter(pl.col("t").is_between(*unripe, closed="left")).is_empty()
    assert sorted(outcomes(lender, recipe)["id"]) == sorted(frame.filter(pl.col("loans.bad").is_not_null())["id"])


def test_a_project_trains_and_validates_on_the_accepted(lender: Project) -> None:
    """The report tells who was refused before the cut; validation has neither them nor those refused later."""
    frame = training_frame(lender, lender.recipes["risk"])
    (trained,) = train_models(lender, lambda *_: None).models
    accepted = frame.filter(pl.col("loans.bad").is_not_null())
    assert trained.report.rows == accepted.filter(pl.col("t") < CUT).height
    assert trained.report.out_of_time is not None
    assert trained.report.out_of_time.rows == accepted.filter(pl.col("t") >= CUT).height
    assert trained.report.rejects is not None
    assert trained.report.rejects.rows == frame.filter(pl.col("loans.bad").is_null() & (pl.col("t") < CUT)).height
    card = lender.registry().load("risk", trained.version).card
    assert card["recipe"]["rejects"]["factor"] == 2.0
    assert card["report"]["rejects"]["rows"] == trained.report.rejects.rows
    (shown,) = (each for each in model_card(lender, "risk", trained.version).sections if "Refused" in each.title.text())
    assert [row[1] for row in shown.rows[:2]] == [str(trained.report.rejects.rows), "fuzzy"]
    found = validate_model(lender, "risk", trained.version).report
    assert (found.rows, found.without_outcome) == (trained.report.out_of_time.rows, 0)


def test_an_outcome_of_somebody_refused_is_told(tmp_path: Path) -> None:
    """Three such rows: training names how many."""
    loans = rows()[:600]
    wrong = [row for row in loans if row["refused"] is True][:3]
    for row in wrong:
        row.update(bad=False, bad_known_at=row["applied_at"])
    with pytest.raises(InputError, match=r"3 rows are refused by loans\.refused"):
        train_models(write(tmp_path / "lender", loans), lambda *_: None)


def test_a_field_that_is_no_flag_is_told(lender: Project) -> None:
    """Held against the source's schema, with the nearest flag."""
    schemas = {name: source.fields for name, source in lender.sources.items()}
    lender.recipes["risk"].check_fields(schemas)
    text = (lender.root / "models.toml").read_text("utf-8")
    path = lender.root / "other.toml"
    for field, said in (
        ("loans.refusd", "did you mean loans.refused"),
        ("loans.amount", r"is money\(EUR\); allowed: flag"),
    ):
        path.write_text(text.replace("loans.refused", field), "utf-8")
        with pytest.raises(DefinitionError, match=said):
            models.read_models(path)["risk"].check_fields(schemas)
