"""The data set of the workloads: 1,000 products × 3 variants and a flash-sale item, always the same bytes.

    python bench/gen_catalog.py FOLDER

writes FOLDER/products.csv (for `mercato import products FOLDER/products.csv --map vendure`),
FOLDER/catalog.json with the same data for load generators, and the eight pictures that the products share.
"""

import csv
import json
import random
import sys
from pathlib import Path
from typing import Any

ADJECTIVES = [
    "Classic", "Modern", "Rugged", "Compact", "Premium", "Vintage", "Portable", "Ergonomic", "Lightweight",
    "Heavy",
]  # fmt: skip
MATERIALS = [
    "Cotton", "Leather", "Steel", "Wooden", "Ceramic", "Bamboo", "Wool", "Linen", "Copper", "Granite",
]  # fmt: skip
NOUNS = [
    "Chair", "Lamp", "Backpack", "Kettle", "Jacket", "Table", "Bottle", "Keyboard", "Camera", "Notebook",
    "Blanket", "Clock", "Wallet", "Mirror", "Speaker", "Basket", "Helmet", "Pillow", "Teapot", "Umbrella",
]  # fmt: skip
WORDS = [
    "Designed", "for", "everyday", "use", "and", "built", "to", "last", "this", "item", "combines",
    "careful", "workmanship", "with", "durable", "materials", "a", "timeless", "shape", "and", "a",
    "finish", "that", "ages", "well", "whether", "at", "home", "in", "the", "office", "or", "on", "the",
    "road", "it", "ships", "in", "recyclable", "packaging", "with", "a", "two", "year", "warranty", "and",
    "free", "returns", "within", "thirty", "days", "of", "delivery",
]  # fmt: skip
CATEGORIES = [f"Category {number:02d}" for number in range(1, 21)]
BRANDS = [f"Brand {letter}" for letter in "ABCDEFGHIJ"]
OPTIONS = ("Small", "Medium", "Large")
PICTURES = 8
STOCK = 1_000_000
FLASH_STOCK = 100
COLUMNS = [
    "name", "slug", "description", "assets", "facets", "optionGroups", "optionValues", "sku", "price",
    "taxCategory", "stockOnHand", "trackInventory", "variantAssets", "variantFacets",
]  # fmt: skip


def products() -> list[dict[str, Any]]:
    """All 1,001 products; prices in cents."""
    chance = random.Random(42)  # noqa: S311
    found = [_product(index, chance) for index in range(1000)]
    flash = {"option": "Small", "sku": "SKU-FLASH", "price": 999, "stock": FLASH_STOCK}
    return [
        *found,
        {
            "name": "Flash Sale Item 9999",
            "slug": "flash-sale-item-9999",
            "description": "Flash.",
            "category": CATEGORIES[0],
            "brand": BRANDS[0],
            "image": "img-0.jpg",
            "variants": [flash],
        },
    ]


def _product(index: int, chance: random.Random) -> dict[str, Any]:
    noun = NOUNS[(index * 7 + index // 100) % 20]
    name = f"{ADJECTIVES[index % 10]} {MATERIALS[index // 10 % 10]} {noun} {index + 1:04d}"
    price = 500 + index * 37 % 19500
    return {
        "name": name,
        "slug": name.lower().replace(" ", "-"),
        "description": " ".join(chance.choice(WORDS) for _ in range(50)).capitalize() + ".",
        "category": CATEGORIES[index % 20],
        "brand": BRANDS[index // 20 % 10],
        "image": f"img-{index % PICTURES}.jpg",
        "variants": [
            {
                "option": option,
                "sku": f"SKU-{index + 1:04d}-{option}",
                "price": price + step * 100,
                "stock": STOCK,
            }
            for step, option in enumerate(OPTIONS)
        ],
    }


def rows(product: dict[str, Any]) -> list[list[Any]]:
    """A product as rows of the CSV: its texts stand in the first one only."""
    found = []
    for number, variant in enumerate(product["variants"]):
        facets = f"category:{product['category']}|brand:{product['brand']}"
        head = [product["name"], product["slug"], product["description"], product["image"], facets, "size"]
        price = f"{variant['price'] // 100}.{variant['price'] % 100:02d}"
        tail = [variant["option"], variant["sku"], price, "standard", variant["stock"], "true", "", ""]
        found.append((head if number == 0 else [""] * 6) + tail)
    return found


def write(folder: Path) -> None:
    """Write the table, the JSON and the pictures into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    everything = products()
    catalog = {"categories": CATEGORIES, "brands": BRANDS, "products": everything}
    (folder / "catalog.json").write_text(json.dumps(catalog), encoding="utf-8")
    with (folder / "products.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for product in everything:
            writer.writerows(rows(product))
    for number in range(PICTURES):
        _picture(number).save(folder / f"img-{number}.jpg", quality=85)


def _picture(number: int) -> Any:
    """A flat ground with a disc: eight pictures that differ."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (800, 800), (236 - 8 * number, 232, 224 + 3 * number))
    ImageDraw.Draw(picture).ellipse((200, 200, 600, 600), fill=(90 + 18 * number, 120, 200 - 20 * number))
    return picture


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
