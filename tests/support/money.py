"""Amounts as tests write them."""

from mercato.kernel.money import Money


def eur(amount: int) -> Money:
    """So many cents."""
    return Money(amount, "EUR")
