"""The acts of an order's life, the remote calls that each of them needs, the failpoints that it passes."""

import uuid
from collections.abc import Callable
from typing import Any

import httpx

from faults.trials import TRADE, Standing, Trial, eventually, said
from support.buyer import ADDRESS
from support.call_proxy import Kind
from support.furnish import Goods, Staff, furnish
from support.shop import Shop

LAMP, DELIVERY, MUG = 8900, 490, 2400
PAID = LAMP + DELIVERY
SENDER = {
    "name": "Kiln & Loom",
    "street1": "Gartenweg 3",
    "postal_code": "10115",
    "city": "Berlin",
    "country": "DE",
}
TRADE_PAID = 8000 + 2000
CARD_VALUE = 1_000


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


def paying_by_card(trial: Trial) -> None:
    """A gift card pays a part: what is on it is asked for, held and taken."""
    card = trial.done("/gift-cards", {"value": CARD_VALUE, "currency": "EUR"})
    buyer = trial.buyer.fill(LAMP=1).address()
    with trial.spoiled(buyer.cart["id"]):
        applied = trial.press_as_buyer(f"{buyer.path}/gift-cards", {"code": card["code"]})
        assert applied.json()["totals"]["due"]["amount"] == PAID - CARD_VALUE, applied.text
        assert complete(trial).status_code in (201, 202)
        order = trial.await_placed()
    trial.await_standing(order["id"], Standing("placed", PAID))
    found = trial.client.get(f"/api/v1/admin/gift-cards/{card['card']['id']}").json()["card"]
    assert (found["balance"]["amount"], found["held"]["amount"]) == (0, 0)


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


def cart_of_cards(trial: Trial) -> str:
    """Two gift cards are to be bought; the id of the cart."""
    sku = f"CARD-{trial.request_id[:8].upper()}"
    body = {"name": sku, "status": "active", "product_type": "gift_card"}
    product = trial.done("/products", {**body, "variants": [{"sku": sku, "price": CARD_VALUE, "on_hand": 0}]})
    trial.goods.variants[sku] = product["variants"][0]["id"]
    buyer = trial.buyer.fill(**{sku.replace("-", "_"): 2})
    buyer.change({"email": buyer.email, "shipping_address": ADDRESS})
    return str(buyer.cart["id"])


def on_cards(trial: Trial) -> list[int]:
    """What is on the cards that the buyer got."""
    cards = trial.press(f"/gift-cards?q={trial.buyer.email}", method="GET").json()["items"]
    return [card["balance"]["amount"] for card in cards]


def selling_cards(trial: Trial) -> None:
    """Two gift cards are bought: two are issued, however often it is tried."""
    with trial.spoiled(cart_of_cards(trial)):
        assert complete(trial).status_code in (201, 202)
        order = trial.await_placed()
    trial.await_standing(order["id"], Standing("completed", 2 * CARD_VALUE, units=2))
    assert on_cards(trial) == [CARD_VALUE, CARD_VALUE]


def taking_cards_back(trial: Trial) -> None:
    """Gift cards are canceled for a refund, and valid again once it is taken back."""
    cart_of_cards(trial)
    assert complete(trial).status_code in (201, 202)
    order = trial.await_placed()
    trial.await_standing(order["id"], Standing("completed", 2 * CARD_VALUE, units=2))
    path = f"/orders/{order['id']}/granted-refunds"
    with trial.spoiled(order["id"]):
        wish = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 2}], "execute": False}
        trial.done(path, wish)
        eventually(lambda: on_cards(trial), [0, 0])
        [grant] = trial.client.get(f"/api/v1/admin{path}").json()["items"]
        trial.done(f"/granted-refunds/{grant['id']}/withdrawal")
        eventually(lambda: on_cards(trial), [CARD_VALUE, CARD_VALUE])


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


def drafted(trial: Trial) -> Any:
    """The one draft order of the buyer, whatever became of the request for it."""
    body = {
        "email": trial.buyer.email,
        "lines": [{"variant_id": trial.goods.variants["LAMP"], "quantity": 1}],
        "shipping_address": ADDRESS,
        "discount": 1000,
    }
    draft = trial.done("/orders", body)
    rows = trial.client.get("/api/v1/admin/draft-orders", params={"limit": 100}).json()["items"]
    assert [row["id"] for row in rows if row["email"] == trial.buyer.email] == [draft["id"]]
    assert draft["cart"]["totals"]["total"]["amount"] == PAID - 1000
    return draft


def taking_by_phone(trial: Trial) -> None:
    """Staff prepares an order, its customer pays by the link."""
    with trial.spoiled():
        draft = drafted(trial)
        trial.buyer.client.headers["X-Order-Token"] = draft["token"]
        body = {
            "expected_total": draft["cart"]["totals"]["total"],
            "payment": {"provider": "simulator", "token": "sim_ok", "return_url": "/"},
        }
        path = f"/api/v1/draft-orders/{draft['id']}"
        trial.press_as_buyer(f"{path}/payment", body)
        eventually(lambda: said(lambda: trial.buyer.client.get(path)).json().get("status"), "placed")
    order_id = trial.client.get(f"/api/v1/admin/draft-orders/{draft['id']}").json()["order_id"]
    trial.await_standing(order_id, Standing("placed", PAID - 1000))


def taking_as_paid(trial: Trial) -> None:
    """Staff prepares an order and says that its money has come."""
    draft = drafted(trial)
    with trial.spoiled(draft["cart"]["id"]):
        order = trial.done(f"/draft-orders/{draft['id']}/placement", {"is_paid": True})
        trial.await_standing(order["id"], Standing("placed", PAID - 1000))


def dropping(trial: Trial) -> None:
    """Staff prepares an order and drops it."""
    draft = drafted(trial)
    with trial.spoiled(draft["cart"]["id"]):
        gone = trial.done(f"/draft-orders/{draft['id']}/cancellation")
    assert (gone["status"], gone["cart"]) == ("canceled", None)


def changing_draft(trial: Trial) -> None:
    """Staff puts two lamps instead of one into a draft order, and takes the discount off."""
    draft = drafted(trial)
    lines = [{"variant_id": trial.goods.variants["LAMP"], "quantity": 2}]
    wish = {"email": trial.buyer.email, "lines": lines, "shipping_address": ADDRESS}
    path = f"/draft-orders/{draft['id']}"
    with trial.spoiled(draft["cart"]["id"]):
        changed = trial.press(path, {"draft": wish, "version": draft["version"]}, method="PUT")
        assert changed.status_code == 200, changed.text
    eventually(lambda: total_of(trial, path), 2 * LAMP + DELIVERY)


def total_of(trial: Trial, path: str) -> int | None:
    """What a draft order costs; None while it has no cart."""
    draft = said(lambda: trial.client.get(f"/api/v1/admin{path}")).json()
    return draft["cart"]["totals"]["total"]["amount"] if draft.get("cart") else None


def granting(trial: Trial) -> None:
    order = trial.bought()
    with trial.spoiled(order["id"]):
        trial.done(f"/orders/{order['id']}/granted-refunds", {"other": 1000, "reason": "for the trouble"})
        trial.await_standing(order["id"], Standing("placed", PAID, 1000))
    granted = trial.client.get(f"/api/v1/admin/orders/{order['id']}/granted-refunds").json()["items"]
    assert len(granted) == 1


def executing(trial: Trial) -> None:
    """A refund that was granted before is sent."""
    order = trial.bought()
    path = f"/orders/{order['id']}/granted-refunds"
    trial.done(path, {"other": 1000, "execute": False})
    [grant] = trial.client.get(f"/api/v1/admin{path}").json()["items"]
    with trial.spoiled(order["id"]):
        trial.done(f"/granted-refunds/{grant['id']}/executions")
        trial.await_standing(order["id"], Standing("placed", PAID, 1000))


def withdrawing(trial: Trial) -> None:
    """A refund that was granted and not sent is taken back."""
    order = trial.bought()
    path = f"/orders/{order['id']}/granted-refunds"
    trial.done(path, {"other": 1000, "execute": False})
    [grant] = trial.client.get(f"/api/v1/admin{path}").json()["items"]
    with trial.spoiled(order["id"]):
        trial.done(f"/granted-refunds/{grant['id']}/withdrawal")
        trial.await_standing(order["id"], Standing("placed", PAID))
    items = trial.client.get(f"/api/v1/admin{path}").json()["items"]
    assert [one["amount"]["amount"] for one in items] == [1000, -1000]


def inviting(trial: Trial) -> None:
    """The customer of a draft order gets the link, by one mail."""
    draft = drafted(trial)
    with trial.spoiled(draft["cart"]["id"]):
        assert trial.done(f"/draft-orders/{draft['id']}/invitation")["status"] == "sent"
        mails = trial.buyer.mails(await_template="draft_order")
    assert [mail["template"] for mail in mails] == ["draft_order"]


def arriving(trial: Trial) -> None:
    """Staff knows that a parcel has arrived."""
    order = trial.sent()
    [parcel] = trial.order(order["id"])["fulfillments"]
    with trial.spoiled():
        trial.done(f"/fulfillments/{parcel['id']}/delivery")
    told = [entry["kind"] for entry in trial.order(order["id"])["timeline"]]
    assert told.count("fulfillment_delivered") == 1


def unpacking(trial: Trial) -> None:
    order = trial.bought()
    parcel = trial.done(f"/orders/{order['id']}/fulfillments")["fulfillments"][0]["id"]
    with trial.spoiled():
        answer = trial.press(f"/fulfillments/{parcel}", method="DELETE")
        assert answer.status_code == 200, answer.text
        trial.await_standing(order["id"], Standing("placed", PAID))
    packed = trial.done(f"/orders/{order['id']}/fulfillments")["fulfillments"]
    assert [one["status"] for one in packed].count("pending") == 1


def giving_up(trial: Trial) -> None:
    """The buyer cancels."""
    order = trial.bought()
    trial.buyer.client.headers["X-Order-Token"] = order["token"]
    with trial.spoiled(order["id"]):
        answer = trial.press_as_buyer(f"/api/v1/orders/{order['number']}/cancellation", {})
        assert answer.status_code in (200, 201), answer.text
        trial.await_standing(order["id"], Standing("canceled", PAID, PAID))


def keeping_after_all(trial: Trial) -> None:
    """The buyer asks for a return, and withdraws it."""
    order = trial.sent()
    trial.buyer.client.headers["X-Order-Token"] = order["token"]
    path = f"/api/v1/orders/{order['number']}/returns"
    line = {"line_id": order["lines"][0]["id"], "quantity": 1, "reason": "too small"}
    [asked] = trial.press_as_buyer(path, {"lines": [line]}).json()["changes"]
    with trial.spoiled():
        answer = trial.press_as_buyer(f"{path}/{asked['id']}/cancellation", None)
        assert answer.status_code in (200, 201), answer.text
    told = [entry["kind"] for entry in trial.order(order["id"])["timeline"]]
    assert told.count("return_canceled") == 1


def forgetting(trial: Trial) -> None:
    """Somebody is forgotten who only filled a cart."""
    buyer = trial.buyer.fill(LAMP=1).address()
    trial.press("/personal-data/erasures", {"email": buyer.email})
    path = "/api/v1/admin/personal-data/erasures"
    eventually(lambda: erasures(trial, path), ["done"])
    left = buyer.client.get(buyer.path)
    assert left.status_code == 404 or left.json()["email"] != buyer.email


def erasures(trial: Trial, path: str) -> list[str]:
    items = said(lambda: trial.client.get(path)).json().get("items", [])
    return [item["status"] for item in items]


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
SOME = (Kind.REPLY_LOST, Kind.DOUBLE, Kind.ERROR)
READS = (Kind.REQUEST_LOST, Kind.ERROR)
"""What only asks has no effect that could come twice or too late."""
CALLS: dict[Callable[[Trial], None], dict[str, tuple[Kind, ...]]] = {
    placing: {"orders.place": ALL, "carts.freeze": ALL, "stock.hold": ALL, "payments.pay": ALL},
    paying_by_card: {
        "payments.gift_card_by_code": READS,
        "payments.credit_balances": READS,
        "catalog.sale_variants": READS,
        "stock.available": READS,
        "payments.pay": SOME,
    },
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
    taking_by_phone: {
        "orders.create_draft": ALL,
        "carts.create": ALL,
        "carts.save_promotion": SOME,
        "orders.pay_draft": ALL,
    },
    changing_draft: {"orders.change_draft": ALL, "carts.delete": SOME},
    executing: {"orders.execute_refund": SOME},
    withdrawing: {"orders.withdraw_refund": SOME},
    taking_cards_back: {"payments.disable_sold_cards": SOME, "payments.issue_sold_card": SOME},
    inviting: {"orders.send_draft": SOME},
    arriving: {"orders.deliver": SOME},
    unpacking: {"orders.cancel_fulfillment": SOME},
    giving_up: {"orders.request_cancellation": SOME},
    keeping_after_all: {"orders.withdraw_return": SOME},
    granting: {"orders.grant_refund": ALL, "payments.refund": SOME},
    taking_as_paid: {"orders.place_draft": ALL, "carts.get": READS, "stock.hold": SOME},
    dropping: {"orders.cancel_draft": ALL, "carts.delete": SOME},
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
    "carts.update": "fills the cart of a draft order, which nobody has seen yet",
    "carts.delivery_methods": "asked for the cart of a draft order, which nobody has seen yet",
    "carts.add_coupon": "fills the cart of a draft order, which nobody has seen yet",
    "carts.delete_promotion": "tidies up after a draft order; the code was never told to anybody",
}
"""Calls of orders and carts that no act waits for, or that decide nothing."""
SETTLED = {
    "orders.issue_invoice": "one invoice per order, whoever asks",
    "orders.request_invoice": "one invoice per order, whoever asks",
    "orders.save_seller": "refused by its version",
    "orders.set_draft_delivery": "the same choice twice is the same",
    "orders.set_tags": "the same tags twice are the same",
    "orders.add_note": "noted once for each key, as a test of the service says",
    "orders.act_on_many": "each order on its own, as one by one",
    "orders.retry": "refused when nothing is stuck any more",
    "orders.cancel_change": "a canceled change stays canceled",
    "orders.refund_return": "a refunded return stays refunded",
}
"""What staff may do to orders, and why an answer that is lost does no harm."""
KILLS: dict[str, Callable[[Trial], None]] = {
    "orders.captured": capturing,
    "orders.shipped": sending,
    "orders.card_issued": selling_cards,
    "orders.refunded": refunding,
    "orders.change_held": adding,
    "orders.voided": letting_go,
    "payments.card_sold": selling_cards,
    "orders.change_confirmed": adding,
    "orders.canceled": canceling,
    "orders.change_allocated": adding,
    "orders.deallocated": canceling,
    "orders.collected": adding,
    "orders.units_freed": taking_off,
    "orders.return_received": returning,
    "carriers.label_sold": labeling,
    "orders.restocked": returning,
    "orders.refund_granted": granting,
    "orders.draft_change_begun": changing_draft,
    "erasure.step": forgetting,
    "orders.draft_cart_gone": changing_draft,
    "payments.void_requested": letting_go,
    "payments.refund_answered": refunding,
    "simulator.capture": capturing,
    "job.taken": tracking,
    "payments.caught_up": refunding_outside,
    "carriers.webhook_stored": tracking,
}
"""Failpoint → the act that passes it. What follows a row does not pass the failpoint of the next one."""
