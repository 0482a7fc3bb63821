"""Every page of the admin: accessible, within the window, without an error in the console."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.staff import Staff
from support.browser import overflow, violations, visitor
from support.up import Up

pytestmark = pytest.mark.timeout(180)
WIDE, NARROWER = 1024, (320, 768)
"""A narrow window is also tried at these widths, in pixels."""


def test_every_page_is_accessible_quiet_and_within_the_window(
    browser: Browser, demo: Up, staff: Staff
) -> None:
    number, _ = staff.sell()
    order_path = f"/admin/orders/{staff.order(number)['id']}"
    users = staff.client.get("/admin/users").json()["items"]
    products = staff.client.get("/admin/products", params={"limit": 1}).json()["items"]
    draft = {
        "email": "caller@example.com",
        "lines": [{"variant_id": staff.order(number)["lines"][0]["variant_id"], "quantity": 1}],
        "shipping_address": staff.order(number)["shipping_address"],
    }
    draft_path = f"/admin/drafts/{staff.client.post('/admin/orders', json=draft).json()['id']}"
    paths = [
        "/admin",
        "/admin/orders",
        "/admin/orders?q=zzzz",
        order_path,
        *(f"{order_path}/changes?kind={kind}" for kind in ("edit", "return", "exchange", "claim")),
        f"{order_path}/refund",
        "/admin/returns",
        "/admin/drafts",
        "/admin/drafts/new",
        draft_path,
        f"{draft_path}/edit",
        "/admin/products",
        "/admin/products/new",
        f"/admin/products/{products[0]['id']}",
        "/admin/customers",
        f"/admin/customers/{users[0]['id']}",
        "/admin/messages",
        "/admin/invoices",
        "/admin/delivery",
        "/admin/delivery/methods/new",
        "/admin/delivery/zones/new",
        "/admin/api-keys",
        "/admin/staff",
        f"/admin/staff/{users[0]['id']}",
        "/admin/roles",
        "/admin/roles/support",
        "/admin/roles/new",
        "/admin/audit",
        "/admin/audit/1",
        "/admin/audit/verification",
        "/admin/invitations",
        "/admin/privacy",
        "/admin/account",
        f"/admin/search?q={number}",
        "/admin/search",
        "/admin/system",
        "/admin/system/policy-reports",
    ]
    with staff.opened() as page:
        cookies: list[Any] = [*page.context.cookies()]
    for width, theme in ((1440, "light"), (390, "dark")):
        with visitor(browser, width=width, theme=theme) as page:
            page.goto(f"{demo.url}/admin/sign-in")
            assert violations(page) == [] and overflow(page) == 0
            page.context.add_cookies(cookies)
            found = [faults(page, demo.url + path) for path in paths]
            assert [one for one in found if one] == []


def faults(page: Page, url: str) -> dict[str, Any]:
    """What is wrong with the page at `url`: its status, what axe finds, what juts out; nothing when sound."""
    answer = page.goto(url)
    wrong: dict[str, Any] = {"status": answer and answer.status} if not answer or not answer.ok else {}
    if broken := violations(page):
        wrong["axe"] = broken
    window = page.viewport_size
    for width in NARROWER if window and window["width"] < WIDE else ():
        page.set_viewport_size({"width": width, "height": 900})
        if beyond := overflow(page):
            wrong[f"beyond {width} pixels"] = beyond
    if window:
        page.set_viewport_size(window)
    if beyond := overflow(page):
        wrong["beyond the window"] = beyond
    return {"url": url, **wrong} if wrong else {}


def test_a_refused_form_takes_the_reader_to_its_errors(demo: Up, staff: Staff) -> None:
    with staff.opened() as page:
        page.goto(f"{demo.url}/admin/products/new")
        page.locator("#name").fill("Nothing")
        page.locator("#price-0").fill("12")
        page.get_by_role("button", name="Create product").click()
        summary = page.get_by_role("alert")
        expect(summary).to_contain_text("at least one variant")
        assert violations(page) == []
        summary.get_by_role("link").click()
        assert page.url.endswith("#sku-0")
