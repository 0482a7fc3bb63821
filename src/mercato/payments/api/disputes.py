"""REST routes of disputes, of comparing with the provider, and of the simulated company's own pages."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import QueryParameter

from mercato.contracts.payments import Dispute, DisputeStatus, Payments
from mercato.contracts.payments.credit import Value
from mercato.contracts.shared import DEFAULT_LIMIT, Page, ShortText, Verification
from mercato.kernel.context import Context
from mercato.kernel.web import ListCursor, ListLimit

OrderFilter = Annotated[UUID | None, QueryParameter(name="order_id", description="Only of this order.")]
StatusFilter = Annotated[DisputeStatus | None, QueryParameter(name="status")]
ProviderName = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,39}$")]
Reference = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_]{1,80}$")]


class OutsideRefund(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Minor units."""

    amount: Value


class OutsideDispute(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    status: DisputeStatus
    reason: ShortText = "fraudulent"


@get("/admin/disputes", permission="read_payments")
async def list_disputes(
    ctx: Context,
    payments: Payments,
    order_id: OrderFilter = None,
    status: StatusFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Dispute]:
    """Chargebacks, newest first, with the day until which evidence is taken."""
    return await payments.disputes(ctx, order_id=order_id, status=status, limit=limit, cursor=cursor)


@post("/admin/reconciliations/{provider:str}", permission="read_payments", status_code=200, timeout_s=60)
async def reconcile(ctx: Context, payments: Payments, provider: ProviderName) -> Verification:
    """Compare our payments with the provider's own list."""
    return await payments.reconcile(ctx, provider=provider)


@post("/simulator/charges/{reference:str}/refunds", permission="write_refunds", status_code=204)
async def refund_at_simulator(
    ctx: Context, payments: Payments, reference: Reference, data: OutsideRefund
) -> None:
    """Send money back as on the provider's own pages: the shop hears of it by webhook."""
    await payments.refund_at_simulator(ctx, reference=reference, amount=data.amount)


@post("/simulator/charges/{reference:str}/dispute", permission="write_payments", status_code=204)
async def dispute_at_simulator(
    ctx: Context, payments: Payments, reference: Reference, data: OutsideDispute
) -> None:
    """Let the shopper's bank open a dispute or decide it: the shop hears of it by webhook."""
    await payments.dispute_at_simulator(ctx, reference=reference, status=data.status, reason=data.reason)


routes = [list_disputes, reconcile, refund_at_simulator, dispute_at_simulator]
