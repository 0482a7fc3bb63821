"""Cells of CSV files that spreadsheets open: a text that would run as a formula is written so that it cannot.

`=`, `+`, `-`, `@`, tab and carriage return begin formulas in some spreadsheet; an apostrophe before them
makes the cell a text. `plain` takes it away again: what was exported is imported as it was.
"""

import re
from collections.abc import Mapping
from typing import Any

_RISKY = re.compile(r"'*[=+\-@\t\r\n\uff0b\uff0d\uff1d\uff20]")
"""The last four are the full-width forms of the signs."""
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?")
MARK = "'"


def guarded(value: Any) -> Any:
    """The value as a cell: texts that would be formulas are marked, everything else stays."""
    if not isinstance(value, str) or not _RISKY.match(value) or _NUMBER.fullmatch(value):
        return value
    return MARK + value


def plain(text: str) -> str:
    """The text of a cell without the mark of `guarded`."""
    return text[1:] if text.startswith(MARK) and _RISKY.match(text[1:]) else text


def guarded_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row, column names included: they too can be texts of somebody."""
    return {name: guarded(value) for name, value in row.items()}
