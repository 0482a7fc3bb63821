"""What stands around every page of the shop: name, navigation, footer, the visitor's bag."""

import asyncio
from typing import Any

import msgspec
import structlog
from litestar import Request

from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog, Category, Collection, Shop
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError
from mercato.settings import Settings
from mercato.storefront.bag import count_bag
from mercato.ui.shell import Link, LinkGroup, ShopShell

MOST_NAVIGATION_LINKS = 6
FRESH_S = 2.0
"""Navigation is read again after this, so that a change is seen by everyone within seconds."""
LANGUAGES = ("en",)
"""Languages in which the texts of pages exist."""

log = structlog.get_logger()


class Navigation(msgspec.Struct, frozen=True):
    """The shop's texts and its ways in, of one channel."""

    shop: Shop
    categories: tuple[Category, ...]
    collections: tuple[Collection, ...]
    read_at_s: float

    @property
    def roots(self) -> tuple[Category, ...]:
        """Categories of the first level that hold products."""
        return tuple(each for each in self.categories if each.parent_id is None and each.product_count)


class Navigations:
    """The navigation of each channel, read anew when it is older than FRESH_S."""

    def __init__(self) -> None:
        self._known: dict[str, Navigation] = {}

    async def of(self, ctx: Context, catalog: Catalog) -> Navigation:
        known = self._known.get(ctx.channel)
        if known is not None and clock.monotonic_s() - known.read_at_s < FRESH_S:
            return known
        shop, categories, collections = await asyncio.gather(
            catalog.shop(ctx), catalog.categories(ctx), catalog.collections(ctx)
        )
        fresh = Navigation(shop, tuple(categories), tuple(collections), clock.monotonic_s())
        self._known[ctx.channel] = fresh
        return fresh


_navigations = Navigations()


async def navigation(ctx: Context, catalog: Catalog) -> Navigation:
    """The shop's texts, categories and collections."""
    return await _navigations.of(ctx, catalog)


def language_of(ctx: Context) -> str:
    """The locale pages are written in: the visitor's when its texts exist, else English."""
    return ctx.locale if ctx.locale.split("-")[0] in LANGUAGES else "en"


async def frame(
    request: Request[Any, Any, Any],
    ctx: Context,
    catalog: Catalog,
    carts: Carts,
    settings: Settings,
    *,
    count: int | None = None,
) -> dict[str, Any]:
    """The part of a page's context that every page needs; `count` spares reading the bag again."""
    known = await navigation(ctx, catalog)
    if count is None:
        count = await _count_or_none(request, ctx, carts)
    path = request.scope["path"]
    return {
        "shell": _shell(known, path, count, ctx),
        "locale": language_of(ctx),
        "shop": known.shop,
        "canonical": settings.public_url + path,
        "origin": settings.public_url,
        "robots": "",
    }


async def _count_or_none(request: Request[Any, Any, Any], ctx: Context, carts: Carts) -> int:
    """A page is still of use when the bag cannot be counted."""
    try:
        return await count_bag(request, ctx, carts)
    except MercatoError as error:
        log.warning("bag not counted", error=repr(error))
        return 0


def _shell(known: Navigation, path: str, count: int, ctx: Context) -> ShopShell:
    roots = known.roots[:MOST_NAVIGATION_LINKS]
    links = [
        Link(each.name, f"/c/{each.path}", is_current=path.startswith(f"/c/{each.path}")) for each in roots
    ]
    filled = [each for each in known.collections if each.product_count]
    sale = next((each for each in filled if each.slug == "sale"), None)
    if sale is not None:
        links.append(Link(sale.name, f"/collections/{sale.slug}", tone="sale"))
    shop_links = tuple(Link(each.name, f"/c/{each.path}") for each in known.roots[:8])
    more_links = tuple(Link(each.name, f"/collections/{each.slug}") for each in filled[:6])
    own_links = (
        Link("Your account", "/account"),
        Link("Your orders", "/account/orders"),
        Link("Your bag", "/cart"),
    )
    groups = [LinkGroup("Shop", shop_links), LinkGroup("Discover", more_links), LinkGroup("You", own_links)]
    principal = ctx.principal
    return ShopShell(
        name=known.shop.name,
        tagline=known.shop.tagline,
        announcement=known.shop.announcement,
        navigation=tuple(links),
        footer=tuple(group for group in groups if group.links),
        search_hint="Search the shop",
        cart_count=count,
        visitor=(principal.name or principal.email) if principal.is_signed_in else "",
        is_staff=principal.is_staff,
        acting_for=(principal.name or principal.email) if principal.acting_id is not None else "",
    )
