"""A channel whose money staff takes by hand: held when the order is placed, taken in parts, or let go."""

import uuid
from typing import Any

import pytest

from mercato.engines import child
from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.shop import Shop

CHANNEL = "trade"
GIVEN_BACK_WITHIN_S = 20.0


@pytest.fixture
def trade(staff: Staff, goods: Goods) -> str:
    """The channel, with a price for the lamp and a way to deliver it."""
    default = staff.get("/channels/default")
    changes = {"code": CHANNEL, "name": "Trade", "capture": "manual", "time_zone": "Europe/Amsterdam"}
    saved = staff.put(f"/channels/{CHANNEL}", {**default, **changes})
    assert (saved["capture"], default["capture"]) == ("manual", "automatic")
    priced = staff.client.put(
        f"/api/v1/admin/variants/{goods.variants['LAMP']}/price",
        json={"price": 8000},
        headers={"X-Channel": CHANNEL},
    )
    assert priced.status_code == 200, priced.text
    if not any(method["channel"] == CHANNEL for method in staff.get("/delivery-methods")["items"]):
        method = {"code": "pallet", "name": "Pallet", "countries": ["NL"], "price": 2000, "channel": CHANNEL}
        staff.post("/delivery-methods", method)
    return CHANNEL


@pytest.fixture
def trader(shop: Shop, goods: Goods, trade: str) -> Buyer:
    buyer = Buyer(shop, goods, "trade@example.com")
    buyer.client.headers["X-Channel"] = trade
    return buyer


def held_order(trader: Buyer, staff: Staff) -> dict[str, Any]:
    """An order of one lamp, 80.00 and 20.00 for delivery, whose money is held and not taken."""
    order = trader.fill(LAMP=1).address().buy()
    assert (order["status"], order["payment_status"]) == ("placed", "authorized")
    seen: dict[str, Any] = staff.get(f"/orders/{order['id']}")
    assert money_of(seen) == [(10000, 0, 0)]
    assert "capture" in seen["allowed_actions"]
    return seen


def money_of(order: dict[str, Any]) -> list[tuple[int, int, int]]:
    """(authorized, captured, refunded) of each payment."""
    return [
        (p["authorized"]["amount"], p["captured"]["amount"], p["refunded"]["amount"])
        for p in order["payments"]
    ]


def in_the_simulators_books(trader: Buyer, order: dict[str, Any]) -> list[tuple[int, int, int, int]]:
    page = trader.client.get("/api/v1/simulator/ledger", params={"limit": 1000}).json()
    return [
        (one["authorized"], one["captured"], one["refunded"], one["voided"])
        for one in page["items"]
        if one["key"].startswith(order["id"])
    ]


def test_staff_takes_a_part_of_what_is_held_and_then_the_rest(trader: Buyer, staff: Staff) -> None:
    order = held_order(trader, staff)
    path = f"/orders/{order['id']}/captures"
    part = staff.post(path, {"amount": {"amount": 4000, "currency": "EUR"}})
    assert (part["payment_status"], money_of(part)) == ("partially_paid", [(10000, 4000, 0)])
    too_much = staff.client.post(f"/api/v1/admin{path}", json={"amount": {"amount": 6001, "currency": "EUR"}})
    assert (too_much.status_code, too_much.json()["code"]) == (409, "capture_too_large")
    rest = staff.post(path, {})

    assert (rest["payment_status"], money_of(rest)) == ("paid", [(10000, 10000, 0)])
    assert in_the_simulators_books(trader, order) == [(10000, 10000, 0, 0)]
    trader.mails(await_template="order_paid")


def test_canceling_lets_go_of_what_is_held(trader: Buyer, staff: Staff, goods: Goods) -> None:
    before = staff.level(goods, "LAMP")["available"]
    order = held_order(trader, staff)
    canceled = staff.post(f"/orders/{order['id']}/cancellation", {"reason": "no pallet"})

    assert (canceled["status"], canceled["payment_status"]) == ("canceled", "voided")
    assert in_the_simulators_books(trader, order) == [(10000, 0, 0, 10000)]
    assert staff.level(goods, "LAMP")["available"] == before


def test_a_coupon_used_for_an_order_that_was_never_paid_may_be_used_again(
    trader: Buyer, staff: Staff, shop: Shop, goods: Goods, trade: str
) -> None:
    code = f"ONCE{uuid.uuid4().hex[:8]}".upper()
    once = {"name": code, "label": "Once", "reward": "fixed", "amount": 500, "coupon_code": code}
    staff.post("/promotions", {**once, "usage_limit": 1, "channel": CHANNEL})
    order = fill_with_coupon(trader, code).buy()
    assert order["totals"]["discount"]["amount"] == 500
    other = Buyer(shop, goods, "other@example.com")
    other.client.headers["X-Channel"] = trade
    assert uses_of(staff, code) == 1
    staff.post(f"/orders/{order['id']}/cancellation", {"reason": ""})

    assert child.wait_until(lambda: uses_of(staff, code) == 0, timeout_s=GIVEN_BACK_WITHIN_S)
    again = fill_with_coupon(other, code).buy()
    assert again["totals"]["discount"]["amount"] == 500
    assert uses_of(staff, code) == 1


def fill_with_coupon(buyer: Buyer, code: str) -> Buyer:
    answer = buyer.fill(LAMP=1).address().client.post(f"{buyer.path}/coupons", json={"code": code})
    assert answer.status_code in (200, 201), answer.text
    buyer.cart = answer.json()
    return buyer


def uses_of(staff: Staff, code: str) -> int:
    found = next(one for one in staff.get("/coupons")["items"] if one["code"] == code)
    return int(found["used"])
