"""The routes of a running shop as its own description lists them, and requests that lead somewhere."""

from collections.abc import Iterator
from typing import Any

import schemathesis
from schemathesis.core.result import Ok

from support.shop import Shop

ENDS_THE_SESSION = ("/auth/logout",)

Ids = dict[str, list[str]]
"""Path parameter → values that name something."""


def operations(shop: Shop) -> Iterator[Any]:
    schema = schemathesis.openapi.from_url(f"{shop.url}/api/v1/openapi.json")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        responses = operation.definition.raw["responses"]
        streams = any("text/event-stream" in answer.get("content", {}) for answer in responses.values())
        if not streams and not operation.path.endswith(ENDS_THE_SESSION):
            yield operation


def lead_somewhere(case: Any, ids: Ids, choice: Any) -> None:
    """Put known ids into the path: without them nearly every answer would be 404."""
    for name in case.path_parameters or {}:
        if name in ids:
            case.path_parameters[name] = choice.choice(ids[name])
    if "X-Cart-Token" in (case.headers or {}):
        case.headers["X-Cart-Token"] = ids["cart_token"][0]
