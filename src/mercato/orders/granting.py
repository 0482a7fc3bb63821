"""Granted refunds: what is promised back of an order, by line, and at which tax. Amounts in minor units."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.carts import TaxLine
from mercato.contracts.orders import ChangeAction, RefundGrant, RefundLine
from mercato.kernel.errors import Conflict, FieldError, Invalid
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
    intent_id: UUID | None = None
    """The refund that was sent without having been granted before."""
    key: str | None = None
    papered_at: datetime | None = None
    withdraws: UUID | None = None
    """The grant that this one takes back."""

    @property
    def is_by_staff(self) -> bool:
        """Granted for its own sake: it waits until somebody sends it. All others are sent by themselves."""
        return self.key is not None


class LeftOfLine(msgspec.Struct, frozen=True, gc=False):
    """Units and amount of a line for which nothing was promised back yet."""

    quantity: int
    amount: int


class Left(msgspec.Struct, frozen=True):
    """What may still be granted of an order."""

    lines: dict[UUID, LeftOfLine]
    delivery: int
    total: int


def grant_of_change(
    change: ChangeRow,
    amount: int,
    lines: Sequence[LineRow],
    sums: Sums,
    *,
    grant_id: UUID,
    at: datetime,
    by: str,
    taken: Sequence[GrantLine] = (),
) -> Grant:
    """What a step of a change promises back now: for its goods and for delivery, less what is kept of it.
    A negative `amount` takes promises back: of the lines in `taken`, else of whatever they were."""
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
        lines=granted if is_given else list(taken),
        taxes=delivery_taxes(of_delivery, lines, sums),
        reason=change.reason,
        granted_at=at,
        granted_by=by,
        change_id=change.id,
    )


def left_of(lines: Sequence[LineRow], sums: Sums, granted: Sequence[Grant], *, credited: int) -> Left:
    """What is left to be granted, of each line and of delivery, and at most of all together."""
    units: dict[UUID, int] = {}
    worth: dict[UUID, int] = {}
    stands = standing_grants(granted)
    for line in [line for grant in stands for line in grant.lines]:
        units[line.line_id] = units.get(line.line_id, 0) + line.quantity
        worth[line.line_id] = worth.get(line.line_id, 0) + line.amount
    total = max(0, sums.total - credited)

    def rest(line: LineRow) -> LeftOfLine:
        amount = charge_of(line, tax_included=sums.tax_included) - worth.get(line.id, 0)
        return LeftOfLine(max(0, line.quantity - units.get(line.id, 0)), min(max(0, amount), total))

    delivery = _delivery_charge(sums, lines) - sum(grant.delivery for grant in stands)
    return Left({line.id: rest(line) for line in lines}, min(max(0, delivery), total), total)


def standing_grants(granted: Sequence[Grant]) -> list[Grant]:
    """Those that were not withdrawn."""
    withdrawn = {grant.withdraws for grant in granted}
    return [grant for grant in granted if grant.id not in withdrawn]


def grant_of_wish(
    lines: Sequence[LineRow],
    sums: Sums,
    left: Left,
    wish: RefundGrant,
    *,
    order_id: UUID,
    grant_id: UUID,
    key: str,
    at: datetime,
    by: str,
) -> Grant:
    """What staff grants. Raises Invalid for an unknown line, Conflict("refund_too_large")."""
    sold = {line.id: line for line in lines}
    if len({line.line_id for line in wish.lines}) < len(wish.lines):
        raise Invalid("invalid", "Name each line once.")
    for number, line in enumerate(wish.lines):
        if line.line_id not in sold:
            error = FieldError(f"lines.{number}.line_id", "unknown_line", "This order has no such line.")
            raise Invalid("invalid", "Some values are refused.", errors=[error])
    granted = [_granted_line(sold[line.line_id], left.lines[line.line_id], line, sums) for line in wish.lines]
    amount = sum(line.amount for line in granted) + wish.delivery + wish.other
    if amount > left.total or wish.delivery > left.delivery:
        raise too_large(left)
    return Grant(
        id=grant_id,
        order_id=order_id,
        amount=amount,
        delivery=wish.delivery,
        lines=[line for line in granted if line.amount],
        taxes=delivery_taxes(wish.delivery, lines, sums) if wish.delivery else [],
        reason=wish.reason,
        granted_at=at,
        granted_by=by,
        key=key,
    )


def too_large(left: Left) -> Conflict:
    """More is to be granted than is left."""
    lines = {str(line_id): rest.amount for line_id, rest in left.lines.items()}
    data = {"refundable": left.total, "delivery": left.delivery, "lines": lines}
    return Conflict("refund_too_large", "More than is left of the sale.", data=data)


def share_of(left: LeftOfLine, quantity: int) -> int:
    """What so many of the units that are left are worth."""
    return left.amount * min(quantity, left.quantity) // left.quantity if left.quantity else left.amount


def _granted_line(line: LineRow, left: LeftOfLine, wish: RefundLine, sums: Sums) -> GrantLine:
    amount = share_of(left, wish.quantity) if wish.amount is None else wish.amount
    if amount > left.amount or wish.quantity > line.quantity:
        data = {"line_id": str(line.id), "refundable": left.amount, "quantity": line.quantity}
        raise Conflict("refund_too_large", "More than is left of this line.", data=data)
    detail = " · ".join([*line.options.values(), line.sku])
    return GrantLine(line.id, line.name, detail, wish.quantity, amount, *rate_of(line, sums))


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


def _delivery_charge(sums: Sums, lines: Sequence[LineRow]) -> int:
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
