"""Promotions: the list, the editor, generated codes and uses."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, errors_by_field
from mercato.admin.lists import turns
from mercato.admin.promotion_form import (
    NEW,
    REWARDS,
    SCOPES,
    PromotionFields,
    fields_of,
    fields_typed,
    has_box,
    promotion_typed,
    reward_words,
)
from mercato.admin.shell import price_tabs
from mercato.admin.typed import Typed
from mercato.contracts.carts import MAX_CODES, Carts, CustomerGroup, NewCodes, Promotion
from mercato.contracts.catalog import Catalog, Channel
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError, NotFound
from mercato.kernel.money import Money

PATH = "/admin/promotions"
SHOWN_CODES, SHOWN_USES = 25, 10


@get(PATH, permission="read_promotions")
async def list_promotions(desk: Desk, carts: Carts, catalog: Catalog) -> Response[str]:
    """All promotions, the highest priority first."""
    found = await carts.promotions(desk.ctx)
    codes = {one.channel for one in found}
    currencies = {code: await _currency(desk.ctx, catalog, code) for code in codes}
    return await desk.page(
        "admin/promotions.html",
        PATH,
        {
            "tabs": price_tabs(desk.ctx, PATH),
            "promotions": found,
            "gives": {one.id: reward_words(one, currencies[one.channel], desk.ctx.locale) for one in found},
            "state_of": _state_of,
            "now": clock.now(),
            "may_write": desk.ctx.principal.may_somewhere("write_promotions"),
        },
    )


@get(PATH + "/new", permission="write_promotions")
async def new_promotion(desk: Desk, carts: Carts, catalog: Catalog) -> Response[str]:
    """The empty form."""
    channel = await _channel(desk.ctx, catalog, desk.ctx.channel)
    fields = await fields_of(desk.ctx, catalog, NEW, channel)
    return await _form(desk, carts, catalog, msgspec.structs.replace(NEW, channel=channel.code), fields)


@post(PATH, permission="write_promotions")
async def create_promotion(desk: Desk, carts: Carts, catalog: Catalog, data: FormData) -> Response[str]:
    """Store what was typed."""
    base = msgspec.structs.replace(NEW, channel=desk.ctx.channel)
    return await _save(desk, carts, catalog, base, data)


@get(PATH + "/{promotion_id:uuid}", permission="read_promotions")
async def show_promotion(
    desk: Desk, carts: Carts, catalog: Catalog, promotion_id: UUID, cursor: str | None = None
) -> Response[str]:
    """One promotion with its codes and latest uses."""
    promotion = await _promotion(desk.ctx, carts, promotion_id)
    fields = await fields_of(
        desk.ctx, catalog, promotion, await _channel(desk.ctx, catalog, promotion.channel)
    )
    return await _form(desk, carts, catalog, promotion, fields, cursor=cursor)


@post(PATH + "/{promotion_id:uuid}", permission="write_promotions")
async def save_promotion(
    desk: Desk, carts: Carts, catalog: Catalog, promotion_id: UUID, data: FormData
) -> Response[str]:
    """Store the next version."""
    base = await _promotion(desk.ctx, carts, promotion_id)
    return await _save(desk, carts, catalog, base, data)


@post(PATH + "/{promotion_id:uuid}/deletion", permission="write_promotions")
async def delete_promotion(desk: Desk, carts: Carts, promotion_id: UUID) -> Response[str]:
    """Delete it with its codes."""
    await carts.delete_promotion(desk.ctx, promotion_id=promotion_id)
    return desk.done(PATH, "promotion_deleted")


@post(PATH + "/{promotion_id:uuid}/codes", permission="write_promotions")
async def make_codes(
    desk: Desk, carts: Carts, catalog: Catalog, promotion_id: UUID, data: FormData
) -> Response[str]:
    """Generate codes."""
    typed = Typed(data)
    try:
        codes = {
            "count": typed.whole("count", least=1, most=MAX_CODES) or 1,
            "prefix": typed.text("prefix", 20),
            "length": typed.whole("length", least=6, most=20) or 8,
            "usage_limit": typed.whole("code_limit", least=1),
            "batch": typed.text("batch", 80),
        }
        typed.refuse()
        await carts.make_coupons(desk.ctx, promotion_id=promotion_id, codes=_codes(codes))
    except (Invalid, Conflict) as error:
        promotion = await _promotion(desk.ctx, carts, promotion_id)
        fields = await fields_of(
            desk.ctx, catalog, promotion, await _channel(desk.ctx, catalog, promotion.channel)
        )
        return await _form(desk, carts, catalog, promotion, fields, error=error, typed=data)
    return desk.done(f"{PATH}/{promotion_id}", "codes_made")


@post(PATH + "/{promotion_id:uuid}/codes/{code_id:uuid}", permission="write_promotions")
async def set_code(
    desk: Desk, carts: Carts, promotion_id: UUID, code_id: UUID, data: FormData
) -> Response[str]:
    """Block a code, or let it work again."""
    is_active = Typed(data).text("is_active") == "1"
    await carts.set_coupon_active(desk.ctx, coupon_id=code_id, is_active=is_active)
    return desk.done(f"{PATH}/{promotion_id}", "saved")


async def _save(
    desk: Desk, carts: Carts, catalog: Catalog, base: Promotion, data: dict[str, Any]
) -> Response[str]:
    try:
        channel = await _channel(desk.ctx, catalog, base.channel)
        typed = await promotion_typed(desk.ctx, catalog, data, channel, base)
        saved = await carts.save_promotion(desk.ctx, promotion=typed)
    except (Invalid, Conflict) as error:
        return await _form(desk, carts, catalog, base, fields_typed(data), error=error)
    return desk.done(f"{PATH}/{saved.id}", "saved")


async def _form(
    desk: Desk,
    carts: Carts,
    catalog: Catalog,
    promotion: Promotion,
    fields: PromotionFields,
    *,
    cursor: str | None = None,
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    channel = await _channel(desk.ctx, catalog, promotion.channel)
    codes = uses = None
    if promotion.id is not None:
        codes = await carts.coupons(desk.ctx, promotion_id=promotion.id, limit=SHOWN_CODES, cursor=cursor)
        uses = await carts.redemptions(desk.ctx, promotion_id=promotion.id, limit=SHOWN_USES)
    here = f"{PATH}/{promotion.id}"
    return await desk.page(
        "admin/promotion.html",
        PATH,
        {
            "promotion": promotion,
            "channel": channel,
            "fields": fields,
            "minor": lambda amount: Money(amount, channel.currency),
            "has_box": has_box,
            "rewards": REWARDS,
            "scopes": SCOPES,
            "categories": await catalog.categories(desk.ctx),
            "collections": await catalog.collections(desk.ctx),
            "groups": await _groups(desk.ctx, carts),
            "codes": codes,
            "uses": uses,
            "typed": typed or {},
            "max_codes": MAX_CODES,
            **turns(here, codes, cursor),
            "error": error.detail if error is not None else "",
            "errors": errors_by_field(error),
            "problems": error.errors if error is not None else [],
            "may_write": desk.ctx.principal.may_in("write_promotions", promotion.channel),
        },
        error=error,
    )


def _codes(values: dict[str, Any]) -> NewCodes:
    try:
        return msgspec.convert(values, NewCodes)
    except msgspec.ValidationError:
        raise Invalid(
            detail="A prefix has letters, digits and hyphens, and begins with a letter or digit."
        ) from None


async def _promotion(ctx: Context, carts: Carts, promotion_id: UUID) -> Promotion:
    found = next((one for one in await carts.promotions(ctx) if one.id == promotion_id), None)
    if found is None:
        raise NotFound(detail="There is no such promotion.")
    return found


async def _groups(ctx: Context, carts: Carts) -> list[CustomerGroup]:
    """For the boxes; who may not see customers cannot tick them."""
    return await carts.customer_groups(ctx) if ctx.principal.may("read_customers") else []


async def _channel(ctx: Context, catalog: Catalog, code: str) -> Channel:
    return await catalog.channel(ctx, code=code)


async def _currency(ctx: Context, catalog: Catalog, code: str) -> str:
    """Of a promotion's channel; that of nothing for a channel that is gone, so that the list still opens."""
    try:
        return (await catalog.channel(ctx, code=code)).currency
    except NotFound:
        return "XXX"


def _state_of(promotion: Promotion, now: datetime) -> tuple[str, str]:
    """(words, kind of badge)."""
    if not promotion.is_active:
        return "Off", "neutral"
    if promotion.ends_at is not None and promotion.ends_at <= now:
        return "Ended", "neutral"
    if promotion.starts_at is not None and promotion.starts_at > now:
        return "Planned", "info"
    if promotion.usage_limit is not None and promotion.used >= promotion.usage_limit:
        return "Used up", "warn"
    if promotion.budget is not None and promotion.spent >= promotion.budget:
        return "Budget spent", "warn"
    return "Running", "ok"


routes = [
    list_promotions, new_promotion, create_promotion, show_promotion, save_promotion, delete_promotion,
    make_codes, set_code,
]  # fmt: skip
