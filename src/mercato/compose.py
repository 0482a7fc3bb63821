"""The composition root: which modules there are, what each needs, and whether a need is local or remote.

Nothing else imports a service, and nothing else knows how many processes a shop has.
"""

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar, cast

import msgspec
import structlog

from mercato.kernel import clock, failpoints
from mercato.kernel.host import Host
from mercato.kernel.http_server import HttpServer
from mercato.kernel.migrate import Migration, migrate, migrations_of
from mercato.kernel.rpc import local, name_of, remote
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.kernel.system.client import SystemClient
from mercato.kernel.system.responder import SystemResponder
from mercato.kernel.telemetry import configure_logging, configure_tracing
from mercato.settings import Settings, SettingsError, load

P = TypeVar("P")

ALL = "all"
EDGE = "edge"
SECRET_KEY_LENGTH = 32
STOP_S = 5.0
GC_THRESHOLD = 50_000
DRAIN_S = 20.0
DRAIN_LOOK_S = 0.02

log = structlog.get_logger()


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. `schemas` maps each schema it owns to the package with its migrations."""

    package: str
    contract: str | None = None
    """`module:Protocol`; None for the edge, which nobody calls."""
    schemas: dict[str, str]
    needs: tuple[str, ...] = ()
    keeps_events: bool = True

    def load_contract(self) -> type | None:
        if self.contract is None:
            return None
        module, _, name = self.contract.partition(":")
        return cast(type, getattr(import_module(module), name))


MODULES: dict[str, Module] = {
    "users": Module(
        package="mercato.users",
        contract="mercato.contracts.users:Users",
        schemas={"users": "mercato.users"},
    ),
    "stock": Module(
        package="mercato.catalog.stock",
        contract="mercato.contracts.stock:Stock",
        schemas={"stock": "mercato.catalog.stock"},
    ),
    "catalog": Module(
        package="mercato.catalog",
        contract="mercato.contracts.catalog:Catalog",
        schemas={"catalog": "mercato.catalog"},
        needs=("stock",),
    ),
    "payments": Module(
        package="mercato.payments",
        contract="mercato.contracts.payments:Payments",
        schemas={"payments": "mercato.payments", "simulator": "mercato.payments.simulator"},
    ),
    "carts": Module(
        package="mercato.carts",
        contract="mercato.contracts.carts:Carts",
        schemas={"carts": "mercato.carts"},
        needs=("catalog", "stock", "payments", "carriers"),
    ),
    "orders": Module(
        package="mercato.orders",
        contract="mercato.contracts.orders:Orders",
        schemas={"orders": "mercato.orders"},
        needs=("carts", "catalog", "stock", "payments", "carriers"),
    ),
    "notifications": Module(
        package="mercato.notifications",
        contract="mercato.contracts.notifications:Notifications",
        schemas={"notifications": "mercato.notifications"},
    ),
    "carriers": Module(
        package="mercato.carriers",
        contract="mercato.contracts.carriers:Carriers",
        schemas={"carriers": "mercato.carriers", "simulated_carrier": "mercato.carriers.simulator"},
    ),
    "audit": Module(
        package="mercato.audit",
        contract="mercato.contracts.audit:Audit",
        schemas={"audit": "mercato.audit"},
    ),
    "privacy": Module(
        package="mercato.privacy",
        contract="mercato.contracts.privacy:Privacy",
        schemas={"privacy": "mercato.privacy"},
        needs=("users", "carts", "orders", "payments", "notifications", "carriers", "audit"),
    ),
    EDGE: Module(
        package="mercato.edge",
        schemas={"edge": "mercato.edge"},
        needs=(
            "users",
            "catalog",
            "stock",
            "carts",
            "orders",
            "payments",
            "notifications",
            "audit",
            "carriers",
            "privacy",
        ),
        keeps_events=False,
    ),
}


class Shop:
    """What runs in this process, and typed clients of everything else."""

    def __init__(self, settings: Settings, targets: Sequence[str]) -> None:
        self.settings = settings
        self.targets = tuple(targets)
        self.runtime = Runtime(settings)
        self.host = Host(self.runtime)
        self.clients: dict[str, Any] = {}
        self.http: HttpServer | None = None
        self.app: Any = None
        self.system = SystemClient(self.runtime)
        self._end_tracing = _begin_tracing(settings)
        self._responder = SystemResponder(self.runtime, self.host)

    def client(self, contract: type[P]) -> P:
        """The client of a contract, local or remote: `shop.client(Orders)`."""
        return cast(P, self.clients[name_of(contract)])

    async def start(self) -> None:
        """Connect, start the services and their background work, then answer HTTP."""
        if EDGE in self.targets:
            self.app = import_module("mercato.edge.app").create_app(self)
        await self.runtime.broker.connect("mercato " + (" ".join(self.targets) or "client"))
        await self.host.start()
        await self._responder.start()
        if self.app is not None:
            self.http = HttpServer(self.app, self.settings.host, self.settings.port)
            await self.http.start()

    async def drain(self, *, timeout_s: float = DRAIN_S) -> None:
        """Wait until every event that this process owns has been sent and handled. For tests and tools."""
        async with asyncio.timeout(timeout_s):
            while not await self.host.is_drained():  # noqa: ASYNC110 (two servers know, neither tells)
                await asyncio.sleep(DRAIN_LOOK_S)

    async def stop(self) -> None:
        """Stop in the opposite order, within `STOP_S`."""
        try:
            async with asyncio.timeout(STOP_S):
                if self.http is not None:
                    await self.http.stop()
                await self._responder.stop()
                await self.host.stop()
                await self.runtime.broker.close()
                await self.runtime.close()
                self._end_tracing()
        except TimeoutError:
            log.error("stopping took too long", seconds=STOP_S)


def resolve(targets: Iterable[str], modules: Mapping[str, Module] = MODULES) -> list[str]:
    """The rows that `targets` name, each after its needs. Raises SettingsError for a name or a circle."""
    wanted = set(targets)
    if ALL in wanted:
        wanted = wanted - {ALL} | set(modules)
    if unknown := sorted(wanted - set(modules)):
        raise SettingsError(
            f"There is no module {unknown[0]!r}. Choose all, or some of: {', '.join(modules)}."
        )
    ordered: list[str] = []

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            raise SettingsError(f"Modules need each other in a circle: {' → '.join((*path, name))}.")
        for need in modules[name].needs:
            visit(need, (*path, name))
        if name not in ordered:
            ordered.append(name)

    for name in modules:
        visit(name, ())
    return [name for name in ordered if name in wanted]


def build(settings: Settings, targets: Iterable[str]) -> Shop:
    """Build the modules of `targets`; no I/O. Raises SettingsError with one line that names the cure."""
    if len(settings.secret_key) < SECRET_KEY_LENGTH:
        raise SettingsError(f"Set MERCATO_SECRET_KEY to at least {SECRET_KEY_LENGTH} random characters.")
    names = resolve(targets)
    shop = Shop(settings, names)
    for name, module in MODULES.items():
        contract = module.load_contract()
        if contract is not None and name not in names:
            shop.clients[name] = remote(contract, shop.runtime.nats, settings, shop.runtime.metrics)
    for name in names:
        _add(shop, name, MODULES[name])
    return shop


def _add(shop: Shop, name: str, module: Module) -> None:
    package = import_module(module.package)
    contract = module.load_contract()
    if contract is None and not hasattr(package, "build"):
        return
    needs = {need: shop.clients[need] for need in module.needs}
    service: Service = package.build(shop.runtime, **(needs if contract is not None else {}))
    shop.host.add(name, contract, name if module.keeps_events else None, service)
    if contract is not None:
        strict = shop.settings.environment == "test"
        shop.clients[name] = local(contract, service.impl, shop.runtime.metrics, strict=strict)


async def start(settings: Settings, targets: Iterable[str] = ()) -> Shop:
    """A running shop: `targets` in this process, everything else remote (no target: clients only)."""
    failpoints.configure(settings.failpoint)
    clock.set_offset(timedelta(seconds=settings.clock_offset_s))
    shop = build(settings, targets)
    try:
        await shop.start()
    except BaseException:
        await shop.stop()
        raise
    return shop


def migrations(modules: Mapping[str, Module] = MODULES) -> list[Migration]:
    """All migrations of all modules, the kernel's first."""
    found = migrations_of("mercato.kernel", "kernel")
    for module in modules.values():
        for schema, package in module.schemas.items():
            if _has_migrations(package):
                found += migrations_of(package, schema)
    return found


async def migrate_all(settings: Settings) -> list[str]:
    """Bring every database of the shop up to date; returns `schema/name` of each file applied."""
    schemas_by_url: dict[str, set[str]] = {}
    for name, module in MODULES.items():
        schemas_by_url.setdefault(settings.database_url_of(name), {"kernel"}).update(module.schemas)
    applied: list[str] = []
    for url, schemas in schemas_by_url.items():
        applied += await migrate(url, [one for one in migrations() if one.schema in schemas])
    return applied


def run(targets: Iterable[str]) -> None:
    """Run the modules of `targets` until SIGTERM or SIGINT. Raises SettingsError when they cannot start."""
    import uvloop

    # From the first: while a shop is put together nearly everything stays, and looking at it takes 0.3 s.
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    settings = load()
    configure_logging(settings)
    names = resolve(targets)
    if not names:
        raise SettingsError(f"Say what to run: all, or some of {', '.join(MODULES)}.")
    uvloop.run(_run(settings, names))


async def _run(settings: Settings, targets: Sequence[str]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, ended.set)
    shop = await start(settings, targets)
    gc.collect()
    gc.freeze()
    log.info("running", targets=list(targets), process=os.getpid())
    waiting: set[asyncio.Task[Any]] = {asyncio.create_task(ended.wait())}
    if shop.http is not None:
        waiting.add(asyncio.create_task(shop.http.wait()))
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    started = clock.monotonic_s()
    failed = not ended.is_set()
    await shop.stop()
    log.info("stopped", seconds=round(clock.monotonic_s() - started, 2))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    if failed:
        raise RuntimeError("the web server ended by itself")


def _begin_tracing(settings: Settings) -> Callable[[], None]:
    if not settings.traces_url:
        return lambda: None
    try:
        exporter = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ModuleNotFoundError:
        raise SettingsError(
            "MERCATO_TRACES_URL needs more packages: pip install 'mercato[traces]'."
        ) from None
    from mercato.kernel.telemetry.tracing import Tracing

    tracing = Tracing(exporter.OTLPSpanExporter(settings.traces_url), share=settings.traces_share)
    configure_tracing(tracing.tracer)
    return tracing.shutdown


def _has_migrations(package: str) -> bool:
    try:
        spec = find_spec(package)
    except ModuleNotFoundError:
        return False
    if spec is None or not spec.submodule_search_locations:
        return False
    return any(os.path.isdir(os.path.join(path, "migrations")) for path in spec.submodule_search_locations)
