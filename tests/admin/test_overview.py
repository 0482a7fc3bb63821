"""The key figures of the overview: sums, averages, and changes against the period before."""

from datetime import UTC, datetime

from mercato.admin.pages.overview import Tile, _tiles
from mercato.contracts.orders import SalesPoint, SalesReport

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def day(orders: int, units: int, net: int) -> SalesPoint:
    return SalesPoint(NOW, orders, units, net, 0, net)


def test_tiles_compare_with_the_period_before() -> None:
    report = SalesReport("EUR", [day(2, 5, 9000), day(1, 1, 3000)], [day(2, 4, 8000), day(2, 8, 4000)], [])
    assert _tiles(report, "en") == [
        Tile("Net sales", "€120.00", "+0%", True, [9000, 3000]),
        Tile("Orders", "3", "\N{MINUS SIGN}25%", False, [2, 1]),
        Tile("Average order", "€40.00", "+33%", True, [4500, 3000]),
        Tile("Units sold", "6", "\N{MINUS SIGN}50%", False, [5, 1]),
    ]


def test_a_first_period_has_nothing_to_compare_with() -> None:
    report = SalesReport("EUR", [day(0, 0, 0), day(1, 1, -500)], [day(0, 0, 0), day(0, 0, 0)], [])
    assert [(tile.value, tile.delta) for tile in _tiles(report, "en")] == [
        ("-€5.00", ""),
        ("1", ""),
        ("-€5.00", ""),
        ("1", ""),
    ]
