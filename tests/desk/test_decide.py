"""The spine: an event in, one durable answer out; a refusal writes nothing."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tallystick.core import ConflictError, InputError, StateError, TallystickError, format_instant
from tallystick.desk import Desk, Incoming, decide, decide_all, load_project
from tallystick.desk.journal import DecisionRecord, Entry

Payment = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def desk(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One open desk with one answered payment; the tests that share it must leave its journal as it was."""
    folder = tmp_path_factory.mktemp("desk") / "bank"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("sources"))
    with Desk(load_project(folder)) as found:
        yield found


def journal_bytes(desk: Desk) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (desk.project.state / "journal").iterdir()}


def decided(desk: Desk) -> list[Entry]:
    return list(desk.journal.read(kinds=("decision",)))


def test_an_answer_is_in_the_journal_before_it_is_given(desk: Desk, payment: Payment) -> None:
    """The frame at the answer's position holds the event, the vector, the result and a leaf, and names its versions."""
    answer = decide(desk, payment(1))
    entry = next(desk.journal.read(start=answer.position))
    assert isinstance(entry.record, DecisionRecord)
    assert entry.request_id == answer.id == "payments-90000001"
    assert entry.record.fact.fields["amount"] == 1250
    assert entry.record.vector["amount_now"] == 1250
    assert entry.record.result["outcome"] == answer.outcome
    assert answer.outcome in ("approve", "step-up", "decline")
    assert answer.matched
    assert entry.record.k == entry.record.decided_at == entry.record.fact.known_at
    assert set(answer.versions) == {"model", "decision", "labels", "reasons", "setting"}
    assert entry.record.lake == desk.opening.lake
    assert entry.leaf is not None


def test_a_repeated_request_gets_the_same_answer(desk: Desk, payment: Payment) -> None:
    """The same body in another spelling (12.5, a local time, another key order) is the same request."""
    first = decide(desk, payment(2))
    before = journal_bytes(desk)
    again = decide(desk, payment(2))
    spelled = payment(2, amount="12.5", paid_at="2025-09-02T12:00:00+02:00")
    other = decide(desk, dict(reversed(spelled.items())))
    assert again == other
    assert again.repeated
    assert not first.repeated
    assert (again.id, again.position, again.outcome, again.score, again.reasons) == (
        first.id,
        first.position,
        first.outcome,
        first.score,
        first.reasons,
    )
    assert journal_bytes(desk) == before


def test_another_body_under_an_answered_request_is_refused(desk: Desk, payment: Payment) -> None:
    """The first answer stands, by the event's own id as well as by a request id."""
    decide(desk, payment(3))
    decide(desk, payment(4, request_id="till-7"))
    before, last = journal_bytes(desk), desk.sequencer.last
    for body in (payment(3, amount="13.00"), payment(5, request_id="till-7")):
        with pytest.raises(ConflictError, match="answered before with another body"):
            decide(desk, body)
    assert journal_bytes(desk) == before
    assert desk.sequencer.last == last


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "late: three months old, thirty days allowed": ({"paid_at": "2025-05-20T10:00:00Z"}, "late"),
    "a null key": ({"card_id": None}, "card_id: .*required"),
    "a key left out": ({"card_id": ...}, "card_id: .*required"),
    "a field left out": ({"amount": ...}, "amount: .*required"),
    "no time": ({"paid_at": ...}, "paid_at: .*required"),
    "an amount that is none": ({"amount": "a lot"}, "amount: .*'a lot'.*12.50"),
    "a finer amount than cents": ({"amount": "1.005"}, "amount: .*1.005"),
    "a flag for an amount": ({"amount": True}, "amount: .*True"),
    "an amount below the least": ({"amount": "0.00"}, "amount: .*0.01"),
    "a value that is not allowed": ({"channel": "fax"}, "channel: .*fax.*pos, online"),
    "a field that nobody declared": ({"amout": "1"}, "amout: .*amount"),
    "no stream": ({"stream": ...}, "stream.*payments"),
    "an unknown stream": ({"stream": "paymnts"}, "'paymnts'.*payments"),
    "a stream that is no name": ({"stream": ["payments"]}, "stream.*payments"),
    "an event that history knows": ({"payment_id": 1}, "event 1 .*already recorded"),
    "a request id that is no text": ({"request_id": 7}, "request_id 7"),
    "an empty request id": ({"request_id": ""}, "request_id ''"),
    "a request id without end": ({"request_id": "x" * 201}, "request_id 'xxx.*1 to 200"),
    "a request id of half a character": ({"request_id": "\ud800"}, "request_id"),
    "a key of half a character": ({"card_id": "\ud800"}, "no canonical form"),
    "a number beyond 64 bits": ({"payment_id": 10**30}, "payment_id: .*64-bit"),
    "an amount beyond 64 bits": ({"amount": "1e400"}, "amount: .*64-bit"),
    "an amount that is no number": ({"amount": "NaN"}, "amount: .*NaN"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_faulty_event_is_refused_whole(desk: Desk, payment: Payment, case: str) -> None:
    """One clear error in both languages, no byte of the journal changed, and the next event is answered as ever."""
    changes, match = REFUSED[case]
    before, last = journal_bytes(desk), desk.sequencer.last
    with pytest.raises(InputError) as caught:
        decide(desk, payment(50, **changes))
    assert re.search(match, caught.value.text("en"))
    assert caught.value.text("zh") != caught.value.text("en")
    assert "\n" not in caught.value.text("en")
    assert journal_bytes(desk) == before
    assert desk.sequencer.last == last
    assert desk.commit() == ()


def test_all_faults_of_an_event_are_shown_together(desk: Desk, payment: Payment) -> None:
    """Two faults, two lines."""
    with pytest.raises(InputError) as caught:
        decide(desk, payment(50, amount="a lot", channel="fax"))
    assert [line.partition(":")[0] for line in caught.value.text("en").splitlines()] == ["amount", "channel"]


def test_a_null_request_id_is_none_at_all(desk: Desk, payment: Payment) -> None:
    """Two payments with `"request_id": null` are two requests, each named by its event."""
    answers = [decide(desk, payment(number, request_id=None)) for number in (60, 61)]
    assert [answer.id for answer in answers] == ["payments-90000060", "payments-90000061"]


def test_repeats_within_one_group_are_answered_once(desk: Desk, payment: Payment) -> None:
    """Three requests of which two are the same: two frames, three answers, the repeat marked."""
    count = len(decided(desk))
    events = [desk.receive(payment(number)) for number in (70, 71, 70)]
    answers = list(decide_all(desk, events, group=10))
    assert len(decided(desk)) == count + 2
    assert [answer.repeated for answer in answers] == [False, False, True]
    assert answers[0].position == answers[2].position != answers[1].position
    assert answers[0].outcome == answers[2].outcome


def test_a_conflict_within_one_group_is_refused(desk: Desk, payment: Payment) -> None:
    """The first of two bodies under one request id stays, although neither was durable when the second came."""
    events = [desk.receive(payment(80, request_id="twice")), desk.receive(payment(81, request_id="twice"))]
    with pytest.raises(ConflictError):
        list(decide_all(desk, events, group=10))
    assert decide(desk, payment(80, request_id="twice")).repeated


def test_an_answer_waits_for_its_group(desk: Desk, payment: Payment) -> None:
    """Of a group of two nothing is answered after one event; after the second, both frames are there."""
    count = len(decided(desk))
    seen: list[int] = []

    def events() -> Iterator[Incoming]:
        for number in (90, 91):
            seen.append(len(decided(desk)))
            yield desk.receive(payment(number))

    answers = decide_all(desk, events(), group=2)
    assert next(answers).id == "payments-90000090"
    assert seen == [count, count]
    assert len(decided(desk)) == count + 2


def test_events_of_one_instant_are_known_one_after_the_other(desk: Desk, payment: Payment) -> None:
    """Knowledge times rise strictly through the whole journal, whatever the events' own times are."""
    for number, paid_at in (
        (100, "2025-09-02T10:00:00Z"),
        (101, "2025-09-02T10:00:00Z"),
        (102, "2025-09-01T09:00:00Z"),
    ):
        decide(desk, payment(number, paid_at=paid_at))
    known = [entry.fact.known_at for entry in desk.journal.read() if entry.fact is not None]
    assert all(earlier < later for earlier, later in pairwise(known))


def test_a_decision_sees_the_payments_before_it(desk: Desk, payment: Payment) -> None:
    """The third payment of a card within the hour counts three, and its usual amount comes from the first two."""
    card = {"card_id": "K900777", "customer_id": "C900777"}
    for number, amount in ((110, "10.00"), (111, "20.00"), (112, "90.00")):
        answer = decide(desk, payment(number, amount=amount, **card))
    record = next(desk.journal.read(start=answer.position)).record
    assert isinstance(record, DecisionRecord)
    assert record.vector["payments_1h"] == 3
    assert record.vector["amount_mean_30d"] == 1500.0


def test_a_fact_observed_without_a_question_asks_for_no_decision_later(desk: Desk, payment: Payment) -> None:
    """What was observed counts; the same event cannot be decided afterwards, and observing it twice is once."""
    event = desk.receive(payment(120))
    assert desk.observe(event)
    desk.commit()
    before = journal_bytes(desk)
    assert not desk.observe(event)
    with pytest.raises(InputError, match="already recorded as a fact"):
        decide(desk, payment(120))
    assert desk.commit() == ()
    assert journal_bytes(desk) == before


def test_a_desk_opened_again_answers_as_before(bank: Path, payment: Payment) -> None:
    """Closed and opened, the desk gives the recorded answer, and live labels still count what was decided."""
    project = load_project(bank)
    with Desk(project) as first:
        answer = decide(first, payment(1))
    with Desk(project) as second:
        assert decide(second, payment(1)).position == answer.position
        later = decide(second, payment(2, paid_at="2025-09-02T10:30:00Z"))
        record = next(second.journal.read(start=later.position)).record
        assert isinstance(record, DecisionRecord)
        assert record.vector["payments_1h"] == 2


def test_there_is_one_writer(desk: Desk) -> None:
    """A second desk on the same project is refused while the first is open."""
    with pytest.raises(StateError):
        Desk(desk.project)


def test_the_system_clock_refuses_the_future(bank: Path, payment: Payment) -> None:
    """In production an event of tomorrow cannot have happened; one of this moment can."""
    settings = bank / "tallystick.toml"
    settings.write_text(settings.read_text("utf-8").replace('clock = "events"', 'clock = "system"'), "utf-8")
    now = time.time_ns() // 1000
    with Desk(load_project(bank)) as found:
        before = journal_bytes(found)
        with pytest.raises(TallystickError, match="still to come"):
            decide(found, payment(1, paid_at=format_instant(now + 86_400_000_000, "UTC")))
        assert journal_bytes(found) == before
        assert decide(found, payment(2, paid_at=format_instant(now, "UTC"))).id == "payments-90000002"


def test_a_project_without_champions_opens_no_journal(trained: Path, tmp_path: Path) -> None:
    """The journal's first entry binds it to a version of the lake, so an untrained project must not write it."""
    folder = tmp_path / "bank"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("sources", "journal", "ledger", "registry"))
    with pytest.raises(StateError, match="no champion"):
        Desk(load_project(folder))
    assert not (folder / ".tallystick" / "journal").exists()
