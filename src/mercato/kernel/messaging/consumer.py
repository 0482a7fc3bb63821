"""What takes events from the broker to a handler: in batches, once per event, in order per aggregate.

It runs in the process that leads the role `consumer:<name>`. An event that fails waits with all later ones
of its aggregate and is tried again; after five tries it goes to the dead letters and the others go on.
When the database does not answer nothing counts as failed: everything waits.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.js.errors import Error as JetStreamError

from mercato.kernel import clock
from mercato.kernel.bell import Bell
from mercato.kernel.db import Database
from mercato.kernel.errors import Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.messaging.broker import Broker
from mercato.kernel.messaging.dead_letters import bury
from mercato.kernel.messaging.inbox import Subscription, take_new
from mercato.kernel.messaging.outbox import decoder_of, trace_of
from mercato.kernel.messaging.puller import Puller
from mercato.kernel.telemetry import is_tracing, span
from mercato.kernel.telemetry.metrics import Metrics

BATCH = 300
HANDLER_TIMEOUT_S = 20.0
RETRY_PAUSES_S = (0.2, 1.0, 3.0, 5.0)
"""Pauses before the second to the fifth try; after the last the event is a dead letter."""
KEEP_ALIVE_S = 5.0
TROUBLE_PAUSE_S = 0.5

log = structlog.get_logger()


class Delivery:
    """One message with its event; `event` is None when its body cannot be read."""

    __slots__ = ("event", "event_id", "key", "message", "problem", "subject")

    def __init__(self, message: Msg, subject: str, event: Any, problem: Exception | None) -> None:
        self.message = message
        self.subject = subject
        self.event = event
        self.problem = problem
        self.event_id = _id_of(message)
        self.key: UUID = event.key if event is not None else self.event_id


def _id_of(message: Msg) -> UUID:
    """The identity of its event; one made of its place in the stream for what no relay of ours sent."""
    try:
        return UUID((message.headers or {})["Nats-Msg-Id"])
    except (KeyError, ValueError):
        return uuid5(NAMESPACE_OID, f"{message.metadata.stream} {message.metadata.sequence.stream}")


class Parked:
    """The events of one aggregate that wait for the first of them."""

    __slots__ = ("deliveries", "due_s", "error", "tries")

    def __init__(self, delivery: Delivery) -> None:
        self.deliveries = deque([delivery])
        self.tries = 0
        self.due_s = 0.0
        self.error = ""


class Consumer:
    """One subscription of one service."""

    def __init__(
        self,
        subscription: Subscription,
        schema: str,
        database: Database,
        broker: Broker,
        metrics: Metrics,
        *,
        retry_pauses_s: Sequence[float] = RETRY_PAUSES_S,
    ) -> None:
        self.subscription = subscription
        self.name = subscription.consumer
        self.schema = schema
        self._database = database
        self._broker = broker
        self._retry_pauses_s = retry_pauses_s
        self._decoders = {
            broker.subject(event.subject): (event.subject, decoder_of(event)) for event in subscription.events
        }
        self._bell = Bell()
        self._puller = Puller(broker, self.name, list(self._decoders), self._bell.ring)
        self._parked: dict[UUID, Parked] = {}
        self._kept_alive_s = 0.0
        self._handled = metrics.counter("mercato_events_handled_total", "Events handled.", consumer=self.name)
        self._dead = metrics.counter(
            "mercato_events_dead_total", "Events given up as dead letters.", consumer=self.name
        )

    async def run(self) -> None:
        """Consume for ever. The broker's and the database's absence is waited for."""
        try:
            while True:
                try:
                    if await self._puller.keep_going():
                        self._parked.clear()
                    await self._retry_parked()
                    if self._puller.waiting:
                        await asyncio.sleep(self.subscription.linger_s)
                        await self._handle_waiting()
                except (nats_errors.Error, JetStreamError, Unavailable, TimeoutError) as error:
                    log.warning("consumer waits", consumer=self.name, error=repr(error))
                    self._puller.restart()
                    await asyncio.sleep(TROUBLE_PAUSE_S)
                    continue
                if not self._puller.waiting:
                    await self._bell.wait(self._next_due_s())
        finally:
            await self._puller.stop()

    async def _handle_waiting(self) -> None:
        batch = [self._read(message) for message in self._puller.take(BATCH)]
        ready = [delivery for delivery in batch if not self._park_behind_others(delivery)]
        if not ready:
            return
        try:
            await self._apply(ready)
        except (Unavailable, nats_errors.Error):
            raise
        except Exception as error:
            log.warning("batch failed: one by one", consumer=self.name, events=len(ready), error=repr(error))
            for delivery in ready:
                if not self._park_behind_others(delivery):
                    await self._try(Parked(delivery))

    def _read(self, message: Msg) -> Delivery:
        subject, decode = self._decoders.get(message.subject, (message.subject, None))
        try:
            if decode is None:
                raise LookupError(f"{self.name} does not listen to {message.subject}")
            return Delivery(message, subject, decode(message.data), None)
        except Exception as error:
            return Delivery(message, subject, None, error)

    def _park_behind_others(self, delivery: Delivery) -> bool:
        """Whether an earlier event of the same aggregate waits, and this one now behind it."""
        parked = self._parked.get(delivery.key)
        if parked is None:
            return False
        if all(other.event_id != delivery.event_id for other in parked.deliveries):
            parked.deliveries.append(delivery)
        return True

    async def _apply(self, deliveries: Sequence[Delivery]) -> None:
        """Handle events in one transaction and acknowledge them. Raises what the handler raises."""
        problem = next((delivery.problem for delivery in deliveries if delivery.problem), None)
        if problem is not None:
            raise problem
        with span(self.name, "consumer", _trace_of(deliveries)):
            async with asyncio.timeout(HANDLER_TIMEOUT_S), self._database.transaction() as tx:
                new = await take_new(tx, self.schema, self.name, [one.event_id for one in deliveries])
                unique = {one.event_id: one.event for one in deliveries if one.event_id in new}
                if unique:
                    await self.subscription.handle(tx, list(unique.values()))
        failpoint("consumer.committed")
        self._handled.add(len(unique))
        for delivery in deliveries:
            await delivery.message.ack()

    async def _retry_parked(self) -> None:
        now = clock.monotonic_s()
        for parked in [parked for parked in self._parked.values() if parked.due_s <= now]:
            await self._try(parked)
        if now - self._kept_alive_s > KEEP_ALIVE_S:
            self._kept_alive_s = now
            for parked in self._parked.values():
                for delivery in parked.deliveries:
                    await delivery.message.in_progress()

    async def _try(self, parked: Parked) -> None:
        """Work off the events of one aggregate until one fails; that one and the later ones stay parked."""
        while parked.deliveries:
            delivery = parked.deliveries[0]
            key = delivery.key
            try:
                await self._apply([delivery])
            except (Unavailable, nats_errors.Error):
                raise
            except Exception as error:
                parked.tries += 1
                if delivery.problem is None and parked.tries <= len(self._retry_pauses_s):
                    parked.due_s = clock.monotonic_s() + self._retry_pauses_s[parked.tries - 1]
                    self._parked[key] = parked
                    return
                await self._bury(delivery, parked.tries, error)
            parked.deliveries.popleft()
            parked.tries = 0
            if not parked.deliveries:
                self._parked.pop(key, None)

    async def _bury(self, delivery: Delivery, tries: int, error: Exception) -> None:
        log.error(
            "event is a dead letter", consumer=self.name, event_id=str(delivery.event_id), error=repr(error)
        )
        await bury(
            self._database,
            self.schema,
            consumer=self.name,
            event_id=delivery.event_id,
            subject=delivery.subject,
            body=delivery.message.data,
            error=f"{type(error).__name__}: {error}",
            deliveries=tries,
        )
        self._dead.add()
        await delivery.message.ack()

    def _next_due_s(self) -> float:
        """How long there is nothing to do: until the next retry, at most a second."""
        if not self._parked:
            return 1.0
        due_s = min(parked.due_s for parked in self._parked.values()) - clock.monotonic_s()
        return min(1.0, max(0.01, due_s))


def _trace_of(deliveries: Sequence[Delivery]) -> str:
    """The first trace among events that are handled together: a batch has one span."""
    if not is_tracing():
        return ""
    return next((trace for one in deliveries if (trace := trace_of(one.message.data))), "")
