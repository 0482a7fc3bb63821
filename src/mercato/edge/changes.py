"""Hears what changed in the shop and drops what the edge remembers of it: answers, principals.

Plain subscriptions on core NATS beside the durable consumers of the services: at most once, within
milliseconds. While the broker is away nothing new is kept; when it comes back everything is dropped.
"""

import asyncio
from uuid import UUID

import msgspec
import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from mercato.edge.cache import AnswerCache
from mercato.edge.context import Principals
from mercato.kernel.messaging.broker import BrokerClient
from mercato.kernel.messaging.live import Live

OWN_TOPIC = "edge"
SUBJECTS = ("catalog.>", "stock.changed", "carts.pricing_changed", "users.access_changed")

log = structlog.get_logger()


class _Facts(msgspec.Struct, frozen=True):
    """The fields of the events we hear that tell what to drop; others are ignored."""

    product_id: UUID | None = None
    variant_id: UUID | None = None
    user_id: UUID | None = None


class Changes:
    """Keeps the cache and the principals of one process honest while started."""

    def __init__(
        self, nats: BrokerClient, live: Live, namespace: str, cache: AnswerCache, principals: Principals
    ) -> None:
        self._nats = nats
        self._live = live
        self._prefix = f"{namespace}.events."
        self._cache = cache
        self._principals = principals
        self._subscriptions: list[Subscription] = []
        self._broker_watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        for subject in SUBJECTS:
            self._subscriptions.append(await self._nats.subscribe(self._prefix + subject, cb=self._hear))
        await self._nats.flush()
        self._broker_watch = asyncio.create_task(self._watch_broker())
        self._cache.is_listening = lambda: self._nats.is_connected

    async def stop(self) -> None:
        self._cache.is_listening = lambda: False
        if self._broker_watch is not None:
            self._broker_watch.cancel()
        for subscription in self._subscriptions:
            if not self._nats.is_closed:
                await subscription.unsubscribe()
        self._subscriptions.clear()

    async def _watch_broker(self) -> None:
        """After the broker was away, every listener hears a hint without a topic: events may be lost."""
        async with self._live.listen(OWN_TOPIC) as hints:
            async for hint in hints:
                if not hint.topic:
                    self._cache.drop_all()
                    self._principals.forget()

    async def _hear(self, message: Msg) -> None:
        self.apply(message.subject.removeprefix(self._prefix), message.data)

    def apply(self, subject: str, body: bytes) -> None:
        """Drop what depends on the event `subject`; everything when it cannot be told what that is."""
        facts = _facts_of(body)
        if subject == "users.access_changed":
            self._principals.forget(facts.user_id)
        elif subject == "stock.changed" and facts.variant_id is not None:
            self._cache.drop((f"variant:{facts.variant_id}", "stock"))
        elif subject.startswith("catalog.product") and facts.product_id is not None:
            self._cache.drop((f"product:{facts.product_id}", "products"))
        else:
            self._cache.drop_all()


def _facts_of(body: bytes) -> _Facts:
    try:
        return msgspec.json.decode(body, type=_Facts)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("event not understood", error=repr(error))
        return _Facts()
