"""What orders publishes: each fact made from the order it is about."""

from typing import Any, Protocol
from uuid import UUID

from mercato.contracts.carts import Cart
from mercato.contracts.orders import (
    ChangeAction,
    Document,
    DocumentIssued,
    DraftSent,
    LatePayment,
    OrderCanceled,
    OrderChanged,
    OrderDelivered,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    ReturnApproved,
    ReturnCanceled,
    ReturnReceived,
    ReturnRequested,
    SoldLine,
)
from mercato.orders.change_rows import ChangeRow
from mercato.orders.records import Draft, ParcelRow, PlacedOrder
from mercato.orders.store.drafts import DraftOrderRow


class _Known(Protocol):
    """What every fact says of its order; a draft and a placed order both know it."""

    @property
    def id(self) -> UUID: ...
    @property
    def number(self) -> str: ...
    @property
    def email(self) -> str: ...
    @property
    def locale(self) -> str: ...
    @property
    def currency(self) -> str: ...
    @property
    def total(self) -> int: ...


def _head(order: _Known, token: str) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "number": order.number,
        "email": order.email,
        "locale": order.locale,
        "currency": order.currency,
        "total": order.total,
        "token": token,
    }


def order_placed(draft: Draft, token: str, *, is_paid: bool) -> OrderPlaced:
    return OrderPlaced(
        **_head(draft, token),
        cart_id=draft.cart_id,
        name=draft.name,
        lines=[line.sold for line in draft.lines],
        is_paid=is_paid,
        tax_id=draft.tax_id,
    )


def order_paid(order: _Known, token: str) -> OrderPaid:
    return OrderPaid(**_head(order, token))


def order_canceled(order: PlacedOrder, token: str, *, reason: str) -> OrderCanceled:
    was_paid = order.paid.captured > 0
    return OrderCanceled(**_head(order, token), reason=reason, cart_id=order.cart_id, was_paid=was_paid)


def order_refunded(order: _Known, token: str, *, amount: int, reason: str) -> OrderRefunded:
    return OrderRefunded(**_head(order, token), amount=amount, reason=reason)


def order_shipped(order: _Known, token: str, *, parcel: ParcelRow, lines: list[SoldLine]) -> OrderShipped:
    return OrderShipped(
        **_head(order, token),
        fulfillment_id=parcel.id,
        carrier=parcel.carrier,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        lines=lines,
    )


def order_delivered(order: _Known, token: str, *, parcel_id: UUID) -> OrderDelivered:
    return OrderDelivered(**_head(order, token), fulfillment_id=parcel_id)


def document_issued(order: _Known, token: str, document: Document) -> DocumentIssued:
    return DocumentIssued(
        **_head(order, token),
        document_id=document.id,
        paper=document.kind,
        document_number=document.number,
    )


def draft_sent(draft: DraftOrderRow, token: str, cart: Cart) -> DraftSent:
    return DraftSent(
        order_id=draft.id,
        number="",
        email=draft.email,
        locale=draft.locale,
        currency=cart.currency,
        total=cart.totals.total.amount,
        token=token,
        lines=[
            SoldLine(
                variant_id=line.variant_id,
                product_id=line.product_id,
                name=line.name,
                sku=line.sku,
                quantity=line.quantity,
                total=line.total.amount,
            )
            for line in cart.lines
        ],
    )


def order_changed(order: PlacedOrder, token: str, change: ChangeRow, *, owed: int) -> OrderChanged:
    return OrderChanged(
        **_head(order, token),
        change_id=change.id,
        kind=change.kind,
        difference=change.total_change - change.credited,
        owed=owed,
        reason=change.reason,
        lines=_lines(change, ChangeAction.ADD),
        removed=_lines(change, ChangeAction.REMOVE),
    )


def return_requested(order: PlacedOrder, token: str, change: ChangeRow) -> ReturnRequested:
    return ReturnRequested(**_head(order, token), **_return(change))


def return_approved(order: PlacedOrder, token: str, change: ChangeRow) -> ReturnApproved:
    return ReturnApproved(**_head(order, token), **_return(change))


def return_received(order: PlacedOrder, token: str, change: ChangeRow) -> ReturnReceived:
    return ReturnReceived(**_head(order, token), **_return(change), amount=change.credited)


def return_canceled(order: PlacedOrder, token: str, change: ChangeRow, *, reason: str) -> ReturnCanceled:
    return ReturnCanceled(**_head(order, token), **(_return(change) | {"reason": reason}))


def _return(change: ChangeRow) -> dict[str, Any]:
    lines = _lines(change, ChangeAction.RETURN)
    return {"change_id": change.id, "lines": lines, "reason": change.reason}


def _lines(change: ChangeRow, action: ChangeAction) -> list[SoldLine]:
    """The units of a change; of what has come back only what did."""
    is_back = change.received_at is not None
    return [
        SoldLine(
            variant_id=part.variant_id,
            product_id=part.new.product_id if part.new else part.variant_id,
            name=part.name,
            sku=part.sku,
            quantity=part.received if is_back and action is ChangeAction.RETURN else part.quantity,
            total=part.amount,
        )
        for part in change.lines
        if part.action is action
    ]


def late_payment(order: PlacedOrder, token: str, *, amount: int) -> LatePayment:
    return LatePayment(**_head(order, token), amount=amount)
