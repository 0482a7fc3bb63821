"""A cart as the shopper sees it, its totals, its problems, and what its price is made of."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

import msgspec

from mercato.contracts.payments.credit import CreditKind, CreditUse
from mercato.contracts.shared import Address, Quantity
from mercato.contracts.stock import Availability
from mercato.kernel.money import Money

MAX_LINES = 250
CouponCode = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class CartStatus(StrEnum):
    OPEN = "open"
    COMPLETING = "completing"
    COMPLETED = "completed"
    ABANDONED = "abandoned"


class MergeChoice(StrEnum):
    """What becomes of two carts when a guest with one signs in to an account with another."""

    MERGE = "merge"
    KEEP_GUEST = "keep_guest"
    KEEP_EXISTING = "keep_existing"
    KEEP_GUEST_IF_EMPTY = "keep_guest_if_empty"


class NewLine(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    variant_id: UUID
    quantity: Quantity
    custom: dict[str, str] | None = None


class Discount(msgspec.Struct, frozen=True, gc=False):
    """A part of a line's or delivery's price that a promotion takes off; the amount is positive."""

    promotion_id: UUID
    label: str
    amount: Money
    coupon: str | None = None


class CartLine(msgspec.Struct, frozen=True, gc=False):
    """`unit_price` is charged before order discounts, `list_price` is without any promotion."""

    id: UUID
    variant_id: UUID
    product_id: UUID
    slug: str
    name: str
    options: dict[str, str]
    sku: str
    image: str | None
    quantity: int
    unit_price: Money
    list_price: Money
    discounts: list[Discount]
    total: Money
    """quantity × unit_price less order discounts; includes tax when the totals say tax_included."""
    availability: Availability
    custom: dict[str, str] | None = None
    tax: Money | None = None
    is_gift: bool = False
    """Given by a promotion: it comes and goes with its conditions and cannot be edited."""
    is_gift_card: bool = False
    """Its `custom` may name a `recipient`, an e-mail address, else it is for the buyer; and a `message` of at
    most 500 letters that is mailed with it."""


class CartTotals(msgspec.Struct, frozen=True, gc=False):
    """total = subtotal - discount + delivery (+ tax unless included); due = total - paid_by_credit."""

    subtotal: Money
    discount: Money
    delivery: Money
    tax: Money
    tax_included: bool
    total: Money
    paid_by_credit: Money
    due: Money


class Problem(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What is wrong with the cart as it stands: `insufficient_stock`, `variant_unavailable`,
    `price_changed`, `coupon_invalid`, `delivery_invalid`, `gift_card_invalid`."""

    code: str
    line_id: UUID | None = None
    available: int | None = None
    old: Money | None = None
    new: Money | None = None
    coupon: str | None = None
    reason: str | None = None
    detail: str = ""
    """`coupon_invalid`: the reason in words for the shopper."""


class DeliveryMethod(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    code: str
    name: str
    description: str
    price: Money
    promised_date: date
    kind: str = "flat"
    """flat, weight, price, pickup or carrier."""
    place: str = ""
    """Where it is picked up."""


class AppliedCredit(msgspec.Struct, frozen=True, gc=False):
    """A gift card or store credit on a cart: `amount` of `available` would pay for it."""

    account_id: UUID
    kind: CreditKind
    label: str
    amount: Money
    available: Money


class Cart(msgspec.Struct, frozen=True):
    id: UUID
    status: CartStatus
    channel: str
    currency: str
    email: str | None
    lines: list[CartLine]
    coupons: list[str]
    shipping_address: Address | None
    billing_address: Address | None
    delivery_method: DeliveryMethod | None
    totals: CartTotals
    problems: list[Problem]
    requirements: list[str]
    """What is missing before it can be completed: email, shipping_address, delivery_method, payment."""
    version: int
    updated_at: datetime
    expires_at: datetime
    note: str | None = None
    customer_id: UUID | None = None
    tax_id: str | None = None
    """VAT number of the buying business."""
    token: str | None = None
    """Only in the answer that created the cart."""
    credits: list[AppliedCredit] = []
    """Gift cards in the order they were applied, then store credit."""
    tax_relief: str | None = None
    """Why no tax is charged: `reverse_charge` or `exempt`."""


class FrozenCart(msgspec.Struct, frozen=True):
    """A cart that is being completed: priced once, not to change until thawed or finished."""

    cart: Cart
    customer_id: UUID | None
    tax_lines: list["TaxLine"]
    credits: list[CreditUse] = []
    """What pays a part of it, in the order in which it is used."""
    steps: list["PriceStep"] = []
    """How the price came about, where any rule could have changed it."""
    is_replay: bool = False
    """It was frozen before: another request is, or was, at work on its order."""


class TaxLine(msgspec.Struct, frozen=True, gc=False):
    """Tax of one rate over the order: `net` and `tax` in minor units' money, `rate` like "0.19"."""

    name: str
    rate: str
    net: Money
    tax: Money


class PriceStep(msgspec.Struct, frozen=True):
    """One step of the price: list_price, line_discounts, order_discounts, delivery, tax, credit."""

    step: str
    amount_before: Money
    amount_after: Money
    entries: list["PriceEntry"]


class PriceEntry(msgspec.Struct, frozen=True):
    """One thing considered in a step: applied or not, and why."""

    subject: str
    """SKU and name of a line, the name of a promotion, method or tax."""
    applied: bool
    reason: str
    """A code, such as `below_minimum`."""
    amount: Money | None = None
    detail: str = ""
    """The reason as a sentence."""
    subject_id: UUID | None = None
    """The line, promotion or price list, when it is one."""


class Explanation(msgspec.Struct, frozen=True):
    steps: list[PriceStep]
    totals: CartTotals
    is_as_charged: bool = True
    """False when the rules were changed since the cart was priced for good: its own total then stands."""
