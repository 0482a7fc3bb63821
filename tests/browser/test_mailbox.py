"""The development mailbox in a browser: readable, quiet, and a letter that cannot do anything."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.browser import overflow, violations, visitor
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def shop(database_url: str, nats_url: str, namespace: str, tmp_path: Path) -> Iterator[Shop]:
    environment = shop_environment(database_url, nats_url, namespace, tmp_path / "data")
    with running_shop(ALL_IN_ONE, environment, tmp_path) as shop:
        yield shop


def test_shows_a_mail_as_it_looks_and_opens_its_link(browser: Browser, shop: Shop) -> None:
    account = {"email": "ann@example.org", "password": "kayak lantern forty two", "name": "Ann"}
    assert shop.client.post("/api/v1/auth/register", json=account).status_code == 202
    for width, theme in ((320, "light"), (1440, "dark")):
        with visitor(browser, width=width, theme=theme) as page:
            page.goto(f"{shop.url}/dev/mailbox?recipient=ann@example.org")
            link = page.get_by_role("link", name="Confirm your account at Mercato")
            while not link.is_visible():
                page.reload()
            assert violations(page) == [] and overflow(page) == 0
            link.click()
            letter = page.frame_locator("iframe")
            assert letter.get_by_role("heading", name="Confirm your account").is_visible()
            assert violations(page) == [] and overflow(page) == 0
            with page.expect_popup() as opened:
                letter.get_by_role("link", name="Confirm the account").click()
            assert opened.value.url.startswith(f"{shop.url}/account/confirm?token=")
