"""What of a line was promised back before: whatever happens to its units next, each is paid back once."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from mercato.contracts.orders import ChangeAction, ChangeKind
from mercato.kernel.money import allocate
from mercato.orders.amending import charge_of, units_back, value_of
from mercato.orders.change_rows import ChangePart, ChangeRow
from mercato.orders.granting import Grant, GrantLine, detail_of, standing_grants
from mercato.orders.records import LineRow

_GIVES_BACK = frozenset({ChangeAction.RETURN, ChangeAction.CREDIT})


class Promises(msgspec.Struct, frozen=True):
    """The grants and changes of an order. Amounts in minor units, tax included."""

    granted: Sequence[Grant]
    changes: Sequence[ChangeRow]
    tax_included: bool

    def settled(self, line_id: UUID, *, but: UUID | None = None) -> int:
        """Units of the line that came back, are coming back or were refunded, by all changes `but` one."""
        return sum(units_back(one.lines, one.status).get(line_id, 0) for one in self._others(but))

    def by_staff(self, line: LineRow, *, but: UUID | None = None) -> int:
        """What staff promised back of the line that no return, claim or edit has counted yet."""
        goods = {one.id for one in self.changes if one.kind is not ChangeKind.EDIT}
        mine = [grant for grant in standing_grants(self.granted) if grant.change_id not in goods]
        promised = sum(part.amount for grant in mine for part in grant.lines if part.line_id == line.id)
        already = min(self.settled(line.id, but=but), line.quantity)
        paid = sum(_amount(one, line.id) for one in self._others(but))
        counted = value_of(line, already, already=0, tax_included=self.tax_included) - paid
        return max(0, promised - max(0, counted))

    def worth(self, line: LineRow, quantity: int, *, but: UUID | None = None) -> int:
        """What so many units give back when they return or are refunded now: their share of what the line
        cost. What staff has promised of the line counts first, so that no unit is paid back twice."""
        already = min(self.settled(line.id, but=but), line.quantity - quantity)
        value = value_of(line, quantity, already=already, tax_included=self.tax_included)
        others = [grant for grant in standing_grants(self.granted) if but is None or grant.change_id != but]
        promised = sum(part.amount for grant in others for part in grant.lines if part.line_id == line.id)
        left = charge_of(line, tax_included=self.tax_included) - promised
        return max(0, min(value - self.by_staff(line, but=but), left))

    def taken_off(self, lines: Sequence[LineRow], parts: Sequence[ChangePart]) -> list[GrantLine]:
        """What was promised back for units that an edit takes off, and is not owed beside their price: with
        amounts below nothing."""
        known = {line.id: line for line in lines}
        gone = [part for part in parts if part.action is ChangeAction.REMOVE and part.line_id in known]
        found = [(part, min(part.amount, self.by_staff(known[part.line_id]))) for part in gone]
        return [
            GrantLine(part.line_id, part.name, detail_of(part), -part.quantity, -amount)
            for part, amount in found
            if amount
        ]

    def _others(self, but: UUID | None) -> list[ChangeRow]:
        return [one for one in self.changes if one.id != but]


def taken_back(change_id: UUID, granted: Sequence[Grant], amount: int) -> list[GrantLine]:
    """The lines of a grant over `amount`, which is below nothing, that takes back what a change has promised:
    of each line its share, with amounts below nothing."""
    sums: dict[UUID, GrantLine] = {}
    for line in [line for grant in granted if grant.change_id == change_id for line in grant.lines]:
        old = sums.get(line.line_id)
        sums[line.line_id] = line if old is None else _plus(old, line)
    lines = [line for line in sums.values() if line.amount > 0]
    if not lines:
        return []
    whole = sum(line.amount for line in lines)
    shares = allocate(min(-amount, whole), [line.amount for line in lines])
    return [
        msgspec.structs.replace(line, amount=-share, quantity=-line.quantity if share == line.amount else 0)
        for line, share in zip(lines, shares, strict=True)
        if share
    ]


def _plus(one: GrantLine, other: GrantLine) -> GrantLine:
    return msgspec.structs.replace(
        one, amount=one.amount + other.amount, quantity=one.quantity + other.quantity
    )


def _amount(change: ChangeRow, line_id: UUID) -> int:
    """What the change gives back for units of the line that are settled by it."""
    if not units_back(change.lines, change.status).get(line_id):
        return 0
    return sum(part.amount for part in change.lines if part.line_id == line_id and part.action in _GIVES_BACK)
