"""The REST routes of carts and stock behind the real edge."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from carts.conftest import FakeCatalog, Shop
from mercato.carts.api import admin, pricing, taxes
from mercato.carts.api import shop as shop_api
from mercato.catalog.stock.api import goods, levels, locations
from mercato.edge.app import app_of
from mercato.kernel.context import GUEST, Context, Principal, PrincipalKind
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings
from stock.conftest import MAIN

HOST = "shop.test"
RIGHTS = ("stock", "promotions", "settings", "customers", "orders")


class KnownUsers:
    """The one method of users that the edge needs."""

    def __init__(self) -> None:
        rights = frozenset(f"{act}_{what}" for act in ("read", "write") for what in RIGHTS)
        self.people = {
            "staff": Principal(PrincipalKind.USER, new_id(), "mia@example.com", permissions=rights),
            "ada": Principal(PrincipalKind.USER, new_id(), "ada@example.com"),
        }

    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        return self.people.get(credential, GUEST)


class SmallShop:
    """What compose gives to the edge."""

    def __init__(self, runtime: Runtime, shop: Shop) -> None:
        self.runtime = runtime
        self.clients: dict[str, Any] = {"users": KnownUsers(), "carts": shop.carts, "stock": shop.stock}


class Door:
    """A client of the API, and the shop behind it."""

    def __init__(self, client: httpx.AsyncClient, shop: Shop) -> None:
        self.client = client
        self.shop = shop

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str = "", as_: str = ""
    ) -> httpx.Response:
        headers = {"X-Cart-Token": token} if token else {}
        if as_:
            headers["Authorization"] = f"Bearer {as_}"
        return await self.client.request(method, f"/api/v1{path}", headers=headers, json=body)


@pytest.fixture
async def door(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Door]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32, base_url=f"http://{HOST}",
    )  # fmt: skip
    runtime = Runtime(settings)
    await runtime.nats.connect(nats_url)
    shop = Shop(runtime, FakeCatalog())
    stock_rooms = (*levels.routes, *goods.routes, *locations.routes)
    rooms = (*shop_api.routes, *admin.routes, *pricing.routes, *taxes.routes, *stock_rooms)
    handlers = [("/api/v1", each) for each in rooms]
    small: Any = SmallShop(runtime, shop)
    gate = app_of(small, handlers, with_pages=False)
    await gate.start()
    transport = httpx.ASGITransport(app=gate, raise_app_exceptions=False, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        yield Door(client, shop)
    await gate.stop()
    await runtime.nats.close()
    await runtime.close()


async def test_a_guest_fills_a_cart_over_rest(door: Door) -> None:
    mug = str(await door.shop.sell(1200))
    await door.shop.method(500)
    made = await door.call("POST", "/carts", {"lines": [{"variant_id": mug, "quantity": 1}]})
    assert made.status_code == 201, made.text
    cart = made.json()
    path, token = f"/carts/{cart['id']}", cart["token"]
    added = await door.call("POST", f"{path}/lines", {"variant_id": mug, "quantity": 2}, token=token)
    assert (added.status_code, added.json()["lines"][0]["quantity"]) == (201, 3)
    line = f"{path}/lines/{cart['lines'][0]['id']}"
    changed = await door.call("PATCH", line, {"quantity": 2}, token=token)
    assert changed.json()["totals"]["total"] == {"amount": 2400, "currency": "EUR"}
    methods = (await door.call("GET", f"{path}/delivery-methods", token=token)).json()["items"]
    address = {
        "name": "Ada Park", "street1": "Lindenstr. 1", "postal_code": "10969", "city": "Berlin",
        "country": "DE",
    }  # fmt: skip
    body = {"email": "ada@example.com", "shipping_address": address, "delivery_method_id": methods[0]["id"]}
    patched = await door.call("PATCH", path, body, token=token)
    assert patched.status_code == 200, patched.text
    assert patched.json()["requirements"] == ["payment"]
    assert patched.json()["totals"]["due"]["amount"] == 2900
    explained = await door.call("GET", f"{path}/explain", token=token)
    assert explained.json()["steps"][0]["step"] == "list_price"
    emptied = await door.call("DELETE", line, token=token)
    assert (emptied.status_code, emptied.json()["lines"]) == (200, [])
    assert (await door.call("DELETE", path, token=token)).status_code == 204
    gone = await door.call("GET", path, token=token)
    assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


async def test_bad_requests_are_problems_with_fields(door: Door) -> None:
    mug = str(await door.shop.sell(1200))
    cart = (await door.call("POST", "/carts", {})).json()
    path, token = f"/carts/{cart['id']}", cart["token"]
    for body in (
        {"variant_id": mug, "quantity": 0},
        {"variant_id": mug, "quantity": 10_001},
        {"variant_id": mug, "quantity": 1, "price": 1},
        {"variant_id": str(new_id()), "quantity": 1},
        {"variant_id": mug, "quantity": 1, "custom": {"k" * 51: "v"}},
        {"variant_id": mug, "quantity": 1, "custom": {"k": "\u0000"}},
    ):
        answer = await door.call("POST", f"{path}/lines", body, token=token)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.headers["content-type"].startswith("application/problem+json")
    coupon = await door.call("POST", f"{path}/coupons", {"code": "nope"}, token=token)
    assert (coupon.status_code, coupon.json()["code"]) == (422, "coupon_invalid")
    assert (await door.call("GET", path)).status_code == 404
    assert (await door.call("GET", path, token="wrong")).status_code == 404
    assert (await door.call("GET", path, token=token)).json()["version"] == 1


async def test_a_customer_takes_the_guests_cart_along(door: Door) -> None:
    mug = str(await door.shop.sell(1200))
    cart = (await door.call("POST", "/carts", {"lines": [{"variant_id": mug, "quantity": 1}]})).json()
    merge = f"/carts/{cart['id']}/merge"
    assert (await door.call("POST", merge, {}, token=cart["token"])).status_code == 401
    mine = await door.call("POST", merge, {"choice": "merge"}, token=cart["token"], as_="ada")
    assert mine.status_code == 200, mine.text
    assert (await door.call("GET", f"/carts/{cart['id']}", as_="ada")).status_code == 200
    assert (await door.call("GET", f"/carts/{cart['id']}", token=cart["token"])).status_code == 404


async def test_staff_shapes_prices_over_rest(door: Door) -> None:
    promotion = {"name": "Sale", "label": "Sale", "reward": "percent", "percent": "10", "coupon_code": "TEN"}
    made = await door.call("POST", "/admin/promotions", promotion, as_="staff")
    assert made.status_code == 201, made.text
    path = f"/admin/promotions/{made.json()['id']}"
    put = await door.call("PUT", path, {**promotion, "percent": "20", "version": 1}, as_="staff")
    assert (put.status_code, put.json()["version"]) == (200, 2)
    stale = await door.call("PUT", path, {**promotion, "version": 1}, as_="staff")
    assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
    coupons = (await door.call("GET", "/admin/coupons", as_="staff")).json()["items"]
    assert [(one["code"], one["used"]) for one in coupons] == [("TEN", 0)]
    assert (await door.call("DELETE", path, as_="staff")).status_code == 204
    for kind, body in (
        ("delivery-methods", {"code": "std", "name": "Standard", "countries": ["DE"], "price": 500}),
        ("tax-rates", {"name": "VAT", "country": "DE", "rate": "0.19"}),
    ):
        made = await door.call("POST", f"/admin/{kind}", body, as_="staff")
        assert made.status_code == 201, made.text
        again = await door.call("POST", f"/admin/{kind}", body, as_="staff")
        assert again.status_code == 409
        one = f"/admin/{kind}/{made.json()['id']}"
        assert (await door.call("PUT", one, {**body, "version": 1}, as_="staff")).status_code == 200
        unknown = await door.call("PUT", one, {**body, "x": 1}, as_="staff")
        assert unknown.status_code == 422
        assert (await door.call("GET", f"/admin/{kind}", as_="staff")).json()["total"] == 1
        assert (await door.call("DELETE", one, as_="staff")).status_code == 204
        assert (await door.call("GET", f"/admin/{kind}", as_="ada")).status_code == 403
        assert (await door.call("GET", f"/admin/{kind}")).status_code == 401


async def test_staff_counts_stock_over_rest(door: Door) -> None:
    mug = str(await door.shop.sell(1200, 10))
    level = (await door.call("GET", "/admin/stock-levels?q=mug", as_="staff")).json()["items"][0]
    assert {key: level[key] for key in ("variant_id", "sku", "on_hand", "available", "version")} == {
        "variant_id": mug, "sku": "MUG", "on_hand": 10, "available": 10, "version": 1,
    }  # fmt: skip
    place = {"variant_id": mug, "location_id": str(MAIN)}
    adjusted = await door.call(
        "POST", "/admin/stock-levels/adjust", {**place, "delta": -4, "reason": "Lost"}, as_="staff"
    )
    assert (adjusted.status_code, adjusted.json()["on_hand"]) == (200, 6)
    counted = await door.call(
        "PUT", "/admin/stock-levels", {**place, "on_hand": 8, "version": 2}, as_="staff"
    )
    assert counted.json()["on_hand"] == 8
    refused = await door.call(
        "POST", "/admin/stock-levels/adjust", {**place, "delta": -9, "reason": ""}, as_="staff"
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "stock_promised")
    movements = (await door.call("GET", "/admin/stock-movements", as_="staff")).json()
    assert [one["quantity"] for one in movements["items"]] == [2, -4, 10]
    assert (await door.call("GET", "/admin/reservations", as_="staff")).json()["total"] == 0
    assert (await door.call("GET", "/admin/stock-locations", as_="staff")).json()["items"][0][
        "code"
    ] == "main"
    for path in ("stock-levels", "stock-movements", "reservations", "stock-locations"):
        assert (await door.call("GET", f"/admin/{path}", as_="ada")).status_code == 403


async def test_staff_keeps_lists_groups_zones_and_codes_over_rest(door: Door) -> None:
    mug = str(await door.shop.sell(1200))
    for kind, body in (
        ("price-lists", {"name": "Dozen", "priority": 1}),
        ("customer-groups", {"name": "Wholesale"}),
        ("tax-zones", {"name": "South", "countries": ["FR"], "rates": [{"name": "TVA", "rate": "0.2"}]}),
        ("tax-classes", {"code": "books", "name": "Books"}),
    ):
        made = await door.call("POST", f"/admin/{kind}", body, as_="staff")
        assert made.status_code == 201, made.text
        one = f"/admin/{kind}/{made.json()['id']}"
        assert (await door.call("PUT", one, {**body, "version": 1}, as_="staff")).json()["version"] == 2
        stale = await door.call("PUT", one, {**body, "version": 1}, as_="staff")
        assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
        assert (await door.call("GET", f"/admin/{kind}", as_="ada")).status_code == 403
        if kind == "price-lists":
            prices = {"prices": [{"variant_id": mug, "price": 900, "min_quantity": 12}]}
            assert (await door.call("PUT", f"{one}/prices", prices, as_="staff")).status_code == 204
            trial = {"lines": [{"variant_id": mug, "quantity": 12}]}
            tried = await door.call("POST", "/admin/price-trials", trial, as_="staff")
            assert tried.json()["totals"]["total"]["amount"] == 10_800, tried.text
            found = (await door.call("GET", f"{one}/prices", as_="staff")).json()
            assert found["items"] == prices["prices"]
            gone = await door.call("DELETE", f"{one}/prices/{mug}?min_quantity=12", as_="staff")
            assert gone.status_code == 204
        if kind == "customer-groups":
            members = {"add": [str(new_id())]}
            assert (await door.call("PUT", f"{one}/members", members, as_="staff")).status_code == 204
            assert (await door.call("GET", f"{one}/members", as_="staff")).json()["items"] == members["add"]
        assert (await door.call("DELETE", one, as_="staff")).status_code == 204


async def test_a_file_of_codes_has_every_one_of_them(door: Door) -> None:
    promotion = {"name": "Sale", "label": "Sale", "reward": "percent", "percent": "10"}
    made = await door.call("POST", "/admin/promotions", promotion, as_="staff")
    path = f"/admin/promotions/{made.json()['id']}"
    body = {"count": 250, "prefix": "FAIR-", "batch": "Fair"}
    assert (await door.call("POST", f"{path}/codes", body, as_="staff")).json() == {"made": 250}
    file = await door.call("GET", f"{path}/codes.csv", as_="staff")
    assert file.headers["content-type"].startswith("text/csv")
    lines = file.text.splitlines()
    assert lines[0] == "code,batch,used,usage_limit,is_active"
    assert len(set(lines)) == 251 and all(line.startswith("FAIR-") for line in lines[1:])
    assert (await door.call("GET", f"{path}/codes.csv", as_="ada")).status_code == 403
    assert (await door.call("GET", f"/admin/promotions/{new_id()}/codes.csv", as_="staff")).status_code == 404
    code = (await door.call("GET", f"{path}/codes?q=fair&limit=1", as_="staff")).json()["items"][0]
    blocked = await door.call("PUT", f"/admin/codes/{code['id']}", {"is_active": False}, as_="staff")
    assert blocked.json()["is_active"] is False
    assert (await door.call("GET", f"{path}/uses", as_="staff")).json()["items"] == []
