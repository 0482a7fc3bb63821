"""Price lists, taxes by customer and gifts, as a cart has them."""

from uuid import UUID

import msgspec
import pytest

from carts.conftest import BERLIN, GUEST, Shop, customer
from mercato.contracts.carts import (
    CustomerGroup,
    ListPrice,
    PriceList,
    PromotionReward,
    TaxZone,
    ZoneRate,
)
from mercato.contracts.shared import Address
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Invalid, NotFound
from mercato.kernel.money import Money

LYON = Address("Ada Park", "Rue 1", "69001", "Lyon", "FR")


async def test_a_quantity_price_counts_units_over_all_lines(shop: Shop) -> None:
    mug = await shop.sell(1000)
    found = await shop.carts.save_price_list(SYSTEM_CONTEXT, price_list=PriceList(name="Dozen"))
    assert found.id is not None
    tiers = [ListPrice(mug, 900, 6), ListPrice(mug, 800, 12)]
    await shop.carts.set_prices(SYSTEM_CONTEXT, price_list_id=found.id, entries=tiers)
    cart = await shop.cart((mug, 5))
    key = {"cart_id": cart.id, "token": cart.token}
    assert cart.totals.total.amount == 5000
    six = await shop.carts.add_line(GUEST, **key, variant_id=mug, quantity=1, custom={"text": "Ada"})
    assert [(one.list_price.amount, one.unit_price.amount) for one in six.lines] == [(900, 900)] * 2
    assert (six.totals.total.amount, six.problems) == (5400, [])
    dozen = await shop.carts.change_line(GUEST, **key, line_id=six.lines[0].id, quantity=11)
    assert dozen.totals.total.amount == 12 * 800


async def test_the_list_of_highest_priority_wins_for_its_customers(shop: Shop) -> None:
    mug, ada = await shop.sell(1000), customer()
    group = await shop.carts.save_customer_group(SYSTEM_CONTEXT, group=CustomerGroup(name="Trade"))
    assert group.id is not None and ada.principal.id is not None
    for fields, price in (
        ({"name": "Sale"}, 700),
        ({"name": "Trade", "priority": 1, "group_ids": [group.id]}, 850),
    ):
        listed = await shop.carts.save_price_list(
            SYSTEM_CONTEXT, price_list=msgspec.convert(fields, PriceList, strict=False)
        )
        assert listed.id is not None
        await shop.carts.set_prices(SYSTEM_CONTEXT, price_list_id=listed.id, entries=[ListPrice(mug, price)])
    assert (await shop.cart((mug, 1))).totals.total.amount == 700
    await shop.carts.set_members(SYSTEM_CONTEXT, group_id=group.id, add=[ada.principal.id], remove=[])
    assert (await shop.cart((mug, 1), ctx=ada)).totals.total.amount == 850


async def test_a_business_abroad_pays_no_tax_and_one_at_home_does(shop: Shop) -> None:
    shop.catalog.channels["default"] = msgspec.structs.replace(
        shop.catalog.channels["default"], countries=["DE", "FR"]
    )
    mug = await shop.sell(1190)
    await shop.method(595, countries=["DE", "FR"])
    await shop.tax("0.19")
    await shop.carts.save_tax_zone(
        SYSTEM_CONTEXT, zone=TaxZone(name="West", countries=["FR", "BE"], rates=[ZoneRate("TVA", "0.2")])
    )
    cart = await shop.ready((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    assert (cart.totals.total.amount, cart.totals.tax.amount) == (1785, 285)
    private = await shop.carts.update(GUEST, **key, shipping_address=LYON)
    assert (private.totals.total.amount, private.totals.tax.amount) == (1785, 297)
    business = await shop.carts.update(GUEST, **key, tax_id="fr 83 404 833 048")
    assert (business.tax_id, business.totals.tax_included) == ("FR83404833048", False)
    assert (business.totals.total.amount, business.totals.tax.amount) == (992 + 496, 0)
    frozen = await shop.carts.freeze(GUEST, **key)
    assert [(one.name, one.net.amount, one.tax.amount) for one in frozen.tax_lines] == [
        ("Reverse charge", 1488, 0)
    ]
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=cart.id)
    home = await shop.carts.update(GUEST, **key, shipping_address=BERLIN)
    assert home.totals.tax.amount == 285
    with pytest.raises(Invalid) as refused:
        await shop.carts.update(GUEST, **key, tax_id="FR00000000000")
    assert [error.code for error in refused.value.errors] == ["tax_id_invalid"]
    assert (await shop.carts.update(GUEST, **key, tax_id="gr 094259216")).tax_id == "EL094259216"
    assert (await shop.carts.update(GUEST, **key, tax_id="")).tax_id is None


async def test_a_gift_comes_and_goes_with_its_condition_and_its_stock(shop: Shop) -> None:
    mug, spoon = await shop.sell(3000), await shop.sell(400, on_hand=1, sku="SPOON")
    await shop.promote(PromotionReward.GIFT, gift_variant_id=spoon, minimum_subtotal=6000, label="A spoon")
    cart = await shop.cart((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    assert [one.is_gift for one in cart.lines] == [False]
    more = await shop.carts.change_line(GUEST, **key, line_id=cart.lines[0].id, quantity=2)
    gift = more.lines[1]
    assert (gift.is_gift, gift.sku, gift.quantity, gift.total) == (True, "SPOON", 1, Money(0, "EUR"))
    assert [(d.label, d.amount.amount) for d in gift.discounts] == [("A spoon", 400)]
    assert more.totals.total.amount == 6000
    with pytest.raises(NotFound):
        await shop.carts.change_line(GUEST, **key, line_id=gift.id, quantity=2)
    taken = await shop.carts.add_line(GUEST, **key, variant_id=spoon, quantity=1)
    assert [one.is_gift for one in taken.lines] == [False, False]
    assert taken.totals.total.amount == 6400


async def test_a_read_costs_as_many_statements_with_many_lines_and_rules_as_with_few(shop: Shop) -> None:
    variants = [await shop.sell(1000 + number, sku=f"V{number}") for number in range(40)]
    found = await shop.carts.save_price_list(SYSTEM_CONTEXT, price_list=PriceList(name="All"))
    assert found.id is not None
    entries = [ListPrice(variant, 900, units) for variant in variants for units in (1, 5)]
    await shop.carts.set_prices(SYSTEM_CONTEXT, price_list_id=found.id, entries=entries)
    costs = []
    for lines, promotions in ((1, 1), (40, 30)):
        for number in range(promotions):
            await shop.promote(
                PromotionReward.PERCENT,
                percent="1",
                customer_limit=9,
                product_ids=variants[number : number + 1],
            )
        cart = await shop.cart(*((variant, 1) for variant in variants[:lines]), email="ada@example.com")
        await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
        cost = start_cost()
        await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
        costs.append(cost.statements)
    assert max(costs) <= 3


async def test_a_shopper_is_told_what_the_price_lists_make_of_a_variant(shop: Shop) -> None:
    mug, plain, ada = await shop.sell(1000), await shop.sell(500, sku="PLAIN"), customer()
    group = await shop.carts.save_customer_group(SYSTEM_CONTEXT, group=CustomerGroup(name="Trade"))
    assert group.id is not None and ada.principal.id is not None
    await shop.carts.set_members(SYSTEM_CONTEXT, group_id=group.id, add=[ada.principal.id], remove=[])
    for fields, entries in (
        ({"name": "Dozens"}, [ListPrice(mug, 900, 12), ListPrice(mug, 850, 48), ListPrice(mug, 850, 60)]),
        ({"name": "Trade", "priority": 1, "group_ids": [group.id]}, [ListPrice(mug, 880)]),
    ):
        listed = await shop.carts.save_price_list(
            SYSTEM_CONTEXT, price_list=msgspec.convert(fields, PriceList, strict=False)
        )
        assert listed.id is not None
        await shop.carts.set_prices(SYSTEM_CONTEXT, price_list_id=listed.id, entries=entries)

    async def seen(ctx: Context) -> list[tuple[UUID, int, list[tuple[int, int]]]]:
        found = await shop.carts.shopper_prices(ctx, variant_ids=[mug, plain])
        return [
            (one.variant_id, one.public_price.amount, [(p.min_quantity, p.price.amount) for p in one.prices])
            for one in found
        ]

    assert await seen(GUEST) == [(mug, 1000, [(1, 1000), (12, 900), (48, 850)])]
    assert await seen(ada) == [(mug, 1000, [(1, 880)])]
    for ctx, units, total in ((GUEST, 12, 12 * 900), (ada, 60, 60 * 880)):
        assert (await shop.cart((mug, units), ctx=ctx)).totals.total.amount == total
