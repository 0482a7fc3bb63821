"""What staff does with stock, without script: receive, move, count, correct, and look it all up."""

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from mercato.engines.child import wait_until
from support.browser import overflow, violations, visitor
from support.up import Up

SKU, SOLD_OUT = "ALC-BED", "ARC-BOO"

pytestmark = pytest.mark.timeout(180)


def sign_in(page: Page, demo: Up) -> None:
    page.goto(f"{demo.url}/admin/sign-in")
    page.get_by_label("E-mail").fill("owner@example.com")
    page.locator("input[type=password]").fill(demo.password or "")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{demo.url}/admin")


def figures(page: Page, location: str) -> dict[str, str]:
    """What the page of a variant says of one location."""
    section = page.get_by_role("region", name=location, exact=True)
    terms, units = section.locator("dt").all_inner_texts(), section.locator("dd").all_inner_texts()
    return dict(zip(terms, units, strict=True))


def test_goods_come_in_move_and_are_counted(browser: Browser, demo: Up) -> None:
    pages: list[str] = []
    with visitor(browser, script=False, may_fail=True) as page:
        sign_in(page, demo)
        stock = f"{demo.url}/admin/stock"
        page.goto(f"{stock}?q={SKU}")
        page.locator("summary", has_text="Adjust").click()
        page.get_by_label(f"Change of {SKU} at Main warehouse", exact=True).fill("+2")
        page.get_by_label("Reason").fill("Found behind the shelf")
        page.get_by_role("button", name=f"Book the change of {SKU}").click()
        expect(page.get_by_role("status").filter(has_text="booked")).to_be_visible()
        page.get_by_role("link", name=SKU, exact=True).click()
        pages.append(page.url)
        other = page.context.new_page()
        other.goto(page.url)
        changed = other.get_by_role("region", name="Main warehouse", exact=True)
        changed.get_by_label("Adjust by").fill("1")
        changed.get_by_label("Reason").fill("Found another")
        changed.get_by_role("button", name="Book the change at Main warehouse").click()
        expect(other.get_by_role("status").filter(has_text="booked")).to_be_visible()
        other.close()
        mine = page.get_by_role("region", name="Main warehouse", exact=True)
        mine.get_by_label("Units").fill("1")
        mine.get_by_role("button", name="Save at Main warehouse").click()
        expect(page.get_by_role("alert")).to_contain_text("Someone changed it meanwhile")
        expect(mine.get_by_label("Units")).to_have_value("1")
        before = int(figures(page, "Main warehouse")["On hand"])

        page.goto(f"{stock}/locations")
        page.locator("#name").fill("Harbor")
        page.locator("#code").fill("harbor")
        page.get_by_role("button", name="Add location").click()
        expect(page.get_by_role("heading", name="2. Harbor")).to_be_visible()

        page.goto(f"{stock}/receive")
        page.get_by_label("Location").select_option("Harbor")
        page.get_by_label("Goods").fill(f"{SKU}, 12\nNOBODY, 1")
        page.get_by_role("button", name="Book the delivery").click()
        expect(page.get_by_role("alert")).to_contain_text("NOBODY")
        assert page.get_by_label("Goods").input_value() == f"{SKU}, 12\nNOBODY, 1"
        page.get_by_label("Goods").fill(f"{SKU}, 12")
        page.get_by_role("button", name="Book the delivery").click()
        expect(page.get_by_role("status").filter(has_text="delivery was booked")).to_be_visible()

        page.goto(f"{stock}/transfers")
        page.get_by_label("From").select_option("Harbor")
        page.get_by_label("To", exact=True).select_option("Main warehouse")
        page.get_by_label("Goods").fill(f"{SKU};4")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", name="Harbor to Main warehouse")).to_be_visible()
        page.get_by_label(f"Arrived of {SKU}").fill("3")
        page.get_by_role("button", name="Book the arrival").click()
        expect(page.get_by_text("The arrival was booked.")).to_be_visible()
        pages.append(page.url)

        page.goto(f"{stock}/takes")
        page.get_by_label("Location").select_option("Harbor")
        page.get_by_role("button", name="Begin").click()
        page.get_by_label("Scan or type").fill(f"{SKU}\n{SKU}")
        page.get_by_role("button", name="Add").click()
        expect(page.get_by_role("status").filter(has_text="1 differ")).to_be_visible()
        upload: Any = {
            "name": "count.csv",
            "mimeType": "text/csv",
            "buffer": f"sku,quantity\n{SKU},7\n".encode(),
        }
        page.locator("#file").set_input_files(upload)
        page.get_by_role("button", name="Add").click()
        row = page.get_by_role("row", name=re.compile(SKU))
        expect(row).to_contain_text("-1")
        pages.append(page.url)
        page.get_by_role("button", name="Correct the stock").click()
        expect(page.get_by_text("The stock was corrected.")).to_be_visible()

        page.goto(pages[0])
        assert figures(page, "Main warehouse")["On hand"] == str(before + 3)
        assert figures(page, "Harbor")["On hand"] == "7"
        page.goto(f"{stock}/movements?q={SKU}")
        kinds = page.locator("#results tbody tr td:nth-of-type(2)").all_inner_texts()
        assert [kind.partition("\n")[0] for kind in kinds] == [
            "Adjusted", "Transferred in", "Transferred out", "Received", "Adjusted", "Adjusted", "Received",
        ]  # fmt: skip
        pages += [f"{stock}{path}" for path in ("", "/movements", "/reservations", "/receive", "/transfers")]
        pages += [f"{stock}/takes", f"{stock}/locations"]
        cookies: list[Any] = [*page.context.cookies()]
    for width, theme in ((1440, "light"), (320, "dark")):
        with visitor(browser, width=width, theme=theme) as page:
            page.context.add_cookies(cookies)
            for path in pages:
                page.goto(path)
                assert (path, violations(page), overflow(page)) == (path, [], 0)


def test_a_shopper_is_told_when_it_is_back(browser: Browser, demo: Up) -> None:
    client = httpx.Client(base_url=f"{demo.url}/api/v1", timeout=30, trust_env=False)
    signed = client.post("/auth/login", json={"email": "owner@example.com", "password": demo.password})
    client.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"
    level = client.get("/admin/stock-levels", params={"q": SOLD_OUT}).json()["items"][0]
    mails = {"recipient": "ann@example.org"}
    slug = client.get("/products", params={"q": "Arch bookends"}).json()["items"][0]["slug"]
    for width, theme in ((1440, "light"), (320, "dark")):
        with visitor(browser, width=width, theme=theme) as page:
            waiting = f"/back-in-stock/{level['variant_id']}"
            for path in (f"/p/{slug}", waiting, "/back-in-stock/unsubscribe?token=x"):
                page.goto(demo.url + path)
                assert (path, violations(page), overflow(page)) == (path, [], 0)
    with visitor(browser, script=False, may_fail=True) as page:
        page.goto(f"{demo.url}/p/{slug}")
        page.get_by_label("Tell me when it is back").fill("ann@example")
        page.get_by_role("button", name="Tell me").click()
        expect(page.get_by_text("Enter an e-mail address such as")).to_be_visible()
        page.get_by_label("E-mail").fill(mails["recipient"])
        page.get_by_role("button", name="Tell me").click()
        expect(page.get_by_role("heading", name="We will tell you")).to_be_visible()
        lines = [{"variant_id": level["variant_id"], "quantity": 4}]
        body = {"location_id": level["location_id"], "lines": lines}
        assert client.post("/admin/stock-receipts", json=body).status_code == 201
        assert wait_until(
            lambda: bool(client.get("/dev/mailbox", params=mails).json()["items"]), timeout_s=30
        )
        mail = client.get("/dev/mailbox", params=mails).json()["items"][0]
        assert mail["subject"].startswith("Arch bookends") and mail["subject"].endswith(" is back in stock")
        found = re.search(r"/back-in-stock/unsubscribe\?token=\S+", mail["text"])
        assert found
        page.goto(demo.url + found[0])
        page.get_by_role("button", name="Send me no such mails").click()
        expect(page.get_by_text("Done: you get no mail")).to_be_visible()
        refused = client.post(
            "/stock-alerts", json={"variant_id": level["variant_id"], "email": "b@example.org"}
        )
        assert (refused.status_code, refused.json()["code"]) == (409, "in_stock")
