"""Crashes and late answers: a placing that died anywhere is finished or undone, once."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import OrderStatus, PlaceStatus
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Unavailable
from mercato.kernel.messaging.events import Event
from mercato.kernel.messaging.outbox import Outbox
from mercato.orders.actions.place import pay
from mercato.orders.actions.settle import refuse, settle
from mercato.orders.parts import Parts
from mercato.orders.store import placing
from orders.conftest import GUEST_CONTEXT, Clock, Till
from orders.crashes import STEPS, heal, parts_of, place_until, status_of


@pytest.mark.parametrize("step", STEPS)
async def test_heals_a_placing_that_died_after(till: Till, moving_clock: Clock, step: str) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await place_until(till, cart, step)
    await heal(till, moving_clock)
    if step in ("frozen", "held"):
        assert await till.count("orders") == 0
        assert await till.charges() == []
        assert await till.levels(mug) == (10, 0, 0)
        assert till.carts.status(cart[0]) == "open"
    else:
        assert await till.charges() == [(2890, 2890, 0, 0)]
        assert await till.levels(mug) == (10, 2, 0)
        assert till.carts.status(cart[0]) == "completed"
        assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.assert_books_agree()


@pytest.mark.parametrize("step", STEPS)
async def test_the_shopper_may_try_again_after_a_crash(till: Till, moving_clock: Clock, step: str) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await place_until(till, cart, step)
    await heal(till, moving_clock)
    placement = await till.place(cart)
    assert placement.status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


@pytest.mark.parametrize("step", ["refused", "released"])
async def test_heals_a_refusal_that_died_half_way(till: Till, moving_clock: Clock, step: str) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await place_until(till, cart, "recorded", "sim_decline")
    parts = parts_of(till)
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    unable = _Unable(till)
    await refuse(
        _with(parts, stock=unable if step == "refused" else till.stock, carts=unable), draft, code="x"
    )
    assert till.carts.status(cart[0]) == "completing"
    await heal(till, moving_clock)
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert await till.charges() == []
    await till.assert_books_agree()


async def test_a_live_draft_is_left_to_its_request(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await place_until(till, cart, "recorded")
    await till.sweep()
    assert await till.charges() == []
    assert (await status_of(till, cart)) is OrderStatus.DRAFT


async def test_a_request_that_wakes_up_late_finds_its_order_placed(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await place_until(till, cart, "recorded")
    late = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert late is not None
    await heal(till, moving_clock)
    placement = await settle(parts_of(till), late, await pay(parts_of(till), GUEST_CONTEXT, late))
    assert placement.status is PlaceStatus.PLACED
    assert await till.facts() == ["orders.placed", "orders.paid"]
    assert await till.charges() == [(2890, 2890, 0, 0)]


@pytest.mark.parametrize("is_charged", [False, True])
async def test_a_payment_that_broke_is_asked_for_again_at_once_and_charged_once(
    till: Till, moving_clock: Clock, is_charged: bool
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    broken = _Breaks(till, is_charged=is_charged)
    shop, till.orders = till.orders, type(till.orders)(_with(parts_of(till), payments=broken))
    assert (await till.place(cart)).status is PlaceStatus.PROCESSING
    till.orders = shop
    assert (await till.place(cart)).status is (PlaceStatus.PLACED if is_charged else PlaceStatus.PROCESSING)
    moving_clock.forward(seconds=2)
    await till.sweep()
    assert (await till.place(cart)).status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.assert_books_agree()


@pytest.mark.parametrize("is_done", [False, True])
async def test_settling_that_broke_goes_on_at_once_and_happens_once(
    till: Till, moving_clock: Clock, is_done: bool
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    outbox = _BrokenOutbox(parts_of(till).outbox, is_done=is_done)
    shop, till.orders = till.orders, type(till.orders)(_with(parts_of(till), outbox=outbox))
    told = await till.place(cart)
    till.orders = shop
    assert told.status is (PlaceStatus.PLACED if is_done else PlaceStatus.PROCESSING)
    assert (await status_of(till, cart)) is (OrderStatus.PLACED if is_done else OrderStatus.DRAFT)
    moving_clock.forward(seconds=2)
    await till.sweep()
    again = await till.place(cart)
    assert (again.status, again.order_number) == (PlaceStatus.PLACED, told.order_number)
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.assert_books_agree()


async def test_giving_back_that_broke_goes_on_at_once(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    shop, till.orders = till.orders, type(till.orders)(_with(parts_of(till), stock=_BrokenStock(till)))
    assert (await till.place(cart, "sim_decline")).decline_code == "card_declined"
    till.orders = shop
    assert await till.levels(mug) == (10, 0, 2)
    moving_clock.forward(seconds=2)
    await till.sweep()
    assert (await till.levels(mug), till.carts.status(cart[0])) == ((10, 0, 0), "open")
    assert (await till.place(cart)).status is PlaceStatus.PLACED


async def test_two_sweepers_at_once_place_it_once(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await place_until(till, cart, "recorded")
    moving_clock.forward(seconds=21)
    await asyncio.gather(till.sweep(), till.sweep())
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.facts() == ["orders.placed", "orders.paid"]


async def test_a_poisoned_draft_does_not_stop_the_others_and_is_parked(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    bad, good = till.carts.open_cart((mug, 1, 1200)), till.carts.open_cart((mug, 1, 1200))
    await place_until(till, bad, "recorded")
    await place_until(till, good, "recorded")
    await till.db.execute(
        "delete from orders.lines l using orders.orders o where l.order_id = o.id and o.cart_id = $1", bad[0]
    )
    for _ in range(20):
        moving_clock.forward(seconds=301)
        await till.sweep()
    assert (await status_of(till, good)) is OrderStatus.PLACED
    assert (await status_of(till, bad)) is OrderStatus.DRAFT
    assert (await till.orders.counts(SYSTEM_CONTEXT)).stale_drafts == 1
    found = await till.orders.verify(SYSTEM_CONTEXT)
    assert [d.check for d in found.differences] == ["order_total", "stuck_draft"]


class _Unable:
    """A service that does not answer."""

    def __init__(self, till: Till) -> None:
        self.till = till

    async def release(self, ctx: Context, *, owners: list[UUID]) -> None:
        raise Unavailable("stock_down")

    async def thaw(self, ctx: Context, *, cart_id: UUID) -> None:
        raise Unavailable("carts_down")


class _Breaks:
    """Payments that have a bug: `pay` ends in an error of its own, before or after it has charged."""

    def __init__(self, till: Till, *, is_charged: bool) -> None:
        self.till, self.is_charged = till, is_charged

    async def pay(self, ctx: Context, **asked: Any) -> None:
        if self.is_charged:
            await self.till.payments.pay(ctx, **asked)
        raise KeyError("reference")


class _BrokenOutbox:
    """An outbox with a bug: placing ends in an error of its own, before or after the order is placed."""

    def __init__(self, outbox: Outbox, *, is_done: bool) -> None:
        self.outbox, self.is_done = outbox, is_done

    def rows(self, *told: Event) -> object:
        if not self.is_done:
            raise KeyError("subject")
        return self.outbox.rows(*told)

    def ring(self) -> None:
        raise KeyError("bell")


class _BrokenStock:
    """Stock that holds, and breaks when it is to be given back."""

    def __init__(self, till: Till) -> None:
        self.hold = till.stock.hold

    async def release(self, ctx: Context, **asked: Any) -> None:
        raise KeyError("owners")


def _with(parts: Parts, **changes: Any) -> Parts:
    return msgspec.structs.replace(parts, **changes)
