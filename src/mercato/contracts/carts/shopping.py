"""What a shopper does with a cart."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts.lists import VariantPrices
from mercato.contracts.carts.records import (
    Cart,
    CouponCode,
    DeliveryMethod,
    Explanation,
    MergeChoice,
    NewLine,
)
from mercato.contracts.payments.credit import GiftCardCode
from mercato.contracts.shared import Address, Email, LongText, Quantity
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

TaxId = Annotated[str, msgspec.Meta(max_length=20)]


class Shopping(Protocol):
    """A cart is reached with its id and its token, or by the customer who owns it."""

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

    async def add_gift_card(
        self, ctx: Context, *, cart_id: UUID, token: str | None, code: GiftCardCode
    ) -> Cart:
        """Pay with a card as far as it goes. Raises Invalid("gift_card_invalid") with the reason in data."""

    async def remove_gift_card(
        self, ctx: Context, *, cart_id: UUID, token: str | None, account_id: UUID
    ) -> Cart: ...

    async def use_store_credit(
        self, ctx: Context, *, cart_id: UUID, token: str | None, is_used: bool
    ) -> Cart:
        """Pay with the store credit of the cart's customer as far as it goes, or not."""

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
        tax_id: TaxId | None = None,
    ) -> Cart:
        """Set what is given, keep the rest; an empty `tax_id` takes it off.

        Raises Invalid with field errors (country rules of addresses).
        """

    @idempotent
    async def delivery_methods(
        self, ctx: Context, *, cart_id: UUID, token: str | None
    ) -> list[DeliveryMethod]: ...

    @idempotent
    async def delivery_promise(self, ctx: Context, *, country: str | None = None) -> DeliveryMethod | None:
        """The cheapest method of the channel, for product pages."""

    @idempotent
    async def shopper_prices(
        self, ctx: Context, *, variant_ids: Annotated[list[UUID], msgspec.Meta(max_length=500)]
    ) -> list[VariantPrices]:
        """What price lists make of these variants for the caller, now; nothing of those for which the
        catalog's price stands at any quantity."""

    @idempotent
    async def explain(self, ctx: Context, *, cart_id: UUID, token: str | None) -> Explanation: ...

    async def merge(
        self, ctx: Context, *, cart_id: UUID, token: str, choice: MergeChoice = MergeChoice.MERGE
    ) -> Cart:
        """A guest's cart joins the signed-in customer's; the guest cart is gone afterwards."""
