"""Staff ships, refunds and cancels; the customer is told, and money and stock follow."""

from typing import Any

import pytest

from support.buyer import Buyer
from support.furnish import Goods, Staff


def open_order(buyer: Buyer, staff: Staff, **quantities: int) -> dict[str, Any]:
    """An order as staff sees it."""
    order = buyer.fill(**quantities).address().buy()
    buyer.mails(await_template="order_placed")
    found: dict[str, Any] = staff.get(f"/orders/{order['id']}")
    return found


def test_staff_ships_in_two_parcels_and_the_buyer_is_told(buyer: Buyer, staff: Staff, goods: Goods) -> None:
    before = staff.level(goods, "MUG-SAGE")
    order = open_order(buyer, staff, MUG_SAGE=2)
    line = order["lines"][0]["id"]
    path = f"/orders/{order['id']}/fulfillments"
    first = staff.post(path, {"lines": [{"line_id": line, "quantity": 1}]})
    assert first["fulfillment_status"] in ("unfulfilled", "partial")
    parcel = first["fulfillments"][0]["id"]
    shipped = staff.post(
        f"/fulfillments/{parcel}/shipment", {"carrier": "PostNL", "tracking_number": "3SABC123"}
    )
    assert shipped["fulfillment_status"] == "partial"
    second = staff.post(path, {"lines": [{"line_id": line, "quantity": 1}]})
    parcel = next(p["id"] for p in second["fulfillments"] if p["status"] != "shipped")
    done = staff.post(f"/fulfillments/{parcel}/shipment", {})

    assert done["fulfillment_status"] == "fulfilled"
    mail = buyer.mails(await_template="order_shipped")[-1]
    assert any("3SABC123" in each["text"] for each in buyer.mails())
    assert order["number"] in mail["subject"]
    after = staff.level(goods, "MUG-SAGE")
    assert (before["on_hand"] - after["on_hand"], after["available"]) == (2, before["available"] - 2)


def test_refuses_to_ship_more_than_was_ordered(buyer: Buyer, staff: Staff) -> None:
    order = open_order(buyer, staff, LAMP=1)
    line = order["lines"][0]["id"]
    refused = staff.client.post(
        f"/api/v1/admin/orders/{order['id']}/fulfillments",
        json={"lines": [{"line_id": line, "quantity": 2}]},
    )

    assert refused.status_code in (409, 422), refused.text
    assert staff.get(f"/orders/{order['id']}")["fulfillments"] == []


def test_refunds_in_parts_and_never_more_than_was_paid(buyer: Buyer, staff: Staff) -> None:
    order = open_order(buyer, staff, LAMP=1)
    path = f"/orders/{order['id']}/refunds"
    part = staff.post(path, {"amount": {"amount": 1000, "currency": "EUR"}, "reason": "scratch"})
    assert part["payment_status"] == "partially_refunded"
    too_much = staff.client.post(
        f"/api/v1/admin{path}", json={"amount": {"amount": 8391, "currency": "EUR"}, "reason": ""}
    )
    assert too_much.status_code == 409, too_much.text
    assert too_much.json()["code"] == "refund_too_large"
    rest = staff.post(path, {"reason": "the rest"})

    assert rest["payment_status"] == "refunded"
    assert [payment["refunded"]["amount"] for payment in rest["payments"]] == [9390]
    buyer.mails(await_template="order_refunded")


def test_the_same_idempotency_key_refunds_once(buyer: Buyer, staff: Staff) -> None:
    order = open_order(buyer, staff, LAMP=1)
    path = f"/api/v1/admin/orders/{order['id']}/refunds"
    body = {"amount": {"amount": 500, "currency": "EUR"}, "reason": "late"}
    headers = {"Idempotency-Key": f"refund-{order['id']}"}
    first = staff.client.post(path, json=body, headers=headers)
    second = staff.client.post(path, json=body, headers=headers)
    other = staff.client.post(path, json={**body, "reason": "else"}, headers=headers)

    assert second.headers["idempotent-replayed"] == "true"
    assert second.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    seen = staff.get(f"/orders/{order['id']}")
    assert [payment["refunded"]["amount"] for payment in seen["payments"]] == [500]


def test_canceling_gives_money_and_stock_back(buyer: Buyer, staff: Staff, goods: Goods) -> None:
    before = staff.level(goods, "LAMP")
    order = open_order(buyer, staff, LAMP=2)
    canceled = staff.post(f"/orders/{order['id']}/cancellation", {"reason": "changed my mind"})

    assert (canceled["status"], canceled["payment_status"]) == ("canceled", "refunded")
    buyer.mails(await_template="order_canceled")
    after = staff.level(goods, "LAMP")
    assert (after["available"], after["allocated"]) == (before["available"], before["allocated"])


def test_an_order_that_is_shipped_cannot_be_canceled(buyer: Buyer, staff: Staff) -> None:
    order = open_order(buyer, staff, LAMP=1)
    packed = staff.post(f"/orders/{order['id']}/fulfillments", {})
    staff.post(f"/fulfillments/{packed['fulfillments'][0]['id']}/shipment", {})
    refused = staff.client.post(f"/api/v1/admin/orders/{order['id']}/cancellation", json={"reason": ""})

    assert (refused.status_code, refused.json()["code"]) == (409, "illegal_transition")
    assert staff.get(f"/orders/{order['id']}")["payment_status"] == "paid"


def test_the_buyer_cancels_before_anything_is_shipped(buyer: Buyer, staff: Staff, goods: Goods) -> None:
    before = staff.level(goods, "LAMP")["available"]
    order = buyer.fill(LAMP=1).address().buy()
    buyer.mails(await_template="order_placed")
    answer = buyer.client.post(
        f"/api/v1/orders/{order['number']}/cancellation",
        json={"reason": "too late"},
        headers={"X-Order-Token": order["token"]},
    )

    assert answer.status_code in (200, 201), answer.text
    assert answer.json()["payment_status"] == "refunded"
    buyer.mails(await_template="order_canceled")
    assert staff.level(goods, "LAMP")["available"] == before


def test_a_note_is_for_colleagues_only(buyer: Buyer, staff: Staff) -> None:
    order = buyer.fill(LAMP=1).address().buy()
    noted = staff.post(f"/orders/{order['id']}/notes", {"text": "call before delivery"})

    assert "call before delivery" in [entry["text"] for entry in noted["timeline"]]
    assert "call before delivery" not in [entry["text"] for entry in buyer.order(order)["timeline"]]


@pytest.mark.parametrize("query", ["number", "email", "name", "sku"])
def test_staff_finds_an_order(buyer: Buyer, staff: Staff, query: str) -> None:
    order = open_order(buyer, staff, MUG_INK=1)
    words = {"number": order["number"], "email": buyer.email, "name": "Verlinden", "sku": "MUG-INK"}
    found = staff.get("/orders", q=words[query], limit=100)

    assert order["number"] in [item["number"] for item in found["items"]]
