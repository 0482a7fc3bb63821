"""Routes of a shopper's cart. Each answers with the whole cart, priced anew."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.params import HeaderParameter
from litestar.response import Stream

from mercato.contracts.carts import (
    MAX_LINES,
    Cart,
    Carts,
    CouponCode,
    DeliveryMethod,
    Explanation,
    MergeChoice,
    NewLine,
    TaxId,
)
from mercato.contracts.payments import GiftCardCode
from mercato.contracts.shared import Address, Email, Page, Quantity
from mercato.kernel.context import Context
from mercato.kernel.ids import digest
from mercato.kernel.messaging.live import Live
from mercato.kernel.sse import ServerEvent, stream
from mercato.kernel.web import PUBLIC, SIGNED_IN, CartToken

OwnToken = Annotated[
    str | None,
    HeaderParameter(
        name="X-Cart-Token", max_length=100, description="Came with the new cart; its customer needs none."
    ),
]


class NewCart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lines: Annotated[list[NewLine], msgspec.Meta(max_length=MAX_LINES)] = []
    email: Email | None = None


class QuantityInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    quantity: Quantity


class CouponInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: CouponCode


class GiftCardInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: GiftCardCode


class CartChanges(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is given is set, what is missing or null is kept."""

    email: Email | None = None
    shipping_address: Address | None = None
    billing_address: Address | None = None
    delivery_method_id: UUID | None = None
    note: Annotated[str, msgspec.Meta(max_length=2000)] | None = None
    channel: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    tax_id: TaxId | None = None
    """VAT number of a business in the European Union; empty takes it off."""


class MergeInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    choice: MergeChoice = MergeChoice.MERGE


@post("/carts", permission=PUBLIC, replay=False)
async def create_cart(ctx: Context, carts: Carts, data: NewCart) -> Cart:
    """Start a cart. Keep its `token`: it is shown once and opens the cart from then on."""
    return await carts.create(ctx, lines=data.lines, email=data.email)


@get("/carts/{cart_id:uuid}", permission=PUBLIC)
async def get_cart(ctx: Context, carts: Carts, cart_id: UUID, cart_token: OwnToken = None) -> Cart:
    """The cart with lines, totals, problems and what is still missing."""
    return await carts.get(ctx, cart_id=cart_id, token=cart_token)


@patch("/carts/{cart_id:uuid}", permission=PUBLIC)
async def update_cart(
    ctx: Context, carts: Carts, cart_id: UUID, data: CartChanges, cart_token: OwnToken = None
) -> Cart:
    """Set e-mail, addresses, delivery method, note, channel or VAT number."""
    return await carts.update(
        ctx,
        cart_id=cart_id,
        token=cart_token,
        email=data.email,
        shipping_address=data.shipping_address,
        billing_address=data.billing_address,
        delivery_method_id=data.delivery_method_id,
        note=data.note,
        channel=data.channel,
        tax_id=data.tax_id,
    )


@delete("/carts/{cart_id:uuid}", permission=PUBLIC)
async def delete_cart(ctx: Context, carts: Carts, cart_id: UUID, cart_token: OwnToken = None) -> None:
    """Throw the cart away."""
    await carts.delete(ctx, cart_id=cart_id, token=cart_token)


@post("/carts/{cart_id:uuid}/lines", permission=PUBLIC)
async def add_line(
    ctx: Context, carts: Carts, cart_id: UUID, data: NewLine, cart_token: OwnToken = None
) -> Cart:
    """Add units of a variant; the same variant with the same custom data is one line."""
    return await carts.add_line(
        ctx,
        cart_id=cart_id,
        token=cart_token,
        variant_id=data.variant_id,
        quantity=data.quantity,
        custom=data.custom,
    )


@patch("/carts/{cart_id:uuid}/lines/{line_id:uuid}", permission=PUBLIC)
async def change_line(
    ctx: Context, carts: Carts, cart_id: UUID, line_id: UUID, data: QuantityInput, cart_token: OwnToken = None
) -> Cart:
    """Set the quantity of a line."""
    return await carts.change_line(
        ctx, cart_id=cart_id, token=cart_token, line_id=line_id, quantity=data.quantity
    )


@delete("/carts/{cart_id:uuid}/lines/{line_id:uuid}", permission=PUBLIC, status_code=200)
async def remove_line(
    ctx: Context, carts: Carts, cart_id: UUID, line_id: UUID, cart_token: OwnToken = None
) -> Cart:
    """Take a line out."""
    return await carts.remove_line(ctx, cart_id=cart_id, token=cart_token, line_id=line_id)


@post("/carts/{cart_id:uuid}/coupons", permission=PUBLIC, throttle="codes")
async def add_coupon(
    ctx: Context, carts: Carts, cart_id: UUID, data: CouponInput, cart_token: OwnToken = None
) -> Cart:
    """Put a coupon code on the cart; 422 `coupon_invalid` says why it gives nothing."""
    return await carts.add_coupon(ctx, cart_id=cart_id, token=cart_token, code=data.code)


@delete("/carts/{cart_id:uuid}/coupons/{code:str}", permission=PUBLIC, status_code=200)
async def remove_coupon(
    ctx: Context, carts: Carts, cart_id: UUID, code: CouponCode, cart_token: OwnToken = None
) -> Cart:
    """Take a coupon code off."""
    return await carts.remove_coupon(ctx, cart_id=cart_id, token=cart_token, code=code)


@post("/carts/{cart_id:uuid}/gift-cards", permission=PUBLIC, throttle="codes")
async def add_gift_card(
    ctx: Context, carts: Carts, cart_id: UUID, data: GiftCardInput, cart_token: OwnToken = None
) -> Cart:
    """Pay with a gift card as far as it goes; 422 `gift_card_invalid` says why it cannot be used."""
    return await carts.add_gift_card(ctx, cart_id=cart_id, token=cart_token, code=data.code)


@delete("/carts/{cart_id:uuid}/gift-cards/{account_id:uuid}", permission=PUBLIC, status_code=200)
async def remove_gift_card(
    ctx: Context, carts: Carts, cart_id: UUID, account_id: UUID, cart_token: OwnToken = None
) -> Cart:
    """Take a gift card off, by the `account_id` in `credits`."""
    return await carts.remove_gift_card(ctx, cart_id=cart_id, token=cart_token, account_id=account_id)


@post("/carts/{cart_id:uuid}/store-credit", permission=PUBLIC)
async def use_store_credit(ctx: Context, carts: Carts, cart_id: UUID, cart_token: OwnToken = None) -> Cart:
    """Pay with the store credit of the cart's customer as far as it goes."""
    return await carts.use_store_credit(ctx, cart_id=cart_id, token=cart_token, is_used=True)


@delete("/carts/{cart_id:uuid}/store-credit", permission=PUBLIC, status_code=200)
async def keep_store_credit(ctx: Context, carts: Carts, cart_id: UUID, cart_token: OwnToken = None) -> Cart:
    """Leave the store credit alone."""
    return await carts.use_store_credit(ctx, cart_id=cart_id, token=cart_token, is_used=False)


@get("/carts/{cart_id:uuid}/delivery-methods", permission=PUBLIC)
async def list_delivery_methods(
    ctx: Context, carts: Carts, cart_id: UUID, cart_token: OwnToken = None
) -> Page[DeliveryMethod]:
    """How this cart can be delivered, with price and promised date."""
    found = await carts.delivery_methods(ctx, cart_id=cart_id, token=cart_token)
    return Page(found, None, len(found))


@get("/carts/{cart_id:uuid}/explain", permission=PUBLIC)
async def explain_cart(ctx: Context, carts: Carts, cart_id: UUID, cart_token: OwnToken = None) -> Explanation:
    """Every price step, each promotion considered, and why it did or did not apply."""
    return await carts.explain(ctx, cart_id=cart_id, token=cart_token)


@post("/carts/{cart_id:uuid}/merge", permission=SIGNED_IN, status_code=200)
async def merge_cart(
    ctx: Context, carts: Carts, cart_id: UUID, data: MergeInput, cart_token: CartToken
) -> Cart:
    """Join a guest's cart with that of the customer who has just signed in."""
    return await carts.merge(ctx, cart_id=cart_id, token=cart_token, choice=data.choice)


@get("/carts/{cart_id:uuid}/events", permission=PUBLIC, timeout_s=None)
async def cart_events(
    ctx: Context,
    carts: Carts,
    live: Live,
    request: Request[Any, Any, Any],
    cart_id: UUID,
    cart_token: OwnToken = None,
) -> Stream:
    """Server-sent events: the whole cart as event `cart`, at once and after each change."""
    ctx = msgspec.structs.replace(ctx, deadline=None)
    cart = await carts.get(ctx, cart_id=cart_id, token=cart_token)

    async def render(last_id: str) -> Sequence[ServerEvent]:
        now = await carts.get(ctx, cart_id=cart_id, token=cart_token)
        text = msgspec.json.encode(now).decode()
        event_id = digest(text).hex()[:16]
        return [] if event_id == last_id else [ServerEvent(text, "cart", event_id)]

    topics = [f"cart.{cart_id}", *(f"stock.{line.variant_id}" for line in cart.lines)]
    return stream(request, live, topics, render)


routes = [
    create_cart, get_cart, update_cart, delete_cart, add_line, change_line, remove_line, add_coupon,
    remove_coupon, add_gift_card, remove_gift_card, use_store_credit, keep_store_credit,
    list_delivery_methods, explain_cart, merge_cart, cart_events,
]  # fmt: skip
