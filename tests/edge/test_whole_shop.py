"""The application of the whole shop: every route of every service, as the product serves it."""

from typing import Any

from mercato import compose
from mercato.edge.app import create_app
from mercato.edge.gate import Gate
from mercato.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"


def whole_app(database_url: str, nats_url: str) -> Gate:
    settings = Settings(environment="test", database_url=database_url, nats_url=nats_url, secret_key=SECRET)
    return create_app(compose.build(settings, ["all"]))


def handlers_of(gate: Gate) -> list[Any]:
    return [handler for route in gate.app.routes for handler in getattr(route, "route_handlers", [])]


def test_every_route_declares_who_may_call_it(database_url: str, nats_url: str) -> None:
    gate = whole_app(database_url, nats_url)
    for handler in handlers_of(gate):
        permission = handler.opt["route"].permission
        assert isinstance(permission, str) and permission, handler
    assert len(handlers_of(gate)) > 100


def test_every_admin_route_needs_a_permission_of_its_own(database_url: str, nats_url: str) -> None:
    gate = whole_app(database_url, nats_url)
    open_ones = sorted(
        path
        for handler in handlers_of(gate)
        for path in handler.paths
        if path.startswith(("/admin", "/api/v1/admin"))
        and handler.opt["route"].permission in ("public", "signed_in")
        and handler.http_methods != {"OPTIONS"}
        and "sign-in" not in path and "sign-out" not in path
    )  # fmt: skip
    assert open_ones == []


def test_every_api_route_is_described(database_url: str, nats_url: str) -> None:
    gate = whole_app(database_url, nats_url)
    handler = next(each for each in handlers_of(gate) if "/api/v1/openapi.json" in each.paths)
    document = handler.opt["route"].plan.bindings.fixed["description"].document()
    paths = document["paths"]
    assert {"/api/v1/products", "/api/v1/carts", "/api/v1/carts/{cart_id}/complete"} <= set(paths)
    ids = [operation["operationId"] for methods in paths.values() for operation in methods.values()]
    assert len(ids) == len(set(ids))
    assert all(operation["summary"] for methods in paths.values() for operation in methods.values())
    names = {
        f"#/components/{kind}/{name}" for kind, members in document["components"].items() for name in members
    }
    assert references_in(document) <= names
    assert not [name for name in document["components"]["schemas"] if "." in name], "two shapes share a name"


def references_in(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return own.union(*(references_in(each) for each in value.values()))
    if isinstance(value, list):
        return set().union(*(references_in(each) for each in value))
    return set()
