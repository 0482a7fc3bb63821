"""What a promotion takes off which line. Nothing is changed here: a budget may still refuse it all."""

from collections.abc import Sequence

from mercato.carts.pricing.model import Candidate, CompiledPromotion, PricedLine, part_of, round_half_even
from mercato.contracts.carts import PromotionReward
from mercato.kernel.money import allocate

Cuts = list[tuple[PricedLine, int]]
"""Lines with the positive amount, in minor units, that each loses."""
DeliveryCuts = list[tuple[Candidate, int]]
"""Promotions with the positive amount that each takes off the delivery."""


def unit_cuts(one: CompiledPromotion, prices: Sequence[int]) -> list[int]:
    """What a promotion of the catalog takes off one unit at each of `prices`."""
    amount = one.promotion.amount or 0
    match one.promotion.reward:
        case PromotionReward.PERCENT:
            above, below = one.fraction.numerator, one.fraction.denominator
            return [round_half_even(price * above, below) for price in prices]
        case PromotionReward.FIXED:
            return [min(amount, price) for price in prices]
        case _:
            return [max(price - amount, 0) for price in prices]


def delivery_cut(one: CompiledPromotion, left: int) -> int:
    """What a promotion of the delivery takes off the `left` of its price."""
    match one.promotion.reward:
        case PromotionReward.DELIVERY_PERCENT:
            return part_of(left, one.fraction)
        case PromotionReward.DELIVERY_FIXED:
            return min(one.promotion.amount or 0, left)
        case _:
            return left


def cart_cuts(one: CompiledPromotion, lines: Sequence[PricedLine], got: Sequence[PricedLine] | None) -> Cuts:
    """What a promotion of the cart takes off `lines`; `got` are those reduced instead of what is bought."""
    if one.promotion.reward is PromotionReward.BUY_X_GET_Y:
        return _buy_x_get_y(one, lines, got)
    left = sum(priced.total for priced in lines)
    is_percent = one.promotion.reward is PromotionReward.PERCENT
    amount = part_of(left, one.fraction) if is_percent else min(one.promotion.amount or 0, left)
    if not amount:
        return []
    shares = allocate(amount, [priced.total for priced in lines])
    return [(priced, share) for priced, share in zip(lines, shares, strict=True) if share]


def _buy_x_get_y(
    one: CompiledPromotion, lines: Sequence[PricedLine], got: Sequence[PricedLine] | None
) -> Cuts:
    """The cheapest units are reduced, as many as were bought for; never more than a line still costs."""
    buy, get = max(one.promotion.buy_quantity or 1, 1), max(one.promotion.get_quantity or 1, 1)
    if got is None:
        units = sum(priced.line.quantity for priced in lines)
        reduced, whole = lines, units // (buy + get)
    else:
        taken = {id(priced) for priced in got}
        units = sum(priced.line.quantity for priced in lines if id(priced) not in taken)
        reduced, whole = got, units // buy
    left = whole * get
    cuts: Cuts = []
    for priced in sorted(reduced, key=lambda p: (p.unit_price, p.line.id.int)):
        count = min(left, priced.line.quantity)
        amount = min(part_of(priced.unit_price, one.fraction) * count, priced.total)
        left -= count
        if amount:
            cuts.append((priced, amount))
        if not left:
            break
    return cuts
