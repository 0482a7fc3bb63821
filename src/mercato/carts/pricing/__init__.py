"""What a cart costs and why: pure, exact to the minor unit, always the same steps in the same order.

list price → line promotions → order promotions, spread over the lines → delivery and its discount → tax per
line → credit. Owns no data and does no I/O: time, rules and prices are arguments. All arithmetic is on
integers; whatever is divided is rounded half-even once.
"""

from mercato.carts.pricing.compiling import compile_rules
from mercato.carts.pricing.listing import price_ladder, tier_for
from mercato.carts.pricing.model import (
    Basket,
    BasketLine,
    Customer,
    Destination,
    Gift,
    KnownCode,
    PricedCart,
    PricedLine,
    PriceRules,
    Tier,
)
from mercato.carts.pricing.steps import price

__all__ = [
    "Basket",
    "BasketLine",
    "Customer",
    "Destination",
    "Gift",
    "KnownCode",
    "PriceRules",
    "PricedCart",
    "PricedLine",
    "Tier",
    "compile_rules",
    "price",
    "price_ladder",
    "tier_for",
]
