"""What a promotion takes off which line. Nothing is changed here: a budget may still refuse it all."""

from collections.abc import Sequence

from mercato.carts.pricing.model import Candidate, CompiledPromotion, PricedLine, round_half_even
from mercato.contracts.carts import PromotionReward
from mercato.kernel.money import allocate

DeliveryCuts = list[tuple[Candidate, int]]
"""Promotions with the positive amount that each takes off the delivery."""


def unit_cuts(one: CompiledPromotion, prices: Sequence[int]) -> list[int]:
    """What a promotion of the catalog takes off one unit at each of `prices`."""
    amount = one.promotion.amount or 0
    match one.promotion.reward:
        case PromotionReward.PERCENT:
            return [round_half_even(price * one.above, one.below) for price in prices]
        case PromotionReward.FIXED:
            return [min(amount, price) for price in prices]
        case _:
            return [max(price - amount, 0) for price in prices]


def delivery_cut(one: CompiledPromotion, left: int) -> int:
    """What a promotion of the delivery takes off the `left` of its price."""
    match one.promotion.reward:
        case PromotionReward.DELIVERY_PERCENT:
            return round_half_even(left * one.above, one.below)
        case PromotionReward.DELIVERY_FIXED:
            return min(one.promotion.amount or 0, left)
        case _:
            return left


def cart_cuts(one: CompiledPromotion, totals: Sequence[int]) -> Sequence[int]:
    """What a percentage or an amount of the cart takes off lines that cost `totals`; empty for nothing."""
    left = sum(totals)
    if one.promotion.reward is PromotionReward.PERCENT:
        amount = round_half_even(left * one.above, one.below)
    else:
        amount = min(one.promotion.amount or 0, left)
    return allocate(amount, totals) if amount else ()


def bundle_cuts(
    one: CompiledPromotion, lines: Sequence[PricedLine], got: Sequence[PricedLine] | None
) -> tuple[Sequence[PricedLine], Sequence[int]]:
    """What `buy_x_get_y` takes off which lines; `got` are those reduced instead of what is bought.

    The cheapest units are reduced, as many as were bought for; never more than a line still costs.
    """
    buy, get = max(one.promotion.buy_quantity or 1, 1), max(one.promotion.get_quantity or 1, 1)
    if got is None:
        units = sum(priced.line.quantity for priced in lines)
        reduced, whole = lines, units // (buy + get)
    else:
        taken = {id(priced) for priced in got}
        units = sum(priced.line.quantity for priced in lines if id(priced) not in taken)
        reduced, whole = got, units // buy
    left = whole * get
    cheapest = sorted(reduced, key=lambda p: (p.unit_price, p.line.id.int))
    amounts = []
    for priced in cheapest:
        count = min(left, priced.line.quantity)
        of_one = round_half_even(priced.unit_price * one.above, one.below)
        amounts.append(min(of_one * count, priced.total))
        left -= count
    return cheapest, amounts
