"""Prices in the admin, without script: a promotion with codes, a price list, a group, a trial of it all."""

import re
import uuid

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.staff import Staff
from support.browser import overflow, violations, visitor
from support.shopper import BOWLS
from support.up import Up

pytestmark = pytest.mark.timeout(180)

PAGES = ("promotions", "promotions/new", "price-lists", "customer-groups", "price-trial", "taxes", "channel")


def _sku(staff: Staff) -> str:
    found = staff.client.get(f"/products/{BOWLS.removeprefix('/p/')}").json()
    sku: str = found["variants"][0]["sku"]
    return sku


def _audit(page: Page) -> None:
    assert (page.url, violations(page), overflow(page)) == (page.url, [], 0)


def test_staff_shapes_a_price_and_sees_why_it_is_so(demo: Up, staff: Staff) -> None:
    sku = _sku(staff)
    with staff.opened(script=False) as page:
        page.goto(f"{demo.url}/admin/promotions/new")
        page.get_by_role("button", name="Create promotion").click()
        expect(page.get_by_role("alert")).to_contain_text("Give it a name.")
        page.get_by_label("Name", exact=True).fill("Autumn fair")
        page.get_by_label("Label").fill("Fair price")
        page.get_by_label("Percentage").fill("10")
        page.locator("#products").fill(sku)
        page.get_by_role("button", name="Create promotion").click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
        expect(page.locator("#products")).to_have_value(sku)
        page.get_by_label("How many").fill("3")
        page.get_by_label("Begin with").fill("FAIR-")
        page.get_by_role("button", name="Make codes").click()
        code = page.locator("#codes tbody th").first.inner_text()
        assert code.startswith("FAIR-") and page.locator("#codes tbody tr").count() == 3

        page.goto(f"{demo.url}/admin/customer-groups")
        page.get_by_label("Name").fill("Wholesale")
        page.get_by_role("button", name="Create").click()
        page.get_by_label("E-mail of an account").fill("nobody@example.com")
        page.get_by_role("button", name="Add member").click()
        expect(page.get_by_text("Nobody has an account with this address.")).to_be_visible()
        page.get_by_label("E-mail of an account").fill("owner@example.com")
        page.get_by_role("button", name="Add member").click()
        expect(page.get_by_role("button", name="Remove owner@example.com")).to_be_visible()

        page.goto(f"{demo.url}/admin/price-lists")
        page.get_by_label("Name").fill("Dozen")
        page.get_by_role("button", name="Create").click()
        page.locator("#prices").fill(f"{sku} 12 10.00\nNO-SUCH 1 2")
        page.get_by_role("button", name="Add prices").click()
        expect(page.get_by_role("alert")).to_contain_text("There is no SKU “NO-SUCH”.")
        page.locator("#prices").fill(f"{sku} 12 10.00")
        page.get_by_role("button", name="Add prices").click()
        expect(page.locator("tbody")).to_contain_text(sku)

        page.goto(f"{demo.url}{BOWLS}")
        expect(page.locator("#quantity-prices tbody")).to_have_text(
            re.compile(r"1 to 11\s*€64.00 each\s*12 or more\s*€10.00 each\s*−84 %")
        )

        page.goto(f"{demo.url}/admin/price-trial")
        page.get_by_label("Goods").fill(f"{sku} 12")
        page.get_by_label("Codes").fill(code)
        page.get_by_label("Country").fill("DE")
        page.get_by_role("button", name="Show the price").click()
        steps = page.locator("#steps")
        expect(steps.get_by_role("region", name="List price")).to_contain_text("price list Dozen")
        expect(steps.get_by_role("region", name="Discounts on the cart")).to_contain_text("-€12.00")
        expect(steps.locator("dl")).to_contain_text("€108.00")


def test_staff_changes_taxes_and_the_channel_and_loses_nothing(demo: Up, staff: Staff) -> None:
    with staff.opened(script=False) as page:
        page.goto(f"{demo.url}/admin/taxes")
        page.get_by_label("Name").nth(1).fill("Benelux")
        page.get_by_label("Countries").fill("BE LU")
        page.get_by_label("Standard, percent").fill("20")
        page.get_by_role("button", name="Add zone").click()
        page.get_by_role("link", name="Edit zone Benelux").click()
        form = page.get_by_role("form", name="Change zone")
        expect(form.get_by_label("Countries")).to_have_value("BE LU")
        form.get_by_label("Standard, percent").fill("twenty")
        form.get_by_role("button", name="Save zone").click()
        expect(form).to_contain_text("Enter a percentage such as 19 or 7.25.")
        form.get_by_label("Standard, percent").fill("20.5")
        form.get_by_role("button", name="Save zone").click()
        expect(page.locator("#zones ~ * tbody")).to_contain_text("standard 20.5 %")
        page.get_by_role("button", name="Delete zone Benelux").click()
        expect(page.get_by_text("Benelux")).to_have_count(0)

        page.goto(f"{demo.url}/admin/channel")
        countries = page.get_by_label("Countries").input_value()
        page.get_by_label("Days for a bank transfer").fill("0")
        page.get_by_role("button", name="Save").click()
        expect(page.locator("#unpaid_days-error")).to_be_visible()
        page.get_by_label("Days for a bank transfer").fill("21")
        page.get_by_role("button", name="Save").click()
        expect(page.get_by_role("status").filter(has_text="Saved")).to_be_visible()
    channel = staff.client.get("/admin/channels/default").json()
    assert (channel["unpaid_days"], " ".join(channel["countries"])) == (21, countries)
    staff.client.put("/admin/channels/default", json={**channel, "unpaid_days": None})


def test_pages_about_prices_are_accessible_and_within_the_window(
    browser: Browser,
    demo: Up,
    staff: Staff,
) -> None:
    number, _ = staff.sell()
    cart_id = staff.order(number)["cart_id"]
    paths = [f"/admin/{name}" for name in PAGES] + [f"/admin/carts/{cart_id}/price"]
    coupon = {"label": "Fair", "reward": "percent", "percent": "10", "coupon_code": f"FAIR{uuid.uuid4().hex}"}
    for name, more in (("promotions", coupon), ("price-lists", {}), ("customer-groups", {})):
        body = {"name": f"Fair {uuid.uuid4().hex}", **more}
        made = staff.client.post(f"/admin/{name}", json=body)
        assert made.status_code == 201, made.text
        paths.append(f"/admin/{name}/{made.json()['id']}")
    with staff.opened() as page:
        cookies = page.context.cookies()
    for width, theme in ((1440, "light"), (320, "dark")):
        with visitor(browser, width=width, theme=theme) as page:
            page.context.add_cookies(cookies)  # type: ignore[arg-type]
            for path in paths:
                page.goto(demo.url + path)
                _audit(page)
