"""What price lists make of a product page."""

from uuid import UUID

from mercato.contracts.carts import QuantityPrice, VariantPrices
from mercato.contracts.catalog import Variant
from mercato.contracts.stock import Availability
from mercato.storefront.own_prices import Rung, at_own_price, ladder_of, public_price
from support.money import eur

MUG = UUID(int=1)


def listed(public: int, *prices: tuple[int, int]) -> VariantPrices:
    return VariantPrices(MUG, eur(public), [QuantityPrice(units, eur(price)) for units, price in prices])


def mug(price: int, was: int | None) -> Variant:
    return Variant(
        id=MUG, sku="MUG", options={}, price=eur(price), compare_at_price=None if was is None else eur(was),
        lowest_price_30d=None, availability=Availability.IN_STOCK, images=[],
    )  # fmt: skip


def test_each_rung_ends_where_the_next_begins_and_says_what_it_saves() -> None:
    assert ladder_of(listed(1000, (1, 1000), (6, 900), (12, 799))) == [
        Rung(1, 5, eur(1000), 0),
        Rung(6, 11, eur(900), 10),
        Rung(12, None, eur(799), 20),
    ]


def test_a_quantity_that_does_not_matter_gives_no_table() -> None:
    assert ladder_of(listed(1000, (1, 880))) == ladder_of(None) == []
    assert [rung.saved for rung in ladder_of(listed(0, (1, 0), (5, 10)))] == [0, 0]


def test_a_member_sees_the_own_price_and_what_others_pay() -> None:
    own = {MUG: listed(1000, (1, 880))}
    seen = at_own_price(mug(1000, 1200), own)
    assert (seen.price, seen.compare_at_price, public_price(seen, own)) == (eur(880), eur(1200), eur(1000))


def test_a_price_for_everybody_is_not_called_an_own_one_and_drops_a_former_price_below_it() -> None:
    own = {MUG: listed(1300, (1, 1300))}
    seen = at_own_price(mug(1000, 1200), own)
    assert (seen.price, seen.compare_at_price, public_price(seen, own)) == (eur(1300), None, None)
    assert at_own_price(mug(1000, 1200), {}) == mug(1000, 1200)
