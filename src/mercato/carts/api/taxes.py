"""Routes of staff for taxes: rates of places, zones of places that are taxed alike, classes of goods."""

from uuid import UUID

from litestar import delete, get, post, put

from mercato.carts.api.bodies import as_stored, whole_page
from mercato.contracts.carts import Carts, TaxClass, TaxRate, TaxZone
from mercato.contracts.shared import Page
from mercato.kernel.context import Context


class TaxRateBody(TaxRate, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax rate as staff sends it."""


class TaxZoneBody(TaxZone, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax zone as staff sends it."""


class TaxClassBody(TaxClass, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A tax class as staff sends it."""


@get("/admin/tax-rates", permission="read_settings")
async def list_tax_rates(ctx: Context, carts: Carts) -> Page[TaxRate]:
    """All tax rates by country, region and tax class."""
    return whole_page(await carts.tax_rates(ctx))


@post("/admin/tax-rates", permission="write_settings")
async def create_tax_rate(ctx: Context, carts: Carts, data: TaxRateBody) -> TaxRate:
    """A new tax rate."""
    return await carts.save_tax_rate(ctx, rate=as_stored(TaxRate, data, None))


@put("/admin/tax-rates/{rate_id:uuid}", permission="write_settings")
async def replace_tax_rate(ctx: Context, carts: Carts, rate_id: UUID, data: TaxRateBody) -> TaxRate:
    """Replace a tax rate; 409 when `version` is no longer the current one."""
    return await carts.save_tax_rate(ctx, rate=as_stored(TaxRate, data, rate_id))


@delete("/admin/tax-rates/{rate_id:uuid}", permission="write_settings")
async def delete_tax_rate(ctx: Context, carts: Carts, rate_id: UUID) -> None:
    """Delete a tax rate."""
    await carts.delete_tax_rate(ctx, rate_id=rate_id)


@get("/admin/tax-zones", permission="read_settings")
async def list_zones(ctx: Context, carts: Carts) -> Page[TaxZone]:
    """All tax zones with their rates."""
    return whole_page(await carts.tax_zones(ctx))


@post("/admin/tax-zones", permission="write_settings")
async def create_zone(ctx: Context, carts: Carts, data: TaxZoneBody) -> TaxZone:
    """A new tax zone with its rates."""
    return await carts.save_tax_zone(ctx, zone=as_stored(TaxZone, data, None))


@put("/admin/tax-zones/{zone_id:uuid}", permission="write_settings")
async def replace_zone(ctx: Context, carts: Carts, zone_id: UUID, data: TaxZoneBody) -> TaxZone:
    """Replace a tax zone; 409 when `version` is no longer the current one."""
    return await carts.save_tax_zone(ctx, zone=as_stored(TaxZone, data, zone_id))


@delete("/admin/tax-zones/{zone_id:uuid}", permission="write_settings")
async def delete_zone(ctx: Context, carts: Carts, zone_id: UUID) -> None:
    """Delete a tax zone with its rates."""
    await carts.delete_tax_zone(ctx, zone_id=zone_id)


@get("/admin/tax-classes", permission="read_settings")
async def list_classes(ctx: Context, carts: Carts) -> Page[TaxClass]:
    """All tax classes by code."""
    return whole_page(await carts.tax_classes(ctx))


@post("/admin/tax-classes", permission="write_settings")
async def create_class(ctx: Context, carts: Carts, data: TaxClassBody) -> TaxClass:
    """A new tax class."""
    return await carts.save_tax_class(ctx, tax_class=as_stored(TaxClass, data, None))


@put("/admin/tax-classes/{class_id:uuid}", permission="write_settings")
async def replace_class(ctx: Context, carts: Carts, class_id: UUID, data: TaxClassBody) -> TaxClass:
    """Replace a tax class; 409 when `version` is no longer the current one."""
    return await carts.save_tax_class(ctx, tax_class=as_stored(TaxClass, data, class_id))


@delete("/admin/tax-classes/{class_id:uuid}", permission="write_settings")
async def delete_class(ctx: Context, carts: Carts, class_id: UUID) -> None:
    """Delete a tax class that no rate names."""
    await carts.delete_tax_class(ctx, class_id=class_id)


routes = [
    list_tax_rates, create_tax_rate, replace_tax_rate, delete_tax_rate,
    list_zones, create_zone, replace_zone, delete_zone,
    list_classes, create_class, replace_class, delete_class,
]  # fmt: skip
