"""The payments contract: checks who asks, runs one action, returns structs."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.payments import (
    LedgerEntry,
    OrderMoney,
    Payment,
    PaymentEvent,
    PaymentProvider,
    PayResult,
    SimulatorEntry,
    SimulatorSession,
)
from mercato.contracts.shared import DEFAULT_LIMIT, Page, Verification
from mercato.kernel.context import Context
from mercato.kernel.db import Row
from mercato.kernel.errors import NotFound
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.payments.actions import operate, pay, webhooks
from mercato.payments.domain import Amounts, status_of
from mercato.payments.engine import Engine
from mercato.payments.simulator.provider import Simulator
from mercato.payments.store import books
from mercato.payments.verify import verify


class PaymentsService:
    """Implements `contracts.payments.Payments`. Moving money is for the orders service (system) and staff."""

    def __init__(self, engine: Engine, simulator: Simulator | None) -> None:
        self._engine = engine
        self._simulator = simulator

    async def providers(self, ctx: Context) -> list[PaymentProvider]:
        return [provider.offer for provider in self._engine.providers.values()]

    async def pay(
        self,
        ctx: Context,
        *,
        order_id: UUID,
        attempt: int,
        amount: Money,
        provider: str,
        token: str | None,
        return_url: str | None,
        capture: bool,
    ) -> PayResult:
        ctx.principal.require("write_payments")
        return await pay.pay(
            self._engine,
            order_id=order_id,
            attempt=attempt,
            amount=amount,
            provider=provider,
            token=token,
            return_url=return_url,
            captures=capture,
        )

    async def result(self, ctx: Context, *, order_id: UUID, attempt: int) -> PayResult | None:
        ctx.principal.require("read_payments")
        return await pay.result(self._engine, order_id=order_id, attempt=attempt)

    async def capture(
        self, ctx: Context, *, order_id: UUID, key: str, amount: Money | None = None
    ) -> list[Payment]:
        ctx.principal.require("write_payments")
        await operate.operate(self._engine, "capture", order_id=order_id, key=key, amount=amount)
        return await self._payments(order_id)

    async def void(self, ctx: Context, *, order_id: UUID, key: str) -> list[Payment]:
        ctx.principal.require("write_payments")
        await operate.operate(self._engine, "void", order_id=order_id, key=key, amount=None)
        return await self._payments(order_id)

    async def refund(
        self, ctx: Context, *, order_id: UUID, key: str, amount: Money, reason: str
    ) -> list[Payment]:
        ctx.principal.require("write_refunds")
        await operate.operate(
            self._engine, "refund", order_id=order_id, key=key, amount=amount, reason=reason
        )
        return await self._payments(order_id)

    async def payments_of_order(self, ctx: Context, *, order_id: UUID) -> list[Payment]:
        ctx.principal.require("read_payments")
        return await self._payments(order_id)

    async def money_of_orders(self, ctx: Context, *, order_ids: list[UUID]) -> list[OrderMoney]:
        ctx.principal.require("read_payments")
        rows = await books.money_of_orders(self._engine.database, order_ids)
        return [OrderMoney(**dict(row)) for row in rows]

    async def receive_webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        await webhooks.receive(self._engine, provider=provider, headers=headers, body=body)

    async def list_payments(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Payment]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        rows = await books.list_payments(
            self._engine.database, order_id=order_id, before=before, limit=limit + 1
        )
        more = (
            encode_cursor((rows[limit - 1]["created_at"], rows[limit - 1]["id"]))
            if len(rows) > limit
            else None
        )
        return Page([_payment(row) for row in rows[:limit]], more)

    async def payment_events(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[PaymentEvent]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[datetime, UUID]) if cursor else None
        rows = await books.list_events(
            self._engine.database, order_id=order_id, before=before, limit=limit + 1
        )
        more = encode_cursor((rows[limit - 1]["at"], rows[limit - 1]["id"])) if len(rows) > limit else None
        return Page([_event(row) for row in rows[:limit]], more)

    async def ledger(
        self,
        ctx: Context,
        *,
        order_id: UUID | None = None,
        limit: int = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[LedgerEntry]:
        ctx.principal.require("read_payments")
        before = decode_cursor(cursor, tuple[int])[0] if cursor else None
        rows = await books.list_ledger(
            self._engine.database, order_id=order_id, before=before, limit=limit + 1
        )
        more = encode_cursor((rows[limit - 1]["id"],)) if len(rows) > limit else None
        return Page([LedgerEntry(**dict(row)) for row in rows[:limit]], more)

    async def simulator_ledger(
        self, ctx: Context, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[SimulatorEntry]:
        return await self._simulated().ledger(limit=min(max(limit, 1), 1000), cursor=cursor)

    async def simulator_session(self, ctx: Context, *, reference: str) -> SimulatorSession:
        return await self._simulated().session(reference)

    async def decide_simulator_session(
        self, ctx: Context, *, reference: str, approve: bool
    ) -> SimulatorSession:
        await self._simulated().decide(reference, approve=approve)
        return await self._simulated().session(reference)

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_system")
        return await verify(self._engine.database, self._simulator)

    def _simulated(self) -> Simulator:
        if self._simulator is None:
            raise NotFound(detail="The payment simulator is not available in production.")
        return self._simulator

    async def _payments(self, order_id: UUID) -> list[Payment]:
        return [_payment(row) for row in await books.payments_of_order(self._engine.database, order_id)]


def _payment(row: Row) -> Payment:
    currency = row["currency"]
    amounts = Amounts(row["authorized"], row["captured"], row["refunded"], row["voided"])
    return Payment(
        id=row["id"],
        order_id=row["order_id"],
        provider=row["provider"],
        status=status_of(amounts),
        authorized=Money(amounts.authorized, currency),
        captured=Money(amounts.captured, currency),
        refunded=Money(amounts.refunded, currency),
        voided=Money(amounts.voided, currency),
        reference=row["reference"],
        created_at=row["created_at"],
    )


def _event(row: Row) -> PaymentEvent:
    return PaymentEvent(
        id=row["id"],
        payment_id=row["payment_id"],
        order_id=row["order_id"],
        type=row["type"],
        reference=row["reference"],
        amount=Money(row["amount"], row["currency"]),
        at=row["at"],
        reason=row["reason"],
    )
