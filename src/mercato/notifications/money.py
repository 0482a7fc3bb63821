"""What letters about gift cards and alerts about money say. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_currency

from mercato.kernel.money import Money, to_decimal
from mercato.notifications import domain

ALERTS: dict[str, tuple[str, str]] = {
    "dispute_opened": (
        "Dispute opened",
        "The shopper's bank has taken the money back. Hand in your evidence at the payment provider.",
    ),
    "dispute_won": ("Dispute won", "The bank decided for you: the money is yours again."),
    "dispute_lost": ("Dispute lost", "The bank decided for the shopper: the money is gone."),
    "refund_at_provider": (
        "Refund at the provider",
        "Somebody sent money back on the provider's own pages. The order knows.",
    ),
    "refund_came_back": (
        "A refund came back",
        "The shopper's bank returned it. Ask the shopper where the money should go, and refund again.",
    ),
    "late_payment": (
        "Paid, but not ordered",
        "Money came for an order that could not be placed any more. It goes back by itself.",
    ),
}


def _gift_card(data: dict[str, Any], url: str, locale: Locale) -> dict[str, Any]:
    expires = data.get("expires_at")
    return {
        "code": domain.one_line(data[domain.SECRET]),
        "value": _money(Money(data["value"], data["currency"]), locale),
        "expires": _day(expires, locale) if expires else "",
        "balance_url": f"{url}/gift-card",
        "message": data.get("message", ""),
    }


def _alert(data: dict[str, Any], url: str, locale: Locale) -> dict[str, Any]:
    title, text = ALERTS.get(data.get("kind", "late_payment"), ("Look at this payment", ""))
    amount = data["amount"]
    value = amount if isinstance(amount, dict) else {"amount": amount, "currency": data["currency"]}
    due = data.get("due_at")
    return {
        "title": title,
        "detail": text,
        "amount": _money(Money(value["amount"], value["currency"]), locale),
        "due": _day(due, locale) if due else "",
        "order_url": f"{url}/admin/orders/{data['order_id']}",
    }


VARIABLES: dict[str, Callable[[dict[str, Any], str, Locale], dict[str, Any]]] = {
    "gift_card_issued": _gift_card,
    "money_alert": _alert,
}
"""Template → its variables, from the data of the event, the address of the shop, the reader's locale."""


def _money(value: Money, locale: Locale) -> str:
    return format_currency(to_decimal(value), value.currency, locale=locale)


def _day(moment: str, locale: Locale) -> str:
    return format_date(datetime.fromisoformat(moment).date(), "long", locale=locale)
