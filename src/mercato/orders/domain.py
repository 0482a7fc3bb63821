"""The rules of orders: which moves are allowed, and the statuses that follow from amounts and quantities."""

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum

import msgspec

from mercato.contracts.orders import (
    FulfillmentStatus,
    OrderPaymentStatus,
    OrderStatus,
    ParcelStatus,
)
from mercato.contracts.payments import PaymentStatus
from mercato.kernel.errors import Conflict, FieldError, Invalid
from mercato.kernel.money import Money, from_decimal

ORDER_MOVES: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.DRAFT: frozenset({OrderStatus.PLACED, OrderStatus.EXPIRED}),
    OrderStatus.PLACED: frozenset({OrderStatus.COMPLETED, OrderStatus.CANCELED}),
    OrderStatus.COMPLETED: frozenset({OrderStatus.PLACED}),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.EXPIRED: frozenset({OrderStatus.DRAFT}),
}
"""Which status may follow which. An expired draft becomes a draft again when its cart is tried once more, a
completed order a placed one when an exchange or a claim sends more goods."""

PARCEL_MOVES: dict[ParcelStatus, frozenset[ParcelStatus]] = {
    ParcelStatus.PENDING: frozenset({ParcelStatus.PACKED, ParcelStatus.SHIPPED, ParcelStatus.CANCELED}),
    ParcelStatus.PACKED: frozenset({ParcelStatus.SHIPPED, ParcelStatus.CANCELED}),
    ParcelStatus.SHIPPED: frozenset({ParcelStatus.DELIVERED}),
    ParcelStatus.DELIVERED: frozenset(),
    ParcelStatus.CANCELED: frozenset(),
}
"""Which status of a fulfillment may follow which."""

LEFT_THE_HOUSE = frozenset({ParcelStatus.SHIPPED, ParcelStatus.DELIVERED})

SETTLED = frozenset({OrderPaymentStatus.PAID, OrderPaymentStatus.OVERPAID, OrderPaymentStatus.REFUND_DUE})
"""Nothing is owed by the buyer, and nothing has gone back."""

REFUND_PROOF_ABOVE = Decimal(500)
"""In major units of any currency, where the channel says nothing else."""


class Awaiting(StrEnum):
    """What the placing of an order waits for, when no request is at work on it."""

    SHOPPER = "shopper"
    PROVIDER = "provider"
    RELEASE = "release"
    """Refused: its stock and its cart are still to be given back."""
    RECOVERY = "recovery"
    """Refused, and then money came in after all."""


class IntentKind(StrEnum):
    """Work that a decision leaves for other services."""

    CAPTURE = "capture"
    REFUND = "refund"
    RETURN_MONEY = "return_money"
    """Void what is held and refund what was taken."""
    FREE_STOCK = "free_stock"
    SHIP = "ship"
    ALLOCATE = "allocate"
    """What a change added belongs to the order: its hold becomes an allocation."""
    FREE_UNITS = "free_units"
    """What a change took off is free again."""
    RESTOCK = "restock"
    """What came back is on hand again."""
    COLLECT = "collect"
    """The buyer pays what the order costs more after a change."""
    ISSUE_CARDS = "issue_cards"
    """The order is paid: the gift cards that it bought are issued and mailed."""
    CHECK_MONEY = "check_money"
    """News of a payment came while the order was being placed: look again."""


class Amounts(msgspec.Struct, frozen=True, gc=False):
    """What has been paid for an order, sums in minor units of its currency."""

    authorized: int = 0
    captured: int = 0
    refunded: int = 0
    voided: int = 0

    @property
    def capturable(self) -> int:
        return max(0, self.authorized - self.captured - self.voided)

    @property
    def refundable(self) -> int:
        return max(0, self.captured - self.refunded)

    @property
    def kept(self) -> int:
        """What is taken or held at the moment."""
        return self.capturable + self.refundable


class Quantities(msgspec.Struct, frozen=True, gc=False):
    """Units of one order line: sold, in parcels that left the house, in parcels that arrived."""

    ordered: int
    shipped: int = 0
    delivered: int = 0


def move(status: OrderStatus, to: OrderStatus) -> OrderStatus:
    """The status after the move. Raises Conflict("illegal_transition") when the table does not allow it."""
    if to not in ORDER_MOVES[status]:
        raise _illegal(status, to)
    return to


def move_parcel(status: ParcelStatus, to: ParcelStatus) -> ParcelStatus:
    """The status after the move. Raises Conflict("illegal_transition") when the table does not allow it."""
    if to not in PARCEL_MOVES[status]:
        raise _illegal(status, to)
    return to


def balance(total: int, credited: int, paid: Amounts) -> int:
    """What the buyer still owes; negative: what is to go back to them. Held money counts as paid."""
    return total - credited - paid.kept


def payment_status(due: int, paid: Amounts, credited: int = 0) -> OrderPaymentStatus:
    """What the amounts of all payments of an order mean when `due` minor units are to be paid, of which
    `credited` were promised back."""
    if due == 0 and paid.captured == 0:
        return OrderPaymentStatus.PAID
    if paid.captured == 0:
        return _held_status(paid)
    kept = paid.captured - paid.refunded
    if kept > due - credited:
        return OrderPaymentStatus.OVERPAID if kept > due else OrderPaymentStatus.REFUND_DUE
    if kept <= 0:
        return OrderPaymentStatus.REFUNDED
    if kept < due - credited:
        return OrderPaymentStatus.PARTIALLY_PAID
    is_part_back = credited > 0 and paid.refunded > 0
    return OrderPaymentStatus.PARTIALLY_REFUNDED if is_part_back else OrderPaymentStatus.PAID


def credit_of_refund(due: int, credited: int, before: Amounts, paid: Amounts) -> int:
    """How much of what newly went back nobody had promised before: it is promised by having been sent.
    What was paid too much and goes back is no credit: it was never a sale."""
    grown = paid.refunded - before.refunded
    short = due - credited - (paid.captured - paid.refunded)
    return max(0, min(grown, short))


def to_go_back(due: int, credited: int, paid: Amounts) -> int:
    """What was promised back, or paid too much, and has not gone back."""
    return credited + max(0, paid.captured - due) - paid.refunded


def payment_record_status(paid: Amounts) -> PaymentStatus:
    """The status of one payment, from its amounts."""
    if paid.captured == 0:
        if paid.voided:
            return PaymentStatus.VOIDED
        return PaymentStatus.AUTHORIZED if paid.authorized else PaymentStatus.PENDING
    if paid.refunded >= paid.captured:
        return PaymentStatus.REFUNDED
    if paid.refunded:
        return PaymentStatus.PARTIALLY_REFUNDED
    return PaymentStatus.PAID if paid.capturable == 0 else PaymentStatus.PARTIALLY_PAID


def fulfillment_status(lines: Iterable[Quantities]) -> FulfillmentStatus:
    """What the quantities of all lines mean: fulfilled once everything has left the house."""
    lines = list(lines)
    if all(line.delivered >= line.ordered for line in lines):
        return FulfillmentStatus.DELIVERED
    if all(line.shipped >= line.ordered for line in lines):
        return FulfillmentStatus.FULFILLED
    if any(line.shipped for line in lines):
        return FulfillmentStatus.PARTIAL
    return FulfillmentStatus.UNFULFILLED


def is_complete(payment: OrderPaymentStatus, fulfillment: FulfillmentStatus) -> bool:
    """Whether a placed order needs nothing more: everything has been sent and paid."""
    is_settled = payment in SETTLED or payment is OrderPaymentStatus.PARTIALLY_REFUNDED
    return is_settled and fulfillment in (FulfillmentStatus.FULFILLED, FulfillmentStatus.DELIVERED)


def needs_proof(refund: Money, above: int | None) -> bool:
    """Whether whoever refunds so much proves again who they are: more than `above` of minor units."""
    limit = from_decimal(REFUND_PROOF_ABOVE, refund.currency).amount if above is None else above
    return refund.amount > limit


def capturable(due: int, credited: int, paid: Amounts) -> int:
    """What of the held money the order still costs: more may be held since it was changed or credited."""
    return max(0, min(paid.capturable, due - credited - paid.refundable))


def check_capture(status: OrderStatus, paid: Amounts, amount: int | None, *, due: int, credited: int) -> int:
    """How much to capture; without an amount what is held and owed. Raises Conflict: illegal_transition,
    capture_too_large."""
    if status is not OrderStatus.PLACED:
        raise Conflict("illegal_transition", f"An order that is {status} cannot be captured.")
    if amount is not None and amount <= 0:
        raise _too_little()
    wanted = capturable(due, credited, paid) if amount is None else amount
    if wanted <= 0 and paid.capturable:
        raise Conflict("capture_too_large", "Nothing of what is held is owed.", data={"capturable": 0})
    if wanted <= 0 or wanted > paid.capturable:
        raise Conflict("capture_too_large", "More than is authorized.", data={"capturable": paid.capturable})
    return wanted


def check_refund(status: OrderStatus, paid: Amounts, amount: int | None) -> int:
    """How much to refund. Raises Conflict: illegal_transition, refund_too_large."""
    if status in (OrderStatus.DRAFT, OrderStatus.EXPIRED):
        raise Conflict("illegal_transition", f"An order that is {status} has nothing to refund.")
    if amount is not None and amount <= 0:
        raise _too_little()
    wanted = paid.refundable if amount is None else amount
    if wanted <= 0 or wanted > paid.refundable:
        raise Conflict("refund_too_large", "More than was captured.", data={"refundable": paid.refundable})
    return wanted


def _held_status(paid: Amounts) -> OrderPaymentStatus:
    if paid.capturable > 0:
        return OrderPaymentStatus.AUTHORIZED
    return OrderPaymentStatus.VOIDED if paid.voided > 0 else OrderPaymentStatus.NONE


def _too_little() -> Invalid:
    error = FieldError("amount", "too_small", "Enter more than nothing, or leave it out for all there is.")
    return Invalid("invalid", error.message, errors=[error])


def _illegal(status: str, to: str) -> Conflict:
    return Conflict(
        "illegal_transition", f"What is {status} cannot become {to}.", data={"status": status, "to": to}
    )
