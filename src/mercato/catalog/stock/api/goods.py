"""REST routes of deliveries, write-offs, transfers and stock-takes."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post
from litestar.params import QueryParameter

from mercato.catalog.stock.api.shapes import (
    CountedLines,
    MovedLines,
    Reason,
    SomeUnits,
    Text,
    demands,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.contracts.stock import (
    Receipt,
    Stock,
    StockLevel,
    StockTake,
    StockTakeStatus,
    Transfer,
    TransferStatus,
)
from mercato.kernel.context import Context
from mercato.kernel.web import ListCursor, ListLimit

TransferFilter = Annotated[TransferStatus | None, QueryParameter(name="status")]
TakeFilter = Annotated[StockTakeStatus | None, QueryParameter(name="status")]


class Delivery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    location_id: UUID
    lines: MovedLines
    reference: Text = ""


class WriteOff(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    variant_id: UUID
    location_id: UUID
    quantity: SomeUnits
    reason: Reason


class NewTransfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    from_id: UUID
    to_id: UUID
    lines: MovedLines
    note: Text = ""


class Arrival(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: CountedLines | None = None
    """What arrived; all of it when null."""


class NewStockTake(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    location_id: UUID
    note: Text = ""


class CountedInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: CountedLines
    adds: bool = False
    """Add to what was counted of the same variant before, instead of replacing it."""


@post("/admin/stock-receipts", permission="write_stock")
async def receive(ctx: Context, stock: Stock, data: Delivery) -> Receipt:
    """Goods have come in."""
    return await stock.receive(
        ctx, location_id=data.location_id, lines=demands(data.lines), reference=data.reference
    )


@post("/admin/stock-levels/write-off", permission="write_stock", status_code=200)
async def write_off(ctx: Context, stock: Stock, data: WriteOff) -> StockLevel:
    """Units are damaged or gone; 409 `stock_promised`."""
    return await stock.write_off(
        ctx,
        variant_id=data.variant_id,
        location_id=data.location_id,
        quantity=data.quantity,
        reason=data.reason,
    )


@get("/admin/stock-transfers", permission="read_stock")
async def list_transfers(
    ctx: Context,
    stock: Stock,
    status: TransferFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Transfer]:
    """Goods between two locations, newest first."""
    return await stock.transfers(ctx, status=status, limit=limit, cursor=cursor)


@post("/admin/stock-transfers", permission="write_stock")
async def send_transfer(ctx: Context, stock: Stock, data: NewTransfer) -> Transfer:
    """Units leave one location for another; 409 `stock_promised` when they are not free."""
    return await stock.send_transfer(
        ctx, from_id=data.from_id, to_id=data.to_id, lines=demands(data.lines), note=data.note
    )


@get("/admin/stock-transfers/{transfer_id:uuid}", permission="read_stock")
async def get_transfer(ctx: Context, stock: Stock, transfer_id: UUID) -> Transfer:
    return await stock.transfer(ctx, transfer_id=transfer_id)


@post("/admin/stock-transfers/{transfer_id:uuid}/arrival", permission="write_stock", status_code=200)
async def receive_transfer(ctx: Context, stock: Stock, transfer_id: UUID, data: Arrival) -> Transfer:
    """What arrived; what is missing was lost on the way. 409 `illegal_transition`."""
    lines = None if data.lines is None else demands(data.lines)
    return await stock.receive_transfer(ctx, transfer_id=transfer_id, lines=lines)


@post("/admin/stock-transfers/{transfer_id:uuid}/cancellation", permission="write_stock", status_code=200)
async def cancel_transfer(ctx: Context, stock: Stock, transfer_id: UUID) -> Transfer:
    """The goods are back where they came from; 409 `illegal_transition`."""
    return await stock.cancel_transfer(ctx, transfer_id=transfer_id)


@get("/admin/stock-takes", permission="read_stock")
async def list_stock_takes(
    ctx: Context,
    stock: Stock,
    status: TakeFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[StockTake]:
    """Counts, newest first, without their lines."""
    return await stock.stock_takes(ctx, status=status, limit=limit, cursor=cursor)


@post("/admin/stock-takes", permission="write_stock")
async def begin_stock_take(ctx: Context, stock: Stock, data: NewStockTake) -> StockTake:
    """Open a count of a location."""
    return await stock.begin_stock_take(ctx, location_id=data.location_id, note=data.note)


@get("/admin/stock-takes/{stock_take_id:uuid}", permission="read_stock")
async def get_stock_take(ctx: Context, stock: Stock, stock_take_id: UUID) -> StockTake:
    """A count with its lines, by SKU."""
    return await stock.stock_take(ctx, stock_take_id=stock_take_id)


@post("/admin/stock-takes/{stock_take_id:uuid}/lines", permission="write_stock", status_code=200)
async def count(ctx: Context, stock: Stock, stock_take_id: UUID, data: CountedInput) -> StockTake:
    """Write down what was counted; zero is a count too. 409 `illegal_transition`."""
    return await stock.count(ctx, stock_take_id=stock_take_id, lines=demands(data.lines), adds=data.adds)


@delete(
    "/admin/stock-takes/{stock_take_id:uuid}/lines/{variant_id:uuid}",
    permission="write_stock",
    status_code=200,
)
async def uncount(ctx: Context, stock: Stock, stock_take_id: UUID, variant_id: UUID) -> StockTake:
    """Forget the count of one variant."""
    return await stock.uncount(ctx, stock_take_id=stock_take_id, variant_id=variant_id)


@post("/admin/stock-takes/{stock_take_id:uuid}/application", permission="write_stock", status_code=200)
async def apply_stock_take(ctx: Context, stock: Stock, stock_take_id: UUID) -> StockTake:
    """Correct what is on hand by what differed when it was counted; 409 `stock_promised`."""
    return await stock.apply_stock_take(ctx, stock_take_id=stock_take_id)


@post("/admin/stock-takes/{stock_take_id:uuid}/cancellation", permission="write_stock", status_code=200)
async def cancel_stock_take(ctx: Context, stock: Stock, stock_take_id: UUID) -> StockTake:
    """Forget the count; nothing is corrected."""
    return await stock.cancel_stock_take(ctx, stock_take_id=stock_take_id)


routes = [
    receive, write_off, list_transfers, send_transfer, get_transfer, receive_transfer, cancel_transfer,
    list_stock_takes, begin_stock_take, get_stock_take, count, uncount, apply_stock_take, cancel_stock_take,
]  # fmt: skip
