"""The ASGI application: kept answers first, then one exchange per request, around Litestar's routes."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast
from urllib.parse import unquote

import msgspec
import structlog
from litestar import Litestar
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler

from mercato.edge.answers import RawHeaders, is_known
from mercato.edge.arrivals import request_id_of
from mercato.edge.cache import AnswerCache, Entry, Key
from mercato.edge.context import Principals
from mercato.edge.exchange import Exchange
from mercato.edge.idempotency import Replies
from mercato.edge.plans import form_type_of, known_query_of, parameters_of, plan_of, refuse_unreadable
from mercato.edge.routes import Route
from mercato.edge.security import Forgery, policy_headers
from mercato.edge.shared_guesses import SharedGuesses
from mercato.kernel import clock
from mercato.kernel.errors import NotFound
from mercato.kernel.metrics import Metrics, Timing
from mercato.kernel.web import API_PREFIX, PUBLIC

log = structlog.get_logger()

_PARAMETER_TYPE = re.compile(r":[a-z]+}")


class Found(msgspec.Struct, frozen=True):
    """Where a request goes: the route, how Litestar would run it, what stands in its path."""

    route: Route
    handler: HTTPRouteHandler
    asgi: Any
    path_params: dict[str, Any]
    template: str
    timing: Timing
    is_head: bool = False


class Surroundings(msgspec.Struct, frozen=True, kw_only=True):
    """What every exchange needs; made once."""

    principals: Principals
    replies: Replies
    cache: AnswerCache
    forgery: Forgery
    metrics: Metrics
    guesses: SharedGuesses
    is_https: bool = False
    is_development: bool = True
    trusted_proxies: tuple[Any, ...] = ()


class Gate:
    """One process's door. `start` and `stop` are called by whoever runs it, or by ASGI lifespan events."""

    def __init__(self, app: Litestar, values: Mapping[str, object], parts: Surroundings) -> None:
        self.app = app
        self.parts = parts
        self.cache = parts.cache
        self.page_headers = policy_headers(is_api=False, is_https=parts.is_https)
        self.api_headers = policy_headers(is_api=True, is_https=parts.is_https)
        self.on_start: list[Callable[[], Awaitable[None]]] = []
        self.on_stop: list[Callable[[], Awaitable[None]]] = []
        self.statements = parts.metrics.counter(
            "mercato_edge_statements_total", "SQL statements of requests."
        )
        self._timings: dict[tuple[str, str], Timing] = {}
        for route in app.routes:
            for handler in getattr(route, "route_handlers", []):
                self._prepare(handler, values, frozenset(getattr(route, "path_parameters", {})))

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
        await Exchange(self, scope, receive, send, key, started).run()

    def find(self, scope: Any) -> Found:
        """The route of a request. Raises NotFound, or Litestar's 405 with the methods that are allowed."""
        method: str = scope["method"]
        path = scope["path"]
        if "//" in path or (len(path) > 1 and path.endswith("/")):
            raise NotFound("not_found")
        is_head = False
        try:
            routed = self.app.asgi_router.handle_routing(path=path, method=method)
        except MethodNotAllowedException:
            if method != "HEAD":
                raise
            is_head = True
            routed = self.app.asgi_router.handle_routing(path=path, method="GET")
        except HTTPException as error:
            raise NotFound("not_found") if error.status_code == 404 else error from None
        asgi, handler, _, path_params, template = routed
        timing = self._timings.get((method, template))
        if timing is None:
            timing = self._timings[method, template] = self.parts.metrics.route(method, template)
        return Found(
            handler.opt["route"],
            cast(HTTPRouteHandler, handler),
            asgi,
            path_params,
            template,
            timing,
            is_head,
        )

    def template_of(self, path: str) -> str | None:
        """The template of the page at `path`, for example `/p/{slug}`; None when there is none."""
        try:
            routed = self.app.asgi_router.handle_routing(path=unquote(path), method="GET")
        except HTTPException:
            return None
        return _PARAMETER_TYPE.sub("}", routed[4])

    def base_headers(self, path: str) -> RawHeaders:
        """The policy headers of an answer at `path`."""
        return self.api_headers if path.startswith(API_PREFIX) and path != "/api/docs" else self.page_headers

    async def start(self) -> None:
        for each in self.on_start:
            await each()

    async def stop(self) -> None:
        for each in reversed(self.on_stop):
            await each()

    def _prepare(
        self, handler: HTTPRouteHandler, values: Mapping[str, object], path_names: frozenset[str]
    ) -> None:
        """Give `handler` its route; Litestar's own OPTIONS answers are open to everyone."""
        is_litestars = handler.http_methods == {"OPTIONS"} and "permission" not in handler.opt
        if is_litestars:
            handler.opt["permission"] = PUBLIC
        route: Route | None = handler.opt.get("route")
        if route is None:
            route = handler.opt["route"] = Route(handler, min(handler.paths))
        if not route.is_api or is_litestars:
            return
        route.plan = plan_of(handler, values, path_names)
        route.parameters = parameters_of(route.fn, frozenset(values), path_names)
        route.known_query = known_query_of(route)
        route.form_type = form_type_of(route.fn)
        if route.plan is None:
            refuse_unreadable(handler)

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
