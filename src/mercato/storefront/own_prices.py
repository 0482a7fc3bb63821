"""What price lists make of a product for the one who looks at it. No I/O."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from mercato.contracts.carts import VariantPrices
from mercato.contracts.catalog import Product, Variant
from mercato.kernel.money import Money

OwnPrices = Mapping[UUID, VariantPrices]


class Rung(msgspec.Struct, frozen=True):
    """The unit price from `least` units to `most`, None without end; `saved` percent less than for one."""

    least: int
    most: int | None
    price: Money
    saved: int


def at_own_prices(product: Product, own: OwnPrices) -> Product:
    """The product with each variant at the price that one unit costs this shopper."""
    if not own:
        return product
    return msgspec.structs.replace(product, variants=[at_own_price(each, own) for each in product.variants])


def at_own_price(variant: Variant, own: OwnPrices) -> Variant:
    """The variant at the shopper's price; a former price that is not higher is left out."""
    if variant.id not in own:
        return variant
    price, former = own[variant.id].prices[0].price, variant.compare_at_price
    keeps = former is not None and former.amount > price.amount
    return msgspec.structs.replace(variant, price=price, compare_at_price=former if keeps else None)


def public_price(variant: Variant, own: OwnPrices) -> Money | None:
    """What others pay for one unit, when this shopper pays less."""
    found = own.get(variant.id)
    return found.public_price if found and found.prices[0].price.amount < found.public_price.amount else None


def ladder_of(found: VariantPrices | None) -> list[Rung]:
    """The prices by quantity, smallest first; empty when the quantity does not matter."""
    if found is None or len(found.prices) < 2:
        return []
    one = found.prices[0].price.amount
    ends = [each.min_quantity - 1 for each in found.prices[1:]]
    return [
        Rung(each.min_quantity, most, each.price, (one - each.price.amount) * 100 // one if one else 0)
        for each, most in zip(found.prices, [*ends, None], strict=True)
    ]
