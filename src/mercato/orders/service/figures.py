"""Sales, counts, and the proof that the books agree."""

from datetime import timedelta

from mercato.contracts.orders import (
    CustomerFigures,
    OrderCounts,
    SalesReport,
)
from mercato.contracts.shared import Verification
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.orders.actions import report, verify
from mercato.orders.service.part import Part
from mercato.orders.store import figures

STALE_AFTER_S = 60


class FiguresPart(Part):
    """Implements `contracts.orders.figures`."""

    async def sales(self, ctx: Context, *, days: int = 28, interval: str = "day") -> SalesReport:
        ctx.principal.require_in("read_analytics", ctx.channel)
        return await report.sales(self._parts, ctx, days=days, interval=interval)

    async def counts(self, ctx: Context) -> OrderCounts:
        ctx.principal.require("read_orders")
        stale_before = clock.now() - timedelta(seconds=STALE_AFTER_S)
        return await figures.counts(self._parts.db, stale_before=stale_before)

    async def customer_figures(self, ctx: Context, *, emails: list[str]) -> list[CustomerFigures]:
        ctx.principal.require("read_orders")
        return await report.customer_figures(self._parts, ctx, emails=emails)

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_system")
        return await verify.verify(self._parts)
