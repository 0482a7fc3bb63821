"""The proof at the end of a journey or a fault: all books agree and nothing is on its way any more."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine, Iterator
from datetime import timedelta
from typing import Any, TypeVar

from mercato import compose
from mercato.commands.verify import Report, report_of
from mercato.kernel import clock
from mercato.settings import load
from support.shop import Shop

T = TypeVar("T")
SLACK_S = 60.0


class Auditor:
    """Does what `mercato verify` does, again and again, without starting a process each time.

    It is one more process of the shop that runs no module: it sees the shop only from outside.
    """

    def __init__(self, shop: Shop) -> None:
        self._env = shop.env
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="auditor", daemon=True)
        self._thread.start()
        with self._shops_time():
            self._client = self._run(compose.start(load(self._env)))

    def report(self, wait_s: float) -> Report:
        """All books compared, once events have arrived or `wait_s` is over."""
        with self._shops_time():
            return self._run(report_of(self._client, wait_s=wait_s), wait_s)

    def close(self) -> None:
        self._run(self._client.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @contextlib.contextmanager
    def _shops_time(self) -> Iterator[None]:
        clock.set_offset(timedelta(seconds=int(self._env.get("MERCATO_CLOCK_OFFSET_S", "0"))))
        try:
            yield
        finally:
            clock.set_offset(timedelta(0))

    def _run(self, work: Coroutine[Any, Any, T], wait_s: float = 0) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=wait_s + SLACK_S)


def assert_books_agree(shop: Shop, *, wait_s: float = 20) -> None:
    """Stock = movements = promises, orders = payments = the provider's own books, and no event waits."""
    if shop.auditor is None:
        shop.auditor = Auditor(shop)
    differences = shop.auditor.report(wait_s).differences
    assert not differences, differences
