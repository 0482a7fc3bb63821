"""Schedules, jobs and leadership: each thing is done by one process at a time, and seen to be done."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
import pytest

from kernel.conftest import ParcelMoved
from mercato.kernel import clock
from mercato.kernel.db import Database
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.job_worker import JobWorker, jobs_of, retry_job
from mercato.kernel.jobs import JobKind, JobRun, Jobs, JobStatus
from mercato.kernel.leadership import Leadership
from mercato.kernel.metrics import Metrics
from mercato.kernel.outbox import decoder_of
from mercato.kernel.retention import forget_old
from mercato.kernel.runtime import Runtime
from mercato.kernel.schedules import Clockwork, Schedule, statuses
from support.waiting import eventually


class Greeting(msgspec.Struct):
    name: str


@contextlib.asynccontextmanager
async def leading(url: str, name: str, run: Any) -> AsyncIterator[Leadership]:
    leadership = Leadership(url)
    leadership.add(name, run)
    await leadership.start()
    try:
        yield leadership
    finally:
        await leadership.stop()


class TestLeadership:
    async def test_one_process_at_a_time_has_a_role(self, shop_url: str) -> None:
        running: list[str] = []

        def role(name: str) -> Any:
            async def run() -> None:
                running.append(name)
                try:
                    await asyncio.Event().wait()
                finally:
                    running.remove(name)

            return run

        async with leading(shop_url, "role", role("first")) as first:
            await eventually(lambda: running == ["first"])
            async with leading(shop_url, "role", role("second")) as second:
                for free in ("free", "later"):  # once it leads the later one, it has tried for `role`
                    second.add(free, role(free))
                    await eventually(lambda free=free: free in running)
                assert sorted(running) == ["first", "free", "later"]
                assert (first.leads("role"), second.leads("role")) == (True, False)
                await first.stop()
                await eventually(lambda: sorted(running) == ["free", "later", "second"])

    async def test_another_takes_over_when_the_connection_of_the_leader_breaks(self, shop_url: str) -> None:
        seen: list[str] = []

        async def run() -> None:
            seen.append("began")
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("ended")

        async with leading(shop_url, "role", run):
            await eventually(lambda: seen == ["began"])
            outside = await asyncpg.connect(shop_url)
            await outside.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'mercato leader' and datname = current_database()"
            )
            await outside.close()
            await eventually(lambda: seen == ["began", "ended", "began"])

    async def test_runs_a_failing_role_again(self, shop_url: str) -> None:
        tries: list[int] = []

        async def run() -> None:
            tries.append(1)
            if len(tries) == 1:
                raise ValueError("once")
            await asyncio.Event().wait()

        async with leading(shop_url, "role", run):
            await eventually(lambda: len(tries) == 2)

    def test_refuses_two_roles_of_one_name(self, shop_url: str) -> None:
        leadership = Leadership(shop_url)
        leadership.add("role", asyncio.sleep)
        with pytest.raises(ValueError, match="two roles are called role"):
            leadership.add("role", asyncio.sleep)


class TestSchedules:
    async def test_runs_again_after_its_time_and_notes_how_it_went(self, database: Database) -> None:
        runs = 0

        async def work() -> None:
            nonlocal runs
            runs += 1

        clockwork = Clockwork(Schedule("sweep", 0.1, work), database, note_every_s=0)
        task = asyncio.create_task(clockwork.run())
        await eventually(lambda: runs >= 3)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        (status,) = await statuses(database, ["sweep"])
        assert (status.name, status.error, status.failures) == ("sweep", "", 0)
        assert status.runs in (runs, runs - 1)
        assert status.last_run_at is not None

    async def test_does_not_run_before_its_time_after_a_restart(self, database: Database) -> None:
        runs = 0

        async def work() -> None:
            nonlocal runs
            runs += 1

        schedule = Schedule("daily", 86_400, work)
        task = asyncio.create_task(Clockwork(schedule, database).run())
        await eventually(lambda: _ran(database, "daily"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert 86_390 < await Clockwork(schedule, database)._wait_s() <= 86_400
        assert runs == 1

    async def test_a_failing_run_is_noted_and_the_next_one_comes(self, database: Database) -> None:
        runs = 0

        async def work() -> None:
            nonlocal runs
            runs += 1
            if runs == 1:
                raise ValueError("no paper")

        async def failed_once() -> bool:
            (status,) = await statuses(database, ["print"])
            return (status.error, status.failures, status.runs) == ("ValueError: no paper", 1, 1)

        schedule = Schedule("print", 0.5, work)
        task = asyncio.create_task(Clockwork(schedule, database).run())
        await eventually(failed_once)
        await eventually(lambda: runs == 2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_two_processes_never_run_one_schedule_at_once(
        self, database: Database, shop_url: str
    ) -> None:
        running = most = runs = 0

        async def work() -> None:
            nonlocal running, most, runs
            running, runs = running + 1, runs + 1
            most = max(most, running)
            await asyncio.sleep(0.02)
            running -= 1

        clockwork = Clockwork(Schedule("sweep", 0.01, work), database)
        async with (
            leading(shop_url, "schedule:sweep", clockwork.run),
            leading(shop_url, "schedule:sweep", clockwork.run),
        ):
            await eventually(lambda: runs >= 20)
        assert most == 1

    async def test_one_that_runs_often_is_not_written_down_each_time(self, database: Database) -> None:
        runs = 0

        async def work() -> None:
            nonlocal runs
            runs += 1

        task = asyncio.create_task(Clockwork(Schedule("often", 0.005, work), database).run())
        await eventually(lambda: runs >= 20)
        (status,) = await statuses(database, ["often"])
        assert status.runs == 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def test_a_schedule_that_never_ran_is_shown(self, database: Database) -> None:
        (status,) = await statuses(database, ["new"])
        assert (status.last_run_at, status.runs) == (None, 0)


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
from kernel.test_background import Greeting
from mercato.kernel import failpoints
from mercato.kernel.db import Database, Pool
from mercato.kernel.job_worker import JobWorker
from mercato.kernel.jobs import JobKind
from mercato.kernel.metrics import Metrics

async def main():
    failpoints.configure("job.taken")
    kind = JobKind(name="greet", payload=Greeting, run=print)
    JobWorker("shop", (kind,), Database(Pool(sys.argv[1], size=2)), Metrics()).start()
    await asyncio.Event().wait()

asyncio.run(main())
"""


class TestRetention:
    async def test_forgets_what_is_old_and_keeps_what_is_not(self, database: Database) -> None:
        await database.execute(
            "insert into shop.outbox (id, subject, key, body, at, sent_seq) values"
            " (gen_random_uuid(), 'old sent', gen_random_uuid(), '', now() - interval '31 days', 1),"
            " (gen_random_uuid(), 'old unsent', gen_random_uuid(), '', now() - interval '31 days', null),"
            " (gen_random_uuid(), 'young', gen_random_uuid(), '', now() - interval '29 days', 2)"
        )
        await database.execute(
            "insert into shop.inbox (consumer, event_id, at) values"
            " ('old', gen_random_uuid(), now() - interval '46 days'),"
            " ('young', gen_random_uuid(), now() - interval '31 days')"
        )
        assert await forget_old("shop", database) == 2
        subjects = await database.fetch("select subject from shop.outbox order by subject")
        assert [row["subject"] for row in subjects] == ["old unsent", "young"]
        assert await database.fetchval("select consumer from shop.inbox") == "young"


async def _ran(database: Database, name: str) -> bool:
    return (await statuses(database, [name]))[0].runs > 0


async def _status(database: Database, status: JobStatus) -> Any:
    for job in await jobs_of(database, "shop"):
        if job.status is status:
            return job
    return None


def test_an_event_with_a_field_of_a_newer_version_can_be_read() -> None:
    event = ParcelMoved(parcel=new_id(), step=1)
    body = msgspec.json.encode(event)[:-1] + b',"traceparent":"00-1-2-01","later":3}'
    assert decoder_of(ParcelMoved)(body) == event
