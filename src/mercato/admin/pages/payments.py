"""The books of payments: payments, the ledger, disputes, one order in detail; comparing with a provider."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post

from mercato.admin import words
from mercato.admin.desk import Desk
from mercato.admin.forms import FormData, one_of, text, why
from mercato.admin.lists import address, turns
from mercato.contracts.orders import Orders
from mercato.contracts.payments import DisputeStatus, LedgerEntry, Payments
from mercato.contracts.shared import Verification
from mercato.kernel.context import Context
from mercato.kernel.errors import Invalid, MercatoError, Unavailable
from mercato.kernel.money import Money

PATH = "/admin/payments"
LEDGER = "/admin/ledger"
DISPUTES = "/admin/disputes"
LIMIT = 50
OF_ORDER = 100


@get(PATH, permission="read_payments")
async def list_payments(desk: Desk, payments: Payments, cursor: str | None = None) -> Response[str]:
    """Every payment, newest first."""
    return await _payments(desk, payments, cursor=cursor)


@post(PATH + "/reconciliation", permission="read_payments", timeout_s=60)
async def reconcile(desk: Desk, payments: Payments, data: FormData) -> Response[str]:
    """Compare with the provider's own list, now."""
    provider = text(data, "provider")[:40]
    try:
        result = await payments.reconcile(desk.ctx, provider=provider)
    except (Invalid, Unavailable) as error:
        return await _payments(desk, payments, error=error)
    return await _payments(desk, payments, provider=provider, result=result)


@get(LEDGER, permission="read_payments")
async def show_ledger(desk: Desk, payments: Payments, cursor: str | None = None) -> Response[str]:
    """The double-entry books, newest first."""
    found = await payments.ledger(desk.ctx, limit=LIMIT, cursor=cursor)
    context = {
        "found": found,
        "rows": _rows(found.items),
        **turns(LEDGER, found, cursor),
    }
    return await _answer(desk, "admin/ledger.html", LEDGER, context)


@get(DISPUTES, permission="read_payments")
async def list_disputes(
    desk: Desk, payments: Payments, status: str = "", cursor: str | None = None
) -> Response[str]:
    """Chargebacks, newest first."""
    chosen = one_of(DisputeStatus, status)
    found = await payments.disputes(desk.ctx, status=chosen, limit=LIMIT, cursor=cursor)
    context = {
        "found": found,
        "views": [
            ("All", DISPUTES, chosen is None),
            *((words.label(one)[0], address(DISPUTES, status=one), chosen is one) for one in DisputeStatus),
        ],
        **turns(DISPUTES, found, cursor, status=chosen),
    }
    return await _answer(desk, "admin/disputes.html", DISPUTES, context)


@get("/admin/orders/{order_id:uuid}/payments", permission="read_payments")
async def show_order_payments(
    desk: Desk, payments: Payments, orders: Orders, order_id: UUID
) -> Response[str]:
    """The payments of one order with every event, its rows in the books, its disputes."""
    context = {
        "order_id": order_id,
        "number": await _number(desk.ctx, orders, order_id),
        "payments": await payments.payments_of_order(desk.ctx, order_id=order_id),
        "events": (await payments.payment_events(desk.ctx, order_id=order_id, limit=OF_ORDER)).items,
        "rows": _rows((await payments.ledger(desk.ctx, order_id=order_id, limit=OF_ORDER)).items),
        "disputes": (await payments.disputes(desk.ctx, order_id=order_id, limit=OF_ORDER)).items,
    }
    return await _answer(desk, "admin/order_payments.html", PATH, context)


async def _payments(
    desk: Desk,
    payments: Payments,
    *,
    cursor: str | None = None,
    provider: str = "",
    result: Verification | None = None,
    error: MercatoError | None = None,
) -> Response[str]:
    found = await payments.list_payments(desk.ctx, limit=LIMIT, cursor=cursor)
    offers = await payments.providers(desk.ctx)
    context = {
        "found": found,
        "providers": [(one.code, one.name) for one in offers],
        "provider": provider,
        "result": result,
        "error": why(error),
        **turns(PATH, found, cursor),
    }
    return await _answer(desk, "admin/payments.html", PATH, context, error=error)


async def _answer(
    desk: Desk, template: str, path: str, context: dict[str, Any], *, error: MercatoError | None = None
) -> Response[str]:
    tabs = [("Payments", PATH), ("Ledger", LEDGER), ("Disputes", DISPUTES)]
    shown = {"tabs": [(name, url, url == path) for name, url in tabs], **context}
    return await desk.page(template, PATH, shown, error=error, headers={"Cache-Control": "no-store"})


def _rows(entries: list[LedgerEntry]) -> list[tuple[LedgerEntry, Money, Money]]:
    """(row, debit, credit), for people."""
    return [(row, Money(row.debit, row.currency), Money(row.credit, row.currency)) for row in entries]


async def _number(ctx: Context, orders: Orders, order_id: UUID) -> str:
    """The number of the order for those who may see orders."""
    if not ctx.principal.may("read_orders"):
        return ""
    return (await orders.get_order(ctx, order_id=order_id)).number


routes = [list_payments, reconcile, show_ledger, list_disputes, show_order_payments]
