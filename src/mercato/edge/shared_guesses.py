"""Failures that every process of the shop knows: counted in one table, told to the others at once.

Asking whether somebody must wait costs no statement: each process remembers. A failure costs one, and what it
answers is told by a hint; a process that starts, or has missed hints, reads the table.
"""

import asyncio

import msgspec
import structlog

from mercato.edge.guesses import FLOOD_WINDOW, FORGET_AFTER, Guesses
from mercato.edge.store import failures_since, note_failure, purge_failures
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.ending import end
from mercato.kernel.errors import Unavailable
from mercato.kernel.messaging.live import Live

TOPIC = "guesses"
PURGE_EVERY_S = 300

log = structlog.get_logger()


class Told(msgspec.Struct, frozen=True, array_like=True):
    """One failure, as the table counts it."""

    rule: str
    who: bytes
    count: int
    of_everybody: int


class SharedGuesses:
    """What `Guesses` knows, kept in step with the other processes."""

    def __init__(self, guesses: Guesses, database: Database, live: Live) -> None:
        self._guesses = guesses
        self._db = database
        self._live = live
        self._task: asyncio.Task[None] | None = None
        self._hears = asyncio.Event()

    def admit(self, name: str, ctx: Context) -> None:
        """Raise Throttled with `retry_after_s` while this one must wait."""
        self._guesses.admit(name, ctx)

    async def failed(self, name: str, ctx: Context) -> None:
        """Count a failure for the whole shop; for this process alone while the database is away."""
        who, now = self._guesses.key_of(ctx), clock.now()
        if not who:
            return
        try:
            count, of_everybody = await note_failure(
                self._db, rule=name, who=who, now=now, forget_before=now - FORGET_AFTER,
                window_before=now - FLOOD_WINDOW,
            )  # fmt: skip
        except Unavailable:
            self._guesses.failed(name, ctx)
            return
        self._guesses.learn(name, who, count, of_everybody)
        self._live.publish(TOPIC, msgspec.json.encode(Told(name, who, count, of_everybody)))

    async def start(self) -> None:
        """Read what is known, and hear the rest from now on."""
        self._task = asyncio.create_task(self._hear())
        await self._hears.wait()

    async def stop(self) -> None:
        await end(self._task)

    async def _hear(self) -> None:
        async with self._live.listen(TOPIC) as hints:
            await self._read()
            self._hears.set()
            async for hint in hints:
                if not hint.topic:
                    await self._read()
                    continue
                try:
                    told = msgspec.json.decode(hint.data, type=Told)
                except msgspec.DecodeError:
                    continue
                self._guesses.learn(told.rule, told.who, told.count, told.of_everybody)

    async def _read(self) -> None:
        now = clock.now()
        try:
            rows = await failures_since(self._db, since=now - FORGET_AFTER)
        except Unavailable:
            log.warning("failures of others are not known yet")
            return
        for rule, who, count, last_at in rows:
            self._guesses.learn(rule, who, count, 0, age_s=(now - last_at).total_seconds())


async def purge(database: Database) -> None:
    """Forget what no longer counts."""
    await purge_failures(database, before=clock.now() - FORGET_AFTER)
