"""Laws that every price obeys, over random carts with every kind of rule."""

from fractions import Fraction
from uuid import UUID

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from carts.second_opinion import total_of
from carts.test_pricing import CUPS, NOW, PLANTS, line, method, promotion, rate
from mercato.carts.pricing import (
    Basket,
    Customer,
    Destination,
    Gift,
    KnownCode,
    PriceRules,
    Tier,
    compile_rules,
    price,
)
from mercato.carts.pricing.compiling import FOR_DELIVERY, scope_of
from mercato.carts.pricing.model import Recorder, round_half_even
from mercato.contracts.carts import PriceList, Promotion, PromotionReward, PromotionScope, TaxRate

VARIANTS = [UUID(int=number) for number in (301, 302, 303)]
WHOLESALE, STAFF = UUID(int=401), UUID(int=402)
CATALOG = (PromotionReward.PERCENT, PromotionReward.FIXED, PromotionReward.FIXED_PRICE)
targets = st.lists(st.sampled_from([CUPS, PLANTS, *VARIANTS]), max_size=2, unique=True)
groups = st.lists(st.sampled_from([WHOLESALE, STAFF]), max_size=2, unique=True)
maybe = st.sampled_from


class Case(msgspec.Struct):
    """A random cart and the rules it is priced by."""

    cart: Basket
    rules: PriceRules
    promotions: list[Promotion]
    rates: dict[str, TaxRate]
    lists: list[PriceList]


@st.composite
def rewards(draw: st.DrawFn, number: int) -> Promotion:
    """A promotion as staff may save it."""
    reward = draw(maybe(list(PromotionReward)))
    in_catalog = reward is PromotionReward.FIXED_PRICE or (reward in CATALOG and draw(st.booleans()))
    fields = dict(
        scope=PromotionScope.CATALOG if in_catalog else PromotionScope.CART,
        percent=draw(maybe(["0.01", "7.5", "10", "33.33", "50", "99.99", "100"])),
        amount=draw(st.integers(1, 100_000)),
        buy_quantity=draw(st.integers(1, 3)),
        get_quantity=draw(st.integers(1, 2)),
        get_product_ids=draw(maybe([[], [], [VARIANTS[0]]])),
        gift_variant_id=UUID(int=999),
        gift_quantity=draw(st.integers(1, 2)),
        minimum_subtotal=draw(maybe([None, None, 10_000, 300_000])),
        minimum_quantity=draw(maybe([None, None, 2, 30])),
        category_ids=draw(targets),
        whole_cart=draw(maybe([False, False, True])),
        group_ids=draw(maybe([[], [], [WHOLESALE]])),
        first_order=draw(maybe([False, False, True])),
        countries=draw(maybe([[], [], ["DE", "FR"], ["US"]])),
        coupon_code=draw(maybe([None, None, f"c{number}"])),
        needs_code=draw(maybe([False, False, False, True])),
        usage_limit=draw(maybe([None, None, 2])),
        used=draw(st.integers(0, 2)),
        customer_limit=draw(maybe([None, None, 1])),
        budget=draw(maybe([None, None, 5_000])),
        spent=draw(st.integers(0, 1_000)),
        is_active=draw(maybe([True, True, True, False])),
        priority=draw(st.integers(0, 2)),
        is_exclusive=draw(maybe([False, False, True])),
    )
    return promotion(number, reward, **fields)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A random basket with random rules in one of three currencies."""
    lists = [
        PriceList(
            id=UUID(int=500 + n), name=f"L{n}", priority=draw(st.integers(0, 1)), group_ids=draw(groups)
        )
        for n in range(draw(st.integers(0, 2)))
    ]
    promotions = [draw(rewards(number)) for number in range(draw(st.integers(0, 6)))]
    rates = {
        name: rate(draw(maybe(["0", "0.07", "0.19", "0.077", "0.333333"])), name, "XX")
        for name in ("standard", "reduced")
    }
    gross = draw(st.booleans())
    country = draw(maybe(["DE", "FR", "US"]))
    at_home = [msgspec.structs.replace(one, country=country) for one in rates.values()]
    found = compile_rules(
        channel="default", currency=draw(maybe(["EUR", "JPY", "KWD"])), prices_include_tax=gross,
        promotions=promotions, tax_rates=at_home,
        price_lists=lists, origin="DE",
    )  # fmt: skip
    lines = []
    for number in range(1, draw(st.integers(0, 7)) + 1):
        variant = draw(maybe(VARIANTS))
        tiers = tuple(
            Tier(rule, draw(st.integers(1, 20)), draw(st.integers(0, 200_000)))
            for rule in found.price_lists.values()
            for _ in range(draw(st.integers(0, 2)))
        )
        at_once = {(tier.price_list.id, tier.min_quantity): tier for tier in tiers}
        base = line(number, draw(st.integers(1, 50)), draw(st.integers(0, 200_000)), variant, *draw(targets),
                    tax_class=draw(maybe(["standard", "reduced"])))  # fmt: skip
        lines.append(msgspec.structs.replace(base, variant_id=variant, tiers=tuple(at_once.values())))
    customer = Customer(
        groups=frozenset(draw(groups)), has_ordered=draw(st.booleans()),
        uses={UUID(int=1000): draw(st.integers(0, 1))}, is_tax_exempt=draw(maybe([False, False, True])),
        tax_id=draw(maybe([None, "FR83404833048", "DE136695976"])),
    )  # fmt: skip
    codes = {
        "bulk": KnownCode(UUID(int=801), UUID(int=1000), draw(maybe([None, "used_up"]))),
        "more": KnownCode(UUID(int=802), UUID(int=1001)),
    }
    coupons = draw(st.lists(maybe(["c0", "C1", "c2", "c9", "BULK", "more"]), max_size=4, unique=True))
    gifts = {
        one.id: Gift(UUID(int=2000 + at), draw(st.integers(0, 9000)), "standard")
        for at, one in enumerate(promotions) if one.id is not None and draw(st.booleans())
    }  # fmt: skip
    chosen = draw(st.one_of(st.none(), st.builds(method, st.integers(0, 5000), st.integers(0, 300_000))))
    on_cart = {code: known for code, known in codes.items() if code in {c.lower() for c in coupons}}
    cart = Basket(lines, coupons, chosen, Destination(country), NOW, customer, on_cart, gifts)
    return Case(cart, found, promotions, rates, lists)


@given(cases())
@settings(max_examples=200, deadline=None)
def test_nothing_is_negative_and_everything_sums_exactly(case: Case) -> None:
    priced = price(case.cart, case.rules)
    for one in priced.lines:
        assert one.unit_price >= 0 and one.total >= 0 and one.tax >= 0
        assert all(discount.amount.amount > 0 for discount in one.discounts)
        given_off = sum(discount.amount.amount for discount in one.discounts)
        assert one.list_price * one.line.quantity - given_off == one.total
    goods = sum(one.total for one in priced.lines)
    assert priced.subtotal == sum(one.unit_price * one.line.quantity for one in priced.lines)
    assert priced.subtotal - priced.discount == goods
    assert min(priced.discount, priced.delivery, priced.tax, priced.total) >= 0
    assert priced.total == goods + priced.delivery + (0 if priced.tax_included else priced.tax)
    assert sum(one.tax.amount for one in priced.tax_lines) == priced.tax


@given(cases())
@settings(max_examples=150, deadline=None)
def test_no_promotion_gives_more_than_its_budget_and_an_exclusive_one_stands_alone(case: Case) -> None:
    priced = price(case.cart, case.rules)
    by_id = {one.id: one for one in case.promotions}
    off: dict[UUID, int] = {}
    for one in priced.lines:
        for discount in one.discounts:
            off[discount.promotion_id] = off.get(discount.promotion_id, 0) + discount.amount.amount
        in_catalog = [d for d in one.discounts if scope_of(by_id[d.promotion_id]) is PromotionScope.CATALOG]
        if any(by_id[discount.promotion_id].is_exclusive for discount in in_catalog):
            assert len(in_catalog) == 1
    for found in priced.applied:
        p = found.promotion
        assert p.budget is None or p.spent + found.amount <= p.budget
        assert p.reward in FOR_DELIVERY or off.get(p.id or UUID(int=0), 0) == found.amount
    of_cart = [f.promotion for f in priced.applied if scope_of(f.promotion) is PromotionScope.CART]
    assert len(of_cart) == 1 or not any(p.is_exclusive for p in of_cart)


@given(cases(), st.randoms(use_true_random=False))
@settings(max_examples=120, deadline=None)
def test_the_order_of_lines_does_not_matter(case: Case, random: object) -> None:
    mixed = list(case.cart.lines)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    one = price(case.cart, case.rules)
    other = price(msgspec.structs.replace(case.cart, lines=mixed), case.rules)
    by_id = {priced.line.id: priced for priced in other.lines}
    assert [priced.line for priced in other.lines][: len(mixed)] == mixed
    for priced in one.lines:
        twin = by_id[priced.line.id]
        assert (priced.unit_price, priced.total, priced.tax) == (twin.unit_price, twin.total, twin.tax)
    assert (one.subtotal, one.discount, one.delivery, one.tax, one.total) == (
        other.subtotal, other.discount, other.delivery, other.tax, other.total,
    )  # fmt: skip


@given(cases())
@settings(max_examples=400, deadline=None)
def test_the_total_equals_a_second_computation_that_shares_no_code(case: Case) -> None:
    second = total_of(
        case.cart, case.promotions, case.rates, case.lists,
        gross=case.rules.prices_include_tax, origin="DE",
    )  # fmt: skip
    assert price(case.cart, case.rules).total == second


@given(cases())
@settings(max_examples=80, deadline=None)
def test_explaining_changes_no_price_and_every_step_begins_where_the_last_ended(case: Case) -> None:
    record = Recorder(case.rules.currency)
    with_record, without = price(case.cart, case.rules, record), price(case.cart, case.rules)
    assert with_record.total == without.total == record.steps[-1].amount_after.amount
    befores = [step.amount_before for step in record.steps[1:]]
    assert befores == [step.amount_after for step in record.steps[:-1]]
    considered = {entry.subject_id for step in record.steps for entry in step.entries}
    assert {one.id for one in case.promotions} <= considered


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_rounding_is_half_even(numerator: int, denominator: int) -> None:
    assert round_half_even(numerator, denominator) == round(Fraction(numerator, denominator))
