"""Rules of carts without I/O: allowed moves, merging lines, custom data, delivery promises."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import msgspec

from mercato.contracts.carts import CartStatus
from mercato.contracts.catalog import SaleVariant
from mercato.contracts.stock import Availability, AvailableUnits
from mercato.kernel.errors import Conflict, FieldError, Invalid

MAX_QUANTITY: Final = 10_000
MAX_COUPONS: Final = 5
MAX_CUSTOM_ENTRIES: Final = 10
MAX_CUSTOM_KEY: Final = 50
MAX_CUSTOM_VALUE: Final = 500
MAX_EMAIL: Final = 254
MAX_MAILBOX: Final = 64
"""Letters of an e-mail address, and of the part before its @ (RFC 5321)."""
EMAIL_TEXT: Final = "Enter an e-mail address, like name@example.com."
LIFETIME: Final = timedelta(days=30)
RENEWAL_MARGIN: Final = timedelta(days=1)
"""The expiry is moved only when it is this much older: most edits then leave its index alone."""

COUPON_TEXTS: Final = {
    "used_by_customer": "You have used this code as often as one may.",
    "budget_spent": "What is left for this code does not cover this cart.",
    "too_few": "There is too little in the cart for this code.",
    "other_customers": "This code is for other customers.",
    "not_first_order": "This code is for first orders.",
    "other_country": "This code does not apply to your country.",
    "not_combinable": "This code cannot be combined with another offer on this cart.",
    "excluded": "This code cannot be combined with another offer on this cart.",
    "already_applied": "A code for the same offer is on this cart already.",
    "gift_unavailable": "The gift of this code is out of stock.",
    "unknown": "There is no such code.",
    "inactive": "This code is not valid at the moment.",
    "not_started": "This code is not valid yet.",
    "ended": "This code has expired.",
    "used_up": "This code has been used up.",
    "below_minimum": "The cart is below the minimum for this code.",
    "no_matching_lines": "Nothing in the cart is covered by this code.",
    "nothing_left": "There is nothing left to take off.",
    "too_many": f"At most {MAX_COUPONS} codes fit on one cart.",
    "needs_code": "This code gives nothing here.",
}
"""What shoppers are told of a code that gives nothing, by the reason."""

ALLOWED: Final[Mapping[CartStatus, frozenset[CartStatus]]] = {
    CartStatus.OPEN: frozenset({CartStatus.COMPLETING, CartStatus.ABANDONED}),
    CartStatus.COMPLETING: frozenset({CartStatus.OPEN, CartStatus.COMPLETED}),
    CartStatus.COMPLETED: frozenset(),
    CartStatus.ABANDONED: frozenset(),
}
"""Which status may follow which."""


class LineState(msgspec.Struct, frozen=True, gc=False):
    """A line as stored. `price_seen` is the list price the shopper saw when the line was last edited."""

    id: UUID
    variant_id: UUID
    quantity: int
    custom: dict[str, str] | None
    price_seen: int | None


def custom_hash(custom: Mapping[str, str] | None) -> bytes:
    """What tells two lines of one variant apart; empty without custom data."""
    if not custom:
        return b""
    return hashlib.sha256(msgspec.json.encode(dict(custom), order="deterministic")).digest()


def check_custom(custom: Mapping[str, str] | None) -> None:
    """Raise Invalid when custom data is more than a few short texts."""
    if not custom:
        return
    too_long = any(len(k) > MAX_CUSTOM_KEY or len(v) > MAX_CUSTOM_VALUE for k, v in custom.items())
    if len(custom) > MAX_CUSTOM_ENTRIES or too_long:
        message = f"At most {MAX_CUSTOM_ENTRIES} entries of {MAX_CUSTOM_VALUE} characters."
        raise Invalid(detail=message, errors=[FieldError("custom", "too_large", message)])


def is_email(text: str) -> bool:
    """Whether it has the shape of an address; only a mail proves that it is one."""
    mailbox, _, domain = text.rpartition("@")
    is_tidy = text.isprintable() and not any(letter.isspace() for letter in text)
    return is_tidy and 0 < len(mailbox) <= MAX_MAILBOX and "@" not in mailbox and "." in domain.strip(".")


def check_recipient(custom: Mapping[str, str] | None, field: str) -> None:
    """Raise Invalid when custom data names a recipient of a gift card whom no mail can reach."""
    recipient = (custom or {}).get("recipient", "").strip()
    if recipient and not (len(recipient) <= MAX_EMAIL and is_email(recipient)):
        raise Invalid(detail=EMAIL_TEXT, errors=[FieldError(field, "email_invalid", EMAIL_TEXT)])


def demand_of(lines: Sequence[LineState], variant_id: UUID) -> int:
    """Units of a variant over all lines."""
    return sum(line.quantity for line in lines if line.variant_id == variant_id)


def with_endless(
    units: Mapping[UUID, AvailableUnits], variants: Mapping[UUID, SaleVariant]
) -> Mapping[UUID, AvailableUnits]:
    """Gift cards never run out: nothing of them is in stock."""
    endless = [variant_id for variant_id, variant in variants.items() if variant.is_gift_card]
    if not endless:
        return units
    return {**units, **{one: AvailableUnits(one, MAX_QUANTITY, Availability.IN_STOCK) for one in endless}}


def most_of(units: AvailableUnits | None) -> int | None:
    """How many units a cart may hold; None when they are sold beyond what is there."""
    if units is None:
        return 0
    return None if units.availability is Availability.BACKORDER else max(units.available, 0)


def insufficient_stock(variant_id: UUID, most: int, in_cart: int) -> Conflict:
    """The refusal of more units than there are, when `in_cart` are in other places of the cart."""
    if most == 0:
        text = "This is sold out."
    else:
        text = f"Only {most} left." + (f" You have {in_cart} in the cart already." if in_cart else "")
    data = {"variant_id": str(variant_id), "available": most, "in_cart": in_cart}
    return Conflict("insufficient_stock", text, data=data)
