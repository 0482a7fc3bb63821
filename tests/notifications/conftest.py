"""A notifications service with its development mailbox, or with a real mail server."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from mercato.kernel import clock
from support.notifications import MailServer, NotificationsShop, notifications_shop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[NotificationsShop]:
    async with notifications_shop(database_url, alerts_email="books@shop.example") as shop:
        yield shop


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    server = MailServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def mailing(database_url: str, server: MailServer) -> AsyncIterator[NotificationsShop]:
    """A shop that sends by `server`."""
    async with notifications_shop(
        database_url, smtp_url=server.url, mail_from="Lamps & Co <shop@lamps.example>"
    ) as shop:
        yield shop


@pytest.fixture
def later() -> AsyncIterator[Callable[[timedelta], None]]:
    """Moves the clock of this process; it is put right after the test."""
    yield clock.set_offset
    clock.set_offset(timedelta(0))
