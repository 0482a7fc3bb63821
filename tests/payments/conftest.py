"""Payments need no broker to move money: a database and the simulator are enough."""

from collections.abc import AsyncIterator

import pytest

from mercato.kernel.runtime import Runtime
from mercato.payments import build
from mercato.settings import Settings
from support.payments import PaymentsShop


@pytest.fixture
async def shop(database_url: str) -> AsyncIterator[PaymentsShop]:
    runtime = Runtime(Settings(environment="test", database_url=database_url, secret_key="s" * 32))
    yield PaymentsShop(runtime, build(runtime))
    await runtime.close()
