"""What search engines read: schema.org data of pages, as plain dictionaries for JSON-LD."""

from collections.abc import Sequence
from typing import Any

from mercato.contracts.catalog import Image, Product, ProductCard, Shop, Variant
from mercato.contracts.stock import Availability
from mercato.ui.formats import decimal_of

Data = dict[str, Any]
SCHEMA = "https://schema.org"
AVAILABILITY = {
    Availability.IN_STOCK: f"{SCHEMA}/InStock",
    Availability.LOW: f"{SCHEMA}/LimitedAvailability",
    Availability.OUT: f"{SCHEMA}/OutOfStock",
    Availability.BACKORDER: f"{SCHEMA}/BackOrder",
}


def organization(origin: str, shop: Shop) -> Data:
    """Who sells."""
    return {
        "@context": SCHEMA,
        "@type": "Organization",
        "name": shop.name,
        "url": f"{origin}/",
        "slogan": shop.tagline,
    }


def website(origin: str, shop: Shop) -> Data:
    """The site, and how it is searched."""
    action = {
        "@type": "SearchAction",
        "target": {"@type": "EntryPoint", "urlTemplate": f"{origin}/search?q={{search_term_string}}"},
        "query-input": "required name=search_term_string",
    }
    return {
        "@context": SCHEMA,
        "@type": "WebSite",
        "name": shop.name,
        "url": f"{origin}/",
        "potentialAction": action,
    }


def breadcrumbs(origin: str, crumbs: Sequence[tuple[str, str]]) -> Data:
    """The way to a page; the last crumb is the page itself."""
    items = [
        {"@type": "ListItem", "position": at, "name": name, "item": origin + url}
        for at, (name, url) in enumerate(crumbs, 1)
    ]
    return {"@context": SCHEMA, "@type": "BreadcrumbList", "itemListElement": items}


def item_list(origin: str, products: Sequence[ProductCard]) -> Data:
    """The products of a listing, in its order."""
    items = [
        {"@type": "ListItem", "position": at, "url": f"{origin}/p/{product.slug}"}
        for at, product in enumerate(products, 1)
    ]
    return {"@context": SCHEMA, "@type": "ItemList", "itemListElement": items}


def product_group(origin: str, product: Product, shown: Sequence[Image]) -> Data:
    """A product: alone when there is one variant, as a group with its variants otherwise."""
    base: Data = {
        "@context": SCHEMA,
        "name": product.name,
        "description": product.description,
        "url": f"{origin}/p/{product.slug}",
        "image": [_absolute(origin, image.url) for image in shown],
    }
    if product.maker:
        base["brand"] = {"@type": "Brand", "name": product.maker}
    if product.rating is not None:
        rating = {"ratingValue": f"{product.rating.average:.1f}", "reviewCount": product.rating.count}
        base["aggregateRating"] = {"@type": "AggregateRating", **rating}
    if len(product.variants) == 1:
        only = product.variants[0]
        return {**base, "@type": "Product", "sku": only.sku, "offers": _offer(origin, product, only)}
    variants = [
        {
            "@type": "Product",
            "name": f"{product.name}, {', '.join(variant.options.values())}",
            "sku": variant.sku,
            "offers": _offer(origin, product, variant),
        }
        for variant in product.variants
    ]
    group = {"productGroupID": str(product.id), "variesBy": [option.label for option in product.options]}
    return {**base, "@type": "ProductGroup", **group, "hasVariant": variants}


def _offer(origin: str, product: Product, variant: Variant) -> Data:
    return {
        "@type": "Offer",
        "price": decimal_of(variant.price),
        "priceCurrency": variant.price.currency,
        "availability": AVAILABILITY[variant.availability],
        "url": f"{origin}/p/{product.slug}",
        "itemCondition": f"{SCHEMA}/NewCondition",
    }


def _absolute(origin: str, url: str) -> str:
    return origin + url if url.startswith("/") else url
