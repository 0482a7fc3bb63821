"""Who asks, whether they may, and what a wrong request is answered."""

import gc
from typing import Annotated, Any
from uuid import UUID

import msgspec
import pytest
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, QueryParameter

from edge.sample_routes import CUP, HANDLERS, THING, make_counted, seen, whoami
from mercato.edge.app import app_of
from mercato.edge.exchange import Exchange
from mercato.edge.routes import RouteError
from mercato.kernel.web import PUBLIC, SIGNED_IN


@pytest.fixture
async def door(open_door: Any) -> Any:
    seen.clear()
    return await open_door(HANDLERS)


async def test_a_guest_is_a_guest_in_the_default_channel_and_language(door: Any) -> None:
    reply = await door.get("/api/v1/whoami")
    body = reply.json()
    assert reply.status_code == 200
    assert (body["principal"], body["channel"], body["locale"]) == ("", "default", "en")
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["client_address"] == "192.0.2.7"
    assert body["idempotency_key"] is None
    assert len(body["request_id"]) == 32


async def test_takes_channel_language_and_ids_from_the_request(door: Any) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {
        "X-Channel": "outlet", "Accept-Language": "fr;q=0.2, de-at;q=0.9", "X-Request-Id": "abc-12345678",
        "traceparent": parent,
    }  # fmt: skip
    body = (await door.get("/api/v1/whoami", headers=headers)).json()
    assert (body["channel"], body["locale"]) == ("outlet", "de-AT")
    assert (body["request_id"], body["trace_id"]) == ("abc-12345678", parent)
    assert (await door.get("/api/v1/whoami?channel=b2b", headers=headers)).json()["channel"] == "b2b"


async def test_makes_its_own_request_id_instead_of_an_insane_one(door: Any) -> None:
    reply = await door.get("/api/v1/whoami", headers={"X-Request-Id": "a b\tc<script>"})
    assert reply.headers["x-request-id"] == reply.json()["request_id"]
    assert "<" not in reply.json()["request_id"]


async def test_believes_x_forwarded_for_only_from_a_trusted_proxy(open_door: Any, shop: Any) -> None:
    headers = {"X-Forwarded-For": "203.0.113.9, 192.0.2.1"}
    door = await open_door([whoami])
    assert (await door.get("/api/v1/whoami", headers=headers)).json()["client_address"] == "192.0.2.7"
    shop.runtime.settings = msgspec.structs.replace(shop.runtime.settings, trusted_proxies="192.0.2.0/24")
    door = await open_door([whoami])
    assert (await door.get("/api/v1/whoami", headers=headers)).json()["client_address"] == "203.0.113.9"


async def test_knows_a_bearer_and_a_browser_session(door: Any) -> None:
    bearer = {"Authorization": "Bearer customer"}
    assert (await door.get("/api/v1/mine", headers=bearer)).json() == "ada@example.com"
    assert (
        await door.get("/api/v1/mine", headers={"Cookie": "session=customer"})
    ).json() == "ada@example.com"


async def test_refuses_a_wrong_bearer_and_a_guest_with_401(door: Any) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic eDp5"}):
        reply = await door.get("/api/v1/mine", headers=headers)
        assert reply.status_code == 401
        assert reply.headers["content-type"] == "application/problem+json"
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.json()["code"] in ("unauthenticated", "credential_invalid")


async def test_refuses_who_lacks_the_permission_with_403_and_runs_nothing(door: Any) -> None:
    staff_header = {"Authorization": "Bearer staff"}
    assert (await door.get("/api/v1/staff", headers=staff_header)).json() == "grace@example.com"
    reply = await door.get("/api/v1/refunds", headers=staff_header)
    assert reply.status_code == 403
    assert reply.json()["code"] == "denied"
    assert reply.json()["permission"] == "refund_orders"
    assert seen == []


async def test_tells_staff_from_customers(door: Any) -> None:
    assert (await door.get("/api/v1/desk")).status_code == 401
    assert (await door.get("/api/v1/desk", headers={"Authorization": "Bearer customer"})).status_code == 403
    assert (await door.get("/api/v1/desk", headers={"Authorization": "Bearer staff"})).status_code == 200


async def test_asks_users_once_a_second_for_the_same_credential(door: Any, shop: Any) -> None:
    for _ in range(5):
        await door.get("/api/v1/mine", headers={"Authorization": "Bearer customer"})
    assert shop.users.calls == 1


def test_refuses_to_start_with_a_handler_that_declares_no_permission(shop: Any) -> None:
    @get("/open")
    async def open_to_all() -> str:
        return "oops"

    with pytest.raises(RouteError, match=r"open_to_all \(/api/v1/open\) declares no permission"):
        app_of(shop, [("/api/v1", open_to_all)], with_pages=False)


def test_refuses_to_start_with_a_contract_that_the_shop_lacks(shop: Any) -> None:
    @get("/x", permission=PUBLIC)
    async def needs_orders(orders: Any) -> str:
        return "no"

    with pytest.raises(RouteError, match="needs orders"):
        app_of(shop, [("/api/v1", needs_orders)], with_pages=False)


def test_refuses_to_start_with_a_form_that_could_never_be_read(shop: Any) -> None:
    @post("/x", permission=PUBLIC)
    async def upload(
        data: Annotated[dict[str, UploadFile | str], Body(media_type=RequestEncodingType.MULTI_PART)],
    ) -> str:
        return "no"

    with pytest.raises(RouteError, match="upload cannot be called"):
        app_of(shop, [("/api/v1", upload)], with_pages=False)


async def test_reads_an_upload_and_refuses_other_bodies(open_door: Any) -> None:
    @post("/x", permission=PUBLIC)
    async def upload(
        data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
    ) -> list[str]:
        return [(await data["image"].read()).decode()]

    door = await open_door([upload])
    assert (await door.post("/api/v1/x", files={"image": ("a.txt", b"bytes")})).json() == ["bytes"]
    assert (await door.post("/api/v1/x", json={"image": "a"})).status_code == 415
    assert (await door.post("/api/v1/x")).status_code == 400


def test_refuses_to_cache_what_is_not_public(shop: Any) -> None:
    @get("/x", permission=SIGNED_IN, cached=("products",))
    async def mine_alone() -> str:
        return "no"

    with pytest.raises(RouteError, match="must be a GET with permission=PUBLIC"):
        app_of(shop, [("/api/v1", mine_alone)], with_pages=False)


async def test_reads_a_body_and_gives_201(door: Any) -> None:
    body = {"name": "cup", "quantity": 2, "price": {"amount": 1299, "currency": "EUR"}, "parts": []}
    reply = await door.post("/api/v1/things", json=body)
    assert (reply.status_code, reply.json()) == (201, body)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"name": "cup", "quantity": 10}, "quantity", "too_large"),
        ({"name": "cup", "quantity": "2"}, "quantity", "wrong_type"),
        ({"name": "teapot", "quantity": 1}, "name", "too_long"),
        ({"name": "", "quantity": 1}, "name", "too_short"),
        ({"name": "cup"}, "quantity", "required"),
        ({"name": "cup", "quantity": 1, "color": "red"}, "color", "unknown_field"),
        (CUP | {"parts": [{"name": "lid", "quantity": 0}]}, "parts.0.quantity", "too_small"),
        (CUP | {"price": {"amount": "x", "currency": "EUR"}}, "price.amount", "wrong_type"),
        ([], "", "wrong_type"),
    ],
)  # fmt: skip
async def test_names_the_field_that_is_wrong(door: Any, body: Any, field: str, code: str) -> None:
    reply = await door.post("/api/v1/things", json=body)
    assert reply.status_code == 422
    assert [(each["field"], each["code"]) for each in reply.json()["errors"]] == [(field, code)]
    assert reply.json()["errors"][0]["message"].endswith(".")
    assert seen == []


@pytest.mark.parametrize("content", [b"{", b"", b'{"name": "\xff"}', b"nope"])
async def test_answers_400_to_what_is_no_json(door: Any, content: bytes) -> None:
    reply = await door.post("/api/v1/things", content=content, headers={"Content-Type": "application/json"})
    assert reply.status_code == 400
    assert seen == []


async def test_refuses_json_that_nests_too_deep_and_not_brackets_in_text(door: Any) -> None:
    deep = b"[" * 2000 + b"]" * 2000
    reply = await door.post("/api/v1/things", content=deep, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (400, "json_too_deep")
    reply = await door.post("/api/v1/things", json={"name": "[" * 60 + '"', "quantity": 1})
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (422, "too_long")


async def test_answers_415_to_a_form_where_json_belongs(door: Any) -> None:
    reply = await door.post("/api/v1/things", data={"name": "cup"})
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


async def test_answers_413_to_a_body_over_one_mebibyte(door: Any) -> None:
    content = b'{"name": "' + b"x" * 1024 * 1024 + b'"}'
    reply = await door.post("/api/v1/things", content=content, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (413, "body_too_large")
    assert seen == []


async def test_answers_431_to_headers_that_are_too_large(door: Any) -> None:
    reply = await door.get("/api/v1/whoami", headers={"X-Much": "x" * 17_000})
    assert (reply.status_code, reply.json()["code"]) == (431, "headers_too_large")


async def test_reads_query_path_and_lists(door: Any) -> None:
    query = "limit=3&color=red&color=blue&big=true&since=2026-01-01T00:00:00Z"
    assert (await door.get(f"/api/v1/things/{THING}?{query}")).json() == {
        "id": THING, "since": "2026-01-01T00:00:00Z", "limit": 3, "color": ["red", "blue"], "big": True,
        "cursor": None, "price": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("limit=101", "limit", "too_large"),
        ("price_max=-1", "price_max", "too_small"),
        ("limit=0", "limit", "too_small"),
        ("limit=x", "limit", "wrong_type"),
        ("limit=", "limit", "wrong_type"),
        ("big=maybe", "big", "wrong_type"),
        ("since=yesterday", "since", "wrong_format"),
        ("since=0.5", "since", "wrong_format"),
        ("cursor=" + "x" * 501, "cursor", "too_long"),
        ("limit=3&limit=4", "limit", "repeated"),
    ],
)
async def test_names_the_query_parameter_that_is_wrong(door: Any, query: str, field: str, code: str) -> None:
    reply = await door.get(f"/api/v1/things/{THING}?{query}")
    assert reply.status_code == 422
    assert [(each["field"], each["code"]) for each in reply.json()["errors"]] == [(field, code)]


async def test_refuses_a_parameter_that_nobody_reads(door: Any) -> None:
    seen.clear()
    reply = await door.get(f"/api/v1/things/{THING}?query=cup&limit=3&channel=b2b")
    assert (reply.status_code, reply.json()["code"]) == (422, "unknown_parameter")
    assert reply.json()["errors"] == [
        {"field": "query", "code": "unknown_parameter", "message": "There is no such parameter."}
    ]
    assert seen == []


async def test_requires_a_header_that_a_handler_names(door: Any) -> None:
    reply = await door.delete(f"/api/v1/things/{THING}")
    assert reply.status_code == 422
    assert reply.json()["errors"] == [
        {"field": "x-cart-token", "code": "required", "message": "This is required."}
    ]
    assert seen == []
    reply = await door.delete(f"/api/v1/things/{THING}", headers={"X-Cart-Token": "t0k"})
    assert (reply.status_code, reply.content) == (204, b"")
    assert seen == [(UUID(THING), "t0k")]


async def test_answers_404_to_an_unknown_path_and_to_an_id_that_is_none(door: Any) -> None:
    for path in ("/api/v1/nothing", "/api/v1/things/7", "/api/v1/whoami/", "/api/v1//whoami"):
        reply = await door.get(path)
        assert (path, reply.status_code, reply.json()["code"]) == (path, 404, "not_found")


async def test_answers_405_with_what_is_allowed(door: Any) -> None:
    reply = await door.put("/api/v1/things")
    assert reply.status_code == 405
    assert "POST" in reply.headers["allow"]


async def test_answers_head_like_get_without_a_body(door: Any) -> None:
    reply = await door.head("/api/v1/whoami")
    assert (reply.status_code, reply.content) == (200, b"")
    assert int(reply.headers["content-length"]) > 50


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [("missing", 404, "thing_not_found"), ("conflict", 409, "version_conflict"),
     ("throttled", 429, "slow_down"), ("unavailable", 503, "unavailable"), ("bug", 500, "internal_error")],
)  # fmt: skip
async def test_maps_an_error_to_its_status_and_code(door: Any, how: str, status: int, code: str) -> None:
    reply = await door.get(f"/api/v1/fails/{how}")
    body = reply.json()
    assert (reply.status_code, body["status"], body["code"]) == (status, status, code)
    assert reply.headers["content-type"] == "application/problem+json"
    assert body["request_id"] == reply.headers["x-request-id"]
    assert body["type"].endswith(code) and body["title"]
    assert "secret" not in reply.text


async def test_says_when_to_come_back(door: Any) -> None:
    assert (await door.get("/api/v1/fails/throttled")).headers["retry-after"] == "17"
    assert (await door.get("/api/v1/fails/unavailable")).headers["retry-after"] == "5"
    assert (await door.get("/api/v1/fails/conflict")).json()["version"] == 4


async def test_ends_a_request_that_takes_too_long_with_503(door: Any) -> None:
    reply = await door.get("/api/v1/slow")
    assert (reply.status_code, reply.json()["code"]) == (503, "timeout")
    assert (await door.get("/api/v1/whoami")).status_code == 200


async def test_passes_on_a_response_with_its_own_status_and_headers(door: Any) -> None:
    reply = await door.get("/api/v1/accepted")
    assert (reply.status_code, reply.json(), reply.headers["x-more"]) == (
        202,
        {"status": "processing"},
        "yes",
    )
    assert reply.headers["x-request-id"]


async def test_tells_staff_what_a_request_cost_and_nobody_else(door: Any) -> None:
    ask = {"X-Debug-Cost": "1"}
    reply = await door.get("/api/v1/staff", headers={**ask, "Authorization": "Bearer staff"})
    assert 'desc="0 statements"' in reply.headers["server-timing"]
    reply = await door.get("/api/v1/mine", headers={**ask, "Authorization": "Bearer customer"})
    assert "server-timing" not in reply.headers


async def test_compresses_large_answers_when_the_client_takes_it(open_door: Any) -> None:
    @get("/large", permission=PUBLIC)
    async def large(size: Annotated[int, QueryParameter(name="size")] = 5000) -> list[str]:
        return ["the same text"] * (size // 16)

    door = await open_door([large])
    for encoding in ("br", "gzip"):
        reply = await door.get("/api/v1/large", headers={"Accept-Encoding": encoding})
        assert reply.headers["content-encoding"] == encoding
        assert int(reply.headers["content-length"]) < 500
        assert reply.json() == ["the same text"] * 312
    reply = await door.get("/api/v1/large", headers={"Accept-Encoding": "br;q=0"})
    assert "content-encoding" not in reply.headers
    assert "content-encoding" not in (await door.get("/api/v1/large?size=160")).headers


async def test_describes_routes_with_their_limits_and_problems(open_door: Any) -> None:
    door = await open_door([*HANDLERS, make_counted])
    document = (await door.get("/api/v1/openapi.json")).json()
    assert document["openapi"] == "3.1.0"
    thing = document["components"]["schemas"]["NewThing"]
    assert thing["additionalProperties"] is False
    assert thing["properties"]["quantity"] == {"type": "integer", "minimum": 1, "maximum": 9}
    parameters = {
        each["name"]: each for each in document["paths"]["/api/v1/things/{thing_id}"]["get"]["parameters"]
    }
    assert parameters["thing_id"]["schema"] == {"type": "string", "format": "uuid"}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 100}
    assert parameters["since"]["schema"]["anyOf"][0]["format"] == "date-time"
    staff = document["paths"]["/api/v1/staff"]["get"]
    assert staff["x-permission"] == "read_orders"
    assert staff["security"] == [{"bearer": []}, {"session": []}]
    made = document["paths"]["/api/v1/counted"]["post"]["responses"]
    assert made["201"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Counted"}
    assert made["402"]["description"] == "The provider declined."
    assert set(made) >= {"400", "401", "403", "404", "405", "409", "413", "415", "422", "429", "500", "503"}
    problem = document["components"]["responses"]["Problem422"]["content"]["application/problem+json"][
        "schema"
    ]
    assert problem == {"$ref": "#/components/schemas/ProblemDetails"}


async def test_shows_the_description_to_people_without_a_script(open_door: Any) -> None:
    door = await open_door([*HANDLERS, make_counted], with_pages=True)
    reply = await door.get("/api/docs")
    assert reply.status_code == 200
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert "<script" not in reply.text and "style=" not in reply.text
    assert "/api/v1/things/{thing_id}" in reply.text
    assert "Needs the permission <code>read_orders</code>" in reply.text
    assert "integer (1 to 9)" in reply.text
    assert "string (uuid)" in reply.text


@pytest.mark.parametrize("path", ["whoami", "things/x", "nothing", "mine", "accepted"])
async def test_leaves_nothing_of_a_request_to_the_garbage_collector(door: Any, path: str) -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(3):
            await door.get(f"/api/v1/{path}")
        left = sum(isinstance(each, Exchange) for each in gc.get_objects())
    finally:
        gc.enable()
    assert left == 0
