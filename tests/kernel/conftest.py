"""A database with one schema `shop` that publishes and hears, and the broker of the session."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import ClassVar
from uuid import UUID

import asyncpg
import pytest

from mercato.kernel.db import Database
from mercato.kernel.messaging.events import Event
from mercato.kernel.messaging.outbox import outbox_ddl
from mercato.kernel.migrate import migrate, migrations_of
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings

SECRET = "s" * 32
EFFECTS = (
    "create table shop.effects (id bigint generated always as identity, consumer text, parcel uuid, step int)"
)


class ParcelMoved(Event, frozen=True):
    subject: ClassVar[str] = "shop.parcel_moved"
    parcel: UUID
    step: int

    @property
    def key(self) -> UUID:
        return self.parcel


class ParcelLost(Event, frozen=True):
    subject: ClassVar[str] = "shop.parcel_lost"
    parcel: UUID
    lost_at: datetime | None = None

    @property
    def key(self) -> UUID:
        return self.parcel


@pytest.fixture
async def shop_url(empty_database_url: str) -> str:
    """A database with the kernel's schema and one service schema called `shop`."""
    await migrate(empty_database_url, migrations_of("mercato.kernel", "kernel"))
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("create schema shop" + ";" + outbox_ddl("shop") + EFFECTS)
    await connection.close()
    return empty_database_url


@pytest.fixture
def settings(namespace: str, nats_url: str, shop_url: str) -> Settings:
    return Settings(
        environment="test", namespace=namespace, nats_url=nats_url, database_url=shop_url, secret_key=SECRET
    )


@pytest.fixture
async def runtime(settings: Settings) -> AsyncIterator[Runtime]:
    """Connected to the session's broker and a fresh database."""
    one = Runtime(settings)
    await one.broker.connect("test")
    yield one
    await one.broker.close()
    await one.close()


@pytest.fixture
def database(runtime: Runtime) -> Database:
    return runtime.database("shop")
