"""What a change does to an order: pure sums over its lines, in minor units of the order's currency."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

import msgspec

from mercato.contracts.carts import Discount, TaxLine
from mercato.contracts.orders import ChangeAction, ChangeKind, ChangeStatus, ReturnStatus
from mercato.kernel.errors import Conflict
from mercato.kernel.money import Money, multiply
from mercato.orders.change_rows import Amended, ChangePart, Sums
from mercato.orders.records import LineRow

_BEFORE_RECEIPT = frozenset({ChangeStatus.APPROVED, ChangeStatus.CANCELED})
_AFTER_RECEIPT: dict[ChangeStatus, frozenset[ChangeStatus]] = {
    ChangeStatus.RECEIVED: frozenset({ChangeStatus.REFUNDED}),
    ChangeStatus.REFUNDED: frozenset(),
    ChangeStatus.CANCELED: frozenset(),
}

EDIT_MOVES: dict[ChangeStatus, frozenset[ChangeStatus]] = {
    ChangeStatus.DRAFT: frozenset({ChangeStatus.CONFIRMED, ChangeStatus.CANCELED}),
    ChangeStatus.CONFIRMED: frozenset(),
    ChangeStatus.CANCELED: frozenset(),
}
"""Edits and claims: previewed, then true."""

RETURN_MOVES: dict[ChangeStatus, frozenset[ChangeStatus]] = {
    ChangeStatus.DRAFT: _BEFORE_RECEIPT,
    ChangeStatus.REQUESTED: _BEFORE_RECEIPT,
    ChangeStatus.APPROVED: frozenset({ChangeStatus.RECEIVED, ChangeStatus.CANCELED}),
    **_AFTER_RECEIPT,
}
"""Returns: a buyer's begins as requested, one of staff as a draft."""

EXCHANGE_MOVES: dict[ChangeStatus, frozenset[ChangeStatus]] = {
    ChangeStatus.DRAFT: _BEFORE_RECEIPT,
    ChangeStatus.APPROVED: frozenset({ChangeStatus.RECEIVED, ChangeStatus.CANCELED}),
    **_AFTER_RECEIPT,
}
"""Exchanges: from approved on, the new goods belong to the order. Canceled after that, nothing came back:
what was credited for it is owed again."""

CHANGE_MOVES: dict[ChangeKind, dict[ChangeStatus, frozenset[ChangeStatus]]] = {
    ChangeKind.EDIT: EDIT_MOVES,
    ChangeKind.CLAIM: EDIT_MOVES,
    ChangeKind.RETURN: RETURN_MOVES,
    ChangeKind.EXCHANGE: EXCHANGE_MOVES,
}

IS_COMING_BACK = frozenset({ChangeStatus.REQUESTED, ChangeStatus.APPROVED})
IS_BACK = frozenset({ChangeStatus.RECEIVED, ChangeStatus.REFUNDED})


def move_change(kind: ChangeKind, status: ChangeStatus, to: ChangeStatus) -> ChangeStatus:
    """The status after the move. Raises Conflict("illegal_transition") when the table does not allow it."""
    if to not in CHANGE_MOVES[kind].get(status, frozenset()):
        detail = f"What is {status} cannot become {to}."
        raise Conflict("illegal_transition", detail, data={"status": status, "to": to})
    return to


def amend(lines: Sequence[LineRow], sums: Sums, parts: Sequence[ChangePart]) -> Amended:
    """The order with units added and taken off."""
    after: dict[UUID, LineRow] = {line.id: line for line in lines}
    taxes = list(sums.tax_lines)
    for part in parts:
        before = after.get(part.line_id)
        position = max((line.position for line in after.values()), default=-1) + 1
        changed = _changed(before, part, position=position)
        if changed is None:
            after.pop(part.line_id, None)
        elif changed is not before:
            after[part.line_id] = changed
        taxes = _follow_tax(taxes, before, changed, part, sums)
    return Amended(list(after.values()), _sums_of(lines, list(after.values()), sums, taxes))


def with_taxes(lines: Sequence[LineRow], sums: Sums, parts: Sequence[ChangePart]) -> list[ChangePart]:
    """The parts with the tax that each adds to the order or takes off it."""
    found = []
    before = Amended(list(lines), sums)
    for part in parts:
        after_it = amend(before.lines, before.sums, [part])
        found.append(_taxed(part, before, after_it))
        before = after_it
    return found


def reduced(line: LineRow, quantity: int) -> LineRow | None:
    """The line with so many units fewer; None when none is left. What is taken off is rounded down."""
    if quantity >= line.quantity:
        return None
    discounts = [_reduced_discount(one, quantity, line.quantity) for one in line.discounts]
    return msgspec.structs.replace(
        line,
        quantity=line.quantity - quantity,
        total=line.total - line.total * quantity // line.quantity,
        tax=line.tax - line.tax * quantity // line.quantity,
        discounts=[one for one in discounts if one.amount],
    )


def raised(line: LineRow, quantity: int) -> LineRow:
    """The line with so many units more, at the price of the ones that were sold."""
    added = line.unit_price * quantity
    tax = multiply(added, Decimal(line.tax) / line.total) if line.total else 0
    return msgspec.structs.replace(
        line, quantity=line.quantity + quantity, total=line.total + added, tax=line.tax + tax
    )


def value_of(line: LineRow, quantity: int, *, already: int, tax_included: bool) -> int:
    """What so many units of a sold line are worth, tax included, when `already` have come back before: over
    all returns of a line the parts sum exactly to what it cost."""
    whole = line.total + (0 if tax_included else line.tax)
    return whole * (already + quantity) // line.quantity - whole * already // line.quantity


def charge_of(line: LineRow, *, tax_included: bool) -> int:
    """What the line adds to the order's total."""
    return line.total + (0 if tax_included else line.tax)


def tax_line_for(lines: Sequence[TaxLine], total: int, tax: int, *, is_included: bool) -> TaxLine | None:
    """The tax of an order by which a line was taxed: the one whose rate explains its amounts best."""
    if tax == 0:
        # Reverse charge and rates of zero: their row says what was sold so.
        return next((one for one in lines if total and Decimal(one.rate) == 0), None)
    if not lines:
        return None
    return min(lines, key=lambda one: abs(_tax_at(Decimal(one.rate), total, is_included) - tax))


def units_back(parts: Sequence[ChangePart], status: ChangeStatus) -> dict[UUID, int]:
    """Units per line that a return claims or has brought back, and units that were refunded without."""
    found: dict[UUID, int] = {}
    for part in parts:
        if part.action is ChangeAction.RETURN:
            units = part.received if status in IS_BACK else part.quantity if status in IS_COMING_BACK else 0
        else:
            is_credited = part.action is ChangeAction.CREDIT and status is ChangeStatus.CONFIRMED
            units = part.quantity if is_credited else 0
        if units:
            found[part.line_id] = found.get(part.line_id, 0) + units
    return found


def return_status(lines: Sequence[LineRow], coming: int, back: Mapping[UUID, int]) -> ReturnStatus:
    """What the returns of an order mean: `coming` units are asked for or on their way, `back` are here."""
    arrived = sum(back.values())
    if arrived == 0:
        return ReturnStatus.REQUESTED if coming else ReturnStatus.NONE
    is_all = all(back.get(line.id, 0) >= line.quantity for line in lines)
    return ReturnStatus.RETURNED if is_all else ReturnStatus.PARTIAL


def _taxed(part: ChangePart, before: Amended, after_it: Amended) -> ChangePart:
    known = {(one.name, one.rate): one for one in before.sums.tax_lines}
    price = next((one.list_price for one in after_it.lines + before.lines if one.id == part.line_id), 0)
    part = msgspec.structs.replace(part, list_price=price)
    for one in after_it.sums.tax_lines:
        old = known.get((one.name, one.rate))
        net = one.net.amount - (old.net.amount if old else 0)
        tax = one.tax.amount - (old.tax.amount if old else 0)
        if net or tax:
            return msgspec.structs.replace(part, tax_name=one.name, tax_rate=one.rate, tax=abs(tax))
    return msgspec.structs.replace(part, tax_name="", tax_rate="", tax=0)


def _changed(line: LineRow | None, part: ChangePart, *, position: int) -> LineRow | None:
    if part.action is ChangeAction.ADD:
        if part.new is not None:
            return msgspec.structs.replace(part.new, position=position)
        return None if line is None else raised(line, part.quantity)
    if part.action is ChangeAction.REMOVE:
        return None if line is None else reduced(line, part.quantity)
    return line


def _follow_tax(
    taxes: list[TaxLine],
    before: LineRow | None,
    after: LineRow | None,
    part: ChangePart,
    sums: Sums,
) -> list[TaxLine]:
    """The order's taxes when one line has changed."""
    is_included, currency = sums.tax_included, sums.currency
    grown_total = (after.total if after else 0) - (before.total if before else 0)
    grown_tax = (after.tax if after else 0) - (before.tax if before else 0)
    if before is None:
        if not part.tax_name or after is None:
            return taxes
        known = [one for one in taxes if (one.name, one.rate) == (part.tax_name, part.tax_rate)]
        if not known:
            zero = Money(0, currency)
            taxes = [*taxes, TaxLine(part.tax_name, part.tax_rate, zero, zero)]
            known = taxes[-1:]
    else:
        found = tax_line_for(taxes, before.total, before.tax, is_included=is_included)
        known = [found] if found else []
    if not known:
        return taxes
    net = grown_total - (grown_tax if is_included else 0)
    return [_grown(one, net, grown_tax) if one is known[0] else one for one in taxes]


def _grown(line: TaxLine, net: int, tax: int) -> TaxLine:
    currency = line.net.currency
    return msgspec.structs.replace(
        line, net=line.net + Money(net, currency), tax=line.tax + Money(tax, currency)
    )


def _sums_of(before: Sequence[LineRow], after: Sequence[LineRow], sums: Sums, taxes: list[TaxLine]) -> Sums:
    goods = sum(line.total for line in after) - sum(line.total for line in before)
    listed = sum(line.unit_price * line.quantity for line in after)
    listed -= sum(line.unit_price * line.quantity for line in before)
    tax = sum(line.tax for line in after) - sum(line.tax for line in before)
    return msgspec.structs.replace(
        sums,
        subtotal=sums.subtotal + listed,
        discount=max(0, sums.discount + listed - goods),
        tax=sums.tax + tax,
        total=sums.total + goods + (0 if sums.tax_included else tax),
        tax_lines=taxes,
        item_count=sum(line.quantity for line in after),
    )


def _reduced_discount(discount: Discount, quantity: int, of: int) -> Discount:
    amount = discount.amount.amount - discount.amount.amount * quantity // of
    return msgspec.structs.replace(discount, amount=Money(amount, discount.amount.currency))


def _tax_at(rate: Decimal, total: int, is_included: bool) -> int:
    return multiply(total, rate / (1 + rate) if is_included else rate)
