"""What is kept between carts to price the next one sooner never shows in its price."""

from uuid import UUID

import msgspec

from carts.test_pricing import CUPS, PLANTS, basket, line, promotion, rules
from mercato.carts.pricing import KnownCode, PriceRules, price
from mercato.carts.pricing.model import KEPT_DISCOUNTS
from mercato.carts.rules import ChannelRules
from mercato.contracts.carts import PromotionReward
from mercato.contracts.catalog import Channel, SaleVariant
from mercato.kernel.money import Money

CHANNEL = Channel("default", "Shop", "EUR", "en", ["DE"], True, True, "Europe/Berlin")
MUG = SaleVariant(
    UUID(int=7),
    UUID(int=8),
    [CUPS],
    "MUG",
    "mug",
    "Mug",
    {},
    None,
    Money(1000, "EUR"),
    None,
    "standard",
    300,
    True,
)


def channel_rules(prices: PriceRules) -> ChannelRules:
    return ChannelRules(CHANNEL, prices, {}, {}, frozenset(), False, 0.0)


def test_a_line_names_the_generated_code_of_its_own_cart() -> None:
    one = promotion(1, PromotionReward.PERCENT, percent="10", needs_code=True)
    found = rules(one)
    for code in ("ADA-1", "BEA-2"):
        known = {code.lower(): KnownCode(UUID(int=800), UUID(int=1001))}
        cart = msgspec.structs.replace(basket(line(1, 1, 1000), coupons=(code,)), codes=known)
        (priced,) = price(cart, found).lines
        assert [(d.amount.amount, d.coupon) for d in priced.discounts] == [(100, code)]


def test_more_amounts_than_are_kept_are_all_right() -> None:
    found = rules(promotion(1, PromotionReward.PERCENT, percent="10"))
    for amount in range(1, KEPT_DISCOUNTS + 100):
        (priced,) = price(basket(line(1, 1, amount * 10)), found).lines
        assert [d.amount for d in priced.discounts] == [Money(amount, "EUR")]
    assert len(found.automatic[0].one.discounts) == KEPT_DISCOUNTS


def test_a_line_says_what_was_taken_off_it_in_the_order_in_which_it_was() -> None:
    """Promotions of all lines, of some, and of bundles take from one another's lines in turn."""
    found = rules(
        promotion(1, PromotionReward.FIXED, amount=400, priority=9),
        promotion(2, PromotionReward.FIXED, amount=100, priority=8, category_ids=[CUPS]),
        promotion(3, PromotionReward.BUY_X_GET_Y, buy_quantity=1, get_quantity=1, percent="50", priority=7),
        promotion(4, PromotionReward.FIXED, amount=50, priority=6, category_ids=[CUPS, PLANTS]),
        promotion(5, PromotionReward.PERCENT, percent="10", priority=5),
    )
    cup, plant, pen = price(
        basket(line(1, 1, 1000, CUPS), line(2, 1, 2000, PLANTS), line(3, 1, 1000)), found
    ).lines
    said = [[(d.label, d.amount.amount) for d in one.discounts] for one in (cup, plant, pen)]
    assert said == [
        [("P1", 100), ("P2", 100), ("P3", 500), ("P4", 7), ("P5", 29)],
        [("P1", 200), ("P4", 43), ("P5", 176)],
        [("P1", 100), ("P5", 90)],
    ]
    assert [one.total for one in (cup, plant, pen)] == [264, 1581, 810]


def test_what_promotions_name_of_a_variant_follows_the_variant() -> None:
    found = channel_rules(rules(promotion(1, PromotionReward.PERCENT, percent="10", category_ids=[PLANTS])))
    assert found.targets_of(MUG) == frozenset()
    moved = msgspec.structs.replace(MUG, category_ids=[CUPS, PLANTS])
    assert found.targets_of(moved) == {PLANTS}
    assert found.targets_of(moved) == {PLANTS}
    assert found.targets_of(MUG) == frozenset()
