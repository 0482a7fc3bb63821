"""A started users service with its contract checked for what a remote call would refuse."""

from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta

import pytest

from mercato.kernel import clock
from support.users import UsersShop, users_shop


@pytest.fixture
async def shop(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[UsersShop]:
    async with users_shop(database_url, nats_url, namespace) as shop:
        yield shop


@pytest.fixture
def later() -> Iterator[Callable[[timedelta], None]]:
    """Moves the clock of this process; it is put right after the test."""
    yield clock.set_offset
    clock.set_offset(timedelta(0))
