"""Routes of staff for where and when something is delivered: zones and holidays."""

from uuid import UUID

from litestar import delete, get, post, put

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
    found = await carts.delivery_zones(ctx)
    return Page(found, None, len(found))


@post("/admin/delivery-zones", permission="write_settings")
async def create_zone(ctx: Context, carts: Carts, data: DeliveryZoneBody) -> DeliveryZone:
    """A new zone: countries, regions or postal codes such as 10115, 10* or 1000-1999."""
    zone = DeliveryZone(name=data.name, areas=data.areas)
    return await carts.save_delivery_zone(ctx, zone=zone)


@put("/admin/delivery-zones/{zone_id:uuid}", permission="write_settings")
async def replace_zone(ctx: Context, carts: Carts, zone_id: UUID, data: DeliveryZoneBody) -> DeliveryZone:
    """Replace a zone; 409 when `version` is no longer the current one."""
    zone = DeliveryZone(id=zone_id, name=data.name, areas=data.areas, version=data.version)
    return await carts.save_delivery_zone(ctx, zone=zone)


@delete("/admin/delivery-zones/{zone_id:uuid}", permission="write_settings")
async def delete_zone(ctx: Context, carts: Carts, zone_id: UUID) -> None:
    """Delete a zone; 409 `zone_used` while a method goes there."""
    await carts.delete_delivery_zone(ctx, zone_id=zone_id)


@get("/admin/delivery-calendars", permission="read_settings")
async def list_calendars(ctx: Context, carts: Carts) -> Page[DeliveryCalendar]:
    """The holidays of each channel, on which nothing leaves and nothing arrives."""
    found = await carts.delivery_calendars(ctx)
    return Page(found, None, len(found))


@post("/admin/delivery-calendars", permission="write_settings")
async def create_calendar(ctx: Context, carts: Carts, data: DeliveryCalendarBody) -> DeliveryCalendar:
    """The first calendar of a channel."""
    calendar = DeliveryCalendar(channel=data.channel, holidays=data.holidays)
    return await carts.save_delivery_calendar(ctx, calendar=calendar)


@put("/admin/delivery-calendars/{calendar_id:uuid}", permission="write_settings")
async def replace_calendar(
    ctx: Context, carts: Carts, calendar_id: UUID, data: DeliveryCalendarBody
) -> DeliveryCalendar:
    """Replace the holidays of a channel; 409 when `version` is no longer the current one."""
    calendar = DeliveryCalendar(
        id=calendar_id, channel=data.channel, holidays=data.holidays, version=data.version
    )
    return await carts.save_delivery_calendar(ctx, calendar=calendar)


routes = [
    list_zones, create_zone, replace_zone, delete_zone, list_calendars, create_calendar, replace_calendar,
]  # fmt: skip
