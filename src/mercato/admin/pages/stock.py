"""Stock levels by location, the ledger of movements, and what checkouts hold."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.forms import FormData, done, text, whole
from mercato.admin.lists import address, pushed, turns
from mercato.admin.stock_desk import PATH, StockDesk, id_in, location_options
from mercato.contracts.catalog import Catalog
from mercato.contracts.stock import Stock
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError

LIMIT = 50
TYPED = ("location_id", "delta", "act", "units", "reason")
"""What comes back when a change of one location is refused."""


@get(PATH, permission="read_stock")
async def list_levels(
    desk: StockDesk, stock: Stock, q: str = "", location: str = "", low: str = "", cursor: str | None = None
) -> Response[str]:
    """Levels by SKU, narrowed by location or to what is low."""
    return await _levels(desk, stock, {"q": q[:100], "location": location, "low": low}, cursor=cursor)


@post(f"{PATH}/adjust", permission="write_stock")
async def adjust(desk: StockDesk, stock: Stock, data: FormData) -> Response[str]:
    """Book a difference with its reason, and come back to the same list."""
    chosen = {name: text(data, name)[:100] for name in ("q", "location", "low")}

    async def act() -> str:
        signed = {"delta": text(data, "delta").removeprefix("+")}
        delta = whole(signed, "delta", least=-1_000_000_000)
        if not delta:
            raise Invalid(detail="Enter by how many units it changes, such as 3 or -2.")
        if not text(data, "reason"):
            raise Invalid(detail="Say why the stock changes; it stays in the ledger.")
        await stock.adjust(
            desk.ctx,
            variant_id=id_in(data, "variant_id", "a variant"),
            location_id=id_in(data, "location_id", "a location"),
            delta=delta,
            reason=text(data, "reason")[:200],
        )
        if text(data, "back") == "variant":
            return done(f"{PATH}/variants/{id_in(data, 'variant_id', 'a variant')}", "stock_adjusted")
        return address(PATH, **chosen, done="stock_adjusted")

    async def refused(error: MercatoError) -> Response[str]:
        if text(data, "back") == "variant":
            variant_id = id_in(data, "variant_id", "a variant")
            return await _variant(desk, stock, variant_id, typed=data, error=error)
        return await _levels(desk, stock, chosen, error=error)

    return await desk.act(act, refused)


@get(f"{PATH}/movements", permission="read_stock")
async def list_movements(
    desk: StockDesk, stock: Stock, catalog: Catalog, q: str = "", cursor: str | None = None
) -> Response[str]:
    """The ledger, newest first, of all goods or of one SKU or barcode."""
    url = f"{PATH}/movements"
    wanted = q.strip()[:120]
    variant_id = (await catalog.variants_by_code(desk.ctx, codes=[wanted])).get(wanted) if wanted else None
    is_unknown = bool(wanted) and variant_id is None
    found = None
    if not is_unknown:
        found = await stock.movements(desk.ctx, variant_id=variant_id, limit=LIMIT, cursor=cursor)
    here = address(url, q=wanted)
    return await desk.stock_page(
        "stock_movements",
        url,
        {"found": found, "q": wanted, **turns(url, found, cursor, q=wanted)},
        headers=pushed(desk.request, here),
    )


@get(f"{PATH}/reservations", permission="read_stock")
async def list_reservations(desk: StockDesk, stock: Stock, cursor: str | None = None) -> Response[str]:
    """What checkouts hold, soonest expiry first."""
    url = f"{PATH}/reservations"
    found = await stock.reservations(desk.ctx, limit=LIMIT, cursor=cursor)
    return await desk.stock_page(
        "stock_reservations",
        url,
        {
            "found": found,
            "names": await desk.names(one.variant_id for one in found.items),
            **turns(url, found, cursor),
        },
    )


@get(f"{PATH}/variants/{{variant_id:uuid}}", permission="read_stock")
async def show_variant(desk: StockDesk, stock: Stock, variant_id: UUID) -> Response[str]:
    """One variant: its levels, its limits, its ledger."""
    return await _variant(desk, stock, variant_id)


@post(f"{PATH}/variants/{{variant_id:uuid}}", permission="write_stock")
async def change_variant(desk: StockDesk, stock: Stock, variant_id: UUID, data: FormData) -> Response[str]:
    """Its limits, or at one location: what is damaged, counted, or kept back. The button says which."""

    async def act() -> str:
        await _change(desk.ctx, stock, variant_id, data)
        return done(f"{PATH}/variants/{variant_id}", "saved")

    async def refused(error: MercatoError) -> Response[str]:
        return await _variant(desk, stock, variant_id, typed=data, error=error)

    return await desk.act(act, refused)


async def _change(ctx: Context, stock: Stock, variant_id: UUID, data: dict[str, Any]) -> None:
    wanted = text(data, "act")
    if wanted == "limits":
        await stock.set_item(
            ctx,
            variant_id=variant_id,
            low_at=whole(data, "low_at"),
            backorder_limit=whole(data, "backorder_limit") or 0,
        )
        return
    location_id, units = id_in(data, "location_id", "a location"), whole(data, "units")
    if units is None:
        raise Invalid(detail="Enter how many units.")
    if wanted == "count":
        await stock.set_on_hand(
            ctx, variant_id=variant_id, location_id=location_id, on_hand=units, version=whole(data, "version")
        )
    elif wanted == "safety":
        await stock.set_safety_stock(ctx, variant_id=variant_id, location_id=location_id, safety_stock=units)
    elif wanted == "damage":
        reason = text(data, "reason")[:200]
        if not reason:
            raise Invalid(detail="Say what happened to the goods; it stays in the ledger.")
        await stock.write_off(
            ctx, variant_id=variant_id, location_id=location_id, quantity=units, reason=reason
        )
    else:
        raise Invalid(detail="Choose what to do.")


async def _levels(
    desk: StockDesk,
    stock: Stock,
    chosen: dict[str, str],
    *,
    cursor: str | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    locations = await stock.locations(desk.ctx)
    location_id = next((one.id for one in locations if str(one.id) == chosen["location"]), None)
    found = await stock.levels(
        desk.ctx,
        location_id=location_id,
        query=chosen["q"],
        only_low=bool(chosen["low"]),
        limit=LIMIT,
        cursor=cursor,
    )
    here = address(PATH, **chosen)
    return await desk.stock_page(
        "stock",
        PATH,
        {
            "found": found,
            "chosen": chosen,
            "names": await desk.names(one.variant_id for one in found.items),
            "location_options": location_options(locations, any_of_them="All locations"),
            **turns(PATH, found, cursor, **chosen),
        },
        error=error,
        headers=pushed(desk.request, here),
    )


async def _variant(
    desk: StockDesk,
    stock: Stock,
    variant_id: UUID,
    *,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    item = await stock.item(desk.ctx, variant_id=variant_id)
    levels = await stock.levels(desk.ctx, variant_ids=[variant_id], limit=100)
    movements = await stock.movements(desk.ctx, variant_id=variant_id, limit=20)
    held = await stock.reservations(desk.ctx, variant_id=variant_id, limit=20)
    names = await desk.names([variant_id])
    known = {level.location_id for level in levels.items}
    others = [one for one in await stock.locations(desk.ctx) if one.id not in known]
    return await desk.stock_page(
        "stock_variant",
        PATH,
        {
            "item": item,
            "name": names.get(variant_id, item.sku),
            "levels": levels.items,
            "other_locations": location_options(others),
            "typed": {name: text(typed or {}, name) for name in TYPED},
            "untouched": dict.fromkeys(TYPED, ""),
            "movements": movements,
            "held": held,
            "all_url": address(f"{PATH}/movements", q=item.sku),
        },
        error=error,
    )


routes = [list_levels, adjust, list_movements, list_reservations, show_variant, change_variant]
