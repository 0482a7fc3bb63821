"""Stored orders as the contract shows them: to their buyer, and to staff."""

from collections.abc import Iterable, Set
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec

from mercato.contracts.carts import CartTotals
from mercato.contracts.orders import (
    Fulfillment,
    FulfillmentStatus,
    Order,
    OrderChange,
    OrderDelivery,
    OrderLine,
    OrderPayment,
    OrderStatus,
    ParcelStatus,
    ReturnStatus,
    TimelineEntry,
)
from mercato.kernel.context import Principal
from mercato.kernel.money import Money
from mercato.orders.amending import units_back
from mercato.orders.domain import (
    LEFT_THE_HOUSE,
    Amounts,
    balance,
    capturable,
    payment_record_status,
    payment_status,
    to_go_back,
)
from mercato.orders.records import Draft, LineRow, ParcelRow, PaymentRow, Snapshot, StoryRow, TimelineRow
from mercato.orders.refund_views import granted_refunds
from mercato.orders.store.placing import BEGUN
from mercato.orders.store.reading import OrderView

STAFF_ONLY: Final = frozenset({"note", "retried", "tagged", "label_bought"})
"""Kinds of timeline rows that buyers do not see."""
_OF_BOTH: Final = frozenset(OrderView.__struct_fields__)
_OF_DRAFT: Final = sorted(_OF_BOTH & {*Draft.__struct_fields__} - {"status", "version"})
_OF_SNAPSHOT: Final = sorted(_OF_BOTH & {*Snapshot.__struct_fields__})
RETURNABLE: Final = frozenset({OrderStatus.PLACED, OrderStatus.COMPLETED})


def order_for_buyer(view: OrderView, token: str) -> Order:
    """The order as its buyer sees it: no notes, no names of staff."""
    own = {view.email, "system", "guest"}
    timeline = [
        msgspec.structs.replace(row, actor=row.actor if row.actor in own else "shop")
        for row in view.timeline
        if row.kind not in STAFF_ONLY
    ]
    possible = {
        "cancel": may_cancel(view),
        "return": view.status in RETURNABLE and bool(returnable_units(view)),
        "pay": view.status in RETURNABLE and _balance(view) > 0,
    }
    actions = [action for action, is_possible in possible.items() if is_possible]
    order = _order(view, timeline)
    return msgspec.structs.replace(
        order,
        token=token,
        allowed_actions=actions,
        tags=[],
        changes=[_without_staff(change, own) for change in order.changes],
    )


def view_of_new(
    draft: Draft,
    snapshot: Snapshot,
    payments: list[PaymentRow],
    story: list[StoryRow],
    *,
    paid: Amounts,
    at: datetime,
) -> OrderView:
    """The order that a draft of a first attempt became with `paid` at the time `at`, as it is stored now."""
    begun = TimelineRow(snapshot.at, "created", snapshot.by, BEGUN, {"attempt": draft.attempt})
    return OrderView(
        **{name: getattr(draft, name) for name in _OF_DRAFT},
        **{name: getattr(snapshot, name) for name in _OF_SNAPSHOT},
        **msgspec.structs.asdict(paid),
        status=OrderStatus.PLACED,
        payment_status=payment_status(draft.total, paid),
        fulfillment_status=FulfillmentStatus.UNFULFILLED,
        return_status=ReturnStatus.NONE,
        version=draft.version + 1,
        credited=0,
        created_at=snapshot.at,
        placed_at=at,
        canceled_at=None,
        cancel_reason=None,
        payments=sorted(payments, key=lambda payment: payment.id),
        parcels=[],
        timeline=[begun, *(TimelineRow(at, row.kind, row.actor, row.text, row.data) for row in story)],
        tags=[],
    )


def order_for_staff(view: OrderView, principal: Principal) -> Order:
    """The order as staff see it, with what this member of staff may do next."""
    paid = Amounts(view.authorized, view.captured, view.refunded, view.voided)
    is_placed = view.status is OrderStatus.PLACED

    def may(permission: str) -> bool:
        return principal.may_in(permission, view.channel)

    possible = {
        "capture": is_placed and capturable(view.total, view.credited, paid) > 0 and may("write_payments"),
        "refund": view.placed_at is not None and paid.refundable > 0 and may("write_refunds"),
        "grant_refund": view.status in RETURNABLE and view.total > view.credited and may("write_refunds"),
        "fulfill": is_placed and bool(open_quantities(view)) and may("write_fulfillments"),
        "cancel": may_cancel(view) and may("write_orders"),
        "retry": bool(view.stuck) and may("write_orders"),
        "note": may("write_orders"),
        "tag": may("write_orders"),
        "edit": is_placed and may("write_orders"),
    }
    can_come_back = view.status in RETURNABLE and bool(returnable_units(view)) and may("write_orders")
    possible |= dict.fromkeys(("return", "exchange", "claim"), can_come_back)
    actions = [action for action, is_possible in possible.items() if is_possible]
    return msgspec.structs.replace(
        _order(view, view.timeline),
        allowed_actions=actions,
        stuck=view.stuck,
        refunds=granted_refunds(
            view.grants,
            view.refund_intents,
            view.currency,
            to_go_back=to_go_back(view.total, view.credited, paid),
        ),
    )


def may_cancel(view: OrderView) -> bool:
    """Whether the order is placed and nothing of it has left the house."""
    return view.status is OrderStatus.PLACED and not any(p.status in LEFT_THE_HOUSE for p in view.parcels)


def open_quantities(view: OrderView) -> dict[UUID, int]:
    """Units per line that are in no parcel yet; lines with none are left out."""
    return open_units(view.lines, view.parcels)


def open_units(lines: Iterable[LineRow], parcels: Iterable[ParcelRow]) -> dict[UUID, int]:
    """Units per line that are in no parcel yet; canceled parcels do not count."""
    left = {line.id: line.quantity if line.gift_card is None else 0 for line in lines}
    for parcel in parcels:
        if parcel.status is ParcelStatus.CANCELED:
            continue
        for line in parcel.lines:
            left[line.line_id] -= line.quantity
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def returnable_units(view: OrderView) -> dict[UUID, int]:
    """Units per line that were sent, and neither came back nor are coming back."""
    left = {line.id: line.quantity_fulfilled for line in view.lines if line.gift_card is None}
    for change in view.changes:
        for line_id, units in units_back(change.lines, change.status).items():
            left[line_id] = left.get(line_id, 0) - units
    return {line_id: units for line_id, units in left.items() if units > 0}


def _without_staff(change: OrderChange, own: Set[str]) -> OrderChange:
    """The change as its buyer sees it: who of the shop made it is the shop's."""
    return change if change.created_by in own else msgspec.structs.replace(change, created_by="shop")


def _balance(view: OrderView) -> int:
    paid = Amounts(view.authorized, view.captured, view.refunded, view.voided)
    is_sold = view.status not in (OrderStatus.CANCELED, OrderStatus.EXPIRED)
    return balance(view.total, view.credited, paid) if is_sold else -paid.kept


def _order(view: OrderView, timeline: list[TimelineRow]) -> Order:
    def money(amount: int) -> Money:
        return Money(amount, view.currency)

    left, back = open_quantities(view), returnable_units(view)
    return Order(
        id=view.id,
        number=view.number,
        status=view.status,
        payment_status=view.payment_status,
        fulfillment_status=view.fulfillment_status,
        return_status=view.return_status,
        placed_at=view.placed_at,
        created_at=view.created_at,
        email=view.email,
        customer_id=view.customer_id,
        channel=view.channel,
        currency=view.currency,
        lines=[_line(line, view.currency, left.get(line.id, 0), back.get(line.id, 0)) for line in view.lines],
        totals=CartTotals(
            subtotal=money(view.subtotal),
            discount=money(view.discount),
            delivery=money(view.delivery_price),
            tax=money(view.tax),
            tax_included=view.tax_included,
            total=money(view.total),
            paid_by_credit=money(view.paid_by_credit),
            due=money(view.due_amount),
        ),
        tax_lines=view.tax_lines,
        shipping_address=view.shipping_address,
        billing_address=view.billing_address,
        delivery=OrderDelivery(*msgspec.structs.astuple(view.delivery)),
        payments=[_payment(payment, view.currency) for payment in view.payments],
        fulfillments=[_fulfillment(parcel) for parcel in view.parcels],
        timeline=[TimelineEntry(row.at, row.kind, row.actor, row.text, row.data) for row in timeline],
        version=view.version,
        coupons=view.coupons,
        note=view.note,
        canceled_at=view.canceled_at,
        cancel_reason=view.cancel_reason,
        balance=money(_balance(view)),
        credited=money(view.credited),
        changes=[change.shown(view.currency) for change in view.changes],
        tags=view.tags,
        cart_id=view.cart_id,
        tax_id=view.tax_id,
    )


def _line(line: LineRow, currency: str, left: int, returnable: int) -> OrderLine:
    return OrderLine(
        id=line.id,
        variant_id=line.variant_id,
        product_id=line.product_id,
        slug=line.slug,
        name=line.name,
        options=line.options,
        sku=line.sku,
        image=line.image,
        quantity=line.quantity,
        quantity_fulfilled=line.quantity_fulfilled,
        unit_price=Money(line.unit_price, currency),
        list_price=Money(line.list_price, currency),
        discounts=line.discounts,
        tax=Money(line.tax, currency),
        total=Money(line.total, currency),
        quantity_open=left,
        quantity_returned=line.quantity_returned,
        quantity_returnable=returnable,
        is_gift_card=line.gift_card is not None,
        recipient=line.gift_card.recipient if line.gift_card else None,
        message=line.gift_card.message if line.gift_card else "",
    )


def _payment(payment: PaymentRow, currency: str) -> OrderPayment:
    return OrderPayment(
        id=payment.id,
        provider=payment.provider,
        status=payment_record_status(payment.amounts),
        authorized=Money(payment.authorized, currency),
        captured=Money(payment.captured, currency),
        refunded=Money(payment.refunded, currency),
    )


def _fulfillment(parcel: ParcelRow) -> Fulfillment:
    return Fulfillment(
        id=parcel.id,
        status=parcel.status,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        lines=parcel.lines,
        created_at=parcel.created_at,
        shipped_at=parcel.shipped_at,
        delivered_at=parcel.delivered_at,
        location_id=parcel.location_id,
    )
