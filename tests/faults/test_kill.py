"""`kill -9` at every step of placing an order: one order and one charge, or none and everything released."""

import contextlib
import time

import httpx
import pytest

from faults.arming import nexts, start_armed, start_later
from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop

PLACING = {
    "orders.frozen": "sim_ok",
    "orders.held": "sim_ok",
    "orders.recorded": "sim_ok",
    "orders.paid": "sim_ok",
    "orders.finalized": "sim_ok",
    "simulator.charged": "sim_ok",
    "orders.refusing": "sim_decline",
    "payments.provider_answered": "sim_ok",
    "orders.released": "sim_decline",
    "payments.recorded": "sim_ok",
    "orders.thawed": "sim_decline",
    "payments.webhook_stored": "sim_async_ok",
    "relay.selected": "sim_ok",
    "relay.published": "sim_ok",
    "consumer.committed": "sim_ok",
}
"""Failpoint → the payment that passes it. What is left of a row does not pass the failpoint of the next one,
but for those of events, which everything passes."""
NEXT = {
    name: "" if after.startswith(("relay.", "consumer.")) else after for name, after in nexts(PLACING).items()
}
WITH_A_CARD = {
    "payments.credit_held": "sim_ok",
    "payments.credit_decided": "sim_ok",
    "payments.credit_dropped": "sim_decline",
}
"""The same, of orders of which a gift card pays a part."""
CARD_VALUE = 1_000
HEALED_WITHIN_S = 60.0


@pytest.mark.timeout(150)
@pytest.mark.parametrize("failpoint", list(PLACING))
def test_a_kill_leaves_one_order_and_one_charge_or_nothing(
    shop: Shop, goods: Goods, staff: Staff, buyer: Buyer, failpoint: str
) -> None:
    before = staff.level(goods, "LAMP")
    charged = charges(buyer)
    buyer.fill(LAMP=1).address()
    process = start_armed(shop, "orders", failpoint)
    with contextlib.suppress(httpx.TransportError):  # it may die before it can answer: that is the fault
        buyer.complete(PLACING[failpoint])
    process.await_death()
    start_later(shop, process, NEXT[failpoint])

    await_settled(buyer)

    assert_books_agree(shop)
    after = staff.level(goods, "LAMP")
    placed = staff.get("/orders", q=buyer.email)["items"]
    assert len(placed) == len(charges(buyer)) - len(charged)
    assert len(placed) in (0, 1)
    assert before["available"] - after["available"] == len(placed)
    assert after["reserved"] == before["reserved"]
    if PLACING[failpoint] == "sim_decline":
        assert placed == []
    elif placed:
        mails = [mail["template"] for mail in buyer.mails(await_template="order_placed")]
        assert mails.count("order_placed") == 1


@pytest.mark.timeout(150)
@pytest.mark.parametrize("failpoint", list(WITH_A_CARD))
def test_a_kill_spends_a_gift_card_once_or_not_at_all(
    shop: Shop, goods: Goods, staff: Staff, buyer: Buyer, failpoint: str
) -> None:
    charged = charges(buyer)
    issued = staff.post("/gift-cards", {"value": CARD_VALUE, "currency": "EUR"})
    buyer.fill(LAMP=1).address()
    applied = buyer.client.post(f"{buyer.path}/gift-cards", json={"code": issued["code"]})
    assert applied.json()["totals"]["paid_by_credit"]["amount"] == CARD_VALUE
    process = start_armed(shop, "payments", failpoint)
    with contextlib.suppress(httpx.TransportError):
        buyer.complete(WITH_A_CARD[failpoint])
    process.await_death()
    start_later(shop, process, "")

    await_settled(buyer)

    assert_books_agree(shop)
    placed = staff.get("/orders", q=buyer.email)["items"]
    card = staff.get(f"/gift-cards/{issued['card']['id']}")["card"]
    assert len(placed) == len(charges(buyer)) - len(charged) <= 1
    assert card["balance"]["amount"] == CARD_VALUE * (1 - len(placed))
    assert card["held"]["amount"] == 0
    if WITH_A_CARD[failpoint] == "sim_decline":
        assert placed == []


def charges(buyer: Buyer) -> list[str]:
    """References of the charges that took money, in the simulator's own books."""
    found: list[str] = []
    cursor = ""
    while True:
        page = buyer.client.get(f"/api/v1/simulator/ledger?limit=1000{cursor}").json()
        found += [entry["reference"] for entry in page["items"] if entry["captured"]]
        if not page["next_cursor"]:
            return found
        cursor = f"&cursor={page['next_cursor']}"


def await_settled(buyer: Buyer) -> None:
    """Until the cart is completed (an order) or open again (nothing), by the shop's own doing."""
    end = time.monotonic() + HEALED_WITHIN_S
    while True:
        answer = buyer.client.get(buyer.path)
        if answer.status_code == 200 and answer.json()["status"] in ("open", "completed"):
            return
        assert time.monotonic() < end, f"not settled after {HEALED_WITHIN_S} s: {answer.text}"
        time.sleep(0.1)
