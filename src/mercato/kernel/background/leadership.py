"""One process of the shop at a time does it: roles behind advisory locks, on a connection of their own.

Relays, consumers and schedules are roles. A role runs while this process holds its lock; the lock ends with
the connection, so a killed leader is replaced within `RETRY_S`. For a moment two processes may both believe
that they lead: roles must therefore be harmless when doubled, only order may suffer.

A leader that hangs (paused, cut off) says nothing for `SILENT_S`, and PostgreSQL ends its session.

The connection must not go through a pooler that shares connections between transactions.
"""

import asyncio
import contextlib
import hashlib
import random
from collections.abc import Awaitable, Callable

import asyncpg
import structlog

from mercato.kernel.bell import Bell
from mercato.kernel.ending import end

RETRY_S = 1.0
CONNECT_TIMEOUT_S = 10.0
HEARTBEAT_TIMEOUT_S = 5.0
SILENT_S = 10
SHARE_PAUSE_S = 0.02
"""Between two roles: processes that start together come to share them."""
RESTART_PAUSE_S = 0.5
RESTART_PAUSE_MAX_S = 10.0

Run = Callable[[], Awaitable[None]]

log = structlog.get_logger()


class Leadership:
    """The roles of one process in one database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._roles: dict[str, Run] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._loop_task: asyncio.Task[None] | None = None

    def add(self, name: str, run: Run) -> None:
        """Run `run` whenever this process leads `name`; it is canceled when the lead is lost.

        Raises ValueError.
        """
        if name in self._roles:
            raise ValueError(f"two roles are called {name}")
        self._roles[name] = run

    def leads(self, name: str) -> bool:
        return name in self._tasks

    @property
    def led(self) -> list[str]:
        return list(self._tasks)

    async def start(self) -> None:
        self._loop_task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """End all roles, then give the locks back."""
        await end(self._loop_task)
        self._loop_task = None

    async def _keep(self) -> None:
        """Compete for ever: a process that stops competing is lost to the shop, whatever the reason."""
        while True:
            try:
                await self._compete()
            except Exception as error:
                log.warning("leads nothing: no database", error=repr(error))
            await asyncio.sleep(RETRY_S)

    async def _compete(self) -> None:
        """Take roles on one connection until it is lost; then all roles of this process end."""
        connection = await asyncpg.connect(
            self._url,
            timeout=CONNECT_TIMEOUT_S,
            server_settings={"application_name": "mercato leader", "idle_session_timeout": f"{SILENT_S}s"},
        )
        lost = Bell()
        connection.add_termination_listener(lambda _: lost.ring())
        try:
            while not connection.is_closed():
                await self._take_free(connection)
                await lost.wait(RETRY_S)
        finally:
            await self._end_roles()
            with contextlib.suppress(Exception):
                await connection.close(timeout=1)

    async def _take_free(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        missing = [name for name in self._roles if name not in self._tasks]
        random.shuffle(missing)
        if not missing:
            await connection.execute("select 1", timeout=HEARTBEAT_TIMEOUT_S)
            return
        for name in missing:
            if await connection.fetchval(
                "select pg_try_advisory_lock($1)", _key_of(name), timeout=HEARTBEAT_TIMEOUT_S
            ):
                self._tasks[name] = asyncio.create_task(self._supervise(name, self._roles[name]))
                await asyncio.sleep(SHARE_PAUSE_S)

    async def _supervise(self, name: str, run: Run) -> None:
        """Run a role again when it fails, after a growing pause."""
        pause = RESTART_PAUSE_S
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            try:
                await run()
                return
            except Exception:
                log.exception("role failed", role=name)
            if loop.time() - started > RESTART_PAUSE_MAX_S:
                pause = RESTART_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(2 * pause, RESTART_PAUSE_MAX_S)

    async def _end_roles(self) -> None:
        await end(*self._tasks.values())
        self._tasks.clear()


def _key_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"mercato {name}".encode()).digest()[:8], signed=True)
