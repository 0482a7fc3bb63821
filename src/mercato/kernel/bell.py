"""Waking a loop of this process: a bell per name, rung from anywhere, heard by whoever waits."""

import asyncio
from collections.abc import Callable


class Bell:
    """`ring` any number of times; the next `wait` returns at once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Whether the bell rang before `timeout_s` was over."""
        try:
            if timeout_s is None:
                await self._rung.wait()
            else:
                async with asyncio.timeout(timeout_s):
                    await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True


class Bells:
    """Bells by name; ringing one that nobody waits for is nothing."""

    def __init__(self) -> None:
        self._listeners: dict[str, Callable[[], None]] = {}

    def ring(self, name: str) -> None:
        listener = self._listeners.get(name)
        if listener is not None:
            listener()

    def connect(self, name: str, listener: Callable[[], None]) -> None:
        """From now on `listener` hears the bell `name` of this process."""
        self._listeners[name] = listener
