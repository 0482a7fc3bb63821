"""What failed so often that it was given up: staff sees why, and tries it again once the cause is gone."""

from typing import Any
from uuid import UUID

import pytest

from mercato import orders as orders_package
from mercato.contracts.orders import Order, OrderPaymentStatus, OrderStatus
from mercato.contracts.payments import Payment
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.errors import Conflict, Denied, NotFound
from mercato.kernel.ids import new_id
from mercato.orders.actions.resume import MAX_TRIES
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till
from orders.crashes import place_until
from support.waiting import eventually

SUPPORT = Context(
    principal=Principal(
        PrincipalKind.USER, new_id(), "support@shop.example", permissions=frozenset({"read_orders"})
    )
)
HIDE = "update orders.lines set attempt = attempt + $1"


class MoodyPayments:
    """Real payments of a provider that refuses to void as long as `is_moody`."""

    def __init__(self, payments: Any) -> None:
        self._payments = payments
        self.is_moody = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._payments, name)

    async def void(self, *args: Any, **kwargs: Any) -> list[Payment]:
        if self.is_moody:
            raise Conflict("provider_moody", "Not today.")
        paid: list[Payment] = await self._payments.void(*args, **kwargs)
        return paid


async def give_up(till: Till, moving_clock: Clock) -> None:
    """Sweep until everything that fails has failed too often."""
    for _ in range(MAX_TRIES + 1):
        moving_clock.forward(seconds=301)
        await till.sweep()


async def becomes(till: Till, order_id: UUID, status: OrderPaymentStatus) -> Order:
    """The order once the sweeper, which trying again wakes, has brought its money there."""

    async def is_there() -> bool:
        await till.deliver_events()
        return (await till.order_of(order_id)).payment_status is status

    await eventually(is_there)
    return await till.order_of(order_id)


async def stuck_draft(till: Till, moving_clock: Clock) -> Order:
    """A placing that died, and that cannot go on because its lines are away."""
    cart = till.carts.open_cart((await till.put(10), 1, 1200))
    await place_until(till, cart, "recorded")
    await till.db.execute(HIDE, 100)
    await give_up(till, moving_clock)
    order_id = await till.db.fetchval("select id from orders.orders where cart_id = $1", cart[0])
    return await till.order_of(order_id)


async def test_a_draft_that_was_given_up_says_why_and_is_placed_when_it_is_tried_again(
    till: Till, moving_clock: Clock
) -> None:
    order = await stuck_draft(till, moving_clock)
    assert order.status is OrderStatus.DRAFT
    assert [(one.kind, one.order_id, one.number) for one in order.stuck] == [
        ("placing", order.id, order.number)
    ]
    assert order.stuck[0].error
    assert "retry" in order.allowed_actions
    assert await till.orders.stuck(STAFF) == order.stuck
    moving_clock.forward(seconds=3600)
    await till.sweep()
    assert (await till.order_of(order.id)).status is OrderStatus.DRAFT

    await till.db.execute(HIDE, -100)
    retried = await till.orders.retry(STAFF, order_id=order.id)
    assert (retried.stuck, "retry" in retried.allowed_actions) == ([], False)
    placed = await becomes(till, order.id, OrderPaymentStatus.PAID)
    assert placed.status is OrderStatus.PLACED
    assert [(row.actor, row.text) for row in placed.timeline if row.kind == "retried"] == [
        ("staff@shop.example", "Tried again")
    ]
    assert await till.charges() == [(1690, 1690, 0, 0)]
    await till.assert_books_agree()


async def test_what_still_fails_is_given_up_again(till: Till, moving_clock: Clock) -> None:
    order = await stuck_draft(till, moving_clock)
    await till.orders.retry(STAFF, order_id=order.id)
    await give_up(till, moving_clock)
    again = await till.order_of(order.id)
    assert (again.status, [one.kind for one in again.stuck]) == (OrderStatus.DRAFT, ["placing"])
    assert await till.charges() == []


async def test_money_that_could_not_be_given_back_goes_back_when_it_is_tried_again(
    till: Till, moving_clock: Clock
) -> None:
    payments = MoodyPayments(till.payments)
    till.service = orders_package.build(
        till.runtime, carts=till.carts, catalog=till.catalog, stock=till.stock, payments=payments,  # type: ignore[arg-type]
        carriers=till.carriers.impl,
    )  # fmt: skip
    till.orders = till.service.impl
    variant_id = await till.put(10)
    placement = await till.place(till.carts.open_cart((variant_id, 1, 1200)), provider="manual")
    assert placement.order is not None
    await till.deliver_events()
    await till.orders.cancel(STAFF, order_id=placement.order.id)
    await give_up(till, moving_clock)
    order = await till.order_of(placement.order.id)
    assert [(one.kind, "provider_moody" in one.error) for one in order.stuck] == [("return_money", True)]
    assert order.payment_status is OrderPaymentStatus.AUTHORIZED

    payments.is_moody = False
    await till.orders.retry(STAFF, order_id=order.id)
    assert (await becomes(till, order.id, OrderPaymentStatus.VOIDED)).stuck == []
    assert await till.orders.stuck(STAFF) == []
    await till.assert_books_agree()


async def test_refuses_to_try_again_what_is_not_stuck(till: Till) -> None:
    order = await till.bought()
    before = await till.order_of(order.id)
    with pytest.raises(Conflict) as refused:
        await till.orders.retry(STAFF, order_id=order.id)
    assert refused.value.code == "nothing_stuck"
    with pytest.raises(NotFound):
        await till.orders.retry(STAFF, order_id=new_id())
    assert await till.order_of(order.id) == before


async def test_only_staff_that_may_write_orders_tries_again(till: Till, moving_clock: Clock) -> None:
    order = await stuck_draft(till, moving_clock)
    with pytest.raises(Denied):
        await till.orders.retry(SUPPORT, order_id=order.id)
    seen = await till.orders.get_order(SUPPORT, order_id=order.id)
    assert ([one.kind for one in seen.stuck], seen.allowed_actions) == (["placing"], [])
    with pytest.raises(Exception, match="Sign in"):
        await till.orders.stuck(GUEST_CONTEXT)
