"""What a run tells: its summary and the figures of its report, from the results of its steps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from tallystick import models
from tallystick.desk.backtest import FlowBacktest
from tallystick.desk.curves import curves_of
from tallystick.desk.pipeline import Run
from tallystick.desk.project import Project
from tallystick.desk.reportdata import (
    AlertBudget,
    Gate,
    Metric,
    ModelCurves,
    ModelFigures,
    Phrase,
    ReportData,
    Summary,
    Version,
)
from tallystick.desk.story import tell_story
from tallystick.desk.training import Training

OUT_OF_TIME = Phrase("Cases after the cut, which the model never saw.", "切分日之后的案例，模型从未见过。")
CROSS_VALIDATED = Phrase(
    "Cases of the folds that each model did not see (cross-validation).", "每个模型未见过的折中的案例（交叉验证）。"
)


def summarise(project: Project, run: Run) -> Summary:
    """The summary of a run, as `tally run --json FILE` writes it; None stands for what a step not run would tell."""
    verify, decide = run.verify, run.decide
    return Summary(
        project=project.settings.project.name,
        rows_loaded=sum(run.load.rows.values()) if run.load else 0,
        rows_quarantined=sum(run.load.quarantined.values()) if run.load else 0,
        labels=len(project.library.labels),
        label_values=run.labels.values if run.labels else None,
        models=tuple(_figures(model) for model in run.train.models) if run.train else (),
        decisions=dict(decide.outcomes) if decide else {},
        mismatches=verify.history.differing if verify else None,
        replay_differences=verify.vector.differing if verify else None,
        decisions_per_second=decide.per_second if decide else None,
        log_size=verify.log_size if verify else None,
        proofs_checked=verify.proofs if verify else None,
        proofs_failed=verify.proofs_failed if verify else None,
        wall_seconds={step: round(seconds, 3) for step, seconds in run.seconds.items()},
    )


def summary_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the summary: docs/run-summary.schema.json is this, and a test holds it there."""
    schema = msgspec.json.schema(Summary)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Summary of tally run", **schema}


def report_data(project: Project, run: Run) -> ReportData:
    """Everything that the report of a run shows."""
    name = project.settings.project.name
    trained = run.train.models if run.train else ()
    budgets = [flow.alert_budget for flow in run.backtest.flows if flow.alert_budget] if run.backtest else []
    budget: AlertBudget | None = budgets[0] if budgets else None
    return ReportData(
        title=Phrase(f"{name}: from raw data to proved decisions", f"{name}：从原始数据到可证明的决策"),
        project=name,
        generated_at=time.time_ns() // 1000,
        zone=project.zone,
        summary=summarise(project, run),
        models=tuple(_curves(model.name, model.report) for model in trained),
        drift=run.backtest.drift if run.backtest else (),
        alert_budget=budget,
        story=tell_story(project) if run.decide else None,
        versions=tuple(_versions(project, trained)),
    )


def caught_at_budget(flow: FlowBacktest) -> tuple[float, float] | None:
    """Recall of the model and of the rules alone at the flow's alert budget; None where there is no such curve."""
    if flow.alert_budget is None:
        return None
    at = flow.alert_budget.at

    def read(points: Iterable[Any]) -> float:
        pairs = [(point.budget, point.recall) for point in points]
        return float(np.interp(at, [p[0] for p in pairs], [p[1] for p in pairs])) if pairs else 0.0

    return read(flow.alert_budget.model), read(flow.alert_budget.rules)


def _figures(model: Training) -> ModelFigures:
    report = model.report
    oot, why = report.out_of_time, report.out_of_time_reason
    reason = Phrase(why.text("en"), why.text("zh")) if why is not None else None
    return ModelFigures(
        name=model.name,
        version=model.version,
        rows=report.rows,
        bad_rate=report.bad_rate,
        auc_cv=Metric(report.auc),
        ks_cv=Metric(report.ks),
        auc_oot=Metric(oot.auc if oot else None, reason),
        ks_oot=Metric(oot.ks if oot else None, reason),
        gates=tuple(_gate(gate) for gate in report.gates),
    )


def _gate(gate: models.Gate) -> Gate:
    limits = [f"≥ {gate.low:g}" if gate.low is not None else "", f"≤ {gate.high:g}" if gate.high is not None else ""]
    value = "–" if gate.value is None else f"{gate.value:.3f}"
    return Gate(gate.name, " ".join(filter(None, limits)), value, gate.passed)


def _curves(name: str, report: models.TrainReport) -> ModelCurves:
    return curves_of(
        name, OUT_OF_TIME if report.out_of_time else CROSS_VALIDATED, report.out_of_time or report.cross_validation
    )


def _versions(project: Project, trained: Iterable[Training]) -> Iterable[Version]:
    for name, version in project.library.versions.items():
        yield Version("label", name, version)
    for model in trained:
        yield Version("model", model.name, model.version)
    for file, tables in project.decisions.items():
        yield Version("decision", file, tables.version)
    yield Version("reasons", "reasons.toml", project.reasons.version)
    lake = project.lake()
    for table in lake.tables():
        yield Version("table", table, str(lake.version(table)))


def summary_document(project: Project, run: Run) -> dict[str, Any]:
    """The summary as plain JSON values."""
    document: dict[str, Any] = json.loads(msgspec.json.encode(summarise(project, run)))
    return document
