"""The address of a list is its state: read leniently, written tidily."""

import pytest

from mercato.contracts.catalog import Facet, FacetValue, ProductList, ProductSort
from mercato.storefront import listing
from mercato.storefront.listing import Asked


def test_reads_filters_and_ignores_nonsense() -> None:
    fields = [
        ("colour", "sage"),
        ("colour", "ink"),
        ("colour", "sage"),
        ("price_min", "10,50"),
        ("price_max", "-3"),
        ("in_stock", "1"),
        ("sort", "price"),
        ("page", "2"),
        ("utm_source", "mail"),
        ("Bad Code", "x"),
        ("size", " "),
    ]
    asked = listing.read("/c/tableware", fields)
    assert asked == Asked(
        path="/c/tableware",
        price_min="10.50",
        in_stock=True,
        sort=ProductSort.PRICE,
        page=2,
        attributes={"colour": ("sage", "ink")},
    )


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "１", "9999999999"])
def test_an_impossible_page_is_the_first(page: str) -> None:
    assert listing.read("/search", [("page", page)]).page == 1


@pytest.mark.parametrize("price", ["NaN", "Infinity", "1e400", "1e9", "--1", "abc", "12345678901234"])
def test_an_impossible_price_is_no_filter(price: str) -> None:
    assert listing.read("/search", [("price_min", price)]).price_min == ""


def test_an_unknown_sort_is_left_out() -> None:
    assert listing.read("/search", [("sort", "cheapest")]).sort is None


def test_the_address_is_tidy_and_reads_back_as_the_same_state() -> None:
    asked = Asked(
        path="/search", q="lamp & co", attributes={"style": ("a",), "colour": ("ink", "sage")}, on_sale=True
    )
    url = asked.url(page=3)
    assert url == "/search?q=lamp+%26+co&colour=ink&colour=sage&style=a&on_sale=1&page=3"
    assert Asked(path="/search").url() == "/search"


def test_taking_a_filter_out_keeps_the_others_and_starts_at_page_one() -> None:
    asked = Asked(path="/search", page=4, attributes={"colour": ("ink", "sage")}, price_max="50")
    assert asked.without("colour", "ink") == Asked(
        path="/search", attributes={"colour": ("sage",)}, price_max="50"
    )
    assert asked.without("price_max", "") == Asked(path="/search", attributes={"colour": ("ink", "sage")})
    assert asked.without("colour", "ink").without("colour", "sage").attributes == {}


def test_prices_are_asked_for_in_minor_units_of_the_currency() -> None:
    asked = Asked(path="/search", price_min="10.5", price_max="99")
    euro = listing.query_of(asked, "EUR", category=None, collection=None)
    yen = listing.query_of(asked, "JPY", category=None, collection=None)
    assert (euro.price_min, euro.price_max) == (1050, 9900)
    assert (yen.price_min, yen.price_max) == (10, 99)


def test_filters_in_force_are_named_by_their_labels() -> None:
    facet = Facet("colour", "Color", [FacetValue("sage", "Sage green", 4, True)])
    asked = Asked(path="/search", attributes={"colour": ("sage",)}, price_max="50", in_stock=True)
    shown = listing.applied(asked, [facet], "EUR", "en")
    assert [(each.text, each.url) for each in shown] == [
        ("Sage green", "/search?price_max=50&in_stock=1"),
        ("up to €50", "/search?colour=sage&in_stock=1"),
        ("In stock", "/search?colour=sage&price_max=50"),
    ]


@pytest.mark.parametrize(
    ("current", "last", "shown"),
    [(1, 1, [1]), (1, 3, [1, 2, 3]), (5, 9, [1, 2, 0, 4, 5, 6, 0, 8, 9]), (9, 9, [1, 2, 0, 8, 9])],
)
def test_page_links_show_the_ends_and_the_neighbors(current: int, last: int, shown: list[int]) -> None:
    assert listing.page_numbers(current, last) == shown


def test_an_empty_list_has_one_page() -> None:
    assert listing.last_page(ProductList([], 0)) == 1
    assert listing.last_page(ProductList([], 25)) == 2
