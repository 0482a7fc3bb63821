"""A started users service with its contract checked for what a remote call would refuse."""

from collections.abc import AsyncIterator

import pytest

from support.users import UsersShop, users_shop


@pytest.fixture
async def shop(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[UsersShop]:
    async with users_shop(database_url, nats_url, namespace) as shop:
        yield shop
