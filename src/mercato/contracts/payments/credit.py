"""Gift cards and store credit: balances that pay for orders."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Email, Limit, Page, ShortText, Version
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent

GiftCardCode = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Value = Annotated[int, msgspec.Meta(ge=1, le=10_000_000_00)]
"""Minor units that a card or a grant may be worth."""


MAX_GIFT_MESSAGE = 500
"""Letters that the buyer of a gift card may write to its recipient."""


class CreditKind(StrEnum):
    """Also the provider of the payments made with it."""

    GIFT_CARD = "gift_card"
    STORE_CREDIT = "store_credit"


class GiftCardStatus(StrEnum):
    """Derived: a card may be used while it is active."""

    ACTIVE = "active"
    USED_UP = "used_up"
    DISABLED = "disabled"
    EXPIRED = "expired"


class CreditBalance(msgspec.Struct, frozen=True, gc=False):
    """What may be paid with a gift card or a customer's store credit. `available` leaves out what is held
    for checkouts that are being paid; `refusal` says why it cannot be used: disabled, expired."""

    account_id: UUID
    kind: CreditKind
    label: str
    """How shoppers know it: "Gift card •••• 7KQ2"."""
    available: Money
    expires_at: datetime | None = None
    refusal: str | None = None


class CreditUse(msgspec.Struct, frozen=True, gc=False):
    """A part of an order that is paid from a balance, in minor units of the order's currency."""

    account_id: UUID
    kind: CreditKind
    label: str
    amount: int


class CreditEntry(msgspec.Struct, frozen=True, gc=False):
    """A change of a balance: issued, spent, returned, adjusted, expired, canceled because its price goes
    back, or reinstated because it does not after all. `amount` is signed."""

    id: UUID
    kind: str
    amount: Money
    balance_after: Money
    order_id: UUID | None
    reason: str
    actor: str
    at: datetime


class GiftCard(msgspec.Struct, frozen=True):
    """A card as staff sees it; its code is known to nobody but its owner."""

    id: UUID
    label: str
    status: GiftCardStatus
    initial: Money
    balance: Money
    held: Money
    recipient: str | None
    note: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    version: int
    order_id: UUID | None = None
    """The order that bought it."""


class GiftCardHistory(msgspec.Struct, frozen=True):
    card: GiftCard
    entries: list[CreditEntry]
    """Newest first, at most 200."""


class IssuedGiftCard(msgspec.Struct, frozen=True):
    """`code` is told once: only its digest is kept. A request that is repeated under its idempotency key gets
    the card without it."""

    card: GiftCard
    code: str | None


class StoreCredit(msgspec.Struct, frozen=True):
    """A customer's balance in one currency, with its latest changes, newest first, at most 50."""

    account_id: UUID
    customer_id: UUID
    balance: Money
    held: Money
    entries: list[CreditEntry]


class SoldCard(msgspec.Struct, frozen=True, kw_only=True):
    """A gift card that an order bought: unit `number` of the line `line_id`; `value` in minor units."""

    line_id: UUID
    number: int
    value: Value
    currency: str
    recipient: Email
    message: Annotated[str, msgspec.Meta(max_length=MAX_GIFT_MESSAGE)] = ""
    """What the buyer writes to the recipient: plain text."""
    locale: str = "en"


class Crediting(Protocol):
    """Balances: read by carts and their owners, held and spent by `pay`, issued and adjusted by staff."""

    @idempotent
    async def gift_card_by_code(self, ctx: Context, *, code: GiftCardCode) -> CreditBalance:
        """What is on a card, for whoever has its code. Raises NotFound("gift_card_unknown")."""

    @idempotent
    async def credit_balances(
        self, ctx: Context, *, account_ids: list[UUID], customer_id: UUID | None, currency: str
    ) -> list[CreditBalance]:
        """The accounts named, in that order, then the customer's store credit in `currency`. System only."""

    @idempotent
    async def release_credit(self, ctx: Context, *, order_id: UUID, attempt: int) -> None:
        """Drop what an attempt that came to nothing holds of balances. System only."""

    @idempotent
    async def my_store_credit(self, ctx: Context) -> list[StoreCredit]:
        """Of the signed-in customer, one per currency."""

    async def issue_gift_card(
        self,
        ctx: Context,
        *,
        value: Value,
        currency: str,
        expires_at: datetime | None = None,
        recipient: Email | None = None,
        note: ShortText = "",
    ) -> IssuedGiftCard:
        """Needs `write_gift_cards`. With a recipient, the code is mailed there as well. The same idempotency
        key issues one card. Raises Conflict("idempotency_mismatch")."""

    @idempotent
    async def issue_sold_card(self, ctx: Context, *, order_id: UUID, card: SoldCard) -> GiftCard:
        """Issue and mail a card that was bought, once for its line and number; one that `disable_sold_cards`
        has canceled is valid again, under its old code. System only."""

    @idempotent
    async def sold_cards(self, ctx: Context, *, order_id: UUID) -> list[GiftCard]:
        """The cards that an order bought, oldest first, at most 500. Needs `read_gift_cards`."""

    @idempotent
    async def disable_sold_cards(self, ctx: Context, *, order_id: UUID, line_id: UUID | None = None) -> None:
        """The cards that an order (or a line of it) bought cannot be used any more, and nothing is on them:
        its money goes back. Raises Conflict("gift_card_spent") and disables none when one has been used.
        System only."""

    @idempotent
    async def gift_cards(
        self,
        ctx: Context,
        *,
        query: str = "",
        status: GiftCardStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[GiftCard]:
        """Needs `read_gift_cards`, newest first. `query` finds the end of the code, recipient and note."""

    @idempotent
    async def gift_card(self, ctx: Context, *, card_id: UUID) -> GiftCardHistory:
        """Needs `read_gift_cards`."""

    async def change_gift_card(
        self,
        ctx: Context,
        *,
        card_id: UUID,
        version: Version,
        is_active: bool,
        expires_at: datetime | None = None,
        note: ShortText = "",
    ) -> GiftCard:
        """Needs `write_gift_cards`. Raises Conflict: version_conflict, gift_card_canceled; NotFound."""

    async def adjust_gift_card(
        self, ctx: Context, *, card_id: UUID, change: int, reason: ShortText
    ) -> GiftCard:
        """Needs `write_gift_cards`: `change` minor units more or less, once per idempotency key.
        Raises Conflict: balance_too_small, gift_card_canceled; NotFound."""

    @idempotent
    async def store_credit(self, ctx: Context, *, customer_id: UUID) -> list[StoreCredit]:
        """Needs `read_gift_cards`: a customer's balances, one per currency."""

    async def adjust_store_credit(
        self, ctx: Context, *, customer_id: UUID, currency: str, change: int, reason: ShortText
    ) -> StoreCredit:
        """Needs `write_gift_cards`: grant (or take back) store credit, once per idempotency key.
        Raises Conflict("balance_too_small")."""
