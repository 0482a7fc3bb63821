"""Orders paid by gift card and store credit: in part or in full, given back when the order fails."""

import pytest

from mercato.contracts.orders import Order, OrderPaymentStatus, OrderStatus, PaymentChoice, PlaceStatus
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.kernel.money import Money
from orders.conftest import GUEST_CONTEXT, STAFF, Till
from orders.gift_cards import card, cart_of, left, ordered
from support.money import eur


def payments(order: Order) -> dict[str, int]:
    return {one.provider: one.captured.amount for one in order.payments}


async def test_a_card_pays_a_part_and_the_provider_the_rest(till: Till) -> None:
    card_id = await card(till)
    order = await ordered(till, card_id, 1_000)

    assert (order.status, order.payment_status) == (OrderStatus.PLACED, OrderPaymentStatus.PAID)
    assert payments(order) == {"gift_card": 1_000, "simulator": 1_890}
    assert (order.totals.paid_by_credit, order.totals.due) == (Money(1_000, "EUR"), Money(1_890, "EUR"))
    assert await left(till, card_id) == (4_000, 0)
    assert [entry.text for entry in order.timeline if "gift card" in entry.text] == [
        "Payment authorized: gift card", "Payment captured: gift card",
    ]  # fmt: skip
    await till.assert_books_agree()


async def test_a_card_that_pays_everything_needs_no_provider(till: Till) -> None:
    card_id = await card(till)
    order = await ordered(till, card_id, 2_890)

    assert (order.payment_status, payments(order)) == (OrderPaymentStatus.PAID, {"gift_card": 2_890})
    assert (await till.charges(), await left(till, card_id)) == ([], (2_110, 0))
    assert (await till.facts()).count("orders.paid") == 1
    await till.assert_books_agree()


async def test_a_decline_gives_the_card_back_and_the_cart_may_be_paid_again(till: Till) -> None:
    card_id = await card(till)
    cart = await cart_of(till, card_id, 1_000)
    declined = await till.place(cart, "sim_decline")
    assert declined.status is PlaceStatus.DECLINED
    assert (await left(till, card_id), till.carts.status(cart[0])) == ((5_000, 0), "open")

    placed = await till.place(cart, "sim_ok")
    await till.deliver_events()
    assert placed.order is not None
    order = await till.order_of(placed.order.id)
    assert (order.payment_status, await left(till, card_id)) == (OrderPaymentStatus.PAID, (4_000, 0))
    await till.assert_books_agree()


async def test_a_card_that_was_spent_meanwhile_declines_and_charges_nobody(till: Till) -> None:
    card_id = await card(till)
    cart = await cart_of(till, card_id, 1_000)
    await till.payments.adjust_gift_card(SYSTEM_CONTEXT, card_id=card_id, change=-4_500, reason="")
    declined = await till.place(cart)

    assert (declined.status, declined.decline_code) == (PlaceStatus.DECLINED, "credit_unavailable")
    assert (await till.charges(), await left(till, card_id)) == ([], (500, 0))
    assert await till.levels(next(iter(till.carts.carts[cart[0]].lines)).variant_id) == (10, 0, 0)
    await till.assert_books_agree()


async def test_who_saw_that_nothing_is_due_is_charged_nothing(till: Till) -> None:
    cart = await cart_of(till, await card(till), 2_000)
    seen = PaymentChoice("simulator", "sim_ok", "https://shop.example/checkout", expected_due=eur(0))
    with pytest.raises(Conflict, match="cart_changed"):
        await till.orders.place(
            GUEST_CONTEXT, cart_id=cart[0], cart_token=cart[1], expected_total=eur(2890), payment=seen
        )
    assert (await till.charges(), await till.count("orders"), till.carts.status(cart[0])) == ([], 0, "open")


async def test_a_refused_bank_page_gives_the_card_back(till: Till) -> None:
    card_id = await card(till)
    cart = await cart_of(till, card_id, 1_000)
    waiting = await till.place(cart, "sim_3ds")
    assert waiting.status is PlaceStatus.REQUIRES_ACTION
    assert await left(till, card_id) == (5_000, 1_000)
    # The shopper gives up the bank's page and pays with the card alone.
    placed = await till.place(cart, "sim_ok")
    await till.deliver_events()

    assert placed.status is PlaceStatus.PLACED
    assert await left(till, card_id) == (4_000, 0)
    await till.assert_books_agree()


async def test_canceling_gives_everything_back_to_where_it_came_from(till: Till) -> None:
    card_id = await card(till)
    order = await ordered(till, card_id, 1_000)
    await till.orders.cancel(STAFF, order_id=order.id, reason="sold twice")
    await till.deliver_events()

    now = await till.order_of(order.id)
    assert (now.status, now.payment_status) == (OrderStatus.CANCELED, OrderPaymentStatus.REFUNDED)
    assert (await till.charges(), await left(till, card_id)) == ([(1_890, 1_890, 1_890, 0)], (5_000, 0))
    await till.assert_books_agree()


async def test_refunds_the_provider_before_the_card(till: Till) -> None:
    card_id = await card(till)
    order = await ordered(till, card_id, 1_000)
    await till.orders.refund(STAFF, order_id=order.id, amount=Money(2_000, "EUR"), reason="chipped")
    await till.deliver_events()

    assert (await till.charges(), await left(till, card_id)) == ([(1_890, 1_890, 1_890, 0)], (4_110, 0))
    now = await till.order_of(order.id)
    assert now.payment_status is OrderPaymentStatus.PARTIALLY_REFUNDED
    await till.assert_books_agree()
