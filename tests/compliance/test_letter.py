"""Letters: golden texts, both languages with the same facts, and pages that nothing hostile can break."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from tallystick.compliance import Letter, Reason, Reasons, explain, letter, read_reasons
from tallystick.core import LANGUAGES, InputError, Language, parse_instant

HERE = Path(__file__).parent
BOOK: Reasons = read_reasons(HERE / "reasons.toml")
LOSSES = [("utilisation_1m", 31, 0.87), ("late_payments_6m", 12, 3), ("repaid_1m", 8, 5050)]
DECIDED = parse_instant("2026-03-14T09:30:12Z")


def write(
    outcome: str = "decline", language: Language | None = None, reasons: tuple[Reason, ...] | None = None
) -> Letter:
    return letter(
        BOOK,
        outcome=outcome,
        reasons=explain(BOOK, ["UNUSUAL_AMOUNT"], LOSSES) if reasons is None else reasons,
        factors=explain(BOOK, [], LOSSES),
        score=534,
        decision_id="D-000000412",
        decided_at=DECIDED,
        known_at=DECIDED,
        zone="Europe/Berlin",
        language=language,
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_letter_is_the_golden_one(language: Language) -> None:
    """tests/compliance/decline.*.txt is what a customer gets; read it when you change it."""
    assert write(language=language).text == (HERE / f"decline.{language}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("outcome", BOOK.letter.adverse)
def test_every_adverse_outcome_gets_a_letter_with_one_to_four_reasons(outcome: str, language: Language) -> None:
    for count in range(1, 5):
        reasons = explain(BOOK, ["UNUSUAL_AMOUNT"], LOSSES, limit=count)
        found = write(outcome, language, reasons)
        assert len(reasons) == count
        for reason in reasons:
            assert reason.text(language) in found.text
            assert reason.text(language) in found.html
        assert BOOK.actions[outcome].text(language) in found.text
        assert "D-000000412" in found.text


def test_both_languages_carry_the_same_facts() -> None:
    """Numbers, dates aside, and the quoted names are the same in both letters."""
    english, chinese = (write(language=language).text for language in LANGUAGES)
    pattern = r"D-\d+|\d{2}:\d{2}:\d{2}|\d+%|\b\d{3}\b|EUR [\d.]+|Europe/Berlin|\+49 30 5550 100|10115|2026"
    assert sorted(re.findall(pattern, english)) == sorted(re.findall(pattern, chinese))
    assert english.count("\n") == chinese.count("\n")


def test_the_language_is_the_projects_own_unless_asked() -> None:
    assert write().language == "en"


def test_a_decision_without_a_score_says_nothing_about_one() -> None:
    found = letter(
        BOOK,
        outcome="decline",
        reasons=explain(BOOK, ["UNUSUAL_AMOUNT"], []),
        score=None,
        decision_id="D-1",
        decided_at=DECIDED,
        zone="UTC",
    )
    assert "score" not in found.text.lower()


def test_key_factors_are_the_scores_reasons_unless_given() -> None:
    reasons = explain(BOOK, ["UNUSUAL_AMOUNT"], LOSSES[:1])
    found = letter(BOOK, outcome="cut", reasons=reasons, score=500, decision_id="D-1", decided_at=DECIDED, zone="UTC")
    assert found.text.count(reasons[1].en) == 2
    assert found.text.count(reasons[0].en) == 1


def test_a_banks_own_notice_stands_in_the_letter() -> None:
    notice = msgspec.structs.replace(BOOK.letter, notice=BOOK.actions["cut"])
    config = msgspec.structs.replace(BOOK, letter=notice)
    reasons = explain(BOOK, ["UNUSUAL_AMOUNT"], [])
    found = letter(
        config, outcome="hold", reasons=reasons, score=None, decision_id="D-1", decided_at=DECIDED, zone="UTC"
    )
    assert "NOTICE\nwe lowered your credit line\n" in found.text


def test_no_letter_without_cause_or_reason() -> None:
    with pytest.raises(InputError, match="not adverse"):
        write("raise")
    with pytest.raises(InputError, match="0 reasons"):
        write(reasons=())
    four = explain(BOOK, ["UNUSUAL_AMOUNT", "NEW_CARD"], LOSSES)
    with pytest.raises(InputError, match="5 reasons"):
        write(reasons=(*four, four[0]))
    with pytest.raises(InputError, match="5 key factors"):
        letter(
            BOOK,
            outcome="cut",
            reasons=four,
            factors=(*four, four[0]),
            score=1,
            decision_id="D-1",
            decided_at=DECIDED,
            zone="UTC",
        )


class Outline(HTMLParser):
    """Keeps tags and attributes, and fails on an end tag that closes nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_accessible_and_needs_no_network(language: Language) -> None:
    outline = Outline()
    page = write(language=language).html
    outline.feed(page)
    assert outline.open == []
    assert ("lang", language) in outline.attributes
    assert outline.tags.count("h1") == 1
    assert outline.tags.count("h2") == 5
    assert not {"script", "link", "img", "iframe"} & set(outline.tags)
    assert "http" not in page


def test_hostile_values_stay_text() -> None:
    nasty = "<script>alert(1)</script> & \"x\" 'y'"
    reason = Reason("A", f"You paid at {nasty}", f"您在 {nasty} 付款", "rule")
    config = msgspec.structs.replace(BOOK, letter=msgspec.structs.replace(BOOK.letter, organisation=nasty))
    found = letter(config, outcome="cut", reasons=[reason], score=1, decision_id=nasty, decided_at=DECIDED, zone="UTC")
    assert "<script" not in found.html
    assert "&lt;script&gt;" in found.html
    assert nasty in found.text
