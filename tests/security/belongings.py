"""One thing of every kind that a shopper may own: how its owner reaches it, and how she sees it now."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

import asyncpg

from security.doors import Visitor
from support.buyer import ADDRESS, Buyer
from support.furnish import Goods, Staff
from support.shop import Shop


class Owned:
    """A thing of Ann's: how she reaches it, how she sees it now."""

    def __init__(
        self, known: dict[str, str], headers: dict[str, str], see: Callable[[], Any], query: str = ""
    ) -> None:
        self.known, self.headers, self.see, self.query = known, headers, see, query


def shopper(shop: Shop, staff: Staff, name: str) -> Visitor:
    email = f"{name}@example.com"
    staff.post("/users", {"email": email, "password": "kayak lantern forty two", "name": name, "roles": []})
    return Visitor(shop, name).sign_in(email)


def _mine(ann: Visitor, path: str) -> Any:
    answer = ann.client.get(path, headers={"Authorization": f"Bearer {ann.bearer}", **ann.headers})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _address(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    headers = {"Authorization": f"Bearer {ann.bearer}"}
    made = ann.client.post("/api/v1/me/addresses", json=ADDRESS, headers=headers)
    assert made.status_code == 201, made.text
    return Owned({"address_id": made.json()["id"]}, {}, lambda: _mine(ann, "/api/v1/me/addresses"))


def _session(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    # With a passkey left over, the password alone would end in a challenge.
    for passkey in _mine(ann, "/api/v1/me/passkeys")["items"]:
        first_value(shop, "delete from users.passkeys where id = $1", uuid.UUID(passkey["id"]))
    body = {"email": "ann@example.com", "password": "kayak lantern forty two"}
    answer = ann.client.post("/api/v1/auth/login", json=body)
    assert answer.json().get("access_token"), answer.text

    def ids() -> list[str]:
        return sorted(each["id"] for each in _mine(ann, "/api/v1/me/sessions")["items"])

    items = _mine(ann, "/api/v1/me/sessions")["items"]
    spare = min((each for each in items if not each["is_current"]), key=lambda each: -_age(each))
    return Owned({"session_id": spare["id"]}, {}, ids)


def _passkey(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    """A passkey as its row: making one needs an authenticator, and asks no question of owners."""
    passkey_id = uuid.uuid4()
    first_value(
        shop,
        "insert into users.passkeys (id, user_id, credential_id, public_key, sign_count, name,"
        " transports, is_synced, created_at) select $1::uuid, id, uuid_send($1::uuid), '', 0,"
        " 'Phone', '{}', false, now() from users.users where email = 'ann@example.com'",
        passkey_id,
    )
    return Owned({"passkey_id": str(passkey_id)}, {}, lambda: _mine(ann, "/api/v1/me/passkeys"))


def _identity(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    """An account elsewhere as its row: making one needs a provider."""
    identity_id = uuid.uuid4()
    first_value(
        shop,
        "insert into users.identities"
        " (id, user_id, provider, issuer, subject, email, created_at, last_used_at)"
        " select $1::uuid, id, 'example', 'https://id.example', $1::uuid::text, email, now(), now()"
        " from users.users where email = 'ann@example.com'",
        identity_id,
    )
    count = "select count(*) from users.identities where id = $1"
    return Owned({"identity_id": str(identity_id)}, {}, lambda: first_value(shop, count, identity_id))


def _export(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    """A copy of her data that is ready, as its row: making one takes a moment."""
    export_id = uuid.uuid4()
    first_value(
        shop,
        "insert into privacy.exports (id, user_id, email, name, locale, asked_by, status, content, size,"
        " asked_at, ready_at, expires_at) select $1::uuid, id, email, '', 'en', 'self', 'ready', 'PK', 2,"
        " now(), now(), now() + interval '1 day' from users.users where email = 'ann@example.com'",
        export_id,
    )
    return Owned({"export_id": str(export_id)}, {}, lambda: _mine(ann, "/api/v1/me/exports"))


def first_value(shop: Shop, statement: str, thing_id: uuid.UUID) -> Any:
    """Run a statement about one thing; the first value of its answer, or None."""

    async def run() -> Any:
        connection = await asyncpg.connect(shop.env["DATABASE_URL"])
        try:
            return await connection.fetchval(statement, thing_id)
        finally:
            await connection.close()

    return asyncio.run(run())


def _age(session: dict[str, Any]) -> float:
    return datetime.fromisoformat(session["created_at"]).timestamp()


def _cart(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    cart = Buyer(shop, goods, "ann@example.com").fill(LAMP=1).cart
    token = {"X-Cart-Token": cart["token"]}

    def see() -> Any:
        answer = ann.client.get(f"/api/v1/carts/{cart['id']}", headers=token)
        return answer.json()

    known = {"cart_id": cart["id"], "line_id": cart["lines"][0]["id"]}
    return Owned(known, {**token, "Cookie": f"cart={cart['id']}.{cart['token']}"}, see)


def _order(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    buyer = Buyer(shop, goods, "ann@example.com").fill(LAMP=1).address()
    order = buyer.buy()
    known, token = {"number": order["number"]}, order["token"]
    return Owned(known, {"X-Order-Token": token}, lambda: buyer.order(order), query=f"token={token}")


def _draft(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    staff = Staff(shop)
    lines = [{"variant_id": goods.variants["LAMP"], "quantity": 1}]
    body = {"email": "ann@example.com", "lines": lines, "shipping_address": ADDRESS}
    draft = staff.post("/orders", body)
    staff.post(f"/draft-orders/{draft['id']}/invitation", {})
    token = draft["token"]

    def see() -> Any:
        found = staff.get(f"/draft-orders/{draft['id']}")
        return found["status"], found["order_number"]

    return Owned({"draft_id": draft["id"]}, {"X-Order-Token": token}, see, query=f"token={token}")


MAKERS: dict[str, Callable[[Shop, Goods, Visitor], Owned]] = {
    "address": _address,
    "session": _session,
    "passkey": _passkey,
    "identity": _identity,
    "cart": _cart,
    "order": _order,
    "draft": _draft,
    "export": _export,
}
"""What makes a thing of Ann's, by its kind."""
