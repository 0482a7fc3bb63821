"""Second factors in a real browser: passkeys of Chromium's virtual authenticator, an app, proving again."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from support.browser import overflow, violations, visitor
from support.up import Up

OWNER = "owner@example.com"
PASSWORD = "four unrelated quiet words"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def shop(demo: Up) -> str:
    """Browsers make passkeys for names only, so the demo shop is opened as localhost."""
    return demo.url.replace("127.0.0.1", "localhost")


@pytest.fixture(scope="module")
def people(demo: Up) -> dict[str, str]:
    """Accounts of this module: a customer, a manager, and one whose role asks for a second factor."""
    client = httpx.Client(base_url=f"{demo.url}/api/v1", timeout=30, trust_env=False)
    signed = client.post("/auth/login", json={"email": OWNER, "password": demo.password})
    client.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"
    guarded = {"code": "guarded", "name": "Guarded", "permissions": ["read_orders"], "requires_mfa": True}
    assert client.post("/admin/roles", json=guarded).status_code == 201
    found = {}
    for name, roles in (("passkey", []), ("app", ["manager"]), ("guarded", ["guarded"])):
        found[name] = f"{name}-user@example.com"
        body = {"email": found[name], "password": PASSWORD, "name": name.capitalize(), "roles": roles}
        assert client.post("/admin/users", json=body).status_code == 201
    return found


@contextmanager
def with_authenticator(browser: Browser) -> Iterator[Page]:
    """A visitor whose device has a fingerprint reader that always recognizes them."""
    with visitor(browser, may_fail=True) as page:
        session = page.context.new_cdp_session(page)
        session.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True, "automaticPresenceSimulation": True,
        }  # fmt: skip
        session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        yield page


def sign_in(page: Page, shop: str, email: str, door: str = "/sign-in") -> None:
    page.goto(f"{shop}{door}")
    page.locator("#email").fill(email)
    page.locator("#password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sound(page: Page) -> None:
    assert violations(page) == []
    assert overflow(page) == 0


def test_a_passkey_is_made_signs_in_alone_and_proves_again(
    browser: Browser, shop: str, people: dict[str, str]
) -> None:
    with with_authenticator(browser) as page:
        sign_in(page, shop, people["passkey"])
        page.goto(f"{shop}/account/security")
        sound(page)
        page.get_by_role("button", name="Add a passkey").click()
        sound(page)
        page.get_by_label("Name").fill("My laptop")
        page.get_by_role("button", name="Make the passkey").click()
        codes = page.locator("[data-recovery-codes] code")
        expect(codes).to_have_count(10)
        sound(page)
        page.get_by_role("link", name="I have kept them").click()
        expect(page.get_by_text("My laptop", exact=True).first).to_be_visible()
        page.get_by_role("button", name="Sign out").click()

        # The e-mail field offers the passkey by itself, and this authenticator takes every offer.
        page.goto(f"{shop}/sign-in?next=%2Faccount%2Fsecurity")
        page.wait_for_url(f"{shop}/account/security")
        page.get_by_role("button", name="Sign out").click()

        page.add_init_script("PublicKeyCredential.isConditionalMediationAvailable = async () => false")
        page.goto(f"{shop}/sign-in?next=%2Faccount%2Fsecurity")
        sound(page)
        page.get_by_role("button", name="Sign in with a passkey").click()
        page.wait_for_url(f"{shop}/account/security")
        expect(page.get_by_text(re.compile("last used"))).to_be_visible()
        page.get_by_role("button", name="Sign out").click()

        sign_in(page, shop, people["passkey"])
        expect(page.get_by_role("heading", name="Confirm that it is you")).to_be_visible()
        sound(page)
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url(f"{shop}/account")

        page.goto(f"{shop}/account/security")
        page.get_by_role("button", name=re.compile("^Remove My laptop")).click()
        expect(page.get_by_role("button", name=re.compile("^Remove My laptop"))).to_have_count(0)


def test_an_app_guards_the_admin_without_script(browser: Browser, shop: str, people: dict[str, str]) -> None:
    with visitor(browser, script=False, may_fail=True) as page:
        sign_in(page, shop, people["app"], "/admin/sign-in")
        page.goto(f"{shop}/admin/account")
        page.get_by_role("button", name="Set up an app").click()
        uri = page.locator("input[name=uri]").input_value()
        secret = pyotp.parse_uri(uri).secret
        assert page.locator("img[alt^='QR code']").evaluate("image => image.naturalWidth") > 100
        page.get_by_label("Code of the app").fill("000 000")
        page.get_by_role("button", name="Switch it on").click()
        expect(page.get_by_role("alert")).to_contain_text("This code is not right")
        assert page.locator("input[name=uri]").input_value() == uri
        page.get_by_label("Code of the app").fill(code_of(secret))
        page.get_by_role("button", name="Switch it on").click()
        recovery = page.locator("[data-recovery-codes] code").all_inner_texts()
        assert len(recovery) == 10
        page.get_by_role("link", name="I have kept them").click()
        assert page.url == f"{shop}/admin/account"
        page.locator("summary.avatar").click()
        page.get_by_role("button", name="Sign out").click()

        sign_in(page, shop, people["app"], "/admin/sign-in?next=%2Fadmin%2Forders")
        page.get_by_label("Code of your app").fill("wrong")
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("alert")).to_contain_text("This code is wrong")
        page.get_by_label("Code of your app").fill(recovery[0])
        page.get_by_role("button", name="Go on").click()
        assert page.url == f"{shop}/admin/orders"

        page.goto(f"{shop}/account/verify?next=%2Fadmin%2Faccount")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Code of your app").fill(recovery[1])
        page.get_by_role("button", name="Go on").click()
        assert page.url == f"{shop}/admin/account"
        page.get_by_role("button", name="Make new codes").click()
        renewed = page.locator("[data-recovery-codes] code").all_inner_texts()
        assert len(renewed) == 10 and not set(renewed) & set(recovery)


def test_a_role_that_asks_for_it_leads_there_before_anything_else(
    browser: Browser, shop: str, people: dict[str, str]
) -> None:
    with with_authenticator(browser) as page:
        sign_in(page, shop, people["guarded"], "/admin/sign-in")
        expect(page.get_by_role("heading", name="One more lock")).to_be_visible()
        sound(page)
        page.get_by_role("button", name="Set up a passkey").click()
        page.get_by_role("button", name="Make the passkey").click()
        page.get_by_role("link", name="I have kept them").click()
        expect(page.locator(".console-main h1")).to_be_visible()
        page.goto(f"{shop}/admin/account")
        sound(page)


def code_of(secret: str) -> str:
    return pyotp.TOTP(secret).at(datetime.now(UTC))
