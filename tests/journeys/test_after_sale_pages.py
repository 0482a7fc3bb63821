"""The pages of what happens after the sale open at every step, for buyers and for staff."""

import re
from typing import Any

import httpx

from support.buyer import ADDRESS, Buyer
from support.furnish import OWNER_EMAIL, OWNER_PASSWORD, Goods, Staff
from support.shop import Shop


def admin(shop: Shop) -> httpx.Client:
    """The owner's browser session."""
    client = httpx.Client(base_url=shop.url, timeout=30, trust_env=False, headers={"Origin": shop.url})
    form = client.get("/admin/sign-in").text
    found = re.search(r'name="?_csrf"? value="?([^" >]+)', form)
    data = {"_csrf": found[1] if found else "", "email": OWNER_EMAIL, "password": OWNER_PASSWORD}
    assert client.post("/admin/sign-in", data=data).status_code in (200, 303)
    return client


def opened(client: httpx.Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.text


def test_every_page_of_a_return_an_edit_and_a_draft_opens(
    shop: Shop, goods: Goods, staff: Staff, buyer: Buyer
) -> None:
    order: dict[str, Any] = buyer.fill(LAMP=2).address().buy()
    number, token = order["number"], order["token"]
    done = staff.post("/orders/bulk", {"act": "ship", "order_ids": [order["id"]]})
    assert [one["is_done"] for one in done["items"]] == [True]
    window = httpx.Client(base_url=shop.url, timeout=30, trust_env=False)
    assert "Send something back" in opened(window, f"/order/{number}?token={token}")
    assert "Ask to send it back" in opened(window, f"/order/{number}/returns?token={token}")
    asked = window.post(
        f"/api/v1/orders/{number}/returns",
        json={"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]},
        headers={"X-Order-Token": token},
    )
    assert asked.status_code == 201, asked.text
    change = asked.json()["changes"][0]
    assert "Requested" in opened(window, f"/order/{number}?token={token}")
    office = admin(shop)
    assert number in opened(office, "/admin/returns")
    assert "The customer asks" in opened(office, f"/admin/changes/{change['id']}")
    staff.post(f"/changes/{change['id']}/approval", {})
    assert "What has arrived" in opened(office, f"/admin/changes/{change['id']}")
    staff.post(f"/orders/{order['id']}/refunds", {"amount": {"amount": 100, "currency": "EUR"}})
    told = "€1.00 of this order was refunded before without saying for which items."
    assert told in opened(office, f"/admin/changes/{change['id']}")
    staff.post(f"/changes/{change['id']}/receipt", {})
    assert "Arrived" in opened(office, f"/admin/changes/{change['id']}")
    for kind in ("edit", "return", "exchange", "claim"):
        assert "<form" in opened(office, f"/admin/orders/{order['id']}/changes?kind={kind}")
    wish: dict[str, Any] = {
        "kind": "exchange",
        "returns": [{"line_id": order["lines"][0]["id"], "quantity": 1}],
    }
    wish["add"] = [{"variant_id": goods.variants["LAMP"], "quantity": 2}]
    preview = staff.post(f"/orders/{order['id']}/changes", {"change": wish})
    assert "Is this right?" in opened(office, f"/admin/changes/{preview['id']}")
    staff.post(f"/changes/{preview['id']}/confirmation", {})
    assert "Changes after the sale" in opened(office, f"/admin/orders/{order['id']}")
    assert "Still to be paid" in opened(window, f"/order/{number}/payment?token={token}")
    assert "With the selected" in opened(office, "/admin/orders")
    draft = staff.post(
        "/orders",
        {
            "email": "caller@example.com",
            "lines": [{"variant_id": goods.variants["LAMP"], "quantity": 1}],
            "shipping_address": ADDRESS,
        },
    )
    for path in ("/admin/drafts", "/admin/drafts/new", f"/admin/drafts/{draft['id']}"):
        opened(office, path)
    assert "Change the draft order" in opened(office, f"/admin/drafts/{draft['id']}/edit")
    _change_by_form(office, draft)
    changed = staff.get(f"/draft-orders/{draft['id']}")
    assert (changed["version"], changed["cart"]["lines"][0]["quantity"]) == (2, 3)
    assert changed["cart"]["totals"]["discount"]["amount"] == 250
    assert changed["wish"]["shipping_address"]["street1"] == "Nebenstr. 7"
    assert "We prepared this for you" in opened(window, f"/draft/{draft['id']}?token={draft['token']}")
    staff.post(f"/draft-orders/{draft['id']}/cancellation", {})
    assert "not open any more" in opened(window, f"/draft/{draft['id']}?token={draft['token']}")


def _change_by_form(office: httpx.Client, draft: dict[str, Any]) -> None:
    """Three units, another street and a discount, as a browser without script sends the form."""
    page = opened(office, f"/admin/drafts/{draft['id']}/edit")
    found = re.search(r'name="?_csrf"? value="?([^" >]+)', page)
    variant = draft["cart"]["lines"][0]["variant_id"]
    form = {
        **{name: value for name, value in ADDRESS.items() if value},
        "_csrf": found[1] if found else "", "version": "1", "email": draft["email"],
        f"quantity-{variant}-0": "3", "street1": "Nebenstr. 7", "discount": "2.50",
    }  # fmt: skip
    answer = office.post(f"/admin/drafts/{draft['id']}", data=form)
    assert answer.status_code == 303, answer.text
    assert office.post(f"/admin/drafts/{draft['id']}", data=form).status_code == 409
