"""Every route × every role × own and foreign things. A new route is in these tests before it is finished.

When a test here fails for a new route:
- it has a thing in its address and is for shoppers: name its thing in `THINGS`;
- whoever has the permission of the route is refused: the service asks for another one than the route says.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import asyncpg
import pytest

from mercato.contracts.users import PERMISSIONS
from mercato.kernel.web import PUBLIC, SIGNED_IN, STAFF
from security import deeds
from security.doors import Door, Visitor, all_doors, code_of, is_refused
from support.buyer import ADDRESS, Buyer
from support.furnish import Goods, Staff
from support.shop import Shop
from support.waiting import eventually_sync

DOORS = all_doors()
THINGS = {
    "address_id": "address",
    "session_id": "session",
    "passkey_id": "passkey",
    "cart_id": "cart",
    "line_id": "cart",
    "account_id": "cart",
    "number": "order",
    "document_id": "order",
    "change_id": "order",
    "draft_id": "draft",
    "identity_id": "identity",
    "export_id": "export",
}
"""What stands in the address of a route for shoppers, and so whose it is."""
SHARED = {
    "slug", "slug_or_id", "name", "path", "provider", "carrier", "reference", "mail_id", "code", "country",
    "purpose", "variant_id",
}  # fmt: skip
"""What everybody may ask for (the catalog, pictures, the simulator's bank, the mailbox of development), and
what names no thing of anybody: `purpose` is one of the asker's own consents."""
TOTAL = {"amount": 1, "currency": "EUR"}
PAYMENT = {"provider": "simulator", "token": "sim_ok", "return_url": "/checkout/return"}
BODIES: dict[str, Any] = {
    "POST /api/v1/carts/{cart_id:uuid}/complete": {"expected_total": TOTAL, "payment": PAYMENT},
    "POST /api/v1/carts/{cart_id:uuid}/coupons": {"code": "SPRING"},
    "POST /api/v1/carts/{cart_id:uuid}/gift-cards": {"code": "AAAA-BBBB-CCCC-DDDD"},
    "PATCH /api/v1/carts/{cart_id:uuid}/lines/{line_id:uuid}": {"quantity": 2},
    "POST /api/v1/draft-orders/{draft_id:uuid}/payment": {"expected_total": TOTAL, "payment": PAYMENT},
    "POST /api/v1/orders/{number:str}/payments": {"expected": TOTAL, "payment": PAYMENT},
    "POST /api/v1/orders/{number:str}/returns": {
        "lines": [{"line_id": str(uuid.UUID(int=7)), "quantity": 1}]
    },
    "PUT /api/v1/me/addresses/{address_id:uuid}": ADDRESS,
    "PATCH /api/v1/me/passkeys/{passkey_id:uuid}": {"name": "Key"},
    "POST /account/security/passkeys/{passkey_id:uuid}/rename": {"name": "Key"},
}
"""A body that would do: a route that refuses the body has not yet asked whose the thing is."""
MAY_BE_EMPTY = {"/api/v1/carts/{cart_id:uuid}/placement"}
"""Answers 404 to the owner too, until there is something."""
SHARED_DOORS = {
    "/sitemap/{number:int}", "/simulator/parcels/{number:str}",
    "/api/v1/simulator/parcels/{number:str}/scans",
}  # fmt: skip
ENDS_SESSIONS = {"/api/v1/me/sessions", "/account/sessions/revoke-others"}
"""Would sign out the visitors of the other tests."""
TOLD = (
    "select array_agg(distinct convert_from(payload, 'utf8')::json ->> 'request_id')"
    " from audit.entries where payload is not null and $1::uuid is not null"
)
WRITTEN = (
    "select string_agg(convert_from(payload, 'utf8'), ' ') from audit.entries where $1::uuid is not null"
)
GATE_CODES = {"denied", "unauthenticated"}


def test_every_route_says_who_may_open_it() -> None:
    known = {PUBLIC, SIGNED_IN, STAFF, *PERMISSIONS}
    assert [str(door) for door in DOORS if door.permission not in known] == []


def test_every_thing_in_an_address_for_shoppers_has_an_owner_or_is_for_all() -> None:
    unknown = [
        f"{door} {{{hole}}}"
        for door in DOORS
        if door.permission in (PUBLIC, SIGNED_IN)
        for hole in door.holes
        if hole not in THINGS and hole not in SHARED
    ]
    assert unknown == [], "say in THINGS whose they are, or in SHARED that they are everybody's"


def guarded() -> list[Door]:
    return [door for door in DOORS if door.permission != PUBLIC]


class TestRoles:
    def test_whoever_lacks_the_right_is_refused_at_every_route(self, visitors: dict[str, Visitor]) -> None:
        open_doors = []
        for door in guarded():
            for visitor in visitors.values():
                if _may_pass(visitor, door):
                    continue
                answer = visitor.knock(door)
                if not is_refused(answer):
                    open_doors.append(f"{visitor.name}: {door} answered {answer.status_code}")
        assert open_doors == []

    def test_whoever_has_the_right_gets_past_route_and_service(self, visitors: dict[str, Visitor]) -> None:
        shut, broken = [], []
        for door in (each for each in guarded() if each.permission not in (SIGNED_IN, STAFF)):
            for visitor in visitors.values():
                if not visitor.may(door.permission):
                    continue
                answer = visitor.knock(door)
                if answer.status_code == 401 or code_of(answer) in GATE_CODES:
                    shut.append(f"{visitor.name}: {door} answered {answer.status_code} {answer.text[:200]}")
                if answer.status_code >= 500:
                    broken.append(f"{visitor.name}: {door} answered {answer.status_code}")
        assert not shut + broken, "\n".join(shut + broken)

    def test_what_every_signed_in_person_may_open_opens_for_each(self, visitors: dict[str, Visitor]) -> None:
        shut = [
            f"{visitor.name}: {door} answered {answer.status_code}"
            for door in guarded()
            if door.permission == SIGNED_IN and door.is_safe and door.template not in ENDS_SESSIONS
            for visitor in visitors.values()
            if visitor.name != "guest" and is_refused(answer := visitor.knock(door))
        ]
        assert shut == []

    def test_pages_show_no_way_to_what_a_role_cannot_open(self, visitors: dict[str, Visitor]) -> None:
        pages = {d.template: d for d in DOORS if not d.is_api and d.is_safe and not d.holes}
        wrong = []
        for visitor in visitors.values():
            if not visitor.held:
                continue
            landing = next(door for door in pages.values() if door.template == "/admin")
            answer = visitor.knock(landing)
            if answer.status_code == 303:
                answer = visitor.knock(Door("GET", answer.headers["location"], STAFF))
            sidebar = answer.text.partition('class="sidebar')[2].partition("</aside>")[0] or answer.text
            for url, door in pages.items():
                if f'href="{url}"' in sidebar and not _may_pass(visitor, door) and door.permission != PUBLIC:
                    wrong.append(f"{visitor.name} is shown {url}")
        assert wrong == []


def _may_pass(visitor: Visitor, door: Door) -> bool:
    """Whether the door may open for this visitor: the limited one's routes are asked about elsewhere."""
    if door.permission == SIGNED_IN:
        return visitor.name != "guest"
    if visitor.name == "limited":
        return True
    return bool(visitor.held) if door.permission == STAFF else visitor.may(door.permission)


class TestChannels:
    def test_whoever_is_limited_to_another_channel_reaches_nothing_of_this_one(
        self, shop: Shop, goods: Goods, staff: Staff, visitors: dict[str, Visitor]
    ) -> None:
        known, marks = _staff_things(shop, goods, staff)
        before = _state(staff, known)
        limited, opened = visitors["limited"], []
        for door in (each for each in guarded() if each.permission in PERMISSIONS):
            answer = limited.knock(door, known)
            body = "" if "event-stream" in answer.headers.get("content-type", "") else answer.text
            told = sorted(mark for mark in marks if mark in body)
            if told or (answer.is_success and not door.is_safe):
                opened.append(f"{door} answered {answer.status_code} and told {told}")
        assert opened == []
        assert _state(staff, known) == before


def _staff_things(shop: Shop, goods: Goods, staff: Staff) -> tuple[dict[str, str], set[str]]:
    """Real things of the default channel: by their name in addresses, and words that give them away."""
    order = Buyer(shop, goods, "channel@example.com").fill(LAMP=1).address().buy()
    found = staff.get("/orders", q=order["number"])["items"][0]
    packed = staff.post(f"/orders/{found['id']}/fulfillments", {"lines": None})
    promotion = staff.post(
        "/promotions", {"name": "Hushed", "label": "Hushed offer", "reward": "percent", "percent": "5"}
    )
    known = {
        "order_id": found["id"],
        "fulfillment_id": packed["fulfillments"][0]["id"],
        "promotion_id": promotion["id"],
    }
    return known, {order["number"], "channel@example.com", "Hushed offer"}


def _state(staff: Staff, known: dict[str, str]) -> Any:
    promotions = [each for each in staff.get("/promotions")["items"] if each["id"] == known["promotion_id"]]
    order = staff.get(f"/orders/{known['order_id']}")
    acts = [row["kind"] for row in order["timeline"] if row["actor"] not in ("system", "shop")]
    parcels = [(parcel["id"], parcel["status"]) for parcel in order["fulfillments"]]
    statuses = [order[name] for name in ("status", "payment_status", "fulfillment_status", "payments")]
    return statuses, parcels, acts, promotions  # mails that are told meanwhile are no act of anybody


class Owned:
    """A thing of Ann's: how she reaches it, how she sees it now."""

    def __init__(
        self, known: dict[str, str], headers: dict[str, str], see: Callable[[], Any], query: str = ""
    ) -> None:
        self.known, self.headers, self.see, self.query = known, headers, see, query


class TestOwnAndForeign:
    @pytest.fixture(scope="class")
    def ann(self, shop: Shop, staff: Staff) -> Visitor:
        return _shopper(shop, staff, "ann")

    @pytest.fixture(scope="class")
    def bob(self, shop: Shop, staff: Staff) -> Visitor:
        return _shopper(shop, staff, "bob")

    def test_nobody_reaches_what_belongs_to_another_and_the_owner_does(
        self, shop: Shop, goods: Goods, ann: Visitor, bob: Visitor
    ) -> None:
        lines = {"variant_id": goods.variants["LAMP"], "quantity": 1}
        bodies = {**BODIES, "POST /api/v1/carts/{cart_id:uuid}/lines": lines}
        makers = {
            "address": _address, "session": _session, "passkey": _passkey, "identity": _identity,
            "cart": _cart, "order": _order, "draft": _draft, "export": _export,
        }  # fmt: skip
        wrong, stranger = [], Visitor(shop, "stranger")
        for door in DOORS:
            kinds = {THINGS[hole] for hole in door.holes if hole in THINGS}
            if door.permission not in (PUBLIC, SIGNED_IN) or not kinds or door.template in SHARED_DOORS:
                continue
            owned = makers[kinds.pop()](shop, goods, ann)
            before = owned.see()
            for visitor in (bob, stranger):
                visitor.headers = {"X-Cart-Token": "not-the-token"} if "merge" in door.template else {}
                body = bodies.get(str(door), {})
                answer = visitor.knock(door, owned.known, json=body, data=body or {"x": "1"})
                if answer.status_code == 422:
                    wrong.append(f"{door} needs a body in BODIES: {answer.text[:300]}")
                elif not is_refused(answer) and answer.status_code != 404:
                    wrong.append(f"{visitor.name}: {door} of Ann's answered {answer.status_code}")
            if owned.see() != before:
                wrong.append(f"{door} changed what is Ann's")
            ann.headers = owned.headers
            answer = ann.knock(door, owned.known, json=bodies.get(str(door), {}), query=owned.query)
            ann.headers = {}
            is_missing = answer.status_code == 404 and door.is_safe and len(door.holes) == 1
            if is_refused(answer) or (is_missing and door.template not in MAY_BE_EMPTY):
                wrong.append(f"Ann: {door} of her own answered {answer.status_code} {answer.text[:100]}")
        assert not wrong, "\n".join(wrong)


def _shopper(shop: Shop, staff: Staff, name: str) -> Visitor:
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
        _run(shop, "delete from users.passkeys where id = $1", uuid.UUID(passkey["id"]))
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
    _run(
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
    _run(
        shop,
        "insert into users.identities"
        " (id, user_id, provider, issuer, subject, email, created_at, last_used_at)"
        " select $1::uuid, id, 'example', 'https://id.example', $1::uuid::text, email, now(), now()"
        " from users.users where email = 'ann@example.com'",
        identity_id,
    )
    count = "select count(*) from users.identities where id = $1"
    return Owned({"identity_id": str(identity_id)}, {}, lambda: _run(shop, count, identity_id))


def _export(shop: Shop, goods: Goods, ann: Visitor) -> Owned:
    """A copy of her data that is ready, as its row: making one takes a moment."""
    export_id = uuid.uuid4()
    _run(
        shop,
        "insert into privacy.exports (id, user_id, email, name, locale, asked_by, status, content, size,"
        " asked_at, ready_at, expires_at) select $1::uuid, id, email, '', 'en', 'self', 'ready', 'PK', 2,"
        " now(), now(), now() + interval '1 day' from users.users where email = 'ann@example.com'",
        export_id,
    )
    return Owned({"export_id": str(export_id)}, {}, lambda: _mine(ann, "/api/v1/me/exports"))


def _run(shop: Shop, statement: str, thing_id: uuid.UUID) -> Any:
    """Run a statement about one thing; the first value of its answer."""

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


class TestAudit:
    """Last, for it changes much. A new route is named in `deeds.py`: used there, or excused there."""

    def test_every_act_of_staff_is_written_down(self, shop: Shop, goods: Goods, staff: Staff) -> None:
        day = deeds.Day(shop, goods, staff, partial(_run, shop)).spend(*deeds.WORKS)
        changing = {
            f"{door.method} {door.template.removeprefix('/api/v1')}"
            for door in DOORS
            if door.template.startswith("/api/v1/admin/") and not door.is_safe
        }
        assert changing - day.done.keys() - deeds.UNTOLD.keys() == set()
        untold = {request: route for route, request in day.done.items()}

        def are_told() -> bool:
            for request in _run(shop, TOLD, uuid.UUID(int=0)) or ():
                untold.pop(request, None)
            return not untold

        with contextlib.suppress(TimeoutError, AssertionError):
            eventually_sync(are_told, timeout_s=20)
        assert sorted(untold.values()) == []
        text = _run(shop, WRITTEN, uuid.UUID(int=0))
        assert [secret for secret in (*day.secrets, deeds.ADDRESS["street1"]) if secret in text] == []
