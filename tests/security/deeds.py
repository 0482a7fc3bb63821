"""A day of a shop's staff: every route that changes something is used once, with real things."""

import io
import uuid
from collections.abc import Callable
from typing import Any

from PIL import Image

from security.doors import Door
from support.buyer import ADDRESS, Buyer
from support.furnish import Goods, Staff
from support.shop import Shop

ADMIN = "/api/v1/admin"

UNTOLD = {
    "POST /admin/price-trials": "tries prices and keeps nothing",
    "POST /admin/reconciliations/{provider:str}": "compares the books and changes nothing",
    "DELETE /admin/system/policy-reports": "forgets reports of browsers, which come again when it goes on",
    "POST /admin/orders/{order_id:uuid}/changes": "a preview; what is confirmed, approved or dropped is told",
    "PUT /admin/draft-orders/{draft_id:uuid}/delivery-method": "fills in a draft; its placing is told",
}
"""Routes that leave nothing in the audit log, and why."""
LETTER = (
    "insert into catalog.dead_letters (id, consumer, event_id, subject, body, error, deliveries)"
    " select $1, 'catalog-availability', gen_random_uuid(), subject, body, 'Broken', 1"
    " from stock.outbox where subject = 'stock.changed' limit 1"
)
JOB = (
    "insert into kernel.jobs (id, service, kind, payload, status, run_at, created_at)"
    " values ($1::uuid, 'catalog', 'import-products', json_build_object('import_id', $1::uuid)::text::bytea,"
    " 'failed', now(), now())"
)
UNREFUNDED = "update orders.changes set status = 'received' where id = $1"
PARKED = "update orders.orders set parked_at = now() where id = $1"
APP = (
    "insert into users.authenticators (user_id, sealed_secret, created_at, confirmed_at)"
    " values ($1, '', now(), now())"
)
"""What staff repairs has to be broken first, by hand."""


class Day:
    """Calls routes with an id of their own, so that the entries of each can be found."""

    def __init__(self, shop: Shop, goods: Goods, staff: Staff, run: Callable[[str, uuid.UUID], Any]) -> None:
        self.shop, self.goods, self.staff, self.run = shop, goods, staff, run
        self.done: dict[str, str] = {}
        """Route → id of the request that used it."""
        self.secrets: list[str] = []
        """What was given out once and must stand nowhere."""

    def do(self, method: str, template: str, body: Any = None, *, query: str = "", **known: Any) -> Any:
        """Use a route and expect that it works."""
        door = Door(method, f"{ADMIN}{template}", "")
        request_id = f"deed-{uuid.uuid4().hex}"
        more: dict[str, Any] = (
            {"data": body, "files": known.pop("files")} if "files" in known else {"json": body}
        )
        given = {name: str(value) for name, value in known.items()}
        answer = self.staff.client.request(
            method, door.path(given) + query, headers={"X-Request-Id": request_id}, **more
        )
        assert answer.is_success, f"{method} {template}: {answer.status_code} {answer.text[:400]}"
        self.done[f"{method} /admin{template}"] = request_id
        return answer.json() if answer.content else None

    def spend(self, *works: Callable[["Day"], None]) -> "Day":
        for work in works:
            work(self)
        return self


def versioned(thing: dict[str, Any]) -> str:
    return f"?version={thing['version']}"


def keep_products(day: Day) -> None:
    day.do("PUT", "/attributes/{code:str}", code="tone", body={
        "code": "tone", "label": "Tone", "kind": "text", "unit": None, "values": [], "is_filterable": True,
        "position": 1})  # fmt: skip
    day.do("PUT", "/product-types/{code:str}", code="vessel", body={
        "code": "vessel", "name": "Vessel", "product_attributes": ["tone"], "variant_attributes": [],
        "version": 0})  # fmt: skip
    wish = {"name": "Ash bowl", "variants": [{"sku": "ASH", "price": 4000, "on_hand": 3}]}
    product = day.do("POST", "/products", wish)
    one = {"product_id": product["id"]}
    changed = wish | {"name": "Elm bowl", "version": product["version"]}
    product = day.do("PUT", "/products/{product_id:uuid}", changed, **one)
    status = {"version": product["version"], "status": "active"}
    product = day.do("PATCH", "/products/{product_id:uuid}", status, **one)
    day.do(
        "PUT", "/variants/{variant_id:uuid}/price", {"price": 4400}, variant_id=product["variants"][0]["id"]
    )
    target = io.BytesIO()
    Image.new("RGB", (20, 20), "brown").save(target, "PNG")
    files = {"image": ("bowl.png", target.getvalue(), "image/png")}
    image = day.do("POST", "/products/{product_id:uuid}/images", {"alt": "A bowl"}, files=files, **one)
    path = "/products/{product_id:uuid}/images/{image_id:uuid}"
    day.do("PATCH", path, {"alt": "The bowl"}, image_id=image["id"], **one)
    product = day.do("DELETE", path, image_id=image["id"], **one)
    day.do("DELETE", "/products/{product_id:uuid}", **one, query=versioned(product))
    table = {"file": ("products.csv", b"slug,name,sku,price\npine,Pine bowl,PINE,12\n", "text/csv")}
    day.do("POST", "/products/import", {"mapping": "mercato"}, files=table)
    for kind, hole in (("categories", "category_id"), ("collections", "collection_id")):
        made = day.do("POST", f"/{kind}", {"slug": "bowls", "name": "Bowls"})
        changed = {"slug": "bowls", "name": "All bowls", "version": made["version"]}
        made = day.do("PUT", f"/{kind}/{{{hole}:uuid}}", changed, **{hole: made["id"]})
        day.do("DELETE", f"/{kind}/{{{hole}:uuid}}", **{hole: made["id"]}, query=versioned(made))


def keep_settings(day: Day) -> None:
    day.do("PUT", "/channels/{code:str}", code="outlet", body={
        "code": "outlet", "name": "Outlet", "currency": "EUR", "locale": "nl-NL", "countries": ["NL"],
        "prices_include_tax": True, "is_active": True})  # fmt: skip
    seller = {"channel": "default", "name": "Hearth", "address": ["Street 1", "Utrecht"], "country": "NL"}
    day.do("PUT", "/sellers/{channel:str}", seller, channel="default")
    day.do("PUT", "/senders/{channel:str}", {"address": ADDRESS | {"street1": "Depot 1"}}, channel="default")
    method = {"code": "day", "name": "A day", "countries": ["NL"], "price": 900}
    _made_changed_deleted(day, "/delivery-methods", "method_id", method, {"price": 800})
    zone = {"name": "North", "areas": [{"country": "DK"}]}
    _made_changed_deleted(day, "/delivery-zones", "zone_id", zone, {"name": "Far north"})
    made = day.do("POST", "/delivery-calendars", {"channel": "outlet", "holidays": ["2031-12-25"]})
    day.do("PUT", "/delivery-calendars/{calendar_id:uuid}", made | {"holidays": []}, calendar_id=made["id"])
    rate = {"name": "VAT", "country": "FR", "rate": "0.2"}
    _made_changed_deleted(day, "/tax-rates", "rate_id", rate, {"rate": "0.21"})
    kind = {"code": "books", "name": "Books"}
    _made_changed_deleted(day, "/tax-classes", "class_id", kind, {"name": "Printed books"})
    area = {"name": "Isles", "countries": ["ES"], "postal_prefixes": ["35"]}
    _made_changed_deleted(day, "/tax-zones", "zone_id", area, {"name": "Islands"})


def _made_changed_deleted(
    day: Day, path: str, hole: str, wish: dict[str, Any], change: dict[str, Any]
) -> None:
    made = day.do("POST", path, wish)
    one = {hole: made["id"]}
    made = day.do("PUT", f"{path}/{{{hole}:uuid}}", made | change, **one)
    day.do("DELETE", f"{path}/{{{hole}:uuid}}", **one)


def keep_prices(day: Day, lamp: str = "LAMP") -> None:
    variant = day.goods.variants[lamp]
    promotion = {"name": "May", "label": "May", "reward": "percent", "percent": "5", "needs_code": True}
    made = day.do("POST", "/promotions", promotion)
    one = {"promotion_id": made["id"]}
    made = day.do("PUT", "/promotions/{promotion_id:uuid}", made | {"percent": "6"}, **one)
    day.do("POST", "/promotions/{promotion_id:uuid}/codes", {"count": 1}, **one)
    code = day.staff.get(f"/promotions/{made['id']}/codes")["items"][0]
    day.do("PUT", "/codes/{code_id:uuid}", {"is_active": False}, code_id=code["id"])
    day.do("DELETE", "/promotions/{promotion_id:uuid}", **one)
    group = day.do("POST", "/customer-groups", {"name": "Trade"})
    one = {"group_id": group["id"]}
    group = day.do("PUT", "/customer-groups/{group_id:uuid}", group | {"name": "The trade"}, **one)
    members = {"add": [str(uuid.uuid4())]}
    day.do("PUT", "/customer-groups/{group_id:uuid}/members", members, **one)
    prices = day.do("POST", "/price-lists", {"name": "Trade", "group_ids": []})
    listed = {"list_id": prices["id"]}
    prices = day.do("PUT", "/price-lists/{list_id:uuid}", prices | {"name": "Trade prices"}, **listed)
    entry = {"prices": [{"variant_id": variant, "price": 8000}]}
    day.do("PUT", "/price-lists/{list_id:uuid}/prices", entry, **listed)
    path = "/price-lists/{list_id:uuid}/prices/{variant_id:uuid}"
    day.do("DELETE", path, variant_id=variant, **listed)
    day.do("DELETE", "/price-lists/{list_id:uuid}", **listed)
    day.do("DELETE", "/customer-groups/{group_id:uuid}", **one)


def keep_stock(day: Day) -> None:
    variant, first = day.goods.variants["MUG-INK"], day.goods.location_id
    second = day.do("POST", "/stock-locations", {"code": "annex", "name": "Annex"})["id"]
    day.do("PATCH", "/stock-locations/{location_id:uuid}", {"name": "The annex", "is_active": True},
           location_id=second)  # fmt: skip
    day.do("PUT", "/stock-locations/order", {"location_ids": [first, second]})
    spare = day.do("POST", "/stock-locations", {"code": "attic", "name": "Attic"})["id"]
    day.do("DELETE", "/stock-locations/{location_id:uuid}", location_id=spare)
    day.do("PUT", "/stock-channels", {"channel": "default", "location_ids": None})
    here = {"variant_id": variant, "location_id": first}
    day.do("PUT", "/stock-items/{variant_id:uuid}", {"low_at": 4, "backorder_limit": 0}, variant_id=variant)
    day.do("PUT", "/stock-levels", here | {"on_hand": 900})
    day.do("POST", "/stock-levels/adjust", here | {"delta": -3, "reason": "Broken"})
    day.do("PUT", "/stock-levels/safety-stock", here | {"safety_stock": 2})
    day.do("POST", "/stock-levels/write-off", here | {"quantity": 1, "reason": "Chipped"})
    lines = [{"variant_id": variant, "quantity": 2}]
    day.do("POST", "/stock-receipts", {"location_id": first, "lines": lines})
    move = {"from_id": first, "to_id": second, "lines": lines}
    for end in ("arrival", "cancellation"):
        sent = day.do("POST", "/stock-transfers", move)
        day.do("POST", f"/stock-transfers/{{transfer_id:uuid}}/{end}", {}, transfer_id=sent["id"])
    for end in ("application", "cancellation"):
        take = {"stock_take_id": day.do("POST", "/stock-takes", {"location_id": first})["id"]}
        counted = {"lines": [{"variant_id": variant, "quantity": 890}]}
        day.do("POST", "/stock-takes/{stock_take_id:uuid}/lines", counted, **take)
        if end == "cancellation":
            path = "/stock-takes/{stock_take_id:uuid}/lines/{variant_id:uuid}"
            day.do("DELETE", path, variant_id=variant, **take)
        day.do("POST", f"/stock-takes/{{stock_take_id:uuid}}/{end}", {}, **take)


def keep_accounts(day: Day) -> None:
    role = {"code": "packer", "name": "Packer", "permissions": ["read_orders"]}
    made = day.do("POST", "/roles", role)
    change = {"name": "Packers", "permissions": ["read_orders"], "version": made["version"]}
    made = day.do("PUT", "/roles/{code:str}", change, code="packer")
    people = [_person(day, f"deed{number}@example.com") for number in range(4)]
    one = people[0]
    one = day.do("PUT", "/users/{user_id:uuid}/roles", {"roles": ["packer"], "version": one["version"]},
                 user_id=one["id"])  # fmt: skip
    day.do(
        "PATCH", "/users/{user_id:uuid}", {"is_active": False, "version": one["version"]}, user_id=one["id"]
    )
    one = day.staff.get(f"/users/{one['id']}")
    back = {"roles": [], "version": one["version"]}
    one = day.do("PUT", "/users/{user_id:uuid}/roles", back, user_id=one["id"])
    day.do("DELETE", "/roles/{code:str}", code="packer", query=versioned(made))
    day.run(APP, uuid.UUID(people[1]["id"]))
    day.do("DELETE", "/users/{user_id:uuid}/mfa", user_id=people[1]["id"])
    off = {"is_active": False, "version": people[1]["version"]}
    day.do("PATCH", "/customers/{user_id:uuid}", off, user_id=people[1]["id"])
    day.do("POST", "/customers/{user_id:uuid}/merge", {"drop_id": people[3]["id"]}, user_id=people[2]["id"])
    invited = day.do(
        "POST", "/invitations", {"email": "new@example.com", "name": "New", "roles": ["support"]}
    )
    day.do("DELETE", "/invitations/{invitation_id:uuid}", invitation_id=invited["id"])
    key = day.do("POST", "/api-keys", {"name": "Import", "permissions": ["read_orders"]})
    rotated = day.do("POST", "/api-keys/{key_id:uuid}/rotation", {"version": _version_of(key)},
                     key_id=_id_of(key))  # fmt: skip
    day.do("DELETE", "/api-keys/{key_id:uuid}", key_id=_id_of(rotated))
    card = day.do("POST", "/gift-cards", {"value": 5000, "currency": "EUR", "recipient": "gift@example.com"})
    day.secrets += [card["code"], "gift@example.com", "kayak lantern forty two"]
    card = card["card"]
    off = {"version": card["version"], "is_active": True, "note": "Found again"}
    day.do("PATCH", "/gift-cards/{card_id:uuid}", off, card_id=card["id"])
    more = {"change": 500, "reason": "Kindness"}
    day.do("POST", "/gift-cards/{card_id:uuid}/adjustments", more, card_id=card["id"])
    path = "/customers/{customer_id:uuid}/store-credit"
    day.do("POST", path, more | {"currency": "EUR"}, customer_id=people[2]["id"])
    day.do("POST", "/audit/erasures", {"user_id": people[3]["id"]})


def _person(day: Day, email: str) -> Any:
    body = {"email": email, "password": "kayak lantern forty two", "name": email, "roles": []}
    return day.do("POST", "/users", body)


def _id_of(key: dict[str, Any]) -> str:
    return str(key.get("key", key)["id"])


def _version_of(key: dict[str, Any]) -> int:
    return int(key.get("key", key)["version"])


def keep_orders(day: Day) -> None:
    order = _sold(day)
    one = {"order_id": order["id"]}
    day.do("POST", "/orders/{order_id:uuid}/notes", {"text": "Call first"}, **one)
    day.do("PUT", "/orders/{order_id:uuid}/tags", {"tags": ["vip"]}, **one)
    day.do("POST", "/orders/{order_id:uuid}/invoice", **one)
    day.do("POST", "/orders/bulk", {"act": "tag", "order_ids": [order["id"]], "tag": "gift"})
    packed = day.do("POST", "/orders/{order_id:uuid}/fulfillments", {"lines": None}, **one)
    parcel = {"fulfillment_id": packed["fulfillments"][0]["id"]}
    day.do("DELETE", "/fulfillments/{fulfillment_id:uuid}", **parcel)
    packed = day.do("POST", "/orders/{order_id:uuid}/fulfillments", {"lines": None}, **one)
    parcel = {"fulfillment_id": packed["fulfillments"][-1]["id"]}
    label = {"carrier": "simulated", "service": "economy"}
    day.do("POST", "/fulfillments/{fulfillment_id:uuid}/label", label, **parcel)
    day.do("POST", "/fulfillments/{fulfillment_id:uuid}/shipment", {}, **parcel)
    day.do("POST", "/fulfillments/{fulfillment_id:uuid}/delivery", **parcel)
    _give_back(day, order)
    asked = _ask_to_give_back(day)
    day.do("POST", "/changes/{change_id:uuid}/approval", change_id=asked)
    day.do(
        "POST", "/orders/{order_id:uuid}/cancellation", {"reason": "Wrong size"}, order_id=_sold(day)["id"]
    )
    refunded = _sold(day)
    money = {"amount": {"amount": 100, "currency": "EUR"}, "reason": "Late"}
    day.do("POST", "/orders/{order_id:uuid}/refunds", money, order_id=refunded["id"])
    later = {"other": 100, "reason": "Late", "execute": False}
    path = "/orders/{order_id:uuid}/granted-refunds"
    day.do("POST", path, later, order_id=refunded["id"])
    granted = day.staff.get(f"/orders/{refunded['id']}/granted-refunds")["items"][-1]
    day.do("POST", "/granted-refunds/{refund_id:uuid}/executions", refund_id=granted["id"])
    day.do("POST", path, later, order_id=refunded["id"])
    granted = day.staff.get(f"/orders/{refunded['id']}/granted-refunds")["items"][-1]
    day.do("POST", "/granted-refunds/{refund_id:uuid}/withdrawal", refund_id=granted["id"])
    day.run(PARKED, uuid.UUID(refunded["id"]))
    day.do("POST", "/orders/{order_id:uuid}/retry", order_id=refunded["id"])
    mails = day.staff.get("/messages")["items"]
    letter = next(one for one in mails if one["template"] == "order_placed")
    day.do("POST", "/messages/{message_id:uuid}/resend", message_id=letter["id"])
    for end in ("placement", "cancellation"):
        wish = {"email": "phone@example.com", "shipping_address": ADDRESS,
                "lines": [{"variant_id": day.goods.variants["LAMP"], "quantity": 1}]}  # fmt: skip
        draft = day.do("POST", "/orders", wish)
        other = {"draft": wish | {"note": "Rings twice"}, "version": draft["version"]}
        day.do("PUT", "/draft-orders/{draft_id:uuid}", other, draft_id=draft["id"])
        day.do("POST", "/draft-orders/{draft_id:uuid}/invitation", {}, draft_id=draft["id"])
        unpaid = {"is_paid": False} if end == "placement" else {}
        draft = day.do("POST", f"/draft-orders/{{draft_id:uuid}}/{end}", unpaid, draft_id=draft["id"])
        if end == "placement":
            day.do("POST", "/orders/{order_id:uuid}/captures", {}, order_id=draft["id"])


def _sold(day: Day) -> Any:
    number = Buyer(day.shop, day.goods, "deeds@example.com").fill(LAMP=1).address().buy()["number"]
    return day.staff.get(f"/orders/{day.staff.get('/orders', q=number)['items'][0]['id']}")


def _give_back(day: Day, order: dict[str, Any]) -> None:
    wish = {"kind": "return", "returns": [{"line_id": order["lines"][0]["id"], "quantity": 1}]}
    path = f"/orders/{order['id']}/changes"
    dropped = day.staff.post(path, {"change": wish})
    day.do("POST", "/changes/{change_id:uuid}/cancellation", {}, change_id=dropped["id"])
    change = {"change_id": day.staff.post(path, {"change": wish})["id"]}
    day.do("POST", "/changes/{change_id:uuid}/confirmation", **change)
    day.do("POST", "/changes/{change_id:uuid}/receipt", {}, **change)
    day.run(UNREFUNDED, uuid.UUID(change["change_id"]))
    day.do("POST", "/changes/{change_id:uuid}/refund", **change)


def repair(day: Day) -> None:
    path = "/system/dead-letters/{service:str}/{letter_id:uuid}"
    for end in ("retry", "discard"):
        letter_id = uuid.uuid4()
        day.run(LETTER, letter_id)
        day.do("POST", f"{path}/{end}", service="catalog", letter_id=letter_id)
    job_id = uuid.uuid4()
    day.run(JOB, job_id)
    day.do("POST", "/system/jobs/{service:str}/{job_id:uuid}/retry", service="catalog", job_id=job_id)


def _ask_to_give_back(day: Day) -> str:
    """A customer wants to return what was delivered; the id of the request."""
    buyer = Buyer(day.shop, day.goods, "back@example.com").fill(LAMP=1).address()
    order = buyer.buy()
    order_id = day.staff.get("/orders", q=order["number"])["items"][0]["id"]
    packed = day.staff.post(f"/orders/{order_id}/fulfillments", {"lines": None})["fulfillments"][0]["id"]
    for act in ("shipment", "delivery"):
        day.staff.post(f"/fulfillments/{packed}/{act}", {})
    lines = [{"line_id": buyer.order(order)["lines"][0]["id"], "quantity": 1}]
    answer = buyer.client.post(
        f"/api/v1/orders/{order['number']}/returns", json={"lines": lines},
        headers={"X-Order-Token": order["token"]},
    )  # fmt: skip
    assert answer.status_code == 201, answer.text
    return str(answer.json()["changes"][0]["id"])


def keep_privacy(day: Day) -> None:
    guest = {"email": "phone@example.com"}
    day.do("POST", "/personal-data/exports", guest)
    day.do("POST", "/personal-data/erasures", {"email": "nobody@example.com"})
    one = _person(day, "leaving@example.com")
    day.do("POST", "/customers/{user_id:uuid}/impersonation", {"reason": "They called"}, user_id=one["id"])
    day.do("POST", "/customers/{user_id:uuid}/export", user_id=one["id"])
    day.do("POST", "/customers/{user_id:uuid}/erasure", user_id=one["id"])
    day.do("POST", "/system/retention")


WORKS = (
    keep_settings,
    keep_products,
    keep_prices,
    keep_stock,
    keep_accounts,
    keep_orders,
    keep_privacy,
    repair,
)
