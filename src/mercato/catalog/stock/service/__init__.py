"""The stock contract, implemented by its parts."""

from mercato.catalog.stock.service.counting import Counting
from mercato.catalog.stock.service.housing import Housing
from mercato.catalog.stock.service.keeping import Keeping
from mercato.catalog.stock.service.promising import Promising

__all__ = ["StockService"]


class StockService(Promising, Housing, Keeping, Counting):
    """Implements the contract `Stock`."""
