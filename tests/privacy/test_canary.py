"""A customer with a marker in every field does everything, takes a copy of it all, and is forgotten.

What is left afterwards must be exactly what docs/guides/privacy.md says is kept. A new table, event, file or
log line with personal data makes this fail: say in the service's `personal` tables what becomes of it.
"""

import asyncio
import io
import json
import re
import time
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercato.engines import Nats
from support.buyer import Buyer, token_in
from support.canary import PHONE, search_database, search_files, search_streams
from support.engines import Engines
from support.furnish import Goods, Staff, furnish
from support.proof import assert_books_agree
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment

PASSWORD = "a long enough passphrase"
EMAIL = "zqxmail@example.com"
OTHER_EMAIL = "zqxother@example.com"
GUEST = "zqxguest@example.com"
ADDRESS = {
    "name": "Zqxname Canary", "company": "Zqxcompany BV", "street1": "Zqxstreet 12", "street2": "Zqxfloor",
    "postal_code": "3511 AB", "city": "Zqxcity", "country": "NL", "phone": PHONE,
}  # fmt: skip
AGENT = "Zqxagent/1.0"
TOLD_WITHIN_S = 40.0
EXPECTED = (
    "zqxname", "zqxcompany", "zqxstreet", "zqxfloor", "zqxcity", "zqxagent", "zqxgift", "zqxreturn",
    "zqxremark", "zqxtag", "zqxcredit", "zqxcard", "zqxdraft", "zqxother", "zqxcustom", "zqxmail",
)  # fmt: skip


class Canary:
    """The shop, its folders, and the people in it."""

    def __init__(self, shop: Shop, goods: Goods, folder: Path, database_url: str, nats_url: str) -> None:
        self.shop, self.goods, self.folder = shop, goods, folder
        self.database_url, self.nats_url = database_url, nats_url
        self.staff = Staff(shop)

    def traces(self) -> tuple[set[str], list[str], list[str]]:
        """Where a marker stands: columns, subjects of messages, files."""

        async def look() -> tuple[set[str], list[str]]:
            return await search_database(self.database_url), await search_streams(self.nats_url)

        return *asyncio.run(look()), search_files([self.folder])


@pytest.fixture(scope="module")
def canary(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Canary]:
    """A shop of real processes with a broker of its own, whose files are searched as well."""
    name = f"canary_{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("canary")
    url = engines.create_database(name)
    broker = Nats(folder / "nats")
    broker.start()
    try:
        env = shop_environment(
            url, broker.url, name, folder / "data", MERCATO_MAIL_FROM="Shop <s@example.org>"
        )
        (folder / "logs").mkdir()
        with running_shop(ALL_IN_ONE, env, folder / "logs") as shop:
            yield Canary(shop, furnish(shop), folder, url, broker.url)
    finally:
        broker.stop()
        engines.drop_database(name)


def until(look: Callable[[], Any], what: str, within_s: float = TOLD_WITHIN_S) -> Any:
    """What `look` finds, once it finds something."""
    end = time.monotonic() + within_s
    while not (found := look()):
        assert time.monotonic() < end, f"not in time: {what}"
        time.sleep(0.1)
    return found


def sent(answer: httpx.Response, *statuses: int) -> Any:
    assert answer.status_code in (statuses or (200, 201, 202, 204)), answer.text
    return answer.json() if answer.content else None


def account(canary: Canary) -> Buyer:
    """Somebody with an account, an address, a phone, consents, a stock alert and a half-changed address."""
    buyer = Buyer(canary.shop, canary.goods, EMAIL)
    call = buyer.client
    call.headers["User-Agent"] = AGENT
    body = {"email": EMAIL, "password": PASSWORD, "name": ADDRESS["name"]}
    sent(call.post("/api/v1/auth/register", json=body))
    link = buyer.mails(await_template="account_confirm")[0]
    sent(call.post("/api/v1/auth/verify", json={"token": token_in(link)}))
    token = sent(call.post("/api/v1/auth/login", json={"email": EMAIL, "password": PASSWORD}))
    call.headers["Authorization"] = f"Bearer {token['access_token']}"
    sent(call.patch("/api/v1/me", json={"phone": PHONE}))
    sent(call.post("/api/v1/me/addresses", json={**ADDRESS, "is_default": True}))
    sent(call.put("/api/v1/me/consents/marketing_email", json={"is_given": True}))
    sent(call.post("/api/v1/me/email", json={"email": OTHER_EMAIL, "password": PASSWORD}))
    canary.staff.set_stock(canary.goods, "MUG-INK", 0)
    alert = {"variant_id": canary.goods.variants["MUG-INK"], "email": EMAIL}
    sent(call.post("/api/v1/stock-alerts", json=alert))
    return buyer


def fill(buyer: Buyer, email: str, **extra: Any) -> Buyer:
    """A cart with everything that a shopper can write into it."""
    lines = [
        {"variant_id": buyer.goods.variants["LAMP"], "quantity": 1, "custom": {"engraving": "Zqxcustom"}}
    ]
    buyer.cart = sent(buyer.client.post("/api/v1/carts", json={"lines": lines}))
    buyer.client.headers["X-Cart-Token"] = buyer.cart["token"]
    buyer.change(
        {"email": email, "shipping_address": ADDRESS, "billing_address": ADDRESS, "note": "Zqxgift note"}
    )
    methods = sent(buyer.client.get(f"{buyer.path}/delivery-methods"))["items"]
    return buyer.change({"delivery_method_id": methods[0]["id"], **extra})


def deliver(canary: Canary, buyer: Buyer, order: dict[str, Any]) -> dict[str, Any]:
    """A label is bought, the parcel travels and arrives."""
    parcel = canary.staff.post(f"/orders/{order['id']}/fulfillments", {})["fulfillments"][0]["id"]
    label = canary.staff.post(f"/fulfillments/{parcel}/label", {"carrier": "simulated", "service": "express"})
    number = label["fulfillments"][0]["tracking_number"]
    for status in ("in_transit", "delivered"):
        sent(buyer.client.post(f"/api/v1/simulator/parcels/{number}/scans", json={"status": status}))
    return until(
        lambda: (found := canary.staff.get(f"/orders/{order['id']}"))["status"] == "completed" and found,
        f"order {order['number']} delivered",
    )


def send_back(canary: Canary, buyer: Buyer, order: dict[str, Any]) -> None:
    """The buyer returns what came; staff takes it back and refunds."""
    line = order["lines"][0]["id"]
    body = {
        "lines": [{"line_id": line, "quantity": 1, "reason": "Zqxreturn small"}],
        "reason": "Zqxreturn all",
    }
    headers = {"X-Order-Token": order["token"]}
    sent(buyer.client.post(f"/api/v1/orders/{order['number']}/returns", json=body, headers=headers))
    [change] = [
        one["id"] for one in canary.staff.get("/returns", status="requested")["items"]
        if one["order_id"] == order["id"]
    ]  # fmt: skip
    canary.staff.post(f"/changes/{change}/approval", {})
    receipt = {"lines": [{"line_id": line, "received": 1, "restocked": 1}]}
    canary.staff.post(f"/changes/{change}/receipt", receipt)
    until(lambda: canary.staff.get(f"/orders/{order['id']}")["changes"][-1]["status"] == "refunded", "refund")


def live(canary: Canary) -> Buyer:
    """Everything that a shop learns about a customer and a guest; returns the customer."""
    staff = canary.staff
    sender = {"name": "Fika", "street1": "Keizersgracht 1", "postal_code": "1015 CJ", "city": "Amsterdam",
              "country": "NL"}  # fmt: skip
    staff.put("/senders/default", {"address": sender, "version": 1})
    seller = {"name": "Fika", "address": ["Keizersgracht 1"], "country": "NL", "vat_id": "NL123456789B01"}
    staff.put("/sellers/default", {"channel": "default", **seller, "version": 1})
    buyer = account(canary)
    user_id = sent(buyer.client.get("/api/v1/me"))["id"]
    order = fill(buyer, EMAIL).buy()
    staff.post(f"/orders/{order['id']}/notes", {"text": "Zqxremark: rang twice"})
    staff.put(f"/orders/{order['id']}/tags", {"tags": ["zqxtag"]})
    staff.post(f"/orders/{order['id']}/invoice", {})
    deliver(canary, buyer, order)
    send_back(canary, buyer, order)
    fill(buyer, EMAIL)  # a cart that stays open
    guest = Buyer(canary.shop, canary.goods, GUEST)
    fill(guest, GUEST)
    assert guest.complete("sim_decline").status_code == 402
    guest.await_open()
    second = guest.buy()
    sent(guest.client.post(
        f"/api/v1/orders/{second['number']}/cancellation", json={"reason": "Zqxcancel"},
        headers={"X-Order-Token": second["token"]},
    ))  # fmt: skip
    credit = {"currency": "EUR", "change": 500, "reason": "Zqxcredit"}
    staff.post(f"/customers/{user_id}/store-credit", credit)
    for email in (EMAIL, GUEST):
        staff.post("/gift-cards", {"value": 1000, "currency": "EUR", "recipient": email, "note": "Zqxcard"})
    draft = {"channel": "default", "email": EMAIL, "note": "Zqxdraft", "shipping_address": ADDRESS,
             "lines": [{"variant_id": canary.goods.variants["MUG-SAGE"], "quantity": 1}]}  # fmt: skip
    staff.post("/orders", draft)
    staff.post(f"/customers/{user_id}/impersonation", {"reason": "Zqxsupport"})
    until(lambda: staff.get("/audit", act="user.impersonated")["items"], "the act in the log")
    return buyer


def copy_of(buyer: Buyer) -> dict[str, bytes]:
    """The files of the copy that the buyer asks for."""
    made = sent(buyer.client.post("/api/v1/me/export"), 202)

    def ready() -> Any:
        [found] = [
            one for one in sent(buyer.client.get("/api/v1/me/exports"))["items"] if one["id"] == made["id"]
        ]
        assert found["status"] != "failed"
        return found["status"] == "ready"

    until(ready, "the copy")
    answer = buyer.client.get(f"/api/v1/me/exports/{made['id']}/file")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.headers["cache-control"] == "private, no-store"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def tell(canary: Canary, *command: str) -> str:
    """What `mercato COMMAND` prints when it succeeds."""
    done = canary.shop.command(*command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listed_in_the_guide() -> set[str]:
    """The places that docs/guides/privacy.md says are kept."""
    guide = (Path(__file__).parents[2] / "docs" / "guides" / "privacy.md").read_text("utf-8")
    return set(re.findall(r"^\| `(\w+\.\w+\.\w+)` \|", guide, re.MULTILINE))


def await_erasures(canary: Canary, count: int) -> list[dict[str, Any]]:
    def done() -> Any:
        found = canary.staff.get("/personal-data/erasures")["items"]
        return len(found) == count and all(one["status"] == "done" for one in found) and found

    return until(done, f"{count} erasures", 90)


def test_the_copy_is_whole_and_after_the_erasure_only_what_the_law_keeps_is_left(canary: Canary) -> None:
    buyer = live(canary)
    headers = {"Authorization": buyer.client.headers["Authorization"]}
    files = copy_of(buyer)
    text = files["data.json"].decode().lower()
    assert [mark for mark in EXPECTED if mark not in text] == []
    assert PHONE[3:] in text.replace(" ", "")
    assert any(name.startswith("files/") and body.startswith(b"%PDF-") for name, body in files.items())
    assert "password_hash" not in text and "token_hash" not in text
    data = json.loads(files["data.json"])
    assert {service for service, parts in data.items() if any(parts.values())} >= {
        "users", "orders", "carts", "payments", "notifications", "carriers", "audit",
    }  # fmt: skip
    assert GUEST not in text

    refused = buyer.client.request("DELETE", "/api/v1/me", json={"password": PASSWORD}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "erasure_refused")
    assert refused.json()["reasons"] == ["store_credit"]
    assert sent(buyer.client.get("/api/v1/me"))["email"] == EMAIL
    user_id = sent(buyer.client.get("/api/v1/me"))["id"]
    taken = {"currency": "EUR", "change": -500, "reason": "Zqxcredit back"}
    canary.staff.post(f"/customers/{user_id}/store-credit", taken)

    sent(buyer.client.request("DELETE", "/api/v1/me", json={"password": PASSWORD}, headers=headers), 204)
    guests = tell(canary, "customers", "export", GUEST, str(canary.folder / "guest.zip"))
    assert guests.startswith(str(canary.folder / "guest.zip"))
    assert (canary.folder / "guest.zip").stat().st_mode & 0o077 == 0
    with zipfile.ZipFile(canary.folder / "guest.zip") as archive:
        text = archive.read("data.json").decode().lower()
    assert "zqxcancel" in text and "zqxcustom" in text and EMAIL not in text
    (canary.folder / "guest.zip").unlink()
    assert tell(canary, "customers", "erase", GUEST) == "Forgotten.\n"
    await_erasures(canary, 2)
    assert buyer.client.get("/api/v1/me").status_code == 401
    # What a PDF prints cannot be searched for, so the file of a paper is listed but not found.
    assert canary.traces() == (listed_in_the_guide() - {"orders.document_files.pdf"}, [], [])
    assert_books_agree(canary.shop)


def test_an_erasure_that_was_cut_off_goes_on_and_is_refused_before_that_while_an_order_is_open(
    canary: Canary,
) -> None:
    email, shop = "zqxlate@example.com", canary.shop
    late = Buyer(shop, canary.goods, email)
    order = fill(late, email).buy()
    refused = canary.staff.client.post("/api/v1/admin/personal-data/erasures", json={"email": email})
    assert (refused.status_code, refused.json()["reasons"]) == (409, ["order_open"])
    canary.staff.post(f"/orders/{order['id']}/cancellation", {"reason": "Zqxcancel"})
    process = shop.process_of("privacy")
    process.stop()
    process.start(MERCATO_FAILPOINT="erasure.step")
    shop.await_ready()

    def asked() -> bool:  # the refund of the canceled order may still be on its way
        body = {"email": email}
        return canary.staff.client.post("/api/v1/admin/personal-data/erasures", json=body).status_code == 202

    until(asked, "the erasure is taken on")
    process.await_death()
    assert canary.traces()[0] > listed_in_the_guide() - {"orders.document_files.pdf"}
    shop.turn_clock(60)  # the lease of the job that died is over
    process.start()
    shop.await_ready()
    await_erasures(canary, 3)
    assert canary.traces() == (listed_in_the_guide() - {"orders.document_files.pdf"}, [], [])


def test_when_the_law_lets_the_invoices_go_nothing_is_left(canary: Canary) -> None:
    process = canary.shop.process_of("privacy")
    process.stop()
    canary.shop.turn_clock(3654 * 86_400)
    process.start()
    canary.shop.await_ready()
    assert "invoices of erased people: " in tell(canary, "retention")
    assert canary.traces() == (set(), [], [])
