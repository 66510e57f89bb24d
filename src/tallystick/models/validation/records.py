"""What a validation tells: frozen records that travel as JSON."""

from __future__ import annotations

from typing import Literal

import msgspec

from tallystick.core import Message
from tallystick.models.validation.alternatives import Alternatives
from tallystick.models.validation.compare import DeLong, Interval
from tallystick.models.validation.fairness import Slice
from tallystick.models.validation.leakage import Leak
from tallystick.models.validation.metrics import BrierParts, Concentration, Evaluation, Fit, Gain
from tallystick.models.validation.overrides import Overrides
from tallystick.models.validation.stability import Drift, Slope

Verdict = Literal["passed", "watch", "failed", "told", "none"]


class Limits(msgspec.Struct, frozen=True):
    """What a model must hold; None sets no limit.

    Attributes
    ----------
    auc_min, ks_min
        On the judged sample.
    calibration_slope
        Lowest and highest; a slope outside fails where chance is ruled out, else a look is asked for.
    overfit_max
        AUC that cross-validation promised less that of the judged rows; it fails where chance is ruled out.
    psi_watch, psi_max
        Of points and labels against the base: from the first on a look is asked for, from the second on it fails.
    concentration_max
        Share of the largest grade (band of points without grades) from which a look is asked for.
    impact_min
        The adverse impact ratio (four fifths); it fails where chance is ruled out, else a look is asked for.
    worse_max
        How far below the champion's AUC the model may surely lie.
    leaks
        Whether a leak fails the validation.
    """

    auc_min: float | None = None
    ks_min: float | None = None
    calibration_slope: tuple[float, float] | None = (0.8, 1.25)
    overfit_max: float | None = 0.05
    psi_watch: float = 0.10
    psi_max: float = 0.25
    concentration_max: float = 0.5
    impact_min: float | None = 0.8
    worse_max: float | None = 0.0
    leaks: bool = True


class Check(msgspec.Struct, frozen=True):
    """One test.

    Attributes
    ----------
    name, sample
        Which test, on which rows: a key of the catalogue, and the name of a sample, segment or label.
    value, low, high
        What was measured and its 95% bounds; None where there are none.
    least, most
        The limit.
    verdict
        "passed", "watch" (look at it), "failed", "told" (no limit), or "none" (not to be computed).
    why
        Why there is no value, or what it says.
    """

    name: str
    sample: str
    value: float | None
    low: float | None = None
    high: float | None = None
    least: float | None = None
    most: float | None = None
    verdict: Verdict = "told"
    why: Message | None = None


class SampleFigures(msgspec.Struct, frozen=True):
    """Everything measured on one sample; None where it holds one outcome only."""

    name: str
    evaluation: Evaluation
    intervals: dict[str, Interval]
    pr_auc: float | None
    log_loss: float
    brier_parts: BrierParts
    hosmer_lemeshow: Fit
    gains: tuple[Gain, ...]
    concentration: Concentration


class SliceFigures(msgspec.Struct, frozen=True):
    """One segment or month: rows with a known outcome, bad rate, mean probability, AUC with bounds, and KS."""

    name: str
    rows: int
    bad_rate: float | None
    mean_pd: float | None
    auc: Interval | None
    ks: float | None


class Benchmark(msgspec.Struct, frozen=True):
    """The model against the last champion on the same rows."""

    champion: str
    delong: DeLong
    brier: tuple[float, float]


class Report(msgspec.Struct, frozen=True):
    """A validation: its checks first, then the figures behind them.

    Attributes
    ----------
    model, version
        What was validated.
    target, judged
        The outcome, and the sample that the limits were held to.
    rows, events, without_outcome
        Of the validated rows.
    cut_points
        Cases of at least so many points are approved in fairness slices.
    """

    model: str
    version: str
    target: str
    judged: str
    rows: int
    events: int
    without_outcome: int
    cut_points: int
    seed: int
    checks: tuple[Check, ...]
    samples: tuple[SampleFigures, ...]
    months: tuple[SliceFigures, ...] = ()
    segments: dict[str, tuple[SliceFigures, ...]] = {}
    drift: tuple[Drift, ...] = ()
    slopes: tuple[Slope, ...] = ()
    benchmark: Benchmark | None = None
    overrides: Overrides | None = None
    leaks: tuple[Leak, ...] = ()
    fairness: tuple[Slice, ...] = ()
    alternatives: tuple[Alternatives, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not any(check.verdict == "failed" for check in self.checks)
