"""Accounts through the REST API: the door, the events and the mails between."""

import re
from collections.abc import AsyncIterator

import pytest

from support.accounts import AccountsDoor, accounts_door
from support.users import PASSWORD
from support.waiting import eventually

EMAIL = "ann@example.org"


@pytest.fixture
async def door(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[AccountsDoor]:
    async with accounts_door(database_url, nats_url, namespace) as door:
        yield door


def link_token(mail: dict[str, str]) -> str:
    found = re.search(r"\?token=([\w-]+)", mail["text"])
    assert found
    return found[1]


class TestAccount:
    async def test_registers_confirms_by_mail_signs_in_and_out(self, door: AccountsDoor) -> None:
        answer = await door.call("POST", "/auth/register", email=EMAIL, password=PASSWORD, name="Ann")
        assert answer.status_code == 202
        refused = await door.call("POST", "/auth/login", email=EMAIL, password=PASSWORD)
        assert (refused.status_code, refused.json()["code"]) == (401, "sign_in_failed")
        token = link_token(await door.mail_to(EMAIL, "account_confirm"))
        assert (await door.call("POST", "/auth/verify", token=token)).json()["is_confirmed"] is True
        again = await door.call("POST", "/auth/verify", token=token)
        assert (again.status_code, again.json()["code"]) == (422, "token_invalid")

        tokens = (await door.call("POST", "/auth/login", email=EMAIL, password=PASSWORD)).json()
        assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 900)
        me = await door.call("GET", "/me", bearer=tokens["access_token"])
        assert me.json()["email"] == EMAIL and me.json()["permissions"] == []
        fresh = (await door.call("POST", "/auth/refresh", refresh_token=tokens["refresh_token"])).json()
        assert (
            await door.call("POST", "/auth/logout", refresh_token=fresh["refresh_token"])
        ).status_code == 204

        async def is_out() -> bool:
            return (await door.call("GET", "/me", bearer=fresh["access_token"])).status_code == 401

        await eventually(is_out, timeout_s=1.5)

    async def test_a_known_address_gets_the_same_answer_as_an_unknown_one(self, door: AccountsDoor) -> None:
        await door.token_of(EMAIL)
        for path in ("/auth/register", "/auth/password-reset"):
            extra = {"password": PASSWORD, "name": "X"} if path == "/auth/register" else {}
            known = await door.call("POST", path, email=EMAIL, **extra)
            unknown = await door.call("POST", path, email="nobody@example.org", **extra)
            assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
        assert (await door.mail_to(EMAIL, "registration_repeated"))["subject"].startswith("You already have")

    async def test_resets_a_password_by_mail(self, door: AccountsDoor) -> None:
        await door.token_of(EMAIL)
        await door.call("POST", "/auth/password-reset", email=EMAIL)
        token = link_token(await door.mail_to(EMAIL, "password_reset"))
        weak = await door.call("POST", "/auth/password-reset/confirm", token=token, password="password1234")
        assert weak.status_code == 422 and weak.json()["errors"][0]["field"] == "password"
        done = await door.call(
            "POST", "/auth/password-reset/confirm", token=token, password="walnut harbor nine"
        )
        assert done.status_code == 204
        assert (await door.call("POST", "/auth/login", email=EMAIL, password=PASSWORD)).status_code == 401

    async def test_says_when_to_come_back_after_too_many_tries(self, door: AccountsDoor) -> None:
        for _ in range(6):
            await door.call("POST", "/auth/login", email=EMAIL, password="wrong")
        refused = await door.call("POST", "/auth/login", email=EMAIL, password="wrong")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_tries")
        assert int(refused.headers["Retry-After"]) in (1, 2)

    async def test_tokens_are_never_kept_for_a_replay(self, door: AccountsDoor) -> None:
        await door.token_of(EMAIL)
        answers = [
            await door.client.post(
                "/api/v1/auth/login", json={"email": EMAIL, "password": PASSWORD},
                headers={"Idempotency-Key": "k1"},
            )
            for _ in range(2)
        ]  # fmt: skip
        assert answers[0].json()["refresh_token"] != answers[1].json()["refresh_token"]

    async def test_publishes_its_keys(self, door: AccountsDoor) -> None:
        keys = (await door.call("GET", "/auth/jwks.json")).json()["keys"]
        assert [(key["kty"], key["crv"], key["alg"], "d" in key) for key in keys] == [
            ("OKP", "Ed25519", "EdDSA", False)
        ]


class TestMe:
    async def test_keeps_profile_addresses_and_devices(self, door: AccountsDoor) -> None:
        token = await door.token_of(EMAIL)
        changed = await door.call("PATCH", "/me", bearer=token, phone="+49 30 123456")
        assert changed.json()["phone"] == "+49 30 123456"
        berlin = {
            "name": "Ann", "street1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"
        }  # fmt: skip
        saved = await door.call("POST", "/me/addresses", bearer=token, **berlin)
        assert saved.status_code == 201 and saved.json()["is_default"] is True
        wrong = await door.call(
            "PUT", f"/me/addresses/{saved.json()['id']}", bearer=token, **(berlin | {"postal_code": "1"})
        )
        assert wrong.status_code == 422
        assert [(e["field"], e["code"]) for e in wrong.json()["errors"]] == [
            ("postal_code", "postal_code_invalid")
        ]
        assert (await door.call("GET", "/me/addresses", bearer=token)).json()["items"] == [saved.json()]
        assert (
            await door.call("DELETE", f"/me/addresses/{saved.json()['id']}", bearer=token)
        ).status_code == 204
        assert (await door.call("GET", "/me/addresses", bearer=token)).json()["items"] == []
        await door.call("POST", "/auth/login", email=EMAIL, password=PASSWORD)
        assert len((await door.call("GET", "/me/sessions", bearer=token)).json()["items"]) == 2
        assert (await door.call("DELETE", "/me/sessions", bearer=token)).json() == {"revoked": 1}
        (session,) = (await door.call("GET", "/me/sessions", bearer=token)).json()["items"]
        assert session["is_current"] is True and session["client_address"] == "192.0.2.7"

    async def test_refuses_guests_and_unknown_fields(self, door: AccountsDoor) -> None:
        assert (await door.call("GET", "/me")).status_code == 401
        token = await door.token_of(EMAIL)
        refused = await door.call("PATCH", "/me", bearer=token, roles=["owner"])
        assert refused.status_code == 422
        assert (await door.call("GET", "/me", bearer=token)).json()["roles"] == []


class TestAdmin:
    async def test_an_owner_makes_staff_who_work_within_their_rights(self, door: AccountsDoor) -> None:
        owner = await door.token_of("owner@example.org", "owner")
        made = await door.call(
            "POST", "/admin/users", bearer=owner, email="ben@example.org", name="Ben", password=PASSWORD,
            roles=["support"],
        )  # fmt: skip
        assert made.status_code == 201 and made.json()["roles"] == ["support"]
        ben = (await door.call("POST", "/auth/login", email="ben@example.org", password=PASSWORD)).json()
        assert (await door.call("GET", "/admin/customers", bearer=ben["access_token"])).json()["total"] == 0
        for method, path in (("GET", "/admin/users"), ("GET", "/admin/roles"), ("POST", "/admin/users")):
            assert (await door.call(method, path, bearer=ben["access_token"])).status_code == 403, path
        stale = await door.call(
            "PUT", f"/admin/users/{made.json()['id']}/roles", bearer=owner, roles=[], version=99
        )
        assert (stale.status_code, stale.json()["code"]) == (409, "version_conflict")
        changed = await door.call(
            "PUT", f"/admin/users/{made.json()['id']}/roles", bearer=owner, roles=["analyst"],
            version=made.json()["version"],
        )  # fmt: skip
        assert changed.json()["roles"] == ["analyst"]
        off = await door.call(
            "PATCH", f"/admin/users/{made.json()['id']}", bearer=owner, is_active=False,
            version=changed.json()["version"],
        )  # fmt: skip
        assert off.json()["is_active"] is False
        staff = (await door.call("GET", "/admin/users", bearer=owner)).json()
        assert staff["total"] == 2

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/admin/users"), ("POST", "/admin/users"), ("GET", "/admin/customers"),
            ("GET", "/admin/roles"), ("GET", "/admin/permissions"), ("GET", "/admin/messages"),
            ("GET", "/admin/templates"), ("GET", "/admin/users/019a0000-0000-7000-8000-000000000001"),
            ("PUT", "/admin/users/019a0000-0000-7000-8000-000000000001/roles"),
            ("PATCH", "/admin/customers/019a0000-0000-7000-8000-000000000001"),
            ("POST", "/admin/messages/019a0000-0000-7000-8000-000000000001/resend"),
        ],
    )  # fmt: skip
    async def test_is_closed_to_guests_and_shoppers(self, door: AccountsDoor, method: str, path: str) -> None:
        shopper = await door.token_of(EMAIL)
        assert (await door.call(method, path)).status_code == 401
        assert (await door.call(method, path, bearer=shopper)).status_code == 403

    async def test_lists_every_right_and_kind_of_message(self, door: AccountsDoor) -> None:
        owner = await door.token_of("owner@example.org", "owner")
        assert (await door.call("GET", "/admin/permissions", bearer=owner)).json()["total"] == 36
        templates = (await door.call("GET", "/admin/templates", bearer=owner)).json()
        kinds = [kind["code"] for kind in templates["items"]]
        assert templates["total"] == len(kinds) and kinds[0] == "order_placed"
        assert {"account_confirm", "email_changed", "factors_changed", "staff_invited"} <= set(kinds)
        await door.call("POST", "/auth/register", email=EMAIL, password=PASSWORD, name="Ann")
        await door.mail_to(EMAIL, "account_confirm")
        (row,) = (await door.call("GET", "/admin/messages", bearer=owner)).json()["items"]
        message = (await door.call("GET", f"/admin/messages/{row['id']}", bearer=owner)).json()
        assert message["status"] == "sent" and "token=hidden" in message["text"]
        refused = await door.call("POST", f"/admin/messages/{row['id']}/resend", bearer=owner)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_resendable")
