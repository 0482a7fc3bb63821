"""Price steps as pure functions: exact values by hand, and laws over random carts."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.carts.pricing import (
    Basket,
    BasketLine,
    Destination,
    PricedCart,
    PriceRules,
    compile_rules,
    price,
)
from mercato.carts.pricing.model import Recorder, round_half_even
from mercato.contracts.carts import DeliveryMethodInput, Promotion, PromotionReward, TaxRate

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


# Laws over random carts


@st.composite
def carts(draw: st.DrawFn) -> tuple[Basket, PriceRules]:
    """A random basket with random rules in one of three currencies."""
    categories = st.lists(st.sampled_from([CUPS, PLANTS]), max_size=2, unique=True)
    lines = [
        line(number, draw(st.integers(1, 50)), draw(st.integers(0, 200_000)), *draw(categories),
             tax_class=draw(st.sampled_from(["standard", "reduced"])))
        for number in range(1, draw(st.integers(0, 8)) + 1)
    ]  # fmt: skip
    promotions = [
        promotion(
            number,
            draw(st.sampled_from(list(PromotionReward))),
            percent=draw(st.sampled_from(["0.01", "7.5", "10", "15", "33.33", "50", "99.99", "100"])),
            amount=draw(st.integers(1, 300_000)),
            minimum_subtotal=draw(st.one_of(st.none(), st.integers(0, 500_000))),
            category_ids=draw(categories),
            coupon_code=draw(st.one_of(st.none(), st.just(f"c{number}"))),
            usage_limit=draw(st.one_of(st.none(), st.integers(1, 2))),
            used=draw(st.integers(0, 2)),
            is_active=draw(st.booleans()),
            priority=draw(st.integers(0, 2)),
        )
        for number in range(draw(st.integers(0, 6)))
    ]
    rates = tuple(
        rate(draw(st.sampled_from(["0", "0.07", "0.19", "0.25", "0.077", "0.333333"])), name)
        for name in ("standard", "reduced")
    )
    found = rules(
        *promotions,
        rates=rates,
        gross=draw(st.booleans()),
        currency=draw(st.sampled_from(["EUR", "JPY", "KWD"])),
    )
    chosen = draw(st.one_of(st.none(), st.builds(method, st.integers(0, 5000), st.integers(0, 300_000))))
    coupons = tuple(draw(st.lists(st.sampled_from(["c0", "C1", "c2", "c9"]), max_size=3, unique=True)))
    return basket(*lines, coupons=coupons, method=chosen), found


@given(carts())
@settings(max_examples=120, deadline=None)
def test_nothing_is_negative_and_everything_sums_exactly(case: tuple[Basket, PriceRules]) -> None:
    cart, found = case
    priced = price(cart, found)
    for one in priced.lines:
        assert one.unit_price >= 0 and one.total >= 0 and one.tax >= 0
        assert all(discount.amount.amount > 0 for discount in one.discounts)
        given_off = sum(discount.amount.amount for discount in one.discounts)
        assert one.line.list_price * one.line.quantity - given_off == one.total
    goods = sum(one.total for one in priced.lines)
    assert priced.subtotal == sum(one.unit_price * one.line.quantity for one in priced.lines)
    assert priced.subtotal - priced.discount == goods
    assert min(priced.discount, priced.delivery, priced.tax, priced.total) >= 0
    extra = 0 if found.prices_include_tax else priced.tax
    assert priced.total == goods + priced.delivery + extra
    assert sum(one.tax.amount for one in priced.tax_lines) == priced.tax


@given(carts(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_of_lines_does_not_matter(case: tuple[Basket, PriceRules], random: object) -> None:
    cart, found = case
    mixed = list(cart.lines)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    one, other = price(cart, found), price(msgspec.structs.replace(cart, lines=mixed), found)
    by_id = {priced.line.id: priced for priced in other.lines}
    assert [priced.line for priced in other.lines] == mixed
    for priced in one.lines:
        twin = by_id[priced.line.id]
        assert (priced.unit_price, priced.total, priced.tax) == (twin.unit_price, twin.total, twin.tax)
    assert (one.subtotal, one.discount, one.delivery, one.tax, one.total) == (
        other.subtotal, other.discount, other.delivery, other.tax, other.total,
    )  # fmt: skip


@given(carts())
@settings(max_examples=100, deadline=None)
def test_the_total_equals_a_second_computation_that_shares_no_code(case: tuple[Basket, PriceRules]) -> None:
    cart, found = case
    assert price(cart, found).total == _second_opinion(cart, found)


@given(carts())
@settings(max_examples=50, deadline=None)
def test_explaining_changes_no_price(case: tuple[Basket, PriceRules]) -> None:
    cart, found = case
    record = Recorder(found.currency)
    with_record, without = price(cart, found, record), price(cart, found)
    assert with_record.total == without.total == record.steps[-1].amount_after.amount


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_rounding_is_half_even(numerator: int, denominator: int) -> None:
    assert round_half_even(numerator, denominator) == round(Fraction(numerator, denominator))


def _second_opinion(cart: Basket, found: PriceRules) -> int:
    """The total by the specification, written plainly with fractions."""
    codes = {code.lower() for code in cart.coupons}
    candidates = [
        *(one.one for one in found.automatic),
        *(one for one in found.by_code.values() if one.code in codes),
    ]
    usable = sorted(
        (one.promotion for one in candidates if one.promotion.is_active
         and (one.promotion.usage_limit is None or one.promotion.used < one.promotion.usage_limit)),
        key=lambda p: (-p.priority, p.id),
    )  # fmt: skip
    units = {one.id: one.list_price for one in cart.lines}
    counts = {one.id: one.quantity for one in cart.lines}
    list_total = sum(units[i] * counts[i] for i in units)

    def concerned(p: Promotion) -> list[UUID]:
        return [
            one.id
            for one in sorted(cart.lines, key=lambda one: one.id)
            if not p.category_ids or set(p.category_ids) & one.targets
        ]

    for p in usable:
        if p.reward is PromotionReward.PERCENT and p.category_ids and list_total >= (p.minimum_subtotal or 0):
            for i in concerned(p):
                units[i] -= round(units[i] * Fraction(p.percent or 0) / 100)
    totals = {i: units[i] * counts[i] for i in units}
    subtotal = sum(totals.values())
    for p in usable:
        is_for_lines = p.reward is PromotionReward.PERCENT and p.category_ids
        if p.reward is PromotionReward.FREE_DELIVERY or is_for_lines or subtotal < (p.minimum_subtotal or 0):
            continue
        ids = concerned(p)
        left = sum(totals[i] for i in ids)
        share = Fraction(p.percent or 0) / 100
        off = round(left * share) if p.reward is PromotionReward.PERCENT else min(p.amount or 0, left)
        if off:
            exact = {i: Fraction(off * totals[i], left) for i in ids}
            parts = {i: int(exact[i]) for i in ids}
            missing = off - sum(parts.values())
            for i in sorted(ids, key=lambda i: (parts[i] - exact[i], i))[:missing]:
                parts[i] += 1
            for i in ids:
                totals[i] -= parts[i]
    delivery = 0
    if cart.method is not None and not (
        cart.method.free_above is not None and subtotal >= cart.method.free_above
    ):
        delivery = cart.method.price
    for p in usable:
        if p.reward is PromotionReward.FREE_DELIVERY and subtotal >= (p.minimum_subtotal or 0):
            if p.category_ids and not concerned(p):
                continue
            delivery = 0
    total = sum(totals.values()) + delivery
    if found.prices_include_tax:
        return total
    classes = {one.id: one.tax_class for one in cart.lines}
    rates = {key[2]: value[1] for key, value in found.tax_rates.items()}
    tax = sum(round(totals[i] * rates[classes[i]]) for i in totals)
    return total + tax + (round(delivery * rates["standard"]) if delivery else 0)
