"""One customer of the demo is forgotten everywhere; nobody else's bits move, and the evidence says what was done."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from tests.desk.forgetting import ASIDE, Her, everybody_else, found_in, known_to_segments, spread

from tallystick import ledger
from tallystick.core import InputError, TamperError, UsageError
from tallystick.desk import (
    Desk,
    check_ledger,
    decide,
    forget_subject,
    load_project,
    members_of,
    plan_forgetting,
    prove_decision,
    replay_decisions,
    segments_of,
    vkey_path,
)
from tallystick.desk.erased import ErasedFrames
from tallystick.desk.evidence import open_keys, read_journal
from tallystick.desk.forget import erasures
from tallystick.desk.frames import FRAME, INNER, OUTER
from tallystick.desk.history import INSTANT
from tallystick.desk.index import forget as destroy
from tallystick.desk.journal import DecisionRecord
from tallystick.desk.subjects import Subject, read_subject
from tallystick.desk.verification import verify_run
from tallystick.store import AppendLog
from tallystick.store.sql import connect

Payment = Callable[..., dict[str, Any]]


@pytest.fixture
def her(bank: Path) -> Her:
    return Her(bank)


def test_she_is_unreadable_everywhere_and_the_others_are_as_they_were(her: Her) -> None:
    """Before, her bytes lie in tables, segments, quarantines, keys, state table and page; after, nowhere."""
    project = her.project
    spread(her)
    before = everybody_else(project, her, ())
    places = found_in(project.state, her.names)
    assert places == ["feed", "keys.db", "lake", "report.html", "state.db"]
    assert known_to_segments(project, her) == [True, True]
    assert found_in(project.root / ASIDE, her.names) == places
    planned = plan_forgetting(project, her.id)
    assert found_in(project.state, her.names) == places, "a plan writes nothing"
    done = forget_subject(project, her.id, "asked for it")
    assert done.erasure.counts == planned.erasure.counts
    assert done.erasure.counts == {
        "feed.quarantine": 4,
        "journal.decisions": len(her.decisions),
        "keys": 2,
        "labels.rows": 2 * her.rows,
        "lake.quarantine": 2,
        "lake.rows": 2 * her.rows,
        "segments.keys": done.erasure.counts["segments.keys"],
        "state.table": 2 * len(her.decisions),
    }
    assert done.erasure.counts["segments.keys"] >= 4
    assert (done.left, done.exposed, done.erasure.reason) == ((), (), "asked for it")
    for state in (project.state, project.root / ASIDE):
        assert found_in(state, her.names) == []
    assert everybody_else(project, her, (done.erasure.subject,)) == before
    rows = project.lake().facts("payments").filter(pl.col("customer_id") == done.erasure.subject)
    assert rows.height == her.rows
    assert rows["amount"].null_count() == rows["device_id"].null_count() == her.rows
    assert rows["terminal_id"].null_count() == rows["paid_at"].null_count() == 0
    assert known_to_segments(project, her) == [False, False]
    often = members_of(project, "often")
    assert segments_of(project).builds("often")[-1].size == often.size


def test_the_others_replay_to_the_same_bits_and_she_is_counted_apart(her: Her) -> None:
    project = her.project
    done = forget_subject(project, her.id, "asked")
    for source in ("vector", "history"):
        found = replay_decisions(project, source)
        assert (found.decisions, found.erased) == (300 - len(her.decisions), len(her.decisions))
        assert (found.differing, found.unexplained) == (0, 0)
    assert verify_run(project, lambda *told: None).holds
    with read_journal(project) as journal:
        assert erasures(journal) == (done.erasure,)


def test_the_leaf_says_what_was_done_and_nothing_of_her(her: Her) -> None:
    """It is the journal's last, bears her stand-in, and is proved like any other."""
    project = her.project
    done = forget_subject(project, her.key, "asked")
    assert done.position is not None
    with read_journal(project) as journal:
        entry = next(journal.read(start=done.position))
        erased = [entry for entry in journal.read(kinds=("decision",)) if entry.record is None]
        stored = {entry.position: frame for entry, frame in journal.stored()}
    payload = entry.payload()
    assert payload is not None
    assert not any(name.encode() in payload for name in (*her.names, her.device))
    assert [entry.position for entry in erased] == [entry.position for entry in her.decisions]
    assert {entry.fact.fields["customer_id"] for entry in erased if entry.fact} == {done.erasure.subject}
    assert done.erasure.frames == tuple((e.position, hashlib.sha256(stored[e.position]).hexdigest()) for e in erased)
    assert re.fullmatch("[0-9a-f]{16}", done.erasure.id)


def test_proofs_of_her_decisions_still_verify(her: Her, tmp_path: Path) -> None:
    """One handed out before shows the record as ever; one made afterwards shows leaf and place, and no record."""
    project, decision = her.project, her.decisions[0]
    prove_decision(project, decision.request_id, tmp_path / "before")
    forget_subject(project, her.id, "asked")
    name = f"erased-{decision.position}"
    prove_decision(project, name, tmp_path / "after")
    vkey = vkey_path(project).read_text("ascii")
    before, after = (ledger.verify((tmp_path / file).read_bytes(), [vkey]) for file in ("before", "after"))
    assert before.ok
    assert before.payload is not None
    assert after.ok
    assert (after.payload, after.leaf) == (None, before.leaf)
    assert not any(each.encode() in (tmp_path / "after").read_bytes() for each in her.names)
    with pytest.raises(InputError, match="payments-"):
        prove_decision(project, decision.request_id, tmp_path / "never")


def test_decisions_that_read_her_facts_are_listed_and_only_they(bank: Path, payment: Payment) -> None:
    """A household card, and a terminal where what she paid weighs: named as readers. Another's changed row is not."""
    project = load_project(bank)
    with Desk(project) as desk:
        for number, who, card in ((1, "C900001", "K900001"), (2, "C900002", "K900001"), (3, "C900003", "K900003")):
            at = f"2025-09-0{number}T10:00:00Z"
            decide(desk, payment(number, customer_id=who, card_id=card, device_id=f"D{number}", paid_at=at))
    assert replay_decisions(project, "history").differing == 0
    done = forget_subject(project, "C900001", "asked")
    assert len(done.erasure.shared) == 1
    found = replay_decisions(project, "history")
    assert (found.decisions, found.erased, found.differing, found.differences) == (302, 1, 0, ())
    [reader] = found.readers
    assert reader.decision == "payments-90000002"
    assert {"payments_30d", "spend_7d"} <= set(reader.labels)
    assert "amount_now" not in reader.labels
    assert replay_decisions(project, "vector").readers == ()
    with read_journal(project) as journal:
        fact = next(e.fact for e in journal.read(kinds=("decision",)) if e.fact and e.record is not None)
    table = project.state / "lake" / "payments"
    near = pl.lit(fact.at - 60 * 86_400_000_000).cast(INSTANT)
    for path in table.glob("*.parquet"):
        frame = pl.read_parquet(path)
        own = (pl.col("card_id") == fact.fields["card_id"]) & (pl.col("paid_at") > near)
        frame.with_columns(
            pl.when(own).then(pl.col("amount") + 1).otherwise(pl.col("amount")).alias("amount")
        ).write_parquet(path)
    again = replay_decisions(project, "history")
    assert again.differing > 0
    assert again.readers == found.readers


def test_a_merchant_tells_of_the_facts_it_lost(bank: Path) -> None:
    """Her confirmed fraud counted at a merchant; erased, it counts no more: who was judged by it is listed."""
    project = load_project(bank)
    with read_journal(project) as journal:
        records = [e.record for e in journal.read(kinds=("decision",)) if isinstance(e.record, DecisionRecord)]
    record = next(record for record in records if record.vector["merchant_risk_90d"])
    facts = project.lake().facts("payments").filter(pl.col("fraud"))
    quarter = pl.lit(record.fact.at - 90 * 86_400_000_000).cast(INSTANT)
    there = facts.filter((pl.col("merchant_id") == record.fact.fields["merchant_id"]) & (pl.col("paid_at") > quarter))
    others = there.filter(pl.col("customer_id") != record.fact.fields["customer_id"])
    known = others.filter(pl.col("fraud_known_at").cast(INSTANT).to_physical() <= record.k)
    who = known["customer_id"][0]
    forget_subject(project, who, "asked")
    found = replay_decisions(project, "history")
    assert found.differing == 0
    readers = {reader.decision: reader.labels for reader in found.readers}
    assert "merchant_risk_90d" in readers[record.request_id]
    assert all(label.startswith(("terminal_", "merchant_")) for labels in readers.values() for label in labels)


def test_the_desk_goes_on_and_she_may_come_back(her: Her, payment: Payment) -> None:
    """What labels say of terminals is as the journal and the lake say it now; she is somebody new."""
    spread(her)
    first = forget_subject(her.project, her.id, "asked")
    with Desk(her.project) as desk:
        assert desk.started.position is None, "the kept state is lost with her"
        answer = decide(desk, payment(7, customer_id=her.id, card_id=her.card))
        entry = desk.recorded(answer.id)
    assert isinstance(entry.record, DecisionRecord)
    assert entry.record.vector["payments_30d"] in (None, 0)
    assert replay_decisions(her.project, "history").differing == 0
    second = forget_subject(her.project, her.id, "asked again")
    assert second.erasure.subject != first.erasure.subject
    assert second.erasure.counts == {"journal.decisions": 1, "keys": 1, "state.table": 1}
    with pytest.raises(InputError) as caught:
        forget_subject(her.project, her.id, "asked once more")
    assert caught.value.code == "forget.unknown"


def test_an_erased_frame_without_a_leaf_is_found(her: Her) -> None:
    """A key that was destroyed without a leaf, or frames that name a key of somebody forgotten: both are refused."""

    def checked() -> None:
        erased = ErasedFrames()
        with read_journal(her.project) as journal:
            for entry, frame in journal.stored():
                erased(entry, frame)
        erased.check()

    forget_subject(her.project, her.id, "asked")
    checked()
    with read_journal(her.project) as journal:
        other = next(entry for entry in journal.read(kinds=("decision",)) if entry.record is not None)
    engine = connect(her.project.state / "state.db")
    with open_keys(her.project) as keys:
        destroy(keys, engine, other.subject)
    engine.dispose()
    with pytest.raises(TamperError, match=f"frame {other.position} "):
        checked()


def rewritten(folder: Path, frames: list[bytes]) -> None:
    """A journal of some frames, with checksums made anew."""
    shutil.rmtree(folder)
    with AppendLog(folder) as log:
        log.append(frames)


def test_what_an_erased_frame_still_says_is_committed_to(her: Her) -> None:
    """Its clear header was changed after nobody could open it any more: the leaf of the erasure has its digest."""
    project, folder = her.project, her.project.state / "journal"
    forget_subject(project, her.id, "asked")
    assert check_ledger(project).holds
    with AppendLog(folder, write=False) as log:
        frames = [frame for _, frame in log.read()]
    at = her.decisions[-1].position
    frames[at] = frames[at].replace(b"grocery", b"gr0cery").replace(b"DE", b"FR")
    rewritten(folder, frames)
    with pytest.raises(TamperError, match=f"frame {at} was changed after it was erased") as caught:
        check_ledger(project)
    assert "擦除后被改动" in caught.value.text("zh")


def test_a_frame_that_is_not_what_its_leaf_says_is_not_erased(her: Her) -> None:
    """Sealed anew by somebody who had her key: it is named, and nothing of her is touched."""
    project, folder = her.project, her.project.state / "journal"
    with AppendLog(folder, write=False) as log:
        frames = [frame for _, frame in log.read()]
    at = her.decisions[0].position
    raw, _, sealed = OUTER.decode(frames[at])
    header = INNER.decode(raw)
    assert header.fact is not None
    fields = {**header.fact[-1], "terminal_id": "T000000"}
    changed = FRAME.encode(msgspec.structs.replace(header, fact=(*header.fact[:-1], fields)))
    with open_keys(project) as keys:
        frames[at] = FRAME.encode((changed, True, keys.seal(her.key, keys.open(sealed, raw), changed)))
    rewritten(folder, frames)
    with pytest.raises(TamperError, match=f"frame {at} is not what its leaf commits to"):
        forget_subject(project, her.id, "asked")
    assert {"keys.db", "lake"} <= set(found_in(project.state, her.names))


def test_an_id_that_is_not_declared_personal_is_told(bank: Path) -> None:
    """What cannot be erased is not passed over in silence."""
    sources = bank / "sources.toml"
    text = sources.read_text("utf-8").replace(
        'customer_id = { type = "text", required = true, grade = "L3" }',
        'customer_id = { type = "text", required = true }',
    )
    sources.write_text(text, "utf-8")
    her = Her(bank)
    assert plan_forgetting(her.project, her.id).exposed == ("payments.customer_id",)
    (her.project.state / "validation").mkdir()
    (her.project.state / "validation" / "note.json").write_text(f'{{"worst": "{her.card}"}}')
    done = forget_subject(her.project, her.id, "asked")
    assert done.left == (".tallystick/validation/note.json",)
    assert her.project.lake().of_subject(her.project.sources["payments"], her.id).is_empty()


def test_a_reason_must_not_name_her(her: Her) -> None:
    for reason in (f"{her.id} wrote to us", f"card {her.card} was lost"):
        with pytest.raises(InputError) as caught:
            forget_subject(her.project, her.id, reason)
        assert caught.value.code == "forget.reason"
    assert "lake" in found_in(her.project.state, her.names)


def test_who_is_meant_must_be_clear(her: Her, bank: Path) -> None:
    assert read_subject(her.project, her.id) == read_subject(her.project, her.key) == Subject("customer_id", her.id)
    sources = bank / "sources.toml"
    more = '\n[cards]\nfiles = "c.csv"\nformat = "csv"\nid = "card"\nat = "at"\nsubject = "card"\n[cards.fields]\n'
    sources.write_text(
        sources.read_text("utf-8") + more + 'card = { type = "text" }\nat = { type = "instant" }\n', "utf-8"
    )
    project = load_project(bank)
    with pytest.raises(UsageError, match="card, customer_id"):
        read_subject(project, her.id)
    assert read_subject(project, "card=7").key == "card=7"
    for given in ("", "card=", "nobody=7"):
        with pytest.raises(UsageError):
            read_subject(project, given)
