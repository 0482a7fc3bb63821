"""A gift card is bought like goods: no tax, no delivery, no stock; it is mailed, and pays for goods only."""

import re
import uuid
from typing import Any

import httpx

from support.buyer import ADDRESS, Buyer
from support.furnish import Goods, Staff
from support.waiting import eventually_sync


def sold_by(staff: Staff) -> dict[str, Any]:
    sku = f"CARD-{uuid.uuid4().hex[:8].upper()}"
    body = {
        "name": f"Gift card {sku}", "status": "active", "product_type": "gift_card",
        "variants": [{"sku": sku, "price": 5000, "on_hand": 0}],
    }  # fmt: skip
    product: dict[str, Any] = staff.post("/products", body)
    return product


def test_a_gift_card_is_bought_mailed_and_spent_on_goods_only(
    goods: Goods, staff: Staff, buyer: Buyer
) -> None:
    product = sold_by(staff)
    variant = product["variants"][0]["id"]
    page = buyer.client.get(f"/p/{product['slug']}").text
    assert "For whom" in page and "Add to bag" in page
    recipient = f"grandma-{uuid.uuid4().hex[:8]}@example.com"
    line = {"variant_id": variant, "quantity": 1, "custom": {"recipient": recipient}}
    _begin(buyer, line)
    assert buyer.cart["requirements"] == ["payment"]
    totals = {name: buyer.cart["totals"][name]["amount"] for name in ("tax", "delivery", "total")}
    assert totals == {"tax": 0, "delivery": 0, "total": 5000}
    order = buyer.buy()
    assert (order["delivery"]["code"], order["tax_lines"]) == ("email", [])
    code = eventually_sync(lambda: _code_for(buyer, recipient), timeout_s=30)
    found = eventually_sync(lambda: _done(staff, order), timeout_s=30)
    assert found["lines"][0]["quantity_fulfilled"] == 1
    answer = buyer.client.post("/api/v1/gift-cards/balance", json={"code": code})
    assert answer.json()["available"]["amount"] == 5000, answer.text
    _begin(buyer, line)
    buyer.client.post(f"{buyer.path}/gift-cards", json={"code": code})
    due = buyer.client.get(buyer.path).json()["totals"]["due"]["amount"]
    assert due == 5000
    more = {"variant_id": goods.variants["LAMP"], "quantity": 1}
    mixed = buyer.client.post(f"{buyer.path}/lines", json=more).json()
    assert mixed["totals"]["paid_by_credit"]["amount"] == min(5000, mixed["totals"]["total"]["amount"] - 5000)
    assert mixed["requirements"] == ["delivery_method", "payment"]


def test_the_same_message_with_and_without_script_is_one_line(staff: Staff, buyer: Buyer) -> None:
    variant_id = sold_by(staff)["variants"][0]["id"]
    url = str(buyer.client.base_url).rstrip("/")
    with httpx.Client(base_url=url, headers={"Origin": url}, follow_redirects=True) as visitor:
        form = {"variant_id": variant_id, "quantity": "1", "recipient": "grandma", "message": "Hello"}
        refused = visitor.post("/cart/lines", data=form)
        assert (refused.status_code, "Hello" in refused.text) == (422, True)
        assert re.search(r'value="grandma"[^>]*aria-invalid="true"', refused.text)
        assert "Enter an e-mail address, like name@example.com." in refused.text
        in_drawer = visitor.post(
            "/cart/lines", data=form, headers={"HX-Request": "true", "HX-Target": "div#cart-body"}
        )
        assert (in_drawer.status_code, "Enter an e-mail address" in in_drawer.text) == (422, True)
        for message in ("Get well soon!\r\nMara", "Get well soon!\nMara"):
            form = {"variant_id": variant_id, "quantity": "1", "recipient": "grandma@example.com"}
            answer = visitor.post("/cart/lines", data={**form, "message": message})
            assert answer.status_code == 200, answer.text
        bag = visitor.get("/cart").text
    assert bag.count("For grandma@example.com") == 1
    assert "Your bag" in bag and re.search(r'name="quantity"[^>]*value="2"', bag)


def _begin(buyer: Buyer, line: dict[str, Any]) -> None:
    buyer.cart = buyer.client.post("/api/v1/carts", json={"lines": [line]}).json()
    buyer.client.headers["X-Cart-Token"] = buyer.cart["token"]
    buyer.change({"email": buyer.email, "shipping_address": ADDRESS})


def _code_for(buyer: Buyer, recipient: str) -> str | None:
    answer = buyer.client.get("/api/v1/dev/mailbox", params={"recipient": recipient})
    found = re.search(r"\b(?:[2-9A-Z]{4}-){3}[2-9A-Z]{4}\b", str(answer.json()["items"]))
    return found[0] if found else None


def _done(staff: Staff, order: dict[str, Any]) -> dict[str, Any] | None:
    found: dict[str, Any] = staff.get(f"/orders/{order['id']}")
    return found if found["status"] == "completed" else None
