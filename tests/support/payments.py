"""The payments service on a real database, and the questions tests ask it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.payments import PayResult
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import Database
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.kernel.standard_webhooks import sign
from mercato.payments.service import PaymentsService

EUR_100 = Money(10_000, "EUR")


class PaymentsShop:
    """One payments service, and the questions tests ask it."""

    def __init__(self, runtime: Runtime, service: Service) -> None:
        self.runtime = runtime
        self.payments: PaymentsService = service.impl
        self.schedules = {schedule.name: schedule for schedule in service.schedules}
        self.database: Database = runtime.database("payments")

    async def pay(
        self, order_id: UUID | None = None, *, ctx: Context = SYSTEM_CONTEXT, **changes: Any
    ) -> PayResult:
        request: dict[str, Any] = {
            "order_id": order_id or new_id(),
            "attempt": 1,
            "amount": EUR_100,
            "provider": "simulator",
            "token": "sim_ok",
            "return_url": None,
            "capture": True,
        }
        return await self.payments.pay(ctx, **(request | changes))

    async def charges(self) -> list[tuple[str, int, int, int, int]]:
        """(status, authorized, captured, refunded, voided) of the simulator's books, oldest first."""
        page = await self.payments.simulator_ledger(SYSTEM_CONTEXT)
        return [(e.status, e.authorized, e.captured, e.refunded, e.voided) for e in page.items]

    async def published(self) -> list[str]:
        """Kinds of the events that wait in the outbox, in order."""
        rows = await self.database.fetch("select body from payments.outbox order by position")
        return [msgspec.json.decode(row["body"])["kind"] for row in rows]

    async def differences(self) -> list[str]:
        return [found.check for found in (await self.payments.verify(SYSTEM_CONTEXT)).differences]

    async def deliver_webhooks(self) -> None:
        await self.schedules["payments-simulator"].run()

    async def sweep(self) -> None:
        await self.schedules["payments-sweep"].run()

    async def webhook(self, event_id: str, reference: str, *, fault: str = "") -> None:
        """Send a webhook as the simulated company does, or as somebody else would."""
        body = msgspec.json.encode({"type": "payment.decided", "reference": reference})
        secret = b"wrong" if fault == "forged" else b"simulator-webhooks:" + b"s" * 32
        at = clock.now() - timedelta(minutes=6 if fault == "stale" else 0)
        headers = {} if fault == "unsigned" else sign(secret, webhook_id=event_id, at=at, body=body)
        await self.payments.receive_webhook(SYSTEM_CONTEXT, provider="simulator", headers=headers, body=body)

    async def forget_operation(self) -> None:
        """Put the books back to where a crash between the provider's answer and our record leaves them."""
        async with self.database.transaction() as tx:
            await tx.execute(
                "delete from payments.ledger l using payments.events e"
                " where l.event_id = e.id and e.type like 'refund%'"
            )
            await tx.execute("delete from payments.events where type like 'refund%'")
            await tx.execute("update payments.payments set refunded = 0")
            await tx.execute(
                "update payments.operations set status = 'requested', due_at = now() - interval '1 minute'"
            )
