"""What takes events from an outbox to the broker: in order per aggregate, at least once.

The outbox is the truth, the broker may forget: each row remembers where in the stream it went, and on every
connect the relay looks whether it is still there. What was lost is sent again from the first lost event on;
what is sent twice is refused by the broker (same message id) or by the inbox of each consumer.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from nats import errors as nats_errors
from nats.aio.msg import Msg
from nats.js.api import StreamState
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from mercato.kernel import clock
from mercato.kernel.bell import Bell
from mercato.kernel.db import Database, Row
from mercato.kernel.errors import Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.messaging.broker import KEPT_S, Broker
from mercato.kernel.telemetry.metrics import Metrics

BATCH = 500
LINGER_S, BUSY_LINGER_S = 0.05, 0.2
"""After the bell: events that come together are sent, marked and handled together. Who has just sent many
waits longer, and the consumers get larger batches too."""
BUSY = 8
"""This many events in one linger are many."""
POLL_S = 1.0
PING_PAUSE_S = 0.005
ACK_TIMEOUT_S = 5.0
TROUBLE_PAUSE_S = 0.5
REWIND_MARGIN = timedelta(minutes=5)
REWIND_PRECISION = timedelta(minutes=1)

log = structlog.get_logger()


class Relay:
    """The relay of one schema; it runs in the process that leads the role `relay:<schema>`."""

    def __init__(
        self, schema: str, database: Database, broker: Broker, namespace: str, metrics: Metrics
    ) -> None:
        self.schema = schema
        self._database = database
        self._broker = broker
        self._ping_subject = f"{namespace}.outbox.{schema}"
        self._bell = Bell()
        self._leads = False
        self._ping_waits = False
        self._checked = 0
        broker.on_connect(self._bell.ring)
        self._sent = metrics.counter("mercato_outbox_sent_total", "Events sent to the broker.", schema=schema)
        self._lost = metrics.counter(
            "mercato_outbox_lost_total", "Events sent again because the broker lost them.", schema=schema
        )

    def ring(self) -> None:
        """There are new rows: wake the relay, here or in the process that leads."""
        if self._leads:
            self._bell.ring()
        elif not self._ping_waits:
            self._ping_waits = True
            loop = asyncio.get_running_loop()
            loop.call_later(PING_PAUSE_S, lambda: loop.create_task(self._ping()))

    async def run(self) -> None:
        """Send for ever. The broker's absence is waited for, not failed on."""
        self._leads = True
        self._checked = 0
        subscription = await self._broker.nats.subscribe(self._ping_subject, cb=self._pinged)
        try:
            while True:
                try:
                    sent = await self._send_all()
                except (nats_errors.Error, JetStreamError, Unavailable, TimeoutError) as error:
                    log.warning("relay waits", schema=self.schema, error=repr(error))
                    self._checked = 0
                    await asyncio.sleep(TROUBLE_PAUSE_S)
                    continue
                if await self._bell.wait(POLL_S):
                    await asyncio.sleep(BUSY_LINGER_S if sent >= BUSY else LINGER_S)
        finally:
            self._leads = False
            if not self._broker.nats.is_closed:
                await subscription.unsubscribe()

    async def rebuild(self) -> int:
        """Send everything that the outbox still has once more: for an empty broker. Returns how much."""
        return await self._unsend(UUID(int=0))

    async def _send_all(self) -> int:
        """Send what waits; returns how many events that were."""
        if self._checked != self._broker.connections:
            connection = self._broker.connections
            info = await self._broker.ensure_stream()
            await self._rewind(info.state)
            self._checked = connection
        sent = 0
        while (count := await self._send_batch()) == BATCH:
            sent += count
        return sent + count

    async def _send_batch(self) -> int:
        """Send the oldest events; fewer than BATCH were all."""
        rows = await self._database.fetch(
            f"select id, subject, key, body from {self.schema}.outbox"
            f" where sent_seq is null order by position limit {BATCH}"
        )
        if not rows:
            return 0
        failpoint("relay.selected")
        sent: dict[UUID, int] = {}
        try:
            for wave in _waves(rows):
                await self._publish(wave, sent)
        finally:
            failpoint("relay.published")
            if sent:
                await self._mark(sent)
        return len(rows)

    async def _publish(self, wave: Sequence[Row], sent: dict[UUID, int]) -> None:
        """Send one wave and wait for all answers; raises when one event was not taken."""
        waiting = [
            await self._broker.js.publish_async(
                self._broker.subject(row["subject"]),
                row["body"],
                stream=self._broker.stream,
                headers={"Nats-Msg-Id": str(row["id"])},
            )
            for row in wave
        ]
        await asyncio.wait(waiting, timeout=ACK_TIMEOUT_S)
        failure: BaseException | None = None
        for row, answer in zip(wave, waiting, strict=True):
            if not answer.done():
                answer.cancel()
                failure = failure or TimeoutError("the broker did not acknowledge")
            elif (error := answer.exception()) is not None:
                failure = failure or error
            else:
                sent[row["id"]] = answer.result().seq
        if failure is not None:
            raise failure

    async def _mark(self, sent: dict[UUID, int]) -> None:
        await self._database.execute(
            f"update {self.schema}.outbox o set sent_seq = x.seq"
            " from unnest($1::uuid[], $2::bigint[]) x(id, seq) where o.id = x.id",
            list(sent),
            list(sent.values()),
        )
        self._sent.add(len(sent))

    async def _rewind(self, state: StreamState) -> None:
        """Find the first event that the broker has lost, and forget that it was sent."""
        newest = await self._database.fetchrow(
            f"select id, sent_seq from (select id, sent_seq from {self.schema}.outbox"
            " where sent_seq is not null order by id desc limit 1000) recent order by sent_seq desc limit 1"
        )
        if newest is None or await self._is_there(newest, state):
            return
        there, lost = clock.now() - timedelta(seconds=KEPT_S), clock.now() + REWIND_MARGIN
        while lost - there > REWIND_PRECISION:
            middle = there + (lost - there) / 2
            row = await self._first_sent_since(middle)
            if row is None or not await self._is_there(row, state):
                lost = middle
            else:
                there = middle
        count = await self._unsend(_id_at(there - REWIND_MARGIN))
        self._lost.add(count)
        log.warning("broker lost events: sending again", schema=self.schema, events=count)

    async def _first_sent_since(self, moment: datetime) -> Row | None:
        return await self._database.fetchrow(
            f"select id, sent_seq from {self.schema}.outbox"
            " where sent_seq is not null and id >= $1 order by id limit 1",
            _id_at(moment),
        )

    async def _is_there(self, row: Row, state: StreamState) -> bool:
        """Whether the stream holds this very event, or held it until it was too old."""
        if row["sent_seq"] > state.last_seq:
            return False
        if row["sent_seq"] < state.first_seq:
            return True
        try:
            message = await self._broker.js.get_msg(self._broker.stream, seq=row["sent_seq"])
        except NotFoundError:
            return False
        return (message.headers or {}).get("Nats-Msg-Id") == str(row["id"])

    async def _unsend(self, first: UUID) -> int:
        tag = await self._database.execute(
            f"update {self.schema}.outbox set sent_seq = null where sent_seq is not null and id >= $1", first
        )
        return int(tag.rpartition(" ")[2])

    async def _ping(self) -> None:
        self._ping_waits = False
        try:
            await self._broker.nats.publish(self._ping_subject, b"")
        except nats_errors.Error as error:  # the leader also polls
            log.debug("ping lost", schema=self.schema, error=repr(error))

    async def _pinged(self, message: Msg) -> None:
        self._bell.ring()


def _waves(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows in groups without two of one aggregate: the next group goes when the one before was taken.

    So an event is never in the stream before an earlier one of its aggregate, whatever the broker refuses.
    """
    waves: list[list[Row]] = []
    depth: dict[UUID, int] = {}
    for row in rows:
        index = depth.get(row["key"], 0)
        depth[row["key"]] = index + 1
        if index == len(waves):
            waves.append([])
        waves[index].append(row)
    return waves


def _id_at(moment: datetime) -> UUID:
    """The lowest UUIDv7 of a moment: ids sort by time, so the primary key finds rows by age."""
    return UUID(int=max(0, int(moment.timestamp() * 1000)) << 80)
