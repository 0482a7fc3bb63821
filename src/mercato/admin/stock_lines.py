"""Lists of goods as people type, scan or upload them: a code and a number on each line."""

import csv
from collections.abc import Mapping
from io import StringIO
from uuid import UUID

from mercato.contracts.catalog import Catalog
from mercato.contracts.stock import Demand
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid

MAX_LINES = 10_000
MAX_CODE = 120
MAX_UNITS = 1_000_000_000
CODE_HEADS = ("sku", "barcode", "code", "ean", "gtin")
UNIT_HEADS = ("quantity", "counted", "units", "on_hand", "count")


def read_lines(text: str) -> dict[str, int]:
    """Code → units, summed. A line is a code alone (one unit, as a scanner writes it) or a code and a number,
    apart by comma, semicolon or tab; a first line that names the columns may say where they stand.

    Raises Invalid with the number of the first line that cannot be read.
    """
    try:
        rows = list(csv.reader(StringIO(text.lstrip("\ufeff")), delimiter=_separator(text)))
    except csv.Error as error:
        raise _wrong(f"The list cannot be read: {error}.") from None
    code_at, units_at, first = _columns(rows[0] if rows else [])
    found: dict[str, int] = {}
    for number, row in enumerate(rows[first:], start=first + 1):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        code = cells[code_at] if code_at < len(cells) else ""
        units = cells[units_at] if units_at < len(cells) else "1"
        if not first and any(cells[2:]):
            raise _wrong(f"Line {number} has more than a code and a number; write thousands as 1000.")
        if not code or len(code) > MAX_CODE:
            raise _wrong(f"Line {number} has no SKU or barcode.")
        if not (units.isascii() and units.isdigit() and len(units) <= 10):
            raise _wrong(f"Line {number}: “{units[:40]}” is not a whole number.")
        found[code] = found.get(code, 0) + int(units)
        if len(found) > MAX_LINES:
            raise _wrong(f"A list has at most {MAX_LINES} different goods.")
        if found[code] > MAX_UNITS:
            raise _wrong(f"Line {number}: that is more than anybody can count.")
    if not found:
        raise _wrong("Type or scan at least one SKU or barcode.")
    return found


async def demands_of(ctx: Context, catalog: Catalog, lines: Mapping[str, int]) -> list[Demand]:
    """The goods that the codes name. Raises Invalid with those that name none."""
    found = await catalog.variants_by_code(ctx, codes=list(lines))
    unknown = [code for code in lines if code not in found]
    if unknown:
        more = f" and {len(unknown) - 10} more" if len(unknown) > 10 else ""
        raise _wrong(f"No product has the SKU or barcode {', '.join(unknown[:10])}{more}.")
    sums: dict[UUID, int] = {}
    for code, units in lines.items():
        sums[found[code]] = sums.get(found[code], 0) + units
    return [Demand(variant_id, units) for variant_id, units in sums.items()]


def _separator(text: str) -> str:
    line = text.strip().partition("\n")[0]
    return next((mark for mark in ("\t", ";") if mark in line), ",")


def _columns(head: list[str]) -> tuple[int, int, int]:
    """Where code and units stand, and at which row the goods begin."""
    names = [cell.strip().lower().replace(" ", "_") for cell in head]
    code = next((names.index(name) for name in CODE_HEADS if name in names), None)
    if code is None:
        return 0, 1, 0
    units = next((names.index(name) for name in UNIT_HEADS if name in names), 1 if code == 0 else 0)
    return code, units, 1


def _wrong(text: str) -> Invalid:
    return Invalid(detail=text, errors=[FieldError("lines", "invalid", text)])
