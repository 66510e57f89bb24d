"""What feeds make of messages, without a server; those with a server are in tests/desk/test_consume.py."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any, ClassVar, NamedTuple

import pytest

from tallystick.core import StateError
from tallystick.data import KafkaFeed
from tallystick.data.feed import delivery


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "Expecting value"),
        (b"\xff", "can't decode byte 0xff"),
        (b"[1]", "list"),
        (b"null", "NoneType"),
        (b'{"x": NaN}', "NaN"),
        (b'{"x": -Infinity}', "-Infinity"),
        (b"[" * 100_000, "recursion"),
        (b'{"x": ' + b"9" * 5000 + b"}", "4300 digits"),
        (b'{"id": 1, "x": 2, "id": 1}', "key 'id' stands more than once"),
        (b'{"id": 1, "x": [{"a": 1, "a": 2}]}', "key 'a' stands more than once"),
    ],
)
def test_what_is_not_one_json_object_has_an_error_and_its_bytes(raw: bytes, said: str) -> None:
    """Never an exception: a message that nobody can read must not stop a feed."""
    found = delivery(raw, "bank.payments", 3, partition=2, redelivered=True)
    assert found.body is None
    assert said in str(found.error)
    assert (found.raw, found.stream, found.position, found.partition, found.redelivered) == (
        *(raw, "bank.payments", 3, 2),
        True,
    )


class TopicPartition(NamedTuple):
    topic: str
    partition: int


class KafkaError(Exception):
    pass


class Consumer:
    """Stands in for the consumer of aiokafka: what it was told, and what it gives."""

    made: ClassVar[list[Consumer]] = []

    def __init__(self, topic: str, **settings: Any) -> None:
        self.topic, self.settings, self.told = topic, settings, list[Any]()
        self.made.append(self)

    async def start(self) -> None:
        if self.settings["bootstrap_servers"] == "gone":
            raise KafkaError("no broker")

    async def stop(self) -> None:
        self.told.append("stop")

    async def getmany(self, timeout_ms: int, max_records: int) -> dict[TopicPartition, list[Any]]:
        self.told.append((timeout_ms, max_records))
        return {
            TopicPartition(self.topic, partition): [
                SimpleNamespace(value=b'{"n": 1}', topic=self.topic, partition=partition, offset=offset)
                for offset in offsets
            ]
            for partition, offsets in ((0, [7, 8]), (1, [3]))
        }

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.told.append(offsets)


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> list[Consumer]:
    """The client library, without a broker."""
    library = SimpleNamespace(
        AIOKafkaConsumer=Consumer, TopicPartition=TopicPartition, errors=SimpleNamespace(KafkaError=KafkaError)
    )
    monkeypatch.setitem(sys.modules, "aiokafka", library)
    monkeypatch.setattr(Consumer, "made", [])
    return Consumer.made


def test_kafka_offsets_are_committed_by_done_alone(kafka: list[Consumer]) -> None:
    """The offset after the last delivery of each partition; nothing is committed by itself."""
    feed = KafkaFeed("broker:9092", "payments", "risk")
    found = feed.receive(10, 250)
    assert [(one.partition, one.position, one.body) for one in found] == [
        (0, 7, {"n": 1}),
        (0, 8, {"n": 1}),
        (1, 3, {"n": 1}),
    ]
    feed.done(found)
    feed.close()
    [consumer] = kafka
    assert consumer.settings["group_id"] == "risk"
    assert consumer.settings["enable_auto_commit"] is False
    assert consumer.settings["auto_offset_reset"] == "earliest"
    assert consumer.told == [(250, 10), {("payments", 0): 9, ("payments", 1): 4}, "stop"]


def test_a_kafka_that_does_not_answer_is_named(kafka: list[Consumer]) -> None:
    """Which servers, and what the client says."""
    with pytest.raises(StateError, match=r"the server gone does not answer .* no broker"):
        KafkaFeed("gone", "payments")
    assert kafka[0].told == ["stop"]
