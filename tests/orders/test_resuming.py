"""Crashes and late answers: a placing that died anywhere is finished or undone, once."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import OrderPaymentStatus, OrderStatus, PaymentChoice, PlaceStatus
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Unavailable
from mercato.orders.actions.place import Wish, freeze, hold, pay, record
from mercato.orders.actions.settle import refuse, settle
from mercato.orders.parts import Parts
from mercato.orders.store import placing
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till

STEPS = ("frozen", "held", "recorded", "paid")


def parts_of(till: Till) -> Parts:
    return till.orders._parts


async def place_until(till: Till, cart: tuple[UUID, str], step: str, token: str = "sim_ok") -> None:
    """Run the steps of placing up to `step`, then die."""
    parts = parts_of(till)
    wish = Wish(
        cart_id=cart[0],
        cart_token=cart[1],
        expected_total=till.carts.total(cart[0]),
        payment=PaymentChoice("simulator", token),
    )
    frozen = await freeze(parts, GUEST_CONTEXT, wish)
    if step == "frozen":
        return
    await hold(parts, GUEST_CONTEXT, frozen)
    if step == "held":
        return
    draft, _ = await record(parts, GUEST_CONTEXT, wish, frozen)
    assert draft is not None
    if step == "paid":
        await pay(parts, GUEST_CONTEXT, draft)


async def heal(till: Till, clock: Clock) -> None:
    """A minute passes: sweeps, events, sweeps."""
    for _ in range(4):
        clock.forward(seconds=21)
        await till.sweep()
        await till.deliver_events()


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
    assert (await _status(till, cart)) is OrderStatus.DRAFT


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
    assert (await _status(till, good)) is OrderStatus.PLACED
    assert (await _status(till, bad)) is OrderStatus.DRAFT
    assert (await till.orders.counts(SYSTEM_CONTEXT)).stale_drafts == 1
    found = await till.orders.verify(SYSTEM_CONTEXT)
    assert [d.check for d in found.differences] == ["order_total", "stuck_draft"]


async def test_a_lost_reply_is_processing_and_then_placed_with_one_charge(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    answer = await till.place(cart, "sim_timeout_then_ok")
    assert (answer.status, answer.order) == (PlaceStatus.PROCESSING, None)
    assert till.carts.status(cart[0]) == "completing"
    await heal(till, moving_clock)
    standing = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert standing.status is PlaceStatus.PLACED
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


async def test_three_d_secure_places_when_the_shopper_comes_back(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    answer = await till.place(cart, "sim_3ds")
    assert answer.status is PlaceStatus.REQUIRES_ACTION
    assert answer.next_action is not None
    again = await till.place(cart, "sim_3ds")
    assert (again.status, again.next_action) == (answer.status, answer.next_action)
    await _decide(till, approve=True)
    back = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert back.status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.levels(mug) == (10, 2, 0)
    assert await till.charges() == [(2890, 2890, 0, 0)]
    await till.assert_books_agree()


async def test_three_d_secure_refused_gives_everything_back(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    await _decide(till, approve=False)
    back = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert back.status is PlaceStatus.DECLINED
    assert back.decline_code
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert await till.charges() == []


async def test_three_d_secure_places_by_webhook_when_the_browser_is_closed(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    await _decide(till, approve=True)
    await till.decide_payments()
    await till.deliver_events()
    await till.sweep()
    assert (await _status(till, cart)) is OrderStatus.PLACED


async def test_a_shopper_who_never_comes_back_loses_the_hold_after_half_an_hour(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    begun = clock.now()
    await till.place(cart, "sim_3ds")
    for _ in range(9):
        moving_clock.forward(minutes=3)
        await till.sweep()
    assert await till.levels(mug) == (10, 0, 2)
    waiting = await till.orders.placement(GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1])
    assert waiting.held_until is not None
    assert begun + timedelta(minutes=30) <= waiting.held_until < begun + timedelta(minutes=31)
    for _ in range(3):
        moving_clock.forward(minutes=3)
        await till.sweep()
    assert await till.levels(mug) == (10, 0, 0)
    assert till.carts.status(cart[0]) == "open"
    assert (await _status(till, cart)) is OrderStatus.EXPIRED


async def test_money_that_comes_after_expiry_places_the_order_when_the_goods_are_there(
    till: Till, moving_clock: Clock
) -> None:
    mug, cart = await _expired(till, moving_clock)
    await _pay_late(till, moving_clock)
    assert (await _status(till, cart)) is OrderStatus.PLACED
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    assert await till.facts() == ["orders.placed", "orders.paid"]
    await till.assert_books_agree()


async def test_money_that_comes_after_expiry_goes_back_when_the_goods_are_gone(
    till: Till, moving_clock: Clock
) -> None:
    mug, cart = await _expired(till, moving_clock)
    await till.place(till.carts.open_cart((mug, 9, 1200)))
    await till.deliver_events()
    await _pay_late(till, moving_clock)
    assert (await _status(till, cart)) is OrderStatus.EXPIRED
    assert sorted(await till.charges()) == [(2890, 2890, 2890, 0), (11290, 11290, 0, 0)]
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    kinds = [row.kind for row in (await till.order_of(draft.id)).timeline]
    assert "payment_late" in kinds and "payment_refunded" in kinds
    await till.assert_books_agree()


async def test_async_payments_are_decided_by_webhook(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    good, bad = till.carts.open_cart((mug, 2, 1200)), till.carts.open_cart((mug, 3, 1200))
    assert (await till.place(good, "sim_async_ok")).status is PlaceStatus.PROCESSING
    assert (await till.place(bad, "sim_async_fail")).status is PlaceStatus.PROCESSING
    moving_clock.forward(seconds=3)
    await till.decide_payments()
    await till.deliver_events()
    await till.sweep()
    await till.deliver_events()
    assert (await _status(till, good)) is OrderStatus.PLACED
    assert (await _status(till, bad)) is OrderStatus.EXPIRED
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


@pytest.mark.parametrize("token", ["sim_duplicate_webhook", "sim_out_of_order"])
async def test_double_and_disordered_webhooks_make_one_order_and_one_charge(
    till: Till, moving_clock: Clock, token: str
) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, token)
    for _ in range(3):
        moving_clock.forward(seconds=3)
        await till.decide_payments()
        await till.deliver_events()
        await till.sweep()
    await till.deliver_events()
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    order = await till.order_of(draft.id)
    assert order.payment_status is OrderPaymentStatus.PAID
    assert [row.kind for row in order.timeline].count("payment_captured") == 1
    assert await till.facts() == ["orders.placed", "orders.paid"]
    assert await till.charges() == [(2890, 2890, 0, 0)]
    await till.assert_books_agree()


async def test_an_expired_hold_of_a_placed_order_is_allocated_and_never_released(
    till: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)
    await till.place(till.carts.open_cart((mug, 2, 1200)))
    moving_clock.forward(minutes=11)
    await till.sweep()
    assert await till.levels(mug) == (10, 2, 0)


class _Unable:
    """A service that does not answer."""

    def __init__(self, till: Till) -> None:
        self.till = till

    async def release(self, ctx: Context, *, owners: list[UUID]) -> None:
        raise Unavailable("stock_down")

    async def thaw(self, ctx: Context, *, cart_id: UUID) -> None:
        raise Unavailable("carts_down")


def _with(parts: Parts, **changes: Any) -> Parts:
    return msgspec.structs.replace(parts, **changes)


async def _status(till: Till, cart: tuple[UUID, str]) -> OrderStatus:
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    return draft.status


async def _decide(till: Till, *, approve: bool) -> None:
    ledger = await till.payments.simulator_ledger(SYSTEM_CONTEXT)
    waiting = [entry for entry in ledger.items if entry.status == "requires_action"]
    await till.payments.decide_simulator_session(
        SYSTEM_CONTEXT, reference=waiting[-1].reference, approve=approve
    )


async def _expired(till: Till, clock: Clock) -> tuple[UUID, tuple[UUID, str]]:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    clock.forward(minutes=31)
    await till.sweep()
    assert (await _status(till, cart)) is OrderStatus.EXPIRED
    return mug, cart


async def _pay_late(till: Till, clock: Clock) -> None:
    await _decide(till, approve=True)
    for _ in range(4):
        await till.decide_payments()
        await till.deliver_events()
        clock.forward(seconds=10)
        await till.sweep()
    await till.deliver_events()


async def test_a_shopper_whose_hold_ran_out_may_finish_when_the_units_are_there_and_not_otherwise(
    till: Till, moving_clock: Clock
) -> None:
    mug, cart = await _expired(till, moving_clock)
    other = await till.place(till.carts.open_cart((mug, 9, 1200)))
    assert other.status is PlaceStatus.PLACED
    with pytest.raises(Conflict) as refused:
        await till.place(cart)
    assert (refused.value.code, till.carts.status(cart[0])) == ("insufficient_stock", "open")
    assert len(await till.charges()) == 1
    await till.deliver_events()
    assert other.order is not None
    await till.orders.cancel(STAFF, order_id=other.order.id, reason="Changed their mind")
    for _ in range(3):
        await till.sweep()
        await till.deliver_events()
    assert (await till.place(cart)).status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


async def test_a_shopper_who_leaves_the_bank_may_pay_in_another_way(till: Till) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    placed = await till.place(cart, "sim_ok")
    assert placed.status is PlaceStatus.PLACED
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 0, 0)]
    assert await till.levels(mug) == (10, 2, 0)
    await till.assert_books_agree()


async def test_what_is_paid_twice_goes_back_by_itself(till: Till, moving_clock: Clock) -> None:
    mug = await till.put(10)
    cart = till.carts.open_cart((mug, 2, 1200))
    await till.place(cart, "sim_3ds")
    placed = await till.place(cart, "sim_ok")
    assert placed.order is not None
    await _pay_late(till, moving_clock)
    order = await till.order_of(placed.order.id)
    assert (order.status, order.payment_status) == (OrderStatus.PLACED, OrderPaymentStatus.PAID)
    assert sum(captured - refunded for _, captured, refunded, _ in await till.charges()) == 2890
    assert await till.facts() == ["orders.placed", "orders.paid", "orders.refunded"]
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.gross, p.refunded) for p in report.points] == [(2890, 0)]
    await till.assert_books_agree()
