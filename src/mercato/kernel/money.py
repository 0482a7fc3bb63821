"""Money: an integer of minor units and an ISO 4217 code. No float ever; sums match to the unit."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache
from typing import Annotated, Self

import msgspec
from babel.numbers import format_currency, get_currency_precision

Amount = Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
"""Far more than anything costs, and exact as a number of JSON."""
CurrencyCode = Annotated[str, msgspec.Meta(min_length=3, max_length=3)]


class Money(msgspec.Struct, frozen=True, gc=False, order=False):
    """An amount in minor units (cents, yen, fils) of one currency."""

    amount: Amount
    currency: CurrencyCode

    @classmethod
    def zero(cls, currency: str) -> Self:
        return cls(0, currency)

    def __add__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount + other.amount, self.currency)

    def __sub__(self, other: "Money") -> "Money":
        self._same_currency(other)
        return Money(self.amount - other.amount, self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __mul__(self, quantity: int) -> "Money":
        return Money(self.amount * quantity, self.currency)

    def __bool__(self) -> bool:
        return self.amount != 0

    def _same_currency(self, other: "Money") -> None:
        if self.currency != other.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")


def total_of(amounts: Iterable[Money], currency: str) -> Money:
    """The sum of `amounts`, all of `currency`; zero when there are none."""
    total = Money.zero(currency)
    for amount in amounts:
        total = total + amount
    return total


@cache
def exponent(currency: str) -> int:
    """How many decimals the currency has: EUR 2, JPY 0, KWD 3 (Unicode CLDR)."""
    return get_currency_precision(currency)


def from_decimal(value: Decimal, currency: str) -> Money:
    """`value` major units as money, rounded half-even to the currency's minor unit."""
    scaled = value.scaleb(exponent(currency)).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    return Money(int(scaled), currency)


def to_decimal(money: Money) -> Decimal:
    """`money` in major units, exact."""
    return Decimal(money.amount).scaleb(-exponent(money.currency))


def multiply(amount: int, rate: Decimal) -> int:
    """`amount` minor units times `rate` (0.19 is 19 %), rounded half-even once."""
    return int((Decimal(amount) * rate).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount` minor units in proportion to `weights`, so that the parts sum exactly to it.

    Largest remainder first, then the order of the weights. Weights are not negative; when all are zero
    the first part takes everything. Raises ValueError for a negative weight or no weight at all.
    """
    if not weights or min(weights) < 0:
        raise ValueError("weights must be present and not negative")
    whole = sum(weights)
    if whole == 0 or len(weights) == 1:
        return [amount] + [0] * (len(weights) - 1)
    size = abs(amount)
    parts = [size * weight // whole for weight in weights]
    left = size - sum(parts)
    if left:
        lacking = [size * weight % whole for weight in weights]
        # Sorting keeps the order of the weights among equals, also when it is reversed.
        for index in sorted(range(len(parts)), key=lacking.__getitem__, reverse=True)[:left]:
            parts[index] += 1
    return parts if amount >= 0 else [-part for part in parts]


def format_money(money: Money, locale: str) -> str:
    """`money` as people of `locale` write it, for example €24.00 or 24,00 €."""
    return format_currency(to_decimal(money), money.currency, locale=locale)
