"""A shopper in a browser: the steps of a purchase, with or without script."""

from playwright.sync_api import Page

ADDRESS = {
    "email": "mara@example.com",
    "name": "Mara Verlinden",
    "street1": "Oudegracht 12",
    "postal_code": "3511 AB",
    "city": "Utrecht",
}
BOWLS = "/p/tide-nesting-bowls"


def fill_bag(page: Page, url: str, path: str = BOWLS) -> None:
    """Put one of a product into the bag and open the bag's page."""
    page.goto(url + path)
    with page.expect_response(lambda answer: answer.url.endswith("/cart/lines")):
        page.get_by_role("button", name="Add to bag").click()
    page.goto(f"{url}/cart")


def fill_contact(page: Page, **changes: str) -> None:
    """Fill the first section of checkout."""
    for field, text in {**ADDRESS, **changes}.items():
        page.locator(f"#{field}").fill(text)
    page.locator("#country").select_option("NL")


def go_to_payment(page: Page, url: str) -> None:
    """From a filled bag to the section with the pay button."""
    page.goto(f"{url}/checkout")
    fill_contact(page)
    page.get_by_role("button", name="Continue to delivery").click()
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("button", name="Pay €").wait_for()


def pay(page: Page, token: str) -> None:
    """Pay with the test card that is answered as `token` says."""
    page.locator("#token").select_option(token)
    page.get_by_role("button", name="Pay €").click()
