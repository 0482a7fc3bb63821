"""REST routes of the catalog for shoppers. What staff call is in `admin_api`."""

from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

from litestar import Request, get
from litestar.params import Parameter, QueryParameter

from mercato.catalog import admin_api, media
from mercato.contracts.catalog import (
    Catalog,
    Category,
    Collection,
    Product,
    ProductCard,
    ProductList,
    ProductQuery,
    ProductSort,
    Suggestions,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, ListCursor, ListLimit, depends_on

ATTRIBUTES_MAX = 20
ATTRIBUTE_VALUES_MAX = 50
BATCH_MAX = 100

Q = Annotated[str, QueryParameter(name="q", max_length=200, description="Words to find; quotes, minus.")]
CategorySlug = Annotated[str | None, QueryParameter(name="category", max_length=120)]
CollectionSlug = Annotated[str | None, QueryParameter(name="collection", max_length=120)]
PriceBound = Annotated[int, Parameter(ge=0, le=10**15, description="Minor units of the channel's currency.")]
ProductIds = Annotated[list[UUID] | None, QueryParameter(name="id", description="Only these, as cards.")]

_OWN = frozenset(
    {"q", "category", "collection", "price_min", "price_max", "in_stock", "on_sale", "sort", "facets",
     "limit", "cursor", "page", "channel"}
)  # fmt: skip


@get("/products", permission=PUBLIC, cached=("products", "stock"), any_query=True)
async def list_products(
    ctx: Context,
    catalog: Catalog,
    request: Request[Any, Any, Any],
    q: Q = "",
    category: CategorySlug = None,
    collection: CollectionSlug = None,
    price_min: PriceBound | None = None,
    price_max: PriceBound | None = None,
    in_stock: bool = False,
    on_sale: bool = False,
    sort: ProductSort | None = None,
    facets: bool = False,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
    page: Annotated[int | None, QueryParameter(name="page", ge=1, le=1000)] = None,
) -> ProductList:
    """List or search products. Filterable attributes are parameters too (`material=oak`); repeat for "or"."""
    query = ProductQuery(
        q=q,
        category=category,
        collection=collection,
        price_min=price_min,
        price_max=price_max,
        in_stock=in_stock,
        on_sale=on_sale,
        attributes=asked_attributes(request.scope["query_string"]),
        sort=sort,
        facets=facets,
        limit=limit,
        cursor=cursor,
        page=page,
    )
    return await catalog.products(ctx, query=query)


def asked_attributes(query_string: bytes) -> dict[str, list[str]]:
    """Every parameter that is not one of the listing's own; the catalog ignores those it does not know."""
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), max_num_fields=200):
        if name in _OWN or not value or len(value) > 200:
            continue
        values = found.setdefault(name, []) if len(found) < ATTRIBUTES_MAX or name in found else []
        if len(values) < ATTRIBUTE_VALUES_MAX:
            values.append(value)
    return found


@get("/products/{slug_or_id:str}", permission=PUBLIC, cached=())
async def get_product(
    ctx: Context,
    catalog: Catalog,
    request: Request[Any, Any, Any],
    slug_or_id: Annotated[str, Parameter(max_length=120)],
) -> Product:
    """One product by slug or id. A renamed one answers 404 with its new slug, a deleted one 410."""
    product = await catalog.product(ctx, slug_or_id=slug_or_id)
    depends_on(request, (f"product:{product.id}", *(f"variant:{each.id}" for each in product.variants)))
    return product


@get("/products/cards", permission=PUBLIC, cached=("products", "stock"))
async def list_cards(ctx: Context, catalog: Catalog, ids: ProductIds = None) -> Page[ProductCard]:
    """Some products by id, in this order, as far as they are on sale: for recently viewed and the like."""
    cards = await catalog.products_by_id(ctx, product_ids=(ids or [])[:BATCH_MAX])
    return Page(cards, None, len(cards))


@get("/search/suggest", permission=PUBLIC, cached=("products",))
async def suggest(
    ctx: Context,
    catalog: Catalog,
    q: Q = "",
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=20)] = 8,
) -> Suggestions:
    """Words, categories and products while a shopper types."""
    return await catalog.suggest(ctx, q=q, limit=limit)


@get("/categories", permission=PUBLIC, cached=("products",))
async def list_categories(ctx: Context, catalog: Catalog) -> Page[Category]:
    """The whole tree, each category directly followed by what is below it."""
    found = await catalog.categories(ctx)
    return Page(found, None, len(found))


@get("/categories/{slug:str}", permission=PUBLIC, cached=("products",))
async def get_category(
    ctx: Context, catalog: Catalog, slug: Annotated[str, Parameter(max_length=120)]
) -> Category:
    """One category with its breadcrumbs and how many products are on sale in it."""
    return await catalog.category(ctx, slug=slug)


@get("/collections", permission=PUBLIC, cached=("products",))
async def list_collections(ctx: Context, catalog: Catalog) -> Page[Collection]:
    """Every collection in its order."""
    found = await catalog.collections(ctx)
    return Page(found, None, len(found))


@get("/collections/{slug:str}", permission=PUBLIC, cached=("products",))
async def get_collection(
    ctx: Context, catalog: Catalog, slug: Annotated[str, Parameter(max_length=120)]
) -> Collection:
    """One collection and how many products are on sale in it."""
    return await catalog.collection(ctx, slug=slug)


routes = [
    list_products,
    list_cards,
    get_product,
    suggest,
    list_categories,
    get_category,
    list_collections,
    get_collection,
    *admin_api.routes,
]
page_routes = media.page_routes
