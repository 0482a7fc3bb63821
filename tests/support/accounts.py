"""Users and notifications behind the real edge, in one process, with events between them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from mercato import compose
from mercato.contracts.users import Users
from mercato.edge.app import app_of
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.notifications import api as notifications_api
from mercato.notifications import pages as notifications_pages
from mercato.settings import Settings
from mercato.users import api as users_api
from support.users import PASSWORD
from support.waiting import eventually

HOST = "shop.test"


class AccountsDoor:
    """The REST API and the mailbox pages of a small shop."""

    def __init__(self, client: httpx.AsyncClient, users: Users) -> None:
        self.client = client
        self.users = users

    async def call(self, method: str, path: str, *, bearer: str | None = None, **body: Any) -> httpx.Response:
        """A request under /api/v1; keywords are the JSON body."""
        headers = {"Authorization": f"Bearer {bearer}"} if bearer else {}
        content: dict[str, Any] = {"json": body} if method in ("POST", "PUT", "PATCH") else {}
        return await self.client.request(method, f"/api/v1{path}", headers=headers, **content)

    async def mail_to(self, recipient: str, template: str) -> dict[str, Any]:
        """The newest mail of one kind, once it has arrived."""

        async def found() -> dict[str, Any] | None:
            answer = await self.client.get("/api/v1/dev/mailbox", params={"recipient": recipient})
            return next((mail for mail in answer.json()["items"] if mail["template"] == template), None)

        mail = await eventually(found)
        assert mail is not None
        return mail

    async def token_of(self, email: str, *roles: str) -> str:
        """The access token of a new account with `roles`."""
        await self.users.create_user(
            SYSTEM_CONTEXT, email=email, name="Ann", password=PASSWORD, roles=list(roles)
        )
        answer = await self.call("POST", "/auth/login", email=email, password=PASSWORD)
        return str(answer.json()["access_token"])


@asynccontextmanager
async def accounts_door(
    database_url: str, nats_url: str, namespace: str, *, with_pages: bool = False
) -> AsyncIterator[AccountsDoor]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32, base_url=f"http://{HOST}",
    )  # fmt: skip
    shop = await compose.start(settings, ["users", "notifications"])
    handlers = [("/api/v1", handler) for handler in (*users_api.routes, *notifications_api.routes)]
    if with_pages:
        handlers += [("", handler) for handler in notifications_pages.routes]
    gate = app_of(shop, handlers, with_pages=with_pages)
    await gate.start()
    transport = httpx.ASGITransport(app=gate, raise_app_exceptions=False, client=("192.0.2.7", 4711))
    try:
        async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
            yield AccountsDoor(client, shop.client(Users))
    finally:
        await gate.stop()
        await shop.stop()
