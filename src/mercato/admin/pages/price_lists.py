"""Price lists: prices that replace the catalog's, for some customers, quantities and times."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, money
from mercato.admin.lists import turns
from mercato.admin.shell import price_tabs
from mercato.admin.typed import Typed, local_text
from mercato.contracts.carts import Carts, ListPrice, PriceList
from mercato.contracts.catalog import Catalog, Channel
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError, NotFound
from mercato.kernel.money import Money

PATH = "/admin/price-lists"
SHOWN_PRICES = 50
MAX_ROWS = 500


@get(PATH, permission="read_promotions")
async def list_price_lists(desk: Desk, carts: Carts) -> Response[str]:
    """All price lists, and the form for another one."""
    return await _list(desk, carts)


@post(PATH, permission="write_promotions")
async def create_price_list(desk: Desk, carts: Carts, data: FormData) -> Response[str]:
    """A new list, without prices."""
    try:
        name = Typed(data).text("name")
        saved = await carts.save_price_list(
            desk.ctx, price_list=PriceList(name=name, channel=desk.ctx.channel)
        )
    except (Invalid, Conflict) as error:
        return await _list(desk, carts, error=error)
    return desk.done(f"{PATH}/{saved.id}", "saved")


@get(PATH + "/{list_id:uuid}", permission="read_promotions")
async def show_price_list(
    desk: Desk, carts: Carts, catalog: Catalog, list_id: UUID, cursor: str | None = None
) -> Response[str]:
    """One list with its prices."""
    found = await _price_list(desk.ctx, carts, list_id)
    return await _form(desk, carts, catalog, found, cursor=cursor)


@post(PATH + "/{list_id:uuid}", permission="write_promotions")
async def save_price_list(
    desk: Desk, carts: Carts, catalog: Catalog, list_id: UUID, data: FormData
) -> Response[str]:
    """Store the next version."""
    found = await _price_list(desk.ctx, carts, list_id)
    channel = await catalog.channel(desk.ctx, code=found.channel)
    typed = Typed(data, time_zone=channel.time_zone)
    try:
        changed = msgspec.structs.replace(
            found,
            name=typed.text("name"),
            group_ids=typed.ids("group_ids"),
            starts_at=typed.moment("starts_at"),
            ends_at=typed.moment("ends_at"),
            priority=typed.whole("priority", least=-1_000_000, most=1_000_000) or 0,
            is_active=typed.has("is_active"),
            version=typed.whole("version", least=1) or found.version,
        )
        typed.refuse()
        await carts.save_price_list(desk.ctx, price_list=changed)
    except (Invalid, Conflict) as error:
        return await _form(desk, carts, catalog, changed, error=error)
    return desk.done(f"{PATH}/{list_id}", "saved")


@post(PATH + "/{list_id:uuid}/prices", permission="write_promotions")
async def set_prices(
    desk: Desk, carts: Carts, catalog: Catalog, list_id: UUID, data: FormData
) -> Response[str]:
    """Add what was typed: "SKU price" or "SKU quantity price", one below the other."""
    found = await _price_list(desk.ctx, carts, list_id)
    channel = await catalog.channel(desk.ctx, code=found.channel)
    try:
        entries = await _entries(desk.ctx, catalog, data, channel)
        await carts.set_prices(desk.ctx, price_list_id=list_id, entries=entries)
    except (Invalid, Conflict) as error:
        rows = Typed(data).text("prices", 20_000)
        return await _form(desk, carts, catalog, found, error=error, rows=rows)
    return desk.done(f"{PATH}/{list_id}", "saved")


@post(PATH + "/{list_id:uuid}/prices/{variant_id:uuid}/removal", permission="write_promotions")
async def remove_price(
    desk: Desk, carts: Carts, list_id: UUID, variant_id: UUID, data: FormData
) -> Response[str]:
    """Take one price out."""
    units = Typed(data).whole("min_quantity", least=1, most=10_000) or 1
    await carts.remove_price(desk.ctx, price_list_id=list_id, variant_id=variant_id, min_quantity=units)
    return desk.done(f"{PATH}/{list_id}", "saved")


@post(PATH + "/{list_id:uuid}/deletion", permission="write_promotions")
async def delete_price_list(desk: Desk, carts: Carts, list_id: UUID) -> Response[str]:
    """Delete it with its prices."""
    await carts.delete_price_list(desk.ctx, price_list_id=list_id)
    return desk.done(PATH, "price_list_deleted")


async def _list(desk: Desk, carts: Carts, *, error: MercatoError | None = None) -> Response[str]:
    return await desk.page(
        "admin/price_lists.html",
        "/admin/promotions",
        {
            "tabs": price_tabs(desk.ctx, PATH),
            "lists": await carts.price_lists(desk.ctx),
            "may_write": desk.ctx.principal.may_somewhere("write_promotions"),
        },
        error=error,
    )


async def _form(
    desk: Desk,
    carts: Carts,
    catalog: Catalog,
    price_list: PriceList,
    *,
    cursor: str | None = None,
    error: MercatoError | None = None,
    rows: str = "",
) -> Response[str]:
    assert price_list.id is not None
    channel = await catalog.channel(desk.ctx, code=price_list.channel)
    prices = await carts.price_entries(
        desk.ctx, price_list_id=price_list.id, limit=SHOWN_PRICES, cursor=cursor
    )
    ids = list({entry.variant_id: None for entry in prices.items})
    variants = await catalog.sale_variants(desk.ctx, variant_ids=ids) if ids else []
    here = f"{PATH}/{price_list.id}"
    return await desk.page(
        "admin/price_list.html",
        "/admin/promotions",
        {
            "price_list": price_list,
            "channel": channel,
            "starts": local_text(price_list.starts_at, channel.time_zone),
            "ends": local_text(price_list.ends_at, channel.time_zone),
            "groups": await carts.customer_groups(desk.ctx)
            if desk.ctx.principal.may("read_customers")
            else [],
            "prices": prices,
            "variants": {variant.id: variant for variant in variants},
            "rows": rows,
            "minor": lambda amount: Money(amount, channel.currency),
            **turns(here, prices, cursor),
            "may_write": desk.ctx.principal.may_in("write_promotions", price_list.channel),
        },
        error=error,
    )


async def _entries(ctx: Context, catalog: Catalog, data: dict[str, Any], channel: Channel) -> list[ListPrice]:
    """The typed rows. Raises Invalid that names the first row that is wrong."""
    typed = Typed(data)
    rows = [row.split() for row in typed.text("prices", 20_000).splitlines() if row.strip()][:MAX_ROWS]
    known = await catalog.variants_by_code(ctx, codes=[row[0] for row in rows]) if rows else {}
    entries = []
    for sku, *rest in rows:
        units = rest[0] if len(rest) == 2 else "1"
        if sku not in known:
            typed.wrong("prices", f"There is no SKU “{sku[:60]}”.")
        elif len(rest) not in (1, 2) or not units.isdecimal() or not 1 <= int(units[:6]) <= 10_000:
            typed.wrong("prices", f"Write “{sku[:60]} 10 8.50”: the SKU, from how many units, the price.")
        else:
            price = money({"prices": rest[-1]}, "prices", channel.currency)
            if price is not None:
                entries.append(ListPrice(known[sku], price.amount, int(units)))
        typed.refuse()
    return entries


async def _price_list(ctx: Context, carts: Carts, list_id: UUID) -> PriceList:
    found = next((one for one in await carts.price_lists(ctx) if one.id == list_id), None)
    if found is None:
        raise NotFound(detail="There is no such price list.")
    return found


routes = [
    list_price_lists, create_price_list, show_price_list, save_price_list, set_prices, remove_price,
    delete_price_list,
]  # fmt: skip
