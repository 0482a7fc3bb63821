"""The catalog's doors over HTTP: what a client of the REST API sees."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image as Pillow

from mercato.engines import child
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment

OWNER = {"MERCATO_OWNER_EMAIL": "owner@example.com", "MERCATO_OWNER_PASSWORD": "correct horse battery"}
API = "/api/v1"


@pytest.fixture
def http(database_url: str, nats_url: str, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    env = shop_environment(database_url, nats_url, namespace, tmp_path, **OWNER)
    with running_shop(ALL_IN_ONE, env, tmp_path) as shop:
        yield shop


@pytest.fixture
def staff(http: Shop) -> dict[str, str]:
    """Headers of the signed-in owner."""
    created = http.command("users", "create-owner")
    assert created.returncode == 0, created.stderr
    answer = http.client.post(
        f"{API}/auth/login",
        json={"email": OWNER["MERCATO_OWNER_EMAIL"], "password": OWNER["MERCATO_OWNER_PASSWORD"]},
    )
    assert answer.status_code in (200, 201), answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def make_bowl(client: httpx.Client, staff: dict[str, str]) -> httpx.Response:
    attribute = {"code": "material", "label": "Material", "kind": "multiselect", "unit": None, "values": [],
                 "is_filterable": True, "position": 0}  # fmt: skip
    assert client.put(f"{API}/admin/attributes/material", json=attribute, headers=staff).status_code == 200
    category = {"slug": "bowls", "name": "Bowls"}
    assert client.post(f"{API}/admin/categories", json=category, headers=staff).status_code == 201
    product = {
        "name": "Oak bowl",
        "status": "active",
        "category": "bowls",
        "attributes": {"material": ["oak"]},
        "variants": [{"sku": "BOWL", "price": 2400, "on_hand": 3}],
    }
    return client.post(f"{API}/admin/products", json=product, headers=staff)


@pytest.mark.timeout(120)
def test_a_product_goes_in_by_the_admin_and_comes_out_in_the_shop(http: Shop, staff: dict[str, str]) -> None:
    client = http.client
    assert client.get(f"{API}/products/oak-bowl").status_code == 404
    made = make_bowl(client, staff)
    assert made.status_code == 201, made.text
    product = made.json()

    def listed() -> bool:
        found = client.get(f"{API}/products", params={"q": "bowl", "material": "oak", "facets": "1"}).json()
        return [one["slug"] for one in found["items"]] == ["oak-bowl"]

    assert child.wait_until(listed, timeout_s=5, alive=lambda: True)
    assert client.get(f"{API}/products", params={"material": "ash"}).json()["total"] == 0
    shown = client.get(f"{API}/products/oak-bowl").json()
    assert shown["variants"][0]["price"] == {"amount": 2400, "currency": "EUR"}
    assert shown["variants"][0]["availability"] == "low"
    assert client.get(f"{API}/search/suggest", params={"q": "oa"}).json()["products"][0]["slug"] == "oak-bowl"
    assert client.get(f"{API}/categories/bowls").json()["product_count"] == 1

    stale = {"version": 9, "status": "draft"}
    refused = client.patch(f"{API}/admin/products/{product['id']}", json=stale, headers=staff)
    assert (refused.status_code, refused.json()["code"]) == (409, "version_conflict")
    price = {"price": 1900, "compare_at_price": 2400}
    variant_id = product["variants"][0]["id"]
    changed = client.put(f"{API}/admin/variants/{variant_id}/price", json=price, headers=staff)
    assert changed.status_code == 200, changed.text

    def repriced() -> bool:
        variant = client.get(f"{API}/products/oak-bowl").json()["variants"][0]
        return variant["price"]["amount"] == 1900 and variant["lowest_price_30d"]["amount"] == 2400

    assert child.wait_until(repriced, timeout_s=5, alive=lambda: True)
    assert client.post(f"{API}/admin/products", json={"name": "x"}).status_code == 401


@pytest.mark.timeout(120)
def test_pictures_and_files_go_in_and_out(http: Shop, staff: dict[str, str]) -> None:
    client = http.client
    product = make_bowl(client, staff).json()
    content = io.BytesIO()
    Pillow.new("RGB", (1000, 500), "teal").save(content, "PNG")
    files = {"image": ("bowl.png", content.getvalue(), "image/png")}
    uploaded = client.post(
        f"{API}/admin/products/{product['id']}/images", files=files, data={"alt": "A bowl"}, headers=staff
    )
    assert uploaded.status_code == 201, uploaded.text
    picture = client.get(uploaded.json()["url"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/webp")
    assert picture.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/media/nothing-960.webp").status_code == 404
    svg = {"image": ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml")}
    refused = client.post(f"{API}/admin/products/{product['id']}/images", files=svg, headers=staff)
    assert (refused.status_code, refused.json()["code"]) == (422, "image_not_readable")

    exported = client.get(f"{API}/admin/products/export", headers=staff)
    assert exported.headers["content-type"].startswith("text/csv")
    assert exported.text.splitlines()[1].startswith("oak-bowl,Oak bowl,")
    table = {"file": ("products.csv", exported.content.replace(b"Oak bowl", b"Ash bowl"), "text/csv")}
    started = client.post(f"{API}/admin/products/import", files=table, headers=staff)
    assert started.status_code == 202, started.text

    def done() -> bool:
        address = f"{API}/admin/products/imports/{started.json()['id']}"
        return bool(client.get(address, headers=staff).json()["status"] == "done")

    assert child.wait_until(done, timeout_s=10, alive=lambda: True)
    renamed = client.get(f"{API}/admin/products/{product['id']}", headers=staff).json()
    assert (renamed["name"], len(renamed["images"])) == ("Ash bowl", 1)
