"""Hashes passwords with Argon2id on one thread, so that no request waits behind a hash on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from mercato.kernel.breaches import BreachFilter
from mercato.kernel.errors import FieldError, Invalid, Unavailable
from mercato.kernel.ids import new_token

MEMORY_KIB = 19 * 1024
MAX_WAITING = 48
"""About one second of hashing at 21 ms each."""
RETRY_AFTER_S = 2

T = TypeVar("T")


class Passwords:
    """Argon2id with OWASP's parameters (19 MiB, two passes, one lane)."""

    def __init__(self, *, max_waiting: int = MAX_WAITING, breaches: BreachFilter | None = None) -> None:
        self.verifications = 0
        """How many hashes were verified since the start, the dummy's included."""
        self.waiting = 0
        self._max_waiting = max_waiting
        self._breaches = breaches
        self._hasher = PasswordHasher(time_cost=2, memory_cost=MEMORY_KIB, parallelism=1, type=Type.ID)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="passwords")
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """A salted hash to store. Raises Unavailable when too many wait."""
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether `password` made `stored`; without one a dummy is verified, which takes as long, and False.

        Raises Unavailable when too many wait.
        """
        return await self._run(lambda: self._verify(stored, password))

    def needs_rehash(self, stored: str) -> bool:
        """True when `stored` was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    async def judge(self, check: Callable[[], None]) -> None:
        """Run a check of a password's strength on the same thread: it takes milliseconds."""
        await self._run(check)

    async def refuse_breached(self, password: str, *, field: str = "password") -> None:
        """Refuse a new password that is in the filter of breaches. Raises Invalid on `field`."""
        if self._breaches is not None and await self._run(lambda: password in (self._breaches or ())):
            message = "This password is known from a breach elsewhere: choose another."
            raise Invalid(detail=message, errors=[FieldError(field, "password_breached", message)])

    async def warm(self) -> None:
        """Make the dummy now, so that the first unknown address is not answered more slowly than others."""
        self._dummy = await self.hash(new_token())

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._breaches is not None:
            self._breaches.close()

    def _verify(self, stored: str | None, password: str) -> bool:
        self.verifications += 1
        if self._dummy is None:
            self._dummy = self._hasher.hash(new_token())
        try:
            return self._hasher.verify(stored or self._dummy, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self.waiting >= self._max_waiting:
            raise Unavailable(
                "sign_in_busy", "Many people sign in right now; try again in a moment.",
                data={"retry_after_s": RETRY_AFTER_S},
            )  # fmt: skip
        self.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        finally:
            self.waiting -= 1
