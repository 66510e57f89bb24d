"""What a run tells: the summary of `tally run` and the figures of its report, as plain records.

`desk` computes them, `console` draws them; they travel as JSON (`msgspec.json`). Records only: no function, no I/O.
"""

from __future__ import annotations

import msgspec

from tallystick.core import Instant


class Phrase(msgspec.Struct, frozen=True):
    """One text in both languages."""

    en: str
    zh: str


class Metric(msgspec.Struct, frozen=True):
    """A figure, or None with the reason why there is none."""

    value: float | None
    reason: Phrase | None = None


class Gate(msgspec.Struct, frozen=True):
    """One gate of a model: what was asked, what was seen, and whether it passed."""

    name: str
    limit: str
    value: str
    passed: bool


class ModelFigures(msgspec.Struct, frozen=True):
    """The quality of one model, by cross-validation and out of time (oot)."""

    name: str
    version: str
    rows: int
    bad_rate: float
    auc_cv: Metric
    ks_cv: Metric
    auc_oot: Metric
    ks_oot: Metric
    gates: tuple[Gate, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """The summary of a run: what `tally run --json FILE` writes; its JSON Schema is made from this record.

    `mismatches` counts batch values that differ from the live path's, `replay_differences` recorded bits that replay
    did not reproduce, `log_size` leaves in the log, `wall_seconds` seconds by step in the order of the run. A figure of
    a step that was not run is None.
    """

    project: str
    rows_loaded: int
    rows_quarantined: int
    labels: int
    label_values: int | None
    models: tuple[ModelFigures, ...]
    decisions: dict[str, int]
    mismatches: int | None
    replay_differences: int | None
    decisions_per_second: float | None
    log_size: int | None
    proofs_checked: int | None
    proofs_failed: int | None
    wall_seconds: dict[str, float]


class ScoreHistogram(msgspec.Struct, frozen=True):
    """Counts of good and bad cases by score in points: n + 1 rising edges, n counts of each."""

    edges: tuple[float, ...]
    good: tuple[int, ...]
    bad: tuple[int, ...]


class KsPoint(msgspec.Struct, frozen=True):
    """Shares (0 to 1) of all good and all bad cases that score at most `score` points."""

    score: float
    good: float
    bad: float


class CalibrationBin(msgspec.Struct, frozen=True):
    """One group of cases by predicted risk: mean prediction, observed bad rate (both 0 to 1), and cases."""

    predicted: float
    observed: float
    n: int


class TradeOffPoint(msgspec.Struct, frozen=True):
    """Approving all who score at least `cutoff` points: share approved, and bad rate among them (both 0 to 1)."""

    cutoff: float
    approve_rate: float
    bad_rate: float


class ModelCurves(msgspec.Struct, frozen=True):
    """The figures behind one model's plots; `sample` says on which cases they were counted."""

    name: str
    sample: Phrase
    scores: ScoreHistogram
    ks: tuple[KsPoint, ...]
    calibration: tuple[CalibrationBin, ...]
    trade_off: tuple[TradeOffPoint, ...]


class DriftPoint(msgspec.Struct, frozen=True):
    """One label in one month (2026-03): PSI against the reference months (None: none yet), and share missing."""

    month: str
    psi: float | None
    share_missing: float


class LabelDrift(msgspec.Struct, frozen=True):
    """One label's drift, months in order."""

    label: str
    points: tuple[DriftPoint, ...]


class BudgetPoint(msgspec.Struct, frozen=True):
    """Alerting the riskiest `budget` share of all cases catches `recall` of all bad ones (both 0 to 1)."""

    budget: float
    recall: float


class AlertBudget(msgspec.Struct, frozen=True):
    """Bad cases caught against the alert budget: the model's curve, the rules' alone, and the budget to read at."""

    model: tuple[BudgetPoint, ...]
    rules: tuple[BudgetPoint, ...] = ()
    at: float = 0.005


class Named(msgspec.Struct, frozen=True):
    """A name and its value as text for people."""

    name: str
    value: str


class LabelValue(msgspec.Struct, frozen=True):
    """One label of the story: its value as text, or the reason why it is missing (a value of `core.Missing`)."""

    name: str
    value: str
    missing: str = ""


class PointsLost(msgspec.Struct, frozen=True):
    """Points that one label cost in the scorecard."""

    label: str
    value: str
    points_lost: int


class StoryScore(msgspec.Struct, frozen=True):
    """The score of the story: probability of the bad outcome (0 to 1), points, and the largest losses first."""

    model: str
    pd: float
    points: int
    losses: tuple[PointsLost, ...] = ()


class MatchedRule(msgspec.Struct, frozen=True):
    """One matched rule of a decision table: which, its conditions as text, and what it gave."""

    decision: str
    rule: str
    text: str
    result: str


class StoryReason(msgspec.Struct, frozen=True):
    """One reason as the customer reads it; `source` is "rule" or "score"."""

    code: str
    en: str
    zh: str
    source: str


class ProofCheck(msgspec.Struct, frozen=True):
    """One check of the proof and whether it held."""

    name: Phrase
    passed: bool


class StoryProof(msgspec.Struct, frozen=True):
    """The proof of the story's decision: leaf hash and tree head in hex, place and size of the log, and the checks."""

    leaf: str
    index: int
    size: int
    root: str
    checks: tuple[ProofCheck, ...]


class Story(msgspec.Struct, frozen=True):
    """One customer's way: event, labels, score, matched rules, outcome, reasons, letter and proof."""

    decision_id: str
    stream: str
    at: Instant
    event: tuple[Named, ...]
    labels: tuple[LabelValue, ...]
    score: StoryScore | None
    rules: tuple[MatchedRule, ...]
    outcome: str
    reasons: tuple[StoryReason, ...]
    letter: Phrase | None
    proof: StoryProof


class Version(msgspec.Struct, frozen=True):
    """The content version (hex) of one definition; `kind` is label, model, decision, reasons or table."""

    kind: str
    name: str
    version: str


class ReportData(msgspec.Struct, frozen=True):
    """Everything that a run's report shows."""

    title: Phrase
    project: str
    generated_at: Instant
    zone: str
    summary: Summary
    models: tuple[ModelCurves, ...] = ()
    drift: tuple[LabelDrift, ...] = ()
    alert_budget: AlertBudget | None = None
    story: Story | None = None
    versions: tuple[Version, ...] = ()
