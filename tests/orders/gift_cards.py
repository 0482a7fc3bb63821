"""Gift cards for tests of orders: one that is issued, a cart that it pays, what is left on it."""

from uuid import UUID

from mercato.contracts.orders import Order
from mercato.contracts.payments import CreditKind, CreditUse
from mercato.kernel.context import SYSTEM_CONTEXT
from orders.conftest import GUEST_CONTEXT, Till


async def card(till: Till, value: int = 5_000) -> UUID:
    issued = await till.payments.issue_gift_card(SYSTEM_CONTEXT, value=value, currency="EUR")
    return issued.card.id


def use(card_id: UUID, amount: int) -> CreditUse:
    return CreditUse(card_id, CreditKind.GIFT_CARD, "Gift card", amount)


async def left(till: Till, card_id: UUID) -> tuple[int, int]:
    found = (await till.payments.gift_card(SYSTEM_CONTEXT, card_id=card_id)).card
    return found.balance.amount, found.held.amount


async def cart_of(till: Till, card_id: UUID, amount: int) -> tuple[UUID, str]:
    """A cart of 28.90, of which the card pays `amount`."""
    cart = till.carts.open_cart((await till.put(10), 2, 1200))
    till.carts.pay_with(cart[0], use(card_id, amount))
    return cart


async def ordered(till: Till, card_id: UUID, amount: int, token: str = "sim_ok") -> Order:
    placement = await till.place(await cart_of(till, card_id, amount), token)
    assert placement.order is not None
    number, its_token = placement.order.number, placement.order.token
    assert placement.order == await till.orders.order(GUEST_CONTEXT, number=number, token=its_token)
    await till.deliver_events()
    return await till.order_of(placement.order.id)
