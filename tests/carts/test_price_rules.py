"""What staff changes about prices: checked, versioned, told, and seen by carts at once."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest

from carts.conftest import GUEST, FakeCatalog, Shop, customer
from mercato.contracts.carts import (
    PriceList,
    Promotion,
    PromotionReward,
    PromotionScope,
    TaxClass,
    TaxZone,
    ZoneRate,
)
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from support.waiting import eventually

MUG = new_id()
BUNDLE = {"reward": PromotionReward.BUY_X_GET_Y, "buy_quantity": 2, "get_quantity": 1}


async def test_a_saved_promotion_counts_for_the_next_cart_and_is_told(shop: Shop) -> None:
    mug = await shop.sell(1000)
    assert (await shop.cart((mug, 1))).totals.total.amount == 1000
    sale = await shop.promote(PromotionReward.PERCENT, percent="10")
    assert (sale.version, sale.used) == (1, 0)
    assert (await shop.cart((mug, 1))).totals.total.amount == 900
    changed = msgspec.structs.replace(sale, percent="20", used=99)
    saved = await shop.carts.save_promotion(SYSTEM_CONTEXT, promotion=changed)
    assert (saved.version, saved.percent, saved.used) == (2, "20", 0)
    assert (await shop.cart((mug, 1))).totals.total.amount == 800
    assert sale.id is not None
    await shop.carts.delete_promotion(SYSTEM_CONTEXT, promotion_id=sale.id)
    assert (await shop.cart((mug, 1))).totals.total.amount == 1000
    subjects = await shop.db.fetch("select subject, key from carts.outbox where subject <> 'audit.acted'")
    assert [(row["subject"], row["key"]) for row in subjects] == [("carts.pricing_changed", sale.id)] * 3


async def test_a_change_reaches_other_processes(runtime: Runtime) -> None:
    catalog = FakeCatalog()
    one, other = Shop(runtime, catalog), Shop(runtime, catalog)
    await other.rules.start()
    mug = await one.sell(1000)

    async def total() -> int:
        return (await other.cart((mug, 1))).totals.total.amount

    assert await total() == 1000
    await one.promote(PromotionReward.PERCENT, percent="10")

    async def is_cheaper() -> bool:
        return await total() == 900

    assert await eventually(is_cheaper)
    await other.rules.stop()


async def test_a_stale_version_is_refused_with_the_current_one(shop: Shop) -> None:
    sale = await shop.promote(PromotionReward.PERCENT, percent="10")
    await shop.carts.save_promotion(SYSTEM_CONTEXT, promotion=sale)
    with pytest.raises(Conflict) as refused:
        await shop.carts.save_promotion(SYSTEM_CONTEXT, promotion=msgspec.structs.replace(sale, percent="99"))
    assert (refused.value.code, refused.value.data) == ("version_conflict", {"version": 2})
    assert [one.percent for one in await shop.carts.promotions(SYSTEM_CONTEXT)] == ["10"]
    unknown = msgspec.structs.replace(sale, id=new_id())
    with pytest.raises(NotFound):
        await shop.carts.save_promotion(SYSTEM_CONTEXT, promotion=unknown)


async def test_a_code_belongs_to_one_promotion_of_a_channel(shop: Shop) -> None:
    await shop.promote(PromotionReward.FIXED, amount=100, coupon_code="Hello")
    with pytest.raises(Conflict) as refused:
        await shop.promote(PromotionReward.FIXED, amount=200, coupon_code="HELLO")
    assert refused.value.code == "code_taken"
    await shop.promote(PromotionReward.FIXED, amount=200, coupon_code="HELLO", channel="us")
    with pytest.raises(Conflict):
        await asyncio.gather(shop.tax("0.19"), shop.tax("0.07"))
    await shop.method(code="standard")
    with pytest.raises(Conflict):
        await shop.method(code="standard")


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"reward": PromotionReward.PERCENT}, {"percent"}),
        ({"reward": PromotionReward.PERCENT, "percent": "0"}, {"percent"}),
        ({"reward": PromotionReward.PERCENT, "percent": "100.01"}, {"percent"}),
        ({"reward": PromotionReward.FIXED, "amount": 0}, {"amount"}),
        ({"reward": PromotionReward.FIXED, "amount": 10**13, "usage_limit": 0}, {"amount", "usage_limit"}),
        ({"reward": PromotionReward.DELIVERY_PERCENT, "percent": "101"}, {"percent"}),
        ({"reward": PromotionReward.DELIVERY_FIXED}, {"amount"}),
        ({"reward": PromotionReward.DELIVERY_FIXED, "amount": 1, "scope": PromotionScope.CATALOG}, {"scope"}),
        ({"reward": PromotionReward.FREE_DELIVERY, "name": " ", "label": ""}, {"name", "label"}),
        ({"reward": PromotionReward.FREE_DELIVERY, "coupon_code": " "}, {"coupon_code"}),
        ({"reward": PromotionReward.FREE_DELIVERY, "priority": 2**40}, {"priority"}),
        ({"reward": PromotionReward.FREE_DELIVERY, "starts_at": datetime(2026, 1, 1)}, {"starts_at"}),
        ({**BUNDLE, "product_ids": [MUG], "get_product_ids": [MUG, new_id()]}, {"get_product_ids"}),
        (
            {
                "reward": PromotionReward.FREE_DELIVERY,
                "starts_at": datetime(2026, 1, 2, tzinfo=UTC),
                "ends_at": datetime(2026, 1, 2, tzinfo=UTC),
            },
            {"ends_at"},
        ),
    ],
)
async def test_a_promotion_that_makes_no_sense_is_refused(
    shop: Shop, fields: dict[str, object], wrong: set[str]
) -> None:
    promotion = Promotion(**{"name": "Sale", "label": "Sale", **fields})  # type: ignore[arg-type]
    with pytest.raises(Invalid) as refused:
        await shop.carts.save_promotion(SYSTEM_CONTEXT, promotion=promotion)
    assert {error.field for error in refused.value.errors} == wrong
    assert await shop.carts.promotions(SYSTEM_CONTEXT) == []


async def test_a_method_or_rate_that_makes_no_sense_is_refused(shop: Shop) -> None:
    with pytest.raises(Invalid) as refused:
        await shop.method(-1, days_min=3, days_max=2, cutoff_hour=25, countries=["Germany"])
    fields = {error.field for error in refused.value.errors}
    assert fields == {"price", "days_max", "cutoff_hour", "countries"}
    with pytest.raises(Invalid):
        await shop.tax("0.19", "de")
    assert await shop.carts.list_delivery_methods(SYSTEM_CONTEXT) == []
    assert await shop.carts.tax_rates(SYSTEM_CONTEXT) == []


async def test_a_rule_of_a_channel_or_a_tax_class_that_does_not_exist_is_refused(shop: Shop) -> None:
    zone = TaxZone(name="West", countries=["FR"], rates=[ZoneRate("TVA", "0.1", "reduce")])
    for save, field in (
        (shop.promote(PromotionReward.FREE_DELIVERY, channel="nowhere"), "channel"),
        (shop.carts.save_price_list(SYSTEM_CONTEXT, price_list=PriceList(name="B", channel="u")), "channel"),
        (shop.method(channel="nowhere"), "channel"),
        (shop.method(tax_class="reduce"), "tax_class"),
        (shop.tax("0.07", tax_class="reduce"), "tax_class"),
        (shop.carts.save_tax_zone(SYSTEM_CONTEXT, zone=zone), "rates"),
    ):
        with pytest.raises(Invalid) as refused:
            await save
        assert [error.field for error in refused.value.errors] == [field]
    assert await shop.carts.promotions(SYSTEM_CONTEXT) == []
    assert await shop.carts.tax_rates(SYSTEM_CONTEXT) == []
    await shop.carts.save_tax_class(SYSTEM_CONTEXT, tax_class=TaxClass(code="reduce", name="Reduced"))
    assert (await shop.tax("0.07", tax_class="reduce")).rate == "0.07"
    assert (await shop.tax("0.19", tax_class="gift_card")).rate == "0.19"


async def test_only_staff_with_the_right_changes_prices(shop: Shop) -> None:
    promotion = Promotion(name="S", label="S", reward=PromotionReward.FIXED, amount=1)
    for ctx, error in ((GUEST, Unauthenticated), (customer(), Denied)):
        with pytest.raises(error):
            await shop.carts.save_promotion(ctx, promotion=promotion)
        with pytest.raises(error):
            await shop.carts.promotions(ctx)
        with pytest.raises(error):
            await shop.carts.list_delivery_methods(ctx)
        with pytest.raises(error):
            await shop.carts.delete_tax_rate(ctx, rate_id=new_id())
        with pytest.raises(error):
            await shop.carts.verify(ctx)
    assert await shop.carts.promotions(SYSTEM_CONTEXT) == []


async def test_verify_finds_a_count_that_nobody_redeemed(shop: Shop) -> None:
    sale = await shop.promote(PromotionReward.FIXED, amount=1, usage_limit=5)
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0
    await shop.db.execute("update carts.promotions set used = 1 where id = $1", sale.id)
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 1
