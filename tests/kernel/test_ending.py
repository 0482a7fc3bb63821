"""Ending what would run for ever."""

import asyncio

from mercato.kernel.ending import end


async def test_ends_a_task_that_swallowed_its_cancellation() -> None:
    begun, swallowed = asyncio.Event(), 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                begun.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if swallowed:
                    raise
                swallowed += 1

    async def meek() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(stubborn()), asyncio.create_task(meek())]
    await begun.wait()
    await asyncio.wait_for(end(*tasks), 10)
    assert [task.cancelled() for task in tasks] == [True, True]
    assert swallowed == 1


async def test_nothing_and_tasks_that_failed_are_ended_already() -> None:
    async def failing() -> None:
        raise ValueError("long ago")

    task = asyncio.create_task(failing())
    await asyncio.wait([task])
    await end(None, task)
    assert isinstance(task.exception(), ValueError)
