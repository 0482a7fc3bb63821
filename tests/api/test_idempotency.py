"""Every route that changes something, asked twice with one Idempotency-Key, acts once; also across a restart.

The table of routes is the OpenAPI document itself, so a new route is in the test on the day it is written.
"""

import random
import uuid
from typing import Any

import msgspec
import pytest
import requests
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode

from support.furnish import Staff
from support.openapi import Ids, lead_somewhere, operations
from support.shop import Shop

CHANGES = {"post", "put", "patch", "delete"}
KEY = "Idempotency-Key"
SECRET = "its reply is a secret that must not be kept"
WITHOUT_A_KEY = {
    "POST /api/v1/auth/login": SECRET,
    "POST /api/v1/auth/mfa": SECRET,
    "POST /api/v1/auth/passkey": SECRET,
    "POST /api/v1/auth/passkey/options": "its reply is a challenge that is good once",
    "POST /api/v1/auth/refresh": SECRET,
    "POST /api/v1/me/mfa/app": SECRET,
    "POST /api/v1/me/mfa/app/confirm": SECRET,
    "POST /api/v1/me/mfa/recovery-codes": SECRET,
    "POST /api/v1/me/passkeys": "with the first factor its reply holds the recovery codes",
    "POST /api/v1/me/passkeys/options": "its reply is a challenge that is good once",
    "POST /api/v1/me/proof": SECRET,
    "POST /api/v1/admin/api-keys": SECRET,
    "POST /api/v1/admin/api-keys/{key_id}/rotation": SECRET,
    "POST /api/v1/admin/customers/{user_id}/impersonation": SECRET,
    "POST /api/v1/admin/gift-cards": "its reply holds the code, which is money",
    "POST /api/v1/admin/price-trials": "it changes nothing",
    "POST /api/v1/carts": "a second empty-handed cart harms nobody, and its reply holds the cart's token",
}
NEVER_KEPT = {408, 425, 429}

pytestmark = pytest.mark.timeout(300)


class Asked(msgspec.Struct):
    """A request that was made, and what came back."""

    label: str
    method: str
    url: str
    body: bytes
    headers: dict[str, str]
    status: int
    reply: bytes


@pytest.fixture(scope="module")
def session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


@pytest.fixture(scope="module")
def asked(shop: Shop, ids: Ids, session: requests.Session) -> list[Asked]:
    """One valid request to every route that takes a key, made once."""
    staff = Staff(shop)
    bearer = {"Authorization": staff.client.headers["Authorization"]}
    found = [
        ask(session, prepared(one, ids, bearer), one.label)
        for one in operations(shop)
        if one.method.lower() in CHANGES and takes_key(one)
    ]
    assert len(found) > 50
    return found


def prepared(operation: Any, ids: Ids, headers: dict[str, str]) -> requests.PreparedRequest:
    """A valid request to `operation` with a key of its own; the same one in every run."""
    cases: list[Any] = []

    @settings(
        max_examples=1,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE))
    def take(case: Any) -> None:
        lead_somewhere(case, ids, random.Random(operation.label))
        cases.append(case)

    take()
    arguments = cases[-1].as_transport_kwargs()
    arguments["headers"] = {**arguments["headers"], **headers, KEY: uuid.uuid4().hex}
    arguments.pop("cookies", None)
    return requests.Request(**arguments).prepare()


def ask(session: requests.Session, request: requests.PreparedRequest, label: str) -> Asked:
    answer = session.send(request, timeout=30, allow_redirects=False)
    body = request.body or b""
    return Asked(
        label=label,
        method=str(request.method),
        url=str(request.url),
        body=body.encode() if isinstance(body, str) else bytes(body),
        headers={str(name): str(value) for name, value in request.headers.items()},
        status=answer.status_code,
        reply=answer.content,
    )


def again(session: requests.Session, one: Asked, body: bytes | None = None) -> requests.Response:
    headers = {name: value for name, value in one.headers.items() if name != "Content-Length"}
    data = one.body if body is None else body
    return session.request(one.method, one.url, data=data, headers=headers, timeout=30, allow_redirects=False)


def takes_key(operation: Any) -> bool:
    return any(each["name"] == KEY for each in operation.definition.raw.get("parameters", []))


def is_kept(one: Asked) -> bool:
    return one.status < 500 and one.status not in NEVER_KEPT


def replays(session: requests.Session, asked: list[Asked]) -> list[str]:
    """What was not answered with its first reply."""
    wrong = []
    for one in filter(is_kept, asked):
        answer = again(session, one)
        is_first = (answer.status_code, answer.content) == (one.status, one.reply)
        if not is_first or answer.headers.get("Idempotent-Replayed") != "true":
            wrong.append(
                f"{one.label}: {one.status} {one.reply[:80]!r} → {answer.status_code} {answer.text[:80]}"
            )
    return wrong


def test_every_route_that_changes_something_takes_a_key_or_says_why_not(shop: Shop) -> None:
    without = {
        f"{one.method.upper()} {one.full_path}"
        for one in operations(shop)
        if one.method.lower() in CHANGES and not takes_key(one)
    }

    assert without == set(WITHOUT_A_KEY)


def test_a_repeated_request_gets_its_first_reply(session: requests.Session, asked: list[Asked]) -> None:
    assert replays(session, asked) == []


def test_a_key_stands_for_one_request_only(session: requests.Session, asked: list[Asked]) -> None:
    wrong = []
    for one in filter(is_kept, asked):
        answer = again(session, one, body=one.body + b" ")
        if answer.status_code != 409 or answer.json()["code"] != "idempotency_mismatch":
            wrong.append(f"{one.label}: {answer.status_code} {answer.text[:120]}")

    assert wrong == []


def test_the_first_replies_outlive_a_restart(
    shop: Shop, session: requests.Session, asked: list[Asked]
) -> None:
    [process] = shop.processes
    process.kill()
    process.start()
    shop.await_ready()

    assert replays(session, asked) == []
