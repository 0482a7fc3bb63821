"""Price steps as pure functions: exact values by hand, and laws over random carts."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest
from hypothesis import strategies as st

from mercato.carts.pricing import (
    Basket,
    BasketLine,
    Customer,
    Destination,
    PricedCart,
    PriceRules,
    compile_rules,
    price,
)
from mercato.carts.pricing.model import Recorder
from mercato.contracts.carts import DeliveryMethodInput, Promotion, PromotionReward, PromotionScope, TaxRate

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
CUPS, PLANTS = UUID(int=101), UUID(int=102)
SEED = st.integers(0, 10_000)


def line(
    number: int, quantity: int, list_price: int, *categories: UUID, tax_class: str = "standard"
) -> BasketLine:
    return BasketLine(UUID(int=number), quantity, list_price, frozenset(categories), tax_class)


def promotion(number: int, reward: PromotionReward, **fields: object) -> Promotion:
    values = {"id": UUID(int=1000 + number), "name": f"P{number}", "label": f"P{number}", "reward": reward}
    return Promotion(**{**values, **fields})  # type: ignore[arg-type]


def method(amount: int, free_above: int | None = None) -> DeliveryMethodInput:
    return DeliveryMethodInput(
        id=UUID(int=5000), code="standard", name="Standard", countries=[], price=amount, free_above=free_above
    )


def rate(value: str, tax_class: str = "standard", country: str = "DE", region: str | None = None) -> TaxRate:
    return TaxRate(name=f"VAT {value}", country=country, region=region, tax_class=tax_class, rate=value)


def rules(
    *promotions: Promotion, rates: tuple[TaxRate, ...] = (), gross: bool = True, currency: str = "EUR"
) -> PriceRules:
    return compile_rules(
        channel="default",
        currency=currency,
        prices_include_tax=gross,
        promotions=promotions,
        tax_rates=rates,
    )


def basket(
    *lines: BasketLine,
    coupons: tuple[str, ...] = (),
    method: DeliveryMethodInput | None = None,
    destination: Destination = Destination("DE"),  # noqa: B008 (a frozen value)
    now: datetime = NOW,
) -> Basket:
    return Basket(lines, coupons, method, destination, now)


def reasons(priced: PricedCart) -> dict[str, str]:
    return {refused.code: refused.reason for refused in priced.refused}


def test_a_percentage_on_a_category_lowers_the_unit_price_of_its_lines() -> None:
    sale = promotion(1, PromotionReward.PERCENT, percent="15", category_ids=[CUPS])
    priced = price(basket(line(1, 3, 1250, CUPS), line(2, 1, 800, PLANTS)), rules(sale))
    cup, plant = priced.lines
    assert (cup.unit_price, cup.total) == (1250 - 188, 3 * 1062)
    assert [(d.label, d.amount.amount) for d in cup.discounts] == [("P1", 3 * 188)]
    assert (plant.unit_price, plant.total, plant.discounts) == (800, 800, [])
    assert (priced.subtotal, priced.discount, priced.total) == (3986, 0, 3986)


def test_an_order_discount_is_spread_in_proportion_and_sums_exactly() -> None:
    priced = price(
        basket(line(1, 1, 1000), line(2, 1, 1000), line(3, 1, 1000)),
        rules(promotion(1, PromotionReward.FIXED, amount=100)),
    )
    assert [one.total for one in priced.lines] == [966, 967, 967]
    assert [one.unit_price for one in priced.lines] == [1000, 1000, 1000]
    assert (priced.subtotal, priced.discount, priced.total) == (3000, 100, 2900)


def test_a_fixed_amount_never_takes_off_more_than_there_is() -> None:
    priced = price(basket(line(1, 1, 300)), rules(promotion(1, PromotionReward.FIXED, amount=500)))
    assert (priced.discount, priced.total) == (300, 0)


def test_promotions_apply_by_priority_each_to_what_is_left() -> None:
    first = promotion(1, PromotionReward.PERCENT, percent="10", priority=1)
    second = promotion(2, PromotionReward.FIXED, amount=1000, priority=2)
    priced = price(basket(line(1, 1, 10_000)), rules(first, second))
    assert priced.discount == 1000 + 900
    assert [d.label for d in priced.lines[0].discounts] == ["P2", "P1"]


def test_gross_prices_contain_the_tax_and_net_prices_get_it_on_top() -> None:
    lines = (line(1, 1, 1190), line(2, 2, 107, tax_class="reduced"))
    rates = (rate("0.19"), rate("0.07", "reduced"))
    gross = price(basket(*lines, method=method(595)), rules(rates=rates))
    assert [one.tax for one in gross.lines] == [190, 14]
    assert (gross.total, gross.tax) == (1190 + 214 + 595, 190 + 14 + 95)
    assert [(t.name, t.rate, t.net.amount, t.tax.amount) for t in gross.tax_lines] == [
        ("VAT 0.07", "0.07", 200, 14),
        ("VAT 0.19", "0.19", 1500, 285),
    ]
    net = price(basket(*lines, method=method(595)), rules(rates=rates, gross=False))
    assert [one.tax for one in net.lines] == [226, 15]
    assert (net.tax, net.total) == (226 + 15 + 113, 1190 + 214 + 595 + 354)


def test_tax_is_rounded_half_even_once_per_line() -> None:
    ten_percent = rules(rates=(rate("0.1"),), gross=False)
    assert [price(basket(line(1, 1, n)), ten_percent).tax for n in (5, 15, 25, 35)] == [0, 2, 2, 4]
    assert price(basket(line(1, 3, 5)), ten_percent).tax == 2


def test_a_region_has_its_own_rate_before_its_country() -> None:
    rates = (rate("0.05", country="CA"), rate("0.13", country="CA", region="ON"))
    found = rules(rates=rates, gross=False)
    for region, tax in (("ON", 130), ("AB", 50), (None, 50)):
        priced = price(basket(line(1, 1, 1000), destination=Destination("CA", region)), found)
        assert priced.tax == tax
    assert price(basket(line(1, 1, 1000), destination=Destination("CH")), found).tax == 0


def test_delivery_is_free_above_its_threshold_and_by_promotion() -> None:
    paid = price(basket(line(1, 1, 4999), method=method(500, free_above=5000)), rules())
    assert (paid.delivery, paid.total) == (500, 5499)
    free = price(basket(line(1, 1, 5000), method=method(500, free_above=5000)), rules())
    assert (free.delivery, free.total) == (0, 5000)
    gift = promotion(1, PromotionReward.FREE_DELIVERY, coupon_code="SHIP")
    assert price(basket(line(1, 1, 100), method=method(500)), rules(gift)).delivery == 500
    given = price(basket(line(1, 1, 100), coupons=("ship",), method=method(500)), rules(gift))
    assert (given.delivery, given.total, given.refused) == (0, 100, [])
    waiting = price(basket(line(1, 1, 100), coupons=("ship",)), rules(gift))
    assert reasons(waiting) == {"ship": "no_delivery_method"}


def test_delivery_loses_a_part_or_an_amount_and_never_more_than_it_costs() -> None:
    half = promotion(1, PromotionReward.DELIVERY_PERCENT, percent="33.33", priority=1)
    euros = promotion(2, PromotionReward.DELIVERY_FIXED, amount=300)
    cart = basket(line(1, 1, 4000), method=method(500))
    assert price(cart, rules(half)).delivery == 500 - 167
    assert price(cart, rules(euros)).delivery == 200
    both = Recorder("EUR")
    priced = price(cart, rules(half, euros), both)
    assert (priced.delivery, priced.total, priced.discount) == (500 - 167 - 300, 4033, 0)
    assert [(one.promotion.id, one.amount) for one in priced.applied] == [(half.id, 167), (euros.id, 300)]
    noted = next(step for step in both.steps if step.step == "delivery").entries
    assert [one.amount.amount for one in noted if one.amount] == [500, -167, -300]
    capped = promotion(3, PromotionReward.DELIVERY_FIXED, amount=9000, coupon_code="SHIP")
    given = price(basket(line(1, 1, 100), coupons=("ship",), method=method(500)), rules(euros, capped))
    assert (given.delivery, given.refused) == (0, [])
    late = price(basket(line(1, 1, 100), coupons=("ship",), method=method(0)), rules(capped))
    assert reasons(late) == {"ship": "nothing_left"}
    waiting = price(basket(line(1, 1, 100), coupons=("ship",)), rules(capped))
    assert reasons(waiting) == {"ship": "no_delivery_method"}
    poor = promotion(4, PromotionReward.DELIVERY_PERCENT, percent="50", budget=200)
    assert price(cart, rules(poor)).delivery == 500


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"is_active": False}, "inactive"),
        ({"starts_at": NOW + timedelta(seconds=1)}, "not_started"),
        ({"ends_at": NOW}, "ended"),
        ({"usage_limit": 3, "used": 3}, "used_up"),
        ({"minimum_subtotal": 1001}, "below_minimum"),
        ({"category_ids": [PLANTS]}, "no_matching_lines"),
    ],
)
def test_a_code_that_gives_nothing_says_why(fields: dict[str, object], reason: str) -> None:
    code = promotion(1, PromotionReward.FIXED, amount=100, coupon_code="Ten", **fields)
    priced = price(basket(line(1, 1, 1000, CUPS), coupons=("TEN", "nope")), rules(code))
    assert reasons(priced) == {"TEN": reason, "nope": "unknown"}
    assert (priced.total, priced.applied) == (1000, [])


def test_a_code_at_the_edges_of_its_conditions_applies() -> None:
    code = promotion(
        1, PromotionReward.FIXED, amount=100, coupon_code="TEN", starts_at=NOW,
        ends_at=NOW + timedelta(seconds=1), usage_limit=3, used=2, minimum_subtotal=1000, category_ids=[CUPS],
    )  # fmt: skip
    priced = price(basket(line(1, 1, 600, CUPS), line(2, 1, 400), coupons=("ten",)), rules(code))
    assert (priced.total, priced.refused) == (900, [])
    assert [one.total for one in priced.lines] == [500, 400]


def test_a_promotion_of_another_channel_is_not_known() -> None:
    other = promotion(1, PromotionReward.FIXED, amount=100, channel="us")
    assert price(basket(line(1, 1, 1000)), rules(other)).total == 1000


@pytest.mark.parametrize(("currency", "amount"), [("JPY", 1000), ("EUR", 1000), ("KWD", 1000)])
def test_minor_units_are_all_that_matters(currency: str, amount: int) -> None:
    sale = promotion(1, PromotionReward.PERCENT, percent="33.33")
    priced = price(basket(line(1, 1, amount)), rules(sale, currency=currency))
    assert (priced.discount, priced.total) == (333, 667)
    assert priced.lines[0].discounts[0].amount.currency == currency


def test_explain_names_every_step_and_every_promotion_considered() -> None:
    applied = promotion(1, PromotionReward.PERCENT, percent="10")
    idle = promotion(2, PromotionReward.FIXED, amount=100, minimum_subtotal=99_999)
    coded = promotion(3, PromotionReward.FIXED, amount=100, coupon_code="X")
    record = Recorder("EUR")
    priced = price(
        basket(line(1, 2, 1000), coupons=("BAD",), method=method(500)),
        rules(applied, idle, coded, rates=(rate("0.19"),)),
        record,
    )
    assert [step.step for step in record.steps] == [
        "list_price", "line_discounts", "order_discounts", "delivery", "tax", "credit",
    ]  # fmt: skip
    assert [(s.amount_before.amount, s.amount_after.amount) for s in record.steps] == [
        (0, 2000), (2000, 2000), (2000, 1800), (1800, 2300), (2300, 2300), (2300, 2300),
    ]  # fmt: skip
    considered = {entry.subject: (entry.applied, entry.reason) for entry in record.steps[2].entries}
    assert considered == {
        "P1": (True, "applied"),
        "P2": (False, "below_minimum"),
        "P3": (False, "needs_code"),
        "BAD": (False, "unknown"),
    }
    assert priced.total == record.steps[-1].amount_after.amount
    told = {entry.subject: (entry.reason, entry.detail) for step in record.steps for entry in step.entries}
    assert told[str(UUID(int=1))] == ("catalog", "2 × 10.00 EUR, the unit price of the catalog.")
    assert told["P2"] == ("below_minimum", "It needs a subtotal of 999.99 EUR.")
    assert told["standard"] == ("price", "The price of the delivery method.")
    assert told["VAT 0.19"] == ("included", "Rate 0.19 of 19.33 EUR, included in the price.")


def test_a_fixed_price_loses_its_tax_for_who_pays_none() -> None:
    fixed = promotion(1, PromotionReward.FIXED_PRICE, amount=1190, scope=PromotionScope.CATALOG)
    exempt = Customer(is_tax_exempt=True)
    cart = msgspec.structs.replace(
        basket(line(1, 2, 2380), line(2, 1, 1070, tax_class="books")), customer=exempt
    )
    rates = (rate("0.19"), rate("0.07", "books"))
    priced = price(cart, rules(fixed, rates=rates))
    assert [(one.unit_price, one.total) for one in priced.lines] == [(1000, 2000), (1000, 1000)]
    net = price(cart, rules(fixed, rates=rates, gross=False))
    assert [one.unit_price for one in net.lines] == [1190, 1070]
