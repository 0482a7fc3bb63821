"""Gift cards that are bought: issued once for each unit when paid, without stock, disabled when paid back."""

import asyncio
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.orders import (
    FulfillmentStatus,
    LineQuantity,
    Order,
    OrderPaid,
    OrderStatus,
    RefundGrant,
    RefundLine,
)
from mercato.contracts.orders.changes import ChangeInput, ChangeKind
from mercato.contracts.payments import GiftCardStatus
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Denied, Unauthenticated, Unavailable
from mercato.orders.actions import gift_cards
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till
from orders.fakes import EMAIL
from orders.gift_cards import use
from orders.paperwork import hear
from support.money import eur
from support.waiting import eventually


async def cart_with_cards(till: Till, quantity: int = 2, *, mug: bool = False) -> tuple[UUID, str]:
    """Cards of 25.00 for grandma, of which nothing is in stock; with a mug when that is asked for."""
    lines = [(await till.put(0), quantity, 2500)] + ([(await till.put(5), 1, 1200)] if mug else [])
    cart_id, token = till.carts.open_cart(*lines)
    cart = till.carts.carts[cart_id]
    first = msgspec.structs.replace(
        cart.lines[0],
        is_gift_card=True,
        custom={"recipient": "grandma@example.org", "message": " Enjoy!\r\nMara\x07 "},
        tax=eur(0),
    )
    cart = msgspec.structs.replace(cart, lines=[first, *cart.lines[1:]])
    if not mug:
        total = eur(2500 * quantity)
        totals = msgspec.structs.replace(
            cart.totals, delivery=eur(0), tax=eur(0), total=total, due=total, subtotal=total
        )
        cart = msgspec.structs.replace(cart, delivery_method=None, totals=totals)
    till.carts.carts[cart_id] = cart
    return cart_id, token


async def bought_cards(till: Till, quantity: int = 2, *, mug: bool = False) -> Order:
    placement = await till.place(await cart_with_cards(till, quantity, mug=mug))
    assert placement.order is not None
    await till.deliver_events()
    return placement.order


async def issued(till: Till, order: Order) -> list[tuple[str | None, int, str]]:
    await hear(till, OrderPaid)
    await till.sweep()
    await eventually(lambda: _is_idle(till))
    return await issued_now(till, order)


async def issued_now(till: Till, order: Order) -> list[tuple[str | None, int, str]]:
    cards = await till.payments.sold_cards(SYSTEM_CONTEXT, order_id=order.id)
    return [(card.recipient, card.balance.amount, card.status.value) for card in cards]


async def _is_idle(till: Till) -> bool:
    """The sweeper that the fact has rung has done its work."""
    return not await till.db.fetchval(
        "select exists (select from orders.intents where kind = 'issue_cards' and done_at is null)"
    )


async def mails(till: Till) -> int:
    found: int = await till.runtime.database("payments").fetchval(
        "select count(*) from payments.outbox where subject = 'payments.gift_card_issued'"
    )
    return found


async def test_a_paid_order_issues_a_card_for_each_unit_once_and_is_done(till: Till) -> None:
    order = await bought_cards(till)
    for _ in range(3):
        assert await issued(till, order) == [("grandma@example.org", 2500, "active")] * 2
    assert await mails(till) == 2
    now = await till.order_of(order.id)
    assert (now.status, now.fulfillment_status) == (OrderStatus.COMPLETED, FulfillmentStatus.DELIVERED)
    assert (now.delivery.code, now.tax_lines[0].tax, now.lines[0].is_gift_card) == ("email", eur(0), True)
    assert (now.lines[0].recipient, now.lines[0].message) == ("grandma@example.org", "Enjoy!\nMara")
    bodies = await till.runtime.database("payments").fetch(
        "select body from payments.outbox where subject = 'payments.gift_card_issued'"
    )
    assert [b'"message":"Enjoy!\\nMara"' in row["body"] for row in bodies] == [True, True]
    assert await till.levels(order.lines[0].variant_id) == (0, 0, 0)
    assert [entry.kind for entry in now.timeline].count("gift_card_issued") == 2
    await till.assert_books_agree()


async def test_cards_beside_goods_leave_only_the_goods_to_ship(till: Till) -> None:
    order = await bought_cards(till, 1, mug=True)
    await issued(till, order)
    now = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    assert [line.line_id for line in now.fulfillments[0].lines] == [order.lines[1].id]
    sent = await till.orders.ship(STAFF, fulfillment_id=now.fulfillments[0].id)
    assert (sent.status, sent.fulfillment_status) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)
    assert [line.quantity_returnable for line in sent.lines] == [0, 1]
    await till.assert_books_agree()


async def test_a_crash_between_cards_issues_each_once(till: Till, moving_clock: Clock) -> None:
    order = await bought_cards(till, 3)
    parts = till.orders._parts
    await hear(till, OrderPaid)
    dead = till.build(till.carts)
    dying = msgspec.structs.replace(parts, payments=_DiesAfterOne(till))
    dead.schedules[0].run.__self__.parts = dying  # type: ignore[attr-defined]
    await dead.schedules[0].run()
    assert await mails(till) == 1
    moving_clock.forward(minutes=10)
    await asyncio.gather(till.sweep(), till.sweep())
    assert await issued(till, order) == [("grandma@example.org", 2500, "active")] * 3
    assert await mails(till) == 3
    kinds = [entry.kind for entry in (await till.order_of(order.id)).timeline]
    assert kinds.count("gift_card_issued") == 3
    await till.assert_books_agree()


async def test_many_cards_are_issued_in_turns_and_a_refund_waits_for_the_last(till: Till) -> None:
    count = gift_cards.ISSUE_BATCH + 1
    till.catalog.refund_proof_above = count * 2500
    order = await bought_cards(till, count)
    assert await issued(till, order) == [("grandma@example.org", 2500, "active")] * count
    assert await mails(till) == count
    now = await till.order_of(order.id)
    assert [entry.kind for entry in now.timeline].count("gift_card_issued") == count
    assert (now.status, now.lines[0].quantity_fulfilled) == (OrderStatus.COMPLETED, count)
    wish = RefundGrant(lines=[RefundLine(order.lines[0].id, count)])
    await till.db.execute("update orders.intents set done_at = null where kind = 'issue_cards'")
    with pytest.raises(Conflict, match="gift_cards_apart"):
        await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
    assert [card[2] for card in await issued_now(till, order)] == ["active"] * count
    await till.db.execute("update orders.intents set done_at = now() where kind = 'issue_cards'")
    await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
    assert [card[2] for card in await issued_now(till, order)] == ["disabled"] * count
    await till.assert_books_agree()


async def test_a_line_that_was_refunded_before_it_was_paid_issues_no_cards(till: Till) -> None:
    cart = await cart_with_cards(till, 1, mug=True)
    order = (await till.place(cart, provider="manual")).order
    assert order is not None
    await till.deliver_events()
    wish = RefundGrant(lines=[RefundLine(order.lines[0].id, 1)], execute=False)
    await till.orders.grant_refund(STAFF, order_id=order.id, grant=wish)
    await till.orders.capture(STAFF, order_id=order.id)
    assert await issued(till, order) == []
    assert (await till.order_of(order.id)).payment_status == "paid"


async def test_canceling_disables_unused_cards_and_is_refused_for_a_spent_one(till: Till) -> None:
    order = await bought_cards(till, 1, mug=True)
    await issued(till, order)
    await till.orders.cancel(STAFF, order_id=order.id)
    [card] = await till.payments.sold_cards(SYSTEM_CONTEXT, order_id=order.id)
    assert card.status is GiftCardStatus.DISABLED
    assert await till.charges() == [(4190, 4190, 4190, 0)]

    other = await bought_cards(till, 1, mug=True)
    await issued(till, other)
    [spent] = await till.payments.sold_cards(SYSTEM_CONTEXT, order_id=other.id)
    cart = till.carts.open_cart((await till.put(5), 2, 1200))
    till.carts.pay_with(cart[0], use(spent.id, 1000))
    await till.place(cart)
    await till.deliver_events()
    before = await till.charges()
    with pytest.raises(Conflict, match="gift_card_spent"):
        await till.orders.cancel(STAFF, order_id=other.id)
    line = RefundLine(other.lines[0].id, 1)
    with pytest.raises(Conflict, match="gift_card_spent"):
        await till.orders.grant_refund(STAFF, order_id=other.id, grant=RefundGrant(lines=[line]))
    assert (await till.order_of(other.id)).status is OrderStatus.PLACED
    assert await till.charges() == before
    await till.assert_books_agree()


async def test_cards_are_refunded_by_their_line_and_cannot_be_used_then(till: Till) -> None:
    order = await bought_cards(till, 2, mug=True)
    await issued(till, order)
    line = order.lines[0].id
    for refused in (RefundGrant(lines=[RefundLine(line, 1)]), RefundGrant(other=2000)):
        with pytest.raises(Conflict, match="gift_cards_apart"):
            await till.orders.grant_refund(STAFF, order_id=order.id, grant=refused)
    with pytest.raises(Conflict, match="gift_cards_apart"):
        await till.orders.refund(STAFF, order_id=order.id)
    assert [card[2] for card in await issued(till, order)] == ["active", "active"]
    after = await till.orders.grant_refund(
        STAFF, order_id=order.id, grant=RefundGrant(lines=[RefundLine(line, 2)])
    )
    assert after.credited == eur(5000)
    assert [card[2] for card in await issued(till, order)] == ["disabled", "disabled"]
    await till.orders.refund(STAFF, order_id=order.id)
    assert (await till.charges())[0][2] == 6690
    await till.assert_books_agree()


async def test_changes_leave_gift_cards_alone_and_only_mercato_sells_them(till: Till) -> None:
    order = await bought_cards(till, 2, mug=True)
    wish = ChangeInput(kind=ChangeKind.EDIT, quantities=[LineQuantity(order.lines[0].id, 3)])
    with pytest.raises(Conflict, match="not_open"):
        await till.orders.preview_change(STAFF, order_id=order.id, change=wish)
    with pytest.raises(Denied):
        await till.payments.disable_sold_cards(GUEST_CONTEXT, order_id=order.id)
    with pytest.raises(Unauthenticated):
        await till.payments.sold_cards(GUEST_CONTEXT, order_id=order.id)
    assert order.email == EMAIL


class _DiesAfterOne:
    """Payments that issue one card and are away then."""

    def __init__(self, till: Till) -> None:
        self._payments = till.payments
        self._left = 1

    async def issue_sold_card(self, ctx: Any, **asked: Any) -> Any:
        if not self._left:
            raise Unavailable()
        self._left -= 1
        return await self._payments.issue_sold_card(ctx, **asked)
