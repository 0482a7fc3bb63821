"""Settings of the channel: where it sells, how prices and times are meant, when money is taken."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post

from mercato.admin import words
from mercato.admin.forms import FormData, done, one_of, refusal_shown, status_of
from mercato.admin.shell import shell_of
from mercato.admin.typed import Typed
from mercato.contracts.catalog import CaptureMode, Catalog, Channel
from mercato.contracts.orders import Orders
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.kernel.money import Money, to_decimal
from mercato.ui.rendering import page, see_other

PATH = "/admin/channel"
MOST_UNPAID_DAYS = 365
CAPTURES = (
    (CaptureMode.AUTOMATIC.value, "At once, when the order is placed"),
    (CaptureMode.MANUAL.value, "When staff captures it"),
)

AnyRequest = Request[Any, Any, Any]


@get(PATH, permission="read_settings")
async def show_channel(
    ctx: Context, request: AnyRequest, catalog: Catalog, orders: Orders, done: str = ""
) -> Response[str]:
    """The settings of this channel."""
    channel = await catalog.channel(ctx, code=ctx.channel)
    return await _page(ctx, request, catalog, orders, channel, said=words.said(done))


@post(PATH, permission="write_settings")
async def save_channel(
    ctx: Context, request: AnyRequest, catalog: Catalog, orders: Orders, data: FormData
) -> Response[str]:
    """Change the channel; its code and its currency stay."""
    before = await catalog.channel(ctx, code=ctx.channel)
    typed = Typed(data, currency=before.currency)
    try:
        await catalog.save_channel(ctx, channel=_channel(typed, before))
    except (Invalid, Conflict) as error:
        return await _page(ctx, request, catalog, orders, before, error=error, typed=data)
    return see_other(request, done(PATH, "saved"))


def _channel(typed: Typed, before: Channel) -> Channel:
    """What was typed, over what the channel was. Raises Invalid."""
    countries = [word.upper() for word in typed.words("countries")]
    if any(len(code) != 2 or not code.isascii() or not code.isalpha() for code in countries):
        typed.wrong("countries", "Countries are two letters, like NL DE.")
    name, locale = typed.text("name", 120), typed.text("locale", 35)
    for field, value in (("name", name), ("locale", locale)):
        if not value:
            typed.wrong(field, "Fill this in.")
    unpaid_days = typed.whole("unpaid_days", least=1, most=MOST_UNPAID_DAYS)
    proof_above = typed.amount("refund_proof_above")
    typed.refuse()
    return msgspec.structs.replace(
        before,
        name=name,
        locale=locale,
        countries=countries,
        time_zone=typed.text("time_zone", 60) or "UTC",
        prices_include_tax=typed.has("prices_include_tax"),
        is_active=typed.has("is_active"),
        capture=one_of(CaptureMode, typed.text("capture")) or before.capture,
        unpaid_days=unpaid_days,
        refund_proof_above=proof_above,
    )


def _as_typed(channel: Channel) -> dict[str, Any]:
    flags = {name: "1" for name in ("prices_include_tax", "is_active") if getattr(channel, name)}
    above = channel.refund_proof_above
    return {
        "name": channel.name,
        "locale": channel.locale,
        "countries": " ".join(channel.countries),
        "time_zone": channel.time_zone,
        "capture": channel.capture.value,
        "unpaid_days": "" if channel.unpaid_days is None else str(channel.unpaid_days),
        "refund_proof_above": "" if above is None else str(to_decimal(Money(above, channel.currency))),
        **flags,
    }


async def _page(
    ctx: Context,
    request: AnyRequest,
    catalog: Catalog,
    orders: Orders,
    channel: Channel,
    *,
    said: str = "",
    error: MercatoError | None = None,
    typed: dict[str, Any] | None = None,
) -> Response[str]:
    return page(
        request,
        "admin/channel.html",
        {
            "shell": await shell_of(ctx, orders, catalog, PATH),
            "locale": ctx.locale,
            "channel": channel,
            "typed": Typed(_as_typed(channel) if typed is None else typed),
            "captures": CAPTURES,
            "said": said,
            **refusal_shown(error),
            "may_write": ctx.principal.may("write_settings"),
            "sees_stock": ctx.principal.may("read_stock"),
        },
        status=status_of(error) if error is not None else 200,
    )


routes = [show_channel, save_channel]
