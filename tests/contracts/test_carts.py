"""The carts contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
import pytest

from carts.conftest import BERLIN, GUEST, FakeCatalog, Shop, customer
from mercato.contracts.carts import (
    Carts,
    CartStatus,
    CustomerGroup,
    DeliveryArea,
    DeliveryCalendar,
    DeliveryMethodInput,
    DeliveryZone,
    ListPrice,
    MergeChoice,
    NewCodes,
    NewLine,
    PriceList,
    Promotion,
    PromotionReward,
    TaxClass,
    TaxRate,
    TaxZone,
    Trial,
    TrialLine,
    ZoneRate,
)
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.rpc import local, methods_of, remote, serve
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings
from support.broker import connected
from support.personal import knows_nothing_of_strangers_and_answers_nobody_else


class Client:
    """A shop whose carts are reached through the contract; remembers which methods were called."""

    def __init__(self, shop: Shop, client: Carts) -> None:
        self.shop = shop
        self._client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._client, name)


@pytest.fixture(params=["local", "remote"])
async def carts(request: Any, database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Client]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32,
    )  # fmt: skip
    runtime = Runtime(settings)
    shop = Shop(runtime, FakeCatalog())
    if request.param == "local":
        yield Client(shop, local(Carts, shop.carts, Metrics(), strict=True))
    else:
        ends = [await connected(nats_url) for _ in range(2)]
        server = await serve(Carts, shop.carts, ends[0], settings, Metrics())
        yield Client(shop, remote(Carts, ends[1], settings, Metrics()))
        await server.stop()
        for end in ends:
            await end.close()
    await runtime.close()


class TestCartsContract:
    async def test_a_cart_from_first_line_to_order(self, carts: Client) -> None:
        system, ada = SYSTEM_CONTEXT, customer()
        mug = await carts.shop.sell(1000)
        promotion = await carts.save_promotion(
            system,
            promotion=Promotion(
                name="Ten", label="Ten off", reward=PromotionReward.PERCENT, percent="10",
                coupon_code="TEN", usage_limit=1,
            ),
        )  # fmt: skip
        method = await carts.save_delivery_method(
            system, method=DeliveryMethodInput(code="std", name="Standard", countries=["DE"], price=500)
        )
        rate = await carts.save_tax_rate(system, rate=TaxRate(name="VAT", country="DE", rate="0.19"))
        cart = await carts.create(GUEST, lines=[NewLine(mug, 1)], email="ada@example.com")
        key = {"cart_id": cart.id, "token": cart.token}
        added = await carts.add_line(GUEST, **key, variant_id=mug, quantity=1, custom={"text": "Ada"})
        assert await carts.count(GUEST, **key) == 2
        await carts.change_line(GUEST, **key, line_id=added.lines[0].id, quantity=3)
        await carts.remove_line(GUEST, **key, line_id=added.lines[1].id)
        await carts.add_coupon(GUEST, **key, code="ten")
        await carts.remove_coupon(GUEST, **key, code="TEN")
        await carts.add_coupon(GUEST, **key, code="TEN")
        card = await carts.shop.payments.issue_gift_card(system, value=100, currency="EUR")
        paid = await carts.add_gift_card(GUEST, **key, code=card.code)
        assert [one.amount.amount for one in paid.credits] == [100]
        await carts.remove_gift_card(GUEST, **key, account_id=card.card.id)
        await carts.use_store_credit(GUEST, **key, is_used=True)
        assert (await carts.delivery_promise(GUEST, country="DE")).id == method.id
        assert [one.id for one in await carts.delivery_methods(GUEST, **key)] == [method.id]
        ready = await carts.update(GUEST, **key, shipping_address=BERLIN, delivery_method_id=method.id)
        assert ready.totals.total.amount == 2700 + 500
        assert (await carts.explain(GUEST, **key)).totals == ready.totals
        assert await carts.get(GUEST, **key) == ready
        mine = await carts.merge(ada, **key, choice=MergeChoice.MERGE)
        assert await carts.mine(ada) == mine
        frozen = await carts.freeze(ada, cart_id=cart.id, token=None)
        assert (frozen.cart.totals, frozen.customer_id) == (ready.totals, ada.principal.id)
        assert await carts.stale_completing(system, older_than_s=60) == []
        await carts.thaw(system, cart_id=cart.id)
        assert (await carts.promotions(system))[0].used == 0
        assert (await carts.freeze(ada, cart_id=cart.id, token=None)).tax_lines == frozen.tax_lines
        await carts.finish(system, cart_ids=[cart.id])
        assert (await carts.get(ada, cart_id=cart.id, token=None)).status is CartStatus.COMPLETED
        assert await carts.verify(system) == 0
        assert await carts.list_delivery_methods(system) == [method]
        assert await carts.tax_rates(system) == [rate]
        quoted = await carts.quote(
            system, channel="default", lines=[NewLine(mug, 2)], shipping_address=BERLIN
        )
        assert (quoted.cart.totals.total.amount, quoted.tax_lines[0].tax.amount) == (2000, 319)
        other = await carts.create(GUEST, lines=[])
        await carts.delete(GUEST, cart_id=other.id, token=other.token)
        await carts.delete_promotion(system, promotion_id=promotion.id)
        await carts.delete_delivery_method(system, method_id=method.id)
        await carts.delete_tax_rate(system, rate_id=rate.id)
        await _keep_rules(carts, mug, ada.principal.id)
        await knows_nothing_of_strangers_and_answers_nobody_else(carts)
        assert carts.called == {method.name for method in methods_of(Carts)}

    async def test_refusals_keep_their_class_code_and_data(self, carts: Client) -> None:
        mug = await carts.shop.sell(1000)
        with pytest.raises(Invalid) as invalid:
            await carts.create(GUEST, lines=[NewLine(new_id(), 1)])
        assert invalid.value.errors[0].field == "lines.0.variant_id"
        cart = await carts.create(GUEST, lines=[NewLine(mug, 1)])
        key = {"cart_id": cart.id, "token": cart.token}
        with pytest.raises(Conflict) as conflict:
            await carts.freeze(GUEST, **key)
        assert conflict.value.data == {"requirements": ["email", "shipping_address", "delivery_method"]}
        with pytest.raises(Invalid) as coupon:
            await carts.add_coupon(GUEST, **key, code="nope")
        assert coupon.value.data == {"reason": "unknown", "code": "nope"}
        with pytest.raises(NotFound):
            await carts.get(GUEST, cart_id=cart.id, token="wrong")
        now = await carts.get(GUEST, **key)
        assert now == msgspec.structs.replace(cart, token=None)


async def _keep_rules(carts: Client, mug: UUID, customer_id: UUID) -> None:
    """Everything that shapes a price, kept and taken away again by staff."""
    system = SYSTEM_CONTEXT
    group = await carts.save_customer_group(system, group=CustomerGroup(name="Wholesale"))
    await carts.set_members(system, group_id=group.id, add=[customer_id], remove=[])
    assert (await carts.group_members(system, group_id=group.id)).items == [customer_id]
    assert [one.members for one in await carts.customer_groups(system)] == [1]
    assert [one.members for one in await carts.groups_of(system, customer_id=customer_id)] == [1]
    listed = await carts.save_price_list(system, price_list=PriceList(name="Dozen"))
    await carts.set_prices(system, price_list_id=listed.id, entries=[ListPrice(mug, 900, 12)])
    assert [one.entries for one in await carts.price_lists(system)] == [1]
    assert (await carts.price_entries(system, price_list_id=listed.id)).items == [ListPrice(mug, 900, 12)]
    (told,) = await carts.shopper_prices(GUEST, variant_ids=[mug])
    assert [(one.min_quantity, one.price.amount) for one in told.prices] == [(1, 1000), (12, 900)]
    zone = await carts.save_tax_zone(
        system, zone=TaxZone(name="South", countries=["FR"], rates=[ZoneRate("TVA", "0.2")])
    )
    assert await carts.tax_zones(system) == [zone]
    near = await carts.save_delivery_zone(
        system, zone=DeliveryZone(name="Near", areas=[DeliveryArea("DE", None, ["10*"])])
    )
    assert near.id is not None and await carts.delivery_zones(system) == [near]
    await carts.delete_delivery_zone(system, zone_id=near.id)
    days = await carts.save_delivery_calendar(
        system, calendar=DeliveryCalendar(channel="other", holidays=[date(2026, 12, 25)])
    )
    assert await carts.delivery_calendars(system) == [days]
    books = await carts.save_tax_class(system, tax_class=TaxClass(code="books", name="Books"))
    assert [one.code for one in await carts.tax_classes(system)] == ["books", "standard"]
    bulk = await carts.save_promotion(
        system,
        promotion=Promotion(name="Bulk", label="Bulk", reward=PromotionReward.FIXED, amount=100, priority=9),
    )
    assert await carts.make_coupons(system, promotion_id=bulk.id, codes=NewCodes(3, "X-")) == 3
    codes = (await carts.coupons(system, promotion_id=bulk.id)).items
    assert await carts.set_coupon_active(system, coupon_id=codes[0].id, is_active=False)
    assert (await carts.redemptions(system, promotion_id=bulk.id)).items == []
    found = await carts.try_prices(system, trial=Trial(lines=[TrialLine(mug, 12)], coupons=[codes[1].code]))
    assert found.totals.total.amount == 12 * 900 - 100
    cart = await carts.create(GUEST, lines=[NewLine(mug, 1)])
    assert (await carts.explain_cart(system, cart_id=cart.id)).totals == cart.totals
    await carts.remove_price(system, price_list_id=listed.id, variant_id=mug, min_quantity=12)
    await carts.delete_price_list(system, price_list_id=listed.id)
    await carts.delete_customer_group(system, group_id=group.id)
    await carts.delete_tax_zone(system, zone_id=zone.id)
    await carts.delete_tax_class(system, class_id=books.id)
