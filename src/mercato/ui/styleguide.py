"""The living style guide `/_styleguide`: every component with its states, in development only."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get

from mercato.kernel.money import Money
from mercato.kernel.web import PUBLIC
from mercato.ui.charts import Bar, Point
from mercato.ui.rendering import page
from mercato.ui.shell import Link, ShopShell


class SampleRating(msgspec.Struct, frozen=True):
    """A rating as cards show it."""

    average: float
    count: int


class SampleCard(msgspec.Struct, frozen=True):
    """A product as cards show it, without a picture."""

    name: str
    price: Money
    price_max: Money
    slug: str = "sample"
    maker: str = "Maker"
    compare_at_price: Money | None = None
    image: None = None
    availability: str = "in_stock"
    rating: SampleRating | None = None
    swatches: tuple[str, ...] = ()
    is_new: bool = False
    single_variant_id: UUID | None = None


class SampleValue(msgspec.Struct, frozen=True):
    """A value of a sample facet."""

    value: str
    label: str
    count: int
    is_selected: bool = False
    swatch: str | None = None


class SampleFacet(msgspec.Struct, frozen=True):
    """A sample facet."""

    code: str
    label: str
    values: tuple[SampleValue, ...]


class SampleError(msgspec.Struct, frozen=True):
    """An error of a sample form."""

    field: str
    message: str


def _euro(amount: int) -> Money:
    return Money(amount, "EUR")


CARDS = (
    SampleCard(
        "Normal, with colors",
        _euro(2400),
        _euro(2400),
        rating=SampleRating(4.7, 212),
        swatches=("#a8b39b", "#d8c6a3", "#2d3542"),
    ),
    SampleCard(
        "Reduced", _euro(18900), _euro(18900), compare_at_price=_euro(21900), rating=SampleRating(4.5, 17)
    ),
    SampleCard("New, several prices", _euro(1200), _euro(4400), is_new=True, single_variant_id=UUID(int=1)),
    SampleCard("Few left", _euro(6800), _euro(6800), availability="low"),
    SampleCard("Sold out", _euro(7900), _euro(7900), availability="out", rating=SampleRating(3.2, 4)),
)
FACETS = (
    SampleFacet(
        "category",
        "Category",
        tuple(SampleValue(f"c{n}", f"Value {n}", 30 - 3 * n, n == 1) for n in range(11)),
    ),
    SampleFacet(
        "color",
        "Color",
        (SampleValue("sage", "Sage", 14, True, "#a8b39b"), SampleValue("ink", "Ink", 9, False, "#2d3542")),
    ),
)
SERIES = tuple(Point(f"{n + 1} Nov", 1000 + (n * 577) % 1900 + n * 40) for n in range(14))
BEFORE = tuple(900 + (n * 431) % 1500 for n in range(14))
BARS = tuple(
    Bar(day, count, f"{count} orders")
    for day, count in zip(
        ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"), (12, 9, 14, 11, 19, 25, 17), strict=True
    )
)
SHELL = ShopShell(
    name="Style guide",
    tagline="Every component with its states.",
    navigation=tuple(
        Link(name, f"#{name.lower()}") for name in ("Buttons", "Fields", "Cards", "Feedback", "Data")
    ),
    footer=(),
    search_hint="Search",
    cart_count=2,
)


@get("/_styleguide", permission=PUBLIC, include_in_schema=False)
async def styleguide(request: Request[Any, Any, Any]) -> Response[str]:
    """Every component, in the colors of the visitor's theme."""
    context = {
        "shell": SHELL,
        "cards": CARDS,
        "facets": FACETS,
        "series": SERIES,
        "before": BEFORE,
        "bar_values": BARS,
        "errors": (SampleError("sg-bad", "Enter an e-mail address such as name@example.com"),),
        "now": datetime(2026, 11, 22, 9, 14, tzinfo=UTC),
        "euro": _euro,
        "zero": _euro(0),
    }
    return page(request, "styleguide.html", context)
