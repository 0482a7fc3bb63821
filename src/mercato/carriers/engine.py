"""What every action of carriers works with: the database, the outbox, the carriers behind their breakers."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mercato.carriers.providers.port import CALL_TIMEOUT_S, RATES_TIMEOUT_S, Carrier
from mercato.kernel.breaker import Breaker
from mercato.kernel.db import Database, assert_no_transaction
from mercato.kernel.errors import Invalid
from mercato.kernel.messaging.outbox import Outbox

T = TypeVar("T")


class Engine:
    """The parts of carriers, and the one way to call a carrier.

    Rates have a breaker of their own: a shopper waits shorter than staff who buys a label, and slow rates
    shall not keep anybody from shipping.
    """

    def __init__(self, database: Database, outbox: Outbox, carriers: dict[str, Carrier]) -> None:
        self.database = database
        self.outbox = outbox
        self.carriers = carriers
        self.breakers = {code: Breaker("carrier", timeout_s=CALL_TIMEOUT_S) for code in carriers}
        self.rate_breakers = {code: Breaker("carrier", timeout_s=RATES_TIMEOUT_S) for code in carriers}

    def carrier(self, code: str) -> Carrier:
        """Raises Invalid("unknown_carrier")."""
        carrier = self.carriers.get(code)
        if carrier is None:
            known = ", ".join(sorted(self.carriers)) or "none is set up"
            raise Invalid("unknown_carrier", f"Choose one of: {known}.")
        return carrier

    async def ask(self, code: str, call: Callable[[Carrier], Awaitable[T]]) -> T:
        """Ask a carrier, bounded in time. Raises Unavailable when it is away."""
        assert_no_transaction("a call of a carrier")
        carrier = self.carrier(code)
        return await self.breakers[code].call(lambda: call(carrier))

    async def ask_rates(self, code: str, call: Callable[[Carrier], Awaitable[T]]) -> T:
        """Like `ask`, for what a shopper waits for."""
        assert_no_transaction("a call of a carrier")
        carrier = self.carrier(code)
        return await self.rate_breakers[code].call(lambda: call(carrier))
