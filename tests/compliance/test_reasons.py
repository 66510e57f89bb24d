"""reasons.toml is read whole: a good file gives words, a bad one gives every fault with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallystick.compliance import Reasons, read_reasons
from tallystick.core import DefinitionError, DefinitionErrors, StateError

FILE = Path(__file__).parent / "reasons.toml"
OUTCOMES = ("raise", "hold", "cut", "decline")


@pytest.fixture
def reasons() -> Reasons:
    return read_reasons(FILE)


def read(folder: Path, text: str) -> Reasons:
    file = folder / "reasons.toml"
    file.write_text(text, encoding="utf-8")
    return read_reasons(file)


def faults_of(folder: Path, text: str) -> set[tuple[str, str]]:
    """(fault code, place) of every fault of a file that is refused."""
    with pytest.raises(DefinitionErrors) as caught:
        read(folder, text)
    assert all(fault.text("en") and fault.text("zh") for fault in caught.value.faults)
    return {(fault.code, fault.place.cell if fault.place else "") for fault in caught.value.faults}


def test_a_good_file_is_read_whole(reasons: Reasons) -> None:
    assert reasons.letter.organisation == "Bank of the River"
    assert reasons.letter.score_range == (300, 850)
    assert reasons.is_adverse("cut")
    assert not reasons.is_adverse("raise")
    assert reasons.reasons["SHORT_HISTORY"].missing_labels == ("utilisation_1m", "repaid_1m")


def test_the_version_is_of_the_words_not_of_the_place(reasons: Reasons, tmp_path: Path) -> None:
    text = FILE.read_text(encoding="utf-8")
    assert read(tmp_path, text).version == reasons.version
    assert read(tmp_path, text.replace("late in", "overdue in")).version != reasons.version


def test_every_label_code_and_outcome_has_words(reasons: Reasons) -> None:
    reasons.check(["utilisation_1m", "card_age"], OUTCOMES, ["UNUSUAL_AMOUNT"], missing=["repaid_1m"])


def test_what_has_no_words_is_named_together(reasons: Reasons) -> None:
    with pytest.raises(DefinitionErrors) as caught:
        reasons.check(["utilisation_2m"], ["raise", "cut", "declined"], ["UNUSUAL_AMOUNTS"], missing=["card_age"])
    text = str(caught.value)
    assert "label utilisation_2m of the model has no reason" in text
    assert "did you mean utilisation_1m?" in text
    assert "adverse outcome 'decline' is none that the decision gives" in text
    assert "did you mean UNUSUAL_AMOUNT?" in text
    assert "label card_age can lose points for a missing value" in text
    assert "utilisation_1m" in caught.value.text("zh")


def test_all_faults_of_a_file_come_together(tmp_path: Path) -> None:
    found = faults_of(
        tmp_path,
        """
        surplus = 1
        [letter]
        organisation = "B"
        contact = ""
        phone = "1"
        address = "A"
        review_days = 0
        adverse = ["decline", "cut"]
        score_range = [850, 300]
        [actions.decline]
        en = "we said no"
        zh = "我们拒绝了"
        [reasons.OTHER]
        en = "Other reasons"
        zh = "其他"
        [reasons.A]
        en = "You use {value} of your line"
        zh = "已用额度（{value}）"
        labels = ["x"]
        [reasons.B]
        en = "Late ({days})"
        labels = ["x"]
        zh = "逾期"
        """,
    )
    assert found == {
        ("key.unknown", ""),
        ("key.value", "letter.contact"),
        ("key.value", "letter.review_days"),
        ("key.value", "letter.score_range"),
        ("action.missing", "letter.adverse"),
        ("code.other", "reasons.OTHER"),
        ("text.value", "reasons.A.en"),
        ("text.placeholder", "reasons.B.en"),
        ("label.twice", "reasons.B.labels"),
    }


@pytest.mark.parametrize(
    ("change", "to", "code"),
    [
        ('language = "en"', 'language = "de"', "key.value"),
        ('phone = "1"', "", "key.missing"),
        ("[actions.decline]", "[action.decline]", "key.unknown"),
        ('en = "Late ({value})"', 'en = "Late ({value:.2f})"', "text.placeholder"),
        ('en = "Late ({value})"', 'en = "Late {"', "text.braces"),
        ('show = "days"', 'show = "money(euro)"', "key.value"),
        ("[reasons.LATE]", "[reasons.late]", "key.value"),
        ('labels = ["late_6m"]', 'labels = "late_6m"', "key.value"),
        ('adverse = ["decline"]', "adverse = []", "key.value"),
    ],
)
def test_each_fault_is_found(tmp_path: Path, change: str, to: str, code: str) -> None:
    good = """
        [letter]
        organisation = "B"
        contact = "C"
        phone = "1"
        address = "A"
        review_days = 30
        adverse = ["decline"]
        score_range = [300, 850]
        language = "en"
        [actions.decline]
        en = "we said no"
        zh = "我们拒绝了"
        [reasons.LATE]
        en = "Late ({value})"
        zh = "逾期（{value}）"
        labels = ["late_6m"]
        show = "days"
        """
    read(tmp_path, good)
    assert change in good
    assert code in {found for found, _ in faults_of(tmp_path, good.replace(change, to))}


def test_a_file_that_is_not_toml_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as caught:
        read(tmp_path, '[letter]\norganisation = "B\n')
    assert caught.value.place is not None
    assert caught.value.place.line == 2


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be read"):
        read_reasons(tmp_path / "nothing.toml")


def test_the_docs_name_every_key() -> None:
    """docs/reasons.md explains every key that the reader takes."""
    page = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
    for key in (
        *("organisation", "contact", "phone", "address", "review_days", "adverse", "score_range", "language", "notice"),
        *("labels", "missing_labels", "show", "number", "percent", "days", "duration", "money(EUR)", "{value}"),
    ):
        assert f"`{key}`" in page, key


def test_the_example_of_the_docs_is_a_good_file(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text(encoding="utf-8")
    example = page.split("```toml\n", 1)[1].split("```", 1)[0]
    read(tmp_path, example).check(["utilisation_1m"], ["approve", "decline"], ["UNUSUAL_AMOUNT"])
