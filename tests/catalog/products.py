"""Short ways to say what a test's products are."""

from typing import Any

from mercato.contracts.catalog import (
    Attribute,
    AttributeKind,
    Catalog,
    OptionInput,
    OptionValue,
    ProductInput,
    ProductQuery,
    ProductStatus,
    VariantInput,
)
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from support.waiting import eventually

GUEST = Context()


def simple(
    name: str, price: int = 1000, *, sku: str | None = None, stock: int = 10, **more: Any
) -> ProductInput:
    """An active product with one variant."""
    variant = VariantInput(
        sku=sku or name.upper().replace(" ", "-"),
        price=price,
        on_hand=stock,
        compare_at_price=more.pop("compare_at_price", None),
    )
    return ProductInput(name=name, variants=[variant], **{"status": ProductStatus.ACTIVE, **more})


def sized(name: str, *, small: int = 1000, large: int = 1500, **more: Any) -> ProductInput:
    """An active product in the sizes S and L."""
    stem = name.upper().replace(" ", "-")
    return ProductInput(
        name=name,
        options=[OptionInput("Size", [OptionValue("s", "Small"), OptionValue("l", "Large")])],
        variants=[
            VariantInput(sku=f"{stem}-S", price=small, options={"Size": "s"}, on_hand=10),
            VariantInput(sku=f"{stem}-L", price=large, options={"Size": "l"}, on_hand=10),
        ],
        **{"status": ProductStatus.ACTIVE, **more},
    )


async def make_attribute(catalog: Catalog, code: str, *values: str) -> None:
    attribute = Attribute(
        code, code.capitalize(), AttributeKind.MULTISELECT, None,
        [OptionValue(value, value.capitalize()) for value in values], True, 0,
    )  # fmt: skip
    await catalog.save_attribute(SYSTEM_CONTEXT, attribute=attribute)


async def names(catalog: Catalog, **query: Any) -> list[str]:
    found = await catalog.products(GUEST, query=ProductQuery(**query))
    return [card.name for card in found.items]


async def indexed(catalog: Catalog, count: int) -> None:
    """Until the index holds so many products (a list with facets comes from the index only)."""

    async def is_so() -> bool:
        found = await catalog.products(GUEST, query=ProductQuery(facets=True, limit=1))
        return found.total == count and await catalog.verify(SYSTEM_CONTEXT) == 0

    await eventually(is_so)
