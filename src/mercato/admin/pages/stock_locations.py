"""Where goods are kept, in which order orders take from them, and what channels sell from."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.forms import FormData, done, one_of, text, texts
from mercato.admin.stock_desk import PATH, StockDesk
from mercato.contracts.stock import ChannelStock, Stock, Strategy
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid, MercatoError

LOCATIONS = f"{PATH}/locations"
CODE_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


@get(LOCATIONS, permission="read_stock")
async def show_locations(desk: StockDesk, stock: Stock) -> Response[str]:
    """All locations, and what this channel sells from."""
    return await _locations(desk, stock, {})


@post(LOCATIONS, permission="write_stock")
async def add_location(desk: StockDesk, stock: Stock, data: FormData) -> Response[str]:
    """A new location, the last in the order."""

    async def act() -> str:
        code, name = text(data, "code").lower()[:40], text(data, "name")[:80]
        if not name:
            raise _wrong("name", "Give the location a name.")
        if not code or not set(code) <= CODE_LETTERS or code[0] in "-_":
            raise _wrong("code", "A code has letters, digits and hyphens, such as berlin-2.")
        await stock.add_location(desk.ctx, code=code, name=name)
        return done(LOCATIONS, "saved")

    async def refused(error: MercatoError) -> Response[str]:
        return await _locations(desk, stock, data, error=error)

    return await desk.act(act, refused)


@post(f"{LOCATIONS}/{{location_id:uuid}}", permission="write_stock")
async def change_location(desk: StockDesk, stock: Stock, location_id: UUID, data: FormData) -> Response[str]:
    """Rename it, close or open it, move it up, or remove it: the button says which."""

    async def act() -> str:
        await _change(desk.ctx, stock, location_id, data)
        return done(LOCATIONS, "saved")

    async def refused(error: MercatoError) -> Response[str]:
        return await _locations(desk, stock, {}, error=error)

    return await desk.act(act, refused)


@post(f"{LOCATIONS}/channel", permission="write_stock")
async def set_channel(desk: StockDesk, stock: Stock, data: FormData) -> Response[str]:
    """What the channel sells from, and from which of it first."""

    async def act() -> str:
        ordered = [str(one.id) for one in await stock.locations(desk.ctx)]
        ticked = [UUID(one) for one in ordered if one in texts(data, "location_id")]
        if not ticked:
            raise _wrong("location_id", "Choose at least one location.")
        await stock.set_channel_stock(
            desk.ctx,
            channel=text(data, "channel")[:120] or desk.ctx.channel,
            strategy=one_of(Strategy, text(data, "strategy")) or Strategy.LOCATION_ORDER,
            location_ids=None if len(ticked) == len(ordered) else ticked,
        )
        return done(LOCATIONS, "saved")

    async def refused(error: MercatoError) -> Response[str]:
        return await _locations(desk, stock, {}, error=error)

    return await desk.act(act, refused)


async def _change(ctx: Context, stock: Stock, location_id: UUID, data: dict[str, Any]) -> None:
    wanted, locations = text(data, "act"), await stock.locations(ctx)
    ids = [one.id for one in locations]
    if location_id not in ids:
        raise Invalid(detail="This location is gone.")
    mine = locations[ids.index(location_id)]
    if wanted == "earlier":
        at = ids.index(location_id)
        ids.insert(max(at - 1, 0), ids.pop(at))
        await stock.order_locations(ctx, location_ids=ids)
    elif wanted == "remove":
        await stock.remove_location(ctx, location_id=location_id)
    else:
        is_active = {"open": True, "close": False}.get(wanted, mine.is_active)
        name = text(data, "name")[:80] or mine.name
        await stock.change_location(ctx, location_id=location_id, name=name, is_active=is_active)


async def _locations(
    desk: StockDesk, stock: Stock, data: dict[str, Any], *, error: MercatoError | None = None
) -> Response[str]:
    chosen = {one.channel: one for one in await stock.channel_stock(desk.ctx)}
    channel = desk.ctx.channel
    return await desk.stock_page(
        "stock_locations",
        LOCATIONS,
        {
            "locations": await stock.locations(desk.ctx),
            "channel": chosen.get(channel, ChannelStock(channel)),
            "others": [one for name, one in chosen.items() if name != channel],
            "typed": {"code": text(data, "code"), "name": text(data, "name")},
            "strategies": [
                (Strategy.LOCATION_ORDER.value, "Location order"),
                (Strategy.MOST_STOCK.value, "Most stock first"),
            ],
        },
        error=error,
    )


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, "invalid", message)])


routes = [show_locations, add_location, change_location, set_channel]
