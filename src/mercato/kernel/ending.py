"""Ending tasks that would run for ever."""

import asyncio

AGAIN_S = 1.0
"""Long enough for what a task does in its `finally`."""


async def end(*tasks: "asyncio.Task[None] | None") -> None:
    """Cancel `tasks` and wait until each has ended.

    Cancels again what goes on: `asyncio.wait_for` of Python 3.11, which clients of ours use, swallows a
    cancellation that comes in the same turn of the loop as the answer it waits for.
    """
    waiting = {task for task in tasks if task is not None and not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=AGAIN_S)
    await asyncio.gather(*(task for task in tasks if task is not None), return_exceptions=True)
