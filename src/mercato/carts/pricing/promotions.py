"""Which promotions apply to a basket, and why the others do not."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from mercato.carts.pricing.model import Basket, CompiledPromotion, PriceRules

APPLIED: Final = "applied"
REASONS: Final = {
    APPLIED: "It applies.",
    "unknown": "There is no such code.",
    "inactive": "It is switched off.",
    "not_started": "It has not begun yet.",
    "ended": "It has ended.",
    "used_up": "It has been used as often as it may be.",
    "below_minimum": "The subtotal is below its minimum.",
    "no_matching_lines": "Nothing in the cart is from its categories.",
    "nothing_left": "Nothing is left to take off.",
    "no_delivery_method": "No delivery method is chosen yet.",
    "needs_code": "It needs its coupon code.",
}
"""Why a promotion gives something or nothing; the code is stable, the sentence is for people."""


def considered(basket: Basket, rules: PriceRules) -> Iterator[CompiledPromotion]:
    """The promotions this basket can have at all: automatic ones and those it has the code of, in order."""
    if not basket.coupons:
        yield from rules.automatic
        return
    coupons = {code.lower() for code in basket.coupons}
    with_code = [rules.by_code[code] for code in coupons if code in rules.by_code]
    yield from sorted((*rules.automatic, *with_code), key=lambda one: (-one.promotion.priority, one.id))


def standing_reason(one: CompiledPromotion, now: datetime) -> str:
    """`applied`, or why this promotion gives nothing to anybody at `now`."""
    promotion = one.promotion
    if not promotion.is_active:
        return "inactive"
    if promotion.starts_at is not None and now < promotion.starts_at:
        return "not_started"
    if promotion.ends_at is not None and now >= promotion.ends_at:
        return "ended"
    if promotion.usage_limit is not None and promotion.used >= promotion.usage_limit:
        return "used_up"
    return APPLIED


def basket_reason(
    one: CompiledPromotion, *, subtotal: int, categories: frozenset[UUID], has_method: bool
) -> str:
    """`applied`, or why this promotion gives nothing to this basket."""
    minimum = one.promotion.minimum_subtotal
    if minimum is not None and subtotal < minimum:
        return "below_minimum"
    if one.categories and one.categories.isdisjoint(categories):
        return "no_matching_lines"
    if one.is_for_delivery and not has_method:
        return "no_delivery_method"
    return APPLIED
