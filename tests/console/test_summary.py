"""The terminal's summary says every figure of the run, in either language, and marks broken promises."""

from __future__ import annotations

import io

import msgspec
import pytest
from rich.console import Console

from tallystick.console import print_summary
from tallystick.core import Language
from tallystick.desk.reportdata import ReportData, Summary


def printed(summary: Summary, language: Language = "en") -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    print_summary(console, summary, language)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_figure_is_there(report: ReportData, language: Language) -> None:
    text = printed(report.summary, language)
    for figure in ("180,000", "12", "24", "720,000", "30,000", "4,812", "0.7804", "0.4312", "64.5%", "73.30"):
        assert figure in text
    assert ("one cohort" if language == "en" else "只有一个批次") in text
    assert "KS ≥ 0.45 (0.4312)" in text


def test_broken_promises_are_marked(report: ReportData) -> None:
    assert "✗" not in printed(msgspec.structs.replace(report.summary, models=()))
    text = printed(msgspec.structs.replace(report.summary, models=(), mismatches=3, proofs_failed=2))
    assert "3 ✗" in text
    assert "30,000 (2 failed) ✗" in text


def test_names_are_no_markup(report: ReportData) -> None:
    summary = msgspec.structs.replace(report.summary, project="[red]x[/red]", decisions={"[b]": 1})
    text = printed(summary)
    assert "[red]x[/red]" in text
    assert "[b]" in text


def test_the_summary_follows_a_json_schema(report: ReportData) -> None:
    schema = msgspec.json.schema(Summary)
    fields = schema["$defs"]["Summary"]["properties"]
    assert set(fields) == set(msgspec.json.decode(msgspec.json.encode(report.summary)))
