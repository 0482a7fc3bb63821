"""An order by phone: staff prepares it, the customer pays by the link, or staff marks it as paid."""

from typing import Any

import httpx

from support.buyer import ADDRESS
from support.furnish import Goods, Staff
from support.shop import Shop
from support.waiting import eventually


def drafted(staff: Staff, goods: Goods, **more: Any) -> dict[str, Any]:
    body = {
        "email": "caller@example.com",
        "lines": [{"variant_id": goods.variants["LAMP"], "quantity": 2}],
        "shipping_address": ADDRESS,
        **more,
    }
    draft: dict[str, Any] = staff.post("/orders", body)
    return draft


def pay(shop: Shop, draft: dict[str, Any], token: str = "sim_ok", **more: Any) -> httpx.Response:
    body = {
        "expected_total": draft["cart"]["totals"]["total"],
        "payment": {"provider": "simulator", "token": token},
        **more,
    }
    path = f"{shop.url}/api/v1/draft-orders/{draft['id']}/payment"
    return httpx.post(path, json=body, headers={"X-Order-Token": draft["token"]}, timeout=30, trust_env=False)


def look(shop: Shop, draft: dict[str, Any], token: str) -> httpx.Response:
    path = f"{shop.url}/api/v1/draft-orders/{draft['id']}"
    return httpx.get(path, headers={"X-Order-Token": token}, timeout=30, trust_env=False)


async def test_the_customer_pays_by_the_link_and_has_the_discount(
    shop: Shop, goods: Goods, staff: Staff
) -> None:
    before = staff.level(goods, "LAMP")["allocated"]
    draft = drafted(staff, goods, discount=1000, discount_label="Sorry for the wait")
    assert draft["cart"]["totals"]["discount"]["amount"] == 1000
    assert staff.level(goods, "LAMP")["allocated"] == before
    sent = staff.post(f"/draft-orders/{draft['id']}/invitation", {})
    assert sent["status"] == "sent"
    assert look(shop, draft, "x").status_code == 404
    assert pay(shop, draft, "sim_decline").status_code == 402
    paid = pay(shop, draft)
    assert paid.status_code == 201, paid.text
    order = paid.json()
    assert (order["email"], order["payment_status"]) == ("caller@example.com", "paid")
    assert order["totals"]["discount"]["amount"] == 1000
    assert pay(shop, draft).json()["number"] == order["number"]
    found = staff.get(f"/draft-orders/{draft['id']}")
    assert (found["status"], found["order_number"]) == ("placed", order["number"])
    await eventually(lambda: staff.level(goods, "LAMP")["allocated"] == before + 2)
    refused = staff.client.post(f"/api/v1/admin/draft-orders/{draft['id']}/cancellation")
    assert (refused.status_code, refused.json()["code"]) == (409, "draft_closed")


def test_staff_places_it_as_paid_and_drops_another(shop: Shop, goods: Goods, staff: Staff) -> None:
    draft = drafted(staff, goods)
    order = staff.post(f"/draft-orders/{draft['id']}/placement", {"is_paid": True})
    assert (order["payment_status"], order["payments"][0]["provider"]) == ("paid", "manual")
    again = staff.post(f"/draft-orders/{draft['id']}/placement", {"is_paid": True})
    assert again["id"] == order["id"]
    other = drafted(staff, goods, discount_percent="10")
    gone = staff.post(f"/draft-orders/{other['id']}/cancellation", {})
    assert (gone["status"], gone["cart"]) == ("canceled", None)
    refused = pay(shop, other)
    assert (refused.status_code, refused.json()["code"]) == (409, "draft_closed")
    rows = staff.get("/draft-orders", status="canceled")["items"]
    assert other["id"] in [row["id"] for row in rows]


def test_an_order_is_edited_at_todays_price_and_the_rest_is_paid(
    shop: Shop, goods: Goods, staff: Staff
) -> None:
    draft = drafted(staff, goods)
    order = pay(shop, draft).json()
    body = {"change": {"kind": "edit", "add": [{"variant_id": goods.variants["MUG-INK"], "quantity": 1}]}}
    preview = staff.post(f"/orders/{order['id']}/changes", body)
    assert preview["status"] == "draft"
    owed = preview["difference"]
    assert owed["amount"] > 0
    changed = staff.post(f"/changes/{preview['id']}/confirmation", {})
    assert (changed["payment_status"], changed["balance"]) == ("partially_paid", owed)
    assert changed["totals"]["tax"]["amount"] == sum(tax["tax"]["amount"] for tax in changed["tax_lines"])
    answer = httpx.post(
        f"{shop.url}/api/v1/orders/{order['number']}/payments",
        json={"expected": owed, "payment": {"provider": "simulator", "token": "sim_ok"}},
        headers={"X-Order-Token": order["token"]},
        timeout=30,
        trust_env=False,
    )
    assert answer.status_code == 201, answer.text
    assert answer.json()["payment_status"] == "paid"
