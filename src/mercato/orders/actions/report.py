"""Sales over a period beside the period before it, from the books of sales."""

from datetime import datetime, timedelta
from typing import Final

from mercato.contracts.orders import CustomerFigures, SalesReport
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.money import Money
from mercato.orders.parts import Parts
from mercato.orders.store import figures

MAX_DAYS: Final = 400
MAX_HOURS_OF_DAYS: Final = 14
INTERVALS: Final = ("day", "hour")
TIME_ZONE: Final = "UTC"


async def sales(parts: Parts, ctx: Context, *, days: int, interval: str) -> SalesReport:
    """Points of the last `days` days, today included, and of as many before. Raises Invalid."""
    _check(days, interval)
    tomorrow = _midnight(clock.now()) + timedelta(days=1)
    start = tomorrow - timedelta(days=days)
    before = start - timedelta(days=days)
    channel = await parts.channels.of(ctx.channel)
    return SalesReport(
        currency=channel.currency,
        points=await figures.sales(
            parts.db, channel=channel.code, start=start, end=tomorrow, interval=interval, time_zone=TIME_ZONE
        ),
        previous=await figures.sales(
            parts.db, channel=channel.code, start=before, end=start, interval=interval, time_zone=TIME_ZONE
        ),
        top_products=await figures.top_products(parts.db, channel=channel.code, start=start, end=tomorrow),
    )


async def customer_figures(parts: Parts, ctx: Context, *, emails: list[str]) -> list[CustomerFigures]:
    """What each of `emails` has ordered and spent, in the currency of the context's channel."""
    channel = await parts.channels.of(ctx.channel)
    rows = await figures.customer_figures(parts.db, emails=emails)
    found = []
    for email in emails:
        mine = [row for row in rows if row["email"] == email.lower()]
        spent = sum(row["spent"] for row in mine if row["currency"] == channel.currency)
        last = max((row["last_order_at"] for row in mine), default=None)
        orders = sum(row["orders"] for row in mine)
        found.append(CustomerFigures(email, orders, Money(spent, channel.currency), last))
    return found


def _check(days: int, interval: str) -> None:
    errors = []
    if interval not in INTERVALS:
        errors.append(FieldError("interval", "unknown_value", "Choose day or hour."))
    most = MAX_HOURS_OF_DAYS if interval == "hour" else MAX_DAYS
    if not 1 <= days <= most:
        errors.append(FieldError("days", "out_of_range", f"Between 1 and {most}."))
    if errors:
        raise Invalid(detail="Some values are refused.", errors=errors)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
