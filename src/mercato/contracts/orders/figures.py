"""Sales, counts, and the proof that the books agree."""

from typing import Protocol

from mercato.contracts.orders.records import (
    CustomerFigures,
    OrderCounts,
    SalesReport,
)
from mercato.contracts.shared import (
    Email,
    Verification,
)
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Figures(Protocol):
    """Sales, counts, and the proof that the books agree."""

    @idempotent
    async def sales(self, ctx: Context, *, days: int = 28, interval: str = "day") -> SalesReport:
        """Needs `read_analytics`. The period and the one before it, from the event log."""

    @idempotent
    async def counts(self, ctx: Context) -> OrderCounts: ...

    @idempotent
    async def customer_figures(self, ctx: Context, *, emails: list[Email]) -> list[CustomerFigures]: ...

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Totals = lines, statuses = payments' amounts, no stuck draft, allocations of placed orders."""
