"""Schedules: each is run by one process, and seen to have run."""

import asyncio

from kernel.leading import leading
from mercato.kernel.background.schedules import Clockwork, Schedule, statuses
from mercato.kernel.db import Database
from support.waiting import eventually


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


async def _ran(database: Database, name: str) -> bool:
    return (await statuses(database, [name]))[0].runs > 0
