"""Lists whose state is in their address: views, filters, sort, place."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import Request

from mercato.contracts.shared import Page


def address(path: str, **values: str | None) -> str:
    """`path` with these choices; empty ones are left out."""
    query = urlencode({name: value for name, value in values.items() if value})
    return f"{path}?{query}" if query else path


def sort_address(path: str, **values: str | None) -> str:
    """Like `address`, with {sort} where the sort goes."""
    return address(path, **values, sort="{sort}").replace("%7Bsort%7D", "{sort}")


def turns(path: str, found: Page[Any] | None, cursor: str | None, **values: str | None) -> dict[str, str]:
    """The ways through a list with these choices, for its template: `first_url` back to the beginning for
    whoever came by a `cursor`, `next_url` to what comes after `found`; empty where there is nothing."""
    following = found.next_cursor if found is not None else None
    return {
        "first_url": address(path, **values) if cursor else "",
        "next_url": address(path, **values, cursor=following) if following else "",
    }


def pushed(request: Request[Any, Any, Any], url: str) -> Mapping[str, str]:
    """Headers that make htmx show the short form of the address, without the fields left empty."""
    headers = request.headers
    is_swap = headers.get("hx-request") == "true" and headers.get("hx-history-restore-request") != "true"
    return {"HX-Push-Url": url} if is_swap else {}
