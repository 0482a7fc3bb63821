"""Invoices and credit notes reach their buyer: by mail, on the order's page, over the API."""

import time
from typing import Any

from support.buyer import Buyer
from support.furnish import Staff

SELLER = {
    "channel": "default",
    "name": "Fika & Co",
    "address": ["Keizersgracht 1", "1015 CJ Amsterdam"],
    "country": "NL",
    "vat_id": "NL123456789B01",
}
ISSUED_WITHIN_S = 20.0


def documents(buyer: Buyer, order: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The papers of an order, once there are so many."""
    end = time.monotonic() + ISSUED_WITHIN_S
    headers = {"X-Order-Token": order["token"]}
    while True:
        answer = buyer.client.get(f"/api/v1/orders/{order['number']}/documents", headers=headers)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        if len(found) >= count:
            return found
        assert time.monotonic() < end, f"{len(found)} papers instead of {count}"
        time.sleep(0.1)


def test_a_guest_gets_the_invoice_and_a_credit_note_for_what_went_back(buyer: Buyer, staff: Staff) -> None:
    known = staff.get("/sellers")["items"]
    staff.put("/sellers/default", {**SELLER, "version": known[0]["version"] if known else 1})
    order = buyer.fill(LAMP=1).address().buy()
    page = f"/order/{order['number']}?token={order['token']}"
    assert "Get the invoice as PDF" in buyer.client.get(page).text
    asked = buyer.client.post(
        f"/order/{order['number']}/invoice",
        data={"token": order["token"]},
        headers={"Origin": str(buyer.client.base_url).rstrip("/")},
    )
    assert asked.status_code == 303, asked.text
    invoice = buyer.client.get(asked.headers["location"])
    assert (invoice.status_code, invoice.headers["content-type"]) == (200, "application/pdf")
    assert invoice.content.startswith(b"%PDF-")
    assert buyer.client.get(asked.headers["location"]).content == invoice.content
    stranger = asked.headers["location"].partition("?")[0]
    assert buyer.client.get(stranger).status_code == 404

    staff.post(
        f"/orders/{order['id']}/refunds", {"amount": {"amount": 1000, "currency": "EUR"}, "reason": "dent"}
    )
    issued = documents(buyer, order, 2)

    assert [(each["kind"], each["total"]["amount"]) for each in issued] == [
        ("invoice", order["totals"]["total"]["amount"]), ("credit_note", 1000),
    ]  # fmt: skip
    assert issued[1]["invoice_number"] == issued[0]["number"]
    assert f"{issued[1]['number']}" in buyer.client.get(page).text
    mails = buyer.mails(await_template="order_document")
    assert any(issued[0]["number"] in each["subject"] for each in mails)
