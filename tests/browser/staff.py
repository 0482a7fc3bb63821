"""People of the shop for the browser tests: over the REST API, and signed in with a browser."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from support.browser import visitor
from support.buyer import Buyer
from support.furnish import Goods
from support.shopper import BOWLS
from support.up import Up

OWNER = "owner@example.com"


PASSWORD = "four unrelated quiet words"


class Staff:
    """The owner: over the REST API, and with a browser session that all tests share."""

    def __init__(self, demo: Up, browser: Browser) -> None:
        self.demo, self.browser = demo, browser
        self.client = httpx.Client(base_url=f"{demo.url}/api/v1", timeout=30, trust_env=False)
        assert demo.password is not None
        signed = self.client.post("/auth/login", json={"email": OWNER, "password": demo.password})
        self.client.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"
        self.sessions: dict[str, list[Any]] = {}
        found = self.client.get(f"/products/{BOWLS.removeprefix('/p/')}").json()
        self.goods = Goods({"BOWLS": found["variants"][0]["id"]}, {}, "")

    def add_colleague(self, role: str) -> str:
        """An account with `role`; its e-mail."""
        email = f"{role}@example.com"
        body = {"email": email, "password": PASSWORD, "name": role.capitalize(), "roles": [role]}
        answer = self.client.post("/admin/users", json=body)
        assert answer.status_code in (201, 409), answer.text
        return email

    @contextmanager
    def opened(self, email: str = OWNER, **look: Any) -> Iterator[Page]:
        """A browser in which `email` is signed in, as a real sign-in left it."""
        if email not in self.sessions:
            password = self.demo.password or "" if email == OWNER else PASSWORD
            with visitor(self.browser) as page:
                sign_in(page, self.demo.url, email, password)
                self.sessions[email] = page.context.cookies()
        with visitor(self.browser, may_fail=True, **look) as page:
            page.context.add_cookies(self.sessions[email])
            page.goto(f"{self.demo.url}/admin")
            yield page

    def sell(self) -> tuple[str, str]:
        """A guest buys; the order's number and the address of the guest's page."""
        order = Buyer(self.demo, self.goods).fill(BOWLS=1).address().buy()
        return order["number"], f"{self.demo.url}/order/{order['number']}?token={order['token']}"

    def order(self, number: str) -> dict[str, Any]:
        found = self.client.get("/admin/orders", params={"q": number}).json()["items"][0]
        order: dict[str, Any] = self.client.get(f"/admin/orders/{found['id']}").json()
        return order


def sign_in(page: Page, url: str, email: str, password: str) -> None:
    page.goto(f"{url}/admin/sign-in")
    page.locator("#email").fill(email)
    page.locator("#password").fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator(".console-main h1").wait_for()
