"""Stock-takes: count a location by scanner, by list or by file, look at what differs, correct it."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body

from mercato.admin.forms import FormData, done, text
from mercato.admin.lists import turns
from mercato.admin.stock_desk import PATH, StockDesk, id_in, location_options
from mercato.admin.stock_lines import demands_of, read_lines
from mercato.contracts.catalog import Catalog
from mercato.contracts.stock import Demand, Stock
from mercato.kernel.errors import FieldError, Invalid, MercatoError

TAKES = f"{PATH}/takes"
LIMIT = 25
BATCH = 250

UploadForm = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)]


@get(TAKES, permission="read_stock")
async def list_takes(desk: StockDesk, stock: Stock, cursor: str | None = None) -> Response[str]:
    """Counts, newest first, and a form to begin one."""
    return await _takes(desk, stock, cursor=cursor)


@post(TAKES, permission="write_stock")
async def begin_take(desk: StockDesk, stock: Stock, data: FormData) -> Response[str]:
    """Open a count of a location."""

    async def act() -> str:
        location_id = id_in(data, "location_id", "a location")
        take = await stock.begin_stock_take(desk.ctx, location_id=location_id, note=text(data, "note")[:200])
        return f"{TAKES}/{take.id}"

    async def refused(error: MercatoError) -> Response[str]:
        return await _takes(desk, stock, error=error)

    return await desk.act(act, refused)


@get(f"{TAKES}/{{take_id:uuid}}", permission="read_stock")
async def show_take(desk: StockDesk, stock: Stock, take_id: UUID) -> Response[str]:
    """What was counted and what differs."""
    return await _take(desk, stock, take_id)


@post(f"{TAKES}/{{take_id:uuid}}/lines", permission="write_stock")
async def count(
    desk: StockDesk, stock: Stock, catalog: Catalog, take_id: UUID, data: UploadForm
) -> Response[str]:
    """Write down what was scanned or typed, on top of earlier scans, or what a file says, in their place."""
    typed = text(data, "lines")

    async def act() -> str:
        upload = data.get("file")
        content = await upload.read() if isinstance(upload, UploadFile) else b""
        lines = read_lines(_decoded(content) if content else typed)
        demands = await demands_of(desk.ctx, catalog, lines)
        for first in range(0, len(demands), BATCH):
            part: list[Demand] = demands[first : first + BATCH]
            await stock.count(desk.ctx, stock_take_id=take_id, lines=part, adds=not content)
        return done(f"{TAKES}/{take_id}", "counted")

    async def refused(error: MercatoError) -> Response[str]:
        return await _take(desk, stock, take_id, typed=typed, error=error)

    return await desk.act(act, refused)


@post(f"{TAKES}/{{take_id:uuid}}", permission="write_stock")
async def close_take(desk: StockDesk, stock: Stock, take_id: UUID, data: FormData) -> Response[str]:
    """Correct the levels, give the count up, or forget one line: the button says which."""
    wanted = text(data, "act")

    async def act() -> str:
        if wanted == "apply":
            await stock.apply_stock_take(desk.ctx, stock_take_id=take_id)
            return done(f"{TAKES}/{take_id}", "take_applied")
        if wanted == "cancel":
            await stock.cancel_stock_take(desk.ctx, stock_take_id=take_id)
            return done(TAKES, "take_canceled")
        await stock.uncount(desk.ctx, stock_take_id=take_id, variant_id=id_in(data, "variant_id", "a line"))
        return f"{TAKES}/{take_id}"

    async def refused(error: MercatoError) -> Response[str]:
        return await _take(desk, stock, take_id, error=error)

    return await desk.act(act, refused)


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text_ = "The file is not text in UTF-8: save it as CSV (UTF-8)."
        raise Invalid(detail=text_, errors=[FieldError("file", "invalid", text_)]) from None


async def _takes(
    desk: StockDesk, stock: Stock, *, cursor: str | None = None, error: MercatoError | None = None
) -> Response[str]:
    found = await stock.stock_takes(desk.ctx, limit=LIMIT, cursor=cursor)
    return await desk.stock_page(
        "stock_takes",
        TAKES,
        {
            "found": found,
            "location_options": location_options(await stock.locations(desk.ctx)),
            **turns(TAKES, found, cursor),
        },
        error=error,
    )


async def _take(
    desk: StockDesk, stock: Stock, take_id: UUID, *, typed: str = "", error: MercatoError | None = None
) -> Response[str]:
    take = await stock.stock_take(desk.ctx, stock_take_id=take_id)
    names = await desk.names(line.variant_id for line in take.lines)
    differing = [line for line in take.lines if line.difference]
    context = {
        "take": take,
        "names": names,
        "typed": typed,
        "differing": len(differing),
        "difference": sum(line.difference for line in differing),
    }
    return await desk.stock_page("stock_take", TAKES, context, error=error)


routes = [list_takes, begin_take, show_take, count, close_take]
