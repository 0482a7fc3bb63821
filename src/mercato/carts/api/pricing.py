"""Routes of staff for generated codes, price lists, customer groups, trials."""

import csv
import io
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import delete, get, post, put
from litestar.params import QueryParameter
from litestar.response import Stream

from mercato.carts.api.bodies import as_stored, whole_page
from mercato.contracts.carts import (
    MAX_ENTRIES,
    MAX_MEMBERS,
    Carts,
    CustomerGroup,
    Explanation,
    GeneratedCode,
    ListPrice,
    NewCodes,
    PriceList,
    Redemption,
    Trial,
)
from mercato.contracts.shared import DEFAULT_LIMIT, MAX_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.csv_cells import guarded
from mercato.kernel.web import ListCursor, ListLimit

CodeStart = Annotated[str, QueryParameter(name="q", max_length=64, description="How the codes begin.")]
FromUnits = Annotated[
    int, QueryParameter(name="min_quantity", ge=1, le=10_000, description="From so many units.")
]


class PriceListBody(PriceList, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price list as staff sends it; `entries` is counted by the shop and ignored here."""


class CustomerGroupBody(CustomerGroup, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A customer group as staff sends it; `members` is counted by the shop and ignored here."""


class TrialBody(Trial, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A cart that nobody has."""


class ListPrices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    prices: Annotated[list[ListPrice], msgspec.Meta(max_length=MAX_ENTRIES)]


class Members(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accounts that join the group, and accounts that leave it."""

    add: Annotated[list[UUID], msgspec.Meta(max_length=MAX_MEMBERS)] = []
    remove: Annotated[list[UUID], msgspec.Meta(max_length=MAX_MEMBERS)] = []


class CodeState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    is_active: bool


class Made(msgspec.Struct, frozen=True):
    """How many codes were made."""

    made: int


@get("/admin/promotions/{promotion_id:uuid}/codes", permission="read_promotions")
async def list_codes(
    ctx: Context,
    carts: Carts,
    promotion_id: UUID,
    q: CodeStart = "",
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[GeneratedCode]:
    """The generated codes of a promotion, in order of making; `q` finds the start of a code."""
    return await carts.coupons(ctx, promotion_id=promotion_id, query=q, limit=limit, cursor=cursor)


@post("/admin/promotions/{promotion_id:uuid}/codes", permission="write_promotions")
async def make_codes(ctx: Context, carts: Carts, promotion_id: UUID, data: NewCodes) -> Made:
    """Generate codes that nobody can guess, all or none."""
    return Made(await carts.make_coupons(ctx, promotion_id=promotion_id, codes=data))


@get("/admin/promotions/{promotion_id:uuid}/codes.csv", permission="read_promotions", timeout_s=None)
async def export_codes(ctx: Context, carts: Carts, promotion_id: UUID) -> Stream:
    """All generated codes of a promotion as a CSV file, as it is read."""
    await carts.coupons(ctx, promotion_id=promotion_id, limit=1)
    ctx = msgspec.structs.replace(ctx, deadline=None)
    headers = {"Content-Disposition": 'attachment; filename="codes.csv"'}
    return Stream(_lines(ctx, carts, promotion_id), media_type="text/csv", headers=headers)


@put("/admin/codes/{code_id:uuid}", permission="write_promotions")
async def set_code(ctx: Context, carts: Carts, code_id: UUID, data: CodeState) -> GeneratedCode:
    """Block one code, or let it work again."""
    return await carts.set_coupon_active(ctx, coupon_id=code_id, is_active=data.is_active)


@get("/admin/promotions/{promotion_id:uuid}/uses", permission="read_promotions")
async def list_uses(
    ctx: Context,
    carts: Carts,
    promotion_id: UUID,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Redemption]:
    """Counted uses of a promotion, the latest first."""
    return await carts.redemptions(ctx, promotion_id=promotion_id, limit=limit, cursor=cursor)


@post("/admin/price-trials", permission="read_promotions", status_code=200, replay=False)
async def try_prices(ctx: Context, carts: Carts, data: TrialBody) -> Explanation:
    """Every price step of a cart that nobody has: what, to whom, where to, when."""
    return await carts.try_prices(ctx, trial=Trial(**{f: getattr(data, f) for f in Trial.__struct_fields__}))


@get("/admin/carts/{cart_id:uuid}/explain", permission="read_orders")
async def explain_any_cart(ctx: Context, carts: Carts, cart_id: UUID) -> Explanation:
    """Every price step of a shopper's cart; of a completed one as it was priced then."""
    return await carts.explain_cart(ctx, cart_id=cart_id)


@get("/admin/price-lists", permission="read_promotions")
async def list_price_lists(ctx: Context, carts: Carts) -> Page[PriceList]:
    """All price lists, highest priority first."""
    return whole_page(await carts.price_lists(ctx))


@post("/admin/price-lists", permission="write_promotions")
async def create_price_list(ctx: Context, carts: Carts, data: PriceListBody) -> PriceList:
    """A new price list, without prices."""
    return await carts.save_price_list(ctx, price_list=as_stored(PriceList, data, None))


@put("/admin/price-lists/{list_id:uuid}", permission="write_promotions")
async def replace_price_list(ctx: Context, carts: Carts, list_id: UUID, data: PriceListBody) -> PriceList:
    """Replace a price list, but not its prices; 409 when `version` is no longer the current one."""
    return await carts.save_price_list(ctx, price_list=as_stored(PriceList, data, list_id))


@delete("/admin/price-lists/{list_id:uuid}", permission="write_promotions")
async def delete_price_list(ctx: Context, carts: Carts, list_id: UUID) -> None:
    """Delete a price list with its prices."""
    await carts.delete_price_list(ctx, price_list_id=list_id)


@get("/admin/price-lists/{list_id:uuid}/prices", permission="read_promotions")
async def list_prices(
    ctx: Context, carts: Carts, list_id: UUID, limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[ListPrice]:
    """The prices of a list by variant and number of units."""
    return await carts.price_entries(ctx, price_list_id=list_id, limit=limit, cursor=cursor)


@put("/admin/price-lists/{list_id:uuid}/prices", permission="write_promotions", status_code=204)
async def set_prices(ctx: Context, carts: Carts, list_id: UUID, data: ListPrices) -> None:
    """Add prices; one of the same variant and number of units is replaced."""
    await carts.set_prices(ctx, price_list_id=list_id, entries=data.prices)


@delete("/admin/price-lists/{list_id:uuid}/prices/{variant_id:uuid}", permission="write_promotions")
async def remove_price(
    ctx: Context, carts: Carts, list_id: UUID, variant_id: UUID, min_quantity: FromUnits = 1
) -> None:
    """Take one price out of a list."""
    await carts.remove_price(ctx, price_list_id=list_id, variant_id=variant_id, min_quantity=min_quantity)


@get("/admin/customer-groups", permission="read_customers")
async def list_groups(ctx: Context, carts: Carts) -> Page[CustomerGroup]:
    """All customer groups by name."""
    return whole_page(await carts.customer_groups(ctx))


@post("/admin/customer-groups", permission="write_customers")
async def create_group(ctx: Context, carts: Carts, data: CustomerGroupBody) -> CustomerGroup:
    """A new customer group, without members."""
    return await carts.save_customer_group(ctx, group=as_stored(CustomerGroup, data, None))


@put("/admin/customer-groups/{group_id:uuid}", permission="write_customers")
async def replace_group(ctx: Context, carts: Carts, group_id: UUID, data: CustomerGroupBody) -> CustomerGroup:
    """Replace a customer group, but not its members; 409 when `version` is no longer the current one."""
    return await carts.save_customer_group(ctx, group=as_stored(CustomerGroup, data, group_id))


@delete("/admin/customer-groups/{group_id:uuid}", permission="write_customers")
async def delete_group(ctx: Context, carts: Carts, group_id: UUID) -> None:
    """Delete a customer group that no promotion and no price list is for."""
    await carts.delete_customer_group(ctx, group_id=group_id)


@get("/admin/customer-groups/{group_id:uuid}/members", permission="read_customers")
async def list_members(
    ctx: Context, carts: Carts, group_id: UUID, limit: ListLimit = DEFAULT_LIMIT, cursor: ListCursor = None
) -> Page[UUID]:
    """The accounts of a group."""
    return await carts.group_members(ctx, group_id=group_id, limit=limit, cursor=cursor)


@put("/admin/customer-groups/{group_id:uuid}/members", permission="write_customers", status_code=204)
async def set_members(ctx: Context, carts: Carts, group_id: UUID, data: Members) -> None:
    """Let accounts join and leave."""
    await carts.set_members(ctx, group_id=group_id, add=data.add, remove=data.remove)


async def _lines(ctx: Context, carts: Carts, promotion_id: UUID) -> AsyncIterator[str]:
    """The file in pieces of a page each: constant memory, however many codes there are."""
    cursor: str | None = None
    heading = [("code", "batch", "used", "usage_limit", "is_active")]
    while True:
        found = await carts.coupons(ctx, promotion_id=promotion_id, limit=MAX_LIMIT, cursor=cursor)
        buffer = io.StringIO(newline="")
        rows = [
            (o.code, o.batch, o.used, o.usage_limit or "", "yes" if o.is_active else "no")
            for o in found.items
        ]
        csv.writer(buffer).writerows([guarded(cell) for cell in row] for row in (*heading, *rows))
        yield buffer.getvalue()
        if found.next_cursor is None:
            return
        cursor, heading = found.next_cursor, []


routes = [
    list_codes, make_codes, export_codes, set_code, list_uses, try_prices, explain_any_cart,
    list_price_lists, create_price_list, replace_price_list, delete_price_list,
    list_prices, set_prices, remove_price,
    list_groups, create_group, replace_group, delete_group, list_members, set_members,
]  # fmt: skip
