"""A durable pull consumer of the stream, made again whenever it, the stream or the connection was lost.

Whoever becomes leader makes the durable anew from the first unacknowledged event on. So nothing waits for the
acknowledgment timeout of a killed leader, and what it left is delivered before what came later.
"""

from collections import deque
from collections.abc import Callable

import structlog
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from mercato.kernel import clock
from mercato.kernel.messaging.broker import Broker

ACK_WAIT_S = 15
MAX_UNACKNOWLEDGED = 2000
REQUEST_BATCH = 300
REQUEST_EXPIRES_S = 20
HEARTBEAT_S = 5
SILENCE_MAX_S = 2.5 * HEARTBEAT_S
BUFFER_MAX = 600

_NANOSECONDS = 1_000_000_000
_REQUEST = (
    f'{{"batch":{REQUEST_BATCH},"expires":{REQUEST_EXPIRES_S * _NANOSECONDS},'
    f'"idle_heartbeat":{HEARTBEAT_S * _NANOSECONDS}}}'
).encode()
_REQUEST_IS_OVER = ("404", "408")
_HEARTBEAT = "100"

log = structlog.get_logger()


class Puller:
    """Keeps one request for messages open and a buffer of those that came."""

    def __init__(
        self, broker: Broker, durable: str, subjects: list[str], arrived: Callable[[], None]
    ) -> None:
        self.durable = durable
        self.waiting: deque[Msg] = deque()
        self._broker = broker
        self._subjects = subjects
        self._arrived = arrived
        self._subscription: Subscription | None = None
        self._inbox = ""
        self._connection = 0
        self._credit = 0
        self._heard_s = 0.0
        self._is_lost = True
        broker.on_connect(arrived)

    async def keep_going(self) -> bool:
        """See to it that messages come; call at least every second.

        True when it had to start anew: everything unacknowledged is going to be delivered again.
        """
        started = False
        silent = clock.monotonic_s() - self._heard_s > SILENCE_MAX_S
        if self._is_lost or silent or self._connection != self._broker.connections:
            await self._start()
            started = True
        if self._credit <= 0 and len(self.waiting) < BUFFER_MAX:
            self._credit = REQUEST_BATCH
            self._heard_s = clock.monotonic_s()
            subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._broker.stream}.{self.durable}"
            await self._broker.nats.publish(subject, _REQUEST, reply=self._inbox)
        return started

    def take(self, count: int) -> list[Msg]:
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]

    def restart(self) -> None:
        """Start anew at the next `keep_going`: what was taken and not acknowledged comes again."""
        self._is_lost = True

    async def stop(self) -> None:
        self._is_lost = True
        self.waiting.clear()
        if self._subscription is not None and not self._broker.nats.is_closed:
            await self._subscription.unsubscribe()
        self._subscription = None

    async def _start(self) -> None:
        connection = self._broker.connections
        await self.stop()
        self._inbox = self._broker.nats.new_inbox()
        self._subscription = await self._broker.nats.subscribe(self._inbox, cb=self._receive)
        await self._remake_durable()
        self._credit = 0
        self._connection = connection
        self._heard_s = clock.monotonic_s()
        self._is_lost = False

    async def _remake_durable(self) -> None:
        stream = await self._broker.ensure_stream()
        js = self._broker.js
        start: int | None = None
        try:
            info = await js.consumer_info(self._broker.stream, self.durable)
            floor = info.ack_floor.stream_seq if info.ack_floor else 0
            start = min(floor, stream.state.last_seq) + 1
            await js.delete_consumer(self._broker.stream, self.durable)
        except NotFoundError:
            log.info("consumer made", consumer=self.durable)
        await js.add_consumer(
            self._broker.stream,
            ConsumerConfig(
                durable_name=self.durable,
                deliver_policy=DeliverPolicy.ALL if start is None else DeliverPolicy.BY_START_SEQUENCE,
                opt_start_seq=start,
                ack_policy=AckPolicy.EXPLICIT,
                ack_wait=ACK_WAIT_S,
                max_ack_pending=MAX_UNACKNOWLEDGED,
                filter_subjects=self._subjects,
            ),
        )

    async def _receive(self, message: Msg) -> None:
        self._heard_s = clock.monotonic_s()
        status = (message.headers or {}).get("Status")
        if status is None:
            self._credit -= 1
            self.waiting.append(message)
        elif status == _HEARTBEAT:
            return
        elif status in _REQUEST_IS_OVER:
            self._credit = 0
        else:
            log.info("consumer lost", consumer=self.durable, status=status)
            self._is_lost = True
        self._arrived()
