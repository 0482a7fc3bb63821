"""Step one: what each line costs before any promotion."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.carts.pricing.model import BasketLine, Customer, KnownRate, PricedLine, Tier, round_half_even
from mercato.carts.pricing.promotions import is_in_window


def units_by_variant(lines: Sequence[BasketLine]) -> dict[UUID, int]:
    """Units that count together for quantity prices."""
    units: dict[UUID, int] = {}
    for line in lines:
        key = line.variant_id or line.id
        units[key] = units.get(key, 0) + line.quantity
    return units


def tier_for(tiers: Sequence[Tier], units: int, customer: Customer, now: datetime) -> Tier | None:
    """The price-list price of a variant for `units` of it; None when the catalog's price stands.

    The list of highest priority wins, then the lowest price; in a list, the largest number of units reached.
    """
    best: dict[UUID, Tier] = {}
    for tier in tiers:
        if tier.min_quantity <= units and _is_open(tier, customer, now):
            found = best.get(tier.price_list.id)
            if found is None or found.min_quantity < tier.min_quantity:
                best[tier.price_list.id] = tier
    return min(best.values(), key=lambda t: (-t.price_list.priority, t.price, t.price_list.id), default=None)


def price_ladder(
    tiers: Sequence[Tier], list_price: int, customer: Customer, now: datetime
) -> list[tuple[int, int]]:
    """(from how many units on, unit price) of a variant for this customer: the first is of one unit, each
    further one differs from the one before."""
    ladder: list[tuple[int, int]] = []
    for units in sorted({1, *(tier.min_quantity for tier in tiers)}):
        tier = tier_for(tiers, units, customer, now)
        price = list_price if tier is None else tier.price
        if not ladder or ladder[-1][1] != price:
            ladder.append((units, price))
    return ladder


def _is_open(tier: Tier, customer: Customer, now: datetime) -> bool:
    rule = tier.price_list
    is_theirs = not rule.groups or not rule.groups.isdisjoint(customer.groups)
    return is_theirs and is_in_window(now, rule.starts_at, rule.ends_at)


def at_list_price(line: BasketLine, price: int) -> PricedLine:
    return PricedLine(line, price, price, price * line.quantity, 0, [])


def without_tax(price: int, rate: KnownRate) -> int:
    """The net of a gross unit price, rounded half-even once."""
    return round_half_even(price * rate.below, rate.below + rate.above)


# The member states of the European Union as VAT numbers name them; Greece's begin with EL.
UNION = frozenset(("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "HR", "HU", "IE"))
UNION |= {"IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"}


def relief_of(customer: Customer, origin: str | None, country: str | None) -> str | None:
    """Why no tax is charged: `exempt` customers anywhere; `reverse_charge` for a business of another member
    state of the European Union that is supplied outside of the shop's own."""
    if customer.is_tax_exempt:
        return "exempt"
    if customer.tax_id is None or origin is None or country is None:
        return None
    states = (_state(origin), _state(country), customer.tax_id[:2])
    is_across = states[1] != states[0] and states[2] != states[0]
    return "reverse_charge" if is_across and UNION.issuperset(states) else None


def _state(country: str) -> str:
    return "EL" if country == "GR" else country
