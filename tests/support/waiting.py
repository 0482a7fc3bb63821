"""Waiting on a condition, never for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    condition: Callable[[], T | Awaitable[T]], *, timeout_s: float = 10, every_s: float = 0.02
) -> T:
    """The first truthy value of `condition`; raises AssertionError when none came in time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout_s
    while True:
        value = condition()
        result: T = await value if inspect.isawaitable(value) else value
        if result:
            return result
        if loop.time() > end:
            raise AssertionError(
                f"this did not become true in {timeout_s} s: {inspect.getsource(condition).strip()}"
            )
        await asyncio.sleep(every_s)


def eventually_sync(condition: Callable[[], T | None], *, timeout_s: float = 10, every_s: float = 0.05) -> T:
    """Like `eventually`, where no event loop runs."""
    end = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(
                f"this did not become true in {timeout_s} s: {inspect.getsource(condition).strip()}"
            )
        time.sleep(every_s)
