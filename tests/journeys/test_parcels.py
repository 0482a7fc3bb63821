"""A parcel from its label to the buyer's door: staff buys the label, the carrier does the rest."""

import time
from typing import Any

from support.buyer import Buyer
from support.furnish import Goods, Staff

SENDER = {
    "name": "Fika & Co", "street1": "Keizersgracht 1", "postal_code": "1015 CJ", "city": "Amsterdam",
    "country": "NL",
}  # fmt: skip
TOLD_WITHIN_S = 25.0


def await_order(buyer: Buyer, order: dict[str, Any], status: str) -> dict[str, Any]:
    """The order once its parcel is so far."""
    end = time.monotonic() + TOLD_WITHIN_S
    while True:
        found = buyer.order(order)
        if found["fulfillments"] and found["fulfillments"][0]["status"] == status:
            return found
        assert time.monotonic() < end, f"not {status}: {found['fulfillments']}"
        time.sleep(0.1)


def test_the_carrier_ships_and_delivers_and_the_buyer_is_told(
    buyer: Buyer, staff: Staff, goods: Goods
) -> None:
    known = staff.get("/senders")["items"]
    staff.put("/senders/default", {"address": SENDER, "version": known[0]["version"] if known else 1})
    before = staff.level(goods, "LAMP")
    order = buyer.fill(LAMP=1).address().buy()
    buyer.mails(await_template="order_placed")
    packed = staff.post(f"/orders/{order['id']}/fulfillments", {})
    parcel = packed["fulfillments"][0]["id"]
    offers = staff.get(f"/fulfillments/{parcel}/rates")["rates"]
    assert [offer["service"] for offer in offers] == ["economy", "express"]
    choice = {"carrier": "simulated", "service": "express"}
    bought = staff.post(f"/fulfillments/{parcel}/label", choice)
    assert staff.post(f"/fulfillments/{parcel}/label", choice)["version"] >= bought["version"]
    number = bought["fulfillments"][0]["tracking_number"]
    page = buyer.client.get(bought["fulfillments"][0]["tracking_url"])
    assert page.status_code == 200 and number in page.text

    scans = f"/api/v1/simulator/parcels/{number}/scans"
    assert buyer.client.post(scans, json={"status": "in_transit"}).status_code == 200
    await_order(buyer, order, "shipped")
    assert any(number in mail["text"] for mail in buyer.mails(await_template="order_shipped"))
    assert buyer.client.post(scans, json={"status": "delivered"}).status_code == 200
    arrived = await_order(buyer, order, "delivered")

    assert (arrived["status"], arrived["fulfillment_status"]) == ("completed", "delivered")
    buyer.mails(await_template="order_delivered")
    headers = {"X-Order-Token": order["token"]}
    tracking = buyer.client.get(f"/api/v1/orders/{order['number']}/tracking", headers=headers).json()
    seen = [event["status"] for event in tracking["items"][0]["events"]]
    assert seen == ["created", "in_transit", "delivered"]
    assert "Delivered, Utrecht" in buyer.client.get(f"/order/{order['number']}?token={order['token']}").text
    assert before["on_hand"] - staff.level(goods, "LAMP")["on_hand"] == 1
