"""The price of lines that are in no cart: what an order would cost more when they are added to it."""

from mercato.carts.actions.freeze import refuse_unavailable
from mercato.carts.domain import LIFETIME, LineState
from mercato.carts.parts import Parts
from mercato.carts.store.carts import CartState
from mercato.contracts.carts import CartStatus, FrozenCart, NewLine
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.ids import new_id


async def quote(
    parts: Parts, ctx: Context, *, channel: str, lines: list[NewLine], address: Address
) -> FrozenCart:
    """The lines priced as a cart of their own. Raises Conflict("variant_unavailable")."""
    rules = await parts.rules.of(ctx, channel)
    now = clock.now()
    state = CartState(
        id=new_id(), status=CartStatus.OPEN, channel=channel, currency=rules.channel.currency,
        customer_id=None, email=None, shipping_address=address, billing_address=None,
        delivery_method_id=None, note=None, coupons=[], version=1, updated_at=now,
        expires_at=now + LIFETIME, frozen=None,
        lines=[LineState(new_id(), line.variant_id, line.quantity, None, None) for line in lines],
    )  # fmt: skip
    priced = await parts.price(ctx, state, now=now)
    refuse_unavailable(priced.cart)
    return FrozenCart(priced.cart, None, priced.price.tax_lines)
