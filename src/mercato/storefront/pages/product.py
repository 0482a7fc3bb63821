"""The product page: pictures, options by address, stock and delivery, details."""

import asyncio
from typing import Any
from uuid import UUID

import structlog
from litestar import Response, get
from litestar.response import Redirect

from mercato.contracts.carts import Carts, DeliveryMethod, VariantPrices
from mercato.contracts.catalog import Catalog, Product, ProductCard, ProductQuery, ProductSort, Variant
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError, NotFound
from mercato.kernel.web import PUBLIC, depends_on
from mercato.storefront.own_prices import at_own_price, at_own_prices, ladder_of, public_price
from mercato.storefront.structured_data import breadcrumbs, product_group
from mercato.storefront.variants import address_of, chosen_variant, images_of, pickers
from mercato.storefront.visit import Visit

RELATED = 4
MOST_PRICED_VARIANTS = 500

log = structlog.get_logger()


@get("/p/{slug:str}", permission=PUBLIC, cached=("stock",), include_in_schema=False)
async def product(visit: Visit, catalog: Catalog, carts: Carts, slug: str) -> Response[Any]:
    """One product; the options in the address choose the variant. An old slug leads to the new one."""
    try:
        found = await catalog.product(visit.ctx, slug_or_id=slug)
    except NotFound as missing:
        if new := missing.data.get("slug"):
            return Redirect(f"/p/{new}", status_code=301)
        raise
    if found.slug != slug:
        return Redirect(f"/p/{found.slug}", status_code=301)
    depends_on(visit.request, [f"product:{found.id}", *(f"variant:{each.id}" for each in found.variants)])
    variant = chosen_variant(found, visit.request.query_params)
    return await show_product(visit, catalog, carts, found, variant)


async def show_product(
    visit: Visit,
    catalog: Catalog,
    carts: Carts,
    found: Product,
    variant: Variant,
    *,
    quantity: int = 1,
    refused: str = "",
    wishes: dict[str, str] | None = None,
    wrong_recipient: str = "",
) -> Response[Any]:
    """The page of a product; with what was asked for and why it was `refused` when it could not be had."""
    base, promise, related, own = await asyncio.gather(
        visit.frame(),
        _promise(visit.ctx, carts),
        _related(visit.ctx, catalog, found),
        _own_prices(visit.ctx, carts, found),
    )
    found, variant = at_own_prices(found, own), at_own_price(variant, own)
    images = images_of(found, variant)
    crumbs = [("Home", "/"), *((each.name, f"/c/{each.path}") for each in found.breadcrumbs)]
    crumbs.append((found.name, f"/p/{found.slug}"))
    context = {
        **base,
        "product": found,
        "variant": variant,
        "variant_url": address_of(found, variant),
        "pickers": pickers(found, variant),
        "images": images,
        "crumbs": crumbs,
        "promise": promise,
        "ladder": ladder_of(own.get(variant.id)),
        "public_price": public_price(variant, own),
        "related": related,
        "quantity": quantity,
        "refused": refused,
        "wishes": wishes or {},
        "wrong_recipient": wrong_recipient,
        "structured": [
            product_group(base["origin"], found, images),
            breadcrumbs(base["origin"], crumbs),
        ],
    }
    status = 409 if refused else 422 if wrong_recipient else 200
    return visit.page("product.html", context, block="product", status=status)


async def _promise(ctx: Context, carts: Carts) -> DeliveryMethod | None:
    """The delivery promise; a page without it still sells."""
    try:
        return await carts.delivery_promise(ctx)
    except MercatoError as error:
        log.warning("no delivery promise", error=repr(error))
        return None


async def _own_prices(ctx: Context, carts: Carts, product: Product) -> dict[UUID, VariantPrices]:
    """What price lists make of the variants for this shopper; nothing when that cannot be read."""
    try:
        found = await carts.shopper_prices(
            ctx, variant_ids=[each.id for each in product.variants][:MOST_PRICED_VARIANTS]
        )
    except MercatoError as error:
        log.warning("no prices of price lists", error=repr(error))
        return {}
    return {each.variant_id: each for each in found}


async def _related(ctx: Context, catalog: Catalog, product: Product) -> list[ProductCard]:
    """Others of the same category; none when they cannot be read."""
    if product.category is None:
        return []
    query = ProductQuery(category=product.category.slug, sort=ProductSort.BEST_SELLING, limit=RELATED + 1)
    try:
        found = await catalog.products(ctx, query=query)
    except MercatoError as error:
        log.warning("no related products", error=repr(error))
        return []
    return [each for each in found.items if each.id != product.id][:RELATED]


routes = [product]
