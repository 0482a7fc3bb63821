"""Granian in this process's event loop: the one place that opens an HTTP port.

Several processes may listen on one port (SO_REUSEPORT): the system spreads connections over them. A second
shop on the same port would therefore go unnoticed, so whoever starts the first process must look first.
"""

import asyncio
import logging
from typing import Any

import structlog
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from mercato.settings import SettingsError

BACKLOG = 1024
MAX_REQUESTS_AT_ONCE = 512
HEADER_TIMEOUT_MS = 10_000
STOP_S = 3.0
BIND_S = 0.1

log = structlog.get_logger()


class HttpServer:
    """Serves one ASGI application until `stop`."""

    def __init__(self, app: Any, host: str, port: int) -> None:
        self._address = f"{host}:{port}"
        logging.getLogger("_granian").setLevel(logging.ERROR)
        self._server = Server(
            app,
            address=host,
            port=port,
            interface=Interfaces.ASGI,
            http=HTTPModes.auto,
            websockets=False,
            backlog=BACKLOG,
            backpressure=MAX_REQUESTS_AT_ONCE,
            http1_settings=HTTP1Settings(header_read_timeout=HEADER_TIMEOUT_MS),
            log_enabled=False,
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    async def start(self) -> None:
        """Listen. Raises SettingsError when the port cannot be had."""
        self._task = asyncio.create_task(self._server.serve())
        await asyncio.wait([self._task], timeout=BIND_S)
        if self._task.done():
            reason = str(self._task.exception()).partition("\n")[0]
            raise SettingsError(
                f"Cannot listen on {self._address}: {reason}. Set MERCATO_PORT to a free one."
            )

    async def wait(self) -> None:
        """Until the server ends by itself, which is a failure."""
        if self._task is not None:
            await self._task

    async def stop(self) -> None:
        """Take no more connections and let requests under way end, for at most `STOP_S`."""
        if self._task is None or self._task.done():
            return
        self._server.stop()  # type: ignore[no-untyped-call]
        _, waiting = await asyncio.wait([self._task], timeout=STOP_S)
        for task in waiting:
            task.cancel()
