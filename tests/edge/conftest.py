"""A small application behind the real edge, with real PostgreSQL and NATS."""

from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import httpx
import pytest
from litestar.handlers import HTTPRouteHandler

from mercato.contracts.users import Users
from mercato.edge.app import app_of
from mercato.edge.gate import Gate
from mercato.kernel.context import GUEST, Context, Principal, PrincipalKind
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings

HOST = "shop.test"
SECRET = "0123456789abcdef0123456789abcdef"
CUSTOMER_ID = UUID("01930000-0000-7000-8000-000000000001")
STAFF_ID = UUID("01930000-0000-7000-8000-000000000002")


class KnownUsers:
    """The one method of Users that the edge needs; people are known by their credential."""

    def __init__(self) -> None:
        self.calls = 0
        self.people = {
            "customer": Principal(kind=PrincipalKind.USER, id=CUSTOMER_ID, email="ada@example.com"),
            "staff": Principal(
                kind=PrincipalKind.USER,
                id=STAFF_ID,
                email="grace@example.com",
                permissions=frozenset({"read_orders"}),
            ),
        }

    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        self.calls += 1
        return self.people.get(credential, GUEST)


class SmallShop:
    """What compose gives to the edge."""

    def __init__(self, runtime: Runtime, users: KnownUsers) -> None:
        self.runtime = runtime
        self.users = users
        self.clients: dict[str, Any] = {"users": users}


@pytest.fixture
async def shop(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[SmallShop]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key=SECRET, base_url=f"http://{HOST}",
    )  # fmt: skip
    runtime = Runtime(settings)
    await runtime.nats.connect(nats_url)
    yield SmallShop(runtime, KnownUsers())
    await runtime.nats.close()
    await runtime.close()


Open = Callable[..., Any]


class Door(httpx.AsyncClient):
    """A client of one gate; `cookies` are given per request, as a browser's would be."""

    def __init__(self, gate: Gate, scheme: str = "http") -> None:
        transport = httpx.ASGITransport(app=gate, raise_app_exceptions=False, client=("192.0.2.7", 4711))
        super().__init__(transport=transport, base_url=f"{scheme}://{HOST}")
        self.gate = gate


@pytest.fixture
async def open_door(shop: SmallShop) -> AsyncIterator[Open]:
    """`open_door(handlers, prefix="/api/v1")` starts a gate in front of Litestar handlers."""
    doors: list[Door] = []

    async def start(
        handlers: list[HTTPRouteHandler],
        prefix: str = "/api/v1",
        *,
        with_pages: bool = False,
        scheme: str = "http",
    ) -> Door:
        gate = app_of(shop, [(prefix, handler) for handler in handlers], with_pages=with_pages)
        await gate.start()
        doors.append(Door(gate, scheme))
        return doors[-1]

    yield start
    for door in doors:
        await door.gate.stop()
        await door.aclose()


def users_of(shop: SmallShop) -> Users:
    """The users of the shop, as the contract."""
    users: Any = shop.users
    return users
