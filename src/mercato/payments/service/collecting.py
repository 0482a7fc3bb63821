"""Collecting money and giving it back."""

from uuid import UUID

from mercato.contracts.payments import CreditUse, OrderMoney, Payment, PaymentProvider, PayResult
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.payments.actions import operate, pay, webhooks
from mercato.payments.service.part import Part
from mercato.payments.store import books


class CollectingPart(Part):
    """Moving money is for the orders service (system) and staff."""

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
        credits: list[CreditUse] | None = None,
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
            credits=credits or (),
            answer_by=ctx.deadline,
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
