"""From rows to the structs of the contract."""

from mercato.contracts.payments import Payment, PaymentEvent
from mercato.kernel.db import Row
from mercato.kernel.money import Money
from mercato.payments.domain import Amounts, status_of


def payment_of(row: Row) -> Payment:
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
        disputed=Money(row["disputed"], currency),
    )


def payment_event_of(row: Row) -> PaymentEvent:
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
