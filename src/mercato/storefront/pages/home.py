"""The home page and the menu."""

import asyncio

import msgspec
import structlog
from litestar import Response, get

from mercato.contracts.catalog import Catalog, ProductCard, ProductQuery, ProductSort
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError
from mercato.kernel.web import PUBLIC
from mercato.storefront.frame import navigation
from mercato.storefront.structured_data import organization, website
from mercato.storefront.visit import Visit

RAIL_SIZE = 8

log = structlog.get_logger()


class Rail(msgspec.Struct, frozen=True):
    """A row of products with a title and where to see more."""

    title: str
    url: str
    products: list[ProductCard]


@get("/", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def home(visit: Visit, catalog: Catalog) -> Response[str]:
    """Hero, rails from the catalog, ways into every category."""
    asked = (
        (
            "Best sellers",
            "/search?sort=best_selling",
            ProductQuery(sort=ProductSort.BEST_SELLING, limit=RAIL_SIZE),
        ),
        ("New in", "/search?sort=newest", ProductQuery(sort=ProductSort.NEWEST, limit=RAIL_SIZE)),
        ("Reduced", "/search?on_sale=1", ProductQuery(on_sale=True, limit=RAIL_SIZE)),
    )
    known, base, *rails = await asyncio.gather(
        navigation(visit.ctx, catalog),
        visit.frame(),
        *(_rail(visit.ctx, catalog, title, url, query) for title, url, query in asked),
    )
    context = {
        **base,
        "categories": known.roots,
        "rails": [rail for rail in rails if rail.products],
        "structured": [organization(base["origin"], known.shop), website(base["origin"], known.shop)],
    }
    return visit.page("home.html", context)


@get("/menu", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def menu(visit: Visit, catalog: Catalog) -> Response[str]:
    """Every way into the shop as a page: what the menu button opens without script."""
    known = await navigation(visit.ctx, catalog)
    children = {
        root.id: [each for each in known.categories if each.parent_id == root.id and each.product_count]
        for root in known.roots
    }
    context = {
        **await visit.frame(),
        "categories": known.roots,
        "children": children,
        "collections": [each for each in known.collections if each.product_count],
        "robots": "noindex, follow",
    }
    return visit.page("menu.html", context)


async def _rail(ctx: Context, catalog: Catalog, title: str, url: str, query: ProductQuery) -> Rail:
    """A rail that fails is left out: the rest of the page still sells."""
    try:
        found = await catalog.products(ctx, query=query)
    except MercatoError as error:
        log.warning("rail failed", rail=title, error=repr(error))
        return Rail(title, url, [])
    return Rail(title, url, found.items)


routes = [home, menu]
