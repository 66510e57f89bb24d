"""From figures to verdicts."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.models.validation.fairness import Slice
from tallystick.models.validation.leakage import Leak
from tallystick.models.validation.records import Check, Limits, SampleFigures, Verdict
from tallystick.models.validation.stability import Drift, Shift
from tallystick.models.validation.words import WORDS

_SURE = 0.05


def sample_checks(
    samples: Sequence[SampleFigures], limits: Limits, in_sample: bool, promised_auc: float | None = None
) -> list[Check]:
    """Discrimination, calibration and concentration of each sample; limits bind the first, if not learnt from."""
    found = []
    for place, sample in enumerate(samples):
        found += _of_sample(sample, limits if place == 0 and not in_sample else None, in_sample and place == 0)
    found.append(_overfit(samples, limits, in_sample, promised_auc))
    return found


def _overfit(samples: Sequence[SampleFigures], limits: Limits, in_sample: bool, promised: float | None) -> Check:
    """What cross-validation promised, less what the judged rows showed; it fails where chance is ruled out."""
    name, seen = samples[0].name, samples[0].intervals.get("auc")
    if promised is None or seen is None or in_sample:
        code = "in_sample" if in_sample else "no_promise" if promised is None else "one_class"
        return Check("overfit", name, None, verdict="none", why=WORDS(f"why.{code}"))
    gap, least, most = promised - seen.value, promised - seen.high, limits.overfit_max
    verdict: Verdict = "told" if most is None else "passed" if gap <= most else "failed" if least > most else "watch"
    return Check("overfit", name, gap, least, promised - seen.low, most=most, verdict=verdict)


def _of_sample(sample: SampleFigures, limits: Limits | None, in_sample: bool) -> list[Check]:
    seen, name = sample.evaluation, sample.name
    note = WORDS("why.in_sample") if in_sample else None
    low_slope, high_slope = (limits.calibration_slope if limits else None) or (None, None)
    wanted: list[tuple[str, float | None, float | None, float | None]] = [
        ("auc", seen.auc, limits.auc_min if limits else None, None),
        ("gini", seen.gini, None, None),
        ("ks", seen.ks, limits.ks_min if limits else None, None),
        ("pr_auc", sample.pr_auc, None, None),
        ("brier", seen.brier, None, None),
        ("log_loss", sample.log_loss, None, None),
        ("calibration_slope", seen.calibration_slope, low_slope, high_slope),
        ("calibration_intercept", seen.calibration_intercept, None, None),
    ]
    found = []
    for test, value, least, most in wanted:
        bounds = sample.intervals.get(test)
        low, high = (bounds.low, bounds.high) if bounds else (None, None)
        if value is None:
            found.append(Check(test, name, None, least=least, most=most, verdict="none", why=WORDS("why.one_class")))
        else:
            verdict = _within(value, least, most)
            if verdict == "failed" and test == "calibration_slope" and bounds is not None:
                verdict = "watch" if bounds.high >= (least or 0.0) and bounds.low <= (most or bounds.low) else "failed"
            found.append(Check(test, name, value, low, high, least, most, verdict, note))
    test_fit = sample.hosmer_lemeshow
    words = WORDS("why.hosmer", statistic=f"{test_fit.statistic:.2f}", freedom=test_fit.freedom)
    found.append(Check("hosmer_lemeshow", name, test_fit.p_value, why=words))
    largest, most = sample.concentration.largest, limits.concentration_max if limits else None
    crowded: Verdict = "told" if most is None else "watch" if largest > most else "passed"
    found.append(Check("concentration", name, largest, most=most, verdict=crowded))
    return found


def _within(value: float, least: float | None, most: float | None) -> Verdict:
    if least is None and most is None:
        return "told"
    return "passed" if (least is None or value >= least) and (most is None or value <= most) else "failed"


def drift_checks(drift: Sequence[Drift], limits: Limits) -> list[Check]:
    """The largest PSI of the points and of each label over the months; labels fail as a look, points as a failure."""
    if not drift:
        return [Check("psi", "", None, most=limits.psi_max, verdict="none", why=WORDS("why.no_base"))]
    found = []
    for each in drift:
        moved = [month for month in each.months if month.psi is not None]
        name = "csi" if each.label else "psi"
        if not moved:
            found.append(Check(name, each.label, None, verdict="none", why=WORDS("why.one_month")))
            continue
        worst = max(moved, key=lambda month: (_beyond(month), month.psi or 0.0))
        value = worst.psi or 0.0
        far: Verdict = "watch" if each.label else "failed"
        verdict: Verdict = far if value >= limits.psi_max else "watch" if value >= limits.psi_watch else "passed"
        words = WORDS("why.month", month=worst.month) if worst.month else None
        if verdict != "passed" and not _beyond(worst):
            verdict, words = "passed", WORDS("why.chance", month=worst.month or "–", chance=f"{worst.psi_chance:.3f}")
        found.append(Check(name, each.label, value, most=limits.psi_max, verdict=verdict, why=words))
    return found


def _beyond(month: Shift) -> bool:
    """Whether the PSI of a month is more than so few rows give by chance."""
    return month.psi is not None and month.psi_chance is not None and month.psi > month.psi_chance


def leak_checks(leaks: Sequence[Leak], looked: bool, limits: Limits) -> list[Check]:
    """One check for each leak, or one that none was found."""
    if not looked:
        return [Check("leaks", "", None, verdict="none", why=WORDS("why.one_class"))]
    if not leaks:
        return [Check("leaks", "", 0.0, most=0.0, verdict="passed")]
    verdict: Verdict = "failed" if limits.leaks else "watch"
    return [Check("leaks", leak.column, leak.value, verdict=verdict, why=leak.why) for leak in leaks]


def fairness_checks(slices: Sequence[Slice], protected: Sequence[str], limits: Limits) -> list[Check]:
    """The adverse impact ratio of every group but the reference; an attribute of one group is said to be one."""
    found = []
    least = limits.impact_min
    for each in slices:
        for group in each.groups:
            impact = group.impact
            if impact is None:
                continue
            sure = group.impact_p is not None and group.impact_p < _SURE
            low = least is not None and impact.value < least
            verdict: Verdict = "told" if least is None else "failed" if low and sure else "watch" if low else "passed"
            sample = f"{each.attribute}: {group.group}"
            words = WORDS("why.impact", reference=each.reference)
            found.append(Check("impact", sample, impact.value, impact.low, impact.high, least, None, verdict, words))
    missing = [name for name in protected if name not in {each.attribute for each in slices}]
    found += [Check("impact", name, None, verdict="none", why=WORDS("why.one_group")) for name in missing]
    return found
