"""Who may not be forgotten yet: duties of retention.toml, and holds that the journal alone knows."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tallystick.core import DefinitionErrors, InputError, Message, UsageError, format_instant, parse_instant
from tallystick.desk import (
    Desk,
    Project,
    decide,
    forget_subject,
    hold_subject,
    lift_holds,
    load_project,
    open_holds,
    plan_forgetting,
    read_retention,
)
from tallystick.desk.evidence import read_journal
from tallystick.desk.holds import HOLD, LIFTED, Kept
from tallystick.desk.journal import Evidence
from tallystick.desk.retention import kept_until
from tallystick.desk.sequencer import system_clock

DAY = 86_400_000_000


@pytest.fixture
def project(bank: Path) -> Project:
    return load_project(bank)


def somebody(project: Project) -> str:
    """The first customer who has a decision."""
    with read_journal(project) as journal:
        return next(entry.subject for entry in journal.read(kinds=("decision",)))


def fingerprint(folder: Path) -> dict[str, str]:
    """Every file with the digest of its bytes."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_duty_to_keep_refuses_and_says_until_when_and_why(project: Project) -> None:
    """Counted from the last thing that happened, by the calendar; nothing is written."""
    who = somebody(project)
    (project.root / "retention.toml").write_text('[payments]\nkeep = "5y"\nwhy = "anti-money-laundering law"\n')
    rows = project.lake().facts("payments").filter(pl.col("customer_id") == who.partition("=")[2])
    last = format_instant(int(rows["paid_at"].to_physical().max()), project.zone)[:10]  # type: ignore[arg-type]
    before = fingerprint(project.root)
    for call in (forget_subject, plan_forgetting):
        with pytest.raises(Kept) as caught:
            call(project, who, "asked")
        said = caught.value.text("en")
        assert f"happened on {last} must be kept until 2030{last[4:]} (anti-money-laundering law)" in said
        assert "须保存至" in caught.value.text("zh")
    assert fingerprint(project.root) == before
    (project.root / "retention.toml").write_text('[payments]\nkeep = "1d"\n')
    assert forget_subject(project, who, "asked").position is not None


def test_a_hold_refuses_until_it_is_lifted(project: Project) -> None:
    """Placed and lifted by leaves that name nobody; two holds both count, somebody else's does not."""
    who, value = somebody(project), somebody(project).partition("=")[2]
    hold_subject(project, "C000599", "another case")
    placed = [hold_subject(project, who, "case 7"), hold_subject(project, value, "case 8", system_clock(0) + 40 * DAY)]
    assert open_holds(project, system_clock(0))[1:] == tuple(placed)
    before = fingerprint(project.root)
    with pytest.raises(Kept) as caught:
        forget_subject(project, who, "asked")
    assert [reason.code for reason in caught.value.reasons] == ["forget.held_open", "forget.held"]
    assert "case 7" in caught.value.text("en").splitlines()[0]
    assert "case 8" in caught.value.text("zh").splitlines()[1]
    assert fingerprint(project.root) == before
    assert lift_holds(project, who, "settled") == tuple(placed)
    with pytest.raises(InputError, match="nothing holds"):
        lift_holds(project, who, "settled")
    with read_journal(project) as journal:
        leaves = [entry for entry in journal.read(kinds=("evidence",)) if isinstance(entry.record, Evidence)]
    kinds = [entry.record.kind for entry in leaves if isinstance(entry.record, Evidence)]
    assert [kind for kind in kinds if kind in (HOLD, LIFTED)] == [HOLD, HOLD, HOLD, LIFTED, LIFTED]
    assert not any(value.encode() in (entry.payload() or b"") for entry in leaves)
    assert forget_subject(project, who, "asked").position is not None
    assert len(open_holds(project, system_clock(0))) == 1


def test_a_hold_ends_by_itself(project: Project) -> None:
    now = system_clock(0)
    hold = hold_subject(project, somebody(project), "case 7", now + DAY)
    assert open_holds(project, now + DAY - 1) == (hold,)
    assert open_holds(project, now + DAY) == ()


def test_a_hold_that_is_past_or_names_the_person_is_refused(project: Project) -> None:
    who = somebody(project)
    with pytest.raises(InputError, match="is past"):
        hold_subject(project, who, "case 7", parse_instant("2020-01-01"))
    for call in (hold_subject, lift_holds):
        with pytest.raises(InputError, match="names the person"):
            call(project, who, f"case of {who.partition('=')[2]}")
    assert open_holds(project, system_clock(0)) == ()


def test_somebody_never_seen_can_be_held(project: Project) -> None:
    """And is known by the same name when the events come."""
    warned: list[Message] = []
    hold = hold_subject(project, "C999999", "expected", warn=warned.append)
    assert hold_subject(project, "customer_id=C999999", "again", warn=warned.append).subject == hold.subject
    assert [said.code for said in warned] == ["hold.unknown"], "the first hold is known to the second"


def test_a_misspelt_id_is_told_with_those_that_are_near(
    project: Project, payment: Callable[..., dict[str, Any]]
) -> None:
    """Ids of lake and of decisions; whoever is held or forgotten under a wrong name or column learns it."""
    with Desk(project) as desk:
        decide(desk, payment(1, customer_id="X-77-Z"))
    who = somebody(project).partition("=")[2]
    warned: list[Message] = []
    hold_subject(project, who, "case 7", warn=warned.append)
    assert warned == []
    for given, near in ((f"{who}0", who), (f"{who[:2]}x{who[2:]}", who), ("X-77-Y", "X-77-Z"), ("nobody", "-")):
        with pytest.raises(InputError, match=rf"'{given}': .* near: .*{near}.* name subjects: customer_id"):
            forget_subject(project, given, "asked")
        hold_subject(project, given, "case 8", warn=warned.append)
        assert near in warned[-1].text("en")
        assert near in warned[-1].text("zh")
    for call in (forget_subject, plan_forgetting, hold_subject):
        with pytest.raises(UsageError, match="a column of customer_id"):
            call(project, f"custmer_id={who}", "asked")


@pytest.mark.parametrize(
    ("at", "keep", "until"),
    [
        ("2024-02-29T10:00:00+01:00", "1y", "2025-02-28T10:00:00+01:00"),
        ("2025-08-31T10:00:00+02:00", "6mo", "2026-02-28T10:00:00+01:00"),
        ("2025-12-31T23:30:00+01:00", "5 y", "2030-12-31T23:30:00+01:00"),
        ("2025-03-29T10:00:00+01:00", "1d", "2025-03-30T10:00:00+02:00"),
        ("2025-03-01T10:00:00+01:00", "2w", "2025-03-15T10:00:00+01:00"),
    ],
)
def test_duties_count_by_the_calendar(at: str, keep: str, until: str) -> None:
    assert format_instant(kept_until(parse_instant(at), keep, "Europe/Berlin"), "Europe/Berlin") == until


def test_every_fault_of_the_file_is_shown(tmp_path: Path) -> None:
    path = tmp_path / "retention.toml"
    assert read_retention(path, ["payments"]) == {}
    path.write_text('[payment]\nkeep = "5y"\n[payments]\nkeep = "forever"\n[cards]\nkeep = "0d"\n')
    with pytest.raises(DefinitionErrors) as caught:
        read_retention(path, ["payments", "cards"])
    text = caught.value.text("en")
    assert "'payment' is no source; allowed: cards, payments" in text
    assert "'forever' is no time to keep" in text
    assert "'0d'" in text
    path.write_text('[payments]\nlong = "5y"\n')
    with pytest.raises(Exception, match="long"):
        read_retention(path, ["payments"])
