"""What people and staff do about accounts: another address, leaving, acting for, inviting, keys."""

import re
import uuid
import zipfile
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import overflow, violations, visitor
from support.shopper import fill_bag
from support.up import Up
from support.waiting import eventually_sync

OWNER, PASSWORD = "owner@example.com", "kayak lantern forty two"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with visitor(browser, script=request.param, may_fail=True) as page:
        yield page


@pytest.fixture(scope="module")
def owner(demo: Up) -> httpx.Client:
    client = httpx.Client(base_url=f"{demo.url}/api/v1", timeout=30, trust_env=False)
    signed = client.post("/auth/login", json={"email": OWNER, "password": demo.password})
    client.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"
    return client


def address_of_a_new_account(owner: httpx.Client, name: str = "Cora Lind") -> tuple[str, str]:
    """(id, e-mail)."""
    email = f"{uuid.uuid4().hex[:10]}@example.org"
    body = {"email": email, "name": name, "password": PASSWORD, "roles": []}
    return owner.post("/admin/users", json=body).json()["id"], email


def sign_in(page: Page, url: str, email: str, password: str, door: str = "/sign-in") -> None:
    page.goto(url + door)
    page.locator("#email").fill(email)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(r"/(account|admin)$"))


def link_in_mail(owner: httpx.Client, email: str, template: str) -> str:
    """The token of the newest mail of one kind, once it has arrived."""

    def found() -> str | None:
        mails: list[dict[str, Any]] = owner.get("/dev/mailbox", params={"recipient": email}).json()["items"]
        text = next((mail["text"] for mail in mails if mail["template"] == template), "")
        token = re.search(r"token=([\w-]+)", text)
        return token[1] if token else None

    return eventually_sync(found)


def test_an_address_changes_at_both_ends_and_then_the_account_is_deleted(
    page: Page, demo: Up, owner: httpx.Client
) -> None:
    _, email = address_of_a_new_account(owner)
    sign_in(page, demo.url, email, PASSWORD)
    page.goto(f"{demo.url}/account/privacy")
    page.get_by_label("Mails about new things and offers").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.locator("#email").fill(f"new-{email}")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Send both links").click()
    expect(page.get_by_text("Mails are on their way")).to_be_visible()
    for recipient, template in ((email, "requested"), (f"new-{email}", "offered")):
        token = link_in_mail(owner, recipient, f"email_change_{template}")
        page.goto(f"{demo.url}/account/email-change?token={token}")
        page.get_by_role("button", name="Confirm the change").click()
    expect(page.get_by_text("Your address was changed")).to_be_visible()
    sign_in(page, demo.url, f"new-{email}", PASSWORD)
    page.goto(f"{demo.url}/account/privacy")
    page.get_by_role("button", name="Make a copy").click()
    download = page.get_by_role("link", name="Download")

    def is_ready() -> bool:  # with script the page follows by itself, without it one looks again
        page.goto(f"{demo.url}/account/privacy")
        return download.count() > 0

    assert eventually_sync(is_ready)
    with page.expect_download() as saved:
        download.click()
    with zipfile.ZipFile(saved.value.path()) as copy:
        assert f"new-{email}" in copy.read("data.json").decode()
    page.get_by_text("I want to delete it").click()
    page.locator("#delete-password").fill(PASSWORD)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("alert")).to_contain_text("Say that you are sure")
    page.locator("#delete-password").fill(PASSWORD)
    page.locator("#sure").check()
    page.get_by_role("button", name="Delete my account").click()
    page.wait_for_url(f"{demo.url}/")
    refused = httpx.post(
        f"{demo.url}/api/v1/auth/login", json={"email": f"new-{email}", "password": PASSWORD}
    )
    assert refused.status_code == 401


def test_the_fields_of_checkout_follow_the_country(page: Page, demo: Up) -> None:
    fill_bag(page, demo.url)
    page.goto(f"{demo.url}/checkout")
    page.locator("#street1").fill("1 Quay Road")
    assert page.get_by_label("Eircode").count() == 0
    page.locator("#country").select_option("IE")
    without_script = page.get_by_role("button", name="Show the fields of this country")
    if without_script.count():
        without_script.click()
    expect(page.get_by_label("Eircode")).to_be_visible()
    assert page.locator("#street1").input_value() == "1 Quay Road"
    assert page.get_by_label("County").locator("option").count() == 27


def test_staff_acts_for_a_customer_and_comes_back(page: Page, demo: Up, owner: httpx.Client) -> None:
    user_id, email = address_of_a_new_account(owner)
    sign_in(page, demo.url, OWNER, demo.password or "", "/admin/sign-in")
    page.goto(f"{demo.url}/admin/customers/{user_id}")
    page.locator("#reason").fill("Cannot find an order")
    page.get_by_role("button", name="Act for them").click()
    page.wait_for_url(f"{demo.url}/account")
    banner = page.get_by_label("You act for a customer")
    expect(banner).to_contain_text("You act for Cora Lind")
    assert page.get_by_text(email).is_visible()
    answer = page.goto(f"{demo.url}/admin")
    assert answer is not None
    assert answer.status == 403
    page.goto(f"{demo.url}/account/profile")
    page.locator("#current").fill(PASSWORD)
    page.locator("#new").fill("walnut harbor nine")
    page.get_by_role("button", name="Change password").click()
    page.goto(f"{demo.url}/")
    banner.get_by_role("button", name="Stop").click()
    page.wait_for_url(f"{demo.url}/admin/customers/{user_id}")
    assert page.get_by_label("You act for a customer").count() == 0
    still = httpx.post(f"{demo.url}/api/v1/auth/login", json={"email": email, "password": PASSWORD})
    assert still.status_code == 200


def test_a_colleague_is_invited_and_a_key_is_made_and_revoked(
    page: Page, demo: Up, owner: httpx.Client
) -> None:
    email = f"{uuid.uuid4().hex[:10]}@example.org"
    sign_in(page, demo.url, OWNER, demo.password or "", "/admin/sign-in")
    page.goto(f"{demo.url}/admin/invitations")
    page.locator("#name").fill("Ben Okafor")
    page.locator("#email").fill(email)
    page.get_by_label("Support").check()
    page.get_by_role("button", name="Send the invitation").click()
    expect(page.get_by_text("The invitation is on its way.")).to_be_visible()
    token = link_in_mail(owner, email, "staff_invited")

    page.goto(f"{demo.url}/admin/api-keys")
    page.locator("#name").fill(f"Robot {email}")
    page.get_by_label("Read orders").check()
    page.get_by_role("button", name="Make the key").click()
    secret = page.locator("#secret").input_value()
    bearer = {"Authorization": f"Bearer {secret}"}
    assert httpx.get(f"{demo.url}/api/v1/admin/orders", headers=bearer).status_code == 200
    page.get_by_role("button", name=f"Revoke Robot {email}").click()
    expect(page.get_by_text("The key was revoked.")).to_be_visible()
    assert eventually_sync(
        lambda: httpx.get(f"{demo.url}/api/v1/admin/orders", headers=bearer).status_code == 401
    )

    page.goto(f"{demo.url}/account/invitation?token={token}")
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Join").click()
    expect(page.get_by_text("Welcome, Ben Okafor")).to_be_visible()


def test_the_pages_of_an_account_are_accessible_and_fit(
    browser: Browser, demo: Up, owner: httpx.Client
) -> None:
    _, email = address_of_a_new_account(owner)
    for width, theme in ((1440, "light"), (320, "dark")):
        with visitor(browser, width=width, theme=theme, may_fail=True) as page:
            sign_in(page, demo.url, email, PASSWORD)
            for path in ("/account/privacy", "/account/profile", "/account/addresses?edit=new"):
                page.goto(demo.url + path)
                assert (path, violations(page), overflow(page)) == (path, [], 0)
            for path in ("/account/email-change?token=x", "/account/invitation?token=x"):
                page.goto(demo.url + path)
                assert (path, violations(page), overflow(page)) == (path, [], 0)
