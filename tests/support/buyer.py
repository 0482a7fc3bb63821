"""Somebody who buys over the REST API, as a guest or with an account."""

import re
import time
from typing import Any, Protocol

import httpx

from support.furnish import Goods

ADDRESS = {
    "name": "Mara Verlinden",
    "street1": "Oudegracht 12",
    "postal_code": "3511 AB",
    "city": "Utrecht",
    "country": "NL",
}
DECIDED_WITHIN_S = 20.0


class Reachable(Protocol):
    """A running shop, however it was started."""

    @property
    def url(self) -> str: ...


class Buyer:
    """One visitor with one cart at a time."""

    def __init__(self, shop: Reachable, goods: Goods, email: str = "mara@example.com") -> None:
        self.client = httpx.Client(base_url=shop.url, timeout=30, trust_env=False)
        self.goods = goods
        self.email = email
        self.cart: dict[str, Any] = {}

    def fill(self, **quantities: int) -> "Buyer":
        """A new cart with so many of each SKU (underscores stand for dashes)."""
        lines = [
            {"variant_id": self.goods.variants[sku.replace("_", "-")], "quantity": quantity}
            for sku, quantity in quantities.items()
        ]
        answer = self.client.post("/api/v1/carts", json={"lines": lines})
        assert answer.status_code == 201, answer.text
        self.cart = answer.json()
        self.client.headers["X-Cart-Token"] = self.cart["token"]
        return self

    def address(self) -> "Buyer":
        """Fill in everything that the cart still requires but the payment."""
        self.change({"email": self.email, "shipping_address": ADDRESS})
        answer = self.client.get(f"{self.path}/delivery-methods")
        assert answer.status_code == 200, answer.text
        methods = answer.json()["items"]
        return self.change({"delivery_method_id": methods[0]["id"]})

    def change(self, body: dict[str, Any]) -> "Buyer":
        answer = self.client.patch(self.path, json=body)
        assert answer.status_code == 200, answer.text
        self.cart = answer.json()
        return self

    def complete(self, token: str = "sim_ok", **changes: Any) -> httpx.Response:
        """Press the button."""
        body = {
            "expected_total": self.cart["totals"]["total"],
            "payment": {"provider": "simulator", "token": token, "return_url": "/checkout/return"},
        }
        return self.client.post(f"{self.path}/complete", json={**body, **changes})

    def buy(self, token: str = "sim_ok") -> dict[str, Any]:
        """Complete and expect the order."""
        answer = self.complete(token)
        assert answer.status_code == 201, answer.text
        order: dict[str, Any] = answer.json()
        return order

    def await_placed(self) -> dict[str, Any]:
        """Ask again until the payment is decided; the order."""
        end = time.monotonic() + DECIDED_WITHIN_S
        while True:
            answer = self.complete()
            if answer.status_code != 202 or time.monotonic() > end:
                assert answer.status_code == 201, answer.text
                order: dict[str, Any] = answer.json()
                return order
            time.sleep(0.1)

    def await_open(self) -> None:
        """Wait until a refused payment has given the cart back."""
        end = time.monotonic() + DECIDED_WITHIN_S
        while self.client.get(self.path).json()["status"] != "open":
            assert time.monotonic() < end, "the cart did not open again"
            time.sleep(0.1)

    def order(self, order: dict[str, Any]) -> dict[str, Any]:
        """The order as its buyer sees it, by number and token."""
        headers = {"X-Order-Token": order["token"]}
        answer = self.client.get(f"/api/v1/orders/{order['number']}", headers=headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def mails(self, *, await_template: str = "") -> list[dict[str, Any]]:
        """The buyer's mails, oldest first; waits until one of `await_template` is there."""
        end = time.monotonic() + DECIDED_WITHIN_S
        while True:
            answer = self.client.get("/api/v1/dev/mailbox", params={"recipient": self.email})
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = list(reversed(answer.json()["items"]))
            if not await_template or await_template in [mail["template"] for mail in found]:
                return found
            assert time.monotonic() < end, f"no mail {await_template}: {[m['template'] for m in found]}"
            time.sleep(0.05)

    @property
    def path(self) -> str:
        return f"/api/v1/carts/{self.cart['id']}"


def token_in(mail: dict[str, Any]) -> str:
    """The token of the link in a mail."""
    found = re.search(r"token=([\w.~-]+)", mail["text"])
    assert found, mail["text"]
    return found[1]
