"""The contract of stock, made of its parts."""

from typing import Protocol

from mercato.contracts.stock.goods import Goods
from mercato.contracts.stock.levels import Levels
from mercato.contracts.stock.locations import Locations
from mercato.contracts.stock.promises import Promises


class Stock(Promises, Locations, Levels, Goods, Protocol):
    """The stock service. A hold belongs to an owner (the cart id); holding twice is one hold."""
