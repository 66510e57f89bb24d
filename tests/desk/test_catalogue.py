"""The catalogue: what a label is, where it comes from, what a change of it does, costs and drift."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from tallystick.core import FieldType, InputError, StateError
from tallystick.desk import (
    Entry,
    build_segment,
    catalogue,
    diff_labels,
    drift_of,
    entry_of,
    label_costs,
    library_of,
    lineage_of,
    load_project,
    nearest,
    search,
    tree_lines,
)
from tallystick.desk.labeldrift import monthly
from tallystick.desk.lineage import Branch

NOTE = '.described("Money out of the card", owner="risk", purposes=("fraud",), freshness="1d", max_grade="L3")'


def write(folder: Path, old: str, new: str, file: str = "labels.py") -> None:
    path = folder / file
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


@pytest.fixture
def described(definitions: Path) -> Path:
    """The definitions with a note on one label, and a source whose amounts are for two purposes."""
    write(definitions, '.described("Spent with the card in a week", owner="fraud")', NOTE)
    write(definitions, "amount = { ", 'amount = { purposes = ["fraud", "credit"], ', "sources.toml")
    return definitions


def test_an_entry_says_what_a_label_is(described: Path) -> None:
    """Written words, and what follows from the columns read: grade, purposes, owner of the source."""
    project = load_project(described)
    entry = entry_of(project, "spend_7d")
    assert entry == Entry(
        name="spend_7d",
        nature="fact",
        kind="sum",
        type="money(EUR)",
        version=project.library.versions["spend_7d"],
        description="Money out of the card",
        owner="risk",
        grade="L3",
        purposes=("fraud",),
        freshness="1d",
        window="7d",
        entities=("card",),
        streams=("payments",),
        columns=("payments.amount", "payments.card_id"),
    )
    inherited = entry_of(project, "spend_month")
    assert (inherited.purposes, inherited.grade) == (("credit", "fraud"), "L3")
    assert entry_of(project, "terminal_payments_1d").grade == "L2"
    assert entry_of(project, "new_device").nature == "rule"
    assert len(catalogue(project)) == len(project.library.labels) + len(project.recipes)
    model = entry_of(project, "card_fraud")
    assert (model.nature, model.grade, model.kind, model.version) == ("model", "L3", "scorecard + trees", "")
    assert model.labels == project.recipes["card_fraud"].labels
    with pytest.raises(InputError, match=r"'spendd_7d' is no label or model .* nearest: spend_7d"):
        entry_of(project, "spendd_7d")


def test_search_finds_by_any_word(described: Path) -> None:
    """All words must occur; names come first."""
    project = load_project(described)
    assert search(project, ["money out"])[0].name == "spend_7d"
    assert [entry.name for entry in search(project, ["RISK", "sum"])] == ["spend_7d"]
    spend = [entry.name for entry in search(project, ["spend"])]
    assert spend[:3] == ["spend_1d", "spend_7d", "spend_month"]
    assert "online_spend_2d" in spend
    assert {entry.name for entry in search(project, ["payments.device_id"])} >= {"new_device", "card_fraud"}
    assert search(project, ["xyzzy"]) == []
    assert "spend_7d" in nearest("spendd 7d", catalogue(project))


def test_lineage_goes_down_to_files_and_up_to_flows(described: Path) -> None:
    project = load_project(described)
    found = lineage_of(project, "spend_surge_7d")
    lines = tree_lines(found.reads, "en")
    assert lines[0] == "label spend_surge_7d [L3]: Spent in a week against ninety days before"
    assert any(re.search(r"label spend_7d \[L3\]: Money out of the card", line) for line in lines)
    assert any(re.search(r"sum\(amount\) of payments per card over 90d; delay 7d", line) for line in lines)
    assert any(re.search(r"column payments.amount \[L3\]: money\(EUR\)", line) for line in lines)
    assert any(line.endswith("file sources/payments_*.csv") for line in lines)
    up = tree_lines(lineage_of(project, "spend_7d").used_by, "en")
    assert up[0] == "label spend_7d"
    assert any(line.endswith("label spend_surge_7d") for line in up)
    assert any(line.endswith("model card_fraud") for line in up)
    assert any(line.endswith("flow authorise") for line in up)
    table = tree_lines(lineage_of(project, "new_device").used_by, "zh")
    assert any("决策 authorisation.dmn#Authorisation" in line for line in table)
    model = lineage_of(project, "card_fraud")
    names = {branch.name for branch in model.reads.below}
    assert names == {*project.recipes["card_fraud"].labels, "payments.fraud"}
    fraud = tree_lines(lineage_of(project, "terminal_risk_90d").reads, "en")
    assert any("payments.fraud_known_at" in line for line in fraud)


def test_a_segment_stands_in_the_lineage_of_its_labels(bank: Path) -> None:
    project = load_project(bank)
    build_segment(project, "busy", "card", "payments_30d > 20")
    found = lineage_of(project, "payments_30d").used_by
    assert Branch("segment", "busy") in found.below


def test_a_change_is_told_in_words_and_in_values(bank: Path) -> None:
    """A longer window, another filter, a new name, a note: what it says, and for whom values change."""
    project = load_project(bank)
    new = bank / "new.py"
    text = (bank / "labels.py").read_text("utf-8")
    text = re.sub(r'(spend_7d = _of_card.sum\("amount"\).over\(")7d', r"\g<1>30d", text)
    text = text.replace("amount < 10", "amount < 9").replace("merchants_30d =", "shops_30d =")
    text = text.replace("Payments at the terminal in a day", "Rush hour")
    new.write_text(text + '\nextra = _of_card.count().over("3d")\n', "utf-8")
    found = {diff.label: diff for diff in diff_labels(project, project.library, library_of(project, str(new)))}
    assert {name: diff.how for name, diff in found.items()} == {
        "merchants_30d": "renamed",
        "extra": "added",
        "spend_7d": "changed",
        "small_online_2d": "changed",
        "terminal_payments_1d": "noted",
        "spend_surge_7d": "changed",
    }
    assert found["merchants_30d"].renamed_to == "shops_30d"
    assert [change.words.text() for change in found["spend_7d"].changes] == ["window: 7d → 30d"]
    where = found["small_online_2d"].changes[0]
    assert (where.part, where.new) == ("where", 'channel = "online" and amount < 9')
    (parts,) = found["spend_surge_7d"].changes
    assert (parts.part, "over 7d" in parts.old, "over 30d" in parts.new) == ("made_of", True, True)
    assert found["terminal_payments_1d"].changes[0].new == "Rush hour"
    (effect,) = found["spend_7d"].effects
    assert 0 < effect.differing <= effect.points
    assert 0 < effect.keys_differing <= effect.keys
    assert effect.mean_old is not None
    assert effect.mean_new is not None
    assert effect.mean_new > effect.mean_old
    assert len(effect.examples) == 3
    assert "card K" in effect.examples[0].point
    assert diff_labels(project, project.library, library_of(project, str(bank / "labels.py"))) == []


def test_a_kept_version_can_be_compared(bank: Path) -> None:
    """By the beginning of its version; what is neither file nor version is refused with what is kept."""
    project = load_project(bank)
    (kept,) = (bank / ".tallystick/registry/definitions").glob("labels-*.py")
    version = kept.stem.removeprefix("labels-")
    assert library_of(project, version[:10]).versions == project.library.versions
    with pytest.raises(InputError, match=f"'zz' is no file .* kept: {version[:12]}"):
        library_of(project, "zz")


def test_cost_tells_apart_what_is_shared(bank: Path) -> None:
    project = load_project(bank)
    names = ["payments_1d", "spend_7d", "merchants_30d", "terminal_payments_1d"]
    costs = label_costs(project, names, points=2000)
    assert {cost.label for cost in costs} == set(names)
    for cost in costs:
        assert 0 < cost.points <= 2000
        assert cost.alone_ms > 0
        assert cost.alone_ms == pytest.approx(cost.own_ms + cost.shared_ms)
        assert cost.own_ms >= 0
    with pytest.raises(InputError, match="'spend' is no label"):
        label_costs(project, ["spend"])


def test_drift_by_month() -> None:
    """PSI against the base month, the share missing, mean and quantiles in major units."""
    months: list[tuple[int, list[int | None]]] = [
        (1, [100, 200, 300, 400]),
        (2, [100, 200, 300, 400]),
        (3, [400, 400, None, None]),
    ]
    rows = [(datetime(2026, month, 3, tzinfo=UTC), value, "x") for month, values in months for value in values]
    frame = pl.DataFrame(rows, schema=["t", "spend", "place"], orient="row")
    types = {"spend": FieldType("money", "EUR", 2), "place": FieldType("text")}
    spend, place = monthly(frame, types, "UTC", "payments")
    assert [each.month for each in spend.months] == ["2026-01", "2026-02", "2026-03"]
    first, second, third = spend.months
    assert (first.psi, first.mean, first.share_missing) == (None, 2.5, 0.0)
    assert second.psi == 0.0
    assert third.psi is not None
    assert third.psi > 0.25
    assert (third.share_missing, third.mean, third.quantiles[2]) == (0.5, 4.0, 4.0)
    assert [each.psi for each in place.months] == [None, 0.0, 0.0]
    assert place.months[0].mean is None
    assert monthly(frame, types, "UTC", base="2026-03")[0].months[0].psi is not None
    with pytest.raises(InputError, match=r"'2025-01' is no month .* 2026-01, 2026-02, 2026-03"):
        monthly(frame, types, "UTC", base="2025-01")


def test_drift_of_a_project(bank: Path) -> None:
    project = load_project(bank)
    (found,) = drift_of(project, ["spend_7d"])
    assert (found.label, found.stream, found.base) == ("spend_7d", "payments", found.months[0].month)
    assert len(found.months) == 6
    assert len(drift_of(project)) == len(project.library.labels)
    (bank / ".tallystick/labels/payments.parquet").unlink()
    with pytest.raises(StateError, match="tally labels compute"):
        drift_of(project)
