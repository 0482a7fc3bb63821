"""Taxes: classes of goods, rates of countries and regions, zones of places that are taxed alike."""

from collections.abc import Awaitable, Callable
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData
from mercato.admin.typed import Typed
from mercato.contracts.carts import Carts, TaxClass, TaxRate, TaxZone, ZoneRate
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError

PATH = "/admin/taxes"
MOST_PERCENT = Decimal(99)


@get(PATH, permission="read_settings")
async def show_taxes(desk: Desk, carts: Carts, edit: UUID | None = None) -> Response[str]:
    """Everything on one page: there is little of it. `edit` opens one of it in its form."""
    return await _page(desk, carts, edited=edit)


@post(PATH + "/classes", permission="write_settings")
async def create_class(desk: Desk, carts: Carts, data: FormData) -> Response[str]:
    """A new class of goods."""
    return await _saved(desk, carts, _save_class, data, None)


@post(PATH + "/classes/{class_id:uuid}", permission="write_settings")
async def change_class(desk: Desk, carts: Carts, class_id: UUID, data: FormData) -> Response[str]:
    """Another name for a class; its code stays, as goods are known by it."""
    return await _saved(desk, carts, _save_class, data, class_id)


@post(PATH + "/rates", permission="write_settings")
async def create_rate(desk: Desk, carts: Carts, data: FormData) -> Response[str]:
    """A new rate of a country or a region."""
    return await _saved(desk, carts, _save_rate, data, None)


@post(PATH + "/rates/{rate_id:uuid}", permission="write_settings")
async def change_rate(desk: Desk, carts: Carts, rate_id: UUID, data: FormData) -> Response[str]:
    """Change a rate."""
    return await _saved(desk, carts, _save_rate, data, rate_id)


@post(PATH + "/zones", permission="write_settings")
async def create_zone(desk: Desk, carts: Carts, data: FormData) -> Response[str]:
    """A new zone with a rate for each class that was filled in."""
    return await _saved(desk, carts, _save_zone, data, None)


@post(PATH + "/zones/{zone_id:uuid}", permission="write_settings")
async def change_zone(desk: Desk, carts: Carts, zone_id: UUID, data: FormData) -> Response[str]:
    """Change a zone and its rates."""
    return await _saved(desk, carts, _save_zone, data, zone_id)


async def _saved(
    desk: Desk,
    carts: Carts,
    save: Callable[[Context, Carts, Typed, UUID | None], Awaitable[None]],
    data: FormData,
    one: UUID | None,
) -> Response[str]:
    """Save what was typed; what is wrong with it comes back beside its fields."""
    try:
        await save(desk.ctx, carts, Typed(data), one)
    except (Invalid, Conflict) as error:
        return await _page(desk, carts, error=error, typed=data, edited=one)
    return desk.done(PATH, "saved")


async def _save_class(ctx: Context, carts: Carts, typed: Typed, one: UUID | None) -> None:
    known = {each.id: each.code for each in await carts.tax_classes(ctx)}
    code = known.get(one) or typed.text("code").lower()
    values = {"id": one, "code": code, "name": typed.text("name"), **_version(typed)}
    await carts.save_tax_class(
        ctx, tax_class=_converted(values, TaxClass, "code", "Small letters and digits only.")
    )


async def _save_rate(ctx: Context, carts: Carts, typed: Typed, one: UUID | None) -> None:
    rate = TaxRate(
        id=one, name=typed.text("rate_name"), country=typed.text("country", 2).upper(),
        region=typed.text("region", 80) or None, tax_class=typed.text("tax_class", 64) or "standard",
        rate=_fraction(typed, "percent"), **_version(typed),
    )  # fmt: skip
    typed.refuse()
    await carts.save_tax_rate(ctx, rate=rate)


async def _save_zone(ctx: Context, carts: Carts, typed: Typed, one: UUID | None) -> None:
    rates = [
        ZoneRate(typed.text("zone_name"), _fraction(typed, f"percent-{each.code}"), each.code)
        for each in await carts.tax_classes(ctx)
        if typed.has(f"percent-{each.code}")
    ]
    zone = {
        "id": one,
        "name": typed.text("zone_name"),
        "countries": [word.upper() for word in typed.words("countries")],
        "regions": [part.strip() for part in typed.text("regions", 2000).split(",") if part.strip()],
        "postal_prefixes": [word.upper() for word in typed.words("postal_prefixes")],
        "rates": [msgspec.structs.asdict(rate) for rate in rates],
        **_version(typed),
    }
    typed.refuse()
    text = "Postal codes begin with at most 12 letters or digits."
    await carts.save_tax_zone(ctx, zone=_converted(zone, TaxZone, "postal_prefixes", text))


def _version(typed: Typed) -> dict[str, int]:
    return {"version": typed.whole("version", least=1, most=2_000_000_000) or 1}


def _as_typed(one: TaxClass | TaxRate | TaxZone) -> dict[str, Any]:
    """What stands in the form of one that is opened to be changed."""
    if isinstance(one, TaxClass):
        return {"code": one.code, "name": one.name}
    if isinstance(one, TaxRate):
        return {
            "rate_name": one.name, "country": one.country, "region": one.region or "",
            "tax_class": one.tax_class, "percent": _percent(one.rate).removesuffix(" %"),
        }  # fmt: skip
    percents = {f"percent-{each.tax_class}": _percent(each.rate).removesuffix(" %") for each in one.rates}
    return {
        "zone_name": one.name, "countries": " ".join(one.countries), "regions": ", ".join(one.regions),
        "postal_prefixes": " ".join(one.postal_prefixes), **percents,
    }  # fmt: skip


@post(PATH + "/classes/{class_id:uuid}/deletion", permission="write_settings")
async def delete_class(desk: Desk, carts: Carts, class_id: UUID) -> Response[str]:
    """Delete a class that no rate names."""
    try:
        await carts.delete_tax_class(desk.ctx, class_id=class_id)
    except Conflict as error:
        return await _page(desk, carts, error=error)
    return desk.done(PATH, "saved")


@post(PATH + "/rates/{rate_id:uuid}/deletion", permission="write_settings")
async def delete_rate(desk: Desk, carts: Carts, rate_id: UUID) -> Response[str]:
    """Delete a rate."""
    await carts.delete_tax_rate(desk.ctx, rate_id=rate_id)
    return desk.done(PATH, "saved")


@post(PATH + "/zones/{zone_id:uuid}/deletion", permission="write_settings")
async def delete_zone(desk: Desk, carts: Carts, zone_id: UUID) -> Response[str]:
    """Delete a zone with its rates."""
    await carts.delete_tax_zone(desk.ctx, zone_id=zone_id)
    return desk.done(PATH, "saved")


async def _page(
    desk: Desk,
    carts: Carts,
    *,
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
    edited: UUID | None = None,
) -> Response[str]:
    ctx = desk.ctx
    classes, rates = await carts.tax_classes(ctx), await carts.tax_rates(ctx)
    zones = await carts.tax_zones(ctx)
    every: list[TaxClass | TaxRate | TaxZone] = [*classes, *rates, *zones]
    opened = next((each for each in every if edited is not None and each.id == edited), None)
    if typed is None and opened is not None:
        typed = _as_typed(opened)
    return await desk.page(
        "admin/taxes.html",
        PATH,
        {
            "classes": classes,
            "rates": rates,
            "zones": zones,
            "opened": opened,
            "percent": _percent,
            "typed": Typed(typed or {}),
            "may_write": ctx.principal.may("write_settings"),
        },
        error=error,
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


routes = [
    show_taxes, create_class, create_rate, create_zone, change_class, change_rate, change_zone, delete_class,
    delete_rate, delete_zone,
]  # fmt: skip
