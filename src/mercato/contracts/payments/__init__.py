"""Payments: sessions with a provider, payments made of append-only events, refunds, the books."""

from mercato.contracts.payments.events import PaymentChanged
from mercato.contracts.payments.records import (
    LedgerEntry,
    NextAction,
    OrderMoney,
    Payment,
    PaymentEvent,
    PaymentProvider,
    PaymentStatus,
    PaymentToken,
    PayResult,
    ProviderKind,
    SessionStatus,
)
from mercato.contracts.payments.service import Payments
from mercato.contracts.payments.simulator import SimulatorEntry, SimulatorSession

__all__ = [
    "LedgerEntry",
    "NextAction",
    "OrderMoney",
    "PayResult",
    "Payment",
    "PaymentChanged",
    "PaymentEvent",
    "PaymentProvider",
    "PaymentStatus",
    "PaymentToken",
    "Payments",
    "ProviderKind",
    "SessionStatus",
    "SimulatorEntry",
    "SimulatorSession",
]
