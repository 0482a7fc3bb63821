"""The ASGI application: kept answers first, then one exchange per request, around Litestar's routes."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from litestar import Litestar

from mercato.edge.answering import Answering
from mercato.edge.answers import is_known
from mercato.edge.arrivals import request_id_of
from mercato.edge.cache import Entry, Key
from mercato.edge.routing import Routing, Surroundings
from mercato.kernel import clock

log = structlog.get_logger()


class Gate(Routing):
    """One process's door. `start` and `stop` are called by whoever runs it, or by ASGI lifespan events."""

    def __init__(self, app: Litestar, values: Mapping[str, object], parts: Surroundings) -> None:
        super().__init__(app, values, parts)
        self.on_start: list[Callable[[], Awaitable[None]]] = []
        self.on_stop: list[Callable[[], Awaitable[None]]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._live(receive, send)
            return
        if kind != "http":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
            return
        started = clock.monotonic_s()
        key: Key | None = None
        if scope["method"] == "GET":
            headers = dict(scope["headers"])
            key = self.cache.key_of(scope, headers)
            if key is not None and (entry := self.cache.find(key)) is not None:
                await _send_kept(entry, headers, send)
                entry.timing.observe(clock.monotonic_s() - started)
                return
        await Answering(self, scope, receive, send, key, started).run()

    async def start(self) -> None:
        for each in self.on_start:
            await each()

    async def stop(self) -> None:
        for each in reversed(self.on_stop):
            await each()

    async def _live(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            starts = message["type"] == "lifespan.startup"
            name = "startup" if starts else "shutdown"
            try:
                await (self.start() if starts else self.stop())
            except Exception as error:
                log.exception("edge did not come up" if starts else "edge did not go down")
                await send({"type": f"lifespan.{name}.failed", "message": repr(error)})
                return
            await send({"type": f"lifespan.{name}.complete"})
            if not starts:
                return


async def _send_kept(entry: Entry, headers: dict[bytes, bytes], send: Any) -> None:
    known = headers.get(b"if-none-match")
    request_id = (b"x-request-id", request_id_of(headers).encode())
    if known is not None and is_known(known, entry.etag):
        await send(
            {"type": "http.response.start", "status": 304, "headers": [request_id, *entry.not_modified]}
        )
        await send({"type": "http.response.body", "body": b""})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [request_id, *entry.headers]})
    await send({"type": "http.response.body", "body": entry.body})
