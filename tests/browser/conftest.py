"""One demo shop for all browser tests, and one Chromium for each file of them."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from browser.staff import Staff
from support.browser import chromium
from support.up import Up, mercato_up


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The running browser; each test opens visitors of its own.

    It ends with its file: while Chromium's driver runs, no other event loop can run in the process.
    """
    with chromium() as running:
        yield running


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A running shop with the demo catalog, as a stranger gets it from `mercato up`."""
    with mercato_up(tmp_path_factory.mktemp("demo"), "--demo") as up:
        up.await_text("Ctrl-C stops")
        yield up


@pytest.fixture
def shop_url(demo: Up) -> str:
    """Where the demo shop is, without a slash at the end."""
    return demo.url


@pytest.fixture(scope="module")
def staff(demo: Up, browser: Browser) -> Staff:
    """The owner and colleagues, whose sign-ins all tests of a file share."""
    return Staff(demo, browser)
