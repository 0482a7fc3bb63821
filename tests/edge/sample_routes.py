"""Routes of a shop that does not exist, to ask the edge about."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.params import QueryParameter

from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound, Throttled, Unavailable
from mercato.kernel.money import Money
from mercato.kernel.web import PUBLIC, SIGNED_IN, STAFF, CartToken, ListCursor, ListLimit


class NewThing(msgspec.Struct, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=5)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=9)]
    price: Money | None = None
    parts: list["NewThing"] = []


class Asked(msgspec.Struct):
    principal: str
    channel: str
    locale: str
    request_id: str
    trace_id: str
    client_address: str
    idempotency_key: str | None


seen: list[Any] = []


@get("/whoami", permission=PUBLIC)
async def whoami(ctx: Context) -> Asked:
    """Say who asks."""
    return Asked(
        ctx.principal.email, ctx.channel, ctx.locale, ctx.request_id, ctx.trace_id, ctx.client_address,
        ctx.idempotency_key,
    )  # fmt: skip


@get("/mine", permission=SIGNED_IN)
async def mine(ctx: Context) -> str:
    """Something for people who are signed in."""
    return ctx.principal.email


@get("/staff", permission="read_orders")
async def staff(ctx: Context) -> str:
    """Something for people with a permission."""
    return ctx.principal.email


@get("/desk", permission=STAFF)
async def desk(ctx: Context) -> str:
    """Something for all staff."""
    return ctx.principal.email


@get("/refunds", permission="refund_orders")
async def refunds() -> str:
    """Something that nobody here may do."""
    seen.append("refunds")
    return "no"


@post("/things", permission=PUBLIC)
async def make_thing(data: NewThing) -> NewThing:
    """Give the thing back."""
    seen.append(data)
    return data


@get("/things/{thing_id:uuid}", permission=PUBLIC)
async def get_thing(
    thing_id: UUID, since: datetime | None = None, limit: ListLimit = 24, cursor: ListCursor = None,
    color: list[str] | None = None, big: bool = False,
    price: Annotated[int, QueryParameter(name="price_max", ge=0)] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Say what was asked."""
    return {
        "id": thing_id,
        "since": since,
        "limit": limit,
        "color": color,
        "big": big,
        "cursor": cursor,
        "price": price,
    }


@delete("/things/{thing_id:uuid}", permission=PUBLIC)
async def delete_thing(thing_id: UUID, cart_token: CartToken) -> None:
    """Needs a token."""
    seen.append((thing_id, cart_token))


@get("/fails/{how:str}", permission=PUBLIC)
async def fails(how: str, request: Request[Any, Any, Any]) -> str:
    """Fail in a way of one's choice."""
    errors: dict[str, Exception] = {
        "missing": NotFound("thing_not_found", "There is no such thing."),
        "conflict": Conflict("version_conflict", "It was changed.", data={"version": 4}),
        "throttled": Throttled("slow_down", "Too fast.", data={"retry_after_s": 17}),
        "unavailable": Unavailable(detail="Not now."),
        "bug": ZeroDivisionError("secret detail"),
    }
    raise errors[how]


@get("/slow", permission=PUBLIC, timeout_s=0.05)
async def slow() -> str:
    """Never ends by itself."""
    await asyncio.Event().wait()
    return "never"


@get("/accepted", permission=PUBLIC)
async def accepted() -> Response[dict[str, str]]:
    """An answer with a status and a header of its own."""
    return Response({"status": "processing"}, status_code=202, headers={"X-More": "yes"})


class Counted(msgspec.Struct):
    """A number."""

    number: int


@post("/counted", permission=PUBLIC, answers={402: "The provider declined."})
async def make_counted(data: Counted) -> Counted:
    """Give it back."""
    return data


HANDLERS = [whoami, mine, staff, desk, refunds, make_thing, get_thing, delete_thing, fails, slow, accepted]
CUP = {"name": "cup", "quantity": 1}
THING = "01930000-0000-7000-8000-00000000abcd"
