"""The journal: what was decided is there again bit for bit, what was forgotten is gone, what was torn is cut."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.core import Fact, InputError, Missing, StateError, TamperError, canonical
from tallystick.desk.evidence import check_frames
from tallystick.desk.frames import WORDS
from tallystick.desk.index import find_decision, forget, index_entries, rebuild_index, update_index
from tallystick.desk.journal import DecisionRecord, Evidence, Journal, decision_payload, extend_ledger, hold_ledger
from tallystick.ledger import Log, Signer, generate_key, leaf, make_bundle, verify
from tallystick.store import AppendLog, Keys
from tallystick.store.sql import connect

_FACT = Fact("payments", "p1", 0, False, 10, 12, {"amount": 1250, "card": "4711", "terminal": "t9"})


def _record(number: int = 1, **changes: Any) -> DecisionRecord:
    record = DecisionRecord(
        request_id=f"r{number}",
        body_digest=hashlib.sha256(b"%d" % number).hexdigest(),
        fact=_FACT,
        k=12,
        flow="card_payment",
        versions={"labels": "ab" * 32, "model": "cd" * 32},
        lake={"payments": 3},
        vector={"spend_7d": 2**62 + 1, "night_share_30d": 0.1 + 0.2, "terminal_risk": None},
        missing={"terminal_risk": Missing.NEVER_SEEN},
        score={"points": 512, "pd": 0.04},
        result={"outcome": "decline", "matched": ["Action#3"]},
        reasons=["HIGH_SPEND"],
        decided_at=13,
    )
    return msgspec.structs.replace(record, **changes)


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[Keys]:
    with Keys(tmp_path / "keys.db") as opened:
        yield opened


@pytest.fixture
def journal(tmp_path: Path, keys: Keys) -> Iterator[Journal]:
    with Journal(tmp_path / "journal", keys) as opened:
        yield opened


_TEXT = st.text(max_size=8)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | _TEXT
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))]) | st.none())
    | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)


def _bits(value: Any) -> Any:
    """A value with its type and every bit of it, so that 1, 1.0 and True, or 1.5 and 1.50, differ."""
    if isinstance(value, float):
        return ("float", struct.pack(">d", value))
    if isinstance(value, dict):
        return {key: _bits(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_bits(item) for item in value]
    return (type(value).__name__, str(value))


@settings(max_examples=60, deadline=None)
@given(
    vector=st.dictionaries(_TEXT, _VALUES, max_size=5),
    fields=st.dictionaries(_TEXT, _VALUES, max_size=4),
    data=st.data(),
)
def test_every_value_comes_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, vector: dict[str, Any], fields: dict[str, Any], data: st.DataObject
) -> None:
    """Whatever a vector, result or event holds, in clear or sealed, is read back with the same type and bits."""
    folder = tmp_path_factory.mktemp("journal")
    personal = data.draw(st.frozensets(st.sampled_from(sorted(fields)))) if fields else frozenset()
    record = _record(vector=vector, result={"value": vector}, fact=msgspec.structs.replace(_FACT, fields=fields))
    with Keys(folder / "keys.db") as keys, Journal(folder / "journal", keys, fsync=False) as journal:
        journal.append_decision(record, "customer 7", personal)
        journal.append_fact(record.fact, "customer 7", personal)
        journal.append_evidence("load", vector)
        written = journal.flush()
        read = list(journal.read())
        assert [entry.leaf for entry in read] == [entry.leaf for entry in written]
        decided, observed, evidence, _ = (entry.record for entry in read)
        check_frames(journal)
        assert isinstance(decided, DecisionRecord)
        assert isinstance(observed, Fact)
        assert isinstance(evidence, Evidence)
        assert _bits(decided.vector) == _bits(evidence.payload) == _bits(vector)
        assert _bits(decided.result) == _bits({"value": vector})
        assert _bits(dict(decided.fact.fields)) == _bits(dict(observed.fields)) == _bits(fields)
        assert decision_payload(decided) == decision_payload(record)


def test_a_decision_is_read_back_as_it_was(journal: Journal) -> None:
    record = _record()
    assert journal.append_decision(record, "customer 7", {"card"}) == 0
    assert journal.position == 0
    (entry,) = journal.flush()
    assert journal.position == 1
    (read,) = journal.read()
    assert read == entry
    assert read.record == record
    assert (read.kind, read.request_id, read.subject, read.fact) == ("decision", "r1", "customer 7", record.fact)


def test_the_leaf_commits_to_the_whole_record(journal: Journal) -> None:
    """The leaf is canonical JSON of kind, position and the digest of salt and payload; so is the payload."""
    journal.append_decision(_record(), "customer 7", {"card"})
    journal.flush()
    (entry,) = journal.read()
    payload, salt = entry.payload(), entry.salt
    assert payload is not None
    assert salt is not None
    assert entry.leaf == leaf("decision", payload, salt, {"position": "0"})
    shown = json.loads(payload)
    assert shown["vector"] == {
        "spend_7d": str(2**62 + 1),
        "night_share_30d": 0.30000000000000004,
        "terminal_risk": None,
    }
    assert shown["fact"]["fields"]["card"] == "4711"
    assert set(shown) == set(DecisionRecord.__struct_fields__)


def test_forgetting_takes_the_person_and_leaves_the_rest(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """After forgetting, nothing personal can be read; leaf, position and what is not personal of the event stay."""
    # So long that no digest or cipher text holds it by chance.
    fact = msgspec.structs.replace(_FACT, fields={**_FACT.fields, "card": "card 4711 8822"})
    journal.append_decision(_record(1, request_id="request 1", fact=fact), "gone", {"card"})
    journal.append_fact(fact, "gone", {"card"})
    journal.append_decision(_record(2), "kept", {"card"})
    entries = journal.flush()
    keys.forget("gone")
    decided, observed, kept, _ = journal.read()
    assert (decided.record, observed.record, kept.record) == (None, None, entries[2].record)
    assert (decided.request_id, observed.request_id) == ("erased-0", "")
    with pytest.raises(TamperError, match="no leaf says that it was erased"):
        check_frames(journal)
    assert (decided.salt, decided.subject, decided.payload()) == (None, "", None)
    assert decided.leaf == entries[0].leaf
    assert decided.fact == observed.fact == msgspec.structs.replace(_FACT, fields={"amount": 1250, "terminal": "t9"})
    data = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())
    for secret in (b"4711 8822", b"gone", b"spend_7d", b"decline", b"request 1", entries[0].salt):
        assert secret is not None
        assert secret not in data


def test_what_is_not_personal_needs_no_subject(journal: Journal) -> None:
    """A fact without personal fields stands in clear; one with personal fields and no subject is refused whole."""
    journal.append_fact(_FACT)
    journal.append_decision(_record())
    with pytest.raises(InputError) as caught:
        journal.append_fact(_FACT, None, {"card", "elsewhere"})
    assert "card" in caught.value.text()
    journal.flush()
    assert [entry.record for entry in journal.read({"fact", "decision"})] == [_FACT, _record()]


def test_what_cannot_be_kept_exactly_is_refused_at_once(journal: Journal) -> None:
    """A value without an exact form is refused when it is offered; what was buffered before it is unharmed."""
    journal.append_evidence("load", {"rows": 1})
    for value in (object(), {1, 2}, {1: 2}, float("nan")):
        with pytest.raises(InputError, match="label: "):
            journal.append_decision(_record(vector={"label": value}))
    with pytest.raises(InputError):
        journal.append_fact(msgspec.structs.replace(_FACT, fields={1: 2}))
    assert len(journal.flush()) == 1


def test_a_batch_is_flushed_whole_or_dropped(journal: Journal) -> None:
    journal.append_evidence("load", {"rows": 1})

    def broken() -> None:
        with journal.batch():
            journal.append_evidence("load", {"rows": 2})
            raise KeyError

    with pytest.raises(KeyError):
        broken()
    with journal.batch() as same:
        same.append_evidence("load", {"rows": 3})
    assert journal.flush() == ()
    assert [entry.record for entry in journal.read()] == [Evidence("load", {"rows": 1}), Evidence("load", {"rows": 3})]


def test_reading_by_kind_and_place(journal: Journal) -> None:
    for number in range(6):
        journal.append_fact(_FACT) if number % 2 else journal.append_decision(_record(number))
    journal.flush()
    journal.append_evidence("approval", {"model": "m"})
    assert [entry.position for entry in journal.read({"fact"})] == [1, 3, 5]
    assert [entry.position for entry in journal.read(start=2, stop=4)] == [2, 3]
    assert [position for position, _ in journal.leaves()] == [0, 2, 4, 6]
    assert [position for position, _ in journal.leaves(3)] == [4, 6]


def test_facts_are_committed_to_by_evidence_of_their_batch(journal: Journal) -> None:
    """A batch with facts ends with one entry that names the first, how many, and their digest as they are stored."""
    journal.append_decision(_record(1))
    journal.append_fact(_FACT)
    journal.append_fact(_FACT, "customer 7", {"card"})
    (*_, last) = journal.flush()
    frames = [frame for entry, frame in journal.stored({"fact"})]
    digest = hashlib.sha256(b"".join(frames)).hexdigest()
    assert last.record == Evidence("facts", {"first": 1, "count": 2, "digest": f"sha256:{digest}"})
    journal.append_decision(_record(2))
    assert len(journal.flush()) == 1
    check_frames(journal)


def _forge(folder: Path, keys: Keys, change: Callable[[list[bytes]], list[bytes]]) -> Journal:
    """The journal with other frames, by someone who can write the log's format and its chain."""
    with AppendLog(folder / "journal", write=False) as log:
        frames = [frame for _, frame in log.read()]
    with AppendLog(folder / "forged") as log:
        log.append(change(frames))
    return Journal(folder / "forged", keys, write=False)


def _swap(frame: bytes, old: bytes, new: bytes) -> bytes:
    """The frame with other words of the same length."""
    assert len(old) == len(new)
    assert old in frame
    return frame.replace(old, new)


@pytest.mark.parametrize("position", range(4))
def test_a_frame_that_is_not_its_leafs_is_named(tmp_path: Path, journal: Journal, keys: Keys, position: int) -> None:
    """A decision's result or event, an observed fact, an evidence payload: whatever was rewritten is found."""
    journal.append_decision(_record())
    journal.append_decision(_record(2, fact=msgspec.structs.replace(_FACT, id="p2")))
    journal.append_fact(_FACT)
    journal.append_evidence("load", {"rows": "many"})
    journal.flush()
    words = ((b"decline", b"approve"), (b"p2", b"p3"), (b"t9", b"t8"), (b"many", b"none"))[position]

    def change(frames: list[bytes]) -> list[bytes]:
        frames[position] = _swap(frames[position], *words)
        return frames

    with _forge(tmp_path, keys, change) as forged, pytest.raises(TamperError, match=f"frame {position}"):
        check_frames(forged)


def test_a_fact_added_or_taken_away_is_found(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """Also at the end, where no evidence follows."""
    journal.append_fact(_FACT)
    journal.append_fact(_FACT)
    journal.flush()
    with _forge(tmp_path, keys, lambda frames: [*frames, frames[0]]) as forged:
        with pytest.raises(TamperError) as caught:
            check_frames(forged)
        assert caught.value.code == "journal.facts"


_PAYMENT = Fact(
    "payments", 77001, 0, False, 10, 12, {"nr": 77001, "amount": 5, "card": "K4711", "who": "C99", "t": "t9"}
)
_PERSONAL, _KEYS = {"nr", "card", "who", "phone"}, {"nr", "card", "t", "other"}


def test_a_forgotten_key_leaves_a_stand_in(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """Personal keys and a personal id come back as stand-ins, the same in all frames of the subject, text or number."""
    revised = msgspec.structs.replace(_PAYMENT, revision=1)
    journal.append_fact(_PAYMENT, "C99", _PERSONAL, _KEYS)
    journal.append_decision(_record(fact=revised), "C99", _PERSONAL, _KEYS)
    journal.append_fact(_PAYMENT, "C88", _PERSONAL, _KEYS)
    journal.flush()
    assert [entry.fact for entry in journal.read({"fact", "decision"})] == [_PAYMENT, revised, _PAYMENT]
    keys.forget("C99")
    first, second, other = (entry.fact for entry in journal.read({"fact", "decision"}))
    assert first is not None
    assert second == msgspec.structs.replace(first, revision=1)
    assert other == _PAYMENT
    assert set(first.fields) == {"nr", "amount", "card", "t"}
    assert first.id == first.fields["nr"]
    assert -(2**63) <= first.fields["nr"] < 0
    assert re.fullmatch("~[0-9a-f]{32}", first.fields["card"])
    with pytest.raises(TamperError, match="no leaf says that it was erased"):
        check_frames(journal)


def test_a_personal_key_that_is_null_stays_null(journal: Journal, keys: Keys) -> None:
    fact = Fact("payments", 1, 0, False, 10, 12, {"nr": 1, "card": None})
    journal.append_fact(fact, "C99", {"card"}, {"nr", "card"})
    journal.flush()
    keys.forget("C99")
    assert next(journal.read()).fact == fact


_PEOPLE = ("customer-two", "customer-one")


def test_nothing_of_a_forgotten_person_is_left_in_the_files(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """Ids, request ids and values are gone from segments, from the state table and from its write-ahead log."""
    engine = connect(tmp_path / "state.db")
    update_index(journal, engine)
    for number in range(600):
        fact = Fact(
            "payments", f"person-{number}", 0, False, 10, 12, {"nr": f"person-{number}", "who": _PEOPLE[number % 2]}
        )
        record = _record(fact=fact, request_id=f"payments-{_PEOPLE[number % 2]}-{number}")
        journal.append_decision(record, f"who={_PEOPLE[number % 2]}", {"nr", "who"}, {"nr"})
        journal.append_fact(fact, f"who={_PEOPLE[number % 2]}", {"nr", "who"}, {"nr"})
        if number % 50 == 0:
            index_entries(engine, journal.flush())
    index_entries(engine, journal.flush())
    assert forget(keys, engine, "who=customer-one")
    assert find_decision(engine, "payments-customer-one-1") is None
    gone = find_decision(engine, f"erased-{journal.position - 3}")
    assert gone is not None
    assert (gone.subject, gone.body_digest) == ("", "")
    assert find_decision(engine, "payments-customer-two-2") is not None
    files = [*(tmp_path / "journal").iterdir(), *tmp_path.glob("state.db*"), *tmp_path.glob("keys.db*")]
    data = b"".join(path.read_bytes() for path in files)
    assert b"payments-customer-two-2" in data
    for secret in (b"customer-one", b"person-101", b"person-599"):
        assert secret not in data
    assert not forget(keys, engine, "who=customer-one")
    engine.dispose()


def test_erased_names_cannot_be_taken(journal: Journal) -> None:
    with pytest.raises(InputError) as caught:
        journal.append_decision(_record(request_id="erased-7"))
    assert caught.value.code == "journal.request"


def test_another_process_reads_beside_the_writer(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    journal.append_fact(_FACT)
    journal.flush()
    with Journal(tmp_path / "journal", keys, write=False) as reader:
        assert [entry.record for entry in reader.read({"fact"})] == [_FACT]
    with pytest.raises(StateError, match="another process"):
        Journal(tmp_path / "journal", keys)


def test_a_frame_of_another_format_is_refused(tmp_path: Path, keys: Keys) -> None:
    """Bytes that the log took but no journal wrote are not guessed at."""
    header = msgspec.msgpack.encode(["decision", None, None])
    for number, frame in enumerate(
        (b"junk", msgspec.msgpack.encode([b"x", False, b""]), msgspec.msgpack.encode([header, False, b"x"]))
    ):
        with AppendLog(tmp_path / str(number)) as log:
            log.append([frame])
        with Journal(tmp_path / str(number), keys, write=False) as journal, pytest.raises(TamperError) as caught:
            list(journal.read())
        assert caught.value.code == "journal.frame"


def test_sealed_bytes_are_bound_to_their_frame(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """A sealed body moved under another header, by someone who can write the log's format, does not open."""
    journal.append_decision(_record(1), "c", {"card"})
    journal.append_decision(_record(2), "c", {"card"})
    journal.flush()
    journal.close()
    with AppendLog(tmp_path / "journal", write=False) as log:
        first, second = (msgspec.msgpack.decode(frame) for _, frame in log.read())
    with AppendLog(tmp_path / "forged") as log:
        log.append([msgspec.msgpack.encode([first[0], True, second[2]])])
    with Journal(tmp_path / "forged", keys, write=False) as forged, pytest.raises(TamperError):
        list(forged.read())


def test_a_torn_end_is_cut_and_reported(tmp_path: Path, keys: Keys) -> None:
    with Journal(tmp_path / "journal", keys) as journal:
        for rows in range(2):
            journal.append_evidence("load", {"rows": rows})
            journal.flush()
    (path,) = (tmp_path / "journal").glob("*.log")
    path.write_bytes(path.read_bytes()[:-9])
    with Journal(tmp_path / "journal", keys) as journal:
        assert journal.recovered is not None
        assert journal.position == 1
        assert [entry.record for entry in journal.read()] == [Evidence("load", {"rows": 0})]


def test_the_state_table_follows_and_is_made_again(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """Kept step by step, brought up to date, or made anew from the journal, the table of decisions is the same."""
    engines = [connect(tmp_path / f"{name}.db") for name in ("stepwise", "later", "anew")]
    for engine in engines:
        assert update_index(journal, engine) == 0
    for number in range(10):
        journal.append_evidence("load", {"rows": number})
        journal.append_decision(_record(number), f"customer {number % 3}", {"card"})
        journal.append_fact(_FACT)
        index_entries(engines[0], journal.flush())
        if number == 4:
            update_index(journal, engines[1])
    index_entries(engines[0], ())
    assert update_index(journal, engines[1]) == 20
    assert rebuild_index(journal, engines[2]) == 40
    for engine in engines:
        found = find_decision(engine, "r7")
        assert found is not None
        assert (found.position, found.leaf_index, found.subject) == (29, 22, "customer 1")
        assert found.body_digest == _record(7).body_digest
        assert find_decision(engine, "r10") is None
    assert forget(keys, engines[0], "customer 1")
    rebuild_index(journal, engines[1])
    for engine in engines[:2]:
        assert find_decision(engine, "r7") is None
        gone = find_decision(engine, "erased-29")
        assert gone is not None
        assert (gone.body_digest, gone.subject, gone.leaf_index) == ("", "", 22)
    for engine in engines:
        engine.dispose()


def test_the_state_table_takes_what_it_has_again_but_no_gap(tmp_path: Path, journal: Journal) -> None:
    """Another process may have entered some entries since; entries beyond a gap are refused."""
    engine = connect(tmp_path / "state.db")
    update_index(journal, engine)
    for number in range(4):
        journal.append_decision(_record(number))
    entries = journal.flush()
    index_entries(engine, entries[:2])
    with pytest.raises(StateError) as caught:
        index_entries(engine, entries[3:])
    assert caught.value.code == "journal.index"
    index_entries(engine, entries[:3])
    index_entries(engine, entries[:1])
    index_entries(engine, entries[1:])
    found = find_decision(engine, "r3")
    assert found is not None
    assert (found.position, found.leaf_index) == (3, 3)
    assert update_index(journal, engine) == 0
    engine.dispose()


@pytest.mark.parametrize("lost", ["cut off", "zeroed"])
def test_acknowledged_frames_that_are_lost_are_reported(tmp_path: Path, keys: Keys, lost: str) -> None:
    """Whole batches gone from the end look like a sound log; the state table saw them. Deleting it accepts the loss."""
    engine = connect(tmp_path / "state.db")
    with Journal(tmp_path / "journal", keys) as journal:
        update_index(journal, engine)
        for number in range(4):
            if number == 2:
                (path,) = (tmp_path / "journal").glob("*.log")
                kept = path.stat().st_size
            journal.append_decision(_record(number))
            index_entries(engine, journal.flush())
    data = path.read_bytes()
    path.write_bytes(data[:kept] + (bytes(len(data) - kept) if lost == "zeroed" else b""))
    for _ in range(2):
        with Journal(tmp_path / "journal", keys) as journal, pytest.raises(TamperError) as caught:
            update_index(journal, engine)
        assert caught.value.code == "journal.lost"
        assert "ends at frame 2" in caught.value.text()
    engine.dispose()
    (tmp_path / "state.db").unlink()
    with Journal(tmp_path / "journal", keys) as journal:
        assert update_index(journal, connect(tmp_path / "state.db")) == 2


def test_the_first_answer_to_a_request_stands(tmp_path: Path, journal: Journal) -> None:
    engine = connect(tmp_path / "state.db")
    update_index(journal, engine)
    journal.append_decision(_record(1))
    journal.append_decision(_record(1, flow="other"))
    index_entries(engine, journal.flush())
    found = find_decision(engine, "r1")
    assert found is not None
    assert found.position == 0
    engine.dispose()


def test_from_the_journal_to_a_proof_in_a_strangers_hand(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """The ledger is made of the journal's leaves; a proof shows its decision until that is forgotten, then not."""
    signer = Signer(generate_key("bank.example/log")[0])
    journal.append_evidence("definition", {"label": "spend_7d"})
    journal.append_fact(_FACT)
    journal.append_decision(_record(), "customer 7", {"card"})
    journal.flush()
    log = Log(tmp_path / "ledger", "bank.example/log", signer)
    assert (extend_ledger(journal, log), extend_ledger(journal, log)) == (3, 0)
    hold_ledger(journal, log)
    checkpoint, proof = log.checkpoint(), log.prove(1)
    (entry,) = journal.read({"decision"})
    assert entry.leaf is not None
    verdict = verify(make_bundle(entry.leaf, proof, checkpoint, entry.payload(), entry.salt), [signer.verifier.vkey])
    assert verdict.ok
    assert verdict.payload == decision_payload(_record())
    keys.forget("customer 7")
    (entry,) = journal.read({"decision"})
    assert entry.leaf is not None
    verdict = verify(make_bundle(entry.leaf, proof, checkpoint, entry.payload(), entry.salt), [signer.verifier.vkey])
    assert verdict.ok
    assert verdict.payload is None


def test_a_journal_that_lost_signed_frames_is_found(tmp_path: Path, journal: Journal, keys: Keys) -> None:
    """The log alone cannot know that whole batches were cut off its end; the ledger's signed tree does."""
    log = Log(tmp_path / "ledger", "bank.example/log", Signer(generate_key("bank.example/log")[0]))
    for rows in range(3):
        journal.append_evidence("load", {"rows": rows})
    journal.flush()
    extend_ledger(journal, log)
    with Journal(tmp_path / "shorter", keys) as shorter:
        with pytest.raises(TamperError) as caught:
            extend_ledger(shorter, log)
        assert caught.value.code == "journal.short"
        with pytest.raises(TamperError):
            hold_ledger(shorter, log)
        shorter.append_evidence("load", {"rows": 9})
        shorter.flush()
        for use in (extend_ledger, hold_ledger):
            with pytest.raises(TamperError):
                use(shorter, log)
    journal.append_evidence("load", {"rows": 4})
    journal.flush()
    hold_ledger(journal, log)
    assert log.size == 3


def _write_until_killed(folder: Path, acknowledge: int) -> NoReturn:
    journal = Journal(folder / "journal", Keys(folder / "keys.db"), segment_bytes=20_000)
    while True:
        for number in range(journal.position, journal.position + 1 + journal.position % 5):
            fact = Fact("payments", number, 0, False, number, number, {"card": f"card {number}"})
            journal.append_fact(fact, f"customer {number % 50}", {"card"})
        journal.flush()
        os.write(acknowledge, b"%d\n" % journal.position)


@pytest.mark.soak
def test_kill_nine_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    """A writer killed at random moments: every acknowledged frame is there and opens, so its key was durable first."""
    chance, acknowledged, checked = random.Random(3), 0, 0
    for _ in range(200 if os.environ.get("TALLYSTICK_SOAK") else 5):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                _write_until_killed(tmp_path, writing)
            finally:
                os._exit(1)
        os.close(writing)
        with open(reading, "rb") as pipe:
            first = pipe.readline()
            time.sleep(chance.random() * 0.1)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            acknowledged = max(acknowledged, *(int(line) for line in [first, *pipe] if line.endswith(b"\n")))
        with Keys(tmp_path / "keys.db") as keys, Journal(tmp_path / "journal", keys) as journal:
            assert journal.position >= acknowledged
            check_frames(journal)
            for entry in journal.read({"fact"}, checked):
                assert entry.record is not None
                assert entry.fact is not None
                assert (entry.fact.id, entry.fact.fields) == (entry.position, {"card": f"card {entry.position}"})
            checked = acknowledged = journal.position
    assert acknowledged > 2


def test_values_of_the_canonical_form() -> None:
    """Dates, instants and bytes of a record are shown as text; whole numbers too, since JSON cannot hold them all."""
    record = _record(
        result={"on": date(2026, 3, 1), "when": datetime(2026, 3, 1, tzinfo=UTC), "rate": Decimal("1.50"), "raw": b"\1"}
    )
    shown = json.loads(decision_payload(record))["result"]
    assert shown == {"on": "2026-03-01", "when": "2026-03-01T00:00:00+00:00", "rate": "1.5", "raw": "01"}
    assert decision_payload(record) == canonical(json.loads(decision_payload(record)))


def test_every_message_speaks_both_languages() -> None:
    assert len(WORDS.codes()) >= 4


def test_a_failed_flush_ends_the_journal(journal: Journal, keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file that cannot be written: nothing of the batch is acknowledged, and nothing more is taken."""
    journal.append_fact(_PAYMENT, "new", {"card"})
    monkeypatch.setattr(keys, "ensure", _full)
    with pytest.raises(StateError, match="takes no more"):
        journal.flush()
    monkeypatch.undo()
    for more in (journal.flush, lambda: journal.append_evidence("load", {}), journal.take):
        with pytest.raises(StateError, match="takes no more"):
            more()
    assert list(journal.read()) == []


def _full(subjects: object) -> None:
    raise sqlite3.OperationalError("database or disk is full")
