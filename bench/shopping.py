"""What a buyer does, over the REST API: the journeys that the workloads repeat."""

from typing import Any

from bench.client import Client

ADDRESS = {
    "name": "Ann Buyer",
    "street1": "1 Main Street",
    "postal_code": "10001",
    "city": "New York",
    "region": "NY",
    "country": "US",
}


class WrongAnswer(Exception):
    """The status was right and the content was not."""


async def new_cart(client: Client, variant_id: str) -> dict[str, Any]:
    """W4: one call, a cart with one item."""
    client.headers.pop("X-Cart-Token", None)
    cart = await client.call("POST", "/api/v1/carts", {"lines": [{"variant_id": variant_id, "quantity": 1}]})
    if len(cart["lines"]) != 1 or cart["totals"]["total"]["amount"] <= 0:
        raise WrongAnswer("a new cart has one line and a price")
    client.headers["X-Cart-Token"] = cart["token"]
    found: dict[str, Any] = cart
    return found


async def checkout(client: Client, variant_ids: list[str], email: str) -> dict[str, Any]:
    """W5: six calls or fewer from nothing to an order that is placed and paid."""
    cart = await new_cart(client, variant_ids[0])
    path = f"/api/v1/carts/{cart['id']}"
    for variant_id in variant_ids[1:]:
        cart = await client.call("POST", f"{path}/lines", {"variant_id": variant_id, "quantity": 1})
    await client.call("PATCH", path, {"email": email, "shipping_address": ADDRESS})
    methods = await client.call("GET", f"{path}/delivery-methods")
    method_id = methods["items"][0]["id"]
    cart = await client.call("PATCH", path, {"delivery_method_id": method_id})
    payment = {"provider": "simulator", "token": "sim_ok"}
    body = {"expected_total": cart["totals"]["total"], "payment": payment}
    order: dict[str, Any] = await client.call("POST", f"{path}/complete", body)
    if order["status"] != "placed" or order["payment_status"] != "paid":
        raise WrongAnswer("the order is placed and paid when the last reply comes")
    if len(order["lines"]) != len(set(variant_ids)):
        raise WrongAnswer("the order has every line")
    return order


async def all_products(client: Client) -> list[dict[str, Any]]:
    """Every product with its variants, read through the API."""
    slugs: list[str] = []
    cursor = ""
    while True:
        page = await client.call("GET", f"/api/v1/products?limit=100&sort=name{cursor}")
        slugs += [item["slug"] for item in page["items"]]
        if not page["next_cursor"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    return [await client.call("GET", f"/api/v1/products/{slug}") for slug in slugs]
