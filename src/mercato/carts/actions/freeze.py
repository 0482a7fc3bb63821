"""A cart on its way to an order: frozen at a price, given back, or finished."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.carts.credit import uses_of
from mercato.carts.parts import Parts, decode_frozen, encode_frozen
from mercato.carts.pricing.model import Applied
from mercato.carts.store import freezing as store
from mercato.carts.store.carts import CartState
from mercato.carts.store.freezing import Claim, FreezeRow
from mercato.carts.view import Goods
from mercato.contracts.carts import Cart, CartStatus, FrozenCart
from mercato.contracts.stock import Availability, AvailableUnits
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Unavailable

MAX_TRIES = 5
UNITS_MAX = 2**31 - 1


async def freeze(parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None) -> FrozenCart:
    """open → completing at today's price, with its coupon uses claimed; a replay gives the same again.

    A cart that is edited meanwhile, or a coupon that is used up meanwhile, is priced anew: the caller
    compares the total with the one that the shopper saw.
    """
    for _ in range(MAX_TRIES):
        state = await parts.load(ctx, cart_id, token)
        if state.status is CartStatus.COMPLETING and state.frozen is not None:
            return msgspec.structs.replace(decode_frozen(state.frozen), is_replay=True)
        if state.status is CartStatus.COMPLETED:
            raise Conflict("cart_completed", "This cart has become an order.")
        if state.status is not CartStatus.OPEN:
            raise Conflict("cart_not_open", "This cart is too old; start a new one.")
        frozen, claims = await _priced(parts, ctx, state)
        row = await _store(parts, state, frozen, claims)
        if row.is_done:
            parts.tell(cart_id)
            return frozen
        if row.is_there:
            parts.rules.drop()
    raise Unavailable("cart_busy", "This cart is being changed elsewhere; try again.")


async def _store(parts: Parts, state: CartState, frozen: FrozenCart, claims: list[Claim]) -> FreezeRow:
    """Freeze in one statement; where customers are counted, under the locks of the promotions."""
    now, data = frozen.cart.updated_at, encode_frozen(frozen)
    if not claims:  # a claim that a power cut takes is simply taken again; uses must survive it
        return await store.freeze(parts.db, cart_id=state.id, version=state.version, frozen=data, now=now)
    if not any(one.by_customer for one in claims):
        return await store.claim(
            parts.durable, cart_id=state.id, version=state.version, frozen=data, claims=claims, now=now
        )
    promotion_ids = [one.promotion_id for one in claims]
    async with parts.durable.transaction() as tx:
        await store.lock_promotions(tx, cart_id=state.id, promotion_ids=promotion_ids)
        return await store.claim(
            tx, cart_id=state.id, version=state.version, frozen=data, claims=claims, now=now
        )


async def thaw(parts: Parts, *, cart_id: UUID) -> None:
    if await store.thaw(parts.durable, cart_id=cart_id, now=clock.now()):
        parts.rules.drop()
        parts.tell(cart_id)


async def finish(parts: Parts, *, cart_ids: Sequence[UUID]) -> None:
    for cart_id in await store.finish(parts.db, cart_ids=cart_ids, now=clock.now()):
        parts.tell(cart_id)


async def _priced(parts: Parts, ctx: Context, state: CartState) -> tuple[FrozenCart, list[Claim]]:
    """The cart as it will be frozen, and the uses that are counted. Raises Conflict."""
    now = clock.now()
    priced = await parts.price(ctx, state, now=now, known=Goods({}, _enough(state)), is_final=True)
    cart = priced.cart
    missing = [name for name in cart.requirements if name != "payment"]
    if missing:
        raise Conflict(
            "requirements_missing",
            "Something is still missing: " + ", ".join(name.replace("_", " ") for name in missing) + ".",
            data={"requirements": missing},
        )
    refuse_unavailable(cart)
    frozen = msgspec.structs.replace(
        cart,
        status=CartStatus.COMPLETING,
        version=state.version + 1,
        updated_at=now,
        billing_address=cart.billing_address or cart.shipping_address,
        requirements=["payment"],
    )
    claims = [claim_of(one) for one in priced.price.applied if one.is_counted]
    return FrozenCart(
        frozen, state.customer_id, priced.price.tax_lines, uses_of(frozen.credits), priced.steps
    ), claims


def claim_of(one: Applied) -> Claim:
    promotion = one.promotion
    assert promotion.id is not None
    by_customer = promotion.first_order or promotion.customer_limit is not None
    return Claim(promotion.id, one.amount, one.coupon_id, one.code, by_customer)


def _enough(state: CartState) -> dict[UUID, AvailableUnits]:
    """Nobody asks here what is in stock: the hold that follows does, inside the lock."""
    return {
        line.variant_id: AvailableUnits(line.variant_id, UNITS_MAX, Availability.IN_STOCK)
        for line in state.lines
    }


def refuse_unavailable(cart: Cart) -> None:
    """Raise Conflict("variant_unavailable") when a line of the cart cannot be bought."""
    gone = [problem.line_id for problem in cart.problems if problem.code == "variant_unavailable"]
    if gone:
        raise Conflict(
            "variant_unavailable",
            "Something in the cart is no longer for sale; remove it to go on.",
            data={"line_ids": [str(line_id) for line_id in gone]},
        )
