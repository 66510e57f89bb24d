"""What training saw, as records."""

from __future__ import annotations

import msgspec

from tallystick.core import Message
from tallystick.models.rejects import Method, Sensitivity
from tallystick.models.serving import Model
from tallystick.models.validation.metrics import Evaluation


class LabelSummary(msgspec.Struct, frozen=True):
    """What a label brought to the scorecard: IV, direction of risk, bins, slope (0: against its sign, or no signal)."""

    label: str
    iv: float
    monotone: str
    bins: int
    signal: bool
    slope: float


class Gate(msgspec.Struct, frozen=True):
    """One gate: its limits, the value, on which sample, and whether it was passed."""

    name: str
    low: float | None
    high: float | None
    value: float | None
    sample: str
    passed: bool


class RejectReport(msgspec.Struct, frozen=True):
    """What was inferred of the refused of the development sample.

    Attributes
    ----------
    rows
        Refused applicants.
    weight, bad_rate
        What the inference added to the weight of the accepted, and the share of bads in that; None where it added none.
    sensitivity
        What hangs on what is supposed of them, and the bounds that rest on nothing. Every row is scored by a model that
        did not learn it.
    """

    rows: int
    method: Method
    weight: float
    bad_rate: float | None
    sensitivity: Sensitivity


class TrainReport(msgspec.Struct, frozen=True):
    """What training saw.

    Attributes
    ----------
    rows, events
        Of the development sample, after the negatives were sampled.
    bad_rate
        Of the development rows before the negatives were sampled: events over all rows with a known outcome.
    without_outcome, negatives_left_out
        Rows whose outcome is not known (the refused are counted apart), and negatives not drawn.
    auc, ks, auc_folds, ks_folds
        Stratified cross-validation of the whole recipe: means over the folds, and each fold.
    cross_validation
        The metrics of all held-out rows together.
    out_of_time, out_of_time_reason
        The metrics after the cut, or None and why.
    psi
        Of the points, development against out of time.
    layer_weights
        Of the branch that takes everybody else.
    branches
        Segment → weighted rows that trained its own branch.
    labels
        Empty where there is no scorecard.
    rejects
        None where the recipe names nobody who was refused, or nobody was. All other figures are of accepted rows, whose
        outcome was observed, but for `branches`.
    """

    name: str
    rows: int
    events: int
    bad_rate: float
    without_outcome: int
    negatives_left_out: int
    auc: float
    ks: float
    auc_folds: tuple[float, ...]
    ks_folds: tuple[float, ...]
    cross_validation: Evaluation
    out_of_time: Evaluation | None
    out_of_time_reason: Message | None
    psi: float | None
    layer_weights: dict[str, float]
    branches: dict[str, float]
    labels: tuple[LabelSummary, ...]
    gates: tuple[Gate, ...]
    rejects: RejectReport | None = None

    @property
    def passed(self) -> bool:
        """Whether every gate was passed."""
        return all(gate.passed for gate in self.gates)


class Trained(msgspec.Struct, frozen=True):
    """A model and the report of its training."""

    model: Model
    report: TrainReport
