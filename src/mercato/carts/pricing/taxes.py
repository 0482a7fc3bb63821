"""Step five: the tax of every line and of the delivery, each rounded once, and the sums by rate."""

from collections.abc import Sequence

from mercato.carts.pricing.model import Destination, KnownRate, PricedLine, PriceRules, round_half_even
from mercato.contracts.carts import TaxLine
from mercato.kernel.money import Money

RELIEFS = {"reverse_charge": "Reverse charge", "exempt": "Tax exempt"}


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
    by_class: dict[str, list[PricedLine]] = {}
    for priced in lines:
        by_class.setdefault(priced.line.tax_class, []).append(priced)
    if delivery:
        by_class.setdefault(delivery_class, [])
    sums: dict[KnownRate, tuple[int, int]] = {}
    for tax_class, taxed in by_class.items():
        rate = rules.tax_of(destination, tax_class)
        amounts = [priced.total for priced in taxed]
        if delivery and tax_class == delivery_class:
            amounts.append(delivery)
        taxes = taxes_of(amounts, rate, is_included=is_included)
        for priced, tax in zip(taxed, taxes, strict=False):  # that of the delivery comes last
            priced.tax = tax
        net, whole = sums.get(rate, (0, 0))
        tax = sum(taxes)
        sums[rate] = (net + sum(amounts) - (tax if is_included else 0), whole + tax)
    return [
        TaxLine(rate.name, rate.text, Money(net, rules.currency), Money(tax, rules.currency))
        for rate, (net, tax) in sorted(sums.items())
        if rate.above
    ]


def taxes_of(amounts: Sequence[int], rate: KnownRate, *, is_included: bool) -> list[int]:
    """The tax in each amount, or on top of it, rounded half-even once."""
    above = rate.above
    below = rate.below + above if is_included else rate.below
    return [round_half_even(amount * above, below) for amount in amounts]


def relieved(lines: Sequence[PricedLine], delivery: int, relief: str, currency: str) -> list[TaxLine]:
    """One line that says that no tax is due and why: invoices must name it."""
    net = sum(priced.total for priced in lines) + delivery
    return [TaxLine(RELIEFS[relief], "0", Money(net, currency), Money(0, currency))] if net else []
