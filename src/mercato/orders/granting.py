"""Granted refunds: what is promised back of an order, by line, and at which tax. Amounts in minor units."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import ChangeAction
from mercato.kernel.money import allocate
from mercato.orders.amending import charge_of, tax_line_for
from mercato.orders.change_rows import ChangePart, ChangeRow, Sums
from mercato.orders.records import LineRow


class GrantLine(msgspec.Struct, frozen=True, gc=False):
    """What is promised back for a line, tax included. `quantity` 0: for none of its units in particular."""

    line_id: UUID
    name: str
    detail: str
    quantity: int
    amount: int
    tax_name: str = ""
    tax_rate: str = "0"


class TaxShare(msgspec.Struct, frozen=True, gc=False):
    """How much of delivery was sold at a rate, tax included; without tax the name is empty."""

    name: str
    rate: str
    amount: int


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """A refund as granted. What neither `lines` nor `delivery` explain is for the order as a whole."""

    id: UUID
    order_id: UUID
    amount: int
    delivery: int = 0
    lines: list[GrantLine] = []
    taxes: list[TaxShare] = []
    """Of `delivery`."""
    reason: str = ""
    granted_at: datetime
    granted_by: str
    change_id: UUID | None = None
    key: str | None = None
    papered_at: datetime | None = None


def grant_of_change(
    change: ChangeRow,
    amount: int,
    lines: Sequence[LineRow],
    sums: Sums,
    *,
    grant_id: UUID,
    at: datetime,
    by: str,
) -> Grant:
    """What a step of a change promises back now: for its goods and for delivery, less what is kept of it.
    A negative `amount` takes promises back, of whatever they were."""
    is_given = amount > 0
    goods = [part for part in change.lines if is_given and part.amount and part.action in _GIVES_BACK]
    delivery = change.delivery_credit if is_given else 0
    worth = [part.amount for part in goods]
    *of_goods, of_delivery = allocate(min(max(0, amount), sum(worth) + delivery), [*worth, delivery])
    rates = {line.id: rate_of(line, sums) for line in lines}
    granted = [
        GrantLine(part.line_id, part.name, detail_of(part), _units(part), share, *rates[part.line_id])
        for part, share in zip(goods, of_goods, strict=True)
        if share
    ]
    return Grant(
        id=grant_id,
        order_id=change.order_id,
        amount=amount,
        delivery=of_delivery,
        lines=granted,
        taxes=delivery_taxes(of_delivery, lines, sums),
        reason=change.reason,
        granted_at=at,
        granted_by=by,
        change_id=change.id,
    )


def delivery_taxes(amount: int, lines: Sequence[LineRow], sums: Sums) -> list[TaxShare]:
    """At which rates delivery was sold, of which `amount` goes back."""
    rates = _delivery_rates(lines, sums)
    shares = allocate(amount, list(rates.values()))
    return [TaxShare(*key, share) for key, share in zip(rates, shares, strict=True) if share]


def rate_of(line: LineRow, sums: Sums) -> tuple[str, str]:
    """Name and rate of the tax in a line; without a name when it bears none."""
    tax = tax_line_for(sums.tax_lines, line.total, line.tax, is_included=sums.tax_included)
    return (tax.name, tax.rate) if tax else ("", "0")


def _delivery_rates(lines: Sequence[LineRow], sums: Sums) -> dict[tuple[str, str], int]:
    """What delivery was sold at, tax included, by rate: what the goods leave of each tax of the order."""
    left = {(tax.name, tax.rate): _gross(tax) for tax in sums.tax_lines}
    left[("", "0")] = left.get(("", "0"), 0) + sums.total - sum(left.values())
    for line in lines:
        key = rate_of(line, sums)
        left[key] = left.get(key, 0) - charge_of(line, tax_included=sums.tax_included)
    kept = {key: amount for key, amount in left.items() if amount > 0}
    return kept or {("", "0"): sums.delivery_price}


def delivery_charge(sums: Sums, lines: Sequence[LineRow]) -> int:
    """What delivery added to the order's total, tax included."""
    return sums.total - sum(charge_of(line, tax_included=sums.tax_included) for line in lines)


_GIVES_BACK = frozenset({ChangeAction.RETURN, ChangeAction.CREDIT})


def _units(part: ChangePart) -> int:
    return part.received or part.quantity


def detail_of(part: ChangePart) -> str:
    """Options and SKU, as they stand below a name on paper."""
    return " · ".join([*part.options.values(), part.sku])


def _gross(tax: TaxLine) -> int:
    return tax.net.amount + tax.tax.amount
