"""What takes the jobs of a service and runs them; every process that runs the service has one."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import structlog

from mercato.kernel import clock
from mercato.kernel.background.jobs import JobInfo, JobKind, JobRun, JobStatus
from mercato.kernel.bell import Bell
from mercato.kernel.db import Database, Queries, Row
from mercato.kernel.ending import end
from mercato.kernel.errors import Denied, Gone, Invalid, NotFound, Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.telemetry import bound_log, span
from mercato.kernel.telemetry.metrics import Metrics

POLL_S = 2.0
LEASE_S = 30.0
RETRY_PAUSE_S = 2.0
RETRY_PAUSE_MAX_S = 900.0
ERROR_LENGTH = 2000
HOPELESS = (Invalid, NotFound, Gone, Denied)

log = structlog.get_logger()


class JobWorker:
    """Runs the jobs of one service in one process, each kind up to its own concurrency."""

    def __init__(
        self,
        service: str,
        kinds: Sequence[JobKind],
        database: Database,
        metrics: Metrics,
        *,
        retry_pause_s: float = RETRY_PAUSE_S,
    ) -> None:
        self.service = service
        self.bell = Bell()
        self._database = database
        self._retry_pause_s = retry_pause_s
        self._kinds = {kind.name: kind for kind in kinds}
        self._running: dict[asyncio.Task[None], str] = {}
        self._loop_task: asyncio.Task[None] | None = None
        self._done = metrics.counter("mercato_jobs_done_total", "Jobs done.", service=service)
        self._failed = metrics.counter("mercato_jobs_failed_total", "Jobs given up.", service=service)

    def start(self) -> None:
        self._loop_task = asyncio.create_task(self._work())

    async def stop(self) -> None:
        """Stop at once; jobs under way go back into the queue."""
        await end(*self._running, self._loop_task)

    async def _work(self) -> None:
        while True:
            try:
                taken = await self._take()
            except Unavailable as error:
                log.warning("jobs wait", service=self.service, error=repr(error))
                taken = 0
            if not taken:
                await self.bell.wait(POLL_S)

    async def _take(self) -> int:
        """Take due jobs, and running ones whose worker has not been heard of; returns how many."""
        taken = 0
        for kind in self._kinds.values():
            free = kind.concurrency - list(self._running.values()).count(kind.name)
            if free <= 0:
                continue
            rows = await self._database.fetch(
                "update kernel.jobs set status = 'running', attempts = attempts + 1, lease_until = $4"
                " where id in (select id from kernel.jobs where service = $1 and kind = $2"
                "   and status in ('queued', 'running') and run_at <= $3"
                "   and (status = 'queued' or lease_until < $3)"
                "   order by run_at limit $5 for update skip locked)"
                " returning id, payload, attempts",
                self.service, kind.name, clock.now(), _lease(), free,
            )  # fmt: skip
            for row in rows:
                task = asyncio.create_task(self._run(kind, row))
                self._running[task] = kind.name
                task.add_done_callback(self._ended)
            taken += len(rows)
        return taken

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)
        self.bell.ring()

    async def _run(self, kind: JobKind, row: Row) -> None:
        job_id: UUID = row["id"]
        label = f"{self.service}.{kind.name}"
        lease = asyncio.create_task(self._keep_lease(job_id))
        try:
            with bound_log(str(job_id), job=label), span(label, "internal"):
                payload = msgspec.json.decode(row["payload"], type=kind.payload)
                failpoint("job.taken")
                async with asyncio.timeout(kind.timeout_s):
                    await kind.run(JobRun(self._database, job_id, row["attempts"]), payload)
            await self._finish(job_id, JobStatus.DONE, "")
            self._done.add()
        except asyncio.CancelledError:
            await asyncio.shield(self._again(job_id, 0, "The worker was stopped."))
            raise
        except Exception as error:
            await self._failure(kind, row, error)
        finally:
            lease.cancel()

    async def _failure(self, kind: JobKind, row: Row, error: Exception) -> None:
        text = f"{type(error).__name__}: {error}"[:ERROR_LENGTH]
        hopeless = isinstance(error, (*HOPELESS, msgspec.ValidationError))
        log.warning("job failed", service=self.service, kind=kind.name, job_id=str(row["id"]), error=text)
        if hopeless or row["attempts"] >= kind.max_attempts:
            self._failed.add()
            await self._finish(row["id"], JobStatus.FAILED, text)
        else:
            pause_s = min(RETRY_PAUSE_MAX_S, self._retry_pause_s * 3 ** (row["attempts"] - 1))
            await self._again(row["id"], pause_s, text)
            if pause_s < POLL_S:
                asyncio.get_running_loop().call_later(pause_s, self.bell.ring)

    async def _finish(self, job_id: UUID, status: JobStatus, error: str) -> None:
        await self._database.execute(
            "update kernel.jobs set status = $2, error = $3, finished_at = $4, lease_until = null"
            " where id = $1",
            job_id, status, error, clock.now(),
        )  # fmt: skip

    async def _again(self, job_id: UUID, pause_s: float, error: str) -> None:
        await self._database.execute(
            "update kernel.jobs set status = 'queued', error = $2, run_at = $3, lease_until = null"
            " where id = $1",
            job_id, error, clock.now() + timedelta(seconds=pause_s),
        )  # fmt: skip

    async def _keep_lease(self, job_id: UUID) -> None:
        while True:
            await asyncio.sleep(LEASE_S / 3)
            try:
                await self._database.execute(
                    "update kernel.jobs set lease_until = $2 where id = $1 and status = 'running'",
                    job_id,
                    _lease(),
                )
            except Unavailable as error:
                log.warning("job lease not renewed", job_id=str(job_id), error=repr(error))


def _lease() -> Any:
    return clock.now() + timedelta(seconds=LEASE_S)


async def jobs_of(database: Database, service: str, *, limit: int = 50) -> list[JobInfo]:
    """Waiting, running and failed jobs first, then the newest done ones."""
    rows = await database.fetch(
        "select id, service, kind, status, attempts, done, total, note, error, created_at, run_at,"
        " finished_at from kernel.jobs where service = $1 order by (status = 'done'), id desc limit $2",
        service, limit,
    )  # fmt: skip
    return [JobInfo(**dict(row) | {"status": JobStatus(row["status"])}) for row in rows]


async def retry_job(db: Queries, job_id: UUID) -> str:
    """Queue a failed job once more, with all its attempts; its kind. Raises NotFound for any other job."""
    kind = await db.fetchval(
        "update kernel.jobs set status = 'queued', attempts = 0, run_at = $2, finished_at = null"
        " where id = $1 and status = 'failed' returning kind",
        job_id, clock.now(),
    )  # fmt: skip
    if kind is None:
        raise NotFound(detail="There is no such failed job.")
    return str(kind)
