"""Everything that may be sent has a limit: a number that a column can hold, a text that has an end."""

from collections.abc import Iterator
from typing import Any

import pytest

from mercato import compose
from mercato.edge.app import create_app
from mercato.settings import Settings

BIGINT = 2**63
SHORT_BY_FORM = {"uuid", "date-time", "date", "decimal", "byte"}
Document = dict[str, Any]


@pytest.fixture(scope="module")
def document() -> Document:
    settings = Settings(
        environment="test", database_url="postgresql://unused", nats_url="nats://unused", secret_key="s" * 32
    )
    app = create_app(compose.build(settings, ["all"])).app
    handlers = [handler for route in app.routes for handler in getattr(route, "route_handlers", [])]
    handler = next(each for each in handlers if "/api/v1/openapi.json" in each.paths)
    found: Document = handler.opt["route"].plan.bindings.fixed["description"].document()
    return found


def sent(document: Document) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema of a parameter or a JSON body, with the place where it is."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            where = f"{method.upper()} {path}"
            for parameter in operation.get("parameters", []):
                yield f"{where} {parameter['in']} {parameter['name']}", parameter["schema"]
            for media, content in operation.get("requestBody", {}).get("content", {}).items():
                if media == "application/json":
                    yield where, content["schema"]


def without_limit(
    document: Document, place: str, schema: dict[str, Any], seen: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Places below `schema` where a number or a text may be as large as it likes."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in seen:
            yield from without_limit(document, place, document["components"]["schemas"][name], seen | {name})
        return
    for member in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from without_limit(document, place, member, seen)
    kind = schema.get("type")
    if kind == "integer" and not (
        schema.get("minimum", -BIGINT) > -BIGINT and schema.get("maximum", BIGINT) < BIGINT
    ):
        yield f"{place}: integer"
    if kind == "string" and not (
        {"maxLength", "enum", "const", "pattern"} & schema.keys() or schema.get("format") in SHORT_BY_FORM
    ):
        yield f"{place}: string"
    if kind == "array" and "items" in schema:
        yield from without_limit(document, f"{place}[]", schema["items"], seen)
    for name, member in schema.get("properties", {}).items():
        yield from without_limit(document, f"{place}.{name}", member, seen)


def test_every_number_and_text_that_may_be_sent_has_a_limit(document: Document) -> None:
    places = [found for place, schema in sent(document) for found in without_limit(document, place, schema)]

    assert not sorted(set(places)), "\n".join(sorted(set(places)))


def test_sees_what_has_no_limit(document: Document) -> None:
    schema = {
        "type": "object",
        "properties": {
            "free": {"type": "string"},
            "short": {"type": "string", "maxLength": 5},
            "count": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]},
            "many": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 9}},
        },
    }
    assert list(without_limit(document, "x", schema)) == ["x.free: string", "x.count: integer"]
