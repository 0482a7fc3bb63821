"""A placed order with everything that a change is decided by, and what may still be changed of it."""

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

import msgspec

from mercato.contracts.carts import FrozenCart
from mercato.contracts.orders import (
    ChangeAction,
    ChangeInput,
    ChangeKind,
    ClaimResolution,
    LineQuantity,
    OrderStatus,
    ReturnLine,
)
from mercato.contracts.shared import Address
from mercato.kernel.errors import Conflict, FieldError, Invalid
from mercato.kernel.ids import new_id
from mercato.orders.amending import charge_of, raised, reduced, tax_line_for
from mercato.orders.change_rows import ChangePart, ChangeRow, Sums
from mercato.orders.granting import Grant
from mercato.orders.promises import Promises
from mercato.orders.records import LineRow, ParcelRow, PlacedOrder, lines_of_cart
from mercato.orders.views import open_units

_CREDITED = frozenset({ChangeAction.RETURN, ChangeAction.CREDIT})
W = TypeVar("W", LineQuantity, ReturnLine)


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it stands, read under its lock."""

    order: PlacedOrder
    sums: Sums
    address: Address
    lines: list[LineRow]
    parcels: list[ParcelRow]
    changes: list[ChangeRow]
    granted: list[Grant]

    @property
    def promises(self) -> Promises:
        """What was promised back of it."""
        return Promises(self.granted, self.changes, self.sums.tax_included)

    def line(self, line_id: UUID, field: str) -> LineRow:
        """Raises Invalid("invalid") naming `field` when the order has no such line."""
        for line in self.lines:
            if line.id == line_id:
                return line
        error = FieldError(field, "unknown_line", "This order has no such line.")
        raise Invalid("invalid", "Some values are refused.", errors=[error])

    def returnable(self, line_id: UUID) -> int:
        """Units of the line that were sent and neither came back nor are on their way back."""
        goods = [line for line in self.lines if line.gift_card is None]
        sent = sum(line.quantity_fulfilled for line in goods if line.id == line_id)
        return max(0, sent - self.promises.settled(line_id))


MAY_CHANGE: dict[ChangeKind, frozenset[OrderStatus]] = {
    ChangeKind.EDIT: frozenset({OrderStatus.PLACED}),
    ChangeKind.RETURN: frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED}),
    ChangeKind.EXCHANGE: frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED}),
    ChangeKind.CLAIM: frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED}),
}


def check_status(kind: ChangeKind, status: OrderStatus) -> None:
    """Raise Conflict("illegal_transition") when an order of this status has no such change."""
    if status not in MAY_CHANGE[kind]:
        raise Conflict(
            "illegal_transition", f"An order that is {status} takes no {kind}.", data={"status": status}
        )


def parts_of(standing: Standing, wish: ChangeInput, quote: FrozenCart | None) -> list[ChangePart]:
    """What the wish comes to, line by line. Raises Conflict: not_open, not_returnable; Invalid."""
    _check_shape(wish)
    parts = quantity_parts(standing, wish.quantities)
    if wish.kind is ChangeKind.CLAIM:
        parts += _claim_parts(standing, wish)
    else:
        parts += return_parts(standing, wish.returns)
    if quote is not None:
        parts += _new_parts(standing, quote)
    if not parts:
        raise Conflict("nothing_changed", "This changes nothing.")
    return parts


def quantity_parts(standing: Standing, quantities: Sequence[LineQuantity]) -> list[ChangePart]:
    """Units added to or taken off lines that are there. Raises Conflict("not_open")."""
    left = open_units(standing.lines, standing.parcels)
    included = standing.sums.tax_included
    parts = []
    for number, wanted in enumerate(_once(quantities)):
        line = standing.line(wanted.line_id, f"quantities.{number}.line_id")
        grown = wanted.quantity - line.quantity
        if -grown > left.get(line.id, 0) or (grown and line.gift_card is not None):
            raise not_open(left)
        before = charge_of(line, tax_included=included)
        if grown > 0:
            amount = charge_of(raised(line, grown), tax_included=included) - before
            parts.append(_part(ChangeAction.ADD, line, grown, amount))
        elif grown < 0:
            rest = reduced(line, -grown)
            amount = before - (charge_of(rest, tax_included=included) if rest else 0)
            parts.append(_part(ChangeAction.REMOVE, line, -grown, amount))
    return parts


def return_parts(
    standing: Standing, returns: Sequence[ReturnLine], action: ChangeAction = ChangeAction.RETURN
) -> list[ChangePart]:
    """Units that come back, each worth its share of what the line cost, less what was promised back before.
    Raises Conflict("not_returnable")."""
    parts = []
    for number, wanted in enumerate(_once(returns)):
        line = standing.line(wanted.line_id, f"returns.{number}.line_id")
        if wanted.quantity > standing.returnable(line.id):
            raise not_returnable(standing)
        amount = standing.promises.worth(line, wanted.quantity)
        parts.append(_part(action, line, wanted.quantity, amount, wanted.reason))
    return parts


def credit_of(standing: Standing, parts: Sequence[ChangePart]) -> int:
    """What a change promises back: for what returns or is refunded; below nothing, what it takes back of
    earlier promises, since units that are taken off are not owed beside their price."""
    gone = standing.promises.taken_off(standing.lines, parts)
    return sum(part.amount for part in parts if part.action in _CREDITED) + sum(line.amount for line in gone)


def is_worth_the_same(standing: Standing, change: ChangeRow) -> bool:
    """Whether a preview promises back what it would now."""
    parts = [
        msgspec.structs.replace(
            part, amount=standing.promises.worth(standing.line(part.line_id, "returns"), part.quantity)
        )
        if part.action in _CREDITED
        else part
        for part in change.lines
    ]
    return credit_of(standing, parts) == change.credit


def check_parts(standing: Standing, parts: Sequence[ChangePart]) -> None:
    """Raise Conflict when what was previewed cannot be done any more."""
    left = open_units(standing.lines, standing.parcels)
    for part in parts:
        if part.action is ChangeAction.REMOVE and part.quantity > left.get(part.line_id, 0):
            raise not_open(left)
        if part.action is ChangeAction.RETURN and part.quantity > standing.returnable(part.line_id):
            raise not_returnable(standing)


def not_open(left: dict[UUID, int]) -> Conflict:
    data = {"open": {str(line_id): quantity for line_id, quantity in left.items()}}
    return Conflict("not_open", "Only units that are in no fulfillment can be taken off.", data=data)


def not_returnable(standing: Standing) -> Conflict:
    data = {"returnable": {str(line.id): standing.returnable(line.id) for line in standing.lines}}
    return Conflict("not_returnable", "Only units that were sent and are not coming back yet.", data=data)


def _check_shape(wish: ChangeInput) -> None:
    """Each kind has its own fields. Raises Invalid for one that does not belong to it."""
    allowed = {
        ChangeKind.EDIT: {"quantities", "add"},
        ChangeKind.RETURN: {"returns"},
        ChangeKind.EXCHANGE: {"returns", "add"},
        ChangeKind.CLAIM: {"returns"},
    }[wish.kind]
    errors = [
        FieldError(name, "not_allowed", f"A change of kind {wish.kind} has no {name}.")
        for name in ("quantities", "add", "returns")
        if getattr(wish, name) and name not in allowed
    ]
    needed = {"returns"} if wish.kind is not ChangeKind.EDIT else set()
    needed |= {"add"} if wish.kind is ChangeKind.EXCHANGE else set()
    errors += [
        FieldError(name, "required", f"A change of kind {wish.kind} needs {name}.")
        for name in sorted(needed)
        if not getattr(wish, name)
    ]
    if errors:
        raise Invalid("invalid", "Some values are refused.", errors=errors)


def _claim_parts(standing: Standing, wish: ChangeInput) -> list[ChangePart]:
    """The same again for nothing, or the money back: nothing has to come back."""
    credits = return_parts(standing, wish.returns, ChangeAction.CREDIT)
    if wish.resolution is ClaimResolution.REFUND:
        return credits
    parts = []
    for part in credits:
        line = standing.line(part.line_id, "returns")
        new = msgspec.structs.replace(
            line, id=new_id(), quantity=part.quantity, unit_price=0, discounts=[], tax=0, total=0,
            quantity_fulfilled=0, quantity_returned=0,
        )  # fmt: skip
        parts.append(
            msgspec.structs.replace(part, action=ChangeAction.ADD, line_id=new.id, amount=0, new=new)
        )
    return parts


def _new_parts(standing: Standing, quote: FrozenCart) -> list[ChangePart]:
    included = standing.sums.tax_included
    parts = []
    if any(line.is_gift_card for line in quote.cart.lines):
        error = FieldError("add", "gift_card", "Gift cards are bought in an order of their own.")
        raise Invalid("invalid", "Some values are refused.", errors=[error])
    for line in lines_of_cart(quote.cart):
        tax = tax_line_for(quote.tax_lines, line.total, line.tax, is_included=included)
        part = _part(ChangeAction.ADD, line, line.quantity, charge_of(line, tax_included=included))
        parts.append(
            msgspec.structs.replace(
                part, new=line, tax_name=tax.name if tax else "", tax_rate=tax.rate if tax else ""
            )
        )
    return parts


def _part(action: ChangeAction, line: LineRow, quantity: int, amount: int, reason: str = "") -> ChangePart:
    return ChangePart(
        action=action,
        line_id=line.id,
        variant_id=line.variant_id,
        name=line.name,
        sku=line.sku,
        options=line.options,
        quantity=quantity,
        amount=amount,
        reason=reason,
    )


def _once(wanted: Sequence[W]) -> Sequence[W]:
    """Raise Invalid when a line is named twice: which of both should count?"""
    if len({one.line_id for one in wanted}) < len(wanted):
        raise Invalid("invalid", "Name each line once.")
    return wanted
