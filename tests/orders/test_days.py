"""Days of sales begin at midnight of the channel, here Berlin: winter time, summer time, and between them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mercato.kernel import clock
from mercato.orders.actions.report import points_of
from orders.conftest import STAFF, Clock, Till

BERLIN = ZoneInfo("Europe/Berlin")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at(moving_clock: Clock, text: str) -> None:
    """Move the clock to the minute `text` in Berlin, of a day in the future."""
    moving_clock.forward(
        seconds=(datetime.fromisoformat(text).replace(tzinfo=BERLIN) - clock.now()).total_seconds()
    )


async def test_a_sale_before_midnight_of_the_channel_is_of_the_day_before(
    till: Till, moving_clock: Clock
) -> None:
    at(moving_clock, "2030-01-15 23:58")
    late = await till.bought(1)
    at(moving_clock, "2030-01-16 00:02")
    early = await till.bought(2)
    report = await till.orders.sales(STAFF, days=2)
    assert report.time_zone == "Europe/Berlin"
    assert [(p.at, p.orders, p.units, p.gross) for p in report.points] == [
        (utc("2030-01-14 23:00"), 1, 1, 1690),
        (utc("2030-01-15 23:00"), 1, 2, 2890),
    ]
    today = await till.orders.sales(STAFF, days=1)
    assert [(t.product_id, t.units) for t in today.top_products] == [(early.lines[0].product_id, 2)]
    assert [p.gross for p in today.previous] == [1690]
    both = {t.product_id: t.revenue for t in report.top_products}
    assert both == {late.lines[0].product_id: 1200, early.lines[0].product_id: 2400}


async def test_the_day_is_that_of_the_channel_while_it_is_still_the_day_before_in_utc(
    till: Till, moving_clock: Clock
) -> None:
    at(moving_clock, "2030-07-16 01:30")
    await till.bought(1)
    assert clock.now().date().isoformat() == "2030-07-15"
    report = await till.orders.sales(STAFF, days=1)
    assert [(p.at, p.orders) for p in report.points] == [(utc("2030-07-15 22:00"), 1)]


async def test_an_hour_of_sales_is_an_hour_of_the_channels_day(till: Till, moving_clock: Clock) -> None:
    at(moving_clock, "2030-01-15 23:58")
    await till.bought(1)
    hours = await till.orders.sales(STAFF, days=1, interval="hour")
    assert (len(hours.points), len(hours.previous)) == (24, 24)
    assert [(p.at, p.orders) for p in hours.points if p.orders] == [(utc("2030-01-15 22:00"), 1)]


@pytest.mark.parametrize(
    ("now", "hours"), [("2030-03-31 12:00", 23), ("2030-10-27 12:00", 25), ("2030-06-01 12:00", 24)]
)
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(now: str, hours: int) -> None:
    begin, end = points_of(utc(now), BERLIN, days=1, interval="day")
    assert end - begin == timedelta(hours=hours)
    assert len(points_of(utc(now), BERLIN, days=1, interval="hour")) == hours + 1
