"""Settings of the channel: where it sells, how prices and times are meant, when money is taken."""

from typing import Any

import msgspec
from litestar import Response, get, post

from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, one_of
from mercato.admin.typed import Typed
from mercato.contracts.catalog import CaptureMode, Catalog, Channel
from mercato.kernel.errors import Conflict, Invalid, MercatoError
from mercato.kernel.money import Money, to_decimal

PATH = "/admin/channel"
MOST_UNPAID_DAYS = 365
CAPTURES = (
    (CaptureMode.AUTOMATIC.value, "At once, when the order is placed"),
    (CaptureMode.MANUAL.value, "When staff captures it"),
)


@get(PATH, permission="read_settings")
async def show_channel(desk: Desk, catalog: Catalog) -> Response[str]:
    """The settings of this channel."""
    channel = await catalog.channel(desk.ctx, code=desk.ctx.channel)
    return await _page(desk, channel)


@post(PATH, permission="write_settings")
async def save_channel(desk: Desk, catalog: Catalog, data: FormData) -> Response[str]:
    """Change the channel; its code and its currency stay."""
    before = await catalog.channel(desk.ctx, code=desk.ctx.channel)
    typed = Typed(data, currency=before.currency)
    try:
        await catalog.save_channel(desk.ctx, channel=_channel(typed, before))
    except (Invalid, Conflict) as error:
        return await _page(desk, before, error=error, typed=data)
    return desk.done(PATH, "saved")


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
    desk: Desk, channel: Channel, *, error: MercatoError | None = None, typed: dict[str, Any] | None = None
) -> Response[str]:
    return await desk.page(
        "admin/channel.html",
        PATH,
        {
            "channel": channel,
            "typed": Typed(_as_typed(channel) if typed is None else typed),
            "captures": CAPTURES,
            "may_write": desk.ctx.principal.may("write_settings"),
            "sees_stock": desk.ctx.principal.may("read_stock"),
        },
        error=error,
    )


routes = [show_channel, save_channel]
