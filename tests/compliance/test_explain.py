"""Reasons are specific, unique, at most four, rules first, then lost points by size."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.compliance import Reasons, explain, read_reasons
from tallystick.compliance.explain import show_value
from tallystick.core import DefinitionError, InputError

BOOK: Reasons = read_reasons(Path(__file__).parent / "reasons.toml")
LABELS = ("utilisation_1m", "late_payments_6m", "repaid_1m", "card_age", "unexplained")


def test_rules_come_first_then_losses_by_size() -> None:
    found = explain(BOOK, ["UNUSUAL_AMOUNT"], [("late_payments_6m", 12, 3), ("utilisation_1m", 31, 0.87)])
    assert [(reason.code, reason.source) for reason in found] == [
        ("UNUSUAL_AMOUNT", "rule"),
        ("HIGH_UTILISATION", "score"),
        ("LATE_PAYMENTS", "score"),
    ]


def test_a_code_from_a_rule_and_from_the_score_is_told_once() -> None:
    found = explain(BOOK, ["HIGH_UTILISATION"], [("utilisation_1m", 31, 0.87)])
    assert [(reason.en, reason.source) for reason in found] == [
        ("You use a large part of your credit line (87%)", "rule")
    ]


def test_a_rule_takes_its_value_from_the_labels_or_stands_without_it() -> None:
    (with_value,) = explain(BOOK, ["LATE_PAYMENTS"], [], values={"late_payments_6m": 2})
    (without,) = explain(BOOK, ["LATE_PAYMENTS"], [])
    assert with_value.zh == "最近六个月内有逾期还款（2）"
    assert without.en == "Payments were late in the last six months"
    assert without.zh == "最近六个月内有逾期还款"


def test_a_missing_value_is_never_explained_by_a_value_that_nobody_saw() -> None:
    (reason,) = explain(BOOK, [], [("utilisation_1m", 31, None), ("late_payments_6m", 9, None)])
    assert reason.code == "SHORT_HISTORY"


def test_at_most_four() -> None:
    losses = [(label, 10 + i, 1) for i, label in enumerate(LABELS)]
    assert len(explain(BOOK, ["UNUSUAL_AMOUNT", "SHORT_HISTORY"], losses)) == 4
    with pytest.raises(InputError, match="1 to 4"):
        explain(BOOK, [], losses, limit=5)


def test_a_code_without_words_is_refused() -> None:
    with pytest.raises(DefinitionError, match="did you mean NEW_CARD"):
        explain(BOOK, ["NEW_CARDS"], [])


@pytest.mark.parametrize(
    ("value", "show", "english", "chinese"),
    [
        (0.866, "percent", "87%", "87%"),
        (1, "days", "1 day", "1 天"),
        (1234, "days", "1,234 days", "1,234 天"),
        (5 * 3_600_000_000, "duration", "5 hours", "5 小时"),
        (-50, "money(EUR)", "EUR -0.50", "EUR -0.50"),
        (1234567, "money(JPY)", "JPY 1,234,567", "JPY 1,234,567"),
        (12.5, "", "12.5", "12.5"),
        (1200, "number", "1,200", "1,200"),
        (True, "", "yes", "是"),
        ("two\nlines  here", "", "two lines here", "two lines here"),
    ],
)
def test_values_are_written_for_people(value: object, show: str, english: str, chinese: str) -> None:
    assert show_value(value, show, "en") == english
    assert show_value(value, show, "zh") == chinese


@given(
    st.lists(st.sampled_from(sorted(BOOK.reasons)), max_size=6),
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.integers(-5, 60), st.one_of(st.none(), st.integers(0, 9))),
        unique_by=lambda loss: loss[0],
    ),
)
def test_explain_is_the_obvious_way(codes: list[str], losses: list[tuple[str, int, int | None]]) -> None:
    """The oracle: list every code that could be told, rules first, then by loss, and keep the first four."""
    wanted = list(codes)
    for points in range(60, 0, -1):
        for label in sorted(LABELS):
            for name, lost, value in losses:
                if name == label and lost == points:
                    for code, text in BOOK.reasons.items():
                        if label in (text.missing_labels if value is None else text.labels):
                            wanted.append(code)
    unique = sorted(set(wanted), key=wanted.index)
    found = explain(BOOK, codes, losses)
    assert [reason.code for reason in found] == unique[:4]
    assert found == explain(BOOK, codes, losses[::-1])
    assert all("{" not in reason.en + reason.zh for reason in found)
