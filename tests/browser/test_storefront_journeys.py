"""What people do in the shop, with script and without: find, choose, buy, come back."""

import re
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import visitor
from support.shopper import fill_bag, fill_contact, go_to_payment, pay
from support.up import Up

SCARCE = "/p/brook-carafe"
"""There are few of it."""
ORDER = re.compile(r"/order/[A-Z0-9]+\?token=[\w-]+&placed=1$")
OWNER = "owner@example.com"


@pytest.fixture(params=[True, False], ids=["with script", "without script"])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    with visitor(browser, script=request.param, may_fail=True) as page:
        yield page


def test_a_guest_buys(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    go_to_payment(page, shop_url)
    pay(page, "sim_ok")
    page.wait_for_url(ORDER)
    assert page.get_by_text("Thank you, Mara Verlinden").is_visible()
    assert page.get_by_text("Payment: paid").is_visible()
    page.goto(f"{shop_url}/cart")
    assert page.get_by_role("heading", name="Your bag is empty").is_visible()


def test_a_decline_keeps_everything_and_may_be_tried_again(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    go_to_payment(page, shop_url)
    pay(page, "sim_insufficient_funds")
    page.get_by_text("not enough funds").wait_for()
    assert page.get_by_text("Oudegracht 12").is_visible()
    pay(page, "sim_ok")
    page.wait_for_url(ORDER)


def test_three_d_secure_leads_to_the_bank_and_back(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    go_to_payment(page, shop_url)
    pay(page, "sim_3ds")
    page.get_by_role("button", name="Refuse").click()
    page.get_by_text("could not confirm that it is you").wait_for()
    pay(page, "sim_3ds")
    page.get_by_role("button", name="Approve").wait_for()
    page.goto(f"{shop_url}/checkout?step=contact")
    expect(page.get_by_text(re.compile(r"Held for you until \d\d:\d\d"))).to_be_visible()
    assert page.get_by_role("link", name="Edit").count() == 0
    page.get_by_role("link", name="Go on with the payment").click()
    page.get_by_role("button", name="Approve").click()
    page.wait_for_url(ORDER)


def test_a_company_of_another_member_state_pays_no_vat(
    page: Page, shop_url: str, request: pytest.FixtureRequest
) -> None:
    fill_bag(page, shop_url)
    page.goto(f"{shop_url}/checkout")
    fill_contact(page, street1="Rue Mercière 12", postal_code="69002", city="Lyon")
    page.locator("#country").select_option("FR")
    page.get_by_text("Buying for a company?").click()
    page.locator("#tax_id").fill("FR00000000000")
    page.get_by_role("button", name="Continue to delivery").click()
    expect(page.locator("#company-error")).to_have_text("Enter the name of the company")
    page.locator("#company").fill("Verlinden SARL")
    page.get_by_role("button", name="Continue to delivery").click()
    expect(page.locator("#tax_id-error")).to_contain_text("Enter a VAT number with its country")
    page.locator("#tax_id").fill("FR 83 404 833 048")
    page.get_by_role("button", name="Continue to delivery").click()
    page.get_by_role("button", name="Continue to payment").click()
    page.get_by_role("button", name="Pay €57.41").wait_for()
    expect(page.locator("#checkout-sum")).to_contain_text("Reverse charge")
    page.goto(f"{shop_url}/checkout?step=contact")
    if "with script" in request.node.name:
        page.locator("#tax_id").fill("")
        page.locator("#tax_id").blur()
        expect(page.locator("#checkout-sum")).to_contain_text("€64.00")
        page.locator("#tax_id").fill("FR83404833048")
        page.locator("#tax_id").blur()
        expect(page.get_by_text("Reverse charge: you pay no VAT here")).to_be_visible()
    page.goto(f"{shop_url}/checkout?step=payment")
    pay(page, "sim_ok")
    page.wait_for_url(ORDER)
    expect(page.get_by_label("What you ordered")).to_contain_text("VAT ID FR83404833048")
    expect(page.get_by_label("What you ordered")).to_contain_text("Reverse charge")


def test_what_is_missing_is_said_beside_the_field_and_the_rest_is_kept(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    page.goto(f"{shop_url}/checkout")
    fill_contact(page, city="", email="mara")
    page.get_by_role("button", name="Continue to delivery").click()
    expect(page.locator("#city-error")).to_have_text("Enter the city")
    assert page.locator("#email-error").is_visible()
    assert page.locator("#street1").input_value() == "Oudegracht 12"


def test_lines_change_leave_and_the_sum_follows(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    total = page.locator("#cart dl dd").last
    quantity = page.get_by_role("spinbutton")
    quantity.fill("2")
    if (update := page.get_by_role("button", name="Update")).count():
        update.click()
    else:
        quantity.blur()
    expect(page.get_by_role("heading", name="Your bag (2)")).to_be_visible()
    expect(page.locator("#cart")).to_contain_text("€128.00")
    assert total.count() == 1
    page.get_by_role("button", name="Remove").first.click()
    expect(page.get_by_role("heading", name="Your bag is empty")).to_be_visible()


def test_more_than_there_is_is_refused_beside_the_line_and_what_was_typed_is_kept(
    page: Page, shop_url: str
) -> None:
    fill_bag(page, shop_url)
    total = page.locator("#cart dl dd").last.text_content()
    quantity = page.get_by_role("spinbutton")
    quantity.fill("999")
    if (update := page.get_by_role("button", name="Update")).count():
        update.click()
    else:
        quantity.blur()
    expect(page.locator("#cart .line-item [role=alert]")).to_contain_text(re.compile(r"Only \d+ left"))
    assert quantity.input_value() == "999"
    assert page.locator("#cart dl dd").last.text_content() == total
    page.goto(f"{shop_url}/cart")
    expect(page.get_by_role("heading", name="Your bag (1)")).to_be_visible()


def test_a_product_page_says_that_there_is_not_so_much_and_keeps_the_quantity(
    page: Page, shop_url: str
) -> None:
    fill_bag(page, shop_url, SCARCE)
    page.goto(f"{shop_url}{SCARCE}")
    page.locator("#product input[name=quantity]").fill("90")
    page.get_by_role("button", name="Add to bag").click()
    said = page.get_by_role("alert").filter(has_text=re.compile(r"Only \d+ left, and you have 1 in your bag"))
    expect(said).to_be_visible()
    assert page.locator("#product input[name=quantity]").input_value() == "90"
    page.goto(f"{shop_url}/cart")
    expect(page.get_by_role("heading", name="Your bag (1)")).to_be_visible()


def test_a_promo_code_that_is_wrong_says_so(page: Page, shop_url: str) -> None:
    fill_bag(page, shop_url)
    page.get_by_text("Promo code").click()
    page.get_by_label("Promo code").fill("NO-SUCH-CODE")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#code-error")).to_be_visible()
    assert page.locator("#code").input_value() == "NO-SUCH-CODE"


def test_a_variant_has_an_address_and_its_own_picture(page: Page, shop_url: str) -> None:
    page.goto(f"{shop_url}/p/fika-mug")
    page.get_by_role("link", name="Ink").click()
    page.wait_for_url("**/p/fika-mug?glaze=ink&set=single")
    expect(page.locator(".gallery-main img").first).to_have_attribute("alt", re.compile("in ink"))
    expect(page.get_by_text("FIK-MUG-INK-1")).to_be_visible()


def test_a_customer_registers_confirms_and_sees_the_account(
    page: Page, shop_url: str, request: pytest.FixtureRequest
) -> None:
    email = f"jonas-{'script' if 'with script' in request.node.name else 'plain'}@example.com"
    page.goto(f"{shop_url}/register")
    page.locator("#name").fill("Jonas Keller")
    page.locator("#email").fill(email)
    page.locator("#password").fill("four unrelated quiet words")
    page.get_by_role("button", name="Create account").click()
    assert page.get_by_text(f"We sent a mail to {email}").is_visible()
    page.goto(shop_url + confirmation_path(shop_url, email))
    page.get_by_role("button", name="Confirm my address").click()
    page.locator("#email").fill(email)
    page.locator("#password").fill("four unrelated quiet words")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url("**/account")
    assert page.get_by_text("No orders yet").is_visible()
    page.goto(f"{shop_url}/account/addresses")
    page.get_by_role("button", name="Save address").click()
    expect(page.locator("#street1-error")).to_be_visible()
    page.goto(f"{shop_url}/account/profile")
    assert page.get_by_text("This device").is_visible()
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    page.goto(f"{shop_url}/account")
    assert page.url.endswith("/sign-in?next=%2Faccount")


def test_a_wrong_password_is_refused_with_one_text(page: Page, shop_url: str) -> None:
    page.goto(f"{shop_url}/sign-in")
    page.locator("#email").fill("nobody@example.com")
    page.locator("#password").fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    assert page.get_by_text("E-mail and password do not fit together").is_visible()
    assert page.locator("#email").input_value() == "nobody@example.com"


def test_filters_change_the_list_the_address_and_come_back(browser: Browser, shop_url: str) -> None:
    with visitor(browser) as page:
        page.goto(f"{shop_url}/c/tableware")
        before = page.locator("#listing .card").count()
        page.locator("#facets label", has_text="Ink").click()
        page.wait_for_url("**/c/tableware?colour=ink*")
        expect(page.get_by_role("link", name="Remove filter Ink")).to_be_visible()
        assert 0 < page.locator("#listing .card").count() < before
        page.go_back()
        expect(page.locator("#listing .card")).to_have_count(before)
        assert not page.locator("#facets label", has_text="Ink").locator("input").is_checked()


def test_without_script_filters_are_a_form(browser: Browser, shop_url: str) -> None:
    with visitor(browser, script=False) as page:
        page.goto(f"{shop_url}/c/tableware")
        page.locator("#facets label", has_text="Ink").click()
        page.get_by_role("button", name="Apply filters").click()
        assert "colour=ink" in page.url
        assert page.get_by_role("link", name="Remove filter Ink").is_visible()


def test_suggestions_are_walked_by_keyboard(browser: Browser, shop_url: str) -> None:
    with visitor(browser) as page:
        page.goto(shop_url)
        box = page.get_by_role("combobox", name="Search products")
        box.fill("toadst")
        page.get_by_role("option", name="Toadstool").last.wait_for()
        assert box.get_attribute("aria-expanded") == "true"
        page.keyboard.press("ArrowUp")
        page.keyboard.press("Enter")
        page.wait_for_url("**/p/toadstool*")


def test_the_bag_opens_beside_the_page_and_counts(browser: Browser, shop_url: str) -> None:
    with visitor(browser) as page:
        page.goto(f"{shop_url}/p/tide-nesting-bowls")
        page.get_by_role("button", name="Add to bag").click()
        drawer = page.get_by_role("dialog", name="Your bag (1)")
        expect(drawer).to_be_visible()
        expect(page.locator("#cart-count")).to_have_text("1")
        drawer.get_by_role("button", name="Remove").click()
        expect(page.get_by_role("button", name="Undo")).to_be_attached()
        expect(page.locator("#cart-count")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator("#cart-drawer")).to_be_hidden()


def test_an_order_page_hears_of_the_parcel_by_itself(browser: Browser, demo: Up) -> None:
    with visitor(browser) as page:
        fill_bag(page, demo.url)
        go_to_payment(page, demo.url)
        pay(page, "sim_ok")
        page.wait_for_url(ORDER)
        number = page.url.split("/order/")[1].split("?")[0]
        ship(demo, number)
        expect(page.get_by_text("3SMERCATO1")).to_be_visible(timeout=10_000)


def confirmation_path(url: str, email: str) -> str:
    """The path of the link in the confirmation mail of `email`, as the mailbox shows it."""
    with httpx.Client(base_url=url, trust_env=False) as client:
        for _ in range(200):
            listed = client.get("/dev/mailbox", params={"recipient": email}).text
            for message in dict.fromkeys(re.findall(r'href="(/dev/mailbox/[^"?]+)"', listed)):
                text = client.get(message).text.replace("&amp;", "&")
                if email in text and (found := re.search(r"/account/confirm\?token=[\w-]+", text)):
                    return found[0]
    raise AssertionError(f"no mail for {email}")


def ship(demo: Up, number: str) -> None:
    """Staff packs and ships the whole order through the API."""
    with httpx.Client(base_url=f"{demo.url}/api/v1", trust_env=False) as client:
        signed = client.post("/auth/login", json={"email": OWNER, "password": demo.password}).json()
        client.headers["Authorization"] = f"Bearer {signed['access_token']}"
        order = client.get("/admin/orders", params={"q": number}).json()["items"][0]
        packed = client.post(f"/admin/orders/{order['id']}/fulfillments", json={})
        assert packed.status_code in (200, 201), packed.text
        parcel = packed.json()["fulfillments"][0]["id"]
        sent = client.post(
            f"/admin/fulfillments/{parcel}/shipment",
            json={"carrier": "PostNL", "tracking_number": "3SMERCATO1"},
        )
        assert sent.status_code in (200, 201), sent.text
