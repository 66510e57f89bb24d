"""Forgetting that is taken up later, elsewhere or beside what came since, holds meanwhile, and numbers for names."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.desk.forgetting import ASIDE, Her, found_in, stopped_at

from tallystick.core import InputError, StateError
from tallystick.data import Erasing, Lake
from tallystick.desk import (
    Desk,
    Project,
    decide,
    finish_forgetting,
    forget_notes,
    forget_subject,
    hold_subject,
    lift_holds,
    load_project,
    open_holds,
    plan_forgetting,
    set_aside,
)
from tallystick.desk.evidence import check_frames, open_keys, read_journal, writing
from tallystick.desk.forget import erasures
from tallystick.desk.forget_notes import begun_erasures, state_of
from tallystick.desk.holds import Kept, holds_of
from tallystick.desk.known import is_known
from tallystick.desk.subjects import Subject, read_subject

Payment = Callable[..., dict[str, Any]]


@pytest.fixture
def her(bank: Path) -> Her:
    return Her(bank)


def test_a_note_is_found_where_the_project_was_moved_and_a_missing_state_is_no_done_step(
    her: Her, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    root = her.project.root
    shutil.copytree(her.project.state, root / ASIDE)
    stopped_at("segments", her.project, her.id, monkeypatch)
    moved = load_project(root.rename(tmp_path / "moved"))
    (moved.root / ASIDE).rename(tmp_path / "elsewhere")
    with pytest.raises(StateError) as caught:
        finish_forgetting(moved)
    assert caught.value.code == "forget.state"
    assert ASIDE in caught.value.text("zh")
    (tmp_path / "elsewhere").rename(moved.root / ASIDE)
    [found] = finish_forgetting(moved)
    assert len(found.erasure.frames) == len(her.decisions)
    for state in (moved.state, moved.root / ASIDE):
        assert found_in(state, her.names) == []


def test_a_state_that_was_deleted_for_good_is_replaced_by_an_empty_folder(
    her: Her, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = her.project.root / ASIDE
    shutil.copytree(her.project.state, aside)
    stopped_at("segments", her.project, her.id, monkeypatch)
    shutil.rmtree(aside)
    aside.mkdir()
    assert len(finish_forgetting(her.project)) == 1
    assert found_in(her.project.state, her.names) == []


def test_what_came_after_an_old_note_is_forgotten_too(
    her: Her, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The note knows what was held when it was written; who asks for her again means all of her."""
    stopped_at("leaf", her.project, her.id, monkeypatch)
    with Desk(her.project) as desk:
        answer = decide(desk, payment(7, customer_id=her.id, card_id="K777777"))
    done = forget_subject(her.project, her.id, "asked again")
    assert done.erasure.counts["journal.decisions"] == len(done.erasure.frames) == 1
    assert found_in(her.project.state, (*her.names, answer.id, "K777777")) == []
    with read_journal(her.project) as journal:
        assert [(said.reason, len(said.frames)) for said in erasures(journal)] == [
            ("asked", len(her.decisions)), ("asked again", 1),
        ]  # fmt: skip
        check_frames(journal)


def test_who_is_being_forgotten_cannot_be_held(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold that nothing would heed is not accepted; somebody else can be held."""
    stopped_at("lake", her.project, her.id, monkeypatch)
    with pytest.raises(StateError) as caught:
        hold_subject(her.project, her.key, "case 7")
    assert caught.value.code == "hold.forgetting"
    assert "being forgotten since" in caught.value.text("en")
    assert "正在被遗忘" in caught.value.text("zh")
    hold = hold_subject(her.project, "C999999", "case 8")
    finish_forgetting(her.project)
    later = hold_subject(her.project, her.id, "case 7")
    assert open_holds(her.project, later.at) == (hold, later)


def test_a_key_of_her_coming_back_outlives_an_old_note(
    her: Her, payment: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed when her key was destroyed; decided on anew; taken up: only the noted key is gone, and its leaf counts."""
    stopped_at("leaf", her.project, her.id, monkeypatch)
    event = payment(7, customer_id=her.id, card_id="K777777")
    with Desk(her.project) as desk:
        answer = decide(desk, event)
    [found] = finish_forgetting(her.project)
    assert len(found.erasure.frames) == len(her.decisions)
    with read_journal(her.project) as journal:
        check_frames(journal)
        [kept] = [entry for entry in journal.read(kinds=("decision",)) if entry.subject == her.key]
    assert kept.request_id == answer.id
    with Desk(her.project) as desk:
        assert decide(desk, event).position == answer.position, "the state table still knows it"
    assert all(name not in (her.project.state / "state.db").read_bytes() for name in old_names(her))


def old_names(her: Her) -> list[bytes]:
    """The request ids of her decisions."""
    return [entry.request_id.encode() for entry in her.decisions]


@pytest.fixture
def numbered(definitions: Path) -> Project:
    """The bank with whole numbers for customers: two of them, and one payment each."""
    sources, kept = definitions / "sources.toml", 'type = "integer"'
    text = sources.read_text("utf-8").replace('customer_id = { type = "text"', f"customer_id = {{ {kept}")
    sources.write_text(text, "utf-8")
    (definitions / "sources").mkdir()
    header = "payment_id,paid_at,card_id,customer_id,terminal_id,merchant_id,device_id,amount,channel,entry_mode,"
    header += "country,category,fraud,fraud_known_at\n"
    rows = [f"{who},2025-08-0{who}T10:00:00Z,K1,{who},T1,M1,D1,1.00,pos,chip,DE,fuel,,\n" for who in (7, 8)]
    (definitions / "sources" / "payments_1.csv").write_text(header + "".join(rows))
    project = load_project(definitions)
    assert project.lake().load(project.sources["payments"], project.root).rows == 2
    return project


def test_whole_numbers_name_people_too(numbered: Project) -> None:
    """7 and 07 are the same, abc is nobody, and what is not hers stays."""
    project = numbered
    for given in ("07", "customer_id=7", "7"):
        assert read_subject(project, given) == Subject("customer_id", "7")
    for call in (lambda: hold_subject(project, "abc", "case"), lambda: forget_subject(project, "abc", "asked")):
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "field.value"
        assert "整数" in caught.value.text("zh") or "integer" in caught.value.text("zh")
    done = forget_subject(project, "07", "asked")
    assert done.erasure.counts["lake.rows"] == 1
    left = project.lake().facts("payments")["customer_id"].to_list()
    assert 8 in left
    assert 7 not in left
    assert int(done.erasure.subject) in left


def test_a_note_in_a_state_put_aside_is_finished(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tally run --fresh` in between: what was begun is ended where it now lies."""
    stopped_at("lake", her.project, her.id, monkeypatch)
    aside = set_aside(her.project)
    assert aside is not None
    assert "forget" in found_in(aside, her.names)
    [found] = finish_forgetting(her.project)
    assert (len(found.erasure.frames), found.left) == (len(her.decisions), ())
    assert found_in(aside, her.names) == []
    assert not list((aside / "forget").iterdir())
    assert finish_forgetting(her.project) == ()
    with read_journal(state_of(her.project, aside)) as journal:
        assert erasures(journal) == (found.erasure,)
        check_frames(journal)


def test_a_hold_outlives_a_fresh_start(her: Her) -> None:
    """And is lifted by a leaf of the new journal; a duty counts what the old journal alone knows."""
    hold = hold_subject(her.project, her.id, "case 7")
    aside = set_aside(her.project)
    assert aside is not None
    shutil.copytree(aside / "lake", her.project.state / "lake")
    assert open_holds(her.project, hold.at) == (hold,)
    for call in (forget_subject, plan_forgetting):
        with pytest.raises(Kept, match="case 7"):
            call(her.project, her.id, "asked")
    assert lift_holds(her.project, her.id, "settled") == (hold,)
    assert open_holds(her.project, hold.at) == ()
    shutil.rmtree(aside / "lake")
    shutil.rmtree(her.project.state / "lake")
    (her.project.root / "retention.toml").write_text('[payments]\nkeep = "5y"\n')
    with pytest.raises(Kept, match="must be kept"):
        plan_forgetting(her.project, her.id)


def test_a_hold_is_named_by_the_key_of_its_moment(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """Her key is destroyed while the lock is waited for: the hold is found all the same."""

    @contextmanager
    def late(project: Project) -> Iterator[Any]:
        with open_keys(project) as keys:
            keys.forget(her.key)
        with writing(project) as opened:
            yield opened

    monkeypatch.setattr("tallystick.desk.holds.writing", late)
    hold = hold_subject(her.project, her.id, "case 7")
    assert holds_of(her.project, Subject("customer_id", her.id), hold.at) == (hold,)


def test_a_table_is_read_again_where_an_erasure_exchanges_its_files(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks for somebody looks at the new ones, whatever was scanned before."""
    project, scan = her.project, Lake.scan
    plan = plan_forgetting(project, her.id)
    with open_keys(project) as keys:
        keys.forget(her.key)
    scanned, whose = count(), iter(project.lake().facts("payments")["customer_id"].unique().sort().to_list())

    def raced(lake: Lake, name: str, version: int | None = None) -> pl.LazyFrame:
        found = scan(lake, name, version)
        if next(scanned) % 2 == 0:
            other = next(who for who in whose if who != her.id)
            lake.erase(project.sources[name], Erasing("customer_id", other, ("customer_id",), (), lambda value: "~1"))
        return found

    monkeypatch.setattr(Lake, "scan", raced)
    assert is_known(project, Subject("customer_id", her.id))
    assert plan_forgetting(project, her.id).erasure.counts["lake.rows"] == plan.erasure.counts["lake.rows"] == her.rows


def test_a_note_that_goes_while_notes_are_read_is_none(her: Her, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ended between the look into the folder and the look into the file; one that is there must be readable."""
    path = her.project.state / "forget" / "12.json"
    path.parent.mkdir()
    path.write_bytes(b"{")
    with pytest.raises(StateError):
        begun_erasures(her.project)
    read = forget_notes.read_note

    def late(path: Path) -> Any:
        path.unlink()
        return read(path)

    monkeypatch.setattr(forget_notes, "read_note", late)
    assert begun_erasures(her.project) == {}
