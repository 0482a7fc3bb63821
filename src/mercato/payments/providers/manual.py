"""Payment outside Mercato (bank transfer, cash on delivery): staff says when the money has come."""

from collections.abc import Mapping

from mercato.contracts.payments import PaymentProvider, ProviderKind, SessionStatus
from mercato.contracts.shared import Page
from mercato.kernel.errors import Invalid
from mercato.kernel.money import Money
from mercato.payments.providers.port import (
    OperationResult,
    ProviderCharge,
    ProviderSession,
    SessionRequest,
    Surroundings,
    WebhookEvent,
)


class Manual:
    """Promises the amount at once; capture and refund only record what staff did at the bank."""

    code = "manual"
    offer = PaymentProvider(
        code, "Bank transfer", "We ship when your transfer has arrived.", ProviderKind.MANUAL
    )

    async def create_session(self, request: SessionRequest) -> ProviderSession:
        return ProviderSession(
            key=request.key,
            reference=f"manual-{request.key}",
            status=SessionStatus.COMPLETED,
            amount=request.amount,
            authorized=request.amount.amount,
        )

    async def fetch(self, reference: str) -> ProviderSession | None:
        return None

    async def capture(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return OperationResult()

    async def void(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return OperationResult()

    async def refund(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return OperationResult()

    async def charges(self, *, cursor: str | None) -> Page[ProviderCharge]:
        return Page([])

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        raise Invalid("unknown_provider", "This provider sends no webhooks.")


def manual(surroundings: Surroundings) -> Manual:
    """The factory that the entry point names."""
    return Manual()
