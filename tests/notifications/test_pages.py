"""The development mailbox as people see it."""

from collections.abc import AsyncIterator

import pytest

from support.accounts import AccountsDoor, accounts_door
from support.users import PASSWORD

EMAIL = "ann@example.org"


@pytest.fixture
async def door(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[AccountsDoor]:
    async with accounts_door(database_url, nats_url, namespace, with_pages=True) as door:
        yield door


async def test_shows_every_mail_and_finds_those_of_one_recipient(door: AccountsDoor) -> None:
    empty = await door.client.get("/dev/mailbox")
    assert empty.status_code == 200 and "There is no mail yet" in empty.text
    for email in (EMAIL, "ben@example.org"):
        await door.call("POST", "/auth/register", email=email, password=PASSWORD, name="Ann")
        mail = await door.mail_to(email, "account_confirm")
    listed = (await door.client.get("/dev/mailbox")).text
    assert EMAIL in listed and "ben@example.org" in listed
    found = (await door.client.get("/dev/mailbox", params={"recipient": "ben@example.org"})).text
    assert f"/dev/mailbox/{mail['id']}" in found and EMAIL not in found
    page = (await door.client.get(f"/dev/mailbox/{mail['id']}")).text
    assert mail["subject"] in page and f'src="/dev/mailbox/{mail["id"]}/html"' in page and "sandbox=" in page
    assert "token=" in page


async def test_a_letter_has_a_policy_of_its_own_that_runs_nothing(door: AccountsDoor) -> None:
    await door.call("POST", "/auth/register", email=EMAIL, password=PASSWORD, name="Ann")
    mail = await door.mail_to(EMAIL, "account_confirm")
    letter = await door.client.get(f"/dev/mailbox/{mail['id']}/html")
    assert letter.text.replace('<base target="_blank">', "") == mail["html"]
    policies = letter.headers.get_list("Content-Security-Policy")
    assert policies == [
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'; "
        "sandbox allow-popups allow-popups-to-escape-sandbox"
    ]
    unknown = await door.client.get("/dev/mailbox/019a0000-0000-7000-8000-000000000001")
    assert unknown.status_code == 404
