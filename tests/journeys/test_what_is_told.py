"""What the shop tells: how one may pay, that there is not so much, that a mail has left, what is stuck."""

from typing import Any

from mercato.engines import child
from support.buyer import Buyer
from support.furnish import Goods, Staff

TOLD_WITHIN_S = 20.0


def test_anybody_may_ask_how_to_pay_and_pays_so(buyer: Buyer) -> None:
    offered = buyer.client.get("/api/v1/payment-providers").json()["items"]
    assert [(one["code"], one["kind"], one["is_test"]) for one in offered] == [
        ("simulator", "card", True),
        ("manual", "manual", False),
    ]
    buyer.fill(LAMP=1).address()
    answer = buyer.complete(payment={"provider": "manual"})
    assert (answer.status_code, answer.json()["payment_status"]) == (201, "authorized")


def test_more_than_there_is_is_refused_and_the_cart_stays_as_it_is(
    buyer: Buyer, staff: Staff, goods: Goods
) -> None:
    there = staff.level(goods, "LAMP")["available"]
    buyer.fill(LAMP=1)
    before = buyer.client.get(buyer.path).json()
    body = {"variant_id": goods.variants["LAMP"], "quantity": there}
    added = buyer.client.post(f"{buyer.path}/lines", json=body)
    line = before["lines"][0]["id"]
    changed = buyer.client.patch(f"{buyer.path}/lines/{line}", json={"quantity": there + 1})

    for answer, in_cart in ((added, 1), (changed, 0)):
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (409, "insufficient_stock")
        assert (problem["available"], problem["in_cart"]) == (there, in_cart)
    assert buyer.client.get(buyer.path).json() == before


def test_the_timeline_tells_that_the_mail_has_left(buyer: Buyer) -> None:
    order = buyer.fill(LAMP=1).address().buy()

    def mails() -> list[dict[str, Any]]:
        return [row for row in buyer.order(order)["timeline"] if row["kind"] == "mail_sent"]

    assert child.wait_until(lambda: bool(mails()), timeout_s=TOLD_WITHIN_S)
    (row,) = mails()
    masked = f"{buyer.email[0]}•••@example.com"
    assert (row["text"], row["actor"]) == ("E-mail sent: Order placed", "system")
    assert row["data"] == {"template": "order_placed", "recipient": masked}


def test_an_order_that_is_well_cannot_be_tried_again(buyer: Buyer, staff: Staff) -> None:
    order = buyer.fill(LAMP=1).address().buy()
    refused = staff.client.post(f"/api/v1/admin/orders/{order['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "nothing_stuck")
    assert staff.get("/orders/stuck")["items"] == []
    assert staff.get(f"/orders/{order['id']}")["stuck"] == []
