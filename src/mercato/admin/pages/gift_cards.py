"""Gift cards and store credit: issue, look at, change; a code is shown once."""

from datetime import UTC, date, datetime
from datetime import time as time_of_day
from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, money, one_of, text, whole
from mercato.admin.lists import turns
from mercato.contracts.catalog import Catalog
from mercato.contracts.payments import GiftCardStatus, IssuedGiftCard, Payments
from mercato.contracts.users import Users
from mercato.kernel.errors import Conflict, FieldError, Invalid, MercatoError

PATH = "/admin/gift-cards"
LIMIT = 50
PRIVATE = {"Cache-Control": "no-store"}
DIRECTIONS = (("1", "Add"), ("-1", "Take off"))
LARGEST = 10_000_000_00


@get(PATH, permission="read_gift_cards")
async def list_gift_cards(
    desk: Desk, payments: Payments, catalog: Catalog, q: str = "", status: str = "", cursor: str | None = None
) -> Response[str]:
    """All cards, newest first, and the form for another one."""
    return await _list(desk, payments, catalog, q=q[:100], status=status, cursor=cursor)


@post(PATH, permission="write_gift_cards", replay=False)
async def issue_gift_card(desk: Desk, payments: Payments, catalog: Catalog, data: FormData) -> Response[str]:
    """Issue a card and show its code, this once."""
    try:
        channel = await catalog.channel(desk.ctx, code=desk.ctx.channel)
        value = money(data, "value", channel.currency)
        if value is None or not 0 < value.amount <= LARGEST:
            raise _wrong("value", "Enter what the card is worth.")
        issued = await payments.issue_gift_card(
            desk.ctx, value=value.amount, currency=value.currency, expires_at=_end_of(data, "expires"),
            recipient=_recipient(data), note=text(data, "note")[:200],
        )  # fmt: skip
    except (Invalid, Conflict) as error:
        return await _list(desk, payments, catalog, typed=data, error=error)
    return await _list(desk, payments, catalog, issued=issued)


@get(PATH + "/{card_id:uuid}", permission="read_gift_cards")
async def show_gift_card(desk: Desk, payments: Payments, card_id: UUID) -> Response[str]:
    """A card with every change of its balance."""
    return await _card(desk, payments, card_id)


@post(PATH + "/{card_id:uuid}", permission="write_gift_cards")
async def change_gift_card(desk: Desk, payments: Payments, card_id: UUID, data: FormData) -> Response[str]:
    """Disable or enable it, move its end, note something."""
    try:
        await payments.change_gift_card(
            desk.ctx, card_id=card_id, version=whole(data, "version", least=1) or 1,
            is_active=text(data, "is_active") == "1", expires_at=_end_of(data, "expires"),
            note=text(data, "note")[:200],
        )  # fmt: skip
    except (Invalid, Conflict) as error:
        return await _card(desk, payments, card_id, typed=data, error=error)
    return desk.done(f"{PATH}/{card_id}", "card_changed")


@post(PATH + "/{card_id:uuid}/adjustments", permission="write_gift_cards")
async def adjust_gift_card(desk: Desk, payments: Payments, card_id: UUID, data: FormData) -> Response[str]:
    """Put something on it or take it off."""
    try:
        card = (await payments.gift_card(desk.ctx, card_id=card_id)).card
        change, reason = _change(data, card.balance.currency)
        await payments.adjust_gift_card(desk.ctx, card_id=card_id, change=change, reason=reason)
    except (Invalid, Conflict) as error:
        return await _card(desk, payments, card_id, typed=data, error=error)
    return desk.done(f"{PATH}/{card_id}", "card_adjusted")


@get("/admin/customers/{customer_id:uuid}/credit", permission="read_gift_cards")
async def show_credit(
    desk: Desk, payments: Payments, catalog: Catalog, users: Users, customer_id: UUID
) -> Response[str]:
    """A customer's store credit."""
    return await _credit(desk, payments, catalog, users, customer_id)


@post("/admin/customers/{customer_id:uuid}/credit", permission="write_gift_cards")
async def adjust_credit(
    desk: Desk, payments: Payments, catalog: Catalog, users: Users, customer_id: UUID, data: FormData
) -> Response[str]:
    """Grant store credit, or take it back."""
    try:
        await users.get_user(desk.ctx, user_id=customer_id)
        channel = await catalog.channel(desk.ctx, code=desk.ctx.channel)
        change, reason = _change(data, channel.currency)
        await payments.adjust_store_credit(
            desk.ctx, customer_id=customer_id, currency=channel.currency, change=change, reason=reason
        )
    except (Invalid, Conflict) as error:
        return await _credit(desk, payments, catalog, users, customer_id, typed=data, error=error)
    return desk.done(f"/admin/customers/{customer_id}/credit", "credit_adjusted")


async def _list(
    desk: Desk,
    payments: Payments,
    catalog: Catalog,
    *,
    q: str = "",
    status: str = "",
    cursor: str | None = None,
    issued: IssuedGiftCard | None = None,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    chosen = one_of(GiftCardStatus, status)
    found = await payments.gift_cards(desk.ctx, query=q, status=chosen, limit=LIMIT, cursor=cursor)
    context = {
        "found": found,
        "issued": issued,
        "q": q,
        "chosen": chosen or "",
        "statuses": words.options(GiftCardStatus, "Any status"),
        "currency": (await catalog.channel(desk.ctx, code=desk.ctx.channel)).currency,
        **turns(PATH, found, cursor, q=q, status=chosen),
    }
    status_code = 201 if issued is not None else 200
    return await _answer(desk, "admin/gift_cards.html", context, typed, error, status=status_code)


async def _card(
    desk: Desk,
    payments: Payments,
    card_id: UUID,
    *,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await payments.gift_card(desk.ctx, card_id=card_id)
    context = {"card": found.card, "entries": found.entries, "directions": DIRECTIONS}
    return await _answer(desk, "admin/gift_card.html", context, typed, error)


async def _credit(
    desk: Desk,
    payments: Payments,
    catalog: Catalog,
    users: Users,
    customer_id: UUID,
    *,
    typed: dict[str, Any] | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    context = {
        "user": await users.get_user(desk.ctx, user_id=customer_id),
        "credits": await payments.store_credit(desk.ctx, customer_id=customer_id),
        "currency": (await catalog.channel(desk.ctx, code=desk.ctx.channel)).currency,
        "directions": DIRECTIONS,
    }
    return await _answer(desk, "admin/store_credit.html", context, typed, error)


async def _answer(
    desk: Desk,
    template: str,
    context: dict[str, Any],
    typed: dict[str, Any] | None,
    error: MercatoError | None,
    *,
    status: int = 200,
) -> Response[str]:
    typed = typed or {}
    names = ("value", "expires", "recipient", "note", "amount", "direction", "reason")
    shared = {
        "may_write": desk.ctx.principal.may("write_gift_cards"),
        "typed": {name: text(typed, name) for name in names},
    }
    return await desk.page(template, PATH, {**shared, **context}, error=error, status=status, headers=PRIVATE)


def _end_of(data: dict[str, Any], name: str) -> datetime | None:
    """The end of the day that was chosen, UTC; None when none was."""
    typed = text(data, name)
    if not typed:
        return None
    try:
        return datetime.combine(date.fromisoformat(typed), time_of_day(23, 59, 59), UTC)
    except ValueError:
        raise _wrong(name, "Choose a day.") from None


def _recipient(data: dict[str, Any]) -> str | None:
    typed = text(data, "recipient")[:254]
    if typed and "@" not in typed[1:-1]:
        raise _wrong("recipient", "Enter an e-mail address.")
    return typed or None


def _change(data: dict[str, Any], currency: str) -> tuple[int, str]:
    """(minor units more or less, why). Raises Invalid."""
    amount, reason = money(data, "amount", currency), text(data, "reason")[:200]
    if amount is None or not 0 < amount.amount <= LARGEST:
        raise _wrong("amount", "Enter how much.")
    if not reason:
        raise _wrong("reason", "Say why: it stays in the history.")
    return (-amount.amount if text(data, "direction") == "-1" else amount.amount), reason


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, "invalid", message)])


routes = [
    list_gift_cards, issue_gift_card, show_gift_card, change_gift_card, adjust_gift_card, show_credit,
    adjust_credit,
]  # fmt: skip
