"""Jobs: each is done by one process at a time, tried again, and seen to be done."""

import asyncio
import os
import signal
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.kernel import clock
from mercato.kernel.background.job_worker import JobWorker, jobs_of, retry_job
from mercato.kernel.background.jobs import JobKind, JobRun, Jobs, JobStatus
from mercato.kernel.db import Database
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from support.waiting import eventually


class Greeting(msgspec.Struct):
    name: str


class TestJobs:
    @pytest.fixture
    def worker(self, database: Database) -> Any:
        workers: list[JobWorker] = []

        def make(run: Any, **options: Any) -> JobWorker:
            kind = JobKind(name="greet", payload=Greeting, run=run, **options)
            worker = JobWorker("shop", (kind,), database, Metrics(), retry_pause_s=0.02)
            worker.start()
            workers.append(worker)
            return worker

        yield make
        for worker in workers:
            if worker._loop_task is not None:
                worker._loop_task.cancel()

    async def test_a_job_runs_when_its_transaction_commits(self, database: Database, worker: Any) -> None:
        greeted: list[str] = []

        async def greet(run: JobRun, payload: Greeting) -> None:
            greeted.append(payload.name)

        one = worker(greet)
        jobs = Jobs("shop", one.bell.ring)
        with pytest.raises(ValueError, match="no"):
            async with database.transaction() as tx:
                await jobs.add(tx, "greet", Greeting("nobody"))
                raise ValueError("no")
        async with database.transaction() as tx:
            await jobs.add(tx, "greet", Greeting("ann"))
        await eventually(lambda: _status(database, JobStatus.DONE))
        assert greeted == ["ann"]
        await one.stop()

    async def test_a_failing_job_is_tried_again_and_then_given_up(
        self, database: Database, worker: Any
    ) -> None:
        tries: list[int] = []

        async def fail(run: JobRun, payload: Greeting) -> None:
            tries.append(run.attempt)
            raise OSError("no line")

        one = worker(fail, max_attempts=3)
        job_id = await Jobs("shop", one.bell.ring).add(database, "greet", Greeting("ann"))
        job = await eventually(lambda: _status(database, JobStatus.FAILED))
        assert tries == [1, 2, 3]
        assert (job.id, job.attempts, job.error) == (job_id, 3, "OSError: no line")
        await retry_job(database, job.id)
        one.bell.ring()
        await eventually(lambda: len(tries) == 6)
        with pytest.raises(NotFound):
            await retry_job(database, new_id())
        await one.stop()

    async def test_a_hopeless_job_is_not_tried_again(self, database: Database, worker: Any) -> None:
        tries: list[int] = []

        async def refuse(run: JobRun, payload: Greeting) -> None:
            tries.append(run.attempt)
            raise Invalid("bad_file", "No rows.")

        one = worker(refuse)
        await Jobs("shop", one.bell.ring).add(database, "greet", Greeting("ann"))
        await eventually(lambda: _status(database, JobStatus.FAILED))
        assert tries == [1]
        await one.stop()

    async def test_one_key_is_one_job_until_it_is_done(self, database: Database, worker: Any) -> None:
        jobs = Jobs("shop", lambda: None)
        first = await jobs.add(database, "greet", Greeting("ann"), key="ann")
        assert isinstance(first, UUID)
        assert await jobs.add(database, "greet", Greeting("ann"), key="ann") is None
        greeted: list[str] = []

        async def greet(run: JobRun, payload: Greeting) -> None:
            greeted.append(payload.name)

        one = worker(greet)
        await eventually(lambda: _status(database, JobStatus.DONE))
        assert await jobs.add(database, "greet", Greeting("ann"), key="ann") is not None
        one.bell.ring()
        await eventually(lambda: greeted == ["ann", "ann"])
        await one.stop()

    async def test_two_workers_run_each_job_once_and_in_parallel(
        self, database: Database, worker: Any
    ) -> None:
        ran: list[str] = []
        running = most = 0

        async def greet(run: JobRun, payload: Greeting) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0.01)
            ran.append(payload.name)
            running -= 1

        jobs = Jobs("shop", lambda: None)
        for number in range(40):
            await jobs.add(database, "greet", Greeting(str(number)))
        two = [worker(greet, concurrency=2), worker(greet, concurrency=2)]
        await eventually(lambda: len(ran) == 40)
        assert sorted(ran, key=int) == [str(number) for number in range(40)]
        assert 2 <= most <= 4
        for one in two:
            await one.stop()

    async def test_tells_how_far_it_is(self, database: Database, worker: Any) -> None:
        go_on = asyncio.Event()

        async def slow(run: JobRun, payload: Greeting) -> None:
            await run.progress(30, 100, "reading")
            await go_on.wait()

        one = worker(slow)
        await Jobs("shop", one.bell.ring).add(database, "greet", Greeting("ann"))

        async def seen() -> bool:
            (job,) = await jobs_of(database, "shop")
            return (job.status, job.done, job.total, job.note) == (JobStatus.RUNNING, 30, 100, "reading")

        await eventually(seen)
        go_on.set()
        await eventually(lambda: _status(database, JobStatus.DONE))
        await one.stop()

    async def test_a_job_goes_back_into_the_queue_when_its_worker_stops(
        self, database: Database, worker: Any
    ) -> None:
        started = asyncio.Event()

        async def slow(run: JobRun, payload: Greeting) -> None:
            started.set()
            await asyncio.Event().wait()

        one = worker(slow)
        await Jobs("shop", one.bell.ring).add(database, "greet", Greeting("ann"))
        await started.wait()
        await one.stop()
        assert (await jobs_of(database, "shop"))[0].status is JobStatus.QUEUED

    async def test_a_job_of_a_killed_worker_is_run_by_another(
        self, runtime: Runtime, database: Database, worker: Any
    ) -> None:
        await Jobs("shop", lambda: None).add(database, "greet", Greeting("ann"))
        victim = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _KILLED_WORKER, runtime.settings.database_url,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        assert await asyncio.wait_for(victim.wait(), 30) == -signal.SIGKILL
        assert (await jobs_of(database, "shop"))[0].status is JobStatus.RUNNING
        greeted: list[str] = []

        async def greet(run: JobRun, payload: Greeting) -> None:
            greeted.append(payload.name)

        one = worker(greet)
        clock.set_offset(timedelta(seconds=31))
        try:
            one.bell.ring()
            await eventually(lambda: greeted == ["ann"])
        finally:
            clock.set_offset(timedelta(0))
        await one.stop()


_KILLED_WORKER = """
import asyncio, sys
from kernel.test_jobs import Greeting
from mercato.kernel import failpoints
from mercato.kernel.db import Database, Pool
from mercato.kernel.background.job_worker import JobWorker
from mercato.kernel.background.jobs import JobKind
from mercato.kernel.telemetry.metrics import Metrics

async def main():
    failpoints.configure("job.taken")
    kind = JobKind(name="greet", payload=Greeting, run=print)
    JobWorker("shop", (kind,), Database(Pool(sys.argv[1], size=2)), Metrics()).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def _status(database: Database, status: JobStatus) -> Any:
    for job in await jobs_of(database, "shop"):
        if job.status is status:
            return job
    return None
