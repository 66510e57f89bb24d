"""Events of a feed: taken once, in order, durable before they are acknowledged, whatever ends the process."""

from __future__ import annotations

import asyncio
import json
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterable, Mapping
from pathlib import Path
from typing import Any

import nats
import pytest
from tests.services import Server

from tallystick import data
from tallystick.core import InputError, StateError, format_instant
from tallystick.data.words import WORDS
from tallystick.desk import Consumed, Desk, consume, cursor_path, livestate, load_project, quarantine_path

SETTINGS = """
[project]
name = "Shop"
currency = "EUR"
time_zone = "Europe/Berlin"
language = "en"
clock = "events"
"""
SOURCES = """
[payments]
files = "payments.csv"
format = "csv"
id = "id"
at = "at"
revision = "revision"
retract = "retracted"
lateness = "1d"

[payments.fields]
id = { type = "text", required = true }
at = { type = "instant", required = true }
card = { type = "text", required = true }
amount = { type = "money(EUR)" }
revision = { type = "integer", default = 0 }
retracted = { type = "flag", default = false }
"""
LABELS = """
from tallystick.labels import Entity, Events, money

card = Entity("card")
payments = Events("payments", id="id", at="at", keys={card: "card"}, lateness="1d", fields={"amount": money("EUR")})
spend = payments.per(card).sum("amount").over("lifetime")
spend_1d = payments.per(card).sum("amount").over("1d")
count_7d = payments.per(card).count().over("7d")
amount_max = payments.per(card).max("amount").over("30d")
amount_last = payments.per(card).last("amount").over("lifetime")
"""
MODELS = """
[large]
points = "payments"
target = "payments.retracted"
labels = ["spend_1d", "count_7d"]

[large.split]
kind = "time"
cut = "2025-06-15"
"""
HOUR = 3_600_000_000
START = 1_750_000_000_000_000
CARDS = [f"c{number}" for number in range(12)]

# A reader that dies by SIGKILL at the n-th call of one of its steps, before, in the middle of or after it.
DYING = """
import os, signal, sys
from pathlib import Path
from tallystick import data, desk
from tallystick.desk import consume as _, house
consume_module = sys.modules["tallystick.desk.consume"]
consume_module.BATCH, consume_module.WAIT_MS = 40, 250
project, url, subject, step, count = sys.argv[1:]
calls = [0]
def dying(owner, name, half=None):
    whole = getattr(owner, name)
    def call(self, *arguments):
        calls[0] += 1
        if calls[0] == int(count):
            if half:
                half(whole, self, *arguments)
            os.kill(os.getpid(), signal.SIGKILL)
        return whole(self, *arguments)
    setattr(owner, name, call)
if step == "observe":
    dying(house.Desk, "observe")
elif step == "commit":
    dying(house.Desk, "commit")
elif step == "durable":
    dying(data.NatsFeed, "done")
elif step == "half":
    dying(data.NatsFeed, "done", lambda whole, feed, deliveries: whole(feed, deliveries[::2]))
elif step == "done":
    dying(data.NatsFeed, "done", lambda whole, *arguments: whole(*arguments))
feed = data.NatsFeed(url, subject, "killed")
with desk.Desk(desk.load_project(Path(project))) as opened:
    desk.consume(opened, feed, idle_s=0.5)
feed.close()
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project that observes payments and decides nothing."""
    folder = tmp_path / "shop"
    (folder / "decisions").mkdir(parents=True)
    texts = {"tallystick.toml": SETTINGS, "sources.toml": SOURCES, "labels.py": LABELS, "models.toml": MODELS}
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    (folder / "flows.toml").touch()
    shutil.copyfile(Path(__file__).parents[1] / "compliance" / "reasons.toml", folder / "reasons.toml")
    (folder / "payments.csv").write_text("id,at,card,amount,revision,retracted\n", "utf-8")
    project = load_project(folder)
    project.lake().load(project.sources["payments"], folder)
    return folder


def payment(number: int, card: str, hours: int, amount: str | None, **more: Any) -> dict[str, Any]:
    at = format_instant(START + hours * HOUR, "UTC")
    return {"stream": "payments", "id": f"p{number}", "at": at, "card": card, "amount": amount, **more}


def log(seed: int, size: int) -> list[bytes]:
    """Payments with corrections, retractions, repetitions and, now and then, what nobody can take."""
    chance = random.Random(seed)
    events: list[dict[str, Any]] = []
    lines: list[bytes] = []
    revisions: dict[str, int] = {}
    for number in range(size):
        kind = chance.random()
        event = payment(number, chance.choice(CARDS), number // 3, f"{chance.randint(1, 99999) / 100:.2f}")
        if events and kind < 0.15:
            event = chance.choice(events)
            revisions[event["id"]] = revision = revisions.get(event["id"], 0) + 1
            event = {**event, "amount": "1.00", "revision": revision, "retracted": kind < 0.05}
        elif events and kind < 0.25:
            event = chance.choice(events)
        elif kind < 0.35:
            lines.append(chance.choice(BAD)[0])
            continue
        else:
            events.append(event)
        lines.append(json.dumps(event).encode())
    return lines


BAD: list[tuple[bytes, str]] = [
    (b"{", "feed.json"),
    (b"\xff\xfe", "feed.json"),
    (b"[1]", "feed.json"),
    (b'{"amount": NaN}', "feed.json"),
    (json.dumps(payment(900, CARDS[0], 0, "1.00") | {"card": None}).encode(), "field.null"),
    (json.dumps(payment(901, CARDS[0], 0, "twelve")).encode(), "field.value"),
    (json.dumps(payment(902, CARDS[0], 0, "1.00") | {"at": "2999-01-01T00:00:00Z"}).encode(), "event.future"),
    (json.dumps(payment(903, CARDS[0], 0, "1.00") | {"stream": "loans"}).encode(), "event.stream"),
    (json.dumps(payment(904, CARDS[0], 0, "1.00") | {"colour": "red"}).encode(), "event.key"),
    (json.dumps(payment(905, CARDS[0], 0, "1.00") | {"id": ""}).encode(), "event.key_empty"),
    (json.dumps(payment(906, CARDS[0], 0, "1.00") | {"card": ""}).encode(), "event.key_empty"),
    (json.dumps(payment(907, CARDS[0], 0, "1.00") | {"card": "", "revision": 1}).encode(), "event.key_empty"),
    (json.dumps(payment(908, CARDS[0], 0, "1.00")).encode()[:-1] + b', "amount": "2.00"}', "feed.twice"),
]


def outcome(folder: Path) -> tuple[list[Any], dict[str, Any], list[Any]]:
    """The facts of the journal, the labels of every card, and the quarantine."""
    project = load_project(folder)
    with Desk(project) as desk:
        facts = [entry.fact for entry in desk.journal.read(kinds=("fact", "decision"))]
        values = {card: desk.live.now({"card": card}, START + 10_000 * HOUR) for card in CARDS}
    return facts, values, data.read_quarantine(quarantine_path(project))


def in_nats(server: Server, work: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
    """Run something with the JetStream of a server."""

    async def run() -> Any:
        connection = await nats.connect(f"nats://127.0.0.1:{server.port}")
        try:
            return await work(connection.jetstream())
        finally:
            await connection.close()

    return asyncio.run(run())


def publish(server: Server, name: str, lines: Iterable[bytes]) -> str:
    """Make a JetStream stream with some messages; gives their subject."""
    subject = f"{name}.payments"

    async def work(jetstream: Any) -> None:
        await jetstream.add_stream(name=name, subjects=[f"{name}.>"])
        for line in lines:
            await jetstream.publish(subject, line)

    in_nats(server, work)
    return subject


def state_of(server: Server, name: str, durable: str) -> Any:
    return in_nats(server, lambda jetstream: jetstream.consumer_info(name, durable))


def url(server: Server) -> str:
    return f"nats://127.0.0.1:{server.port}"


def copy(folder: Path, name: str) -> Path:
    made = folder.with_name(name)
    shutil.copytree(folder, made)
    return made


def take(folder: Path, feed: data.Feed, **options: Any) -> Consumed:
    """Consume until the feed says nothing more."""
    with Desk(load_project(folder)) as desk:
        return consume(desk, feed, **{"idle_s": 0.0, **options})


def test_killed_at_any_point_it_ends_as_if_never_killed(shop: Path, nats_server: Server) -> None:
    """SIGKILL in observing, before the commit, before, amid and after the acknowledgement: the same facts in the same
    order, known at the same instants, the same labels, the same quarantine; nothing acknowledged is lost."""
    chance = random.Random(20_261_123)
    lines = log(11, 500)
    subject = publish(nats_server, "killed", lines)
    whole = copy(shop, "whole")
    feed = data.NatsFeed(url(nats_server), subject, "whole")
    taken = take(whole, feed)
    feed.close()
    assert taken.received == len(lines)
    assert taken.quarantined > 20
    assert taken.repeated > 20

    steps = ["observe", "half", "durable", "commit", "done"]
    for step in steps:
        count = chance.randint(5, 60) if step == "observe" else chance.randint(1, 2)
        arguments = [str(shop), url(nats_server), subject, step, str(count)]
        ended = subprocess.run(
            [sys.executable, "-c", DYING, *arguments], capture_output=True, text=True, check=False, timeout=300
        )
        assert ended.returncode == -signal.SIGKILL, ended.stderr
    before = state_of(nats_server, "killed", "killed")
    assert 0 < before.ack_floor.stream_seq < len(lines)
    command = [sys.executable, "-c", "from tallystick.cli import main; main()", "-p", str(shop), "consume"]
    options = ["--nats", url(nats_server), "--subject", subject, "--durable", "killed", "--idle", "1"]
    last = subprocess.run([*command, *options], capture_output=True, text=True, check=False, timeout=300)
    assert last.returncode == 0, last.stderr
    after = state_of(nats_server, "killed", "killed")
    assert (after.num_ack_pending, after.num_pending) == (0, 0)
    assert outcome(shop) == outcome(whole)


def test_what_cannot_be_taken_is_put_aside_with_its_reason_and_acknowledged(shop: Path, nats_server: Server) -> None:
    """Each fault with its code, its place and the bytes that came; the good event among them is taken."""
    good = json.dumps(
        {key: value for key, value in payment(1, CARDS[0], 1, "12.50").items() if key != "stream"}
    ).encode()
    lines = [*(line for line, _ in BAD), good]
    subject = publish(nats_server, "faulty", lines)
    feed = data.NatsFeed(url(nats_server), subject)
    taken = take(shop, feed)
    feed.close()
    assert (taken.received, taken.quarantined, taken.observed) == (len(lines), len(BAD), 1)
    facts, values, aside = outcome(shop)
    assert [fact.fields["amount"] for fact in facts] == [1250]
    assert values[CARDS[0]]["spend"] == 1250
    assert [(entry["stream"], entry["position"], entry["code"]) for entry in aside] == [
        (subject, place, code) for place, (_, code) in enumerate(BAD, 1)
    ]
    assert aside[0]["raw"] == "{"
    assert "raw_base64" in aside[1]
    assert state_of(nats_server, "faulty", "tallystick").num_ack_pending == 0


def test_what_was_not_acknowledged_comes_again_first_and_in_order(nats_server: Server) -> None:
    """Five of ten are received, 1 and 3 acknowledged; the next reader gets 2 to 5, marked, before 6 to 10."""
    subject = publish(nats_server, "again", [b'{"number": %d}' % number for number in range(1, 11)])
    first = data.NatsFeed(url(nats_server), subject)
    received = first.receive(5, 1000)
    first.done(received[:1] + received[2:3])
    first.close()
    second = data.NatsFeed(url(nats_server), subject)
    again = second.receive(100, 1000)
    second.done(again)
    assert second.receive(100, 100) == []
    second.close()
    # The floor is the last position below which all is acknowledged: 3 comes again too.
    assert [(one.position, one.redelivered) for one in again] == [(n, n <= 5) for n in range(2, 11)]
    assert [one.body for one in again] == [{"number": number} for number in range(2, 11)]


def test_a_server_that_comes_back_is_read_on(shop: Path, tmp_path: Path) -> None:
    """The server is killed between two batches and started again: the reader goes on by itself."""
    folder = tmp_path / "server"
    folder.mkdir()
    server = Server("nats-server", folder)
    server.start()
    try:
        lines = [json.dumps(payment(n, CARDS[n % 12], n, "1.00")).encode() for n in range(30)]
        subject = publish(server, "restart", lines)
        feed = data.NatsFeed(url(server), subject)
        assert take(shop, feed, limit=10).observed == 10
        server.stop()
        server.start()
        # What the dead server had not yet noted as acknowledged comes again, and counts once.
        assert take(shop, feed, limit=None, idle_s=10).received >= 20
        feed.close()
        facts, _, _ = outcome(shop)
        assert [fact.id for fact in facts] == [f"p{number}" for number in range(30)]
    finally:
        server.stop()


def test_no_server_and_no_stream_are_said(nats_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which server, which subject."""
    monkeypatch.setattr("tallystick.data.nats.CONNECT_S", 0.5)
    with pytest.raises(InputError, match=r"no JetStream stream .* holds the subject 'nowhere'"):
        data.NatsFeed(url(nats_server), "nowhere")
    with pytest.raises(StateError, match=r"127\.0\.0\.1:1 does not answer as it should: .*111"):
        data.NatsFeed("nats://127.0.0.1:1", "nowhere")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole fix: what to install."""
    for module, extra, make in (("nats", "nats", data.NatsFeed), ("aiokafka", "kafka", data.KafkaFeed)):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(data.InstallHint, match=re.escape(f"pip install 'tallystick[{extra}]'")):
            make("127.0.0.1:1", "payments")


def test_a_stream_with_a_flow_is_decided_and_answered_once(
    bank: Path, payment: Callable[..., Mapping[str, Any]], tmp_path: Path
) -> None:
    """New payments are decided; the same again changes nothing; another body under the same id is put aside."""
    bodies = [payment(number, amount=f"{number}.00") for number in range(1, 5)]
    file = tmp_path / "payments.ndjson"
    file.write_text("".join(json.dumps(body) + "\n" for body in [*bodies, bodies[0], {**bodies[1], "amount": "9.99"}]))
    project = load_project(bank)
    cursor = cursor_path(project, "tallystick")
    taken = take(bank, data.FileFeed(file, cursor))
    assert (sum(taken.outcomes.values()), taken.repeated, taken.quarantined, taken.observed) == (4, 1, 1, 0)
    with file.open("a") as more:
        more.write(json.dumps(payment(5)) + "\n" + json.dumps(payment(6)))
    taken = take(bank, data.FileFeed(file, cursor))
    assert (taken.received, sum(taken.outcomes.values())) == (1, 1)
    cursor.unlink()
    taken = take(bank, data.FileFeed(file, cursor))
    assert (taken.received, taken.repeated, taken.quarantined, sum(taken.outcomes.values())) == (7, 6, 1, 0)
    aside = data.read_quarantine(quarantine_path(project))
    assert [(entry["position"], entry["code"]) for entry in aside] == [(6, "request.conflict")]


def test_settled_facts_are_folded_as_events_come(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred days of payments: labels as without folding, and never more events held than the last days bring."""
    monkeypatch.setattr(livestate, "FEW", 50)
    monkeypatch.setattr(sys.modules["tallystick.desk.consume"], "BATCH", 50)
    chance, file = random.Random(3), tmp_path / "payments.ndjson"
    events = [payment(i, chance.choice(CARDS), 2 * i, f"{chance.randint(1, 9999) / 100:.2f}") for i in range(1_200)]
    late = [payment(3, CARDS[0], 6, "1.00", revision=1), events[3], payment(1_199, CARDS[0], 2_398, "1.00", revision=1)]
    file.write_text("".join(json.dumps(event) + "\n" for event in [*events, *late]))
    small = copy(shop, "small")
    settings = small / "tallystick.toml"
    settings.write_text(settings.read_text("utf-8") + '[state]\nsettled = "5d"\n', "utf-8")
    held: list[int] = []
    with Desk(load_project(small)) as desk:
        folded = consume(
            desk, data.FileFeed(file, small / "cursor"), idle_s=0, progress=lambda *_: held.append(desk.live.held)
        )
    # 36 days of 12 payments, twice that before it is worth while again, and a batch.
    assert max(held) <= 2 * 36 * 12 + 50
    # A correction of what was folded is put aside, and so is what comes again from then.
    assert (folded.observed, folded.quarantined, folded.repeated) == (1_201, 2, 0)
    aside = data.read_quarantine(quarantine_path(load_project(small)))
    assert [entry["code"] for entry in aside] == ["labels.settled", "event.refused"]
    file.write_text("".join(json.dumps(event) + "\n" for event in [*events, late[2]]))
    take(shop, data.FileFeed(file, shop / "cursor"))
    (facts, values, _), (others, found, _) = outcome(shop), outcome(small)
    assert found == values
    assert [fact.id for fact in others] == [fact.id for fact in facts]


def test_text_that_no_file_can_hold_is_put_aside_by_its_field(shop: Path, tmp_path: Path) -> None:
    """Half of a surrogate pair: the reason names the field and its value, and not the whole event."""
    file = tmp_path / "payments.ndjson"
    bodies = [payment(1, "\ud800", 1, "1.00"), payment(2, CARDS[0], 1, "1.00") | {"stream": "\ud800"}]
    file.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    taken = take(shop, data.FileFeed(file, tmp_path / "cursor"))
    assert (taken.quarantined, taken.observed) == (2, 0)
    reason, other = [entry["reason"] for entry in data.read_quarantine(quarantine_path(load_project(shop)))]
    assert "card" in reason
    assert r"\ud800" in reason
    assert "amount" not in reason
    assert r"\ud800" in other


def test_a_torn_line_of_the_quarantine_is_cut_off(tmp_path: Path) -> None:
    """What a crash left half written is written again, whole, and once."""
    path = tmp_path / "quarantine.ndjson"
    error = InputError(WORDS("feed.json", detail="-"))
    bad = [data.Delivery("payments", number, None, raw=b"x") for number in range(3)]
    with data.FeedQuarantine(path) as aside:
        assert all(aside.add(one, error) for one in bad[:2])
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with data.FeedQuarantine(path) as aside:
        assert [aside.add(one, error) for one in bad] == [False, True, True]
    assert [entry["position"] for entry in data.read_quarantine(path)] == [0, 1, 2]
    assert path.read_bytes().startswith(whole)
    assert path.stat().st_mode & 0o077 == 0


def test_a_file_that_shrank_is_refused(tmp_path: Path) -> None:
    """Positions of another file would be skipped in silence."""
    file, cursor = tmp_path / "events.ndjson", tmp_path / "cursor"
    file.write_text('{"id": 1}\n{"id": 2}\n')
    feed = data.FileFeed(file, cursor)
    feed.done(feed.receive(10, 0))
    file.write_text('{"id": 3}\n')
    with pytest.raises(StateError, match="must only grow"):
        data.FileFeed(file, cursor)
    with pytest.raises(InputError, match="no such file"):
        data.FileFeed(tmp_path / "none.ndjson", cursor)
