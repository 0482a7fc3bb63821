"""Order changes: what happens to an order's contents after the sale. Previewed first, then confirmed."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from mercato.contracts.carts import NewLine
from mercato.contracts.shared import MinorUnits, Quantity, ShortText
from mercato.kernel.money import Money

MAX_CHANGE_LINES = 100


class ChangeKind(StrEnum):
    EDIT = "edit"
    """Units are added, or taken off before they are sent: a partial cancellation."""
    RETURN = "return"
    EXCHANGE = "exchange"
    """Units come back, and others are sent for them."""
    CLAIM = "claim"
    """Something was wrong: replaced or refunded, and nothing has to come back."""


class ChangeStatus(StrEnum):
    DRAFT = "draft"
    """A preview: nothing has happened yet."""
    REQUESTED = "requested"
    """A return that the buyer asked for."""
    APPROVED = "approved"
    """Goods are on their way back."""
    CONFIRMED = "confirmed"
    RECEIVED = "received"
    REFUNDED = "refunded"
    CANCELED = "canceled"


class ChangeAction(StrEnum):
    ADD = "add"
    REMOVE = "remove"
    RETURN = "return"
    CREDIT = "credit"
    """Refunded without coming back."""


class ClaimResolution(StrEnum):
    REPLACEMENT = "replacement"
    REFUND = "refund"


class LineQuantity(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """How many units a line is to have; 0 takes it off."""

    line_id: UUID
    quantity: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


class ReturnLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    line_id: UUID
    quantity: Quantity
    reason: ShortText = ""


class ReceivedLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """What of a return has arrived, and how much of it can be sold again; the rest is written off."""

    line_id: UUID
    received: Annotated[int, msgspec.Meta(ge=0, le=10_000)]
    restocked: Annotated[int, msgspec.Meta(ge=0, le=10_000)]


ReturnLines = Annotated[list[ReturnLine], msgspec.Meta(max_length=MAX_CHANGE_LINES)]


class ChangeInput(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be changed: an edit has `quantities` and `add`, a return `returns`, an exchange `returns`
    and `add`, a claim `returns` (what was wrong) and its `resolution`."""

    kind: ChangeKind
    quantities: Annotated[list[LineQuantity], msgspec.Meta(max_length=MAX_CHANGE_LINES)] = []
    add: Annotated[list[NewLine], msgspec.Meta(max_length=MAX_CHANGE_LINES)] = []
    returns: ReturnLines = []
    resolution: ClaimResolution = ClaimResolution.REPLACEMENT
    reason: ShortText = ""


class ReturnReceipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What came back. Without `lines` everything has arrived and can be sold again."""

    lines: Annotated[list[ReceivedLine], msgspec.Meta(min_length=1, max_length=MAX_CHANGE_LINES)] | None = (
        None
    )
    fee: MinorUnits = 0
    """Kept of the refund, for example for wear; minor units of the order's currency."""
    refund_delivery: bool = False
    """Send back what delivery cost as well."""


class ChangeLine(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One part of a change; `amount` is what it adds to the order or gives back, tax included."""

    action: ChangeAction
    line_id: UUID
    variant_id: UUID
    name: str
    sku: str
    options: dict[str, str]
    quantity: int
    amount: Money
    reason: str = ""
    received: int = 0
    restocked: int = 0


class OrderChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an order. `difference` is what the buyer owes more through it; negative: what goes back."""

    id: UUID
    order_id: UUID
    kind: ChangeKind
    status: ChangeStatus
    lines: list[ChangeLine]
    total_before: Money
    total_after: Money
    credit: Money
    """What is promised back for goods, on top of a smaller total."""
    difference: Money
    reason: str
    created_at: datetime
    created_by: str
    confirmed_at: datetime | None = None
    received_at: datetime | None = None
    closed_at: datetime | None = None
    fee: Money | None = None


class ReturnRow(msgspec.Struct, frozen=True, kw_only=True):
    """A return or an exchange in a list."""

    id: UUID
    kind: ChangeKind
    status: ChangeStatus
    order_id: UUID
    number: str
    email: str
    name: str
    units: int
    credit: Money
    reason: str
    created_at: datetime


Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f,]*$")]
Tags = Annotated[list[Tag], msgspec.Meta(max_length=20)]


class BulkAct(StrEnum):
    """What may be done to many orders at once."""

    TAG = "tag"
    UNTAG = "untag"
    FULFILL = "fulfill"
    """Put everything that is open into parcels."""
    SHIP = "ship"
    """The same, and the parcels leave."""


class BulkOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one order in an act on many."""

    order_id: UUID
    number: str = ""
    """Empty when the order is unknown, or out of the caller's reach."""
    is_done: bool = True
    code: str = ""
    detail: str = ""
