"""Which route answers a request, and what every request on it needs."""

import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote

import msgspec
from litestar import Litestar
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.handlers import HTTPRouteHandler

from mercato.edge.answers import RawHeaders
from mercato.edge.cache import AnswerCache
from mercato.edge.context import Principals
from mercato.edge.idempotency import Replies
from mercato.edge.plans import form_type_of, known_query_of, parameters_of, plan_of, refuse_unreadable
from mercato.edge.routes import Route
from mercato.edge.security import Forgery, policy_headers
from mercato.edge.shared_guesses import SharedGuesses
from mercato.kernel.errors import NotFound
from mercato.kernel.telemetry.metrics import Metrics, Timing
from mercato.kernel.web import API_PREFIX, PUBLIC

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


class Routing:
    """The routes of one process, prepared, with what their requests share."""

    def __init__(self, app: Litestar, values: Mapping[str, object], parts: Surroundings) -> None:
        self.app = app
        self.parts = parts
        self.cache = parts.cache
        self.page_headers = policy_headers(is_api=False, is_https=parts.is_https)
        self.api_headers = policy_headers(is_api=True, is_https=parts.is_https)
        self.statements = parts.metrics.counter(
            "mercato_edge_statements_total", "SQL statements of requests."
        )
        self._timings: dict[tuple[str, str], Timing] = {}
        for route in app.routes:
            for handler in getattr(route, "route_handlers", []):
                self._prepare(handler, values, frozenset(getattr(route, "path_parameters", {})))

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
