"""Events from NATS JetStream: a durable pull consumer, explicitly acknowledged."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from tallystick.core import InputError, StateError
from tallystick.data.background import Background
from tallystick.data.feed import Delivery, delivery, needs
from tallystick.data.words import WORDS

CONNECT_S = 10.0
ACK_WAIT_S = 60.0
OUTSTANDING_MAX = 20_000


class NatsFeed:
    """The messages of a subject in the order of their JetStream stream.

    What an earlier reader of the same durable name had received and not acknowledged comes again first, in order: the
    consumer is set back to its acknowledged floor when the feed opens. So there is one reader of a durable name at a
    time, as there is one writer of a project.

    Parameters
    ----------
    url
        Of the server, such as nats://127.0.0.1:4222.
    subject
        Whose messages; wildcards are allowed. A JetStream stream must hold it.
    durable
        Name under which the server keeps how far this consumer came.

    Raises
    ------
    InstallHint
        Without the extra `nats`.
    StateError
        When the server does not answer.
    InputError
        When no JetStream stream holds the subject.
    """

    def __init__(self, url: str, subject: str, durable: str = "tallystick") -> None:
        self._nats = needs("nats", "nats")
        self._url, self._subject, self._durable = url, subject, durable
        self._held: dict[int, Any] = {}
        self._came_to = 0
        self._loop = Background("nats")
        try:
            self._loop.run(self._open())
        except BaseException:
            self._loop.close()
            raise

    def receive(self, events_max: int, timeout_ms: int) -> list[Delivery]:
        """The next messages in order; see `Feed`. Raises `StateError` when the connection is lost for good."""
        return [self._delivered(message) for message in self._loop.run(self._fetch(events_max, timeout_ms / 1000))]

    def done(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge; see `Feed`."""
        self._loop.run(self._acknowledge(deliveries))

    def close(self) -> None:
        """Let the connection go; see `Feed`."""
        try:
            self._loop.run(self._connection.close())
        finally:
            self._loop.close()

    async def _open(self) -> None:
        last: list[Exception] = []

        # The client reconnects by itself; what it cannot mend reaches `receive`.
        async def heard(error: Exception) -> None:
            last[:] = [error]

        try:
            opening = self._nats.connect(self._url, error_cb=heard, connect_timeout=int(CONNECT_S) or 1)
            self._connection = await asyncio.wait_for(opening, CONNECT_S)
        except (OSError, self._nats.errors.Error) as error:
            raise self._lost(last[0] if last else error) from None
        try:
            await self._subscribe()
        except BaseException:
            await self._connection.close()
            raise

    async def _subscribe(self) -> None:
        missing = self._nats.js.errors.NotFoundError
        jetstream = self._connection.jetstream()
        try:
            stream = await jetstream.find_stream_name_by_subject(self._subject)
        except missing:
            raise InputError(WORDS("feed.subject", given=self._subject, server=self._url)) from None
        except (OSError, self._nats.errors.Error) as error:
            raise self._lost(error) from None
        api = self._nats.js.api
        config = api.ConsumerConfig(
            ack_policy=api.AckPolicy.EXPLICIT, ack_wait=ACK_WAIT_S, max_ack_pending=OUTSTANDING_MAX
        )
        try:
            info = await jetstream.consumer_info(stream, self._durable)
        except missing:
            info = None
        if info is not None and info.num_ack_pending:
            # Left alone, the server would hand out newer messages first, and these after their wait is over.
            self._came_to = info.delivered.stream_seq
            await jetstream.delete_consumer(stream, self._durable)
            config.deliver_policy = api.DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = info.ack_floor.stream_seq + 1
        self._subscription = await jetstream.pull_subscribe(
            self._subject, durable=self._durable, stream=stream, config=config
        )

    async def _fetch(self, events_max: int, timeout_s: float) -> list[Any]:
        try:
            found: list[Any] = await self._subscription.fetch(events_max, timeout=timeout_s)
        except TimeoutError:
            found = []
        except (OSError, self._nats.errors.Error) as error:
            raise self._lost(error) from None
        if not found and self._connection.is_closed:
            raise self._lost("connection closed")
        return found

    async def _acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        try:
            for one in deliveries:
                await self._held.pop(one.position).ack()
            await self._connection.flush()
        except (OSError, self._nats.errors.Error) as error:
            raise self._lost(error) from None

    def _delivered(self, message: Any) -> Delivery:
        place = message.metadata.sequence.stream
        self._held[place] = message
        again = message.metadata.num_delivered > 1 or place <= self._came_to
        return delivery(message.data, message.subject, place, redelivered=again)

    def _lost(self, error: object) -> StateError:
        detail = str(error) or type(error).__name__
        return StateError(WORDS("feed.server", given=self._url, detail=detail))
