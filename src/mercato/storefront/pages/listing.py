"""Lists of products: a category, a collection, a search; and the suggestions under the search field."""

import asyncio
from typing import Any

import msgspec
from litestar import Response, get
from litestar.response import Redirect

from mercato.contracts.catalog import Catalog, Category, ProductCard, ProductQuery, ProductSort
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError, NotFound
from mercato.kernel.web import PUBLIC
from mercato.storefront import listing
from mercato.storefront.frame import language_of, navigation
from mercato.storefront.listing import Asked
from mercato.storefront.structured_data import breadcrumbs, item_list
from mercato.storefront.visit import Visit
from mercato.ui.formats import currency_symbol
from mercato.ui.rendering import wants_fragment

SUGGESTIONS = 8
PLAIN_FACETS = frozenset({"price", "in_stock", "on_sale", "availability"})
"""Facets that the page shows in its own way."""
CATALOG_SORTS = tuple(sort for sort in ProductSort if sort is not ProductSort.RELEVANCE)


class Heading(msgspec.Struct, frozen=True):
    """What a list is about."""

    title: str
    text: str
    crumbs: tuple[tuple[str, str], ...]
    chips: tuple[tuple[str, str, bool], ...] = ()
    """Label, address, whether it is this page: the ways from here."""


@get("/c/{path:path}", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def category(visit: Visit, catalog: Catalog, path: str) -> Response[Any]:
    """A category with everything below it; an address that is not its own leads there."""
    wanted = path.strip("/")
    found = await catalog.category(visit.ctx, slug=wanted.rpartition("/")[2])
    if found.path != wanted:
        return Redirect(f"/c/{found.path}", status_code=301)
    known = await navigation(visit.ctx, catalog)
    crumbs = (("Home", "/"), *((each.name, f"/c/{each.path}") for each in found.breadcrumbs))
    if not found.breadcrumbs or found.breadcrumbs[-1].slug != found.slug:
        crumbs = (*crumbs, (found.name, f"/c/{found.path}"))
    chips = _ways(found, known.categories)
    heading = Heading(found.name, found.description, crumbs, chips)
    return await _list(visit, catalog, heading, category=found.slug)


@get("/collections/{slug:str}", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def collection(visit: Visit, catalog: Catalog, slug: str) -> Response[Any]:
    """A collection."""
    found = await catalog.collection(visit.ctx, slug=slug)
    crumbs = (("Home", "/"), (found.name, f"/collections/{found.slug}"))
    heading = Heading(found.name, found.description, crumbs)
    return await _list(visit, catalog, heading, collection=found.slug)


@get("/search", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def search(visit: Visit, catalog: Catalog) -> Response[Any]:
    """Everything that matches `q`; without it, the whole shop."""
    words = visit.request.query_params.get("q", "").strip()
    title = f"Results for “{words[:80]}”" if words else "All products"
    heading = Heading(title, "", (("Home", "/"), ("Search" if words else "All products", "/search")))
    return await _list(visit, catalog, heading)


@get("/search/suggest", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def suggest(visit: Visit, catalog: Catalog) -> Response[str]:
    """What the words typed so far may lead to; nothing for less than two letters."""
    words = visit.request.query_params.get("q", "").strip()[:100]
    found = await catalog.suggest(visit.ctx, q=words, limit=SUGGESTIONS) if len(words) >= 2 else None
    return visit.page("suggestions.html", {"words": words, "found": found, "locale": language_of(visit.ctx)})


async def _list(
    visit: Visit,
    catalog: Catalog,
    heading: Heading,
    *,
    category: str | None = None,
    collection: str | None = None,
) -> Response[str]:
    asked = listing.read(visit.request.scope["path"], visit.request.query_params.multi_items())
    channel, base = await asyncio.gather(catalog.channel(visit.ctx, code=visit.ctx.channel), visit.frame())
    query = listing.query_of(asked, channel.currency, category=category, collection=collection)
    found = await catalog.products(visit.ctx, query=query)
    last = listing.last_page(found)
    if asked.page > last:
        raise NotFound(detail="The list has no such page.")
    fallback = await _fallback(visit.ctx, catalog) if not found.total else []
    context = {
        **base,
        "heading": heading,
        "asked": asked,
        "found": found,
        "facets": found.facets or [],
        "applied": listing.applied(asked, found.facets or [], channel.currency, base["locale"]),
        "symbol": currency_symbol(channel.currency, base["locale"]),
        "sorts": _sorts(asked),
        "sort": asked.sort or (ProductSort.RELEVANCE if asked.q else ProductSort.BEST_SELLING),
        "pages": listing.page_numbers(asked.page, last),
        "last": last,
        "hidden_facets": PLAIN_FACETS if category is None else PLAIN_FACETS | {"category"},
        "fallback": fallback,
        "canonical": base["origin"] + (asked.url(page=asked.page) if not asked.is_filtered else asked.path),
        "robots": "noindex, follow" if asked.is_filtered or asked.q or asked.sort else "",
        "structured": [breadcrumbs(base["origin"], heading.crumbs), item_list(base["origin"], found.items)],
    }
    # The address bar gets the tidy form, without the fields that were left empty.
    headers = {"HX-Push-Url": asked.url(page=asked.page)} if wants_fragment(visit.request) else {}
    return visit.page("listing.html", context, block="listing", headers=headers)


async def _fallback(ctx: Context, catalog: Catalog) -> list[ProductCard]:
    """Best sellers for a list without a hit; nothing when they cannot be read."""
    try:
        query = ProductQuery(sort=ProductSort.BEST_SELLING, limit=4)
        return (await catalog.products(ctx, query=query)).items
    except MercatoError:
        return []


def _sorts(asked: Asked) -> list[tuple[str, str]]:
    sorts = ((ProductSort.RELEVANCE,) if asked.q else ()) + CATALOG_SORTS
    return [(sort.value, listing.SORT_LABELS[sort]) for sort in sorts]


def _ways(here: Category, categories: tuple[Category, ...]) -> tuple[tuple[str, str, bool], ...]:
    """The categories below this one; beside it when there are none below."""
    below = [each for each in categories if each.parent_id == here.id and each.product_count]
    beside = [each for each in categories if each.parent_id == here.parent_id and each.product_count]
    return tuple((each.name, f"/c/{each.path}", each.id == here.id) for each in below or beside)


routes = [category, collection, search, suggest]
