"""The shop's handlers: found by module, checked for a permission, bound to the contracts they name.

Litestar's own dependency injection starts a task group per request and validates every contract object;
binding at boot costs nothing per request and keeps `ctx` and contracts out of the API's description.
"""

import inspect
import pkgutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from copy import copy
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any, get_type_hints

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.types.empty import Empty

from mercato.edge.bindings import Bindings, is_made, names_of
from mercato.kernel.web import API_PREFIX, BODY_BYTES, PUBLIC, SCOPE_KEY
from mercato.settings import SERVICES

PACKAGES = (*SERVICES, "catalog.stock", "payments.simulator")
API_MODULES = (*(f"mercato.{package}.api" for package in PACKAGES), "mercato.edge.system_api")
PAGE_MODULES = (
    *(f"mercato.{package}.pages" for package in PACKAGES),
    "mercato.storefront.pages",
    "mercato.admin.pages",
)
INJECTED = frozenset(
    {*SERVICES, "live", "metrics", "settings", "readiness", "reports", "description", "system"}
)
TIMEOUT_S = 10.0

Handlers = Iterable[tuple[str, HTTPRouteHandler]]


class RouteError(Exception):
    """A handler cannot be served: the message names it and says what it lacks."""


class Route:
    """What the edge needs to know about one handler, read once from its options."""

    __slots__ = (
        "answers",
        "any_query",
        "body_bytes",
        "cached",
        "call",
        "checks_csrf",
        "fn",
        "form_type",
        "is_api",
        "known_query",
        "label",
        "parameters",
        "permission",
        "plan",
        "recent",
        "replays",
        "throttle",
        "timeout_s",
    )

    def __init__(self, handler: HTTPRouteHandler, path: str) -> None:
        permission = handler.opt.get("permission")
        if not isinstance(permission, str) or not permission:
            raise RouteError(
                f"{_name(handler)} ({path}) declares no permission: add permission=PUBLIC, SIGNED_IN, STAFF "
                "or the key of a permission to its decorator."
            )
        self.permission: str = permission
        self.fn: Callable[..., Any] = handler.fn
        self.is_api = path.startswith(API_PREFIX)
        self.label = path
        self.recent: bool = handler.opt.get("recent", False)
        self.cached: tuple[str, ...] | None = handler.opt.get("cached")
        self.throttle: str = handler.opt.get("throttle", "")
        self.checks_csrf: bool = handler.opt.get("csrf", True)
        self.replays: bool = handler.opt.get("replay", True)
        self.timeout_s: float | None = handler.opt.get("timeout_s", TIMEOUT_S)
        self.answers: dict[int, Any] = handler.opt.get("answers", {})
        limit = handler.request_max_body_size
        self.body_bytes: int = limit if isinstance(limit, int) else BODY_BYTES
        self.plan: Any = None
        self.parameters: tuple[Any, ...] = ()
        self.any_query: bool = handler.opt.get("any_query", False)
        self.known_query: frozenset[str] | None = None
        """Names that may stand in the query of the address; None when any may."""
        self.form_type = ""
        """The media type of the form that this route reads; empty when it reads none or JSON."""
        if self.cached is not None and (permission != PUBLIC or handler.http_methods - {"GET", "HEAD"}):
            raise RouteError(
                f"{_name(handler)} ({path}) is cached, so it must be a GET with permission=PUBLIC."
            )


def shop_handlers() -> list[tuple[str, HTTPRouteHandler]]:
    """(prefix, handler) of every module that exists; a module that exists and cannot be imported raises.

    `routes` of an `api` module stand under the API's prefix, its `page_routes` (images, say) do not.
    """
    found: list[tuple[str, HTTPRouteHandler]] = []
    for name in API_MODULES:
        for module in _modules(name):
            found += [(API_PREFIX, handler) for handler in _exported(module, "routes")]
            found += [("", handler) for handler in _exported(module, "page_routes")]
    for name in PAGE_MODULES:
        for module in _modules(name):
            found += [("", handler) for handler in _exported(module, "routes")]
    # A package may gather the routes of its modules again: each handler is served once.
    return list({id(handler): (prefix, handler) for prefix, handler in found}.values())


def serve(handlers: Handlers, values: Mapping[str, object]) -> list[HTTPRouteHandler]:
    """Copies of `handlers` at their full paths, bound to `values` (contracts and more, by parameter name).

    Raises RouteError for a handler without a permission or with a need that the shop cannot meet.
    """
    served = []
    for prefix, original in handlers:
        handler = copy(original)
        handler.opt = dict(original.opt)
        handler.paths = {_join(prefix, path) for path in original.paths}
        handler.opt["route"] = Route(original, min(handler.paths))
        handler(_bound(original, values))
        handler._parsed_fn_signature = Empty
        served.append(handler)
    return served


def _bound(handler: HTTPRouteHandler, values: Mapping[str, object]) -> Callable[..., Awaitable[Any]]:
    """`handler`'s function with everything filled in that Litestar does not read from the request."""
    fn = handler.fn
    hints = get_type_hints(fn, include_extras=True)
    if lacking := INJECTED.intersection(names_of(fn)) - values.keys():
        raise RouteError(
            f"{_name(handler)} needs {', '.join(sorted(lacking))}, which this shop does not have."
        )
    bindings = Bindings(fn, values)
    is_async = inspect.iscoroutinefunction(fn)

    async def call(request: Request[Any, Any, Any], **given: Any) -> Any:
        ctx = request.scope["state"][SCOPE_KEY].ctx
        result = fn(**bindings.add_to(given, ctx, lambda: request))
        return await result if is_async else result

    kept = [
        p
        for name, p in inspect.signature(fn).parameters.items()
        if name not in bindings.fixed and name not in ("ctx", "request") and not is_made(hints.get(name))
    ]
    parameters = [
        inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request[Any, Any, Any]),
        *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(p.name, Any)) for p in kept),
    ]
    returns = hints.get("return", None)
    call.__signature__ = inspect.Signature(parameters, return_annotation=returns)  # type: ignore[attr-defined]
    call.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": returns}
    call.__name__, call.__qualname__, call.__doc__ = fn.__name__, fn.__qualname__, fn.__doc__
    call.__module__ = fn.__module__
    return call


def _modules(name: str) -> list[ModuleType]:
    """The module `name` and, when it is a package, the modules in it; none when no such file exists."""
    parent = name.rpartition(".")[0]
    if find_spec(parent) is None or find_spec(name) is None:
        return []
    module = import_module(name)
    path = getattr(module, "__path__", None)
    if path is None:
        return [module]
    inner = sorted(info.name for info in pkgutil.iter_modules(path))
    return [module, *(import_module(f"{name}.{each}") for each in inner)]


def _exported(module: ModuleType, name: str) -> list[HTTPRouteHandler]:
    exported = getattr(module, name, [])
    if not isinstance(exported, list | tuple):
        return []
    for handler in exported:
        if not isinstance(handler, HTTPRouteHandler):
            raise RouteError(f"{module.__name__}.{name} holds {handler!r}, which is no Litestar handler.")
    return list(exported)


def _join(prefix: str, path: str) -> str:
    return f"{prefix}/{path.strip('/')}".rstrip("/") or "/"


def _name(handler: HTTPRouteHandler) -> str:
    return f"{handler.fn.__module__}.{handler.fn.__qualname__}"
