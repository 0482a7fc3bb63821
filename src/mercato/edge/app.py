"""Builds the one HTTP application from whatever services the shop has."""

import warnings
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from litestar.exceptions.base_exceptions import LitestarDeprecationWarning

from mercato.contracts.catalog import Catalog, ProductQuery
from mercato.edge import health, reference
from mercato.edge.application import Application
from mercato.edge.arrivals import networks_of
from mercato.edge.cache import AnswerCache
from mercato.edge.changes import Changes
from mercato.edge.context import Principals
from mercato.edge.gate import Gate
from mercato.edge.guesses import Guesses
from mercato.edge.health import Check, Readiness
from mercato.edge.idempotency import Replies
from mercato.edge.openapi import ApiDescription
from mercato.edge.policy_reports import KeptPolicyReports
from mercato.edge.routes import Handlers, RouteError, serve, shop_handlers
from mercato.edge.routing import Surroundings
from mercato.edge.security import Forgery
from mercato.edge.shared_guesses import SharedGuesses
from mercato.edge.store import answers
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.migrate import migrations_of, missing
from mercato.kernel.runtime import Runtime
from mercato.kernel.web import LARGE_BODY_BYTES
from mercato.settings import Settings
from mercato.ui.plugin import UserInterface

OVERRIDES_FOLDER = "templates"


class Shop(Protocol):
    """What compose has built: clients of all contracts by name, local or remote, and the surroundings."""

    @property
    def clients(self) -> dict[str, Any]: ...
    @property
    def runtime(self) -> Runtime: ...


def create_app(shop: Shop) -> Gate:
    """The application of this process, not yet started. Raises RouteError for a handler it cannot serve."""
    return app_of(shop, shop_handlers(), with_pages=True)


def app_of(shop: Shop, handlers: Handlers, *, with_pages: bool) -> Gate:
    """An application of these (prefix, handler) pairs and the edge's own; pages need built assets.

    Raises RouteError.
    """
    runtime, settings = shop.runtime, shop.runtime.settings
    if "users" not in shop.clients:
        raise RouteError("The edge needs the contract users, to know who asks.")
    parts = _surroundings(shop)
    description, reports = ApiDescription(settings), _reports(runtime)
    values: dict[str, object] = {
        **shop.clients,
        "live": runtime.live,
        "metrics": runtime.metrics,
        "settings": settings,
        "readiness": Readiness(_checks(shop)),
        "reports": reports,
        "description": description,
        "answer_cache": parts.cache,
        "system": getattr(shop, "system", None),
    }
    own = [("", handler) for handler in (*health.routes, *reference.routes)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        app = Application(
            route_handlers=serve([*handlers, *own], values),
            openapi_config=None,
            logging_config=None,
            request_max_body_size=LARGE_BODY_BYTES,
            plugins=[_user_interface(settings)] if with_pages else [],
        )
        gate = Gate(app, values, parts)
    reports.template_of = gate.template_of
    description.read(app)
    changes = Changes(runtime.nats, runtime.live, settings.namespace, parts.cache, parts.principals)
    gate.on_start.append(changes.start)
    gate.on_stop.append(changes.stop)
    gate.on_start.append(parts.guesses.start)
    gate.on_stop.append(parts.guesses.stop)
    return gate


def _surroundings(shop: Shop) -> Surroundings:
    runtime, settings = shop.runtime, shop.runtime.settings
    cache = AnswerCache()
    metrics = runtime.metrics
    metrics.gauge("mercato_edge_cache_bytes", "Bytes of kept answers.", lambda: float(cache.size))
    metrics.gauge("mercato_edge_cache_answers", "Kept answers.", lambda: float(len(cache)))
    metrics.gauge("mercato_edge_cache_hits", "Answers served from memory.", lambda: float(cache.hits))
    return Surroundings(
        principals=Principals(shop.clients["users"]),
        replies=Replies(runtime.database("edge")),
        cache=cache,
        forgery=Forgery(settings.secret_key, settings.public_url),
        metrics=metrics,
        guesses=SharedGuesses(Guesses(secret=settings.secret_key), runtime.database("edge"), runtime.live),
        is_https=settings.public_url.startswith("https://"),
        is_development=not settings.is_production,
        trusted_proxies=networks_of(settings.trusted_proxies),
    )


def _reports(runtime: Runtime) -> KeptPolicyReports:
    host = urlsplit(runtime.settings.public_url).netloc.lower()
    return KeptPolicyReports(runtime.database("edge"), runtime.metrics, frozenset({host}))


def _user_interface(settings: Settings) -> UserInterface:
    overrides = Path(settings.data_dir) / OVERRIDES_FOLDER
    return UserInterface(
        development=not settings.is_production, overrides=overrides if overrides.is_dir() else None
    )


def _checks(shop: Shop) -> dict[str, Check]:
    runtime = shop.runtime
    database = runtime.database("edge")
    own_migrations = migrations_of("mercato.edge", "edge")
    catalog: Catalog | None = shop.clients.get("catalog")

    async def nats_answers() -> bool:
        if not runtime.nats.is_connected:
            return False
        await runtime.nats.flush()
        return True

    async def is_migrated() -> bool:
        return not await missing(database, own_migrations)

    async def search_answers() -> bool:
        if catalog is not None:
            await catalog.products(SYSTEM_CONTEXT, query=ProductQuery(q="ready", limit=1))
        return True

    return {
        "postgresql": lambda: answers(database),
        "nats": nats_answers,
        "migrations": is_migrated,
        "search": search_answers,
    }
