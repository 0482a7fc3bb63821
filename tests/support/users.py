"""The users service on a real database and broker, and the questions tests ask it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec

from mercato.contracts.users import SignIn, User, Users
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import Database
from mercato.kernel.messaging.events import Event
from mercato.kernel.rpc import local, remote, serve
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings
from mercato.users import build
from mercato.users.service import UsersService
from support.broker import connected

PASSWORD = "kayak lantern forty two"
GUEST_CONTEXT = Context(client_address="203.0.113.7", user_agent="Firefox", locale="en")

E = TypeVar("E", bound=Event)


class UsersShop:
    """One users service behind its contract, and what it has written."""

    def __init__(self, runtime: Runtime, service: UsersService, users: Users) -> None:
        self.runtime = runtime
        self.service = service
        self.users = users
        self.database: Database = runtime.database("users")

    async def events(self, kind: type[E]) -> list[E]:
        """Events of one kind in the outbox, oldest first."""
        rows = await self.database.fetch(
            "select body from users.outbox where subject = $1 order by position", kind.subject
        )
        return [msgspec.json.decode(row["body"], type=kind) for row in rows]

    async def count(self, table: str) -> int:
        return int(await self.database.fetchval(f"select count(*) from users.{table}"))

    async def create(self, email: str, *roles: str, name: str = "Ann") -> User:
        """A confirmed account with `PASSWORD`."""
        return await self.users.create_user(
            SYSTEM_CONTEXT, email=email, name=name, password=PASSWORD, roles=list(roles)
        )

    async def sign_in(self, email: str, *, browser: bool = True, **changes: Any) -> SignIn:
        ctx = msgspec.structs.replace(GUEST_CONTEXT, **changes)
        return await self.users.sign_in(ctx, email=email, password=PASSWORD, browser=browser)

    async def context_of(self, signed_in: SignIn) -> Context:
        """The context of a request that carries the credential of a sign-in."""
        credential = signed_in.session_token or signed_in.access_token or ""
        principal = await self.users.resolve(GUEST_CONTEXT, credential=credential)
        return msgspec.structs.replace(GUEST_CONTEXT, principal=principal)

    async def signed_in(self, email: str, *roles: str) -> Context:
        """The context of a new account that has just signed in."""
        await self.create(email, *roles)
        return await self.context_of(await self.sign_in(email))


@asynccontextmanager
async def users_shop(
    database_url: str, nats_url: str, namespace: str, *, form: str = "strict", **settings: Any
) -> AsyncIterator[UsersShop]:
    """A started users service; `form` is local, strict or remote."""
    found = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32, **settings,
    )  # fmt: skip
    runtime = Runtime(found)
    await runtime.nats.connect(nats_url)
    service = build(runtime)
    assert service.start is not None and service.stop is not None
    await service.start()
    try:
        if form == "remote":
            server = await serve(Users, service.impl, runtime.nats, found, runtime.metrics)
            client = await connected(nats_url)
            yield UsersShop(runtime, service.impl, remote(Users, client, found, runtime.metrics))
            await client.close()
            await server.stop()
        else:
            contract = local(Users, service.impl, runtime.metrics, strict=form == "strict")
            yield UsersShop(runtime, service.impl, contract)
    finally:
        await service.stop()
        await runtime.close()
        await runtime.nats.close()
