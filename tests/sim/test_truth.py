"""The planted truth agrees with what is delivered, is known only later, and is hard enough to find."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.tree import DecisionTreeClassifier

from tallystick.sim import Bank


def _number(found: object) -> float:
    """A statistic that is there and is a number."""
    assert isinstance(found, int | float)
    return float(found)


KINDS = {"stolen_card", "compromised_terminal", "account_takeover", "bust_out"}


def test_fraud_is_as_rare_as_in_a_bank_and_of_every_kind(bank: Bank) -> None:
    """Confirmed fraud is 0.2% to 0.8% of payments; all four kinds are planted."""
    assert 0.002 < _number(bank.payments["fraud"].mean()) < 0.008
    assert set(bank.truth_fraud["fraud_kind"]) == KINDS


def test_fraud_is_known_only_after_the_payment(bank: Bank) -> None:
    """A confirmation comes later, by about a day at the least and by weeks for bust-outs; no fraud, no confirmation."""
    payments = bank.payments
    assert (payments["fraud"] == payments["fraud_known_at"].is_not_null()).all()
    delay = payments.filter("fraud").select(
        "payment_id", delay=(pl.col("fraud_known_at") - pl.col("paid_at")).dt.total_hours()
    )
    assert _number(delay["delay"].min()) > 4
    by_kind = dict(
        delay.join(bank.truth_fraud, on="payment_id").group_by("fraud_kind").agg(pl.col("delay").median()).iter_rows()
    )
    assert by_kind["stolen_card"] < by_kind["compromised_terminal"] < by_kind["bust_out"]


def test_truth_covers_all_confirmed_fraud_and_a_little_more(bank: Bank) -> None:
    """Every confirmed fraud has its kind; a few frauds are never confirmed and stand in the truth alone."""
    confirmed = bank.truth_fraud.filter("confirmed")["payment_id"]
    assert set(confirmed) == set(bank.payments.filter("fraud")["payment_id"])
    assert 0.005 < 1 - _number(bank.truth_fraud["confirmed"].mean()) < 0.12


def test_the_planted_kinds_look_like_their_stories(bank: Bank) -> None:
    """A takeover is online with a device; stolen cards and bust-outs are in person; bust-outs end in default."""
    planted = bank.payments.join(bank.truth_fraud, on="payment_id")
    channel = {
        kind: set(frame["channel"]) for (kind,), frame in planted.partition_by("fraud_kind", as_dict=True).items()
    }
    assert channel["account_takeover"] == {"online"}
    assert channel["stolen_card"] <= {"pos", "atm"}
    assert channel["bust_out"] <= {"pos", "atm"}
    assert "online" in channel["compromised_terminal"]
    members = bank.truth_rings.filter(pl.col("role") == "customer")["member_id"]
    busts = planted.filter(pl.col("fraud_kind") == "bust_out")
    assert busts["customer_id"].is_in(members.implode()).all()
    ended = bank.truth_states.filter("defaulted")["customer_id"]
    over = busts.group_by("customer_id").agg(pl.col("paid_at").max())
    over = over.filter(pl.col("paid_at") < bank.payments["paid_at"][-1] - timedelta(days=75))
    assert over["customer_id"].is_in(ended.implode()).all()


def test_rings_share_what_the_truth_says(bank: Bank) -> None:
    """Devices and terminals of a ring see that ring's fraud, and many victims meet one device."""
    planted = bank.payments.join(bank.truth_fraud.drop_nulls("ring_id"), on="payment_id")
    rings = bank.truth_rings
    gadgets = rings.filter(pl.col("role") == "device")
    used = planted.join(gadgets.select("ring_id", device_id="member_id"), on=["ring_id", "device_id"])
    assert set(used["device_id"]) == set(gadgets["member_id"])
    assert _number(used.group_by("device_id").agg(pl.col("customer_id").n_unique())["customer_id"].max()) > 2
    shops = rings.filter(pl.col("role") == "cash_out_terminal").select("ring_id", terminal_id="member_id")
    assert planted.join(shops, on=["ring_id", "terminal_id"]).height > 0.2 * planted.height


def test_a_card_from_a_read_terminal_was_there_before(bank: Bank) -> None:
    """Each card with fraud of a compromised terminal had paid honestly at one of that ring's terminals before."""
    planted = bank.payments.join(bank.truth_fraud, on="payment_id", how="left")
    victims = planted.filter(pl.col("fraud_kind") == "compromised_terminal")
    read = bank.truth_rings.filter(pl.col("role") == "read_terminal").select("ring_id", terminal_id="member_id")
    visits = planted.filter(pl.col("fraud_kind").is_null()).join(read, on="terminal_id", suffix="_read")
    first = visits.group_by("card_id", ring_id="ring_id_read").agg(visited=pl.col("paid_at").min())
    joined = victims.join(first, on=["card_id", "ring_id"], how="left")
    assert (joined["visited"] < joined["paid_at"]).all()
    assert joined["visited"].null_count() == 0


def test_statements_follow_from_payments(bank: Bank) -> None:
    """Balance = last balance - paid + own payments + interest and fee; the rest is never below nothing."""
    own = (
        bank.payments.join(bank.truth_fraud, on="payment_id", how="left")
        .filter(pl.col("fraud_kind").is_null() | (pl.col("fraud_kind") == "bust_out"))
        .group_by(
            "card_id",
            month=pl.col("paid_at").dt.convert_time_zone("Europe/Berlin").dt.strftime("%Y%m"),
        )
        .agg(spent=pl.col("amount").sum())
    )
    closed = (
        bank.statements.with_columns(month=pl.col("statement_id").str.slice(1, 6))
        .sort("card_id", "month")
        .join(own, on=["card_id", "month"], how="left", maintain_order="left")
        .with_columns(before=pl.col("balance").shift(1).over("card_id"), spent=pl.col("spent").fill_null(0))
        .drop_nulls("before")
    )
    rest = closed["balance"] - closed["before"] + closed["paid"] - closed["spent"]
    assert _number(rest.min()) >= 0
    assert (rest <= closed["before"] * 0.014 + 1_501).all()
    assert (closed["paid"] <= closed["before"]).all()
    late = closed["days_past_due"] > 0
    assert (closed["paid"].filter(late) == 0).all()
    assert _number(bank.statements["days_past_due"].max()) < 90


def test_default_next_is_known_later_and_is_the_default_of_the_truth(bank: Bank) -> None:
    """The flag is known after the statement; the months of the truth agree where they reach far enough."""
    statements = bank.statements
    assert (statements["default_known_at"] > statements["closed_at"]).all()
    first = statements.filter(pl.col("statement_id").str.starts_with("S202410"))
    end = bank.truth_states.filter(pl.col("month") == "2025-01")
    joined = first.join(end, on="customer_id")
    assert joined.height == first.height
    assert (joined["default_next"] == joined["defaulted"]).all()


def test_stress_is_the_common_cause(bank: Bank) -> None:
    """Hidden stress raises the use of the line, late payment and default; job loss raises stress."""
    states = bank.truth_states.with_columns(pl.col("month").str.replace("-", ""))
    seen = bank.statements.with_columns(month=pl.col("statement_id").str.slice(1, 6)).join(
        states, on=["customer_id", "month"]
    )
    by = seen.group_by("stress").agg(
        (pl.col("balance") / pl.col("credit_limit")).mean().alias("use"),
        (pl.col("days_past_due") > 0).mean().alias("late"),
        pl.col("default_next").mean().alias("default"),
    )
    rows = {row["stress"]: row for row in by.iter_rows(named=True)}
    for effect in ("use", "late", "default"):
        assert rows["calm"][effect] < rows["strained"][effect] < rows["broke"][effect]
    lost = bank.truth_events.filter(pl.col("kind") == "job_loss").select(
        "customer_id", month=pl.col("at").dt.convert_time_zone("Europe/Berlin").dt.strftime("%Y%m")
    )
    after = states.join(lost, on=["customer_id", "month"])
    assert _number((after["stress"] != "calm").mean()) > 2 * _number((states["stress"] != "calm").mean())


def test_the_bank_hears_of_only_a_part_of_life_and_later(bank: Bank) -> None:
    """Delivered life events are those of the truth that were told, each known after it happened."""
    told = bank.truth_events.drop_nulls("known_at")
    assert told.equals(bank.life_events)
    assert 0.5 < told.height / bank.truth_events.height < 0.9
    assert (told["known_at"] > told["at"]).all()


def test_default_can_be_told_from_statements_but_not_surely(bank: Bank) -> None:
    """A small tree on three statement columns does well, and no more than well."""
    frame = bank.statements.with_columns(use=pl.col("balance") / pl.col("credit_limit"))
    columns = frame.select("use", "days_past_due", pl.col("paid") / (pl.col("minimum_due") + 1)).to_numpy()
    target, customer = frame["default_next"].to_numpy(), frame["customer_id"].to_numpy()
    score = np.zeros(len(target))
    for fit, held in GroupKFold(3).split(columns, target, customer):
        model = DecisionTreeClassifier(max_depth=5, min_samples_leaf=50, random_state=0)
        score[held] = model.fit(columns[fit], target[fit]).predict_proba(columns[held])[:, 1]
    assert 0.68 < roc_auc_score(target, score) < 0.88


def test_rules_on_the_payment_alone_catch_little(bank: Bank) -> None:
    """Even in sample, the best simple rules (amount, night, country) find under a quarter at 0.5% alert budget."""
    hour = pl.col("paid_at").dt.convert_time_zone("Europe/Berlin").dt.hour()
    frame = bank.payments.with_columns(night=(hour < 6) | (hour >= 22), abroad=pl.col("country") != "DE")
    budget = int(0.005 * frame.height)
    for weight in (
        pl.lit(1.0),
        1.0 + pl.col("night"),
        1.0 + pl.col("abroad"),
        1.0 + pl.col("night") + pl.col("abroad"),
    ):
        alerts = frame.with_columns(score=pl.col("amount") * weight).top_k(budget, by="score")
        assert _number(alerts["fraud"].sum()) < 0.25 * _number(frame["fraud"].sum())


def test_a_little_history_shows_what_the_payment_hides(bank: Bank) -> None:
    """A device never seen before on the card tells far more about a takeover than amount does."""
    online = bank.payments.drop_nulls("device_id").join(
        bank.truth_fraud.select("payment_id", "fraud_kind"), on="payment_id", how="left"
    )
    first = pl.col("paid_at").min().over("card_id", "device_id")
    later = online.with_columns(fresh=(pl.col("paid_at") - first) < timedelta(days=1)).filter(
        pl.col("paid_at") > bank.payments["paid_at"][0] + timedelta(days=60)
    )
    taken = pl.col("fraud_kind") == "account_takeover"
    assert _number(later.filter(taken)["fresh"].mean()) > 0.9
    assert _number(later.filter(pl.col("fraud_kind").is_null())["fresh"].mean()) < 0.2
