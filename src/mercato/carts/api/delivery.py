"""Routes of staff for where and when something is delivered: zones and holidays."""

from uuid import UUID

from litestar import delete, get, post, put

from mercato.carts.api.bodies import as_stored, whole_page
from mercato.contracts.carts import Carts, DeliveryCalendar, DeliveryZone
from mercato.contracts.shared import Page
from mercato.kernel.context import Context


class DeliveryZoneBody(DeliveryZone, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery zone as staff sends it."""


class DeliveryCalendarBody(DeliveryCalendar, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The holidays of a channel as staff sends them."""


@get("/admin/delivery-zones", permission="read_settings")
async def list_zones(ctx: Context, carts: Carts) -> Page[DeliveryZone]:
    """All delivery zones by name."""
    return whole_page(await carts.delivery_zones(ctx))


@post("/admin/delivery-zones", permission="write_settings")
async def create_zone(ctx: Context, carts: Carts, data: DeliveryZoneBody) -> DeliveryZone:
    """A new zone: countries, regions or postal codes such as 10115, 10* or 1000-1999."""
    return await carts.save_delivery_zone(ctx, zone=as_stored(DeliveryZone, data, None))


@put("/admin/delivery-zones/{zone_id:uuid}", permission="write_settings")
async def replace_zone(ctx: Context, carts: Carts, zone_id: UUID, data: DeliveryZoneBody) -> DeliveryZone:
    """Replace a zone; 409 when `version` is no longer the current one."""
    return await carts.save_delivery_zone(ctx, zone=as_stored(DeliveryZone, data, zone_id))


@delete("/admin/delivery-zones/{zone_id:uuid}", permission="write_settings")
async def delete_zone(ctx: Context, carts: Carts, zone_id: UUID) -> None:
    """Delete a zone; 409 `zone_used` while a method goes there."""
    await carts.delete_delivery_zone(ctx, zone_id=zone_id)


@get("/admin/delivery-calendars", permission="read_settings")
async def list_calendars(ctx: Context, carts: Carts) -> Page[DeliveryCalendar]:
    """The holidays of each channel, on which nothing leaves and nothing arrives."""
    return whole_page(await carts.delivery_calendars(ctx))


@post("/admin/delivery-calendars", permission="write_settings")
async def create_calendar(ctx: Context, carts: Carts, data: DeliveryCalendarBody) -> DeliveryCalendar:
    """The first calendar of a channel."""
    return await carts.save_delivery_calendar(ctx, calendar=as_stored(DeliveryCalendar, data, None))


@put("/admin/delivery-calendars/{calendar_id:uuid}", permission="write_settings")
async def replace_calendar(
    ctx: Context, carts: Carts, calendar_id: UUID, data: DeliveryCalendarBody
) -> DeliveryCalendar:
    """Replace the holidays of a channel; 409 when `version` is no longer the current one."""
    calendar = as_stored(DeliveryCalendar, data, calendar_id)
    return await carts.save_delivery_calendar(ctx, calendar=calendar)


routes = [
    list_zones, create_zone, replace_zone, delete_zone, list_calendars, create_calendar, replace_calendar,
]  # fmt: skip
