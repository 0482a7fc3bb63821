"""Which units of an order were paid back although nothing came back: whoever ships the rest wants to know."""

from collections.abc import Sequence
from uuid import UUID

from mercato.contracts.orders import ChangeKind, GrantedRefund, OrderChange


def refunded_units(refunds: Sequence[GrantedRefund], changes: Sequence[OrderChange]) -> dict[UUID, int]:
    """Units per line that staff has refunded, less those that an edit has taken off since; lines with none
    are left out."""
    goods = {change.id for change in changes if change.kind is not ChangeKind.EDIT}
    stands = [one for one in refunds if one.withdrawn_at is None and one.withdraws is None]
    units: dict[UUID, int] = {}
    for line in [line for one in stands if one.change_id not in goods for line in one.lines]:
        units[line.line_id] = units.get(line.line_id, 0) + line.quantity
    return {line_id: count for line_id, count in units.items() if count > 0}
