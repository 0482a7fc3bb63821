"""Routes of staff for what shapes the price: promotions and their coupons, delivery methods, tax rates."""

from typing import TypeVar
from uuid import UUID

import msgspec
from litestar import delete, get, post, put

from mercato.contracts.carts import Carts, DeliveryMethodInput, Promotion, TaxRate
from mercato.contracts.shared import Page
from mercato.kernel.context import Context

T = TypeVar("T", bound=msgspec.Struct)


class PromotionBody(Promotion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promotion as staff sends it; `used` is counted by the shop and ignored here."""


class DeliveryMethodBody(DeliveryMethodInput, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery method as staff sends it."""


class TaxRateBody(TaxRate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax rate as staff sends it."""


class Coupon(msgspec.Struct, frozen=True):
    """A code and the promotion that it unlocks."""

    code: str
    promotion_id: UUID
    label: str
    used: int
    usage_limit: int | None
    is_active: bool


@get("/admin/promotions", permission="read_promotions")
async def list_promotions(ctx: Context, carts: Carts) -> Page[Promotion]:
    """All promotions, highest priority first."""
    return _page(await carts.promotions(ctx))


@post("/admin/promotions", permission="write_promotions")
async def create_promotion(ctx: Context, carts: Carts, data: PromotionBody) -> Promotion:
    """A new promotion."""
    return await carts.save_promotion(ctx, promotion=_as(Promotion, data, None))


@put("/admin/promotions/{promotion_id:uuid}", permission="write_promotions")
async def replace_promotion(ctx: Context, carts: Carts, promotion_id: UUID, data: PromotionBody) -> Promotion:
    """Replace a promotion; 409 when `version` is no longer the current one."""
    return await carts.save_promotion(ctx, promotion=_as(Promotion, data, promotion_id))


@delete("/admin/promotions/{promotion_id:uuid}", permission="write_promotions")
async def delete_promotion(ctx: Context, carts: Carts, promotion_id: UUID) -> None:
    """Delete a promotion with its uses."""
    await carts.delete_promotion(ctx, promotion_id=promotion_id)


@get("/admin/coupons", permission="read_promotions")
async def list_coupons(ctx: Context, carts: Carts) -> Page[Coupon]:
    """Every code with the promotion that it unlocks and how often it was used."""
    return _page(
        [
            Coupon(one.coupon_code, one.id, one.label, one.used, one.usage_limit, one.is_active)
            for one in await carts.promotions(ctx)
            if one.coupon_code is not None and one.id is not None
        ]
    )


@get("/admin/delivery-methods", permission="read_settings")
async def list_methods(ctx: Context, carts: Carts) -> Page[DeliveryMethodInput]:
    """All delivery methods, in the order in which shoppers see them."""
    return _page(await carts.list_delivery_methods(ctx))


@post("/admin/delivery-methods", permission="write_settings")
async def create_method(ctx: Context, carts: Carts, data: DeliveryMethodBody) -> DeliveryMethodInput:
    """A new delivery method."""
    return await carts.save_delivery_method(ctx, method=_as(DeliveryMethodInput, data, None))


@put("/admin/delivery-methods/{method_id:uuid}", permission="write_settings")
async def replace_method(
    ctx: Context, carts: Carts, method_id: UUID, data: DeliveryMethodBody
) -> DeliveryMethodInput:
    """Replace a delivery method; 409 when `version` is no longer the current one."""
    return await carts.save_delivery_method(ctx, method=_as(DeliveryMethodInput, data, method_id))


@delete("/admin/delivery-methods/{method_id:uuid}", permission="write_settings")
async def delete_method(ctx: Context, carts: Carts, method_id: UUID) -> None:
    """Delete a delivery method; carts that chose it say so."""
    await carts.delete_delivery_method(ctx, method_id=method_id)


@get("/admin/tax-rates", permission="read_settings")
async def list_tax_rates(ctx: Context, carts: Carts) -> Page[TaxRate]:
    """All tax rates by country, region and tax class."""
    return _page(await carts.tax_rates(ctx))


@post("/admin/tax-rates", permission="write_settings")
async def create_tax_rate(ctx: Context, carts: Carts, data: TaxRateBody) -> TaxRate:
    """A new tax rate."""
    return await carts.save_tax_rate(ctx, rate=_as(TaxRate, data, None))


@put("/admin/tax-rates/{rate_id:uuid}", permission="write_settings")
async def replace_tax_rate(ctx: Context, carts: Carts, rate_id: UUID, data: TaxRateBody) -> TaxRate:
    """Replace a tax rate; 409 when `version` is no longer the current one."""
    return await carts.save_tax_rate(ctx, rate=_as(TaxRate, data, rate_id))


@delete("/admin/tax-rates/{rate_id:uuid}", permission="write_settings")
async def delete_tax_rate(ctx: Context, carts: Carts, rate_id: UUID) -> None:
    """Delete a tax rate."""
    await carts.delete_tax_rate(ctx, rate_id=rate_id)


def _as(kind: type[T], data: T, value_id: UUID | None) -> T:
    """The body as the contract's own struct, under the id of the address and no other."""
    fields = {field: getattr(data, field) for field in kind.__struct_fields__}
    return kind(**{**fields, "id": value_id})


def _page(items: list[T]) -> Page[T]:
    return Page(items, None, len(items))


routes = [
    list_promotions, create_promotion, replace_promotion, delete_promotion, list_coupons,
    list_methods, create_method, replace_method, delete_method,
    list_tax_rates, create_tax_rate, replace_tax_rate, delete_tax_rate,
]  # fmt: skip
