"""Stored orders as the contract shows them: to their buyer, and to staff."""

from collections.abc import Iterable
from typing import Final
from uuid import UUID

import msgspec

from mercato.contracts.carts import CartTotals
from mercato.contracts.orders import (
    Fulfillment,
    Order,
    OrderDelivery,
    OrderLine,
    OrderPayment,
    OrderStatus,
    ParcelStatus,
    TimelineEntry,
)
from mercato.kernel.context import Principal
from mercato.kernel.money import Money
from mercato.orders.domain import LEFT_THE_HOUSE, Amounts, payment_record_status
from mercato.orders.records import LineRow, ParcelRow, PaymentRow, TimelineRow
from mercato.orders.store.reading import OrderView

STAFF_ONLY: Final = frozenset({"note", "retried"})
"""Kinds of timeline rows that buyers do not see."""


def order_for_buyer(view: OrderView, token: str) -> Order:
    """The order as its buyer sees it: no notes, no names of staff."""
    own = {view.email, "system", "guest"}
    timeline = [
        msgspec.structs.replace(row, actor=row.actor if row.actor in own else "shop")
        for row in view.timeline
        if row.kind not in STAFF_ONLY
    ]
    actions = ["cancel"] if may_cancel(view) else []
    return msgspec.structs.replace(_order(view, timeline), token=token, allowed_actions=actions)


def order_for_staff(view: OrderView, principal: Principal) -> Order:
    """The order as staff see it, with what this member of staff may do next."""
    paid = Amounts(view.authorized, view.captured, view.refunded, view.voided)
    is_placed = view.status is OrderStatus.PLACED

    def may(permission: str) -> bool:
        return principal.may_in(permission, view.channel)

    possible = {
        "capture": is_placed and paid.capturable > 0 and may("write_payments"),
        "refund": view.placed_at is not None and paid.refundable > 0 and may("write_refunds"),
        "fulfill": is_placed and bool(open_quantities(view)) and may("write_fulfillments"),
        "cancel": may_cancel(view) and may("write_orders"),
        "retry": bool(view.stuck) and may("write_orders"),
        "note": may("write_orders"),
    }
    actions = [action for action, is_possible in possible.items() if is_possible]
    return msgspec.structs.replace(_order(view, view.timeline), allowed_actions=actions, stuck=view.stuck)


def may_cancel(view: OrderView) -> bool:
    """Whether the order is placed and nothing of it has left the house."""
    return view.status is OrderStatus.PLACED and not any(p.status in LEFT_THE_HOUSE for p in view.parcels)


def open_quantities(view: OrderView) -> dict[UUID, int]:
    """Units per line that are in no parcel yet; lines with none are left out."""
    return open_units(view.lines, view.parcels)


def open_units(lines: Iterable[LineRow], parcels: Iterable[ParcelRow]) -> dict[UUID, int]:
    """Units per line that are in no parcel yet; canceled parcels do not count."""
    left = {line.id: line.quantity for line in lines}
    for parcel in parcels:
        if parcel.status is ParcelStatus.CANCELED:
            continue
        for line in parcel.lines:
            left[line.line_id] -= line.quantity
    return {line_id: quantity for line_id, quantity in left.items() if quantity > 0}


def _order(view: OrderView, timeline: list[TimelineRow]) -> Order:
    def money(amount: int) -> Money:
        return Money(amount, view.currency)

    left = open_quantities(view)
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
        lines=[_line(line, view.currency, left.get(line.id, 0)) for line in view.lines],
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
        delivery=OrderDelivery(view.delivery.method, view.delivery.code, view.delivery.promised_date),
        payments=[_payment(payment, view.currency) for payment in view.payments],
        fulfillments=[_fulfillment(parcel) for parcel in view.parcels],
        timeline=[TimelineEntry(row.at, row.kind, row.actor, row.text, row.data) for row in timeline],
        version=view.version,
        coupons=view.coupons,
        note=view.note,
        canceled_at=view.canceled_at,
        cancel_reason=view.cancel_reason,
    )


def _line(line: LineRow, currency: str, left: int) -> OrderLine:
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
