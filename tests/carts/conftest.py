"""A carts service on a database of the test's own, with real stock and a catalog that the test fills."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest

from mercato import carriers as carriers_package
from mercato import payments as payments_package
from mercato.carts import CartsService, Office, Parts, RulesCache
from mercato.carts.store import personal
from mercato.catalog.stock import StockService
from mercato.contracts.carts import Cart, DeliveryMethodInput, NewLine, Promotion, PromotionReward, TaxRate
from mercato.contracts.catalog import Channel, SaleVariant
from mercato.contracts.shared import Address
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.personal import PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings

GUEST = Context()
BERLIN = Address("Ada Park", "Lindenstr. 1", "10969", "Berlin", "DE")


class FakeCatalog:
    """What carts ask of a catalog, from memory."""

    def __init__(self) -> None:
        self.channels = {
            "default": Channel("default", "Shop", "EUR", "en", ["DE", "AT"], True, True, "Europe/Berlin"),
            "us": Channel("us", "US", "USD", "en", ["US"], False, True, "America/New_York"),
        }
        self.prices: dict[tuple[str, UUID], SaleVariant] = {}

    async def channel(self, ctx: Context, *, code: str) -> Channel:
        if code not in self.channels:
            raise NotFound()
        return self.channels[code]

    async def sale_variants(self, ctx: Context, *, variant_ids: list[UUID]) -> list[SaleVariant]:
        found = (self.prices.get((ctx.channel, variant_id)) for variant_id in variant_ids)
        return [variant for variant in found if variant is not None]


class Shop:
    """The carts service, and what a test does with it."""

    def __init__(self, runtime: Runtime, catalog: FakeCatalog) -> None:
        self.runtime = runtime
        self.catalog = catalog
        self.db = runtime.database("carts")
        self.stock = StockService(runtime.database("stock"), runtime.outbox("stock"), runtime.live)
        self.carriers = carriers_package.build(runtime).impl
        self.payments = payments_package.build(runtime).impl
        self.rules = RulesCache(self.db, catalog, runtime.live)  # type: ignore[arg-type]
        parts = Parts(
            relaxed=runtime.database("carts", relaxed=True),
            durable=self.db,
            rules=self.rules,
            catalog=catalog,  # type: ignore[arg-type]
            stock=self.stock,
            payments=self.payments,
            carriers=self.carriers,
            live=runtime.live,
        )
        self.carts = CartsService(
            parts, Office(self.db, runtime.outbox("carts"), self.rules, runtime.live), keep=timedelta(days=30)
        )
        self.carts.personal = PersonalRows(
            runtime, "carts", personal.TABLES, kept=personal.kept(carts_days=30)
        )

    async def sell(
        self,
        price: int,
        on_hand: int = 100,
        *,
        channel: str = "default",
        sku: str = "MUG",
        categories: list[UUID] | None = None,
        tax_class: str = "standard",
    ) -> UUID:
        """A new variant with this price in the channel and so many units."""
        variant_id = new_id()
        self.offer(variant_id, price, channel=channel, sku=sku, categories=categories, tax_class=tax_class)
        await self.stock.register_variants(
            SYSTEM_CONTEXT, skus={variant_id: sku}, on_hand={variant_id: on_hand}
        )
        return variant_id

    def offer(
        self,
        variant_id: UUID,
        price: int,
        *,
        channel: str = "default",
        sku: str = "MUG",
        categories: list[UUID] | None = None,
        tax_class: str = "standard",
        is_available: bool = True,
    ) -> None:
        currency = self.catalog.channels[channel].currency
        self.catalog.prices[channel, variant_id] = SaleVariant(
            variant_id, UUID(int=variant_id.int ^ 1), categories or [], sku, sku.lower(), sku.title(),
            {"Glaze": "Sage"}, None, Money(price, currency), None, tax_class, 300, is_available,
        )  # fmt: skip

    async def cart(self, *lines: tuple[UUID, int], ctx: Context = GUEST, email: str | None = None) -> Cart:
        return await self.carts.create(ctx, lines=[NewLine(*line) for line in lines], email=email)

    async def method(self, price: int = 500, **fields: object) -> DeliveryMethodInput:
        values = {"code": "standard", "name": "Standard", "countries": ["DE"], **fields}
        method = msgspec.convert({"price": price, **values}, DeliveryMethodInput)
        return await self.carts.save_delivery_method(SYSTEM_CONTEXT, method=method)

    async def tax(self, rate: str = "0.19", country: str = "DE", **fields: object) -> TaxRate:
        values = {"name": f"VAT {rate}", "country": country, "rate": rate, **fields}
        return await self.carts.save_tax_rate(SYSTEM_CONTEXT, rate=msgspec.convert(values, TaxRate))

    async def promote(self, reward: PromotionReward, **fields: object) -> Promotion:
        values = {"name": "Sale", "label": "Sale", "reward": reward, **fields}
        return await self.carts.save_promotion(SYSTEM_CONTEXT, promotion=msgspec.convert(values, Promotion))

    async def ready(self, *lines: tuple[UUID, int], coupon: str | None = None) -> Cart:
        """A cart that lacks nothing but the payment; a delivery method must exist."""
        cart = await self.cart(*lines, email="ada@example.com")
        methods = await self.carts.delivery_methods(GUEST, cart_id=cart.id, token=cart.token)
        done = await self.carts.update(
            GUEST,
            cart_id=cart.id,
            token=cart.token,
            shipping_address=BERLIN,
            delivery_method_id=methods[0].id,
        )
        if coupon is not None:
            done = await self.carts.add_coupon(GUEST, cart_id=cart.id, token=cart.token, code=coupon)
        return msgspec.structs.replace(done, token=cart.token)

    async def used(self, promotion: Promotion) -> int:
        found = await self.carts.promotions(SYSTEM_CONTEXT)
        return next(one.used for one in found if one.id == promotion.id)


def customer(email: str = "ada@example.com") -> Context:
    return Context(principal=Principal(PrincipalKind.USER, new_id(), email))


@pytest.fixture
async def runtime(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Runtime]:
    runtime = Runtime(
        Settings(environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace)
    )
    await runtime.nats.connect(nats_url)
    yield runtime
    await runtime.nats.close()
    await runtime.close()


@pytest.fixture
async def shop(runtime: Runtime) -> Shop:
    return Shop(runtime, FakeCatalog())
