"""Taxes: classes of goods, rates of countries and regions, zones of places that are taxed alike."""

from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, errors_by_field, status_of
from mercato.admin.shell import shell_of
from mercato.admin.typed import Typed
from mercato.contracts.carts import Carts, TaxClass, TaxRate, TaxZone, ZoneRate
from mercato.contracts.catalog import Catalog
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.ui.rendering import page, see_other

PATH = "/admin/taxes"
MOST_PERCENT = Decimal(99)

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_settings")
async def show_taxes(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, done: str = ""
) -> Response[str]:
    """Everything on one page: there is little of it, and it belongs together."""
    return await _page(ctx, request, carts, orders, catalog, said=words.said(done))


@post(PATH + "/classes", permission="write_settings")
async def create_class(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """A new class of goods."""
    typed = Typed(data)
    try:
        values = {"code": typed.text("code").lower(), "name": typed.text("name")}
        await carts.save_tax_class(
            ctx, tax_class=_converted(values, TaxClass, "code", "Small letters and digits only.")
        )
    except (Invalid, Conflict) as error:
        return await _page(ctx, request, carts, orders, catalog, error=error, typed=data)
    return see_other(request, done(PATH, "saved"))


@post(PATH + "/rates", permission="write_settings")
async def create_rate(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """A new rate of a country or a region."""
    typed = Typed(data)
    try:
        rate = TaxRate(
            name=typed.text("rate_name"), country=typed.text("country", 2).upper(),
            region=typed.text("region", 80) or None, tax_class=typed.text("tax_class", 64) or "standard",
            rate=_fraction(typed, "percent"),
        )  # fmt: skip
        typed.refuse()
        await carts.save_tax_rate(ctx, rate=rate)
    except (Invalid, Conflict) as error:
        return await _page(ctx, request, carts, orders, catalog, error=error, typed=data)
    return see_other(request, done(PATH, "saved"))


@post(PATH + "/zones", permission="write_settings")
async def create_zone(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, data: FormData
) -> Response[str]:
    """A new zone with a rate for each class that was filled in."""
    typed = Typed(data)
    try:
        rates = [
            ZoneRate(typed.text("zone_name"), _fraction(typed, f"percent-{one.code}"), one.code)
            for one in await carts.tax_classes(ctx)
            if typed.has(f"percent-{one.code}")
        ]
        typed.refuse()
        zone = {
            "name": typed.text("zone_name"),
            "countries": [word.upper() for word in typed.words("countries")],
            "regions": [part.strip() for part in typed.text("regions", 2000).split(",") if part.strip()],
            "postal_prefixes": [word.upper() for word in typed.words("postal_prefixes")],
            "rates": [msgspec.structs.asdict(rate) for rate in rates],
        }
        text = "Postal codes begin with at most 12 letters or digits."
        await carts.save_tax_zone(ctx, zone=_converted(zone, TaxZone, "postal_prefixes", text))
    except (Invalid, Conflict) as error:
        return await _page(ctx, request, carts, orders, catalog, error=error, typed=data)
    return see_other(request, done(PATH, "saved"))


@post(PATH + "/classes/{class_id:uuid}/deletion", permission="write_settings")
async def delete_class(
    ctx: Context, request: AnyRequest, carts: Carts, orders: Orders, catalog: Catalog, class_id: UUID
) -> Response[str]:
    """Delete a class that no rate names."""
    try:
        await carts.delete_tax_class(ctx, class_id=class_id)
    except Conflict as error:
        return await _page(ctx, request, carts, orders, catalog, error=error)
    return see_other(request, done(PATH, "saved"))


@post(PATH + "/rates/{rate_id:uuid}/deletion", permission="write_settings")
async def delete_rate(ctx: Context, request: AnyRequest, carts: Carts, rate_id: UUID) -> Response[str]:
    """Delete a rate."""
    await carts.delete_tax_rate(ctx, rate_id=rate_id)
    return see_other(request, done(PATH, "saved"))


@post(PATH + "/zones/{zone_id:uuid}/deletion", permission="write_settings")
async def delete_zone(ctx: Context, request: AnyRequest, carts: Carts, zone_id: UUID) -> Response[str]:
    """Delete a zone with its rates."""
    await carts.delete_tax_zone(ctx, zone_id=zone_id)
    return see_other(request, done(PATH, "saved"))


async def _page(
    ctx: Context,
    request: AnyRequest,
    carts: Carts,
    orders: Orders,
    catalog: Catalog,
    *,
    said: str = "",
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    return page(
        request,
        "admin/taxes.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "classes": await carts.tax_classes(ctx),
            "rates": await carts.tax_rates(ctx),
            "zones": await carts.tax_zones(ctx),
            "percent": _percent,
            "typed": Typed(typed or {}),
            "said": said,
            "error": error.detail if error is not None and not error.errors else "",
            "problems": error.errors if error is not None else [],
            "errors": errors_by_field(error) if error is not None else {},
            "may_write": ctx.principal.may("write_settings"),
        },
        status=status_of(error) if error is not None else 200,
    )


def _fraction(typed: Typed, name: str) -> str:
    """A percentage as a fraction, "19" → "0.19"."""
    text = typed.text(name, 12).replace(",", ".").removesuffix("%").strip()
    try:
        value = Decimal(text) if text.replace(".", "", 1).isdecimal() else Decimal(-1)
    except InvalidOperation:
        value = Decimal(-1)
    if not 0 <= value <= MOST_PERCENT or -int(value.as_tuple().exponent) > 4:
        typed.wrong(name, "Enter a percentage such as 19 or 7.25.")
        return "0"
    fraction = value.scaleb(-2).normalize()
    return f"{fraction:f}"


def _percent(rate: str) -> str:
    """A fraction as people write it, "0.19" → "19 %"."""
    return f"{Decimal(rate).scaleb(2).normalize():f} %"


def _converted(values: dict[str, Any], kind: type[Any], field: str, message: str) -> Any:
    typed = Typed({})
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError:
        typed.wrong(field, message)
        typed.refuse()


routes = [show_taxes, create_class, create_rate, create_zone, delete_class, delete_rate, delete_zone]
