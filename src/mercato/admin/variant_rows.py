"""From options to variants: one row of the editor's table for each combination of their values."""

from collections.abc import Iterable
from itertools import islice, product

import msgspec

from mercato.admin.product_form import MAX_ROWS, ProductFields, VariantRow, slug_of


def with_all_variants(fields: ProductFields) -> ProductFields:
    """The form with a row for each combination of option values; rows that fit one keep what is in them.

    New rows take price, weight and the beginning of the SKU from the first one.
    """
    if not fields.axes:
        return fields
    first = fields.rows[0]
    prefix = first.sku or slug_of(fields.name).upper()
    if first.options:
        prefix = prefix.removesuffix(_sku_end(first.options.values()))
    kept = {tuple(row.options.get(axis.code) for axis in fields.axes): row for row in fields.rows}
    number = max(row.index for row in fields.rows)
    rows = []
    combinations = product(*([value.value for value in axis.values] for axis in fields.axes))
    for values in islice(combinations, MAX_ROWS):
        if (row := kept.get(values)) is None:
            number += 1
            row = VariantRow(
                index=number,
                sku=prefix + _sku_end(values),
                price=first.price,
                compare_at_price=first.compare_at_price,
                weight_g=first.weight_g,
                options=dict(zip((axis.code for axis in fields.axes), values, strict=True)),
            )
        rows.append(row)
    stored = [row for row in fields.rows if row.id and row not in rows]
    return msgspec.structs.replace(fields, rows=[*stored, *rows])


def _sku_end(values: Iterable[str]) -> str:
    return "".join(f"-{value.upper()}" for value in values)
