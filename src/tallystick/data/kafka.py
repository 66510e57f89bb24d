"""Events from Kafka, behind the contract of feeds. Not tested here against a broker: none can be installed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tallystick.core import StateError
from tallystick.data.background import Background
from tallystick.data.feed import Delivery, delivery, needs
from tallystick.data.words import WORDS


class KafkaFeed:
    """The messages of a topic, in order within each partition; offsets are committed by `done` alone.

    Parameters
    ----------
    servers
        Of the cluster, such as 127.0.0.1:9092.
    topic
        Whose messages.
    group
        Consumer group under which the cluster keeps how far it came.

    Raises
    ------
    InstallHint
        Without the extra `kafka`.
    StateError
        When the cluster does not answer.
    """

    def __init__(self, servers: str, topic: str, group: str = "tallystick") -> None:
        self._kafka = needs("kafka", "aiokafka")
        self._servers = servers
        self._loop = Background("kafka")
        try:
            self._loop.run(self._open(topic, group))
        except BaseException:
            self._loop.close()
            raise

    def receive(self, events_max: int, timeout_ms: int) -> list[Delivery]:
        """The next messages, in order within each partition; see `Feed`."""
        found = self._loop.run(self._fetch(events_max, timeout_ms))
        return [
            delivery(message.value or b"", message.topic, message.offset, partition=message.partition)
            for messages in found.values()
            for message in messages
        ]

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Commit the offsets after these deliveries; see `Feed`. They must be all that was received before them."""
        after: dict[Any, int] = {}
        for one in deliveries:
            partition = self._kafka.TopicPartition(one.stream, one.partition)
            after[partition] = max(after.get(partition, 0), one.position + 1)
        self._loop.run(self._commit(after))

    def close(self) -> None:
        """Leave the group; see `Feed`."""
        try:
            self._loop.run(self._consumer.stop())
        finally:
            self._loop.close()

    async def _open(self, topic: str, group: str) -> None:
        self._consumer = self._kafka.AIOKafkaConsumer(
            topic,
            bootstrap_servers=self._servers,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
        )
        try:
            await self._consumer.start()
        except (OSError, self._kafka.errors.KafkaError) as error:
            await self._consumer.stop()
            raise self._lost(error) from None

    async def _fetch(self, events_max: int, timeout_ms: int) -> Any:
        try:
            return await self._consumer.getmany(timeout_ms=timeout_ms, max_records=events_max)
        except (OSError, self._kafka.errors.KafkaError) as error:
            raise self._lost(error) from None

    async def _commit(self, after: dict[Any, int]) -> None:
        try:
            await self._consumer.commit(after)
        except (OSError, self._kafka.errors.KafkaError) as error:
            raise self._lost(error) from None

    def _lost(self, error: object) -> StateError:
        detail = str(error) or type(error).__name__
        return StateError(WORDS("feed.server", given=self._servers, detail=detail))
