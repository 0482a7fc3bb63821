"""Acts of an order's life, each done while something goes wrong: a call that it needs, or the process."""

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import asyncpg
import httpx
import msgspec

from support.buyer import Buyer
from support.call_proxy import CallProxy, Fault, Kind
from support.furnish import Goods, Staff, furnish
from support.shop import Shop

HAPPENS_WITHIN_S = 75.0
"""A lease, the pauses between tries, and the patience of a busy machine."""
LOOK_AGAIN_S = 0.5
LAMP, DELIVERY, MUG = 8900, 490, 2400
PAID = LAMP + DELIVERY
TRADE = "trade"
SENDER = {
    "name": "Kiln & Loom",
    "street1": "Gartenweg 3",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
TRADE_PAID = 8000 + 2000
CARD_VALUE = 1_000
STEPS_ON = ("order_in_progress", "idempotency_in_flight")


class Standing(msgspec.Struct, frozen=True):
    """What an order came to; money in minor units, over all its payments."""

    status: str
    captured: int = 0
    refunded: int = 0
    units: int = 1
    sent: int = 0
    parcels: int = 0
    authorized: int | None = None


class Trial:
    """One act, by people who ask again with the same key when they get no answer.

    With `calls`, one call that the act needs goes wrong as `fault` says.
    """

    def __init__(
        self,
        shop: Shop,
        goods: Goods,
        staff: Staff,
        calls: CallProxy | None = None,
        fault: Fault | None = None,
    ) -> None:
        self.shop, self.goods, self.calls = shop, goods, calls
        self.fault = fault or Fault("none", Kind.ERROR)
        self.request_id = uuid.uuid4().hex
        self.buyer = Buyer(shop, goods, f"trial-{self.request_id[:12]}@example.com")
        self.client = httpx.Client(base_url=shop.url, timeout=40, trust_env=False)
        self.client.headers["Authorization"] = staff.client.headers["Authorization"]

    def close(self) -> None:
        self.client.close()
        self.buyer.client.close()

    # before the act

    def bought(self, **skus: int) -> dict[str, Any]:
        return self.buyer.fill(**(skus or {"LAMP": 1})).address().buy()

    def held(self) -> dict[str, Any]:
        """An order whose money is held and not taken."""
        self.buyer.client.headers["X-Channel"] = TRADE
        return self.bought()

    def sent(self) -> dict[str, Any]:
        order = self.bought()
        packed = self.done(f"/orders/{order['id']}/fulfillments")
        self.done(f"/fulfillments/{packed['fulfillments'][0]['id']}/shipment")
        return order

    # the act

    def spoiled(self, *marks: str) -> AbstractContextManager[Fault]:
        """Calls that belong to this request, or to the things with these ids, go wrong now."""
        self.fault.marks = (self.request_id.encode(), *(uuid.UUID(mark).bytes for mark in marks))
        return nullcontext(self.fault) if self.calls is None else self.calls.spoiled(self.fault)

    def press(self, path: str, body: Any = None) -> httpx.Response:
        """Ask as staff, with one key, until there is an answer."""
        return self._ask(self.client, f"/api/v1/admin{path}", {} if body is None else body)

    def press_as_buyer(self, path: str, body: Any) -> httpx.Response:
        return self._ask(self.buyer.client, path, body)

    def done(self, path: str, body: Any = None) -> Any:
        answer = self.press(path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def _ask(self, client: httpx.Client, path: str, body: Any) -> httpx.Response:
        headers = {"X-Request-Id": self.request_id, "Idempotency-Key": uuid.uuid4().hex}
        end = time.monotonic() + HAPPENS_WITHIN_S
        while True:
            answer = said(lambda: client.post(path, json=body, headers=headers))
            is_open = answer.status_code == 409 and answer.json()["code"] in STEPS_ON
            if answer.status_code < 500 and not is_open:
                return answer
            assert time.monotonic() < end, answer.text
            time.sleep(LOOK_AGAIN_S)

    # after it

    def order_id(self) -> str:
        """The order of the buyer's cart, placed or not."""

        async def ask() -> Any:
            connection = await asyncpg.connect(self.shop.env["DATABASE_URL"])
            try:
                return await connection.fetchval(
                    "select id from orders.orders where cart_id = $1", uuid.UUID(self.buyer.cart["id"])
                )
            finally:
                await connection.close()

        return str(asyncio.run(ask()))

    def await_placed(self) -> dict[str, Any]:
        """Ask how the placing stands until it is known; the order."""
        end = time.monotonic() + HAPPENS_WITHIN_S
        while True:
            answer = self.buyer.client.get(f"{self.buyer.path}/placement")
            if answer.status_code == 200:
                order: dict[str, Any] = answer.json()
                return order
            assert time.monotonic() < end, answer.text
            time.sleep(LOOK_AGAIN_S)

    def order(self, order_id: str) -> Any:
        """The order as staff sees it; what came instead of it while there is none."""
        return said(lambda: self.client.get(f"/api/v1/admin/orders/{order_id}")).json()

    def await_standing(self, order_id: str, wanted: Standing) -> None:
        eventually(lambda: self._standing(order_id, wanted), wanted)

    def _standing(self, order_id: str, wanted: Standing) -> Standing:
        order = self.order(order_id)
        if "payments" not in order:
            return Standing(str(order))
        payments, parcels = order["payments"], order["fulfillments"]
        authorized = sum(payment["authorized"]["amount"] for payment in payments)
        return Standing(
            status=order["status"],
            captured=sum(payment["captured"]["amount"] for payment in payments),
            refunded=sum(payment["refunded"]["amount"] for payment in payments),
            units=sum(line["quantity"] for line in order["lines"]),
            sent=sum(parcel["status"] == "shipped" for parcel in parcels),
            parcels=sum(parcel["status"] != "canceled" for parcel in parcels),
            authorized=authorized if wanted.authorized is not None else None,
        )


def said(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer; a made-up 503 when there was none, because the process is dead."""
    try:
        return ask()
    except httpx.TransportError as error:
        return httpx.Response(503, json={"code": "dead", "detail": repr(error)})


def eventually(read: Callable[[], Any], wanted: Any) -> None:
    end = time.monotonic() + HAPPENS_WITHIN_S
    while (found := read()) != wanted:
        assert time.monotonic() < end, f"{found} instead of {wanted}"
        time.sleep(LOOK_AGAIN_S)


def placing(trial: Trial) -> None:
    buyer = trial.buyer.fill(LAMP=1).address()
    with trial.spoiled(buyer.cart["id"]):
        answer = complete(trial)
        assert answer.status_code in (201, 202), answer.text
        order = trial.await_placed()
    assert answer.status_code == 202 or answer.json()["number"] == order["number"]
    assert complete(trial).json()["number"] == order["number"]
    trial.await_standing(order["id"], Standing("placed", PAID))


def waiting(trial: Trial) -> None:
    """The provider decides two seconds later."""
    buyer = trial.buyer.fill(LAMP=1).address()
    assert complete(trial, "sim_async_ok").status_code == 202
    with trial.spoiled(buyer.cart["id"], order_id := trial.order_id()):
        trial.await_placed()
    trial.await_standing(order_id, Standing("placed", PAID))


def refused(trial: Trial) -> None:
    """The provider declines two seconds later: card, goods and cart are given back, and can be used again."""
    card = trial.done("/gift-cards", {"value": CARD_VALUE, "currency": "EUR"})
    buyer = trial.buyer.fill(LAMP=1).address()
    applied = buyer.client.post(f"{buyer.path}/gift-cards", json={"code": card["code"]})
    assert applied.json()["totals"]["paid_by_credit"]["amount"] == CARD_VALUE, applied.text
    assert complete(trial, "sim_async_fail").status_code == 202
    with trial.spoiled(buyer.cart["id"], order_id := trial.order_id()):
        eventually(lambda: buyer.client.get(buyer.path).json()["status"], "open")
        eventually(lambda: trial.fault.hits > 0, True)
    trial.await_standing(order_id, Standing("expired"))
    found = trial.client.get(f"/api/v1/admin/gift-cards/{card['card']['id']}").json()["card"]
    assert (found["balance"]["amount"], found["held"]["amount"]) == (CARD_VALUE, 0)
    again = complete(trial)
    assert again.status_code == 201, again.text
    trial.await_standing(order_id, Standing("placed", PAID))


def complete(trial: Trial, token: str = "sim_ok") -> httpx.Response:
    body = {
        "expected_total": trial.buyer.cart["totals"]["total"],
        "payment": {"provider": "simulator", "token": token, "return_url": "/checkout/return"},
    }
    return trial.press_as_buyer(f"{trial.buyer.path}/complete", body)


def capturing(trial: Trial) -> None:
    order = trial.held()
    with trial.spoiled(order["id"]):
        trial.done(f"/orders/{order['id']}/captures", {"amount": {"amount": 4000, "currency": "EUR"}})
        trial.await_standing(order["id"], Standing("placed", 4000))


def letting_go(trial: Trial) -> None:
    """An order is canceled whose money is only held."""
    order = trial.held()
    with trial.spoiled(order["id"], trial.buyer.cart["id"]):
        trial.done(f"/orders/{order['id']}/cancellation")
        trial.await_standing(order["id"], Standing("canceled", authorized=TRADE_PAID))
        eventually(lambda: trial.order(order["id"])["payment_status"], "voided")


def canceling(trial: Trial) -> None:
    order = trial.bought()
    with trial.spoiled(order["id"], trial.buyer.cart["id"]):
        trial.done(f"/orders/{order['id']}/cancellation")
        trial.await_standing(order["id"], Standing("canceled", PAID, PAID))


def refunding(trial: Trial) -> None:
    order = trial.bought()
    with trial.spoiled(order["id"]):
        trial.done(f"/orders/{order['id']}/refunds", {"amount": {"amount": 1000, "currency": "EUR"}})
        trial.await_standing(order["id"], Standing("placed", PAID, 1000))


def packing(trial: Trial) -> None:
    """Two of three units: a second parcel would be possible, and wrong."""
    order = trial.bought(LAMP=3)
    body = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}]}
    with trial.spoiled(order["id"], trial.buyer.cart["id"]):
        trial.done(f"/orders/{order['id']}/fulfillments", body)
        trial.await_standing(order["id"], Standing("placed", 3 * LAMP + DELIVERY, units=3, parcels=1))


def sending(trial: Trial) -> None:
    order = trial.bought()
    parcel = trial.done(f"/orders/{order['id']}/fulfillments")["fulfillments"][0]["id"]
    with trial.spoiled(parcel, trial.buyer.cart["id"]):
        trial.done(f"/fulfillments/{parcel}/shipment", {"carrier": "Post"})
        trial.await_standing(order["id"], Standing("completed", PAID, sent=1, parcels=1))


def labeling(trial: Trial) -> None:
    order = trial.bought()
    parcel = trial.done(f"/orders/{order['id']}/fulfillments")["fulfillments"][0]["id"]
    with trial.spoiled(parcel):
        choice = {"carrier": "simulated", "service": "economy"}
        [shown] = trial.done(f"/fulfillments/{parcel}/label", choice)["fulfillments"]
        [again] = trial.done(f"/fulfillments/{parcel}/label", choice)["fulfillments"]
    assert shown["tracking_number"] == again["tracking_number"] != ""


def adding(trial: Trial) -> None:
    """A mug more than was bought, paid by a second payment."""
    order = trial.bought()
    change = {"kind": "edit", "add": [{"variant_id": trial.goods.variants["MUG-SAGE"], "quantity": 1}]}
    headers = {"X-Order-Token": order["token"]}
    with trial.spoiled(order["id"], trial.buyer.cart["id"]) as fault:
        preview = trial.done(f"/orders/{order['id']}/changes", {"change": change})
        fault.marks = (*fault.marks, uuid.UUID(preview["id"]).bytes)
        trial.done(f"/changes/{preview['id']}/confirmation")
        trial.await_standing(order["id"], Standing("placed", PAID, units=2))
        trial.buyer.client.headers.update(headers)
        body = {
            "expected": {"amount": MUG, "currency": "EUR"},
            "payment": {"provider": "simulator", "token": "sim_ok", "return_url": "/"},
        }
        trial.press_as_buyer(f"/api/v1/orders/{order['number']}/payments", body)
        trial.await_standing(order["id"], Standing("placed", PAID + MUG, units=2))


def taking_off(trial: Trial) -> None:
    """A unit less than was bought: it is free again, and its money goes back."""
    order = trial.bought(LAMP=2)
    quantity = {"line_id": order["lines"][0]["id"], "quantity": 1}
    change = {"kind": "edit", "quantities": [quantity]}
    preview = trial.done(f"/orders/{order['id']}/changes", {"change": change})
    with trial.spoiled(order["id"], trial.buyer.cart["id"], preview["id"]):
        trial.done(f"/changes/{preview['id']}/confirmation")
        trial.await_standing(order["id"], Standing("placed", PAID + LAMP, LAMP))


def returning(trial: Trial) -> None:
    order = trial.sent()
    trial.buyer.client.headers["X-Order-Token"] = order["token"]
    line = {"line_id": order["lines"][0]["id"], "quantity": 1, "reason": "too small"}
    with trial.spoiled(order["id"]) as fault:
        trial.press_as_buyer(f"/api/v1/orders/{order['number']}/returns", {"lines": [line]})
        [change] = trial.order(order["id"])["changes"]
        fault.marks = (*fault.marks, uuid.UUID(change["id"]).bytes)
        trial.done(f"/changes/{change['id']}/approval")
        trial.done(f"/changes/{change['id']}/receipt")
        trial.await_standing(order["id"], Standing("completed", PAID, LAMP, sent=1, parcels=1))


def tracking(trial: Trial) -> None:
    """The carrier sees a parcel: it has left."""
    order = trial.bought()
    parcel = trial.done(f"/orders/{order['id']}/fulfillments")["fulfillments"][0]["id"]
    choice = {"carrier": "simulated", "service": "economy"}
    [labeled] = trial.done(f"/fulfillments/{parcel}/label", choice)["fulfillments"]
    scans = f"/api/v1/simulator/parcels/{labeled['tracking_number']}/scans"
    trial.press_as_buyer(scans, {"status": "in_transit"})
    trial.await_standing(order["id"], Standing("completed", PAID, sent=1, parcels=1))


def refunding_outside(trial: Trial) -> None:
    """Money is sent back on the provider's own pages."""
    order = trial.bought()
    entries = trial.client.get("/api/v1/simulator/ledger", params={"limit": 1000}).json()["items"]
    charge = next(entry["reference"] for entry in entries if entry["key"].startswith(order["id"]))
    answer = trial.client.post(f"/api/v1/simulator/charges/{charge}/refunds", json={"amount": 1000})
    assert answer.status_code == 204, answer.text
    trial.await_standing(order["id"], Standing("placed", PAID, 1000))


def furnish_fully(shop: Shop) -> Goods:
    """Furnished, with a channel whose money is taken by hand and an address that parcels are sent from."""
    goods = furnish(shop)
    staff = Staff(shop)
    default = staff.get("/channels/default")
    staff.put(f"/channels/{TRADE}", {**default, "code": TRADE, "name": "Trade", "capture": "manual"})
    price = staff.client.put(
        f"/api/v1/admin/variants/{goods.variants['LAMP']}/price",
        json={"price": 8000},
        headers={"X-Channel": TRADE},
    )
    assert price.status_code == 200, price.text
    pallet = {"code": "pallet", "name": "Pallet", "countries": ["NL"], "price": 2000, "channel": TRADE}
    staff.post("/delivery-methods", pallet)
    known = staff.get("/senders")["items"]
    staff.put("/senders/default", {"address": SENDER, "version": known[0]["version"] if known else 1})
    return goods


ALL = tuple(Kind)
READS = (Kind.REQUEST_LOST, Kind.ERROR)
"""What only asks has no effect that could come twice or too late."""
CALLS: dict[Callable[[Trial], None], dict[str, tuple[Kind, ...]]] = {
    placing: {"orders.place": ALL, "carts.freeze": ALL, "stock.hold": ALL, "payments.pay": ALL},
    waiting: {"payments.result": READS},
    refused: {"payments.release_credit": ALL, "stock.release": ALL, "carts.thaw": ALL},
    capturing: {"orders.capture": ALL, "payments.capture": ALL},
    letting_go: {"payments.void": ALL, "payments.payments_of_order": READS},
    canceling: {
        "orders.cancel": ALL,
        "payments.refund": ALL,
        "stock.allocate": ALL,
        "stock.deallocate": ALL,
    },
    refunding: {"orders.refund": ALL, "payments.refund": ALL},
    packing: {"orders.create_fulfillment": ALL, "stock.allocations": READS},
    sending: {"orders.ship": ALL, "stock.ship": ALL},
    labeling: {"orders.buy_label": ALL, "carriers.buy_label": ALL},
    adding: {
        "orders.preview_change": READS,
        "carts.quote": READS,
        "orders.confirm_change": ALL,
        "stock.hold": ALL,
        "stock.allocate": ALL,
        "orders.pay_balance": ALL,
        "payments.pay": ALL,
    },
    taking_off: {"stock.deallocate": ALL, "payments.refund": ALL},
    returning: {
        "orders.request_return": ALL,
        "orders.approve_return": ALL,
        "orders.receive_return": ALL,
        "stock.restock": ALL,
    },
}
"""Act → the calls it needs → how each of them goes wrong."""
ASIDE = {
    "stock.expired_holds": "asked every five seconds",
    "carts.stale_completing": "asked every five seconds",
    "carts.finish": "asked by the same sweep, for carts that the event has not reached",
    "catalog.channel": "kept in the process; the old one holds while the catalog is away",
    "payments.providers": "asked before orders are canceled that nobody pays",
    "stock.levels": "asked by `mercato verify`",
    "payments.money_of_orders": "asked by `mercato verify`",
    "catalog.sale_variants": "weighs a parcel before its label is bought",
}
"""Calls of orders that no act waits for, or that decide nothing."""
KILLS: dict[str, Callable[[Trial], None]] = {
    "orders.captured": capturing,
    "orders.shipped": sending,
    "orders.refunded": refunding,
    "orders.change_held": adding,
    "orders.voided": letting_go,
    "orders.change_confirmed": adding,
    "orders.canceled": canceling,
    "orders.change_allocated": adding,
    "orders.deallocated": canceling,
    "orders.collected": adding,
    "orders.units_freed": taking_off,
    "orders.return_received": returning,
    "carriers.label_sold": labeling,
    "orders.restocked": returning,
    "payments.void_requested": letting_go,
    "payments.refund_answered": refunding,
    "simulator.capture": capturing,
    "job.taken": tracking,
    "payments.caught_up": refunding_outside,
    "carriers.webhook_stored": tracking,
}
"""Failpoint → the act that passes it. What follows a row does not pass the failpoint of the next one."""
