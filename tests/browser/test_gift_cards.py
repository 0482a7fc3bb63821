"""Gift cards from the office to the bag and back, without script; and how their pages look."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.staff import Staff
from support.browser import overflow, violations, visitor
from support.shopper import fill_bag, fill_contact, go_to_payment, pay
from support.up import Up
from support.waiting import eventually_sync

pytestmark = pytest.mark.timeout(180)


def issue(page: Page, url: str, value: str) -> str:
    """Through the form of the admin; the code that is shown this once."""
    page.goto(f"{url}/admin/gift-cards")
    page.locator("#value").fill(value)
    page.locator("#note").fill("Competition")
    page.get_by_role("button", name="Issue the card").click()
    code = page.locator("#code").input_value()
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){3}", code)
    return code


def apply(page: Page, code: str) -> None:
    page.get_by_text("Gift card", exact=True).first.click()
    page.locator("#gift-card").fill(code)
    page.locator("#gift-card + button").click()


def test_a_card_is_issued_spent_and_given_back_without_script(
    browser: Browser, demo: Up, staff: Staff
) -> None:
    with staff.opened(script=False) as office:
        code = issue(office, demo.url, "500")
        with visitor(browser, script=False, may_fail=True) as shopper:
            shopper.goto(f"{demo.url}/gift-card")
            shopper.locator("#gift_card").fill("AAAA-2222-AAAA-2222")
            shopper.get_by_role("button", name="See the balance").click()
            expect(shopper.locator("#gift_card-error")).to_contain_text("no gift card with this code")
            shopper.locator("#gift_card").fill(code.lower())
            shopper.get_by_role("button", name="See the balance").click()
            expect(shopper.locator("main")).to_contain_text("€500.00")

            fill_bag(shopper, demo.url)
            apply(shopper, "AAAA-2222-AAAA-2222")
            expect(shopper.locator("#gift-card-error")).to_contain_text("no gift card with this code")
            go_to_payment(shopper, demo.url)
            apply(shopper, code)
            expect(shopper.locator("main")).to_contain_text("Nothing is left to pay.")
            shopper.get_by_role("button", name="Place the order").click()
            shopper.wait_for_url(re.compile(r"/order/"))
            number = shopper.url.split("/order/")[1].split("?")[0]

        order = staff.order(number)
        assert order["payment_status"] == "paid"
        assert [one["provider"] for one in order["payments"]] == ["gift_card"]
        paid = order["totals"]["total"]["amount"]
        office.goto(f"{demo.url}/admin/orders/{order['id']}/payments")
        expect(office.locator("main")).to_contain_text("Capture succeeded")
        expect(office.locator("main")).to_contain_text("Gift card liability")
        office.goto(f"{demo.url}/admin/gift-cards?q={code[-4:]}")
        office.get_by_role("link", name=f"•••• {code[-4:]}").click()
        expect(office.locator("main")).to_contain_text("Spent")
        staff.client.post(f"/admin/orders/{order['id']}/refunds", json={"reason": "torn"})
        balance = staff.client.get("/admin/gift-cards", params={"q": code[-4:]}).json()["items"][0]
        assert (balance["balance"]["amount"], paid > 0) == (50_000, True)
        office.reload()
        expect(office.locator("main")).to_contain_text("Returned")


def test_a_guest_buys_a_card_for_somebody_who_spends_it(browser: Browser, demo: Up, staff: Staff) -> None:
    body = {
        "name": "Gift card", "status": "active", "product_type": "gift_card",
        "variants": [{"sku": "GIFT-25", "price": 2500, "on_hand": 0}],
    }  # fmt: skip
    card = staff.client.post("/admin/products", json=body).json()
    with visitor(browser, script=False, may_fail=True) as buyer:
        buyer.goto(f"{demo.url}/p/{card['slug']}")
        buyer.get_by_label("For whom").fill("grandma@example.org")
        buyer.get_by_label("What you write to them").fill("Get well soon!\nMara")
        buyer.get_by_role("button", name="Add to bag").click()
        expect(buyer.locator("main")).to_contain_text("For grandma@example.org")
        buyer.goto(f"{demo.url}/checkout")
        fill_contact(buyer)
        buyer.get_by_role("button", name=re.compile("^Continue to")).click()
        pay(buyer, "sim_ok")
        buyer.wait_for_url(re.compile(r"/order/"))
        expect(buyer.locator("main")).to_contain_text("Get well soon!")
        number = buyer.url.split("/order/")[1].split("?")[0]
    assert staff.order(number)["totals"]["total"]["amount"] == 2500
    code = mailed_code(staff, "grandma@example.org", "Get well soon!")
    with visitor(browser, script=False, may_fail=True) as grandma:
        fill_bag(grandma, demo.url)
        go_to_payment(grandma, demo.url)
        apply(grandma, code)
        grandma.get_by_role("button", name="Pay €39.00").wait_for()
        pay(grandma, "sim_ok")
        grandma.wait_for_url(re.compile(r"/order/"))
        number = grandma.url.split("/order/")[1].split("?")[0]
    paid = {one["provider"]: one["captured"]["amount"] for one in staff.order(number)["payments"]}
    assert paid == {"gift_card": 2500, "simulator": 3900}
    assert staff.order(number)["totals"]["total"]["amount"] == 6400


def mailed_code(staff: Staff, recipient: str, message: str) -> str:
    """The code in the mail to `recipient`, as the development mailbox shows it."""

    def found() -> str | None:
        mails = staff.client.get("/dev/mailbox", params={"recipient": recipient}).json()["items"]
        texts = [mail["text"] for mail in mails if mail["template"] == "gift_card_issued"]
        codes = [re.search(r"(?:[2-9A-Z]{4}-){3}[2-9A-Z]{4}", text) for text in texts if message in text]
        return codes[0][0] if codes and codes[0] else None

    return eventually_sync(found, timeout_s=30)


def test_staff_changes_a_balance_disables_a_card_and_grants_credit(demo: Up, staff: Staff) -> None:
    with staff.opened() as page:
        code = issue(page, demo.url, "20.00")
        page.goto(f"{demo.url}/admin/gift-cards?q={code[-4:]}")
        page.get_by_role("link", name=f"•••• {code[-4:]}").click()
        page.get_by_text("Change the balance").click()
        page.locator("#amount").fill("50")
        page.locator("#direction").select_option("-1")
        page.locator("#reason").fill("Typing mistake")
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("There is less on it.")
        page.get_by_text("Change the balance").click()
        page.locator("#amount").fill("5")
        page.locator("#direction").select_option("-1")
        page.locator("#reason").fill("Typing mistake")
        page.get_by_role("button", name="Change", exact=True).click()
        expect(page.get_by_text("The balance was changed.")).to_be_visible()
        page.get_by_text("Can be used").click()
        page.get_by_role("button", name="Save").click()
        expect(page.locator("h1 + .badge")).to_have_text("Disabled")

        customer = staff.client.get("/admin/users").json()["items"][0]
        page.goto(f"{demo.url}/admin/customers/{customer['id']}/credit")
        page.locator("#amount").fill("12.50")
        page.locator("#reason").fill("Late parcel")
        page.get_by_role("button", name="Book it").click()
        expect(page.locator("main")).to_contain_text("€12.50")
        page.goto(f"{demo.url}/admin/payments")
        page.get_by_role("button", name="Compare").click()
        expect(page.locator(".alert-ok")).to_contain_text("agree")


def test_their_pages_are_accessible_and_within_the_window(browser: Browser, demo: Up, staff: Staff) -> None:
    with staff.opened() as page:
        code = issue(page, demo.url, "7")
        cookies: list[Any] = [*page.context.cookies()]
    number, _ = staff.sell()
    order = staff.order(number)
    reference = staff.client.get("/admin/payments", params={"order_id": order["id"]}).json()["items"][0]
    charge = f"/simulator/charges/{reference['reference']}/dispute"
    assert staff.client.post(charge, json={"status": "needs_response"}).status_code == 204
    card = staff.client.get("/admin/gift-cards", params={"q": code[-4:]}).json()["items"][0]
    user = staff.client.get("/admin/users").json()["items"][0]
    paths = [
        "/admin/gift-cards", f"/admin/gift-cards/{card['id']}", f"/admin/customers/{user['id']}/credit",
        "/admin/payments", "/admin/ledger", "/admin/disputes", f"/admin/orders/{order['id']}/payments",
        "/gift-card", "/account/credit",
    ]  # fmt: skip
    for width, theme in ((1440, "light"), (390, "dark")):
        with visitor(browser, width=width, theme=theme, may_fail=True) as page:
            page.context.add_cookies(cookies)
            fill_bag(page, demo.url)
            apply(page, code)
            expect(page.locator("main")).to_contain_text("To pay")
            assert (violations(page), overflow(page)) == ([], 0)
            for path in paths:
                page.goto(demo.url + path)
                assert (path, violations(page), overflow(page)) == (path, [], 0)
