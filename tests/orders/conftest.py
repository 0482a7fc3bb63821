"""Orders with real stock and real payments (and the simulator's own books); carts and catalog are fakes."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato import carriers as carriers_package
from mercato import orders as orders_package
from mercato import payments as payments_package
from mercato.catalog import stock as stock_package
from mercato.contracts.carriers import Carriers
from mercato.contracts.orders import (
    Order,
    OrderCanceled,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    PaymentChoice,
    Placement,
)
from mercato.contracts.payments import PaymentChanged, Payments
from mercato.contracts.stock import Stock
from mercato.kernel import clock
from mercato.kernel.acts import Acted
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.events import Event
from mercato.kernel.money import Money
from mercato.kernel.rpc import local
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.orders.service import OrdersService
from mercato.settings import Settings
from orders.fakes import FakeCarts, FakeCatalog

GUEST_CONTEXT = Context(principal=GUEST, locale="en")
STAFF = Context(
    principal=Principal(
        kind=PrincipalKind.USER, id=new_id(), email="staff@shop.example", permissions=frozenset({"*"})
    )
)
ANALYST = Context(
    principal=Principal(
        kind=PrincipalKind.USER, id=new_id(), email="ana@shop.example", permissions=frozenset({"read_orders"})
    )
)
EVENTS: dict[str, type[Event]] = {
    kind.subject: kind
    for kind in (
        OrderPlaced, OrderPaid, OrderCanceled, OrderRefunded, OrderShipped, OrderDelivered, PaymentChanged,
    )
}  # fmt: skip


def with_key(key: str) -> Context:
    """The staff's context of a request that bears this idempotency key."""
    return msgspec.structs.replace(STAFF, idempotency_key=key)


class Till:
    """The orders service, its neighbors, and what tests ask of them."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.db = runtime.database("orders")
        self.carts = FakeCarts()
        self.catalog = FakeCatalog()
        stock, payments = stock_package.build(runtime), payments_package.build(runtime)
        self.stock = local(Stock, stock.impl, runtime.metrics)
        self.payments = local(Payments, payments.impl, runtime.metrics)
        self.carriers = carriers_package.build(runtime)
        self._schedules = {s.name: s for s in payments.schedules}
        self._stock_service = stock
        self.service = self.build(self.carts)
        self.orders: OrdersService = self.service.impl
        self._delivered: set[UUID] = set()

    def build(self, carts: Any) -> Service:
        return orders_package.build(
            self.runtime,
            carts=carts,
            catalog=self.catalog,
            stock=self.stock,
            payments=self.payments,  # type: ignore[arg-type]
            carriers=local(Carriers, self.carriers.impl, self.runtime.metrics),
        )

    async def put(self, on_hand: int) -> UUID:
        """A new variant with so many units."""
        variant_id = new_id()
        await self.stock.register_variants(
            SYSTEM_CONTEXT, skus={variant_id: "MUG-SAGE"}, on_hand={variant_id: on_hand}
        )
        return variant_id

    async def place(
        self,
        cart: tuple[UUID, str],
        token: str = "sim_ok",
        *,
        total: Money | None = None,
        provider: str = "simulator",
        ctx: Context = GUEST_CONTEXT,
    ) -> Placement:
        return await self.orders.place(
            ctx,
            cart_id=cart[0],
            cart_token=cart[1],
            expected_total=total or self.carts.total(cart[0]),
            payment=PaymentChoice(provider, token, "https://shop.example/checkout"),
        )

    async def bought(self, quantity: int = 2, *, on_hand: int = 10, token: str = "sim_ok") -> Order:
        """A placed order of one variant at 12.00 each plus 4.90 delivery, everyone told."""
        variant_id = await self.put(on_hand)
        placement = await self.place(self.carts.open_cart((variant_id, quantity, 1200)), token)
        await self.deliver_events()
        assert placement.order is not None
        return placement.order

    async def levels(self, variant_id: UUID) -> tuple[int, int, int]:
        """(on_hand, allocated, reserved)"""
        level = (await self.stock.levels(SYSTEM_CONTEXT, variant_ids=[variant_id])).items[0]
        return level.on_hand, level.allocated, level.reserved

    async def charges(self) -> list[tuple[int, int, int, int]]:
        """(authorized, captured, refunded, voided) in the simulator's own books, declines left out."""
        page = await self.payments.simulator_ledger(SYSTEM_CONTEXT)
        return [(e.authorized, e.captured, e.refunded, e.voided) for e in page.items if e.authorized]

    async def facts(self) -> list[str]:
        """Subjects of what orders has published, in order; acts of staff are asked for apart."""
        rows = await self.db.fetch(
            "select subject from orders.outbox where subject <> 'audit.acted' order by position"
        )
        return [row["subject"] for row in rows]

    async def acts(self) -> list[Acted]:
        """What the audit log is told."""
        rows = await self.db.fetch(
            "select body from orders.outbox where subject = 'audit.acted' order by position"
        )
        return [msgspec.json.decode(row["body"], type=Acted) for row in rows]

    async def deliver_events(self) -> None:
        """Bring what waits in the outboxes to those who listen, until nothing more comes of it."""
        moved = True
        while moved:
            moved = await self._deliver("payments", PaymentChanged, self.service)
            moved |= await self._deliver("orders", OrderPlaced, self._stock_service)

    async def decide_payments(self) -> None:
        """The simulator sends the webhooks that are due."""
        await self._schedules["payments-simulator"].run()

    async def sweep(self) -> None:
        for schedule in self.service.schedules:
            await schedule.run()

    async def order_of(self, order_id: UUID) -> Order:
        return await self.orders.get_order(STAFF, order_id=order_id)

    async def count(self, table: str) -> int:
        found: int = await self.db.fetchval(f"select count(*) from orders.{table}")
        return found

    async def assert_books_agree(self) -> None:
        for service in (self.orders, self.stock, self.payments):
            assert (await service.verify(SYSTEM_CONTEXT)).differences == []

    async def _deliver(self, schema: str, event: type[Event], listener: Service) -> bool:
        rows = await self.db.fetch(
            f"select id, body from {schema}.outbox where subject = $1 and id <> all($2) order by position",
            event.subject, list(self._delivered),
        )  # fmt: skip
        events = [msgspec.json.decode(row["body"], type=event) for row in rows]
        if not events:
            return False
        self._delivered.update(row["id"] for row in rows)
        subscription = next(s for s in listener.subscriptions if event in s.events)
        database = self.runtime.database("stock" if schema == "orders" else "orders")
        async with database.transaction() as tx:
            await subscription.handle(tx, events)
        if isinstance(events[0], OrderPlaced):
            await self.carts.finish(SYSTEM_CONTEXT, cart_ids=[e.cart_id for e in events])  # type: ignore[attr-defined]
        return True


async def shipped_parcel(till: Till, order: Order, **tracking: Any) -> Order:
    """Everything that may be sent leaves the house in one parcel."""
    order = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    return await till.orders.ship(STAFF, fulfillment_id=order.fulfillments[-1].id, **tracking)


def make_runtime(database_url: str, nats_url: str, namespace: str) -> Runtime:
    return Runtime(
        Settings(
            environment="test",
            database_url=database_url,
            nats_url=nats_url,
            namespace=namespace,
            secret_key="s" * 32,
        )
    )


@pytest.fixture
async def till(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Till]:
    runtime = make_runtime(database_url, nats_url, namespace)
    await runtime.nats.connect(nats_url)
    yield Till(runtime)
    await runtime.nats.close()
    await runtime.close()


class Clock:
    """The clock of this process, which tests move forward."""

    def forward(self, **by: float) -> None:
        self.offset += timedelta(**by)
        clock.set_offset(self.offset)

    def __init__(self) -> None:
        self.offset = timedelta(0)


@pytest.fixture
def moving_clock() -> Iterator[Clock]:
    yield Clock()
    clock.set_offset(timedelta(0))
