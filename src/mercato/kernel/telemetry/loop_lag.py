"""How late the event loop is: the first sign that something computes where it must not."""

import asyncio
from collections import deque

from mercato.kernel.clock import monotonic_s

EVERY_S = 0.5
REMEMBERED = 20


class LoopLag:
    """Sleeps half a second again and again and notes by how much each sleep was too long."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=REMEMBERED)
        self._task: asyncio.Task[None] | None = None

    @property
    def worst_s(self) -> float:
        """The worst lag of the last ten seconds."""
        return max(self._recent, default=0.0)

    def start(self) -> None:
        self._task = asyncio.create_task(self._measure())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _measure(self) -> None:
        while True:
            started = monotonic_s()
            await asyncio.sleep(EVERY_S)
            self._recent.append(max(0.0, monotonic_s() - started - EVERY_S))
