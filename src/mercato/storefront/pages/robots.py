"""What crawlers ask for: robots.txt and the site map."""

from urllib.parse import quote
from xml.sax.saxutils import escape

from litestar import MediaType, Response, get

from mercato.contracts.catalog import Catalog, ProductQuery, ProductSort
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.web import PUBLIC
from mercato.settings import Settings
from mercato.storefront.frame import navigation
from mercato.storefront.visit import Visit

PRODUCTS_PER_FILE = 1000
PAGE_SIZE = 100
CLOSED = ("/cart", "/checkout", "/account", "/order/", "/sign-in", "/register", "/search", "/admin", "/api/")
XMLNS = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


@get("/robots.txt", permission=PUBLIC, media_type=MediaType.TEXT, include_in_schema=False)
async def robots(settings: Settings) -> str:
    """What is not for crawlers, and where the site map is."""
    closed = "".join(f"Disallow: {path}\n" for path in CLOSED)
    return f"User-agent: *\n{closed}\nSitemap: {settings.public_url}/sitemap.xml\n"


@get("/sitemap.xml", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def sitemap_index(ctx: Context, catalog: Catalog, settings: Settings) -> Response[str]:
    """The index: one file of ways in, then files of products."""
    found = await catalog.products(ctx, query=ProductQuery(limit=1))
    files = range(-(-found.total // PRODUCTS_PER_FILE) + 1)
    urls = [f"{settings.public_url}/sitemap/{number}" for number in files]
    entries = "".join(f"<sitemap><loc>{escape(url)}</loc></sitemap>" for url in urls)
    return _xml(f"<sitemapindex {XMLNS}>{entries}</sitemapindex>")


@get("/sitemap/{number:int}", permission=PUBLIC, cached=("products",), include_in_schema=False)
async def sitemap(visit: Visit, catalog: Catalog, settings: Settings, number: int) -> Response[str]:
    """File 0: home, categories, collections; file n: the n-th thousand of products."""
    if number == 0:
        known = await navigation(visit.ctx, catalog)
        paths = ["/", *(f"/c/{each.path}" for each in known.categories if each.product_count)]
        paths += [f"/collections/{each.slug}" for each in known.collections if each.product_count]
    else:
        paths = await _products(visit.ctx, catalog, number)
    if not paths:
        raise NotFound()
    entries = "".join(f"<url><loc>{escape(settings.public_url + quote(path))}</loc></url>" for path in paths)
    return _xml(f"<urlset {XMLNS}>{entries}</urlset>")


async def _products(ctx: Context, catalog: Catalog, number: int) -> list[str]:
    """The addresses of one file's products, in order of name."""
    pages = PRODUCTS_PER_FILE // PAGE_SIZE
    first = (number - 1) * pages + 1
    paths: list[str] = []
    for each in range(first, first + pages):
        if not 1 <= each <= 1000:
            break
        query = ProductQuery(sort=ProductSort.NAME, limit=PAGE_SIZE, page=each)
        found = await catalog.products(ctx, query=query)
        paths += [f"/p/{product.slug}" for product in found.items]
        if len(found.items) < PAGE_SIZE:
            break
    return paths


def _xml(body: str) -> Response[str]:
    return Response(f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n', media_type="application/xml")


routes = [robots, sitemap_index, sitemap]
