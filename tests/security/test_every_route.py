"""Every route × every role × own and foreign things. A new route is in these tests before it is finished.

When a test here fails for a new route:
- it has a thing in its address and is for shoppers: name its thing in `THINGS`;
- whoever has the permission of the route is refused: the service asks for another one than the route says.
"""

import contextlib
import uuid
from functools import partial
from typing import Any

import pytest

from mercato.contracts.users import PERMISSIONS
from mercato.kernel.web import PUBLIC, SIGNED_IN, STAFF
from security import deeds
from security.belongings import MAKERS, first_value, shopper
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


@pytest.fixture(scope="module")
def ann(shop: Shop, staff: Staff) -> Visitor:
    return shopper(shop, staff, "ann")


@pytest.fixture(scope="module")
def bob(shop: Shop, staff: Staff) -> Visitor:
    return shopper(shop, staff, "bob")


class TestOwnAndForeign:
    def test_nobody_reaches_what_belongs_to_another_and_the_owner_does(
        self, shop: Shop, goods: Goods, ann: Visitor, bob: Visitor
    ) -> None:
        lines = {"variant_id": goods.variants["LAMP"], "quantity": 1}
        bodies = {**BODIES, "POST /api/v1/carts/{cart_id:uuid}/lines": lines}
        wrong, stranger = [], Visitor(shop, "stranger")
        for door in DOORS:
            kinds = {THINGS[hole] for hole in door.holes if hole in THINGS}
            if door.permission not in (PUBLIC, SIGNED_IN) or not kinds or door.template in SHARED_DOORS:
                continue
            owned = MAKERS[kinds.pop()](shop, goods, ann)
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


class TestAudit:
    """Last, for it changes much. A new route is named in `deeds.py`: used there, or excused there."""

    def test_every_act_of_staff_is_written_down(self, shop: Shop, goods: Goods, staff: Staff) -> None:
        day = deeds.Day(shop, goods, staff, partial(first_value, shop)).spend(*deeds.WORKS)
        changing = {
            f"{door.method} {door.template.removeprefix('/api/v1')}"
            for door in DOORS
            if door.template.startswith("/api/v1/admin/") and not door.is_safe
        }
        assert changing - day.done.keys() - deeds.UNTOLD.keys() == set()
        untold = {request: route for route, request in day.done.items()}

        def are_told() -> bool:
            for request in first_value(shop, TOLD, uuid.UUID(int=0)) or ():
                untold.pop(request, None)
            return not untold

        with contextlib.suppress(TimeoutError, AssertionError):
            eventually_sync(are_told, timeout_s=20)
        assert sorted(untold.values()) == []
        text = first_value(shop, WRITTEN, uuid.UUID(int=0))
        assert [secret for secret in (*day.secrets, deeds.ADDRESS["street1"]) if secret in text] == []
