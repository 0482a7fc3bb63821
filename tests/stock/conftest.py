"""A stock service on a database of the test's own."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from mercato.catalog.stock import StockService
from mercato.contracts.stock import Demand, StockLevel
from mercato.kernel.context import SYSTEM, SYSTEM_CONTEXT, Context
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings

MAIN = UUID("01900000-0000-7000-8000-000000000001")


class Shelf:
    """The stock service, and what a test asks of its books."""

    def __init__(self, runtime: Runtime) -> None:
        self.db = runtime.database("stock")
        self.stock = StockService(self.db, runtime.outbox("stock"), runtime.live)

    async def put(self, on_hand: int, sku: str = "MUG-SAGE") -> UUID:
        """A new variant with so many units at the first location."""
        variant_id = new_id()
        await self.stock.register_variants(
            SYSTEM_CONTEXT, skus={variant_id: sku}, on_hand={variant_id: on_hand}
        )
        return variant_id

    async def add_location(self, code: str) -> UUID:
        """A new location, the last in the order."""
        return (await self.stock.add_location(SYSTEM_CONTEXT, code=code, name=code)).id

    async def add_level(self, variant_id: UUID, location_id: UUID, on_hand: int) -> None:
        await self.db.execute(
            "insert into stock.levels (variant_id, location_id) values ($1, $2)", variant_id, location_id
        )
        if on_hand:
            await self.stock.set_on_hand(
                SYSTEM_CONTEXT, variant_id=variant_id, location_id=location_id, on_hand=on_hand
            )

    async def level(self, variant_id: UUID, location_id: UUID = MAIN) -> StockLevel:
        page = await self.stock.levels(SYSTEM_CONTEXT, variant_ids=[variant_id])
        return next(level for level in page.items if level.location_id == location_id)

    async def numbers(self, variant_id: UUID, location_id: UUID = MAIN) -> tuple[int, int, int]:
        """(on_hand, allocated, reserved)"""
        level = await self.level(variant_id, location_id)
        return level.on_hand, level.allocated, level.reserved

    async def hold(
        self, owner: UUID, *demands: tuple[UUID, int], minutes: int = 10, channel: str = "default"
    ) -> list[tuple[UUID, int]]:
        """What is short: (variant, available); empty when held."""
        hold = await self.stock.hold(
            Context(principal=SYSTEM, channel=channel),
            owner=owner,
            demands=[Demand(*demand) for demand in demands],
            minutes=minutes,
        )
        return [(shortage.variant_id, shortage.available) for shortage in hold.shortages]

    async def kinds(self, variant_id: UUID) -> list[tuple[str, int]]:
        """Its movements, oldest first."""
        page = await self.stock.movements(SYSTEM_CONTEXT, variant_id=variant_id, limit=100)
        return [(movement.kind.value, movement.quantity) for movement in reversed(page.items)]

    async def events(self) -> list[tuple[UUID, str]]:
        """(variant, availability) of every StockChanged in the outbox, oldest first."""
        rows = await self.db.fetch(
            "select convert_from(body, 'UTF8')::json ->> 'variant_id' as id,"
            " convert_from(body, 'UTF8')::json ->> 'availability' as shown"
            " from stock.outbox where subject = 'stock.changed' order by position"
        )
        return [(UUID(row["id"]), row["shown"]) for row in rows]

    async def facts(self) -> list[str]:
        """The subjects of all events but stock.changed, oldest first."""
        rows = await self.db.fetch(
            "select subject from stock.outbox where subject <> 'stock.changed' order by position"
        )
        return [row["subject"] for row in rows]

    async def count_movements(self) -> int:
        count: int = await self.db.fetchval("select count(*) from stock.movements")
        return count

    async def assert_books_agree(self) -> None:
        verification = await self.stock.verify(SYSTEM_CONTEXT)
        assert verification.differences == []


@pytest.fixture
async def runtime(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Runtime]:
    runtime = Runtime(
        Settings(environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace)
    )
    await runtime.nats.connect(nats_url)
    yield runtime
    await runtime.nats.close()
    await runtime.close()


@pytest.fixture
async def shelf(runtime: Runtime) -> Shelf:
    return Shelf(runtime)
