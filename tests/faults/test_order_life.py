"""The whole life of orders at random, against a small model: buys, edits, parcels, refunds, returns, crashes.

Hypothesis chooses the acts; the shop is the real one, over its REST API. After every act the money of the
orders and the stock of their goods are as in the model; at the end all books agree.
"""

import os
import time
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop

FUZZED = "MERCATO_FUZZ_EXAMPLES" in os.environ
LIVES = int(os.environ.get("MERCATO_FUZZ_EXAMPLES", "1"))
ACTS = 40 if FUZZED else 12
PRICES = {"MUG-SAGE": 2400, "LAMP": 8900}
DELIVERY = 490
HAPPENS_WITHIN_S = 30.0
WAYS_TO_PAY = ["sim_ok", "sim_ok", "sim_duplicate_webhook", "sim_timeout_then_ok", "sim_decline"]


class Line(msgspec.Struct):
    """One line of an order, in units."""

    id: str
    sku: str
    quantity: int
    shipped: int = 0
    returned: int = 0

    @property
    def open(self) -> int:
        return self.quantity - self.shipped


class Life(msgspec.Struct):
    """What the model knows of one order; money in minor units."""

    id: str
    number: str
    token: str
    lines: list[Line]
    captured: int
    refunded: int = 0
    is_canceled: bool = False

    @property
    def worth(self) -> int:
        """What the buyer owes for what they keep, delivery included."""
        if self.is_canceled:
            return 0
        return DELIVERY + sum(PRICES[line.sku] * (line.quantity - line.returned) for line in self.lines)

    @property
    def paid(self) -> int:
        return self.captured - self.refunded

    @property
    def is_open(self) -> bool:
        """Whether something of it is still to be sent."""
        return not self.is_canceled and any(line.open for line in self.lines)


class OrderLives(RuleBasedStateMachine):
    """Bound to a running shop by `machine_for`."""

    shop: Shop
    goods: Goods

    def __init__(self) -> None:
        super().__init__()
        self.staff = Staff(self.shop)
        self.lives: list[Life] = []
        self.start = {sku: self.staff.level(self.goods, sku) for sku in PRICES}
        self.on_hand = {sku: level["on_hand"] for sku, level in self.start.items()}
        self.allocated = {sku: level["allocated"] for sku, level in self.start.items()}

    # acts

    @rule(
        mugs=st.integers(0, 3),
        lamps=st.integers(0, 2),
        token=st.sampled_from(WAYS_TO_PAY),
    )
    def buy(self, mugs: int, lamps: int, token: str) -> None:
        wanted = {"MUG_SAGE": mugs, "LAMP": lamps}
        if not (mugs or lamps):
            return
        buyer = Buyer(self.shop, self.goods, f"life-{uuid.uuid4().hex[:10]}@example.com")
        buyer.fill(**{sku: units for sku, units in wanted.items() if units}).address()
        answer = buyer.complete(token)
        if token == "sim_decline":
            assert answer.status_code == 402, answer.text
            return
        order = answer.json() if answer.status_code == 201 else buyer.await_placed()
        lines = [Line(line["id"], line["sku"], line["quantity"]) for line in order["lines"]]
        life = Life(order["id"], order["number"], order["token"], lines, captured=0)
        life.captured = life.worth
        self.lives.append(life)
        for line in lines:
            self.allocated[line.sku] += line.quantity

    @precondition(lambda self: self.lives)
    @rule(choice=st.randoms(use_true_random=False))
    def cancel(self, choice: Any) -> None:
        life = choice.choice(self.lives)
        order = self.read(life)
        answer = self.post(
            f"/orders/{life.id}/cancellation", {"reason": "asked", "version": order["version"]}
        )
        if life.is_canceled or any(line.shipped for line in life.lines):
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code == 200, answer.text
        life.is_canceled = True
        life.refunded = life.captured
        for line in life.lines:
            self.allocated[line.sku] -= line.open

    @precondition(lambda self: self.lives)
    @rule(choice=st.randoms(use_true_random=False), part=st.floats(0.05, 1.2))
    def refund(self, choice: Any, part: float) -> None:
        life = choice.choice(self.lives)
        amount = max(1, int(life.captured * part))
        body = {"amount": {"amount": amount, "currency": "EUR"}, "reason": "kindness"}
        answer = self.post(f"/orders/{life.id}/refunds", body)
        if amount > life.paid:
            assert answer.status_code == 409, answer.text
            return
        assert answer.status_code in (200, 201), answer.text
        life.refunded += amount

    @precondition(lambda self: any(life.is_open for life in self.lives))
    @rule(choice=st.randoms(use_true_random=False))
    def ship_what_is_open(self, choice: Any) -> None:
        life = choice.choice([one for one in self.lives if one.is_open])
        packed = self.post(f"/orders/{life.id}/fulfillments", {})
        assert packed.status_code in (200, 201), packed.text
        for parcel in packed.json()["fulfillments"]:
            if parcel["status"] in ("pending", "packed"):
                sent = self.post(f"/fulfillments/{parcel['id']}/shipment", {"carrier": "Post"})
                assert sent.status_code in (200, 201), sent.text
        for line in life.lines:
            self.on_hand[line.sku] -= line.open
            self.allocated[line.sku] -= line.open
            line.shipped = line.quantity

    @precondition(lambda self: any(not life.is_canceled for life in self.lives))
    @rule(choice=st.randoms(use_true_random=False), more=st.integers(-2, 2))
    def edit(self, choice: Any, more: int) -> None:
        life = choice.choice([one for one in self.lives if not one.is_canceled])
        line = choice.choice(life.lines)
        quantity = line.quantity + more
        kept = sum(one.quantity for one in life.lines) + more
        if more == 0 or quantity < max(line.shipped, 1) or kept == 0 or life.paid > life.worth:
            return
        change = {"kind": "edit", "quantities": [{"line_id": line.id, "quantity": quantity}]}
        preview = self.post(f"/orders/{life.id}/changes", {"change": change})
        assert preview.status_code == 201, preview.text
        owed = life.worth + PRICES[line.sku] * more - life.paid
        confirmed = self.post(f"/changes/{preview.json()['id']}/confirmation", None)
        assert confirmed.status_code in (200, 201), confirmed.text
        line.quantity = quantity
        self.allocated[line.sku] += more
        life.refunded += max(0, -owed)

    @precondition(lambda self: any(line.shipped > line.returned for one in self.lives for line in one.lines))
    @rule(choice=st.randoms(use_true_random=False), restocked=st.booleans())
    def send_back(self, choice: Any, restocked: bool) -> None:
        life, line = choice.choice(
            [(one, line) for one in self.lives for line in one.lines if line.shipped > line.returned]
        )
        if life.paid != life.worth:
            return
        headers = {"X-Order-Token": life.token}
        body = {"lines": [{"line_id": line.id, "quantity": 1, "reason": "too small"}]}
        asked = self.staff.client.post(f"/api/v1/orders/{life.number}/returns", json=body, headers=headers)
        assert asked.status_code == 201, asked.text
        change = asked.json()["changes"][-1]["id"]
        assert self.post(f"/changes/{change}/approval", None).status_code in (200, 201)
        receipt = {"lines": [{"line_id": line.id, "received": 1, "restocked": int(restocked)}]}
        received = self.post(f"/changes/{change}/receipt", receipt)
        assert received.status_code in (200, 201), received.text
        line.returned += 1
        life.refunded += PRICES[line.sku]
        self.on_hand[line.sku] += restocked

    @rule(luck=st.integers(0, 3))
    def crash(self, luck: int) -> None:
        if luck:
            return
        [process] = self.shop.processes
        process.kill()
        process.start()
        self.shop.await_ready()

    # what holds

    @invariant()
    def money_and_stock_are_as_the_model_says(self) -> None:
        for life in self.lives:
            eventually(lambda life=life: self.money_of(life), (life.captured, life.refunded))
        for sku in PRICES:
            eventually(lambda sku=sku: self.stock_of(sku), (self.on_hand[sku], self.allocated[sku], 0))

    def teardown(self) -> None:
        assert_books_agree(self.shop, wait_s=HAPPENS_WITHIN_S)

    # reading and asking

    def read(self, life: Life) -> Any:
        return self.staff.get(f"/orders/{life.id}")

    def money_of(self, life: Life) -> tuple[int, int]:
        payments = self.read(life)["payments"]
        return (
            sum(payment["captured"]["amount"] for payment in payments),
            sum(payment["refunded"]["amount"] for payment in payments),
        )

    def stock_of(self, sku: str) -> tuple[int, int, int]:
        level = self.staff.level(self.goods, sku)
        return level["on_hand"], level["allocated"], level["reserved"]

    def post(self, path: str, body: Any) -> httpx.Response:
        """Ask as staff, and once more with the same key: the second time changes nothing."""
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        url = f"/api/v1/admin{path}"
        first = self.staff.client.post(url, json=body, headers=headers)
        again = self.staff.client.post(url, json=body, headers=headers)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        return first


def eventually(read: Callable[[], Any], wanted: Any) -> None:
    """Wait for what follows by events."""
    end = time.monotonic() + HAPPENS_WITHIN_S
    while (found := read()) != wanted:
        assert time.monotonic() < end, f"{found} instead of {wanted}"
        time.sleep(0.05)


@pytest.mark.timeout(3600 if FUZZED else 300)
def test_lives_of_orders_are_as_the_model_says(shop: Shop, goods: Goods) -> None:
    machine = type("Lives", (OrderLives,), {"shop": shop, "goods": goods})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=LIVES,
            stateful_step_count=ACTS,
            derandomize=not FUZZED,
            database=None,
            deadline=None,
            phases=[Phase.generate],  # a shop cannot be put back to try a shorter life
            suppress_health_check=list(HealthCheck),
        ),
    )
