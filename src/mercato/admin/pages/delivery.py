"""Delivery: methods, zones, holidays, and where parcels leave from."""

from typing import Any, TypeVar

import msgspec
from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.delivery_form import areas_text, holidays_of, method_of, values_of, zone_of
from mercato.admin.forms import FormData, done, errors_by_field, status_of, text, texts, whole
from mercato.admin.shell import shell_of
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
from mercato.contracts.orders import Orders
from mercato.contracts.shared import Address
from mercato.kernel.addresses import check_address
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError, NotFound
from mercato.ui.rendering import page, see_other

PATH = "/admin/delivery"
KINDS = [
    (DeliveryKind.FLAT.value, "One price"),
    (DeliveryKind.WEIGHT.value, "By weight"),
    (DeliveryKind.PRICE.value, "By the value of the cart"),
    (DeliveryKind.CARRIER.value, "What the carrier asks now"),
    (DeliveryKind.PICKUP.value, "Picked up"),
]
ADDRESS_FIELDS = ("name", "street1", "postal_code", "city", "region", "country", "phone")

AnyRequest = Request[Any, Any, Any]

T = TypeVar("T", DeliveryMethodInput, DeliveryZone)


@get(PATH, permission="read_settings")
async def show(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    done: str = "",
) -> Response[str]:
    """All methods and zones of the channel, its holidays and its sender."""
    return await _overview(ctx, request, carts, carriers, orders, catalog, said=done)


@post(f"{PATH}/holidays", permission="write_settings")
async def save_holidays(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    data: FormData,
) -> Response[str]:
    """Days on which nothing leaves and nothing arrives."""
    try:
        known = await _calendar(ctx, carts)
        calendar = DeliveryCalendar(
            id=known.id if known else None,
            channel=ctx.channel,
            holidays=holidays_of(text(data, "holidays")),
            version=whole(data, "version", least=1) or 1,
        )
        await carts.save_delivery_calendar(ctx, calendar=calendar)
    except MercatoError as error:
        return await _overview(ctx, request, carts, carriers, orders, catalog, error=error, typed=data)
    return see_other(request, done(PATH, "saved"))


@post(f"{PATH}/sender", permission="write_settings")
async def save_sender(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    data: FormData,
) -> Response[str]:
    """Where parcels leave from: what labels name as sender."""
    values = {name: text(data, f"sender_{name}")[:120] or None for name in ADDRESS_FIELDS}
    try:
        tidy, errors = check_address(values, prefix="sender_")
        if errors:
            raise Invalid(detail="Some fields need another look.", errors=errors)
        version = whole(data, "version", least=1) or 1
        sender = Sender(ctx.channel, msgspec.convert(tidy, Address), version)
        await carriers.save_sender(ctx, sender=sender)
    except MercatoError as error:
        return await _overview(ctx, request, carts, carriers, orders, catalog, error=error, typed=data)
    return see_other(request, done(PATH, "sender_saved"))


@get(f"{PATH}/methods/{{method:str}}", permission="read_settings")
async def show_method(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    method: str,
) -> Response[str]:
    """One method, or the form of a new one."""
    currency = (await catalog.channel(ctx, code=ctx.channel)).currency
    known = None if method == "new" else _find(await carts.list_delivery_methods(ctx), method)
    blank = DeliveryMethodInput(code="", name="", countries=[], price=0)
    values = values_of(known or blank, currency)
    if known is None:
        values["price"] = ""
    return await _method_page(ctx, request, carts, carriers, orders, catalog, method, values, currency)


@post(f"{PATH}/methods/{{method:str}}", permission="write_settings")
async def save_method(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    method: str,
    data: FormData,
) -> Response[str]:
    """Save a method, or delete it when that button was pressed."""
    currency = (await catalog.channel(ctx, code=ctx.channel)).currency
    known = None if method == "new" else _find(await carts.list_delivery_methods(ctx), method)
    try:
        if known is not None and known.id is not None and text(data, "delete"):
            await carts.delete_delivery_method(ctx, method_id=known.id)
            return see_other(request, done(PATH, "method_deleted"))
        wanted = method_of(data, channel=ctx.channel, currency=currency)
        named = msgspec.structs.replace(wanted, id=known.id if known else None)
        await carts.save_delivery_method(ctx, method=named)
    except MercatoError as error:
        values = {**data, "zones": texts(data, "zones")}
        return await _method_page(
            ctx, request, carts, carriers, orders, catalog, method, values, currency, error=error
        )
    return see_other(request, done(PATH, "saved"))


@get(f"{PATH}/zones/{{zone:str}}", permission="read_settings")
async def show_zone(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, zone: str
) -> Response[str]:
    """One zone, or the form of a new one."""
    known = None if zone == "new" else _find(await carts.delivery_zones(ctx), zone)
    values = (
        {"name": "", "areas": "", "version": 1}
        if known is None
        else {"name": known.name, "areas": areas_text(known), "version": known.version}
    )
    return await _zone_page(ctx, request, orders, catalog, zone, values)


@post(f"{PATH}/zones/{{zone:str}}", permission="write_settings")
async def save_zone(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    orders: Orders,
    catalog: Catalog,
    zone: str,
    data: FormData,
) -> Response[str]:
    """Save a zone, or delete it when that button was pressed."""
    known = None if zone == "new" else _find(await carts.delivery_zones(ctx), zone)
    try:
        if known is not None and known.id is not None and text(data, "delete"):
            await carts.delete_delivery_zone(ctx, zone_id=known.id)
            return see_other(request, done(PATH, "zone_deleted"))
        wanted = msgspec.structs.replace(zone_of(data), id=known.id if known else None)
        await carts.save_delivery_zone(ctx, zone=wanted)
    except MercatoError as error:
        return await _zone_page(ctx, request, orders, catalog, zone, data, error=error)
    return see_other(request, done(PATH, "saved"))


async def _overview(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    *,
    said: str = "",
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    calendar = await _calendar(ctx, carts)
    senders = {sender.channel: sender for sender in await carriers.senders(ctx)}
    sender = senders.get(ctx.channel)
    zones = await carts.delivery_zones(ctx)
    context = {
        "methods": [each for each in await carts.list_delivery_methods(ctx) if each.channel == ctx.channel],
        "currency": (await catalog.channel(ctx, code=ctx.channel)).currency,
        "kinds": dict(KINDS),
        "zones": zones,
        "areas_text": areas_text,
        "zone_names": {zone.id: zone.name for zone in zones},
        "holidays": "\n".join(day.isoformat() for day in calendar.holidays) if calendar else "",
        "calendar_version": calendar.version if calendar else 1,
        "sender": sender.address if sender else None,
        "sender_version": sender.version if sender else 1,
        "carriers": await _carriers(ctx, carriers),
        "typed": typed or {},
    }
    return await _page(ctx, request, orders, catalog, "admin/delivery.html", context, said, error)


async def _method_page(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    carriers: Carriers,
    orders: Orders,
    catalog: Catalog,
    method: str,
    values: dict[str, Any],
    currency: str,
    *,
    error: MercatoError | None = None,
) -> Response[str]:
    services = [
        (f"{carrier.code}:{service.code}", f"{carrier.name}: {service.name}")
        for carrier in await _carriers(ctx, carriers)
        for service in carrier.services
    ]
    classes: list[TaxClass] = await carts.tax_classes(ctx)
    context = {
        "method": method,
        "values": values,
        "currency": currency,
        "kind_options": KINDS,
        "service_options": [("", "None"), *services],
        "tax_options": [("standard", "Standard")]
        + [(each.code, each.name) for each in classes if each.code != "standard"],
        "zones": await carts.delivery_zones(ctx),
    }
    return await _page(ctx, request, orders, catalog, "admin/delivery_method.html", context, "", error)


async def _zone_page(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    zone: str,
    values: dict[str, Any],
    *,
    error: MercatoError | None = None,
) -> Response[str]:
    context = {"zone": zone, "values": values}
    return await _page(ctx, request, orders, catalog, "admin/delivery_zone.html", context, "", error)


async def _page(
    ctx: Context,
    request: AnyRequest,
    orders: Orders,
    catalog: Catalog,
    template: str,
    context: dict[str, Any],
    said: str,
    error: MercatoError | None,
) -> Response[str]:
    frame = {
        "shell": await shell_of(ctx, orders, catalog, PATH),
        "locale": ctx.locale,
        "channel": ctx.channel,
        "said": words.said(said),
        "error": (error.detail or str(error)) if error else "",
        "wrong": errors_by_field(error) if error else {},
        "may_write": ctx.principal.may("write_settings"),
    }
    return page(request, template, {**frame, **context}, status=status_of(error) if error else 200)


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
