"""A small made-up report: figures that look like a real run's, and one customer's story."""

from __future__ import annotations

import math

import pytest

from tallystick.core import parse_instant
from tallystick.desk.reportdata import (
    AlertBudget,
    BudgetPoint,
    CalibrationBin,
    DriftPoint,
    Gate,
    KsPoint,
    LabelDrift,
    LabelValue,
    MatchedRule,
    Metric,
    ModelCurves,
    ModelFigures,
    Named,
    Phrase,
    PointsLost,
    ProofCheck,
    ReportData,
    ScoreHistogram,
    Story,
    StoryProof,
    StoryReason,
    StoryScore,
    Summary,
    TradeOffPoint,
    Version,
)

EDGES = tuple(float(edge) for edge in range(300, 860, 20))
COHORT = Phrase("one cohort, so no later time to test on", "只有一个批次，没有之后的时期可测试")


def _bell(centre: float, width: float, total: int) -> tuple[int, ...]:
    heights = [math.exp(-(((edge + 10 - centre) / width) ** 2) / 2) for edge in EDGES[:-1]]
    return tuple(round(total * height / sum(heights)) for height in heights)


def curves(name: str) -> ModelCurves:
    good, bad = _bell(610, 70, 23000), _bell(520, 75, 6600)
    ks, trade_off = [], []
    below_good = below_bad = 0
    for edge, more_good, more_bad in zip(EDGES[1:], good, bad, strict=True):
        left_good, left_bad = sum(good) - below_good, sum(bad) - below_bad
        trade_off.append(
            TradeOffPoint(edge - 20, (left_good + left_bad) / (sum(good) + sum(bad)), left_bad / (left_good + left_bad))
        )
        below_good, below_bad = below_good + more_good, below_bad + more_bad
        ks.append(KsPoint(edge, below_good / sum(good), below_bad / sum(bad)))
    predicted = [0.03, 0.05, 0.08, 0.11, 0.14, 0.18, 0.24, 0.33, 0.48, 0.71]
    calibration = tuple(
        CalibrationBin(share, share * (1.06 if i % 2 else 0.95), 2960) for i, share in enumerate(predicted)
    )
    sample = Phrase("out-of-fold scores of 29,600 cases", "29,600 个样本的折外评分")
    return ModelCurves(name, sample, ScoreHistogram(EDGES, good, bad), tuple(ks), calibration, tuple(trade_off))


def figures(name: str) -> ModelFigures:
    return ModelFigures(
        name,
        "9f" * 32,
        29600,
        0.2212,
        Metric(0.7804),
        Metric(0.4312),
        Metric(None, COHORT),
        Metric(None, COHORT),
        (Gate("AUC", "≥ 0.75", "0.7804", True), Gate("KS", "≥ 0.45", "0.4312", False)),
    )


def summary() -> Summary:
    return Summary(
        project="card_issuer",
        rows_loaded=180_000,
        rows_quarantined=12,
        labels=24,
        label_values=720_000,
        models=(figures("default_risk"),),
        decisions={"hold": 19_342, "raise": 6_120, "cut": 3_905, "call": 633},
        mismatches=0,
        replay_differences=0,
        decisions_per_second=4_812.4,
        log_size=30_000,
        proofs_checked=30_000,
        proofs_failed=0,
        wall_seconds={"load": 3.2, "labels": 5.9, "train": 41.7, "backtest": 4.1, "decide": 12.4, "verify": 6.0},
    )


def drift() -> tuple[LabelDrift, ...]:
    months = [f"2025-{month:02d}" for month in range(4, 13)]
    labels = ["utilisation_1m", "spend_7d", "late_payments_6m", "repaid_share_3m", "merchants_30d", "terminal_risk"]
    return tuple(
        LabelDrift(
            label,
            tuple(
                DriftPoint(
                    month,
                    None if i == 0 else round(0.01 + 0.017 * i * j * (1 + (i * j) % 3) / 3, 4),
                    round(0.02 * ((i + j) % 5), 3) if j != 1 else 0.0,
                )
                for i, month in enumerate(months)
            ),
        )
        for j, label in enumerate(labels)
    )


def story() -> Story:
    return Story(
        decision_id="D-000000412",
        stream="payments",
        at=parse_instant("2026-03-14T02:41:07Z"),
        event=(
            Named("payment_id", "8812041"),
            Named("card_id", "K0000412"),
            Named("amount", "EUR 749.00"),
            Named("merchant", "<b>Électro & Söhne</b>"),
            Named("channel", "online"),
        ),
        labels=(
            LabelValue("spend_7d", "EUR 1,910.40"),
            LabelValue("payments_1h", "6"),
            LabelValue("terminal_risk", "0.0431"),
            LabelValue("night_share_30d", "0.5"),
            LabelValue("spend_surge", "0.78"),
            LabelValue("days_since_new_device", "", "never_seen"),
        ),
        score=StoryScore(
            "payment_fraud",
            0.0913,
            512,
            (
                PointsLost("payments_1h", "6", 41),
                PointsLost("terminal_risk", "0.0431", 28),
                PointsLost("spend_surge", "0.78", 17),
            ),
        ),
        rules=(
            MatchedRule("Action", "3", "score < 540 and payments_1h > 4", "decline"),
            MatchedRule("Reasons", "1", "payments_1h > 4", "MANY_PAYMENTS"),
        ),
        outcome="decline",
        reasons=(
            StoryReason(
                "MANY_PAYMENTS", "Many payments were tried within one hour (6)", "一小时内尝试多次付款（6）", "rule"
            ),
            StoryReason("RISKY_TERMINAL", "The terminal was misused lately", "该终端近期曾被盗用", "score"),
            StoryReason("SPEND_SURGE", "You spent far more than usual", "您的支出远高于平常", "score"),
        ),
        letter=Phrase(
            "Bank of the River\n\nDear customer,\n\nWHY\n  1. Many payments were tried within one hour (6)\n",
            "Bank of the River\n\n尊敬的客户：\n\n原因\n  1. 一小时内尝试多次付款（6）\n",
        ),
        proof=StoryProof(
            "c1a5e4f0" * 8,
            412,
            30_000,
            "7be2190d" * 8,
            (
                ProofCheck(Phrase("the leaf is this decision", "该叶即此决定"), True),
                ProofCheck(Phrase("the leaf is in the tree", "该叶在树中"), True),
                ProofCheck(Phrase("the signature of the root", "根的签名"), True),
            ),
        ),
    )


@pytest.fixture(scope="session")
def report() -> ReportData:
    model = tuple(BudgetPoint(i / 1000, 1 - math.exp(-i / 6)) for i in range(31))
    rules = tuple(BudgetPoint(i / 1000, min(1.0, i / 45)) for i in range(31))
    return ReportData(
        title=Phrase("Card issuer: report of a run", "发卡机构：运行报告"),
        project="card_issuer",
        generated_at=parse_instant("2026-03-15T08:00:00Z"),
        zone="Europe/Berlin",
        summary=summary(),
        models=(curves("default_risk"),),
        drift=drift(),
        alert_budget=AlertBudget(model, rules),
        story=story(),
        versions=(Version("model", "default_risk", "9f" * 32), Version("label", "spend_7d", "3c" * 32)),
    )
