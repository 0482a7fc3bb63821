"""Goods that come in, and goods that move between locations."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin.forms import FormData, done, text, whole
from mercato.admin.lists import turns
from mercato.admin.stock_desk import PATH, StockDesk, id_in, location_options
from mercato.admin.stock_lines import demands_of, read_lines
from mercato.contracts.catalog import Catalog
from mercato.contracts.stock import Demand, Stock
from mercato.kernel.errors import Invalid, MercatoError

LIMIT = 25
RECEIVE, TRANSFERS = f"{PATH}/receive", f"{PATH}/transfers"


@get(RECEIVE, permission="read_stock")
async def show_receive(desk: StockDesk, stock: Stock) -> Response[str]:
    """A form for a delivery: where, which paper, which goods."""
    return await _receive(desk, stock, {})


@post(RECEIVE, permission="write_stock")
async def receive(desk: StockDesk, stock: Stock, catalog: Catalog, data: FormData) -> Response[str]:
    """Book all of the delivery or nothing."""

    async def act() -> str:
        await stock.receive(
            desk.ctx,
            location_id=id_in(data, "location_id", "a location"),
            lines=await demands_of(desk.ctx, catalog, read_lines(text(data, "lines"))),
            reference=text(data, "reference")[:200],
        )
        return done(RECEIVE, "stock_received")

    async def refused(error: MercatoError) -> Response[str]:
        return await _receive(desk, stock, data, error=error)

    return await desk.act(act, refused)


@get(TRANSFERS, permission="read_stock")
async def list_transfers(desk: StockDesk, stock: Stock, cursor: str | None = None) -> Response[str]:
    """Goods between two locations, newest first, and a form to send some."""
    return await _transfers(desk, stock, {}, cursor=cursor)


@post(TRANSFERS, permission="write_stock")
async def send_transfer(desk: StockDesk, stock: Stock, catalog: Catalog, data: FormData) -> Response[str]:
    """Send goods to another location."""

    async def act() -> str:
        sent = await stock.send_transfer(
            desk.ctx,
            from_id=id_in(data, "from_id", "where the goods leave"),
            to_id=id_in(data, "to_id", "where they go"),
            lines=await demands_of(desk.ctx, catalog, read_lines(text(data, "lines"))),
            note=text(data, "note")[:200],
        )
        return done(f"{TRANSFERS}/{sent.id}", "transfer_sent")

    async def refused(error: MercatoError) -> Response[str]:
        return await _transfers(desk, stock, data, error=error)

    return await desk.act(act, refused)


@get(f"{TRANSFERS}/{{transfer_id:uuid}}", permission="read_stock")
async def show_transfer(desk: StockDesk, stock: Stock, transfer_id: UUID) -> Response[str]:
    """What was sent, and what arrived."""
    return await _transfer(desk, stock, transfer_id)


@post(f"{TRANSFERS}/{{transfer_id:uuid}}", permission="write_stock")
async def close_transfer(desk: StockDesk, stock: Stock, transfer_id: UUID, data: FormData) -> Response[str]:
    """The goods arrived, all or some of them, or they came back: the button says which."""

    async def act() -> str:
        if text(data, "act") == "cancel":
            await stock.cancel_transfer(desk.ctx, transfer_id=transfer_id)
            return done(f"{TRANSFERS}/{transfer_id}", "transfer_canceled")
        sent = await stock.transfer(desk.ctx, transfer_id=transfer_id)
        arrived = []
        for line in sent.lines:
            units = whole(data, f"units-{line.variant_id}", most=line.quantity)
            if units is None:
                raise Invalid(detail=f"Enter how many of {line.sku} arrived, 0 for none.")
            arrived.append(Demand(line.variant_id, units))
        await stock.receive_transfer(desk.ctx, transfer_id=transfer_id, lines=arrived)
        return done(f"{TRANSFERS}/{transfer_id}", "transfer_received")

    async def refused(error: MercatoError) -> Response[str]:
        return await _transfer(desk, stock, transfer_id, error=error)

    return await desk.act(act, refused)


def _typed(data: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: text(data, name) for name in names}


async def _receive(
    desk: StockDesk, stock: Stock, data: dict[str, Any], *, error: MercatoError | None = None
) -> Response[str]:
    options = location_options(await stock.locations(desk.ctx))
    typed = _typed(data, "location_id", "reference", "lines")
    return await desk.stock_page(
        "stock_receive", RECEIVE, {"location_options": options, "typed": typed}, error=error
    )


async def _transfers(
    desk: StockDesk,
    stock: Stock,
    data: dict[str, Any],
    *,
    cursor: str | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await stock.transfers(desk.ctx, limit=LIMIT, cursor=cursor)
    return await desk.stock_page(
        "stock_transfers",
        TRANSFERS,
        {
            "found": found,
            "location_options": location_options(await stock.locations(desk.ctx)),
            "typed": _typed(data, "from_id", "to_id", "note", "lines"),
            **turns(TRANSFERS, found, cursor),
        },
        error=error,
    )


async def _transfer(
    desk: StockDesk, stock: Stock, transfer_id: UUID, *, error: MercatoError | None = None
) -> Response[str]:
    transfer = await stock.transfer(desk.ctx, transfer_id=transfer_id)
    names = await desk.names(line.variant_id for line in transfer.lines)
    return await desk.stock_page(
        "stock_transfer", TRANSFERS, {"transfer": transfer, "names": names}, error=error
    )


routes = [show_receive, receive, list_transfers, send_transfer, show_transfer, close_transfer]
