"""The demo data as structs, read from the package."""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


class DemoImage(msgspec.Struct, frozen=True):
    file: str
    alt: str
    options: dict[str, str] = {}
    """Shows the variants that have these option values; empty means all."""


class DemoShop(msgspec.Struct, frozen=True):
    name: str
    tagline: str
    currency: str
    prices_include_tax: bool
    hero: DemoImage


class DemoCategory(msgspec.Struct, frozen=True):
    slug: str
    name: str
    description: str
    position: int
    image: DemoImage


class DemoCollection(msgspec.Struct, frozen=True):
    slug: str
    name: str
    description: str


class DemoValue(msgspec.Struct, frozen=True):
    value: str
    label: str
    swatch: str | None = None


class DemoOption(msgspec.Struct, frozen=True):
    name: str
    values: list[DemoValue]


class DemoVariant(msgspec.Struct, frozen=True):
    sku: str
    barcode: str
    options: dict[str, str]
    price: int
    compare_at: int | None
    weight_g: int
    stock: int


class DemoProduct(msgspec.Struct, frozen=True):
    slug: str
    name: str
    maker: str
    category: str
    collections: list[str]
    description: str
    details: dict[str, str]
    attributes: dict[str, Any]
    options: list[DemoOption]
    variants: list[DemoVariant]
    images: list[DemoImage]


class DemoCatalog(msgspec.Struct, frozen=True):
    shop: DemoShop
    categories: list[DemoCategory]
    collections: list[DemoCollection]
    products: list[DemoProduct]


@cache
def demo_catalog() -> DemoCatalog:
    content = files("mercato.demo").joinpath("data/catalog.json").read_bytes()
    return msgspec.json.decode(content, type=DemoCatalog)


def picture(file: str) -> bytes:
    """The bytes of a picture by its name in the data, for example `images/hero.webp`."""
    return files("mercato.demo").joinpath("data", *file.split("/")).read_bytes()
