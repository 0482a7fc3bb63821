"""The first page: how sales go, what waits for someone, whether the services are well."""

from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Response, get

from mercato.admin.desk import Desk
from mercato.admin.shell import landing_of
from mercato.contracts.orders import OrderCounts, OrderRow, Orders, SalesPoint, SalesReport
from mercato.kernel.context import Context
from mercato.kernel.errors import MercatoError
from mercato.kernel.money import Money
from mercato.kernel.web import STAFF
from mercato.ui import formats
from mercato.ui.charts import Point

PERIODS = (7, 28, 90)
RECENT = 8


class Tile(msgspec.Struct, frozen=True):
    """One key figure with its change against the period before; `delta` is empty when there was nothing."""

    label: str
    value: str
    delta: str
    rises: bool
    spark: list[int]


@get("/admin", permission=STAFF)
async def show_overview(desk: Desk, orders: Orders, days: int = 28) -> Response[str]:
    """Tiles, sales, recent orders and health; a part whose service is down says so, the rest works.

    Staff who may not see orders go on to the first page that is theirs.
    """
    if not desk.ctx.principal.may_somewhere("read_orders"):
        return desk.go(landing_of(desk.ctx.principal))
    period = days if days in PERIODS else 28
    report = await _sales(desk.ctx, orders, period)
    return await desk.page(
        "admin/overview.html",
        "/admin",
        {
            "days": period,
            "periods": [(f"{each} days", f"/admin?days={each}", each == period) for each in PERIODS],
            "report": report,
            "tiles": _tiles(report, desk.ctx.locale) if report else [],
            "series": _series(report, desk.ctx.locale) if report else [],
            "before": [point.net for point in report.previous] if report else [],
            "write": _write(report, desk.ctx.locale) if report else str,
            "recent": await _recent(desk.ctx, orders),
            "counts": await _counts(desk.ctx, orders),
            "sees_sales": desk.ctx.principal.may("read_analytics"),
            "sees_system": desk.ctx.principal.may("read_system"),
        },
    )


async def _sales(ctx: Context, orders: Orders, days: int) -> SalesReport | None:
    if not ctx.principal.may("read_analytics"):
        return None
    try:
        return await orders.sales(ctx, days=days)
    except MercatoError:
        return None


async def _recent(ctx: Context, orders: Orders) -> list[OrderRow] | None:
    try:
        return (await orders.list_orders(ctx, limit=RECENT)).items
    except MercatoError:
        return None


async def _counts(ctx: Context, orders: Orders) -> OrderCounts | None:
    try:
        return await orders.counts(ctx)
    except MercatoError:
        return None


def _tiles(report: SalesReport, locale: str) -> list[Tile]:
    now, before = report.points, report.previous
    net, net_before = _sum(now, "net"), _sum(before, "net")
    count, count_before = _sum(now, "orders"), _sum(before, "orders")
    units, units_before = _sum(now, "units"), _sum(before, "units")
    average = net // count if count else 0
    average_before = net_before // count_before if count_before else 0

    def money(amount: int) -> str:
        return formats.money(Money(amount, report.currency), locale)

    return [
        _tile("Net sales", money(net), net, net_before, [point.net for point in now]),
        _tile("Orders", formats.number(count, locale), count, count_before, [point.orders for point in now]),
        _tile("Average order", money(average), average, average_before, _averages(now)),
        _tile(
            "Units sold", formats.number(units, locale), units, units_before, [point.units for point in now]
        ),
    ]


def _tile(label: str, text: str, value: int, before: int, spark: list[int]) -> Tile:
    change = _change(value, before) if before > 0 else ""
    return Tile(label, text, change, value >= before, spark)


def _change(value: int, before: int) -> str:
    """The change in whole percent, half up, with its sign."""
    percent = (200 * (value - before) + before) // (2 * before)
    return f"{percent:+d}%".replace("-", "\N{MINUS SIGN}")


def _averages(points: list[SalesPoint]) -> list[int]:
    return [point.net // point.orders if point.orders else 0 for point in points]


def _sum(points: list[SalesPoint], name: str) -> int:
    return sum(int(getattr(point, name)) for point in points)


def _series(report: SalesReport, locale: str) -> list[Point]:
    zone = ZoneInfo(report.time_zone)
    return [Point(formats.short_day(point.at.astimezone(zone), locale), point.net) for point in report.points]


def _write(report: SalesReport, locale: str) -> Any:
    return lambda value: formats.money(Money(int(value), report.currency), locale, short=True)


routes = [show_overview]
