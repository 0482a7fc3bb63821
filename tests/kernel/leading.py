"""Work of which one process at a time does each kind."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from mercato.kernel.background.leadership import Leadership


@contextlib.asynccontextmanager
async def leading(url: str, name: str, run: Any) -> AsyncIterator[Leadership]:
    leadership = Leadership(url)
    leadership.add(name, run)
    await leadership.start()
    try:
        yield leadership
    finally:
        await leadership.stop()
