"""REST routes of payments: signed webhooks, the staff's books, the simulator's ledger."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Request, get, post
from litestar.params import QueryParameter

from mercato.contracts.payments import (
    LedgerEntry,
    Payment,
    PaymentEvent,
    PaymentProvider,
    Payments,
    SimulatorEntry,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, ListCursor, ListLimit

OrderFilter = Annotated[UUID | None, QueryParameter(name="order_id", description="Only of this order.")]
_WEBHOOK_HEADERS = ("webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature")


@get("/payment-providers", permission=PUBLIC)
async def list_providers(ctx: Context, payments: Payments) -> Page[PaymentProvider]:
    """The ways to pay that checkout offers, the first one preset."""
    found = await payments.providers(ctx)
    return Page(found, None, len(found))


@post(
    "/webhooks/{provider:str}",
    permission=PUBLIC,
    csrf=False,
    any_query=True,
    status_code=200,
    include_in_schema=False,
)
async def receive_webhook(
    ctx: Context, payments: Payments, provider: str, request: Request[Any, Any, Any]
) -> dict[str, bool]:
    """Take a signed event of a payment provider."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name in _WEBHOOK_HEADERS or name.startswith("x-")
    }
    await payments.receive_webhook(ctx, provider=provider, headers=headers, body=await request.body())
    return {"received": True}


@get("/admin/payments", permission="read_payments")
async def list_payments(
    ctx: Context,
    payments: Payments,
    order_id: OrderFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[Payment]:
    """All payments, newest first."""
    return await payments.list_payments(ctx, order_id=order_id, limit=limit, cursor=cursor)


@get("/admin/payment-events", permission="read_payments")
async def list_payment_events(
    ctx: Context,
    payments: Payments,
    order_id: OrderFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[PaymentEvent]:
    """Every step of every payment, newest first; rows are never changed."""
    return await payments.payment_events(ctx, order_id=order_id, limit=limit, cursor=cursor)


@get("/admin/ledger", permission="read_payments")
async def list_ledger(
    ctx: Context,
    payments: Payments,
    order_id: OrderFilter = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[LedgerEntry]:
    """The double-entry books, newest first."""
    return await payments.ledger(ctx, order_id=order_id, limit=limit, cursor=cursor)


SimulatorLimit = Annotated[int, QueryParameter(name="limit", ge=1, le=1000)]


@get("/simulator/ledger", permission=PUBLIC)
async def simulator_ledger(
    ctx: Context, payments: Payments, limit: SimulatorLimit = 1000, cursor: ListCursor = None
) -> Page[SimulatorEntry]:
    """The simulated provider's own books, oldest first; not in production."""
    return await payments.simulator_ledger(ctx, limit=limit, cursor=cursor)


@get("/simulator/ledger", permission=PUBLIC, include_in_schema=False)
async def simulator_books(
    ctx: Context, payments: Payments, limit: SimulatorLimit = 1000, cursor: ListCursor = None
) -> Page[SimulatorEntry]:
    """The same at the simulated company's own address, beside its confirmation page."""
    return await payments.simulator_ledger(ctx, limit=limit, cursor=cursor)


routes = [list_providers, receive_webhook, list_payments, list_payment_events, list_ledger, simulator_ledger]
page_routes = [simulator_books]
