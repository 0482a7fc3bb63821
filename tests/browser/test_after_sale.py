"""After the sale: a buyer sends something back without script, staff edits, receives and acts on many."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.staff import Staff
from support.browser import overflow, violations, visitor
from support.up import Up
from support.waiting import eventually_sync

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def page(staff: Staff) -> Iterator[Page]:
    with staff.opened(script=False) as page:
        yield page


def look(page: Page) -> None:
    """The page is accessible and fits the window; script has to run to judge that, so in a second visit."""
    browser = page.context.browser
    assert browser is not None
    with visitor(browser, width=390, theme="dark") as seen:
        seen.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        seen.goto(page.url)
        assert (page.url, violations(seen), overflow(seen)) == (page.url, [], 0)


def ship(staff: Staff, number: str) -> None:
    order_id = staff.order(number)["id"]
    body = {"act": "ship", "order_ids": [order_id]}
    done = staff.client.post("/admin/orders/bulk", json=body).json()["items"]
    assert [one["is_done"] for one in done] == [True], done


def test_a_return_goes_from_the_buyer_to_the_refund(
    browser: Browser, page: Page, demo: Up, staff: Staff
) -> None:
    number, customers_page = staff.sell()
    ship(staff, number)
    with visitor(browser, script=False, may_fail=True) as customer:
        customer.goto(customers_page)
        customer.get_by_role("link", name="Send something back").click()
        look(customer)
        customer.get_by_role("button", name="Ask to send it back").click()
        expect(customer.get_by_role("alert")).to_contain_text("Choose at least one item")
        customer.get_by_role("spinbutton").first.fill("1")
        customer.get_by_label("Why").first.select_option("Damaged")
        customer.get_by_role("button", name="Ask to send it back").click()
        expect(customer.get_by_role("article", name="Return: Requested")).to_contain_text("Damaged")
        look(customer)
    page.goto(f"{demo.url}/admin/returns?status=requested")
    look(page)
    page.get_by_role("link", name=number, exact=True).click()
    page.get_by_role("button", name="Approve", exact=True).click()
    expect(page.get_by_text("The return is approved")).to_be_visible()
    look(page)
    page.get_by_label("To be sold again").fill("0")
    page.get_by_role("button", name="Receive and refund").click()
    expect(page.get_by_text("Received. What is owed")).to_be_visible()
    look(page)
    eventually_sync(lambda: staff.order(number)["payment_status"] == "refunded")
    order = staff.order(number)
    assert order["return_status"] == "returned"
    assert [change["status"] for change in order["changes"]] == ["refunded"]
    assert order["credited"] == order["lines"][0]["total"]
    with visitor(browser, script=False, may_fail=True) as customer:
        customer.goto(customers_page)
        expect(customer.get_by_role("article", name="Return: Settled")).to_be_visible()


def test_an_edit_is_previewed_confirmed_and_its_difference_paid(
    browser: Browser, page: Page, demo: Up, staff: Staff
) -> None:
    number, customers_page = staff.sell()
    order = staff.order(number)
    page.goto(f"{demo.url}/admin/orders/{order['id']}")
    page.get_by_role("link", name="Edit", exact=True).click()
    look(page)
    page.get_by_role("spinbutton").first.fill("2")
    page.get_by_label("SKU").first.fill("NOTHING-HAS-THIS")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing has the SKU NOTHING-HAS-THIS")
    page.get_by_label("SKU").first.fill("")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("The customer owes")).to_be_visible()
    look(page)
    assert staff.order(number)["totals"] == order["totals"]
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The change was made")).to_be_visible()
    with visitor(browser, script=False, may_fail=True) as customer:
        customer.goto(customers_page)
        customer.get_by_role("link", name="Pay €").click()
        look(customer)
        customer.get_by_role("button", name="Pay €").click()
        expect(customer.get_by_role("heading", name="Status")).to_be_visible()
        expect(customer.locator("main")).not_to_contain_text("still to be paid")
    paid = staff.order(number)
    assert (paid["payment_status"], paid["lines"][0]["quantity"]) == ("paid", 2)
    page.goto(f"{demo.url}/admin/orders/{order['id']}")
    look(page)


def test_a_refund_by_line_is_granted_sent_later_and_shown(page: Page, demo: Up, staff: Staff) -> None:
    number, _ = staff.sell()
    order = staff.order(number)
    page.goto(f"{demo.url}/admin/orders/{order['id']}")
    page.get_by_role("link", name="Refund lines").click()
    page.get_by_role("button", name="Grant, send later").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing is to be refunded")
    page.get_by_label(order["lines"][0]["name"], exact=True).check()
    page.get_by_role("button", name="Fill in amounts").click()
    expect(page.get_by_label(order["lines"][0]["name"], exact=True)).to_be_checked()
    amount = page.get_by_label("Amount", exact=True).input_value()
    assert int(amount.replace(".", "")) == order["lines"][0]["total"]["amount"]
    page.get_by_label("Reason").fill("dent")
    look(page)
    page.get_by_role("button", name="Grant, send later").click()
    expect(page.get_by_text("The refund is granted")).to_be_visible()
    page.locator("#refunds").get_by_role("button", name="Take it back").click()
    expect(page.get_by_text("The refund was taken back")).to_be_visible()
    look(page)
    assert (staff.order(number)["payment_status"], staff.order(number)["credited"]["amount"]) == ("paid", 0)
    granted = {"lines": [{"line_id": order["lines"][0]["id"], "quantity": 1}], "execute": False}
    staff.client.post(f"/admin/orders/{order['id']}/granted-refunds", json=granted)
    page.reload()
    expect(page.get_by_text("Refund due", exact=True)).to_be_visible()
    expect(page.get_by_text("Still to go back")).to_be_visible()
    look(page)
    assert sum(one["refunded"]["amount"] for one in staff.order(number)["payments"]) == 0
    page.locator("#refunds").get_by_role("button", name="Send").click()
    expect(page.locator("#refunds").get_by_text("Sent", exact=True)).to_be_visible()
    look(page)
    refund = staff.order(number)["refunds"][-1]
    assert (refund["amount"], refund["may_execute"]) == (order["lines"][0]["total"], False)


def test_tags_and_an_act_on_many_say_what_became_of_each(page: Page, demo: Up, staff: Staff) -> None:
    numbers = [staff.sell()[0] for _ in range(2)]
    page.goto(f"{demo.url}/admin/orders?q={numbers[0].lower()}")
    page.get_by_label(f"Select order {numbers[0]}").check()
    page.get_by_label("With the selected").select_option("tag")
    page.get_by_label("Tag", exact=True).last.fill("window")
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("status", name="What became of the orders")).to_contain_text("1 of 1 done")
    page.goto(f"{demo.url}/admin/orders?tag=window")
    expect(page.get_by_role("link", name=numbers[0], exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=numbers[1], exact=True)).to_have_count(0)
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("alert")).to_contain_text("Select at least one order")
    assert staff.order(numbers[0])["tags"] == ["window"]
