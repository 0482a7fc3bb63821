"""Lines that promotions in a row take from, mostly all lines of a cart."""

from collections.abc import Sequence
from operator import sub

from mercato.carts.pricing.model import Discounts, PricedLine
from mercato.contracts.carts import Discount


class Lot:
    """What each of `lines` costs by now. It is written to them once, by `settle`: before that, the lines
    themselves cost what they did when the lot was made."""

    __slots__ = ("_taken", "lines", "totals")

    def __init__(self, lines: Sequence[PricedLine]) -> None:
        self.lines = lines
        self.totals = [priced.total for priced in lines]
        self._taken: list[list[Discount | None]] = []

    def take(self, amounts: Sequence[int], discounts: Discounts) -> None:
        """Take these amounts off the lines, none of which costs less."""
        self.totals = list(map(sub, self.totals, amounts))
        self._taken.append(list(map(discounts.__getitem__, amounts)))

    def settle(self) -> None:
        """Each line costs what is left of it and says what was taken, in the order in which it was."""
        by_line = zip(*self._taken, strict=True) if self._taken else ()
        for priced, total, taken in zip(self.lines, self.totals, by_line, strict=False):
            priced.total = total
            priced.discounts += [discount for discount in taken if discount is not None]
        self._taken = []
