"""Lines that staff adds to an order: a SKU and a number of units each."""

from typing import Any

from mercato.admin.forms import text, whole
from mercato.contracts.carts import NewLine
from mercato.contracts.stock import Stock
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid

NEW_LINES = 3


async def new_lines(ctx: Context, stock: Stock, data: dict[str, Any]) -> list[NewLine]:
    """The variants whose SKUs were typed. Raises Invalid for a SKU that nothing has."""
    lines = []
    for number in range(NEW_LINES):
        sku = text(data, f"sku-{number}")[:64]
        if not sku:
            continue
        found = await stock.levels(ctx, query=sku, limit=100)
        variant_id = next((level.variant_id for level in found.items if level.sku == sku), None)
        if variant_id is None:
            message = f"Nothing has the SKU {sku}: write it as it is on the product's page."
            raise Invalid(detail=message, errors=[FieldError(f"sku-{number}", "unknown_sku", message)])
        lines.append(NewLine(variant_id, whole(data, f"units-{number}", least=1, most=10_000) or 1))
    return lines
