"""A started shop of users and audit in this process: acts travel through the broker as they always do."""

from collections.abc import AsyncIterator

import pytest

from mercato import compose
from mercato.contracts.audit import Audit, AuditEntry, AuditFilter
from mercato.contracts.users import Users
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Database
from mercato.settings import Settings

SECRET = "s" * 32


class AuditShop:
    """Users, who act, and the audit log, which hears of it."""

    def __init__(self, shop: compose.Shop) -> None:
        self.shop = shop
        self.audit = shop.client(Audit)
        self.users = shop.client(Users)
        self.database: Database = shop.runtime.database("audit")

    async def entries(self, **where: object) -> list[AuditEntry]:
        """The log once everything has arrived, newest first."""
        await self.shop.drain()
        return (await self.audit.entries(SYSTEM_CONTEXT, where=AuditFilter(**where), limit=100)).items

    async def faults(self) -> list[str]:
        """The checks that do not hold."""
        return [one.check for one in (await self.audit.verify(SYSTEM_CONTEXT)).differences]


def settings_of(database_url: str, nats_url: str, namespace: str, secret: str = SECRET) -> Settings:
    return Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key=secret, base_url="http://shop.test",
    )  # fmt: skip


@pytest.fixture
async def shop(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[AuditShop]:
    running = await compose.start(settings_of(database_url, nats_url, namespace), ["users", "audit"])
    yield AuditShop(running)
    await running.stop()
