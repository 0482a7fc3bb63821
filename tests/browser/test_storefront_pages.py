"""Every page of the shop, narrow and wide, light and dark: accessible, quiet, within the window."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from support.browser import overflow, violations, visitor
from support.shopper import fill_bag, go_to_payment, pay

PUBLIC = {
    "home": "/",
    "menu": "/menu",
    "category": "/c/tableware",
    "filtered": "/c/tableware?colour=ink&in_stock=1&price_max=60",
    "collection": "/collections/sale",
    "search": "/search?q=lamp",
    "nothing found": "/search?q=zzzzqqqq",
    "product": "/p/fika-mug",
    "empty bag": "/cart",
    "sign in": "/sign-in",
    "register": "/register",
    "reset": "/account/reset",
    "choose password": "/account/reset?token=x",
    "confirm": "/account/confirm?token=x",
}
WIDTHS = (320, 390, 768, 1024, 1440)
LOOKS = [(320, "dark"), (1440, "light")]


def judge(page: Page) -> None:
    """No accessibility fault, no sideways scrolling at any width."""
    assert violations(page) == []
    assert overflow(page) == 0
    if page.viewport_size == {"width": WIDTHS[-1], "height": 900}:
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            assert (width, overflow(page)) == (width, 0)


@pytest.fixture(params=LOOKS, ids=[f"{width} {theme}" for width, theme in LOOKS])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    width, theme = request.param
    with visitor(browser, width=width, theme=theme) as page:
        yield page


@pytest.mark.parametrize("path", PUBLIC.values(), ids=PUBLIC)
def test_a_public_page_is_accessible_and_fits(page: Page, shop_url: str, path: str) -> None:
    answer = page.goto(shop_url + path)
    assert answer is not None
    assert answer.status == 200
    judge(page)


def test_the_bag_and_its_drawer_are_accessible_and_fit(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    judge(page)
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto(f"{shop_url}/p/tide-nesting-bowls")
    page.locator("[data-open=cart-drawer]").click()
    page.get_by_role("dialog", name="Your bag").get_by_role("link", name="Check out").wait_for()
    assert violations(page) == []


def test_each_section_of_checkout_and_the_order_are_accessible_and_fit(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    page.goto(f"{shop_url}/checkout")
    judge(page)
    go_to_payment(page, shop_url)
    judge(page)
    page.goto(f"{shop_url}/checkout?step=delivery")
    judge(page)
    page.goto(f"{shop_url}/checkout?step=payment")
    pay(page, "sim_3ds")
    page.get_by_role("button", name="Approve").wait_for()
    judge(page)
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Order", level=1).wait_for()
    judge(page)


def test_a_refused_form_is_accessible(browser: Browser, shop_url: str) -> None:
    with visitor(browser, script=False, may_fail=True) as page:
        page.goto(f"{shop_url}/register")
        page.get_by_role("button", name="Create account").click()
        assert page.get_by_role("alert").is_visible()
    # axe needs script, the refusal is the same page
    with visitor(browser, may_fail=True) as page:
        page.goto(f"{shop_url}/register")
        page.get_by_role("button", name="Create account").click()
        page.get_by_role("alert").wait_for()
        judge(page)


@pytest.mark.parametrize(
    "path", ["/no-such-page", "/p/no-such-thing", "/c/no-such-shelf", "/order/NONE?token=x"]
)
def test_what_is_not_there_gets_a_page_in_style(browser: Browser, shop_url: str, path: str) -> None:
    with visitor(browser, may_fail=True) as page:
        answer = page.goto(shop_url + path)
        assert answer is not None
        assert answer.status == 404
        assert page.get_by_role("heading", name="This page does not exist").is_visible()
        judge(page)
