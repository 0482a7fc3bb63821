"""The workloads of docs/performance.md, each a step that one worker repeats, checked on every answer."""

import json
import random
import time
from typing import Any
from urllib.parse import quote

from bench.client import Client, Refused
from bench.load import Step
from bench.shopping import WrongAnswer, checkout, new_cart

NOUNS = (
    *("Chair", "Lamp", "Backpack", "Kettle", "Jacket", "Table", "Bottle", "Keyboard", "Camera", "Notebook"),
    *("Blanket", "Clock", "Wallet", "Mirror", "Speaker", "Basket", "Helmet", "Pillow", "Teapot", "Umbrella"),
)
FLASH_SKU = "SKU-FLASH"


class Shop:
    """What the workloads need to know of the catalog, read once through the API."""

    def __init__(self, products: list[dict[str, Any]], categories: dict[str, str]) -> None:
        """`categories`: slug → path of its page."""
        self.slugs = [product["slug"] for product in products]
        self.categories = categories
        by_sku = {variant["sku"]: variant["id"] for product in products for variant in product["variants"]}
        self.flash = by_sku.pop(FLASH_SKU)
        self.variants = list(by_sku.values())


def _fresh() -> str:
    """A parameter that changes the cache's key and not the answer: no product costs that much."""
    return f"&price_max={10**9 + time.monotonic_ns() % 10**9}"


def listing(shop: Shop, *, cold: bool = False) -> Step:
    """W1: a category, 24 products sorted by name; `cold` makes every key new."""
    paths = [f"/api/v1/products?category={slug}&limit=24&sort=name" for slug in shop.categories]

    async def step(client: Client, turn: int) -> None:
        status, body = await client.request("GET", paths[turn % len(paths)] + (_fresh() if cold else ""))
        _expect(status == 200 and body.count(b'"slug"') >= 24, "a category page has 24 products")

    return step


def listing_page(shop: Shop) -> Step:
    """W1h: the same as the storefront's HTML."""
    pages = [f"/c/{path}" for path in shop.categories.values()]

    async def step(client: Client, turn: int) -> None:
        status, body = await client.request("GET", pages[turn % len(pages)])
        _expect(status == 200 and body.count(b"<article") >= 24, "a category page shows 24 products")

    return step


def detail(shop: Shop, *, cold: bool = False) -> Step:
    """W2: one product with its variants, rotating over all; `cold` asks as a machine no cache keeps for."""

    async def step(client: Client, turn: int) -> None:
        slug = shop.slugs[turn * 7 % len(shop.slugs)]
        if cold:
            client.headers["X-Debug-Cost"] = "1"
        status, body = await client.request("GET", f"/api/v1/products/{slug}")
        _expect(status == 200 and body.count(b'"sku"') in (1, 3), "a product has its variants")

    return step


def detail_page(shop: Shop) -> Step:
    """W2h: the same as the storefront's HTML."""

    async def step(client: Client, turn: int) -> None:
        status, body = await client.request("GET", f"/p/{shop.slugs[turn * 7 % len(shop.slugs)]}")
        _expect(status == 200 and b"<h1" in body, "a product page has a heading")

    return step


def search(*, cold: bool = False) -> Step:
    """W3: a search with 50 hits, the first 24 and all facet counts; `cold` makes every key new."""

    async def step(client: Client, turn: int) -> None:
        path = f"/api/v1/products?q={quote(NOUNS[turn % len(NOUNS)])}&limit=24&facets=1"
        status, body = await client.request("GET", path + (_fresh() if cold else ""))
        _expect(status == 200, f"a search answers 200, not {status}")
        found = json.loads(body) if turn % 50 == 0 else None
        if found is not None:
            _expect(found["total"] >= 50 and len(found["items"]) == 24, "a search finds 50, shows 24")
            _expect(bool(found["facets"]), "a search counts its facets")

    return step


def cart(shop: Shop) -> Step:
    """W4: a new guest cart with one random variant."""
    source = random.Random(4)  # noqa: S311

    async def step(client: Client, turn: int) -> None:
        await new_cart(client, source.choice(shop.variants))

    return step


def order(shop: Shop) -> Step:
    """W5: a guest buys two different variants."""
    source = random.Random(5)  # noqa: S311

    async def step(client: Client, turn: int) -> None:
        await checkout(client, source.sample(shop.variants, 2), f"buyer{turn}@example.com")

    return step


async def flash_buyer(client: Client, shop: Shop, number: int) -> str:
    """W7: one of 300 buyers of 100 units; returns "sold" or the code of the refusal."""
    try:
        await checkout(client, [shop.flash], f"flash{number}@example.com")
    except Refused as refused:
        if refused.status != 409:
            raise
        return refused.code
    return "sold"


def _expect(holds: bool, claim: str) -> None:
    if not holds:
        raise WrongAnswer(claim)
