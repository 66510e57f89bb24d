"""Labels from a replica in Redis: the bits of the writer's live labels, in another process."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
import redis
from tests.labels import logs, worlds
from tests.labels.compare import vector_bits
from tests.services import Server

from tallystick.core import InputError, UsageError
from tallystick.labels import Entity, Events, Library, Live, money, text
from tallystick.labels.replica import Publisher, Replica

ROOT = Path(__file__).parents[2]
HOUR = 3_600_000_000
DAY = 24 * HOUR

# A reader as another process is one: it has the labels, and a server; points come in, bits go out.
READER = """
import json, sys
import redis
from random import Random
from tests.labels import worlds
from tests.labels.compare import vector_bits
from tests.labels.test_replica import world
from tallystick.labels.replica import Replica
port, prefix, seed = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
reader = Replica(world(seed), redis.Redis(port=port), prefix)
for line in sys.stdin:
    keys, t, k, own = json.loads(line)
    vector = reader.now(keys, t, k=k, own=None if own is None else tuple(own))
    print(json.dumps(repr(vector_bits(vector))))
"""


@pytest.fixture
def client(redis_server: Server) -> Iterator[Any]:
    """A client of an empty server."""
    with redis.Redis(port=redis_server.port) as made:
        made.flushall()
        yield made


def world(seed: int) -> Library:
    """Random labels, among them links, chains, anchors, own columns and joined columns."""
    random = Random(seed)
    return worlds.library(worlds.asked(random, random.sample(worlds.PAIRS, 40)))


def taken(live: Live, log: logs.Log) -> list[dict[str, Any]]:
    """Observe a log and give what was accepted, as a writer publishes it."""
    return [event for event in logs.events(log) if live.observe(event).accepted]


def place(point: dict[str, Any]) -> tuple[dict[str, Any], int, int | None, tuple[str, str] | None]:
    keys = {entity: point[entity] for entity in ("card", "terminal", "customer")}
    own = None if point["id"] is None else (point["stream"], point["id"])
    return keys, point["t"], point["k"], own


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_another_process_reads_the_same_bits(client: Any, redis_server: Server, seed: int) -> None:
    """Free points, own points and points as of the past, with late, repeated, revised and retracted facts."""
    random, library = Random(seed), world(seed)
    live, log = library.live(), logs.facts(random, 120)
    publisher = Publisher(library, client, f"seed{seed}")
    for start in range(0, len(log), 50):
        publisher.publish(taken(live, log[start : start + 50]))
    asked = [place(point) for point in logs.points(random, log, 60)]
    given = "".join(json.dumps(one) + "\n" for one in asked)
    command = [sys.executable, "-c", READER, str(redis_server.port), f"seed{seed}", str(seed)]
    done = subprocess.run(command, cwd=ROOT, input=given, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    read = [json.loads(line) for line in done.stdout.splitlines()]
    written = [repr(vector_bits(live.now(keys, t, k=k, own=own))) for keys, t, k, own in asked]
    assert read == written


@pytest.mark.parametrize("seed", [4, 5])
def test_a_reader_follows_the_writer(client: Any, seed: int) -> None:
    """After every batch, and for requests that were not observed, the reader says what the writer says."""
    random, library = Random(seed), world(seed)
    live, log = library.live(), logs.facts(random, 90)
    publisher, reader = Publisher(library, client), Replica(library, client)
    for start in range(0, len(log), 30):
        publisher.publish(taken(live, log[start : start + 30]))
        assert reader.known_at == live.known_at
        for keys, t, k, own in [place(point) for point in logs.points(random, log[: start + 30], 15)]:
            assert vector_bits(reader.now(keys, t, k=k, own=own)) == vector_bits(live.now(keys, t, k=k, own=own))
        for event in logs.events([one for one in log[start + 30 :] if one[0] == "payments"])[:10]:
            keys = {"card": event["card_id"], "terminal": event["terminal_id"], "customer": "u"}
            t = event["paid_at"]
            assert answer(reader, keys, t, event) == answer(live, keys, t, event)


def answer(asked: Live | Replica, keys: dict[str, Any], t: int, request: dict[str, Any]) -> Any:
    """The bits of an answer, or why a request is refused: some of them contradict a fact that was observed."""
    try:
        return vector_bits(asked.now(keys, t, request))
    except InputError as error:
        return str(error)


card, terminal = Entity("card"), Entity("terminal")
payments = Events(
    "payments",
    id="id",
    at="at",
    keys={card: "card", terminal: "terminal"},
    lateness="1h",
    fields={"amount": money("EUR"), "terminal": text()},
)
LABELS = {
    "spend_1d": payments.per(card).sum("amount").over("1d"),
    "count_2d": payments.per(terminal).count().over("2d"),
    "last_1d": payments.per(card).last("amount").over("1d"),
}


def payment(number: int, at: int, card: str, amount: int, **more: Any) -> dict[str, Any]:
    return {"stream": "payments", "id": number, "at": at, "card": card, "terminal": "x", "amount": amount, **more}


def test_a_joined_column_through_a_link_is_as_of_the_event(client: Any) -> None:
    """A terminal's payments by the town where the card's holder lived when each was known; one fetch brings it all."""
    customer = Entity("customer")
    moves = Events("moves", id="id", at="at", keys={customer: "customer"}, fields={"town": text()})
    accounts = Events("accounts", id="id", at="at", keys={card: "card"}, fields={"holder": text()})
    holder = accounts.per(card).last("holder").over("lifetime")
    town = moves.per(customer).last("town").over("lifetime").via(holder)
    spent = Events(
        "spent", id="id", at="at", keys={card: "card", terminal: "terminal"}, lateness="1d", joins={"town": town}
    )
    labels = {
        "from_ulm": spent.per(terminal).count(where='town = "Ulm"').over("lifetime"),
        "holder": holder,
        "town": town,
    }
    library = Library(labels, {"moves": moves, "accounts": accounts, "spent": spent})
    live, random = library.live(), Random(7)
    events: list[dict[str, Any]] = []
    for number in range(60):
        events += [
            {"stream": "moves", "id": number, "at": number * HOUR, "customer": random.choice("uv")}
            | {"town": random.choice(["Ulm", "Bonn"])},
            {"stream": "accounts", "id": number, "at": number * HOUR, "card": random.choice("ab")}
            | {"holder": random.choice("uv"), "known_at": number * HOUR + 1},
            {"stream": "spent", "id": number, "at": number * HOUR, "card": random.choice("ab"), "terminal": "x"}
            | {"known_at": number * HOUR + random.choice([2, 3, HOUR])},
        ]
    events.sort(key=lambda event: event.get("known_at", event["at"]))
    for event in events:
        assert live.observe(event).accepted
    Publisher(library, client).publish(events)
    for key in "ab":
        keys = {"card": key, "terminal": "x"}
        for t in (0, 10 * HOUR, 61 * HOUR):
            assert Replica(library, client).now(keys, t) == live.now(keys, t)
    assert 0 < live.now({"card": "a", "terminal": "x"}, 61 * HOUR)["from_ulm"] < 60


def test_a_correction_that_moves_an_event_reaches_both_keys(client: Any) -> None:
    """The old key loses it from then on, the new one gains it; before, both are as they were."""
    library = Library(LABELS, {"payments": payments})
    Publisher(library, client).publish([payment(1, 0, "a", 500)])
    # Another publisher has never seen the first revision.
    Publisher(library, client).publish([payment(1, 0, "b", 500, revision=1, known_at=HOUR)])
    reader = Replica(library, client)
    assert [reader.now({"card": key, "terminal": "x"}, HOUR)["spend_1d"] for key in "ab"] == [0, 500]
    assert [reader.now({"card": key, "terminal": "x"}, HOUR, k=HOUR - 1)["spend_1d"] for key in "ab"] == [500, 0]


def test_numbers_and_texts_are_different_keys(client: Any) -> None:
    """Key 7 is not key "7", and event 1 is not event "1"."""
    library = Library(LABELS, {"payments": payments})
    numbers, texts = payment(1, 0, 7, 500), payment("1", 0, "7", 20)  # type: ignore[arg-type]
    publisher, reader = Publisher(library, client), Replica(library, client)
    publisher.publish([numbers])
    assert reader.now({"card": 7, "terminal": "x"}, HOUR)["spend_1d"] == 500
    assert reader.now({"card": "7", "terminal": "x"}, HOUR).missing["last_1d"] == "never_seen"
    client.flushall()
    Publisher(library, client).publish([texts])
    assert Replica(library, client).now({"card": "7", "terminal": "x"}, HOUR)["spend_1d"] == 20


def test_facts_that_no_label_reaches_may_vanish_and_their_key_is_expired_still(client: Any) -> None:
    """With `expire` every hash has an end beyond the longest window; what the server dropped was out of all windows."""
    library = Library(LABELS, {"payments": payments})
    live = library.live()
    events = [payment(number, number * HOUR, "a", 100) for number in range(3)]
    for event in events:
        live.observe(event)
    Publisher(library, client, expire=True).publish(events)
    hashes = [name for name in client.keys("*") if client.type(name) == b"hash"]
    assert len(hashes) == 5
    assert all(2 * 86_400 + 3_600 <= client.ttl(name) <= 2 * 86_400 + 3_610 for name in hashes)
    for name in hashes:
        client.delete(name)
    later = 60 * HOUR
    keys = {"card": "a", "terminal": "x"}
    assert Replica(library, client).now(keys, later) == live.now(keys, later)
    assert live.now(keys, later).missing["last_1d"] == "expired"

    endless = Library({**LABELS, "spend": payments.per(card).sum("amount").over("lifetime")}, {"payments": payments})
    client.flushall()
    Publisher(endless, client, expire=True).publish(events)
    ends = {name: client.ttl(name) for name in client.keys("*") if client.type(name) == b"hash"}
    assert sorted(name for name, end in ends.items() if end > 0) == [b"tallystick:payments:terminal:sx"]


def test_faults_are_said(client: Any, redis_server: Server) -> None:
    """An event without id or instant, unknown labels, keys that the point lacks, a client that makes text."""
    library = Library(LABELS, {"payments": payments})
    publisher, reader = Publisher(library, client), Replica(library, client)
    assert reader.known_at is None
    assert reader.now({"card": "a", "terminal": "x"}, 0).missing["last_1d"] == "never_seen"
    with pytest.raises(InputError, match="stream payments has no id"):
        publisher.publish([payment(1, 0, "a", 1) | {"id": None}])
    with pytest.raises(InputError, match="stream payments has no known_at"):
        publisher.publish([payment(1, 0, "a", 1) | {"at": None}])
    with pytest.raises(InputError, match="names no stream"):
        publisher.publish([{"id": 1}])
    assert publisher.publish([]) == 0
    with pytest.raises(InputError, match="nothing"):
        reader.now({"card": "a", "terminal": "x"}, 0, labels=["nothing"])
    with pytest.raises(InputError, match="terminal"):
        reader.now({"card": "a"}, 0)
    publisher.publish([payment(1, 0, "a", 1)])
    with (
        redis.Redis(port=redis_server.port, decode_responses=True) as wrong,
        pytest.raises(UsageError, match="decode_responses=False"),
    ):
        Replica(library, wrong).now({"card": "a", "terminal": "x"}, 0)


def test_a_reader_starts_anew_when_it_holds_much(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its memory is bounded by what it may keep observed; answers stay the same."""
    library = Library(LABELS, {"payments": payments})
    publisher, reader = Publisher(library, client), Replica(library, client)
    publisher.publish([payment(number, number, f"c{number % 9}", number) for number in range(90)])
    monkeypatch.setattr("tallystick.labels.replica.replica.OBSERVED_MAX", 20)
    held = []
    for number in range(9):
        assert reader.now({"card": f"c{number}", "terminal": "y"}, HOUR)["spend_1d"] == sum(range(number, 90, 9))
        held.append(len(reader._observed))
    assert max(held) == 30


def test_a_killed_server_keeps_what_was_published(tmp_path: Path) -> None:
    """With its append-only file a restarted server answers as before."""
    server = Server("redis-server", tmp_path)
    server.start()
    try:
        library = Library(LABELS, {"payments": payments})
        with redis.Redis(port=server.port) as client:
            client.config_set("appendfsync", "always")
            Publisher(library, client).publish([payment(1, 0, "a", 500)])
        server.stop()
        server.start()
        with redis.Redis(port=server.port) as client:
            assert Replica(library, client).now({"card": "a", "terminal": "x"}, HOUR)["spend_1d"] == 500
    finally:
        server.stop()


def test_the_example_of_the_page_runs(client: Any, redis_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/replica.md says what is so."""
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{redis_server.port}/0")
    page = (ROOT / "docs" / "replica.md").read_text("utf-8")
    [code] = re.findall(r"^```py\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(compile(code, "replica.md", "exec"), {"__name__": "page"})


@pytest.mark.parametrize("expire", [False, True])
def test_what_is_replaced_is_gone_from_redis_and_reads_as_the_writers(client: Any, expire: bool) -> None:
    """One customer's events with other names: a reader gives what a writer does that saw them so."""
    card, shop = Entity("card"), Entity("shop")
    visits = Events("visits", id="id", at="at", keys={card: "card", shop: "shop"}, fields={"amount": money("EUR")})
    library = Library(
        {
            "card_7d": visits.per(card).sum("amount").over("7d"),
            "cards_7d": visits.per(shop).distinct("card").over("7d"),
            "shop_7d": visits.per(shop).sum("amount").over("7d"),
        },
        {"visits": visits},
    )
    events = [
        {"stream": "visits", "id": f"v{n}", "at": n * HOUR, "card": f"c{n % 3}", "shop": f"s{n % 2}", "amount": 100 + n}
        for n in range(30)
    ]
    events.append({**events[1], "revision": 1, "known_at": 31 * HOUR, "shop": "s0"})

    def change(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "card": "~1", "amount": None}

    publisher = Publisher(library, client, expire=expire)
    publisher.publish(events)
    hers = [("visits", str(event["id"])) for event in events if event["card"] == "c1"]
    assert publisher.replace([*hers, ("visits", "never")], change) == 11
    stored = b"".join(
        str(client.hgetall(k) if client.type(k) == b"hash" else client.get(k)).encode() + k for k in client.scan_iter()
    )
    assert b"c1" not in stored
    live = library.live()
    for event in events:
        assert live.observe(change(dict(event)) if event["card"] == "c1" else event).accepted
    reader = Replica(library, client)
    for key in ("c0", "c1", "c2", "~1"):
        for place in ("s0", "s1"):
            asked = {"card": key, "shop": place}
            assert vector_bits(reader.now(asked, 40 * HOUR)) == vector_bits(live.now(asked, 40 * HOUR))
    assert publisher.replace(hers, change) == 11
