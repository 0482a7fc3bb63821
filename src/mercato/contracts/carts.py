"""Carts: what a shopper means to buy, what it costs and why, what still stands in the way."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import (
    Address,
    Code,
    Email,
    LongText,
    Quantity,
    ShortText,
    Whole,
)
from mercato.contracts.stock import Availability
from mercato.kernel.context import Context
from mercato.kernel.events import Event
from mercato.kernel.money import Amount, Money
from mercato.kernel.rpc import idempotent

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
    `price_changed`, `coupon_invalid`, `delivery_invalid`."""

    code: str
    line_id: UUID | None = None
    available: int | None = None
    old: Money | None = None
    new: Money | None = None
    coupon: str | None = None
    reason: str | None = None


class DeliveryMethod(msgspec.Struct, frozen=True, gc=False):
    id: UUID
    code: str
    name: str
    description: str
    price: Money
    promised_date: date


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
    token: str | None = None
    """Only in the answer that created the cart."""


class FrozenCart(msgspec.Struct, frozen=True):
    """A cart that is being completed: priced once, not to change until thawed or finished."""

    cart: Cart
    customer_id: UUID | None
    tax_lines: list["TaxLine"]


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
    applied: bool
    reason: str
    amount: Money | None = None


class Explanation(msgspec.Struct, frozen=True):
    steps: list[PriceStep]
    totals: CartTotals


# Staff: what shapes the price


class PromotionReward(StrEnum):
    PERCENT = "percent"
    FIXED = "fixed"
    FREE_DELIVERY = "free_delivery"


class Promotion(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that grants a discount. Without a coupon code it applies by itself."""

    id: UUID | None = None
    name: ShortText
    label: ShortText
    """What the shopper reads."""
    reward: PromotionReward
    percent: Annotated[str, msgspec.Meta(pattern=r"^\d{1,3}(\.\d{1,2})?$")] | None = None
    amount: Amount | None = None
    """Minor units of the channel's currency, for `fixed`."""
    minimum_subtotal: Amount | None = None
    category_ids: list[UUID] = []
    """Only lines of these categories; empty means all."""
    coupon_code: CouponCode | None = None
    usage_limit: Whole | None = None
    used: Whole = 0
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    is_active: bool = True
    priority: Whole = 0
    channel: Code = "default"
    version: Whole = 1


class DeliveryMethodInput(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID | None = None
    code: ShortText
    name: ShortText
    description: ShortText = ""
    countries: list[Code]
    """ISO 3166 codes; empty means every country of the channel."""
    price: Amount
    free_above: Amount | None = None
    """Free from this subtotal on, minor units."""
    days_min: Whole = 1
    days_max: Whole = 3
    cutoff_hour: Whole = 15
    position: Whole = 0
    is_active: bool = True
    channel: Code = "default"
    tax_class: Code = "standard"
    version: Whole = 1


class TaxRate(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID | None = None
    name: ShortText
    country: Code
    region: Code | None = None
    tax_class: Code = "standard"
    rate: Annotated[str, msgspec.Meta(pattern=r"^0(\.\d{1,6})?$")]
    """As a fraction: "0.19" is 19 %."""
    version: Whole = 1


class PricingChanged(Event, frozen=True):
    """Promotions, delivery methods or tax rates changed: cached prices and methods are stale."""

    subject: ClassVar[str] = "carts.pricing_changed"
    changed_id: UUID

    @property
    def key(self) -> UUID:
        return self.changed_id


class Carts(Protocol):
    """The carts service. A cart is reached with its id and its token, or by the customer who owns it."""

    async def create(self, ctx: Context, *, lines: list[NewLine], email: Email | None = None) -> Cart:
        """A new open cart; a signed-in customer owns it. Raises Invalid("unknown_variant")."""

    @idempotent
    async def get(self, ctx: Context, *, cart_id: UUID, token: str | None) -> Cart: ...

    @idempotent
    async def mine(self, ctx: Context) -> Cart | None:
        """The open cart of the signed-in customer."""

    @idempotent
    async def count(self, ctx: Context, *, cart_id: UUID, token: str | None) -> int:
        """Units in the cart, for the badge in the header; 0 when it is gone or completed."""

    async def delete(self, ctx: Context, *, cart_id: UUID, token: str | None) -> None: ...

    async def add_line(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        token: str | None,
        variant_id: UUID,
        quantity: Quantity,
        custom: dict[str, str] | None = None,
    ) -> Cart:
        """Same variant and custom data merge. Raises Invalid("unknown_variant"), Conflict: cart_not_open,
        insufficient_stock (`available` and what is `in_cart` in data)."""

    async def change_line(
        self, ctx: Context, *, cart_id: UUID, token: str | None, line_id: UUID, quantity: Quantity
    ) -> Cart:
        """Raises Conflict: cart_not_open, insufficient_stock; NotFound."""

    async def remove_line(self, ctx: Context, *, cart_id: UUID, token: str | None, line_id: UUID) -> Cart: ...

    async def add_coupon(self, ctx: Context, *, cart_id: UUID, token: str | None, code: CouponCode) -> Cart:
        """Raises Invalid("coupon_invalid") with the reason in data."""

    async def remove_coupon(
        self, ctx: Context, *, cart_id: UUID, token: str | None, code: CouponCode
    ) -> Cart: ...

    async def update(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        token: str | None,
        email: Email | None = None,
        shipping_address: Address | None = None,
        billing_address: Address | None = None,
        delivery_method_id: UUID | None = None,
        note: LongText | None = None,
        channel: str | None = None,
    ) -> Cart:
        """Set what is given, keep the rest. Raises Invalid with field errors (country rules of addresses)."""

    @idempotent
    async def delivery_methods(
        self, ctx: Context, *, cart_id: UUID, token: str | None
    ) -> list[DeliveryMethod]: ...

    @idempotent
    async def delivery_promise(self, ctx: Context, *, country: str | None = None) -> DeliveryMethod | None:
        """The cheapest method of the channel, for product pages."""

    @idempotent
    async def explain(self, ctx: Context, *, cart_id: UUID, token: str | None) -> Explanation: ...

    async def merge(
        self, ctx: Context, *, cart_id: UUID, token: str, choice: MergeChoice = MergeChoice.MERGE
    ) -> Cart:
        """A guest's cart joins the signed-in customer's; the guest cart is gone afterwards."""

    @idempotent
    async def freeze(self, ctx: Context, *, cart_id: UUID, token: str | None) -> FrozenCart:
        """open → completing, priced; claims coupon uses. Freezing twice gives the same.
        Raises Conflict("cart_completed"), Conflict("requirements_missing"), NotFound."""

    @idempotent
    async def thaw(self, ctx: Context, *, cart_id: UUID) -> None:
        """completing → open again; gives coupon uses back. System only."""

    @idempotent
    async def finish(self, ctx: Context, *, cart_ids: list[UUID]) -> None:
        """completing → completed. System only."""

    @idempotent
    async def stale_completing(self, ctx: Context, *, older_than_s: int, limit: int = 100) -> list[UUID]:
        """Carts completing for longer than `older_than_s`: the caller knows whether each became an order,
        and thaws or finishes it. System only."""

    @idempotent
    async def promotions(self, ctx: Context) -> list[Promotion]: ...

    async def save_promotion(self, ctx: Context, *, promotion: Promotion) -> Promotion: ...

    async def delete_promotion(self, ctx: Context, *, promotion_id: UUID) -> None: ...

    @idempotent
    async def list_delivery_methods(self, ctx: Context) -> list[DeliveryMethodInput]: ...

    async def save_delivery_method(
        self, ctx: Context, *, method: DeliveryMethodInput
    ) -> DeliveryMethodInput: ...

    async def delete_delivery_method(self, ctx: Context, *, method_id: UUID) -> None: ...

    @idempotent
    async def tax_rates(self, ctx: Context) -> list[TaxRate]: ...

    async def save_tax_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate: ...

    async def delete_tax_rate(self, ctx: Context, *, rate_id: UUID) -> None: ...

    @idempotent
    async def verify(self, ctx: Context) -> int:
        """Number of promotions whose use count differs from the redemptions."""
