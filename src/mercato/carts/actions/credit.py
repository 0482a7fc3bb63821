"""Gift cards and store credit on a cart: applied and taken off. Nothing is spent before the order is paid."""

from uuid import UUID

from mercato.carts.parts import Parts, owner_of
from mercato.carts.store import carts as store
from mercato.contracts.carts import Cart
from mercato.contracts.payments import CreditBalance
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, NotFound

MAX_CARDS = 5
TEXTS = {
    "unknown": "There is no gift card with this code.",
    "disabled": "This gift card cannot be used.",
    "expired": "This gift card has expired.",
    "empty": "There is nothing left on this gift card.",
    "other_currency": "This gift card is in another currency.",
    "too_many": f"At most {MAX_CARDS} gift cards fit on one cart.",
}


async def add_gift_card(parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, code: str) -> Cart:
    """Raises Invalid("gift_card_invalid") with the reason."""
    state = await parts.load(ctx, cart_id, token)
    try:
        card = await parts.payments.gift_card_by_code(ctx, code=code)
    except NotFound:
        raise _refused("unknown") from None
    reason = _why_not(card, state.currency)
    if reason is None and len(state.gift_cards) >= MAX_CARDS and card.account_id not in state.gift_cards:
        reason = "too_many"
    if reason is not None:
        raise _refused(reason)
    return await _set(parts, ctx, cart_id, token, card.account_id, is_present=True)


async def remove_gift_card(
    parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, account_id: UUID
) -> Cart:
    return await _set(parts, ctx, cart_id, token, account_id, is_present=False)


async def use_store_credit(
    parts: Parts, ctx: Context, *, cart_id: UUID, token: str | None, is_used: bool
) -> Cart:
    edited = await store.set_credit(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), use_credit=is_used
    )
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token)


async def _set(
    parts: Parts, ctx: Context, cart_id: UUID, token: str | None, card_id: UUID, *, is_present: bool
) -> Cart:
    edited = await store.set_credit(
        parts.db, cart_id=cart_id, owner=owner_of(ctx, token), now=clock.now(), gift_card=card_id,
        is_present=is_present,
    )  # fmt: skip
    return await parts.show_edited(ctx, edited, cart_id=cart_id, token=token)


def _why_not(card: CreditBalance, currency: str) -> str | None:
    if card.refusal is not None:
        return card.refusal
    if card.available.currency != currency:
        return "other_currency"
    return "empty" if card.available.amount <= 0 else None


def _refused(reason: str) -> Invalid:
    text = TEXTS[reason]
    error = FieldError("code", "gift_card_invalid", text)
    return Invalid("gift_card_invalid", text, errors=[error], data={"reason": reason})
