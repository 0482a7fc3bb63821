"""What staff does in the admin, with script and without: sell on, send, give back, edit, repair."""

import asyncio
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import nats
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from browser.staff import OWNER, Staff
from support.browser import visitor
from support.up import Up

LOOKING = ["Overview", "Orders", "Returns", "Customers", "Products", "Stock", "Promotions", "Privacy"]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def page(request: pytest.FixtureRequest, staff: Staff) -> Iterator[Page]:
    """The admin, opened by the owner."""
    with staff.opened(script=request.param) as page:
        yield page


def open_order(page: Page, url: str, number: str) -> None:
    """Through the search field above every page."""
    page.goto(f"{url}/admin")
    page.get_by_role("searchbox", name="Search orders, products, customers").fill(number)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=number, exact=True).click()
    expect(page.get_by_role("heading", name=f"Order {number}")).to_be_visible()


def test_a_stranger_is_sent_to_sign_in_and_comes_back_to_the_page_asked_for(
    browser: Browser, demo: Up
) -> None:
    with visitor(browser, script=False, may_fail=True) as page:
        page.goto(f"{demo.url}/admin/orders?status=placed")
        assert page.url.endswith("/admin/sign-in?next=%2Fadmin%2Forders%3Fstatus%3Dplaced")
        page.locator("#email").fill(OWNER)
        page.locator("#password").fill("not the password")
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("E-mail or password is not right")
        assert page.locator("#email").input_value() == OWNER
        page.locator("#password").fill(demo.password or "")
        page.get_by_role("button", name="Sign in", exact=True).click()
        assert page.url == f"{demo.url}/admin/orders?status=placed"
        assert page.locator(".sidebar").get_by_text("Hearth & Loam").is_visible()


def test_staff_finds_an_order_and_ships_it_and_the_customer_sees_the_parcel(
    browser: Browser, page: Page, demo: Up, staff: Staff
) -> None:
    number, customers_page = staff.sell()
    open_order(page, demo.url, number)
    page.get_by_label("Carrier").fill("PostNL")
    page.get_by_label("Tracking number").fill("3SADMIN1")
    page.get_by_label("Tracking link").fill("https://tracking.example.com/3SADMIN1")
    page.get_by_role("button", name="Mark as shipped").click()
    expect(page.get_by_text("Marked as shipped")).to_be_visible()
    expect(page.locator(".timeline li").first).to_contain_text("PostNL 3SADMIN1")
    with visitor(browser, script=False) as customer:
        customer.goto(customers_page)
        expect(customer.locator("main")).to_contain_text("3SADMIN1")
        assert customer.locator("a[href='https://tracking.example.com/3SADMIN1']").is_visible()
    page.get_by_role("button", name="Mark as delivered").click()
    expect(page.get_by_text("Marked as delivered.")).to_be_visible()
    expect(page.locator("h1 + .badge + .badge + .badge")).to_have_text("Delivered")


def test_too_much_is_not_given_back_and_a_part_is(page: Page, demo: Up, staff: Staff) -> None:
    number, _ = staff.sell()
    open_order(page, demo.url, number)
    page.get_by_text("Refund", exact=True).first.click()
    page.get_by_label("Amount").fill("1,000")
    page.get_by_label("Reason").first.fill("Broken on arrival")
    page.get_by_role("button", name="Refund").click()
    expect(page.locator("#refund_amount-error")).to_contain_text("Enter an amount such as 12.50")
    page.get_by_label("Amount").fill("9999")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("alert")).to_be_visible()
    assert page.get_by_label("Amount").input_value() == "9999"
    assert page.locator("#refund-reason").input_value() == "Broken on arrival"
    assert staff.order(number)["payment_status"] == "paid"
    page.get_by_label("Amount").fill("10.00")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_text("of which €10.00 went back")).to_be_visible()
    expect(page.locator(".timeline")).to_contain_text("€10.00 · Broken on arrival")
    assert staff.order(number)["payment_status"] == "partially_refunded"


def test_an_order_is_noted_and_canceled(demo: Up, staff: Staff) -> None:
    number, _ = staff.sell()
    with staff.opened() as page:
        open_order(page, demo.url, number)
        page.get_by_label("Note for colleagues").fill("Wants it gift wrapped.")
        page.get_by_role("button", name="Add note").click()
        expect(page.locator(".timeline li").first).to_contain_text("Wants it gift wrapped.")
        page.get_by_text("Cancel the order").click()
        page.locator("#cancel-reason").fill("Ordered twice")
        page.get_by_role("button", name=f"Cancel order {number}").click()
        expect(page.get_by_role("heading", name="Canceled")).to_be_visible()
        expect(page.locator(".timeline")).to_contain_text("Ordered twice")
        assert page.get_by_role("button", name="Mark as shipped").count() == 0
    order = staff.order(number)
    assert (order["status"], order["payment_status"]) == ("canceled", "refunded")


def test_the_list_follows_the_search_and_keeps_it_in_the_address(demo: Up, staff: Staff) -> None:
    number, _ = staff.sell()
    with staff.opened() as page:
        page.goto(f"{demo.url}/admin/orders")
        before = page.locator("#results tbody tr").count()
        search = page.get_by_role("searchbox", name="Search", exact=True)
        search.press_sequentially(number.lower(), delay=20)
        page.wait_for_url(f"{demo.url}/admin/orders?q={number.lower()}")
        expect(page.locator("#results tbody tr")).to_have_count(1)
        expect(page.locator("#found")).to_have_text("1 order")
        assert search.evaluate("field => field === document.activeElement")
        page.get_by_label("Status").select_option("canceled")
        expect(page.get_by_role("heading", name="No order matches")).to_be_visible()
        search.fill("")
        page.wait_for_url(f"{demo.url}/admin/orders?status=canceled")
        expect(page.locator("#views [aria-current=page]")).to_have_text("Canceled")
        page.go_back()
        page.go_back()
        page.wait_for_url(f"{demo.url}/admin/orders?q={number.lower()}")
        expect(page.locator("#results tbody tr")).to_have_count(1)
        assert before > 0
        page.goto(f"{demo.url}/admin/orders?sort=total")
        totals = page.locator("#results tbody td.card-top").all_inner_texts()
        amounts = [float(total.removeprefix("€").replace(",", "")) for total in totals]
        assert amounts == sorted(amounts)


def picture() -> bytes:
    made = BytesIO()
    Image.new("RGB", (900, 1100), "#7a9e87").save(made, "PNG")
    return made.getvalue()


def test_a_product_with_variants_and_a_picture_is_made_and_sold(
    page: Page, demo: Up, request: pytest.FixtureRequest
) -> None:
    name = "Slow vase" if "with script" in request.node.name else "Calm vase"
    sku = name.replace(" ", "-").upper()
    page.goto(f"{demo.url}/admin/products/new")
    page.get_by_role("button", name="Create product").click()
    page.locator("#name").fill(name)
    page.locator("#status").select_option("active")
    page.locator("#options").fill("Size: Small, Large")
    page.locator("#sku-0").fill(sku)
    page.locator("#price-0").fill("1,000")
    page.get_by_role("button", name="Make a row for each combination").click()
    expect(page.locator("#sku-2")).to_have_value(f"{sku}-LARGE")
    page.get_by_role("button", name="Create product").click()
    expect(page.locator("#price-1-error")).to_contain_text("without a sign for thousands")
    assert page.locator("#name").input_value() == name
    for row, price in ((1, "40"), (2, "60.50")):
        page.locator(f"#price-{row}").fill(price)
        page.locator(f"#on_hand-{row}").fill("7")
    page.get_by_role("button", name="Create product").click()
    expect(page.get_by_text("The product was created.")).to_be_visible()
    page.get_by_label("New picture").set_input_files(
        {"name": "vase.png", "mimeType": "image/png", "buffer": picture()}
    )
    page.locator("#new-alt").fill(f"{name}, green")
    page.get_by_role("button", name="Add picture").click()
    expect(page.get_by_text("The picture was added.")).to_be_visible()
    page.get_by_role("link", name="Show in the shop").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.locator(".gallery-main img")).to_have_attribute("alt", f"{name}, green")
    page.get_by_role("link", name="Large").click()
    expect(page.locator("main")).to_contain_text("€60.50")


def test_price_and_stock_change_and_a_colleagues_change_is_not_lost(
    page: Page, demo: Up, staff: Staff, request: pytest.FixtureRequest
) -> None:
    price = "31.50" if "with script" in request.node.name else "32.50"
    page.goto(f"{demo.url}/admin/products?q=EMB-CAN")
    page.get_by_role("link", name="Ember candle").click()
    product = page.url.split("?")[0]
    with staff.opened() as other:
        other.goto(product)
        other.locator("#maker").fill(f"Maker {price}")
        other.get_by_role("button", name="Save", exact=True).click()
        expect(other.get_by_text("Saved.")).to_be_visible()
    page.locator("#price-0").fill(price)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Somebody else saved this product meanwhile")).to_be_visible()
    assert page.locator("#price-0").input_value() == price
    page.get_by_role("link", name="Show what is saved now").click()
    expect(page.locator("#maker")).to_have_value(f"Maker {price}")
    page.locator("#price-0").fill(price)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_label("On hand of EMB-CAN-BLU").fill("1234")
    page.get_by_role("button", name="Set the stock of EMB-CAN-BLU").click()
    expect(page.get_by_text("The stock was set.")).to_be_visible()
    row = page.locator("#stock tbody tr", has_text="EMB-CAN-BLU")
    expect(row.locator("td[data-label='On hand']")).to_have_text("1,234")
    page.goto(f"{demo.url}/p/ember-candle")
    expect(page.locator("main")).to_contain_text(f"€{price}")


def send_garbage(demo: Up) -> None:
    """An event that no version of the shop can read, as a broken program would send it."""
    environment = json.loads((demo.data_dir / "running.json").read_text())["environment"]

    async def publish() -> None:
        client = await nats.connect(environment["NATS_URL"])
        await client.jetstream().publish("mercato.events.stock.changed", b'{"event_id": "no"}')
        await client.close()

    # Playwright runs a loop of its own in this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, publish()).result()


def test_an_event_nobody_can_read_is_shown_and_given_up(demo: Up, staff: Staff) -> None:
    with staff.opened() as page:
        send_garbage(demo)
        letter = page.locator("#dead-letters tbody tr")
        page.goto(f"{demo.url}/admin/system")
        while not letter.count():
            page.reload()
        expect(letter).to_contain_text("catalog-availability")
        page.get_by_role("button", name="Retry stock.changed").click()
        expect(page.get_by_role("alert")).to_contain_text("The event cannot be read")
        assert letter.count() == 1
        page.get_by_role("button", name="Discard stock.changed").click()
        expect(page.get_by_text("The event was discarded.")).to_be_visible()
        assert letter.count() == 0


def test_the_overview_asks_how_the_services_are_after_it_has_loaded(staff: Staff) -> None:
    with staff.opened() as page:
        expect(page.get_by_text("Live").first).to_be_visible()
        health = page.locator("section", has=page.get_by_role("heading", name="Service health"))
        expect(health.get_by_role("listitem")).to_have_count(11)
        page.keyboard.press("Control+k")
        assert page.locator("#admin-q").evaluate("field => field === document.activeElement")


@pytest.mark.parametrize(
    ("role", "links", "refused"),
    [
        ("support", sorted([*LOOKING, "Payments", "Gift cards", "Mails"]), "/admin/system"),
        ("analyst", sorted(LOOKING), "/admin/messages"),
        ("catalog_editor", ["Products", "Promotions", "Stock"], "/admin/orders"),
    ],
)
def test_a_role_sees_what_it_may_do_and_is_refused_the_rest(
    demo: Up, staff: Staff, role: str, links: list[str], refused: str
) -> None:
    with staff.opened(staff.add_colleague(role)) as page:
        shown = page.locator(".sidebar nav a")
        assert sorted(re.sub(r"\s*\d+$", "", text) for text in shown.all_inner_texts()) == links
        answer = page.goto(demo.url + refused)
        assert answer is not None
        assert answer.status == 403
        expect(page.get_by_role("heading", name="This is not open to you")).to_be_visible()


def test_support_gives_back_but_ships_nothing_and_an_analyst_only_looks(demo: Up, staff: Staff) -> None:
    number, _ = staff.sell()
    order = staff.order(number)
    buttons: dict[str, list[str]] = {"support": ["Refund", "Add note", "Cancel order"], "analyst": []}
    for role, shown in buttons.items():
        with staff.opened(staff.add_colleague(role)) as page:
            page.goto(f"{demo.url}/admin/orders/{order['id']}")
            for fold in page.locator(".fold > summary").all():
                fold.click()
            for button in ("Refund", "Add note", "Cancel order", "Mark as shipped", "Only prepare"):
                assert page.get_by_role("button", name=button).count() == (button in shown), button
            csrf = page.locator("input[name=_csrf]").first.get_attribute("value") or ""
            form: dict[str, str | float | bool] = {"_csrf": csrf, "ship": "1"}
            path = f"{demo.url}/admin/orders/{order['id']}/fulfillments"
            answer = page.request.post(path, form=form, headers={"Origin": demo.url})
            assert answer.status == 403
            page.goto(f"{demo.url}/admin/products?q=FIK-MUG")
            assert page.get_by_role("link", name="New product").count() == 0
            page.get_by_role("link", name="Fika mug").click()
            assert page.get_by_role("button", name=re.compile("^(Save|Set|Add|Delete)")).count() == 0
            assert page.locator("#name").is_disabled()
    assert staff.order(number)["fulfillment_status"] == "unfulfilled"
