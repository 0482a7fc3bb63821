"""The visitor's cart: found by its cookie, or by who is signed in."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request
from litestar.datastructures import Cookie

from mercato.contracts.carts import Cart, Carts, CartStatus
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.web import CART_COOKIE, cookie

BAG_AGE_S = 30 * 24 * 3600


class BagKey(msgspec.Struct, frozen=True):
    """Opens one cart. A customer's own cart needs no token."""

    cart_id: UUID
    token: str | None


def bag_key(request: Request[Any, Any, Any]) -> BagKey | None:
    """The cart that the cookie names; None without one or when it cannot be read."""
    cart_id, _, token = request.cookies.get(CART_COOKIE, "").partition(".")
    try:
        return BagKey(UUID(cart_id), token or None)
    except ValueError:
        return None


def bag_cookie(cart: Cart, token: str | None) -> Cookie:
    """Remembers `cart` for as long as carts live."""
    return cookie(CART_COOKIE, f"{cart.id}.{token or ''}", max_age_s=BAG_AGE_S)


async def find_bag(request: Request[Any, Any, Any], ctx: Context, carts: Carts) -> tuple[BagKey, Cart] | None:
    """The visitor's cart that is not completed, with its key; None when there is none."""
    key = bag_key(request)
    if key is not None:
        try:
            cart = await carts.get(ctx, cart_id=key.cart_id, token=key.token)
        except NotFound:
            cart = None
        if cart is not None and cart.status in (CartStatus.OPEN, CartStatus.COMPLETING):
            return key, cart
    if not ctx.principal.is_signed_in:
        return None
    mine = await carts.mine(ctx)
    return (BagKey(mine.id, None), mine) if mine is not None else None


async def open_bag(request: Request[Any, Any, Any], ctx: Context, carts: Carts) -> tuple[BagKey, Cart]:
    """The visitor's cart with its key. Raises NotFound when there is none."""
    found = await find_bag(request, ctx, carts)
    if found is None:
        raise NotFound(detail="Your bag is empty.")
    return found


async def count_bag(request: Request[Any, Any, Any], ctx: Context, carts: Carts) -> int:
    """Units in the visitor's cart, for the badge in the header."""
    key = bag_key(request)
    if key is not None:
        return await carts.count(ctx, cart_id=key.cart_id, token=key.token)
    if not ctx.principal.is_signed_in:
        return 0
    mine = await carts.mine(ctx)
    return sum(line.quantity for line in mine.lines) if mine is not None else 0
