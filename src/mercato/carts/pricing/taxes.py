"""Step five: the tax of every line and of the delivery, each rounded once, and the sums by rate."""

from collections.abc import Sequence
from fractions import Fraction

from mercato.carts.pricing.model import Destination, PricedLine, PriceRules, round_half_even
from mercato.contracts.carts import TaxLine
from mercato.kernel.money import Money

RELIEFS = {"reverse_charge": "Reverse charge", "exempt": "Tax exempt"}


class Taxed:
    """The tax of one class of goods: its rate, and what was taxed so far."""

    __slots__ = ("denominator", "is_included", "name", "net", "numerator", "rate", "tax")

    def __init__(self, name: str, rate: Fraction, is_included: bool) -> None:
        self.name = name
        self.rate = rate
        self.is_included = is_included
        self.numerator = rate.numerator
        self.denominator = rate.denominator + rate.numerator if is_included else rate.denominator
        self.net = 0
        self.tax = 0

    def add(self, amount: int) -> int:
        """The tax in `amount` or on top of it, rounded half-even once."""
        tax = round_half_even(amount * self.numerator, self.denominator)
        self.tax += tax
        self.net += amount - tax if self.is_included else amount
        return tax


def tax_lines_of(
    lines: Sequence[PricedLine],
    delivery: int,
    delivery_class: str,
    *,
    rules: PriceRules,
    destination: Destination,
    is_included: bool,
) -> list[TaxLine]:
    """Set the tax of every line; the sums by rate, also of the delivery, without those of no tax."""
    taxed: dict[str, Taxed] = {}

    def of_class(tax_class: str) -> Taxed:
        found = taxed.get(tax_class)
        if found is None:
            found = taxed[tax_class] = Taxed(*rules.tax_of(destination, tax_class), is_included)
        return found

    for priced in lines:
        priced.tax = of_class(priced.line.tax_class).add(priced.total)
    if delivery:
        of_class(delivery_class).add(delivery)
    sums: dict[tuple[str, Fraction], tuple[int, int]] = {}
    for one in taxed.values():
        net, tax = sums.get((one.name, one.rate), (0, 0))
        sums[one.name, one.rate] = (net + one.net, tax + one.tax)
    return [
        TaxLine(name, decimal_text(rate), Money(net, rules.currency), Money(tax, rules.currency))
        for (name, rate), (net, tax) in sorted(sums.items())
        if rate
    ]


def relieved(lines: Sequence[PricedLine], delivery: int, relief: str, currency: str) -> list[TaxLine]:
    """One line that says that no tax is due and why: invoices must name it."""
    net = sum(priced.total for priced in lines) + delivery
    return [TaxLine(RELIEFS[relief], "0", Money(net, currency), Money(0, currency))] if net else []


def decimal_text(rate: Fraction) -> str:
    """A tax rate as it is written, "0.19"; rates come from decimal texts, so this is exact."""
    digits, scaled = 0, rate
    while scaled.denominator != 1:
        digits, scaled = digits + 1, scaled * 10
    text = str(scaled.numerator).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}" if digits else text
