"""Hints for open pages over core NATS: at most once, never the only way that something is learned.

A page that hears a hint reads the truth again. After the broker comes back, every listener hears one empty
hint, because hints may have been missed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import structlog
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as NatsSubscription

from mercato.kernel.messaging.broker import BrokerClient

MAX_WAITING_HINTS = 64
LINGER_S = 0.02
"""Hints of this time go out together: one write to the broker in place of many."""
SETTLE_S = 2

log = structlog.get_logger()


class Hint(msgspec.Struct, frozen=True):
    """Something about `topic` changed; `topic` is empty after the broker was away."""

    topic: str
    data: bytes = b""


class Listener:
    """The hints of some topics; when a page reads too slowly, the oldest are dropped."""

    def __init__(self, topics: tuple[str, ...]) -> None:
        self.topics = topics
        self._waiting: asyncio.Queue[Hint] = asyncio.Queue(MAX_WAITING_HINTS)

    def put(self, hint: Hint) -> None:
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(hint)

    async def get(self) -> Hint:
        return await self._waiting.get()

    def __aiter__(self) -> "Listener":
        return self

    async def __anext__(self) -> Hint:
        return await self._waiting.get()


class Live:
    """Publishes and hears hints of one process; one NATS subscription per topic that somebody hears."""

    def __init__(self, nats: BrokerClient, namespace: str) -> None:
        self._nats = nats
        self._prefix = f"{namespace}.live."
        self._listeners: dict[str, set[Listener]] = {}
        self._subscriptions: dict[str, NatsSubscription] = {}
        self._outgoing: dict[tuple[str, bytes], None] = {}
        self._sender: asyncio.Task[None] | None = None

    def publish(self, topic: str, data: bytes = b"") -> None:
        """Tell every process that `topic` changed; does not wait, and equal hints of one moment are one."""
        self._outgoing[topic, data] = None
        if self._sender is None or self._sender.done():
            self._sender = asyncio.get_running_loop().create_task(self._send())

    @asynccontextmanager
    async def listen(self, *topics: str) -> AsyncIterator[Listener]:
        """Hear `topics` until the block ends: iterate over what it yields."""
        listener = Listener(topics)
        try:
            is_new = [await self._add(topic, listener) for topic in topics]
            if any(is_new) and self._nats.is_connected:
                await self._settle()
            yield listener
        finally:
            for topic in topics:
                await self._remove(topic, listener)

    def broker_is_back(self) -> None:
        """Every listener is told once that it may have missed something."""
        for listener in {listener for heard in self._listeners.values() for listener in heard}:
            listener.put(Hint(""))

    @property
    def listener_count(self) -> int:
        return len({listener for heard in self._listeners.values() for listener in heard})

    async def _send(self) -> None:
        while self._outgoing:
            await asyncio.sleep(LINGER_S)
            outgoing, self._outgoing = self._outgoing, {}
            for topic, data in outgoing:
                try:
                    await self._nats.publish(self._prefix + topic, data)
                except Exception as error:  # a hint may be lost: that is its contract
                    log.debug("hint lost", topic=topic, error=repr(error))

    async def _settle(self) -> None:
        """Wait until the broker knows the new subscriptions: what is published from now on is heard."""
        try:
            await self._nats.flush(SETTLE_S)
        except nats_errors.Error as error:  # it is away: an empty hint comes when it is back
            log.debug("listens without a broker", error=repr(error))

    async def _add(self, topic: str, listener: Listener) -> bool:
        """Whether a subscription was made."""
        heard = self._listeners.setdefault(topic, set())
        heard.add(listener)
        if topic in self._subscriptions:
            return False
        subscription = await self._nats.subscribe(self._prefix + topic, cb=self._hear)
        if topic in self._subscriptions:
            await subscription.unsubscribe()
        else:
            self._subscriptions[topic] = subscription
        return True

    async def _remove(self, topic: str, listener: Listener) -> None:
        heard = self._listeners.get(topic)
        if heard is None:
            return
        heard.discard(listener)
        if heard:
            return
        del self._listeners[topic]
        subscription = self._subscriptions.pop(topic, None)
        if subscription is not None and not self._nats.is_closed:
            await subscription.unsubscribe()

    async def _hear(self, message: Msg) -> None:
        topic = message.subject.removeprefix(self._prefix)
        hint = Hint(topic, message.data)
        for listener in self._listeners.get(topic, ()):
            listener.put(hint)
