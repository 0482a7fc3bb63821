"""A guest buys: from the shelf to the mail, and everything that may go wrong with the money."""

import httpx
import pytest

from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.shop import Shop


def test_a_guest_buys_and_gets_a_mail(buyer: Buyer) -> None:
    buyer.fill(MUG_SAGE=2, LAMP=1).address()
    assert buyer.cart["totals"]["total"] == {"amount": 2 * 2400 + 8900 + 490, "currency": "EUR"}
    assert buyer.cart["requirements"] == ["payment"]

    order = buyer.buy()

    assert (order["status"], order["payment_status"]) == ("placed", "paid")
    assert order["totals"]["total"]["amount"] == 14190
    assert order["totals"]["tax"]["amount"] == 2463  # 21/121 of 14190, line by line
    seen = buyer.order(order)
    assert "placed" in [entry["kind"] for entry in seen["timeline"]]
    mail = buyer.mails(await_template="order_placed")[0]
    assert order["number"] in mail["subject"]
    assert order["number"] in mail["text"]


def test_an_order_takes_its_goods_and_nothing_else(buyer: Buyer, staff: Staff, goods: Goods) -> None:
    before = staff.level(goods, "LAMP")
    buyer.fill(LAMP=3).address().buy()
    buyer.mails(await_template="order_placed")
    after = staff.level(goods, "LAMP")

    assert before["available"] - after["available"] == 3
    assert after["on_hand"] == before["on_hand"]


def test_completing_again_gives_the_same_order(buyer: Buyer) -> None:
    buyer.fill(LAMP=1).address()
    first, second = buyer.buy(), buyer.buy()

    assert first["id"] == second["id"]
    assert first["payments"] == second["payments"]


@pytest.mark.parametrize(
    ("token", "code"), [("sim_decline", "card_declined"), ("sim_insufficient_funds", "insufficient_funds")]
)
def test_a_decline_leaves_the_cart_and_a_second_try_works(
    buyer: Buyer, staff: Staff, goods: Goods, token: str, code: str
) -> None:
    before = staff.level(goods, "MUG-INK")["available"]
    buyer.fill(MUG_INK=1).address()
    declined = buyer.complete(token)
    assert declined.status_code == 402, declined.text
    assert declined.json()["decline_code"] == code
    assert staff.level(goods, "MUG-INK")["available"] == before
    assert buyer.client.get(buyer.path).json()["status"] == "open"

    order = buyer.buy()

    assert order["payment_status"] == "paid"
    assert staff.level(goods, "MUG-INK")["available"] == before - 1


@pytest.mark.parametrize("approve", [True, False])
def test_three_d_secure_waits_for_the_shopper(buyer: Buyer, shop: Shop, approve: bool) -> None:
    buyer.fill(LAMP=1).address()
    answer = buyer.complete("sim_3ds")
    assert answer.status_code == 202, answer.text
    assert answer.json()["status"] == "requires_action"
    page = answer.json()["next_action"]["url"]

    with httpx.Client(base_url=shop.url, trust_env=False, follow_redirects=False) as browser:
        assert browser.get(page).status_code == 200
        decided = browser.post(
            page, data={"decision": "approve" if approve else "refuse"}, headers={"Origin": shop.url}
        )
        assert decided.status_code == 303, decided.text

    if approve:
        assert buyer.await_placed()["payment_status"] == "paid"
    else:
        buyer.await_open()
        order = buyer.buy()
        assert [p["captured"]["amount"] for p in order["payments"]] == [9390]


def test_a_payment_decided_later_places_the_order_by_itself(buyer: Buyer) -> None:
    buyer.fill(LAMP=1).address()
    answer = buyer.complete("sim_async_ok")
    assert (answer.status_code, answer.json()["status"]) == (202, "processing")

    mail = buyer.mails(await_template="order_placed")[0]

    assert buyer.await_placed()["number"] in mail["subject"]


def test_a_payment_refused_later_gives_everything_back(buyer: Buyer, staff: Staff, goods: Goods) -> None:
    before = staff.level(goods, "LAMP")["available"]
    buyer.fill(LAMP=1).address()
    assert buyer.complete("sim_async_fail").status_code == 202

    buyer.await_open()

    assert staff.level(goods, "LAMP")["available"] == before
    assert [mail["template"] for mail in buyer.mails()] == []


def test_a_lost_reply_of_the_provider_charges_once(buyer: Buyer) -> None:
    buyer.fill(LAMP=1).address()
    buyer.complete("sim_timeout_then_ok")

    order = buyer.await_placed()

    assert [payment["captured"]["amount"] for payment in order["payments"]] == [9390]


@pytest.mark.parametrize("token", ["sim_duplicate_webhook", "sim_out_of_order"])
def test_strange_webhooks_charge_once(buyer: Buyer, token: str) -> None:
    buyer.fill(LAMP=1).address()
    buyer.complete(token)

    order = buyer.await_placed()
    buyer.mails(await_template="order_placed")

    assert [payment["captured"]["amount"] for payment in order["payments"]] == [9390]
    assert [mail["template"] for mail in buyer.mails()].count("order_placed") == 1


def test_a_price_that_changed_meanwhile_is_refused_with_the_new_total(
    buyer: Buyer, staff: Staff, goods: Goods
) -> None:
    before = staff.level(goods, "LAMP")
    buyer.fill(LAMP=1).address()
    answer = buyer.complete(expected_total={"amount": 1, "currency": "EUR"})

    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "cart_changed"
    assert answer.json()["totals"]["total"]["amount"] == 9390
    assert staff.level(goods, "LAMP")["reserved"] == before["reserved"]
    assert buyer.client.get(buyer.path).json()["status"] == "open"


def test_goods_that_are_gone_are_refused_and_nothing_is_written(
    buyer: Buyer, staff: Staff, goods: Goods, shop: Shop
) -> None:
    other = Buyer(shop, goods, "other@example.com").fill(MUG_INK=1).address()
    level = staff.level(goods, "MUG-INK")
    staff.set_stock(goods, "MUG-INK", level["on_hand"] - level["available"])
    answer = other.complete()
    staff.set_stock(goods, "MUG-INK", level["on_hand"])

    assert answer.status_code == 409, answer.text
    assert answer.json()["code"] == "insufficient_stock"
    assert staff.level(goods, "MUG-INK")["available"] == level["available"]
    assert staff.get("/orders", q="other@example.com", status="draft")["items"] == []


def test_an_incomplete_cart_says_what_is_missing(buyer: Buyer) -> None:
    buyer.fill(LAMP=1)
    answer = buyer.complete()

    assert answer.status_code == 409
    assert answer.json()["code"] == "requirements_missing"


def test_nobody_else_sees_the_order(buyer: Buyer, shop: Shop) -> None:
    order = buyer.fill(LAMP=1).address().buy()
    stranger = httpx.Client(base_url=shop.url, trust_env=False)

    for headers in ({}, {"X-Order-Token": "guess"}):
        answer = stranger.get(f"/api/v1/orders/{order['number']}?email={buyer.email}", headers=headers)
        assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/", "/p/fika-mug", "/p/wren-lamp", "/search?q=lamp", "/cart", "/sign-in"])
def test_a_visitor_sees_the_pages_of_a_plain_catalog(buyer: Buyer, path: str) -> None:
    """Products without details, dimensions, pictures or category have pages as well."""
    answer = buyer.client.get(path)

    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1" in answer.text


def test_a_card_number_is_refused_before_anything_is_stored(buyer: Buyer, staff: Staff) -> None:
    buyer.fill(LAMP=1).address()
    answer = buyer.complete("4242424242424242")

    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"] == "payment.token"
    assert "4242" not in answer.text
    assert buyer.client.get(buyer.path).json()["status"] == "open"
    assert staff.get("/orders", q=buyer.email, status="draft")["items"] == []
