"""Sales over a period beside the period before it, from the books of sales."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

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
HOUR: Final = timedelta(hours=1)


async def sales(parts: Parts, ctx: Context, *, days: int, interval: str) -> SalesReport:
    """Points of the last `days` days, today included, and of as many before. Raises Invalid."""
    _check(days, interval)
    channel = await parts.channels.of(ctx.channel)
    now, zone = clock.now(), ZoneInfo(channel.time_zone)
    starts = points_of(now, zone, days=2 * days, interval=interval)
    points = await figures.sales(parts.db, channel=channel.code, starts=starts)
    middle = points_of(now, zone, days=days, interval=interval)[0]
    return SalesReport(
        currency=channel.currency,
        time_zone=channel.time_zone,
        points=[point for point in points if point.at >= middle],
        previous=[point for point in points if point.at < middle],
        top_products=await figures.top_products(parts.db, channel=channel.code, start=middle, end=starts[-1]),
    )


def points_of(now: datetime, zone: ZoneInfo, *, days: int, interval: str) -> list[datetime]:
    """When each day or hour of the last `days` days begins in `zone`, today included, and when the last one
    ends. A day at a change of the clocks has 23 or 25 hours."""
    today = now.astimezone(zone).date()
    midnights = [_midnight(today + timedelta(days=day), zone) for day in range(1 - days, 2)]
    if interval == "day":
        return midnights
    count = (midnights[-1] - midnights[0]) // HOUR
    return [midnights[0] + HOUR * number for number in range(count + 1)]


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


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """When `day` begins in `zone`, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)
