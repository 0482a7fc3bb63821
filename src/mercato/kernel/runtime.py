"""What the composition root hands to each service: settings, database, outbox, jobs, hints, metrics."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from mercato.kernel.background.jobs import Jobs
from mercato.kernel.bell import Bells
from mercato.kernel.db import Database, Pool
from mercato.kernel.errors import Unavailable
from mercato.kernel.messaging.broker import Broker, BrokerClient
from mercato.kernel.messaging.live import Live
from mercato.kernel.messaging.outbox import Outbox
from mercato.kernel.press import Press
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings

THREADS = 2
MAX_WAITING_FOR_THREADS = 64

A = ParamSpec("A")
T = TypeVar("T")


class Runtime:
    """The surroundings of the services of one process. Making one does no I/O."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.nats = BrokerClient()
        self.broker = Broker(self.nats, settings)
        self.metrics = Metrics()
        self.live = Live(self.nats, settings.namespace)
        self.broker.on_connect(self.live.broker_is_back)
        self.outbox_bells = Bells()
        self.job_bells = Bells()
        self.press = Press()
        self._pools: dict[tuple[str, bool], Pool] = {}
        self._threads: ThreadPoolExecutor | None = None
        self._in_threads = 0

    def database(self, service: str, *, relaxed: bool = False) -> Database:
        """The database of `service`; services with one address share a pool.

        `relaxed` commits do not wait for the disk: a crash of the machine may lose the last moment. For
        carts and page views only. Raises SettingsError when no address is set.
        """
        address = self.settings.database_url_of(service)
        pool = self._pools.get((address, relaxed))
        if pool is None:
            settings = {"synchronous_commit": "off"} if relaxed else None
            pool = Pool(address, size=self.settings.pool_size, settings=settings)
            self._pools[address, relaxed] = pool
        return Database(pool)

    def outbox(self, service: str) -> Outbox:
        """The outbox in the schema of `service`."""
        return Outbox(service, partial(self.outbox_bells.ring, service))

    def jobs(self, service: str) -> Jobs:
        """The jobs of `service`."""
        return Jobs(service, partial(self.job_bells.ring, service))

    async def in_thread(self, function: Callable[A, T], *args: A.args, **kwargs: A.kwargs) -> T:
        """Run something that computes for long (hashing, images) beside the event loop.

        Raises Unavailable("busy") when too much waits already: a queue without end helps nobody.
        """
        if self._threads is None:
            self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="mercato")
        if self._in_threads >= MAX_WAITING_FOR_THREADS:
            raise Unavailable("busy", "Too much is going on at the moment; try again soon.")
        self._in_threads += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, partial(function, *args, **kwargs)
            )
        finally:
            self._in_threads -= 1

    @property
    def pools(self) -> list[Pool]:
        return list(self._pools.values())

    async def close(self) -> None:
        """Close the database connections and end the threads; the NATS connection is compose's to close."""
        for pool in self._pools.values():
            await pool.close()
        self.press.close()
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
