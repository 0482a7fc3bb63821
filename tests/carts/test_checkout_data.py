"""Addresses, delivery, coupons, problems: what a cart says about itself."""

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest

from carts.conftest import BERLIN, GUEST, Shop, customer
from mercato.carts.delivery import promised_date
from mercato.carts.domain import COUPON_TEXTS
from mercato.carts.pricing.promotions import REASONS
from mercato.contracts.carts import NewLine, Problem, PromotionReward
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money


@pytest.mark.parametrize(
    ("ordered", "arrives"),
    [
        (datetime(2026, 11, 20, 13, 59, tzinfo=UTC), date(2026, 11, 24)),  # Friday 14:59 in Berlin
        (datetime(2026, 11, 20, 14, 0, tzinfo=UTC), date(2026, 11, 25)),  # Friday 15:00: leaves on Monday
        (datetime(2026, 11, 21, 8, 0, tzinfo=UTC), date(2026, 11, 25)),  # Saturday
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), date(2026, 11, 25)),  # Monday 0:30 in Berlin
        (datetime(2026, 7, 1, 12, 59, tzinfo=UTC), date(2026, 7, 3)),  # summer time: 14:59
        (datetime(2026, 7, 1, 13, 0, tzinfo=UTC), date(2026, 7, 6)),
    ],
)
def test_a_promise_counts_working_days_from_the_cutoff_in_the_shops_zone(
    ordered: datetime, arrives: date
) -> None:
    assert promised_date(ordered, time_zone="Europe/Berlin", cutoff_hour=15, working_days=2) == arrives


async def test_all_wrong_fields_are_named_at_once_and_nothing_is_stored(shop: Shop) -> None:
    cart = await shop.cart()
    key = {"cart_id": cart.id, "token": cart.token}
    bad = msgspec.structs.replace(BERLIN, postal_code="1")
    with pytest.raises(Invalid) as refused:
        await shop.carts.update(
            GUEST, **key, email="nobody", shipping_address=bad, delivery_method_id=new_id(), note="Hello"
        )
    assert {(error.field, error.code) for error in refused.value.errors} == {
        ("email", "email_invalid"),
        ("shipping_address.postal_code", "postal_code_invalid"),
        ("delivery_method_id", "unknown_delivery_method"),
    }
    assert await shop.carts.get(GUEST, **key) == msgspec.structs.replace(cart, token=None)


async def test_a_country_that_the_channel_does_not_serve_is_refused(shop: Shop) -> None:
    cart = await shop.cart()
    paris = Address("Ada Park", "1 rue de Rivoli", "75001", "Paris", "FR")
    with pytest.raises(Invalid) as refused:
        await shop.carts.update(GUEST, cart_id=cart.id, token=cart.token, shipping_address=paris)
    error = refused.value.errors[0]
    assert (error.field, error.code) == ("shipping_address.country", "not_served")
    assert error.message == "We do not deliver to France."
    billed = await shop.carts.update(GUEST, cart_id=cart.id, token=cart.token, billing_address=paris)
    assert billed.billing_address == paris


async def test_what_is_given_is_set_and_the_rest_is_kept(shop: Shop) -> None:
    await shop.method(500)
    cart = await shop.cart()
    key = {"cart_id": cart.id, "token": cart.token}
    await shop.carts.update(GUEST, **key, email=" ada@example.com ", note="Ring twice")
    untidy = msgspec.structs.replace(BERLIN, country="de", city="  Berlin ")
    now = await shop.carts.update(GUEST, **key, shipping_address=untidy)
    assert (now.email, now.note, now.shipping_address) == ("ada@example.com", "Ring twice", BERLIN)
    cleared = await shop.carts.update(GUEST, **key, note="")
    assert (cleared.email, cleared.note) == ("ada@example.com", None)
    assert cleared.requirements == ["lines", "delivery_method", "payment"]


async def test_methods_that_serve_the_address_are_offered_with_their_price(shop: Shop) -> None:
    mug = await shop.sell(2500)
    standard = await shop.method(500, free_above=5000, position=1)
    express = await shop.method(1500, code="express", countries=[], position=2, days_max=1)
    austria = await shop.method(900, code="at", countries=["AT"], position=3)
    await shop.method(100, code="off", is_active=False)
    await shop.method(100, code="us", channel="us", countries=["US"])
    cart = await shop.cart((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    before = await shop.carts.delivery_methods(GUEST, **key)
    assert [method.id for method in before] == [standard.id, express.id, austria.id]
    await shop.carts.update(GUEST, **key, shipping_address=BERLIN)
    offered = await shop.carts.delivery_methods(GUEST, **key)
    assert [(method.id, method.price.amount) for method in offered] == [
        (standard.id, 500),
        (express.id, 1500),
    ]
    await shop.carts.add_line(GUEST, **key, variant_id=mug, quantity=1)
    assert (await shop.carts.delivery_methods(GUEST, **key))[0].price == Money(0, "EUR")
    promise = await shop.carts.delivery_promise(GUEST, country="DE")
    assert promise is not None and promise.id == standard.id
    assert await shop.carts.delivery_promise(GUEST, country="JP") is None


async def test_a_method_that_no_longer_serves_is_a_problem_and_a_requirement(shop: Shop) -> None:
    mug = await shop.sell(1000)
    method = await shop.method(500)
    cart = await shop.ready((mug, 1))
    assert method.id is not None
    assert cart.problems == [] and cart.requirements == ["payment"]
    assert cart.delivery_method is not None and cart.totals.delivery.amount == 500
    await shop.carts.delete_delivery_method(SYSTEM_CONTEXT, method_id=method.id)
    now = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    assert now.problems == [Problem("delivery_invalid", reason="not_available")]
    assert now.requirements == ["delivery_method", "payment"]
    assert (now.delivery_method, now.totals.delivery.amount) == (None, 0)


async def test_demand_is_summed_over_lines_before_it_is_compared(shop: Shop) -> None:
    mug = await shop.sell(1000, 5)
    lines = [NewLine(mug, 3), NewLine(mug, 3, {"engraving": "A"})]
    now = await shop.carts.create(GUEST, lines=lines)
    assert now.problems == [Problem("insufficient_stock", line_id=line.id, available=5) for line in now.lines]


async def test_a_price_that_changed_is_told_until_the_line_is_edited(shop: Shop) -> None:
    mug = await shop.sell(1000)
    cart = await shop.cart((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    shop.offer(mug, 1200)
    now = await shop.carts.get(GUEST, **key)
    line_id = cart.lines[0].id
    assert now.problems == [
        Problem("price_changed", line_id=line_id, old=Money(1000, "EUR"), new=Money(1200, "EUR"))
    ]
    assert now.totals.total.amount == 1200
    seen = await shop.carts.change_line(GUEST, **key, line_id=line_id, quantity=2)
    assert seen.problems == []


async def test_a_line_no_longer_sold_costs_nothing_and_is_told(shop: Shop) -> None:
    mug, bowl = await shop.sell(1000, sku="MUG"), await shop.sell(500, sku="BOWL")
    cart = await shop.cart((mug, 1), (bowl, 1))
    shop.offer(mug, 1000, is_available=False)
    del shop.catalog.prices["default", bowl]
    now = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    assert [problem.code for problem in now.problems] == ["variant_unavailable"] * 2
    assert [line.total.amount for line in now.lines] == [0, 0]
    assert now.totals.total.amount == 0


async def test_coupons_are_accepted_when_they_give_something(shop: Shop) -> None:
    mug = await shop.sell(1000)
    await shop.promote(PromotionReward.PERCENT, percent="10", coupon_code="Autumn", minimum_subtotal=1500)
    cart = await shop.cart((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    for code, reason in (("autumn", "below_minimum"), ("nope", "unknown")):
        with pytest.raises(Invalid) as refused:
            await shop.carts.add_coupon(GUEST, **key, code=code)
        assert (refused.value.code, refused.value.data["reason"]) == ("coupon_invalid", reason)
    await shop.carts.add_line(GUEST, **key, variant_id=mug, quantity=1)
    with_code = await shop.carts.add_coupon(GUEST, **key, code="AUTUMN")
    again = await shop.carts.add_coupon(GUEST, **key, code="autumn")
    assert with_code.coupons == again.coupons == ["AUTUMN"]
    assert with_code.totals.discount == Money(200, "EUR")
    fewer = await shop.carts.change_line(GUEST, **key, line_id=with_code.lines[0].id, quantity=1)
    text = "The cart is below the minimum for this code."
    assert fewer.problems == [Problem("coupon_invalid", coupon="AUTUMN", reason="below_minimum", detail=text)]
    gone = await shop.carts.remove_coupon(GUEST, **key, code="autumn")
    assert (gone.coupons, gone.problems) == ([], [])


def test_every_reason_of_a_code_is_told_in_words() -> None:
    assert set(REASONS) - {"applied", "no_delivery_method"} <= set(COUPON_TEXTS)


async def test_a_promotion_begins_when_its_time_comes(shop: Shop) -> None:
    mug = await shop.sell(1000)
    await shop.promote(PromotionReward.PERCENT, percent="10", starts_at=clock.now() + timedelta(hours=1))
    cart = await shop.cart((mug, 1))
    assert cart.totals.total.amount == 1000
    try:
        clock.set_offset(timedelta(hours=2))
        now = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
        assert now.totals.total.amount == 900
    finally:
        clock.set_offset(timedelta(0))


async def test_another_channel_prices_anew_in_its_currency(shop: Shop) -> None:
    mug = await shop.sell(1000)
    shop.offer(mug, 1300, channel="us")
    await shop.tax("0.08", "US")
    cart = await shop.cart((mug, 2))
    now = await shop.carts.update(GUEST, cart_id=cart.id, token=cart.token, channel="us")
    assert (now.channel, now.currency, now.problems) == ("us", "USD", [])
    assert now.totals.subtotal == Money(2600, "USD")
    assert (now.totals.tax.amount, now.totals.total.amount, now.totals.tax_included) == (208, 2808, False)
    assert (await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)) == now
    with pytest.raises(NotFound):
        await shop.carts.update(GUEST, cart_id=cart.id, token=cart.token, channel="nowhere")


async def test_explain_ends_at_the_total(shop: Shop) -> None:
    mug = await shop.sell(1000)
    await shop.method(500)
    await shop.promote(PromotionReward.PERCENT, percent="10")
    cart = await shop.ready((mug, 2))
    explanation = await shop.carts.explain(GUEST, cart_id=cart.id, token=cart.token)
    assert explanation.totals == cart.totals
    assert explanation.steps[-1].amount_after == cart.totals.total == Money(2300, "EUR")
    with pytest.raises(NotFound):
        await shop.carts.explain(customer(), cart_id=cart.id, token=None)


async def test_only_staff_learns_of_promotions_that_wait_for_a_code(shop: Shop) -> None:
    await shop.promote(PromotionReward.FIXED, amount=100, coupon_code="SECRET", name="For friends")
    cart = await shop.cart((await shop.sell(1000), 1))
    for ctx, seen in ((GUEST, []), (SYSTEM_CONTEXT, [("For friends", "needs_code")])):
        explanation = await shop.carts.explain(ctx, cart_id=cart.id, token=cart.token)
        entries = [entry for step in explanation.steps[1:] for entry in step.entries]
        assert [(entry.subject, entry.reason) for entry in entries] == seen
