"""A whole validation: samples, months, segments, drift, champion, overrides, leaks and fairness in one report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import msgspec
import numpy as np
import polars as pl

from tallystick.core import InputError
from tallystick.models.frames import Columns, Floats, Ints, as_frame, as_weights
from tallystick.models.validation.alternatives import Alternatives, Fit, search_alternatives
from tallystick.models.validation.checks import drift_checks, fairness_checks, leak_checks, sample_checks
from tallystick.models.validation.compare import auc_interval, bootstrap, delong, slope_interval
from tallystick.models.validation.fairness import Slice, fair_slices, find_proxies, strongest
from tallystick.models.validation.leakage import Leak, find_leaks
from tallystick.models.validation.metrics import (
    brier,
    brier_parts,
    concentration,
    evaluate,
    gains,
    hosmer_lemeshow,
    ks,
    log_loss,
    pr_auc,
)
from tallystick.models.validation.overrides import override_analysis
from tallystick.models.validation.records import Benchmark, Check, Limits, Report, SampleFigures, SliceFigures, Verdict
from tallystick.models.validation.stability import Slope, drift_by_month, slopes
from tallystick.models.validation.travel import micros
from tallystick.models.validation.words import WORDS

_BAND = 20
_APPROVED = 0.8
_SLICE_ROWS = 30
_SHARES = tuple(round(0.05 * i, 2) for i in range(1, 21))

Progress: TypeAlias = Callable[[int, int], None]
"""Called as progress(done, total) after each part of a validation."""


class Scorer(Protocol):
    """What is validated: any model that scores columns to `pd` and `points`, and maybe `rating`."""

    name: str
    labels: tuple[str, ...]

    @property
    def version(self) -> str:
        """Content version."""
        ...

    def score_columns(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Score every row."""
        ...


class Rows(msgspec.Struct, frozen=True):
    """Rows of one sample with their scores; `y` is NaN where the outcome is not known."""

    name: str
    frame: pl.DataFrame
    y: Floats
    weights: Floats
    pd: Floats
    points: Ints
    ratings: Any

    @property
    def known(self) -> Any:
        """Which rows have an outcome."""
        return ~np.isnan(self.y)

    @property
    def both(self) -> bool:
        """Whether both outcomes occur."""
        outcomes = self.y[self.known]
        return bool(0.0 < outcomes.sum() < outcomes.size)


def validate(
    model: Scorer,
    frame: Columns,
    *,
    target: str,
    t: str | None = None,
    weights: str | None = None,
    segments: Sequence[str] = (),
    protected: Sequence[str] = (),
    champion: Scorer | None = None,
    development: Columns | None = None,
    overrides: pl.DataFrame | None = None,
    known_at: str | Mapping[str, str] | None = None,
    limits: Limits | None = None,
    cut_points: int | None = None,
    in_sample: bool = False,
    promised_auc: float | None = None,
    zone: str = "UTC",
    fit: Fit | None = None,
    rounds: int = 200,
    seed: int = 7,
    progress: Progress | None = None,
) -> Report:
    """Validate a model.

    Parameters
    ----------
    model
        What `models.load` gives.
    frame
        The rows to judge it by: its labels, the target (0 or 1, true is bad; null where not known), and the columns
        that `t`, `weights`, `segments`, `protected` and `known_at` name.
    target, t, weights
        Columns: the outcome, the instant of each decision (Datetime or int64 µs), positive weights.
    segments, protected
        Columns to look at apart; protected ones are what the model may not read.
    champion
        What it would replace, scored on the same rows.
    development
        The rows it learnt from, with the same columns: the base of PSI, the measure of overfitting, and what copies are
        looked for in.
    overrides
        Cases as `override_analysis` reads them.
    limits
        What must hold.
    cut_points
        Cases of at least so many points are approved; by default so that four fifths of the rows are.
    in_sample
        The model learnt from `frame`: discrimination is then told, and held to no limit.
    promised_auc
        What cross-validation made expect; how much of it was lost is a check.
    zone
        Time zone of the months.
    fit
        What fits an alternative model; see `search_alternatives`.
    rounds
        Resamples of the bootstrap.

    Returns
    -------
    Report
        Every check with value, bounds, limit and verdict, or the reason why there is none.

    Raises
    ------
    InputError
        When a column is absent or no row is given.
    """
    steps = _Steps(progress, 9)
    held = limits or Limits()
    rows = _rows("judged" if not in_sample else "in_sample", model, as_frame(frame), target, weights)
    steps()
    base = None if development is None else _rows("development", model, as_frame(development), target, weights)
    samples = [_figures(each, rounds, seed) for each in (rows, base) if each is not None and each.known.any()]
    steps()
    checks = sample_checks(samples, held, in_sample, promised_auc) if samples else [_none("auc", "no_outcome")]
    _check_columns(rows.frame, (*segments, *protected))
    months = _months(rows, t, zone)
    by_month = _slices(rows, months) if months is not None else ()
    by_segment = {name: _slices(rows, rows.frame.get_column(name).cast(pl.String)) for name in segments}
    steps()
    drift = _drift(rows, base, months, model.labels)
    checks += drift_checks(drift, held)
    steps()
    lines = _coefficients(rows, months, model.labels, seed) if rows.both else ()
    steps()
    benchmark = _benchmark(champion, rows) if champion is not None and rows.both else None
    checks += _benchmark_check(benchmark, champion is not None, held)
    steps()
    leaks = _leaks(model, rows, base, t, known_at, seed) if rows.both else ()
    checks += leak_checks(leaks, rows.both, held)
    steps()
    cut = cut_points if cut_points is not None else _cut(rows)
    fairness, found = _fairness(rows, model.labels, protected, cut, seed, fit)
    checks += fairness_checks(fairness, protected, held)
    steps()
    judged = override_analysis(overrides) if overrides is not None else None
    steps()
    return Report(
        model.name,
        model.version,
        target,
        rows.name,
        int(rows.y.size),
        int(rows.y[rows.known].sum()),
        int((~rows.known).sum()),
        cut,
        seed,
        tuple(checks),
        tuple(samples),
        by_month,
        by_segment,
        drift,
        lines,
        benchmark,
        judged,
        leaks,
        fairness,
        found,
    )


class _Steps:
    """Counts the parts that are done."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def __call__(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)


def _rows(name: str, model: Scorer, frame: pl.DataFrame, target: str, weights: str | None) -> Rows:
    _check_columns(frame, (target, *model.labels, *([weights] if weights else ())))
    if not frame.height:
        raise InputError(WORDS("validate.none", sample=name))
    y = frame.get_column(target).cast(pl.Float64).fill_null(np.nan).to_numpy()
    wrong = int((~np.isnan(y) & (y != 0.0) & (y != 1.0)).sum())
    if wrong:
        raise InputError(WORDS("validate.target", name=target, given=wrong))
    scored = model.score_columns(frame)
    ratings = scored.get_column("rating").to_numpy() if "rating" in scored.columns else None
    return Rows(
        name,
        frame,
        y,
        as_weights(frame.get_column(weights).to_numpy() if weights else None, frame.height),
        scored.get_column("pd").to_numpy(),
        scored.get_column("points").to_numpy(),
        ratings,
    )


def _check_columns(frame: pl.DataFrame, needed: Iterable[str]) -> None:
    for column in needed:
        if column not in frame.columns:
            raise InputError(WORDS("validate.column", name=column, given=", ".join(frame.columns)))


def _figures(rows: Rows, rounds: int, seed: int) -> SampleFigures:
    known = rows.known
    y, w, pd, points = rows.y[known], rows.weights[known], rows.pd[known], rows.points[known]
    both = 0.0 < y.sum() < y.size
    groups = points // _BAND if rows.ratings is None else rows.ratings[known]
    return SampleFigures(
        rows.name,
        evaluate(pd, points, y, w),
        bootstrap(pd, y, w, rounds=rounds, seed=seed) | {"calibration_slope": slope_interval(pd, y, w)} if both else {},
        pr_auc(pd, y, w) if both else None,
        log_loss(pd, y, w),
        brier_parts(pd, y, w),
        hosmer_lemeshow(pd, y, w),
        gains(pd, y, w, _SHARES) if both else (),
        concentration(groups, w),
    )


def _months(rows: Rows, t: str | None, zone: str) -> pl.Series | None:
    if t is None:
        return None
    _check_columns(rows.frame, (t,))
    column = rows.frame.get_column(t)
    if column.dtype != pl.Date:
        column = micros(column).cast(pl.Datetime("us", "UTC")).dt.convert_time_zone(zone)
    return column.dt.strftime("%Y-%m").fill_null("")


def _slices(rows: Rows, names: pl.Series) -> tuple[SliceFigures, ...]:
    """Figures by the text of a column; groups of less than 30 known outcomes have no AUC."""
    place = names.fill_null("").to_numpy()
    found = []
    for name in sorted(set(place.tolist())):
        inside = (place == name) & rows.known
        y, w, pd = rows.y[inside], rows.weights[inside], rows.pd[inside]
        both = y.size >= _SLICE_ROWS and 1 < y.sum() < y.size - 1
        total = float(w.sum())
        found.append(
            SliceFigures(
                str(name),
                int(y.size),
                float((w * y).sum() / total) if y.size else None,
                float((w * pd).sum() / total) if y.size else None,
                auc_interval(pd, y, w) if both else None,
                ks(pd, y, w) if both else None,
            )
        )
    return tuple(found)


def _drift(rows: Rows, base: Rows | None, months: pl.Series | None, labels: Sequence[str]) -> Any:
    """PSI of points and labels: by month where there is a time, else of the whole sample; none without a base."""
    if months is None and base is None:
        return ()
    table = _pointed(rows, labels)
    usual = None if base is None else _pointed(base, labels)
    when = months.to_list() if months is not None else [""] * table.height
    return drift_by_month(table, rows.y, rows.weights, when, ("development", usual))


def _coefficients(rows: Rows, months: pl.Series | None, labels: Sequence[str], seed: int) -> tuple[Slope, ...]:
    known = rows.known
    when = months.filter(known).to_list() if months is not None else [""] * int(known.sum())
    return slopes(rows.frame.filter(known).select(labels), rows.y[known], rows.weights[known], when, seed=seed)


def _pointed(rows: Rows, labels: Sequence[str]) -> pl.DataFrame:
    return rows.frame.select(labels).with_columns(pl.Series("", rows.points))


def _benchmark(champion: Scorer, rows: Rows) -> Benchmark:
    known = rows.known
    y, w, mine = rows.y[known], rows.weights[known], rows.pd[known]
    theirs = champion.score_columns(rows.frame.filter(known)).get_column("pd").to_numpy()
    return Benchmark(champion.version, delong(mine, theirs, y, w), (brier(mine, y, w), brier(theirs, y, w)))


def _benchmark_check(found: Benchmark | None, asked: bool, limits: Limits) -> list[Check]:
    if found is None:
        return [_none("champion", "no_outcome")] if asked else []
    gap = found.delong.difference
    least = None if limits.worse_max is None else 0.0 - limits.worse_max
    worse = least is not None and gap.high < least
    verdict: Verdict = "told" if least is None else "failed" if worse else "passed"
    return [Check("champion", "judged", gap.value, gap.low, gap.high, least, None, verdict)]


def _leaks(
    model: Scorer, rows: Rows, base: Rows | None, t: str | None, known_at: str | Mapping[str, str] | None, seed: int
) -> tuple[Leak, ...]:
    """Leaks of the rows that the model learnt from where they are given, copies of them among the judged ones."""
    extra = [known_at] if isinstance(known_at, str) else list((known_at or {}).values())
    wanted = list(dict.fromkeys([*model.labels, *([t] if t else []), *extra]))
    parts = [each for each in (base, rows) if each is not None]
    table = pl.concat([each.frame.select(wanted) for each in parts], how="vertical_relaxed")
    y = np.concatenate([each.y for each in parts])
    weights = np.concatenate([each.weights for each in parts])
    split = None if base is None else np.repeat(["development", "judged"], [base.y.size, rows.y.size])
    weighed = None if weights.min() == weights.max() else weights
    return find_leaks(table, y, t=t, known_at=known_at, split=split, weights=weighed, seed=seed)


def _none(name: str, reason: str) -> Check:
    return Check(name, "", None, verdict="none", why=WORDS(f"why.{reason}"))


def _cut(rows: Rows) -> int:
    return int(np.quantile(rows.points, 1.0 - _APPROVED, method="lower"))


def _fairness(
    rows: Rows, labels: Sequence[str], protected: Sequence[str], cut: int, seed: int, fit: Fit | None
) -> tuple[tuple[Slice, ...], tuple[Alternatives, ...]]:
    if not protected:
        return (), ()
    for name in protected:
        if name not in rows.frame.columns:
            raise InputError(WORDS("validate.column", name=name, given=", ".join(rows.frame.columns)))
    approved = rows.points >= cut
    known = rows.known
    share = float(np.clip(approved.mean(), 0.05, 0.95))
    table = rows.frame.select(labels)
    slices, searched = [], []
    for each in fair_slices(rows.frame.select(protected), rows.pd, approved, rows.y, rows.weights):
        attribute = rows.frame.get_column(each.attribute)
        proxies = find_proxies(table, attribute, seed)
        slices.append(msgspec.structs.replace(each, proxies=proxies))
        if rows.both:
            searched.append(
                search_alternatives(
                    table.filter(known),
                    attribute.filter(known),
                    rows.y[known],
                    rows.weights[known],
                    proxies=strongest(proxies),
                    approval=share,
                    seed=seed,
                    fit=fit,
                )
            )
    return tuple(slices), tuple(searched)
