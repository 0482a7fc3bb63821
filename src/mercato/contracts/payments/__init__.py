"""Payments: sessions with a provider, payments made of append-only events, refunds, the books."""

from mercato.contracts.payments.credit import (
    MAX_GIFT_MESSAGE,
    CreditBalance,
    CreditEntry,
    CreditKind,
    CreditUse,
    GiftCard,
    GiftCardCode,
    GiftCardHistory,
    GiftCardStatus,
    IssuedGiftCard,
    SoldCard,
    StoreCredit,
)
from mercato.contracts.payments.disputes import Dispute, DisputeStatus
from mercato.contracts.payments.events import GiftCardIssued, MoneyAlert, PaymentChanged
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
    "MAX_GIFT_MESSAGE",
    "CreditBalance",
    "CreditEntry",
    "CreditKind",
    "CreditUse",
    "Dispute",
    "DisputeStatus",
    "GiftCard",
    "GiftCardCode",
    "GiftCardHistory",
    "GiftCardIssued",
    "GiftCardStatus",
    "IssuedGiftCard",
    "LedgerEntry",
    "MoneyAlert",
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
    "SoldCard",
    "StoreCredit",
]
