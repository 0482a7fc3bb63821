"""Work that repeats: one process of the shop at a time runs it, and everyone can see when it last did."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
import structlog

from mercato.kernel import clock
from mercato.kernel.db import Database
from mercato.kernel.errors import Unavailable

LOOK_AGAIN_MAX_S = 60.0
TROUBLE_PAUSE_S = 1.0
NOTE_EVERY_S = 5.0
ERROR_LENGTH = 500

log = structlog.get_logger()


class Schedule(msgspec.Struct, frozen=True):
    """Run `run` every `every_s` seconds, from start to start. `name` is unique in the shop.

    It may be stopped between any two awaits and is run again later: it must be safe to repeat.
    """

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


class ScheduleStatus(msgspec.Struct, frozen=True):
    """How a schedule went last time; `error` is empty when it went well."""

    name: str
    last_run_at: datetime | None
    duration_ms: int | None
    error: str | None
    runs: int
    failures: int


class Clockwork:
    """Runs one schedule, in the process that leads the role `schedule:<name>`."""

    def __init__(self, schedule: Schedule, database: Database, *, note_every_s: float = NOTE_EVERY_S) -> None:
        self.schedule = schedule
        self._database = database
        self._note_every_s = note_every_s
        self._forget()

    async def run(self) -> None:
        """Run at the due times for ever; a failed run is noted and the next one comes as planned."""
        self._forget()
        while True:
            try:
                wait_s = await self._wait_s()
                if wait_s <= 0:
                    await self._run_once()
                    continue
            except Unavailable as error:
                log.warning("schedule waits", schedule=self.schedule.name, error=repr(error))
                wait_s = TROUBLE_PAUSE_S
            await asyncio.sleep(min(wait_s, LOOK_AGAIN_MAX_S))

    def _forget(self) -> None:
        self._last_at: datetime | None = None
        self._noted_s = -math.inf
        self._noted_error = ""
        self._runs = self._failures = 0

    async def _wait_s(self) -> float:
        if self._last_at is None:
            self._last_at = await self._database.fetchval(
                "select last_run_at from kernel.schedules where name = $1", self.schedule.name
            )
        if self._last_at is None:
            return 0
        return (self._last_at + timedelta(seconds=self.schedule.every_s) - clock.now()).total_seconds()

    async def _run_once(self) -> None:
        self._last_at, started = clock.now(), clock.monotonic_s()
        error = ""
        try:
            await self.schedule.run()
        except Exception as caught:
            log.exception("schedule failed", schedule=self.schedule.name)
            error = f"{type(caught).__name__}: {caught}"[:ERROR_LENGTH]
        self._runs += 1
        self._failures += bool(error)
        now = clock.monotonic_s()
        if error != self._noted_error or now - self._noted_s >= self._note_every_s:
            await self._note(round(1000 * (now - started)), error)
            self._noted_s, self._noted_error = now, error

    async def _note(self, duration_ms: int, error: str) -> None:
        """Write how it went: for one that runs often not each time, because nobody looks that often."""
        await self._database.execute(
            "insert into kernel.schedules as s (name, last_run_at, duration_ms, error, runs, failures)"
            " values ($1, $2, $3, $4, $5, $6) on conflict (name)"
            " do update set last_run_at = excluded.last_run_at, duration_ms = excluded.duration_ms,"
            " error = excluded.error, runs = s.runs + excluded.runs,"
            " failures = s.failures + excluded.failures",
            self.schedule.name, self._last_at, duration_ms, error, self._runs, self._failures,
        )  # fmt: skip
        self._runs = self._failures = 0


async def statuses(database: Database, names: list[str]) -> list[ScheduleStatus]:
    """How the schedules `names` went; those that never ran are there too."""
    rows = await database.fetch(
        "select n.name, last_run_at, duration_ms, error, coalesce(runs, 0) as runs,"
        " coalesce(failures, 0) as failures"
        " from unnest($1::text[]) n(name) left join kernel.schedules s using (name) order by n.name",
        names,
    )
    return [ScheduleStatus(**dict(row)) for row in rows]
