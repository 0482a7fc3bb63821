"""REST routes of gift cards and store credit."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, patch, post
from litestar.params import QueryParameter

from mercato.contracts.payments import (
    CreditBalance,
    GiftCard,
    GiftCardCode,
    GiftCardHistory,
    GiftCardStatus,
    IssuedGiftCard,
    Payments,
    StoreCredit,
)
from mercato.contracts.payments.credit import Value
from mercato.contracts.shared import DEFAULT_LIMIT, Email, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, SIGNED_IN, ListCursor, ListLimit

Currency = Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
Change = Annotated[int, msgspec.Meta(ge=-10_000_000_00, le=10_000_000_00)]
Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class GiftCardInquiry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: GiftCardCode


class NewGiftCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`value` in minor units of `currency`; with a recipient, the code is mailed there."""

    value: Value
    currency: Currency
    expires_at: datetime | None = None
    recipient: Email | None = None
    note: ShortText = ""


class GiftCardChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: Version
    is_active: bool
    expires_at: datetime | None = None
    note: ShortText = ""


class GiftCardAdjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`change` minor units more (or less, when negative)."""

    change: Change
    reason: Reason


class CreditAdjustment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    currency: Currency
    change: Change
    reason: Reason


@post("/gift-cards/balance", permission=PUBLIC, status_code=200)
async def gift_card_balance(ctx: Context, payments: Payments, data: GiftCardInquiry) -> CreditBalance:
    """What is on a gift card. The code travels in the body: addresses end in logs."""
    return await payments.gift_card_by_code(ctx, code=data.code)


@get("/me/store-credit", permission=SIGNED_IN)
async def my_store_credit(ctx: Context, payments: Payments) -> Page[StoreCredit]:
    """The store credit of the signed-in customer, one per currency, with its latest changes."""
    found = await payments.my_store_credit(ctx)
    return Page(found, None, len(found))


Query = Annotated[
    str, QueryParameter(name="q", max_length=100, description="End of the code, recipient, note.")
]
StatusFilter = Annotated[GiftCardStatus | None, QueryParameter(name="status")]


@get("/admin/gift-cards", permission="read_gift_cards")
async def list_gift_cards(
    ctx: Context,
    payments: Payments,
    q: Query = "",
    status: StatusFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[GiftCard]:
    """Gift cards, newest first."""
    return await payments.gift_cards(ctx, query=q, status=status, limit=limit, cursor=cursor)


@post("/admin/gift-cards", permission="write_gift_cards", replay=False)
async def issue_gift_card(ctx: Context, payments: Payments, data: NewGiftCard) -> IssuedGiftCard:
    """Issue a card. Its code is in this answer and nowhere else: a repeated request gets the card alone."""
    return await payments.issue_gift_card(
        ctx, value=data.value, currency=data.currency, expires_at=data.expires_at, recipient=data.recipient,
        note=data.note,
    )  # fmt: skip


@get("/admin/gift-cards/{card_id:uuid}", permission="read_gift_cards")
async def get_gift_card(ctx: Context, payments: Payments, card_id: UUID) -> GiftCardHistory:
    """A card with every change of its balance."""
    return await payments.gift_card(ctx, card_id=card_id)


@patch("/admin/gift-cards/{card_id:uuid}", permission="write_gift_cards")
async def change_gift_card(
    ctx: Context, payments: Payments, card_id: UUID, data: GiftCardChanges
) -> GiftCard:
    """Disable or enable a card, move its end, note something;
    409 `version_conflict`, `gift_card_canceled`."""
    return await payments.change_gift_card(
        ctx, card_id=card_id, version=data.version, is_active=data.is_active, expires_at=data.expires_at,
        note=data.note,
    )  # fmt: skip


@post("/admin/gift-cards/{card_id:uuid}/adjustments", permission="write_gift_cards")
async def adjust_gift_card(
    ctx: Context, payments: Payments, card_id: UUID, data: GiftCardAdjustment
) -> GiftCard:
    """Put something on a card or take it off, with a reason;
    409 `balance_too_small`, `gift_card_canceled`."""
    return await payments.adjust_gift_card(ctx, card_id=card_id, change=data.change, reason=data.reason)


@get("/admin/customers/{customer_id:uuid}/store-credit", permission="read_gift_cards")
async def customer_store_credit(ctx: Context, payments: Payments, customer_id: UUID) -> Page[StoreCredit]:
    """A customer's store credit, one per currency."""
    found = await payments.store_credit(ctx, customer_id=customer_id)
    return Page(found, None, len(found))


@post("/admin/customers/{customer_id:uuid}/store-credit", permission="write_gift_cards")
async def adjust_store_credit(
    ctx: Context, payments: Payments, customer_id: UUID, data: CreditAdjustment
) -> StoreCredit:
    """Grant store credit, or take it back, with a reason. 409 `balance_too_small`."""
    return await payments.adjust_store_credit(
        ctx, customer_id=customer_id, currency=data.currency, change=data.change, reason=data.reason
    )


routes = [
    gift_card_balance, my_store_credit, list_gift_cards, issue_gift_card, get_gift_card, change_gift_card,
    adjust_gift_card, customer_store_credit, adjust_store_credit,
]  # fmt: skip
