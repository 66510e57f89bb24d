"""Backtest: champions and their decisions over history with known outcomes, and label drift by month."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
import polars as pl

from tallystick import models
from tallystick.core import format_instant, to_datetime
from tallystick.desk.champion import Champion, crown
from tallystick.desk.decide import inputs, outcome_of
from tallystick.desk.flows import Flow
from tallystick.desk.history import first_known
from tallystick.desk.labeldrift import monthly
from tallystick.desk.points import label_values
from tallystick.desk.progress import Progress
from tallystick.desk.project import Project
from tallystick.desk.reportdata import AlertBudget, BudgetPoint, DriftPoint, LabelDrift
from tallystick.desk.training import outcomes

BUDGETS = (0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.075, 0.1)
DRIFT_LABELS = 12
OFFER = ("rating", "limit_minor", "price_bps")


class OutcomeCount(msgspec.Struct, frozen=True):
    """Cases that got an outcome, and how many of them turned out bad."""

    cases: int
    bad: int


class FlowBacktest(msgspec.Struct, frozen=True):
    """One flow over history: outcomes, and bad cases caught against the alert budget (None for one cohort)."""

    flow: str
    since: str
    outcomes: dict[str, OutcomeCount]
    alert_budget: AlertBudget | None


class BacktestResult(msgspec.Struct, frozen=True):
    """Every flow's backtest, and the drift of the labels that its model reads."""

    flows: tuple[FlowBacktest, ...]
    drift: tuple[LabelDrift, ...]


def backtest_flows(project: Project, progress: Progress) -> BacktestResult:
    """Run every flow's champion and decision over the points whose outcome is known."""
    flows, drift = [], list[LabelDrift]()
    for flow in project.flows.values():
        champion = crown(project, flow)
        flows.append(_backtest(project, flow, champion, progress))
        drift += label_drift(project, flow.stream, champion.model.labels[:DRIFT_LABELS])
    return BacktestResult(tuple(flows), tuple(drift))


def _backtest(project: Project, flow: Flow, champion: Champion, progress: Progress) -> FlowBacktest:
    recipe, spec = project.recipes[flow.model], project.library.streams[flow.stream]
    by_time = recipe.split.kind == "time"
    known = outcomes(project, recipe)
    values = label_values(project, flow.stream, champion.labels).join(
        known, on="id", how="inner", maintain_order="left"
    )
    if by_time:
        values = values.filter(pl.col("t").to_physical() >= recipe.split.cut_at)
    bad = values[recipe.target].cast(pl.Boolean).to_numpy()
    scored = champion.model.score_columns(values.select(champion.model.labels))
    facts = first_known(project.lake().facts(flow.stream), project.schema(flow.stream))
    events = values.select("id").join(facts, left_on="id", right_on=spec.id, how="left", maintain_order="left")
    events = events.rename({"id": spec.id})
    counts: dict[str, list[int]] = {}
    rows = zip(_rows(champion, events, values, scored), values["k"].to_physical(), bad, strict=True)
    for done, (given, k, is_bad) in enumerate(rows):
        now = to_datetime(k, project.zone)
        result = champion.tables.decide(champion.flow.decision_name, given(champion.decision_inputs), now=now)
        count = counts.setdefault(outcome_of(result.value), [0, 0])
        count[0] += 1
        count[1] += int(is_bad)
        if done % 5_000 == 0:
            progress("backtest", done, values.height)
    budget = None
    if by_time:
        rules: tuple[BudgetPoint, ...] = ()
        if flow.baseline:
            rules = caught(_baseline(champion, flow, events, values, scored), bad)
        budget = AlertBudget(caught(scored["stack_log_odds"].to_numpy(), bad), rules, flow.alert_budget)
    since = format_instant(int(values["t"].to_physical().min() or 0), project.zone)  # type: ignore[arg-type]
    tally = {outcome: OutcomeCount(*count) for outcome, count in sorted(counts.items())}
    return FlowBacktest(flow.name, since, tally, budget)


def _baseline(champion: Champion, flow: Flow, events: pl.DataFrame, values: pl.DataFrame, scored: pl.DataFrame) -> Any:
    """What the rules alone say of each event, as numbers to rank by."""
    name = flow.baseline.partition("#")[2]
    wanted = tuple(item.name for item in champion.tables.inputs(name))
    found = [champion.tables.decide(name, given(wanted)).value for given in _rows(champion, events, values, scored)]
    return np.array([float(value or 0) for value in found])


def _rows(champion: Champion, events: pl.DataFrame, values: pl.DataFrame, scored: pl.DataFrame) -> Iterator[Any]:
    """For each row a function from input names to the decision's inputs."""
    said = scored.select(name for name in ("pd", "points", *OFFER) if name in scored.columns)
    three = (frame.iter_rows(named=True) for frame in (events, values, said))
    for event, vector, score in zip(*three, strict=True):
        yield lambda names, e=event, v=vector, s=score: inputs(champion, names, e, v, _score(s))


def _score(said: Mapping[str, Any]) -> models.Score:
    """A row of `score_columns` as a score without raw answers and reasons."""
    offer = models.Offer(said["limit_minor"], said["price_bps"]) if "price_bps" in said else None
    return models.Score(said["pd"], said["points"], {}, (), said.get("rating", ""), offer)


def caught(score: Any, bad: Any) -> tuple[BudgetPoint, ...]:
    """The share of bad cases among the riskiest cases, for each alert budget.

    Cases of equal score are alerted in no particular order, so their bad cases count by the share that fits.

    Parameters
    ----------
    score
        Float array of n: more is riskier.
    bad
        Bool array of n.

    Examples
    --------
    >>> points = caught(np.arange(1000.0), np.arange(1000) >= 995)
    >>> points[3]
    BudgetPoint(budget=0.005, recall=1.0)
    """
    order = np.argsort(-score, kind="stable")
    ranked, hits = score[order], bad[order].astype(np.float64)
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
    cases = np.r_[0, np.cumsum(np.diff(np.r_[starts, ranked.size]))]
    found = np.r_[0.0, np.cumsum(np.add.reduceat(hits, starts))]
    total = max(float(hits.sum()), 1.0)
    at = np.interp([budget * ranked.size for budget in BUDGETS], cases, found)
    return tuple(BudgetPoint(budget, float(value) / total) for budget, value in zip(BUDGETS, at, strict=True))


def label_drift(project: Project, stream: str, names: tuple[str, ...]) -> list[LabelDrift]:
    """PSI of each label by month against the first month, and the share missing."""
    types = {name: project.library.labels[name].type for name in names}
    found = monthly(label_values(project, stream, names), types, project.zone)
    return [
        LabelDrift(drift.label, tuple(DriftPoint(each.month, each.psi, each.share_missing) for each in drift.months))
        for drift in found
    ]
