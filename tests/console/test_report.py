"""The report: one whole page, every plot in it, both languages, the same bytes each time, nothing from a network."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from tallystick.console import make_picture, render_report, write_report
from tallystick.console.words import WORDS
from tallystick.core import StateError
from tallystick.desk.reportdata import (
    AlertBudget,
    DriftPoint,
    LabelDrift,
    ModelCurves,
    Phrase,
    ReportData,
    ScoreHistogram,
    Version,
)

PLOTS = ("m0-scores", "m0-ks", "m0-calibration", "m0-trade-off", "drift-psi", "drift-missing", "alert-budget")
VOID = {"meta", "input", "br"}


class Outline(HTMLParser):
    """Keeps tags, ids, attributes and text, and fails on an end tag that closes nothing."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    @property
    def ids(self) -> list[str]:
        return [value or "" for name, value in self.attributes if name == "id"]


@pytest.fixture(scope="module")
def page(report: ReportData) -> str:
    return render_report(report)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    return Outline(page)


def test_the_page_is_well_formed(outline: Outline) -> None:
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.tags.count("h1") == 1


def test_every_reference_inside_the_page_has_its_target(page: str, outline: Outline) -> None:
    targets = set(re.findall(r'(?:href="#|url\(#|for=")([^")]+)', page))
    targets |= {name for names in re.findall(r'aria-labelledby="([^"]+)"', page) for name in names.split()}
    assert targets <= set(outline.ids)


def test_nothing_comes_from_a_network_and_nothing_runs(page: str, outline: Outline) -> None:
    assert not {"script", "link", "img", "iframe", "object", "embed"} & set(outline.tags)
    assert not re.search(r"https?:|//[a-z]|@import|url\((?!#)", page)
    assert not [name for name, _ in outline.attributes if name.startswith("on") or name == "src"]


def test_every_plot_is_there_with_its_reading_and_its_numbers(page: str, outline: Outline) -> None:
    for name in PLOTS:
        assert {name, f"{name}-title", f"{name}-reading"} <= set(outline.ids)
    assert outline.tags.count("svg") == len(PLOTS)
    assert outline.tags.count("details") == len(PLOTS)
    assert "Alerting the riskiest 0.5% of cases, the model catches 57% of the bad ones; rules alone catch 11%." in page


def test_every_text_stands_in_both_languages(page: str) -> None:
    for code in ("section.story", "plot.ks", "card.mismatches", "axis.score", "story.proof", "page.contents"):
        for language in ("en", "zh"):
            text = WORDS(code).text("zh" if language == "zh" else "en").replace("'", "&#x27;")
            assert re.search(rf'lang="{language}">{re.escape(text)}<', page), code
    # The page itself and its two languages' names stand outside.
    assert page.count('lang="en"') == page.count('lang="zh"') + 1


def test_either_language_can_come_first(report: ReportData, tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", report, "zh")
    chinese = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert '<html lang="zh">' in chinese
    assert re.search(r'id="lang-zh" checked', chinese)
    assert not re.search(r'id="lang-en" checked', chinese)


def test_the_same_report_gives_the_same_bytes(report: ReportData, page: str) -> None:
    assert render_report(report) == page
    assert make_picture(report) == make_picture(report)


def test_a_report_survives_json(report: ReportData, page: str) -> None:
    again = msgspec.json.decode(msgspec.json.encode(report), type=ReportData)
    assert again == report
    assert render_report(again) == page


def test_hostile_values_stay_text(report: ReportData) -> None:
    nasty = "<script>alert(1)</script>\"'&"
    drift = (LabelDrift(nasty, (DriftPoint("2025-04", 0.3, 0.2), DriftPoint(nasty, 0.1, 0.0))),)
    story = report.story
    assert story is not None
    changed = msgspec.structs.replace(
        report,
        project=nasty,
        title=Phrase(nasty, nasty),
        drift=drift,
        models=tuple(msgspec.structs.replace(model, name=nasty) for model in report.models),
        story=msgspec.structs.replace(
            story, decision_id=nasty, stream=nasty, outcome=nasty, letter=Phrase(nasty, nasty)
        ),
        versions=(Version(nasty, nasty, nasty),),
    )
    outline = Outline(render_report(changed))
    assert "script" not in outline.tags
    assert outline.open == []
    assert nasty in outline.text
    picture = Outline(make_picture(changed))
    assert "script" not in picture.tags


def test_a_run_with_nothing_to_show_says_so(report: ReportData) -> None:
    summary = msgspec.structs.replace(
        report.summary, models=(), decisions={}, decisions_per_second=None, wall_seconds={}, rows_loaded=0
    )
    bare = ReportData(report.title, report.project, report.generated_at, report.zone, summary)
    outline = Outline(render_report(bare))
    assert outline.open == []
    assert "svg" not in outline.tags
    for code in ("none.models", "none.drift", "none.budget", "none.story"):
        assert WORDS(code).text("en") in outline.text


def test_one_kind_of_case_alone_can_be_drawn(report: ReportData) -> None:
    """A sample without a bad case, and a single alert budget, are thin but no fault."""
    model = ModelCurves("m", Phrase("all", "全部"), ScoreHistogram((0.0, 10.0), (5,), (0,)), (), (), ())
    budget = AlertBudget(model=report.alert_budget.model[:1] if report.alert_budget else ())
    outline = Outline(render_report(msgspec.structs.replace(report, models=(model,), alert_budget=budget)))
    assert {"m0-scores", "alert-budget"} <= set(outline.ids)
    assert "m0-ks" not in outline.ids


def test_a_promise_that_was_broken_is_shown_as_such(report: ReportData) -> None:
    broken = msgspec.structs.replace(report.summary, mismatches=3, proofs_failed=2)
    text = Outline(render_report(msgspec.structs.replace(report, summary=broken))).text
    assert WORDS("state.bad").text("en") in text
    assert "2 failed" in text


def test_the_picture_shows_the_story(report: ReportData) -> None:
    picture = make_picture(report)
    outline = Outline(picture)
    for shown in ("Event", "Labels", "Score", "Matched rules", "Reasons", "Proof", "512", "decline", "EUR 749.00"):
        assert shown in outline.text
    assert not re.search(r"https?://(?!www\.w3\.org)", picture)


def test_no_picture_without_a_story(report: ReportData) -> None:
    with pytest.raises(StateError, match="took no decision"):
        make_picture(msgspec.structs.replace(report, story=None))
