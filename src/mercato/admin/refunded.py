"""What of an order was paid back before: whoever ships the rest, or takes goods back, wants to know."""

from collections.abc import Sequence
from uuid import UUID

from mercato.contracts.orders import ChangeKind, GrantedRefund, OrderChange
from mercato.kernel.money import Money


def refunded_units(refunds: Sequence[GrantedRefund], changes: Sequence[OrderChange]) -> dict[UUID, int]:
    """Units per line that staff has refunded, less those that an edit has taken off since; lines with none
    are left out."""
    goods = {change.id for change in changes if change.kind is not ChangeKind.EDIT}
    stands = [one for one in refunds if one.withdrawn_at is None and one.withdraws is None]
    units: dict[UUID, int] = {}
    for line in [line for one in stands if one.change_id not in goods for line in one.lines]:
        units[line.line_id] = units.get(line.line_id, 0) + line.quantity
    return {line_id: count for line_id, count in units.items() if count > 0}


def unnamed_amount(refunds: Sequence[GrantedRefund], currency: str) -> Money:
    """What went back, or is to, for no line and not for delivery: nobody can tell for which goods."""
    withdrawn = {one.withdraws for one in refunds}
    stands = [one for one in refunds if one.id not in withdrawn and one.withdraws is None]
    named = [line.amount.amount for one in stands if one.amount.amount > 0 for line in one.lines]
    named += [one.delivery.amount for one in stands]
    total = sum(one.amount.amount for one in stands if one.amount.amount > 0)
    return Money(max(0, total - sum(named)), currency)
