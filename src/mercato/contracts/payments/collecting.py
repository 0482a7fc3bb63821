"""Collecting money and giving it back."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.payments.credit import CreditUse
from mercato.contracts.payments.records import OrderMoney, Payment, PaymentProvider, PayResult
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class Collecting(Protocol):
    """Every call that moves money is idempotent on the id given by the caller."""

    @idempotent
    async def providers(self, ctx: Context) -> list[PaymentProvider]:
        """The ways to pay, the first one preset; anybody may ask."""

    @idempotent
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
        """Try to collect `amount`, after `credits` were taken from gift cards and store credit; when nothing
        is left to collect, no provider is asked. The same (order, attempt) never charges twice.
        Raises Invalid("unknown_provider"), Unavailable when the provider does not answer: ask again."""

    @idempotent
    async def result(self, ctx: Context, *, order_id: UUID, attempt: int) -> PayResult | None:
        """How an attempt stands now, asking the provider when it is still open; None when it never began."""

    @idempotent
    async def capture(
        self, ctx: Context, *, order_id: UUID, key: str, amount: Money | None = None
    ) -> list[Payment]:
        """Take held funds, all when `amount` is None, once per `key`. Raises Conflict."""

    @idempotent
    async def void(self, ctx: Context, *, order_id: UUID, key: str) -> list[Payment]:
        """Drop what is authorized and not captured, once per `key`."""

    @idempotent
    async def refund(
        self, ctx: Context, *, order_id: UUID, key: str, amount: Money, reason: str
    ) -> list[Payment]:
        """Send money back, once per `key`, never more than captured. Raises Conflict("refund_too_large")."""

    @idempotent
    async def payments_of_order(self, ctx: Context, *, order_id: UUID) -> list[Payment]: ...

    @idempotent
    async def money_of_orders(self, ctx: Context, *, order_ids: list[UUID]) -> list[OrderMoney]: ...

    async def receive_webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None:
        """Check the signature and its age, store once, process. Raises Invalid("signature_invalid")."""
