"""Every component, in both themes and at both ends of the widths: accessible, quiet, within the window."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from support.browser import overflow, served, violations, visitor


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with served("support.pages:application") as address:
        yield address


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1440])
def test_the_style_guide_has_no_accessibility_fault(
    browser: Browser, address: str, theme: str, width: int
) -> None:
    with visitor(browser, width=width, theme=theme) as page:
        page.goto(f"{address}/_styleguide")
        assert violations(page) == []
        assert overflow(page) == 0


def test_a_drawer_opens_over_the_page_and_gives_the_focus_back(browser: Browser, address: str) -> None:
    with visitor(browser) as page:
        page.goto(f"{address}/_styleguide")
        page.get_by_role("link", name="Drawer", exact=True).click()
        assert page.get_by_role("dialog", name="Your bag").is_visible()
        page.keyboard.press("Escape")
        page.get_by_role("dialog", name="Your bag").wait_for(state="hidden")
        assert page.evaluate("document.activeElement.textContent") == "Drawer"


def test_the_stepper_stays_within_its_limits(browser: Browser, address: str) -> None:
    with visitor(browser) as page:
        page.goto(f"{address}/_styleguide")
        field = page.get_by_role("spinbutton", name="Quantity")
        field.fill("98")
        for _ in range(3):
            page.get_by_role("button", name="One more").click()
        assert field.input_value() == "99"


def test_the_theme_changes_at_once_and_is_kept(browser: Browser, address: str) -> None:
    with visitor(browser) as page:
        page.goto(f"{address}/_styleguide")
        page.get_by_role("button", name="Switch between light and dark").click()
        assert page.locator("html").get_attribute("data-theme") == "dark"
        page.reload()
        assert page.locator("html").get_attribute("data-theme") == "dark"


def test_without_script_the_theme_is_a_form(browser: Browser, address: str) -> None:
    with visitor(browser, script=False) as page:
        page.goto(f"{address}/_styleguide")
        page.get_by_role("button", name="Switch between light and dark").click()
        assert page.url == f"{address}/_styleguide"
        assert page.locator("html").get_attribute("data-theme") == "dark"
