"""What every action of payments works with: the database, the outbox, the providers."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from mercato.kernel.db import Database, assert_no_transaction
from mercato.kernel.errors import Invalid, Unavailable
from mercato.kernel.messaging.outbox import Outbox
from mercato.payments.providers.port import CALL_TIMEOUT_S, Provider

T = TypeVar("T")


class Engine:
    """The parts of payments, and the one way to call a provider."""

    def __init__(self, database: Database, outbox: Outbox, providers: dict[str, Provider]) -> None:
        self.database = database
        self.outbox = outbox
        self.providers = providers

    def provider(self, code: str) -> Provider:
        """Raises Invalid("unknown_provider")."""
        provider = self.providers.get(code)
        if provider is None:
            raise Invalid("unknown_provider", f"Choose one of: {', '.join(sorted(self.providers))}.")
        return provider

    async def ask(self, call: Awaitable[T]) -> T:
        """Await a provider, bounded in time. Raises Unavailable("provider_timeout"): ask again later."""
        assert_no_transaction("a call of a payment provider")
        try:
            return await asyncio.wait_for(call, CALL_TIMEOUT_S)
        except TimeoutError:
            raise Unavailable("provider_timeout", "The payment provider did not answer.") from None
