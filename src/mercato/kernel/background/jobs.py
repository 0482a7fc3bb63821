"""Long work outside a request: imports, mails, renditions. Rows in PostgreSQL, taken with SKIP LOCKED.

A job is written in the transaction of what causes it, runs at least once, is retried with growing pauses and
tells how far it is. Why no library: docs/decisions/0006-jobs-table.md.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from mercato.kernel import clock
from mercato.kernel.db import Queries, Tx
from mercato.kernel.ids import new_id

MAX_ATTEMPTS = 6
TIMEOUT_S = 300.0


class JobStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class JobRun:
    """A job that is being run: tell `progress` now and then, so that people see it lives."""

    def __init__(self, database: Queries, job_id: UUID, attempt: int) -> None:
        self.id = job_id
        self.attempt = attempt
        self._database = database

    async def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """`done` of `total` steps are finished; `note` is for people."""
        await self._database.execute(
            "update kernel.jobs set done = $2, total = $3, note = $4 where id = $1",
            self.id,
            done,
            total,
            note,
        )


class JobKind(msgspec.Struct, frozen=True, kw_only=True):
    """What a service can be asked to do later. `run` may happen twice: it must be safe to repeat.

    Raising MercatoError `Invalid`, `NotFound`, `Gone` or `Denied` fails the job at once; anything else is
    tried again, up to `max_attempts`.
    """

    name: str
    payload: Any
    """Type of the argument, a msgspec struct."""
    run: Callable[[JobRun, Any], Awaitable[None]]
    concurrency: int = 1
    """How many of this kind one process runs at once."""
    timeout_s: float = TIMEOUT_S
    max_attempts: int = MAX_ATTEMPTS


class JobInfo(msgspec.Struct, frozen=True):
    """One job for people. `total` is None while nobody knows."""

    id: UUID
    service: str
    kind: str
    status: JobStatus
    attempts: int
    done: int
    total: int | None
    note: str
    error: str
    created_at: datetime
    run_at: datetime
    finished_at: datetime | None


class Jobs:
    """The jobs of one service: `add` writes one, `ring` wakes a worker."""

    def __init__(self, service: str, ring: Callable[[], None]) -> None:
        self.service = service
        self.ring = ring

    async def add(
        self, db: Queries, kind: str, payload: Any, *, key: str | None = None, delay_s: float = 0
    ) -> UUID | None:
        """Write a job; returns its id, or None when one with the same `key` is still waiting or running.

        With a `Tx` the job exists when that commits and never when it rolls back.
        """
        now = clock.now()
        job_id = await db.fetchval(
            "insert into kernel.jobs (id, service, kind, payload, unique_key, run_at, created_at)"
            " values ($1, $2, $3, $4, $5, $6, $7)"
            " on conflict (service, kind, unique_key) where status in ('queued', 'running') do nothing"
            " returning id",
            new_id(), self.service, kind, msgspec.json.encode(payload), key,
            now + timedelta(seconds=delay_s), now,
        )  # fmt: skip
        if isinstance(db, Tx):
            db.after_commit(self.ring)
        else:
            self.ring()
        return job_id if job_id is None else UUID(str(job_id))
