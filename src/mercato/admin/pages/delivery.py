"""Delivery: methods, zones, holidays, and where parcels leave from."""

from typing import Any, TypeVar

import msgspec
from litestar import Response, get, post

from mercato.admin.delivery_form import areas_text, holidays_of, method_of, values_of, zone_of
from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, errors_by_field, text, texts, whole, why
from mercato.contracts.carriers import CarrierInfo, Carriers, Sender
from mercato.contracts.carts import (
    Carts,
    DeliveryCalendar,
    DeliveryKind,
    DeliveryMethodInput,
    DeliveryZone,
    TaxClass,
)
from mercato.contracts.catalog import Catalog
from mercato.contracts.shared import Address
from mercato.kernel.addresses import check_address
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError, NotFound

PATH = "/admin/delivery"
KINDS = [
    (DeliveryKind.FLAT.value, "One price"),
    (DeliveryKind.WEIGHT.value, "By weight"),
    (DeliveryKind.PRICE.value, "By the value of the cart"),
    (DeliveryKind.CARRIER.value, "What the carrier asks now"),
    (DeliveryKind.PICKUP.value, "Picked up"),
]
ADDRESS_FIELDS = ("name", "street1", "postal_code", "city", "region", "country", "phone")

T = TypeVar("T", DeliveryMethodInput, DeliveryZone)


@get(PATH, permission="read_settings")
async def show(desk: Desk, carts: Carts, carriers: Carriers, catalog: Catalog) -> Response[str]:
    """All methods and zones of the channel, its holidays and its sender."""
    return await _overview(desk, carts, carriers, catalog)


@post(f"{PATH}/holidays", permission="write_settings")
async def save_holidays(
    desk: Desk, carts: Carts, carriers: Carriers, catalog: Catalog, data: FormData
) -> Response[str]:
    """Days on which nothing leaves and nothing arrives."""
    try:
        known = await _calendar(desk.ctx, carts)
        calendar = DeliveryCalendar(
            id=known.id if known else None,
            channel=desk.ctx.channel,
            holidays=holidays_of(text(data, "holidays")),
            version=whole(data, "version", least=1) or 1,
        )
        await carts.save_delivery_calendar(desk.ctx, calendar=calendar)
    except MercatoError as error:
        return await _overview(desk, carts, carriers, catalog, error=error, typed=data)
    return desk.done(PATH, "saved")


@post(f"{PATH}/sender", permission="write_settings")
async def save_sender(
    desk: Desk, carts: Carts, carriers: Carriers, catalog: Catalog, data: FormData
) -> Response[str]:
    """Where parcels leave from: what labels name as sender."""
    values = {name: text(data, f"sender_{name}")[:120] or None for name in ADDRESS_FIELDS}
    try:
        tidy, errors = check_address(values, prefix="sender_")
        if errors:
            raise Invalid(detail="Some fields need another look.", errors=errors)
        version = whole(data, "version", least=1) or 1
        sender = Sender(desk.ctx.channel, msgspec.convert(tidy, Address), version)
        await carriers.save_sender(desk.ctx, sender=sender)
    except MercatoError as error:
        return await _overview(desk, carts, carriers, catalog, error=error, typed=data)
    return desk.done(PATH, "sender_saved")


@get(f"{PATH}/methods/{{method:str}}", permission="read_settings")
async def show_method(
    desk: Desk, carts: Carts, carriers: Carriers, catalog: Catalog, method: str
) -> Response[str]:
    """One method, or the form of a new one."""
    currency = (await catalog.channel(desk.ctx, code=desk.ctx.channel)).currency
    known = None if method == "new" else _find(await carts.list_delivery_methods(desk.ctx), method)
    blank = DeliveryMethodInput(code="", name="", countries=[], price=0)
    values = values_of(known or blank, currency)
    if known is None:
        values["price"] = ""
    return await _method_page(desk, carts, carriers, method, values, currency)


@post(f"{PATH}/methods/{{method:str}}", permission="write_settings")
async def save_method(
    desk: Desk, carts: Carts, carriers: Carriers, catalog: Catalog, method: str, data: FormData
) -> Response[str]:
    """Save a method, or delete it when that button was pressed."""
    currency = (await catalog.channel(desk.ctx, code=desk.ctx.channel)).currency
    known = None if method == "new" else _find(await carts.list_delivery_methods(desk.ctx), method)
    try:
        if known is not None and known.id is not None and text(data, "delete"):
            await carts.delete_delivery_method(desk.ctx, method_id=known.id)
            return desk.done(PATH, "method_deleted")
        wanted = method_of(data, channel=desk.ctx.channel, currency=currency)
        named = msgspec.structs.replace(wanted, id=known.id if known else None)
        await carts.save_delivery_method(desk.ctx, method=named)
    except MercatoError as error:
        values = {**data, "zones": texts(data, "zones")}
        return await _method_page(desk, carts, carriers, method, values, currency, error=error)
    return desk.done(PATH, "saved")


@get(f"{PATH}/zones/{{zone:str}}", permission="read_settings")
async def show_zone(desk: Desk, carts: Carts, zone: str) -> Response[str]:
    """One zone, or the form of a new one."""
    known = None if zone == "new" else _find(await carts.delivery_zones(desk.ctx), zone)
    values = (
        {"name": "", "areas": "", "version": 1}
        if known is None
        else {"name": known.name, "areas": areas_text(known), "version": known.version}
    )
    return await _zone_page(desk, zone, values)


@post(f"{PATH}/zones/{{zone:str}}", permission="write_settings")
async def save_zone(desk: Desk, carts: Carts, zone: str, data: FormData) -> Response[str]:
    """Save a zone, or delete it when that button was pressed."""
    known = None if zone == "new" else _find(await carts.delivery_zones(desk.ctx), zone)
    try:
        if known is not None and known.id is not None and text(data, "delete"):
            await carts.delete_delivery_zone(desk.ctx, zone_id=known.id)
            return desk.done(PATH, "zone_deleted")
        wanted = msgspec.structs.replace(zone_of(data), id=known.id if known else None)
        await carts.save_delivery_zone(desk.ctx, zone=wanted)
    except MercatoError as error:
        return await _zone_page(desk, zone, data, error=error)
    return desk.done(PATH, "saved")


async def _overview(
    desk: Desk,
    carts: Carts,
    carriers: Carriers,
    catalog: Catalog,
    *,
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    calendar = await _calendar(desk.ctx, carts)
    senders = {sender.channel: sender for sender in await carriers.senders(desk.ctx)}
    sender = senders.get(desk.ctx.channel)
    zones = await carts.delivery_zones(desk.ctx)
    context = {
        "methods": [
            each for each in await carts.list_delivery_methods(desk.ctx) if each.channel == desk.ctx.channel
        ],
        "currency": (await catalog.channel(desk.ctx, code=desk.ctx.channel)).currency,
        "kinds": dict(KINDS),
        "zones": zones,
        "areas_text": areas_text,
        "zone_names": {zone.id: zone.name for zone in zones},
        "holidays": "\n".join(day.isoformat() for day in calendar.holidays) if calendar else "",
        "calendar_version": calendar.version if calendar else 1,
        "sender": sender.address if sender else None,
        "sender_version": sender.version if sender else 1,
        "carriers": await _carriers(desk.ctx, carriers),
        "typed": typed or {},
    }
    return await _page(desk, "admin/delivery.html", context, error)


async def _method_page(
    desk: Desk,
    carts: Carts,
    carriers: Carriers,
    method: str,
    values: dict[str, Any],
    currency: str,
    *,
    error: MercatoError | None = None,
) -> Response[str]:
    services = [
        (f"{carrier.code}:{service.code}", f"{carrier.name}: {service.name}")
        for carrier in await _carriers(desk.ctx, carriers)
        for service in carrier.services
    ]
    classes: list[TaxClass] = await carts.tax_classes(desk.ctx)
    context = {
        "method": method,
        "values": values,
        "currency": currency,
        "kind_options": KINDS,
        "service_options": [("", "None"), *services],
        "tax_options": [("standard", "Standard")]
        + [(each.code, each.name) for each in classes if each.code != "standard"],
        "zones": await carts.delivery_zones(desk.ctx),
    }
    return await _page(desk, "admin/delivery_method.html", context, error)


async def _zone_page(
    desk: Desk, zone: str, values: dict[str, Any], *, error: MercatoError | None = None
) -> Response[str]:
    context = {"zone": zone, "values": values}
    return await _page(desk, "admin/delivery_zone.html", context, error)


async def _page(
    desk: Desk, template: str, context: dict[str, Any], error: MercatoError | None
) -> Response[str]:
    shared = {
        "channel": desk.ctx.channel,
        "error": why(error),
        "wrong": errors_by_field(error),
        "may_write": desk.ctx.principal.may("write_settings"),
    }
    return await desk.page(template, PATH, {**shared, **context}, error=error)


async def _calendar(ctx: Context, carts: Carts) -> DeliveryCalendar | None:
    return next((each for each in await carts.delivery_calendars(ctx) if each.channel == ctx.channel), None)


async def _carriers(ctx: Context, carriers: Carriers) -> list[CarrierInfo]:
    return await carriers.carriers(ctx) if ctx.principal.may("read_fulfillments") else []


def _find(items: list[T], value_id: str) -> T:
    found = next((each for each in items if str(each.id) == value_id.lower()), None)
    if found is None:
        raise NotFound(detail="It does not exist any more.")
    return found


routes = [show, save_holidays, save_sender, show_method, save_method, show_zone, save_zone]
