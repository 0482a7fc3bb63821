"""Paying on Stripe's page: away from the shop and back, with script and without, under our own policy."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from support.browser import violations, visitor
from support.engines import Engines
from support.fake_stripe import SECRET_KEY, WEBHOOK_SECRET, FakeStripe
from support.furnish import furnish
from support.proof import assert_books_agree
from support.shop import Shop, own_shop
from support.shopper import fill_bag, go_to_payment

LAMP = "/p/wren-lamp"
PRICE = 8_900 + 490


@pytest.fixture(scope="module")
def company() -> Iterator[FakeStripe]:
    with FakeStripe().running() as fake:
        yield fake


@pytest.fixture(scope="module")
def shop(company: FakeStripe, engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with own_shop(
        engines, "stripe", tmp_path_factory.mktemp("shop"),
        MERCATO_STRIPE_SECRET_KEY=SECRET_KEY,
        MERCATO_STRIPE_WEBHOOK_SECRET=WEBHOOK_SECRET,
        MERCATO_STRIPE_API_BASE=company.url,
    ) as running:  # fmt: skip
        furnish(running)
        yield running


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with visitor(browser, script=request.param, may_fail=True) as page:
        yield page


def leave_for_stripe(page: Page, shop: Shop, company: FakeStripe) -> str:
    """Press the button and arrive at the page of this payment; its id."""
    fill_bag(page, shop.url, LAMP)
    go_to_payment(page, shop.url)
    assert page.get_by_role("radio", name="Card", exact=False).first.is_checked()
    page.get_by_role("button", name="Pay €").click()
    page.wait_for_url(f"{company.url}/pay/*")
    return page.url.rpartition("/")[2]


def test_pays_on_stripes_page_and_comes_back_to_the_order(
    page: Page, shop: Shop, company: FakeStripe
) -> None:
    page_id = leave_for_stripe(page, shop, company)
    company.pay_on_page(page_id)
    page.goto(company.pages[page_id]["success_url"])
    page.get_by_text("Thank you, Mara Verlinden").wait_for()

    assert page.get_by_text("Payment: paid").is_visible()
    assert company.intents[company.pages[page_id]["payment_intent"]]["amount_received"] == PRICE
    assert_books_agree(shop)


def test_who_gives_up_there_may_pay_in_another_way(page: Page, shop: Shop, company: FakeStripe) -> None:
    page_id = leave_for_stripe(page, shop, company)
    page.goto(company.pages[page_id]["cancel_url"])
    page.get_by_text("You left the payment page").wait_for()
    page.get_by_text("Bank transfer").click()
    page.get_by_role("button", name="Pay €").click()
    page.get_by_text("Thank you, Mara Verlinden").wait_for()

    assert company.pages[page_id]["payment_intent"] is None
    assert_books_agree(shop)


def test_a_message_places_the_order_of_a_shopper_who_never_came_back(
    browser: Browser, shop: Shop, company: FakeStripe
) -> None:
    with visitor(browser, may_fail=True) as page:
        page_id = leave_for_stripe(page, shop, company)
        company.pay_on_page(page_id)
        headers, body = company.messages()[-1]
        for _ in range(2):
            answer = shop.client.post("/api/v1/webhooks/stripe", content=body, headers=headers)
            assert (answer.status_code, answer.json()) == (200, {"received": True})
        forged = shop.client.post("/api/v1/webhooks/stripe", content=body + b" ", headers=headers)
        assert forged.status_code == 422
        assert_books_agree(shop)
        page.goto(f"{shop.url}/checkout/return")
        page.get_by_text("Thank you, Mara Verlinden").wait_for()


def test_the_page_that_leads_on_is_accessible(browser: Browser, shop: Shop, company: FakeStripe) -> None:
    with visitor(browser, may_fail=True) as page:
        leave_for_stripe(page, shop, company)
        page.route(f"{company.url}/**", lambda route: route.fulfill(status=204))
        page.goto(f"{shop.url}/checkout/return", wait_until="commit")
        page.get_by_role("heading", name="You pay on another page").wait_for()
        assert page.get_by_role("link", name="Go to payment").is_visible()
        assert violations(page) == []
