"""A circuit breaker: what keeps failing is not asked for a while, so that nobody waits for it in vain.

After `failures` in a row it opens for `open_s`; then one call is let through, and what becomes of it closes
the circuit or opens it again for twice as long, up to `open_max_s`. Only `Unavailable` and timeouts count:
a refusal is an answer. State is of this process; each finds out for itself.
"""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from mercato.kernel import clock
from mercato.kernel.errors import Unavailable

T = TypeVar("T")

FAILURES = 3
OPEN_S = 10.0
OPEN_MAX_S = 120.0


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


class Breaker:
    """Guards the calls of one system that is not ours; each call is bounded by `timeout_s`."""

    def __init__(
        self,
        name: str,
        *,
        timeout_s: float,
        failures: int = FAILURES,
        open_s: float = OPEN_S,
        open_max_s: float = OPEN_MAX_S,
        now_s: Callable[[], float] = clock.monotonic_s,
    ) -> None:
        self.name = name
        self.circuit = Circuit.CLOSED
        self._timeout_s = timeout_s
        self._failures_allowed = failures
        self._open_first_s = self._open_s = open_s
        self._open_max_s = open_max_s
        self._now_s = now_s
        self._failed = 0
        self._opened_s = 0.0

    async def call(self, ask: Callable[[], Awaitable[T]]) -> T:
        """What `ask` gives. Raises Unavailable: at once while the circuit is open, and after the timeout."""
        self._admit()
        try:
            answer = await asyncio.wait_for(ask(), self._timeout_s)
        except TimeoutError:
            self._note_failure()
            raise Unavailable(f"{self.name}_timeout", f"{self.name} did not answer in time.") from None
        except Unavailable:
            self._note_failure()
            raise
        except asyncio.CancelledError:
            if self.circuit is Circuit.TRYING:
                self.circuit = Circuit.OPEN
            raise
        except Exception:
            self._close()
            raise
        self._close()
        return answer

    def _admit(self) -> None:
        if self.circuit is Circuit.CLOSED:
            return
        if self.circuit is Circuit.OPEN and self._now_s() - self._opened_s >= self._open_s:
            self.circuit = Circuit.TRYING
            return
        raise Unavailable(f"{self.name}_unavailable", f"{self.name} does not answer at the moment.")

    def _note_failure(self) -> None:
        self._failed += 1
        if self.circuit is Circuit.TRYING:
            self._open_s = min(self._open_s * 2, self._open_max_s)
        elif self._failed < self._failures_allowed:
            return
        self.circuit = Circuit.OPEN
        self._opened_s = self._now_s()

    def _close(self) -> None:
        self.circuit = Circuit.CLOSED
        self._failed = 0
        self._open_s = self._open_first_s
