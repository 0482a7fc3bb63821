"""Coming in with an account elsewhere, being asked again who one is, and what a browser reports."""

import asyncio
import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import overflow, violations, visitor
from support.engines import Engines
from support.furnish import OWNER_EMAIL, OWNER_PASSWORD, Goods, Staff, furnish
from support.openid import mock_provider
from support.shop import Shop, own_shop
from support.waiting import eventually_sync

pytestmark = pytest.mark.timeout(180)

ANN = {"sub": "ann", "email": "ann@example.org", "email_verified": True, "name": "Ann Bell"}
BEN = {
    "sub": "ben",
    "email": "ben@example.org",
    "email_verified": True,
    "name": "Ben Ash",
    "groups": ["help"],
}


@pytest.fixture(scope="module")
def shop(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A small shop that takes the accounts of a provider in a process of its own."""
    with mock_provider(ANN, BEN) as issuer:
        company = {"issuer": issuer, "client_id": "shop", "name": "Company", "roles": {"help": "support"}}
        with own_shop(
            engines, "sso", tmp_path_factory.mktemp("sso"),
            MERCATO_SSO=json.dumps({"company": company}), MERCATO_SSO_COMPANY_CLIENT_SECRET="secret",
        ) as running:  # fmt: skip
            yield running


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


def run(shop: Shop, statement: str, *values: Any) -> Any:
    """The first value that a statement gives; apart from Playwright's loop."""

    async def ask() -> Any:
        connection = await asyncpg.connect(shop.env["DATABASE_URL"])
        try:
            return await connection.fetchval(statement, *values)
        finally:
            await connection.close()

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, ask()).result()


def asks_again(page: Page, shop: Shop) -> bool:
    """Whether the shop has heard that the proof is old: a process remembers a session for a second."""
    answer = page.request.get(f"{shop.url}/account/security/link/company", max_redirects=0)
    return "/account/verify" in answer.headers["location"]


def come_in(page: Page, shop: Shop, door: str, who: str) -> None:
    """Through the provider's own page."""
    page.route("**/*jsdelivr*/**", lambda route: route.fulfill(body="", content_type="text/css"))
    page.goto(f"{shop.url}{door}")
    assert violations(page) == [] and overflow(page) == 0
    page.get_by_role("link", name="Sign in with Company").click()
    page.get_by_role("button", name=who, exact=True).click()


def test_a_customer_comes_in_with_an_account_elsewhere(browser: Browser, shop: Shop, goods: Goods) -> None:
    with visitor(browser, may_fail=True) as page:
        come_in(page, shop, "/sign-in?next=%2Faccount%2Fsecurity", "ann")
        page.wait_for_url(f"{shop.url}/account/security")
        expect(page.get_by_text("Company").first).to_be_visible()
        assert page.goto(f"{shop.url}/admin").status == 403  # type: ignore[union-attr]


def test_staff_comes_in_with_the_role_of_a_group_and_to_the_page_asked_for(
    browser: Browser, shop: Shop, goods: Goods
) -> None:
    with visitor(browser, may_fail=True) as page:
        come_in(page, shop, "/admin/sign-in?next=%2Fadmin%2Forders%3Fstatus%3Dplaced", "ben")
        page.wait_for_url(f"{shop.url}/admin/orders?status=placed")
        expect(page.get_by_role("heading", name="Orders", exact=True)).to_be_visible()
        assert page.goto(f"{shop.url}/admin/system").status == 403  # type: ignore[union-attr]


def test_whoever_refuses_there_comes_back_to_a_page_that_says_so(
    browser: Browser, shop: Shop, goods: Goods
) -> None:
    with visitor(browser, may_fail=True) as page:
        page.route("**/*jsdelivr*/**", lambda route: route.fulfill(body="", content_type="text/css"))
        page.goto(f"{shop.url}/sign-in")
        page.get_by_role("link", name="Sign in with Company").click()
        page.get_by_role("button", name="Deny").click()
        expect(page.get_by_role("heading", name="That did not work")).to_be_visible()
        assert violations(page) == []


def test_an_act_that_asks_again_who_it_is_goes_on_where_it_was(
    browser: Browser, shop: Shop, goods: Goods
) -> None:
    staff = Staff(shop)
    body = {"email": "cem@example.org", "password": "kayak lantern forty two", "name": "Cem", "roles": []}
    cem = staff.post("/users", body)["id"]
    run(
        shop,
        "insert into users.authenticators (user_id, sealed_secret, created_at, confirmed_at)"
        " values ($1, '', now(), now())",
        uuid.UUID(cem),
    )
    with visitor(browser, may_fail=True) as page:
        page.goto(f"{shop.url}/admin/sign-in?next=%2Fadmin%2Fstaff%2F{cem}")
        page.locator("#email").fill(OWNER_EMAIL)
        page.locator("#password").fill(OWNER_PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(f"{shop.url}/admin/staff/{cem}")
        run(shop, "update users.sessions set proven_at = now() - interval '1 hour'")
        eventually_sync(lambda: asks_again(page, shop))
        page.get_by_role("button", name="Reset the second factors").click()
        expect(page).not_to_have_url(f"{shop.url}/admin/staff/{cem}")
        assert run(shop, "select count(*) from users.authenticators") == 1, "nothing has happened yet"
        assert violations(page) == []
        page.get_by_label("Password").fill(OWNER_PASSWORD)
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        page.get_by_role("button", name="Go on with it").click()
        page.wait_for_url(f"{shop.url}/admin/staff/{cem}?done=factors_reset")
        expect(page.get_by_text("The second factors are gone")).to_be_visible()
        assert run(shop, "select count(*) from users.authenticators") == 0


def test_what_a_page_wanted_against_its_policy_is_reported_and_shown(
    browser: Browser, shop: Shop, goods: Goods
) -> None:
    page = browser.new_page()  # its console complains, as it should
    page.goto(f"{shop.url}/p/wren-lamp?secret=1")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: '1'}))")
    staff = Staff(shop)
    [report] = eventually_sync(lambda: staff.client.get("/api/v1/admin/system/policy-reports").json())
    page.context.close()
    assert (report["directive"], report["blocked"], report["page"], report["count"]) == (
        "script-src-elem", "inline", "/p/{slug}", 1,
    )  # fmt: skip
