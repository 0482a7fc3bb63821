"""The NATS connection of a process and the shop's one stream of events.

The stream is a means of transport: it can be lost and is made again from the outboxes.
"""

import asyncio
from collections.abc import Callable

import structlog
from nats import errors as nats_errors
from nats.aio.client import DEFAULT_FLUSH_TIMEOUT, Client
from nats.js import JetStreamContext
from nats.js.api import RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from mercato.settings import Settings, SettingsError

CONNECT_TIMEOUT_S = 10.0
RECONNECT_PAUSE_S = 0.25
KEPT_S = 30 * 24 * 3600
"""How long events are kept in the stream and in the outboxes."""
DUPLICATE_WINDOW_S = 120
MAX_STREAM_BYTES = 4 * 1024**3
PENDING_ACKS_MAX = 4000

log = structlog.get_logger()


class BrokerClient(Client):
    """The NATS client, with a `flush` that is what it says."""

    async def flush(self, timeout: int = DEFAULT_FLUSH_TIMEOUT) -> None:
        """Wait until the broker has taken everything that was said before, subscriptions above all.

        nats-py writes its ping at once, ahead of what still waits to be written. When its pong is back, that
        has been written too, and a second ping comes after it.
        """
        await super().flush(timeout)
        await super().flush(timeout)


class Broker:
    """Connects, reconnects for ever, tells listeners about it, and keeps the stream in being."""

    def __init__(self, nats: Client, settings: Settings) -> None:
        self.nats = nats
        self.stream = f"{settings.namespace}_events"
        self.connections = 0
        """Counts connects: whoever sees a new number must check what it believed about the stream."""
        self._settings = settings
        self._on_connect: list[Callable[[], None]] = []

    @property
    def js(self) -> JetStreamContext:
        return self._js

    def subject(self, event_subject: str) -> str:
        return f"{self._settings.namespace}.events.{event_subject}"

    def on_connect(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever the connection is there again."""
        self._on_connect.append(listener)

    async def connect(self, name: str) -> None:
        """Connect under `name`. Raises SettingsError when nothing answers at NATS_URL."""
        url = self._settings.nats_url
        if not url:
            raise SettingsError("Set NATS_URL to the address of NATS, for example nats://127.0.0.1:4222.")
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self.nats.connect(
                    url,
                    name=name,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_PAUSE_S,  # type: ignore[arg-type]
                    ping_interval=10,
                    max_outstanding_pings=2,
                    reconnected_cb=self._reconnected,
                    disconnected_cb=self._disconnected,
                    error_cb=self._failed,
                )
        except (TimeoutError, OSError, nats_errors.Error):
            await self.nats.close()
            raise SettingsError(f"NATS does not answer at NATS_URL ({_without_secret(url)}).") from None
        self._js = self.nats.jetstream(publish_async_max_pending=PENDING_ACKS_MAX)
        self.connections += 1

    async def close(self) -> None:
        if self.nats.is_connected:
            await self.nats.drain()
        elif self.connections:  # the client refuses to close what never was open
            await self.nats.close()

    async def ensure_stream(self) -> StreamInfo:
        """The stream; made when it is missing."""
        try:
            return await self.js.stream_info(self.stream)
        except NotFoundError:
            log.warning("stream made", stream=self.stream)
            return await self.js.add_stream(
                StreamConfig(
                    name=self.stream,
                    subjects=[self.subject(">")],
                    retention=RetentionPolicy.LIMITS,
                    storage=StorageType.FILE,
                    max_age=KEPT_S,
                    max_bytes=MAX_STREAM_BYTES,
                    duplicate_window=DUPLICATE_WINDOW_S,
                    num_replicas=self._settings.nats_replicas,
                    allow_direct=True,
                )
            )

    async def _reconnected(self) -> None:
        self.connections += 1
        log.info("broker connected", connections=self.connections)
        for listener in self._on_connect:
            listener()

    async def _disconnected(self) -> None:
        if not self.nats.is_draining and not self.nats.is_closed:
            log.warning("broker lost")

    async def _failed(self, error: Exception) -> None:
        log.warning("broker error", error=repr(error))


def _without_secret(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
