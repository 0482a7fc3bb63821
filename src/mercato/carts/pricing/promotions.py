"""Which promotions apply to a basket, and why the others do not."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from mercato.carts.pricing.model import Basket, Candidate, CompiledPromotion, PricedLine, PriceRules

APPLIED: Final = "applied"
REASONS: Final = {
    APPLIED: "It applies.",
    "unknown": "There is no such code.",
    "inactive": "It is switched off.",
    "not_started": "It has not begun yet.",
    "ended": "It has ended.",
    "used_up": "It has been used as often as it may be.",
    "used_by_customer": "This customer has used it as often as one may.",
    "budget_spent": "What is left of its budget does not cover it.",
    "below_minimum": "The subtotal is below its minimum.",
    "too_few": "Too few units of its goods are in the cart.",
    "no_matching_lines": "Nothing in the cart is of its goods.",
    "other_customers": "It is for members of certain customer groups.",
    "not_first_order": "It is for first orders.",
    "other_country": "It is for other countries of delivery.",
    "not_combinable": "It stands alone, and something else was given before it.",
    "excluded": "A promotion that stands alone was given.",
    "already_applied": "Another code of the cart has given it.",
    "gift_unavailable": "The gift cannot be had.",
    "nothing_left": "Nothing is left to take off.",
    "no_delivery_method": "No delivery method is chosen yet.",
    "needs_code": "It needs its coupon code.",
}
"""Why a promotion gives something or nothing; the code is stable, the sentence is for people."""


def considered(basket: Basket, rules: PriceRules) -> Sequence[Candidate]:
    """The promotions this basket can have at all: automatic ones and those it has a code of, in order."""
    if not basket.coupons:
        return rules.automatic
    found = [*rules.automatic, *_with_code(basket, rules)]
    found.sort(key=lambda one: (one.one.place, (one.code or "").lower()))
    return found


def _with_code(basket: Basket, rules: PriceRules) -> Iterator[Candidate]:
    for code in dict.fromkeys(basket.coupons):
        single = rules.by_code.get(code.lower())
        if single is not None:
            yield Candidate(single, code)
            continue
        known = basket.codes.get(code.lower())
        one = None if known is None else rules.by_id.get(known.promotion_id)
        if known is not None and one is not None:
            yield Candidate(one, code, known.coupon_id, known.refusal)


def standing_reason(one: CompiledPromotion, basket: Basket) -> str:
    """`applied`, or why this promotion gives nothing to this customer at this time and place."""
    if one.is_for_all:
        return APPLIED
    promotion = one.promotion
    if not promotion.is_active:
        return "inactive"
    if promotion.starts_at is not None and basket.now < promotion.starts_at:
        return "not_started"
    if promotion.ends_at is not None and basket.now >= promotion.ends_at:
        return "ended"
    if promotion.usage_limit is not None and promotion.used >= promotion.usage_limit:
        return "used_up"
    if promotion.budget is not None and promotion.spent >= promotion.budget:
        return "budget_spent"
    if one.countries and basket.destination.country not in one.countries:
        return "other_country"
    if one.groups and one.groups.isdisjoint(basket.customer.groups):
        return "other_customers"
    if promotion.first_order and basket.customer.has_ordered:
        return "not_first_order"
    if one.customer_limit is not None and basket.customer.uses.get(one.id, 0) >= one.customer_limit:
        return "used_by_customer"
    return APPLIED


def goods_reason(one: CompiledPromotion, *, subtotal: int, lines: Sequence[PricedLine]) -> str:
    """`applied`, or why this promotion gives nothing to a basket with these `lines` of its goods."""
    promotion = one.promotion
    if promotion.minimum_subtotal is not None and subtotal < promotion.minimum_subtotal:
        return "below_minimum"
    if one.targets and not lines:
        return "no_matching_lines"
    least = promotion.minimum_quantity
    if least is not None and sum(priced.line.quantity for priced in lines) < least:
        return "too_few"
    return APPLIED


def is_in_window(now: datetime, starts_at: datetime | None, ends_at: datetime | None) -> bool:
    return (starts_at is None or now >= starts_at) and (ends_at is None or now < ends_at)


def matching(
    targets: frozenset[UUID], by_target: dict[UUID, list[PricedLine]], every: list[PricedLine]
) -> list[PricedLine]:
    """The lines that `targets` name, in order of their ids; all of them without any target."""
    if not targets:
        return every
    by_name = [by_target[target] for target in targets if target in by_target]
    if len(by_name) == 1:
        return by_name[0]
    found = {id(priced): priced for lines in by_name for priced in lines}
    return sorted(found.values(), key=lambda priced: priced.line.id.int)
