"""A whole validation: verdicts, what cannot be computed, JSON there and back."""

from __future__ import annotations

import msgspec
import polars as pl
import pytest
from tests.models.validation.conftest import LABELS, Line, lender

from tallystick.core import InputError
from tallystick.models.validation import Check, Limits, Report, override_analysis, validate


def check(report: Report, name: str, sample: str = "judged") -> Check:
    return next(each for each in report.checks if (each.name, each.sample) == (name, sample))


@pytest.fixture(scope="module")
def report(cases: pl.DataFrame) -> Report:
    return validate(
        Line(),
        cases[3_000:],
        target="bad",
        t="t",
        segments=["region"],
        protected=["sex", "region"],
        champion=Line(noise=1.0),
        development=cases[:3_000],
        promised_auc=0.85,
        cut_points=660,
        rounds=50,
    )


def test_a_sound_model_passes_but_for_whom_it_treats_otherwise(report: Report) -> None:
    """The planted income of one sex is the only fault; the model beats its noisy champion."""
    failed = [(each.name, each.sample) for each in report.checks if each.verdict == "failed"]
    assert failed == [("impact", "sex: f")]
    assert not report.passed
    assert check(report, "calibration_slope").verdict == "passed"
    assert check(report, "champion").low is not None
    assert (check(report, "champion").low or 0) > 0
    assert report.leaks == ()
    auc = check(report, "auc")
    assert auc.low is not None
    assert auc.high is not None
    assert auc.value is not None
    assert auc.low < auc.value < auc.high
    assert {name for name, _ in [(s.name, 0) for s in report.samples]} == {"judged", "development"}
    assert [month.name for month in report.months] == sorted(month.name for month in report.months)
    assert {each.name for each in report.segments["region"]} == {"north", "south"}
    assert {each.label for each in report.drift} == {*LABELS, ""}
    assert {slope.label for slope in report.slopes} == set(LABELS)
    assert all(slope.value.low > 0 for slope in report.slopes)


def test_fairness_finds_the_proxy_and_the_price(report: Report) -> None:
    """Income tells the sex; without it the impact ratio rises, and the alternative is worth less."""
    sex, region = report.fairness
    assert [proxy.label for proxy in sex.proxies[:2]] == ["", "income"]
    assert sex.proxies[1].auc == pytest.approx(0.74, abs=0.03)
    assert sex.worst is not None
    assert sex.worst < 0.85
    assert region.worst == pytest.approx(1.0, abs=0.07)
    assert [c.verdict for c in report.checks if c.name == "impact" and c.sample.startswith("region")] == ["passed"]
    found = {each.name: each for each in report.alternatives[0].found}
    assert found["drop income"].gained
    assert found["drop income"].chosen
    assert found["drop income"].against.difference.high < 0
    assert not any(each.gained for each in report.alternatives[1].found)


def test_it_travels_as_json(report: Report) -> None:
    body = msgspec.json.encode(report)
    again = msgspec.json.decode(body, type=Report)
    assert msgspec.json.encode(again) == body
    assert again.passed == report.passed


def test_the_same_data_give_the_same_report(cases: pl.DataFrame) -> None:
    def one() -> bytes:
        found = validate(Line(), cases[:1_500], target="bad", t="t", protected=["sex"], rounds=20)
        return msgspec.json.encode(found)

    assert one() == one()


def test_faults_fail_and_doubts_ask_for_a_look(cases: pl.DataFrame) -> None:
    """A slope of two, a shifted label, copies of development rows, an unkept promise, and limits that are missed."""
    late, early = cases[3_000:], cases[:3_000]
    shifted = late.with_columns(pl.col("usage") + 1.5)
    mixed = pl.concat([shifted[:2_900], early[:100]])
    found = validate(
        Line(slope=2.0),
        mixed,
        target="bad",
        t="t",
        development=early,
        champion=Line(),
        promised_auc=0.99,
        limits=Limits(auc_min=0.95, ks_min=0.9),
        rounds=20,
    )
    verdicts = {(each.name, each.sample): each.verdict for each in found.checks}
    assert verdicts["auc", "judged"] == "failed"
    assert verdicts["ks", "judged"] == "failed"
    assert verdicts["calibration_slope", "judged"] == "failed"
    assert verdicts["overfit", "judged"] == "failed"
    assert verdicts["csi", "usage"] == "watch"
    assert verdicts["csi", "late"] == "passed"
    assert verdicts["psi", ""] == "failed"
    assert verdicts["leaks", ""] == "failed"
    assert [leak.kind for leak in found.leaks] == ["duplicates"]


def test_a_worse_model_than_the_champion_fails(cases: pl.DataFrame) -> None:
    found = validate(Line(noise=1.5), cases, target="bad", champion=Line(), rounds=20)
    assert check(found, "champion").verdict == "failed"


def test_what_cannot_be_computed_says_why(cases: pl.DataFrame) -> None:
    """One class, no outcome, no time, no development, one group: a reason each, and nothing is raised."""
    goods = cases.filter(~pl.col("bad"))[:200].with_columns(pl.lit("x").alias("one"))
    found = validate(Line(), goods, target="bad", protected=["one"], champion=Line(), in_sample=False, rounds=20)
    for name, sample in (("auc", "judged"), ("leaks", ""), ("psi", ""), ("overfit", "judged"), ("impact", "one")):
        assert check(found, name, sample).verdict == "none"
        assert check(found, name, sample).why is not None
    assert check(found, "brier").value is not None
    nothing = validate(Line(), goods.with_columns(pl.lit(None).alias("bad")), target="bad", rounds=20)
    assert (nothing.checks[0].name, nothing.checks[0].verdict) == ("auc", "none")
    assert (nothing.rows, nothing.events, nothing.without_outcome) == (200, 0, 200)
    seen = validate(Line(), cases[:800], target="bad", in_sample=True, rounds=20)
    assert check(seen, "auc", "in_sample").verdict == "told"
    assert check(seen, "auc", "in_sample").why is not None


def test_wrong_data_are_refused(cases: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="usage"):
        validate(Line(), cases.drop("usage"), target="bad")
    with pytest.raises(InputError, match="neither 0 nor 1"):
        validate(Line(), cases.with_columns(pl.lit(2.5).alias("bad")), target="bad")
    with pytest.raises(InputError, match="no row"):
        validate(Line(), cases[:0], target="bad")
    with pytest.raises(InputError, match="positive"):
        validate(Line(), cases.with_columns(pl.lit(-1.0).alias("w")), target="bad", weights="w")
    with pytest.raises(InputError, match="creed"):
        validate(Line(), cases, target="bad", protected=["creed"], rounds=20)
    with pytest.raises(InputError, match="column jobb is not in the data"):
        validate(Line(), cases, target="bad", segments=["jobb"], rounds=20)


def test_weights_count_as_rows(cases: pl.DataFrame) -> None:
    """Doubling every weight changes no figure but those that count rows."""
    some = cases[:1_000].with_columns(pl.lit(2.0).alias("w"))
    plain, twice = (validate(Line(), some, target="bad", weights=w, rounds=20) for w in (None, "w"))
    for name in ("auc", "ks", "brier", "log_loss", "pr_auc"):
        assert check(plain, name).value == pytest.approx(check(twice, name).value, abs=1e-12)


def test_overrides_are_counted_and_judged() -> None:
    cases = pl.DataFrame(
        {
            "system": ["approve"] * 60 + ["decline"] * 40,
            "final": ["approve"] * 50 + ["decline"] * 10 + ["approve"] * 20 + ["decline"] * 20,
            "reason": [None] * 50 + ["fraud"] * 10 + ["vip"] * 15 + ["branch"] * 5 + [None] * 20,
            "outcome": [0] * 45 + [1] * 5 + [None] * 10 + [1] * 8 + [0] * 12 + [None] * 20,
        }
    )
    found = override_analysis(cases)
    assert found.share == 0.3
    assert found.agreed_bad_rate is not None
    assert found.agreed_bad_rate.value == 0.1
    assert found.low_side_against_system == pytest.approx(4.0)
    groups = {(group.side, group.reason): group for group in found.groups}
    assert groups["low_side", "vip"].rows == 15
    assert groups["high_side", "fraud"].bad_rate is None
    assert [reason for side, reason in groups if side == "low_side"] == ["", "branch", "vip"]
    assert [reason for side, reason in groups if side == "high_side"] == ["", "fraud"]
    with pytest.raises(InputError, match="final"):
        override_analysis(cases.drop("final"))
    with pytest.raises(InputError, match="no case"):
        override_analysis(cases[:0])


def test_calibrated_small_months_raise_no_alarm() -> None:
    """Months of a hundred rows differ by chance alone; over three banks few labels may ask for a look."""
    alarms = 0
    for seed in range(3):
        found = validate(Line(), lender(600, 50 + seed), target="bad", t="t", rounds=10)
        alarms += sum(each.verdict in ("failed", "watch") for each in found.checks if each.name in ("psi", "csi"))
    assert alarms <= 6
