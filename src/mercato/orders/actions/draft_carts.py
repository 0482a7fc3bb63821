"""The cart of a draft order, as staff fills it; a discount is a promotion with a code of its own."""

from uuid import UUID

import structlog

from mercato.contracts.carts import Cart, Promotion, PromotionReward, PromotionScope
from mercato.contracts.orders import DraftInput
from mercato.kernel.context import SYSTEM, Context
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError, NotFound
from mercato.kernel.ids import new_token
from mercato.orders.parts import Parts
from mercato.orders.store.drafts import DraftOrderRow

log = structlog.get_logger()


def check_wish(wish: DraftInput) -> None:
    """Raises Invalid for both kinds of discount at once."""
    if wish.discount is not None and wish.discount_percent is not None:
        error = FieldError("discount", "not_allowed", "An amount or a percentage, not both.")
        raise Invalid("invalid", "Some values are refused.", errors=[error])


async def fill_cart(parts: Parts, wish: DraftInput, *, locale: str) -> tuple[UUID, UUID | None]:
    """A new cart with all that was asked for, and the promotion of its discount."""
    system = system_in(wish.channel, locale)
    cart = await parts.carts.create(system, lines=wish.lines, email=wish.email)
    try:
        return cart.id, await _fill(parts, system, cart, wish)
    except MercatoError:
        await parts.carts.delete(system, cart_id=cart.id, token=None)
        raise


async def drop_cart(parts: Parts, draft: DraftOrderRow, cart_id: UUID, promotion_id: UUID | None) -> None:
    """Delete a cart of the draft and what was made for it. Raises Conflict("cart_not_open")."""
    await delete_cart(parts, draft, cart_id)
    if promotion_id is not None:
        await forget_promotion(parts, promotion_id)


async def delete_cart(parts: Parts, draft: DraftOrderRow, cart_id: UUID) -> None:
    """A replay finds it gone. Raises Conflict("cart_not_open") while it is being paid."""
    try:
        await parts.carts.delete(system_of(draft), cart_id=cart_id, token=None)
    except NotFound:
        log.info("the cart of a draft is gone already", draft_id=str(draft.id))


async def _fill(parts: Parts, system: Context, cart: Cart, wish: DraftInput) -> UUID | None:
    """Addresses, delivery and discount; returns the promotion that was made for it."""
    await parts.carts.update(
        system,
        cart_id=cart.id,
        token=None,
        shipping_address=wish.shipping_address,
        billing_address=wish.billing_address,
        note=wish.note or None,
    )
    methods = await parts.carts.delivery_methods(system, cart_id=cart.id, token=None)
    cheapest = min(methods, key=lambda one: one.price.amount, default=None)
    method_id = wish.delivery_method_id or (cheapest.id if cheapest else None)
    if method_id is not None:
        await parts.carts.update(system, cart_id=cart.id, token=None, delivery_method_id=method_id)
    if wish.discount is None and wish.discount_percent is None:
        return None
    code = f"DRAFT-{new_token()[:12].upper().replace('_', 'X')}"
    promotion = await parts.carts.save_promotion(
        system,
        promotion=Promotion(
            name=f"Draft order for {wish.email}"[:200],
            label=wish.discount_label,
            reward=PromotionReward.FIXED if wish.discount is not None else PromotionReward.PERCENT,
            scope=PromotionScope.CART,
            amount=wish.discount,
            percent=wish.discount_percent,
            coupon_code=code,
            usage_limit=1,
            channel=wish.channel,
        ),
    )
    assert promotion.id is not None
    try:
        await parts.carts.add_coupon(system, cart_id=cart.id, token=None, code=code)
    except MercatoError:
        await forget_promotion(parts, promotion.id)
        raise
    return promotion.id


async def forget_promotion(parts: Parts, promotion_id: UUID) -> None:
    """Delete the discount of a draft; one that an order counts stays."""
    try:
        await parts.carts.delete_promotion(Context(principal=SYSTEM), promotion_id=promotion_id)
    except (NotFound, Conflict) as error:
        log.info("the discount of a draft stays", promotion_id=str(promotion_id), error=error.code)


def system_of(draft: DraftOrderRow) -> Context:
    """Mercato itself, on behalf of a draft."""
    return system_in(draft.channel, draft.locale)


def system_in(channel: str, locale: str) -> Context:
    """Mercato itself, in the channel and the language of the draft."""
    return Context(principal=SYSTEM, channel=channel, locale=locale)
