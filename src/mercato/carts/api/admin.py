"""Routes of staff for what shapes the price: promotions and their coupons, delivery methods."""

from uuid import UUID

import msgspec
from litestar import delete, get, post, put

from mercato.carts.api.bodies import as_stored, whole_page
from mercato.contracts.carts import Carts, DeliveryMethodInput, Promotion
from mercato.contracts.shared import Page
from mercato.kernel.context import Context


class PromotionBody(Promotion, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A promotion as staff sends it; `used` is counted by the shop and ignored here."""


class DeliveryMethodBody(DeliveryMethodInput, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery method as staff sends it."""


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
    return whole_page(await carts.promotions(ctx))


@post("/admin/promotions", permission="write_promotions")
async def create_promotion(ctx: Context, carts: Carts, data: PromotionBody) -> Promotion:
    """A new promotion."""
    return await carts.save_promotion(ctx, promotion=as_stored(Promotion, data, None))


@put("/admin/promotions/{promotion_id:uuid}", permission="write_promotions")
async def replace_promotion(ctx: Context, carts: Carts, promotion_id: UUID, data: PromotionBody) -> Promotion:
    """Replace a promotion; 409 when `version` is no longer the current one."""
    return await carts.save_promotion(ctx, promotion=as_stored(Promotion, data, promotion_id))


@delete("/admin/promotions/{promotion_id:uuid}", permission="write_promotions")
async def delete_promotion(ctx: Context, carts: Carts, promotion_id: UUID) -> None:
    """Delete a promotion with its uses."""
    await carts.delete_promotion(ctx, promotion_id=promotion_id)


@get("/admin/coupons", permission="read_promotions")
async def list_coupons(ctx: Context, carts: Carts) -> Page[Coupon]:
    """Every code with the promotion that it unlocks and how often it was used."""
    return whole_page(
        [
            Coupon(one.coupon_code, one.id, one.label, one.used, one.usage_limit, one.is_active)
            for one in await carts.promotions(ctx)
            if one.coupon_code is not None and one.id is not None
        ]
    )


@get("/admin/delivery-methods", permission="read_settings")
async def list_methods(ctx: Context, carts: Carts) -> Page[DeliveryMethodInput]:
    """All delivery methods, in the order in which shoppers see them."""
    return whole_page(await carts.list_delivery_methods(ctx))


@post("/admin/delivery-methods", permission="write_settings")
async def create_method(ctx: Context, carts: Carts, data: DeliveryMethodBody) -> DeliveryMethodInput:
    """A new delivery method."""
    return await carts.save_delivery_method(ctx, method=as_stored(DeliveryMethodInput, data, None))


@put("/admin/delivery-methods/{method_id:uuid}", permission="write_settings")
async def replace_method(
    ctx: Context, carts: Carts, method_id: UUID, data: DeliveryMethodBody
) -> DeliveryMethodInput:
    """Replace a delivery method; 409 when `version` is no longer the current one."""
    return await carts.save_delivery_method(ctx, method=as_stored(DeliveryMethodInput, data, method_id))


@delete("/admin/delivery-methods/{method_id:uuid}", permission="write_settings")
async def delete_method(ctx: Context, carts: Carts, method_id: UUID) -> None:
    """Delete a delivery method; carts that chose it say so."""
    await carts.delete_delivery_method(ctx, method_id=method_id)


routes = [
    list_promotions, create_promotion, replace_promotion, delete_promotion, list_coupons,
    list_methods, create_method, replace_method, delete_method,
]  # fmt: skip
