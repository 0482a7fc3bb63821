"""What Stripe's objects say, in the words of the port. No I/O and nothing of the SDK.

Of each object only the fields that Mercato needs are read; Stripe adds others at any time.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from mercato.contracts.payments import DisputeStatus, NextAction, SessionStatus
from mercato.kernel.errors import Invalid
from mercato.kernel.money import Money, exponent
from mercato.payments.providers.port import ProviderCharge, ProviderDispute, ProviderRefund, ProviderSession

KEY = "mercato_key"
SHOP = "mercato_shop"
PAGE = "mercato_page"
"""Metadata: the key of the attempt, the shop it belongs to, and `hosted` when it began on Stripe's page."""

_WITHOUT_DECIMALS = frozenset(
    {
        "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF",
        "XPF",
    }
)  # fmt: skip
_THREE_DECIMALS = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})

_INTENT_STATUS = {
    "succeeded": SessionStatus.COMPLETED,
    "requires_capture": SessionStatus.COMPLETED,
    "processing": SessionStatus.PROCESSING,
    "requires_action": SessionStatus.REQUIRES_ACTION,
    "requires_confirmation": SessionStatus.PENDING,
    "requires_payment_method": SessionStatus.FAILED,
    "canceled": SessionStatus.CANCELED,
}
DECIDED = frozenset({"succeeded", "requires_capture", "processing"})
"""An intent in one of these is past the page where the shopper may still try another card."""


class _Failure(msgspec.Struct, frozen=True):
    code: str | None = None
    decline_code: str | None = None


class _RedirectTo(msgspec.Struct, frozen=True):
    url: str | None = None


class _NextAction(msgspec.Struct, frozen=True):
    redirect_to_url: _RedirectTo | None = None


class Charge(msgspec.Struct, frozen=True):
    """The payment of an intent, as far as it tells whether there is more to look up."""

    id: str
    amount_refunded: int = 0
    disputed: bool = False


class Intent(msgspec.Struct, frozen=True):
    """A PaymentIntent. Amounts in Stripe's units."""

    id: str
    status: str
    amount: int
    currency: str
    capture_method: str = "automatic"
    amount_capturable: int = 0
    amount_received: int = 0
    metadata: dict[str, str] = {}
    next_action: _NextAction | None = None
    last_payment_error: _Failure | None = None
    latest_charge: Charge | str | None = None


class HostedPage(msgspec.Struct, frozen=True):
    """A Checkout Session, with its PaymentIntent where it was asked for."""

    id: str
    status: str | None
    currency: str
    amount_total: int
    url: str | None = None
    metadata: dict[str, str] = {}
    payment_intent: Intent | str | None = None


class Refund(msgspec.Struct, frozen=True):
    id: str
    status: str | None = None
    failure_reason: str | None = None
    metadata: dict[str, str] = {}
    amount: int = 0


class _Evidence(msgspec.Struct, frozen=True):
    due_by: int | None = None


class _Dispute(msgspec.Struct, frozen=True):
    id: str
    amount: int
    currency: str
    status: str
    reason: str = ""
    evidence_details: _Evidence | None = None


class _EventObject(msgspec.Struct, frozen=True):
    id: str = ""
    object: str = ""
    payment_intent: str | None = None


class _EventData(msgspec.Struct, frozen=True):
    object: _EventObject


class StripeEvent(msgspec.Struct, frozen=True):
    """A webhook's body."""

    id: str
    type: str
    data: _EventData

    @property
    def reference(self) -> str:
        """The intent or page it is about; of charges, refunds and disputes their intent."""
        about = self.data.object
        if about.object in ("payment_intent", "checkout.session"):
            return about.id
        return about.payment_intent or about.id


_DISPUTE_STATUS = {
    "needs_response": DisputeStatus.NEEDS_RESPONSE,
    "under_review": DisputeStatus.UNDER_REVIEW,
    "won": DisputeStatus.WON,
    "lost": DisputeStatus.LOST,
}
"""Others are inquiries, which have moved no money."""


def refund_of(refund: Refund, currency: str) -> ProviderRefund:
    amount = from_stripe(refund.amount, currency).amount
    is_failed = refund.status in ("failed", "canceled")
    return ProviderRefund(refund.id, amount, refund.metadata.get(KEY), is_failed)


def read_disputes(data: Any) -> list[ProviderDispute]:
    return [
        ProviderDispute(
            one.id, from_stripe(one.amount, one.currency).amount, _DISPUTE_STATUS[one.status], one.reason,
            _moment(one.evidence_details.due_by if one.evidence_details else None),
        )
        for one in msgspec.convert(data["data"], list[_Dispute])
        if one.status in _DISPUTE_STATUS
    ]  # fmt: skip


def has_charge(intent: Intent) -> bool:
    """Whether the intent holds or took money, or did before it was canceled."""
    if intent.status == "canceled":
        return intent.latest_charge is not None
    return intent.status in ("succeeded", "requires_capture")


def charge_of_intent(intent: Intent) -> ProviderCharge:
    """An intent in Stripe's list. What it dropped is not compared: it says so only of the whole."""
    currency = intent.currency.upper()
    returned = intent.latest_charge.amount_refunded if isinstance(intent.latest_charge, Charge) else 0
    return ProviderCharge(
        intent.id, currency, from_stripe(intent.amount, currency).amount,
        from_stripe(intent.amount_received, currency).amount, from_stripe(returned, currency).amount,
    )  # fmt: skip


def said_of_intent(intent: Intent) -> ProviderSession:
    """How the attempt stands whose money this intent moves."""
    status = _INTENT_STATUS.get(intent.status, SessionStatus.PENDING)
    failure = intent.last_payment_error
    is_taken = intent.status == "succeeded"
    is_held = intent.status == "requires_capture"
    action = intent.next_action.redirect_to_url if intent.next_action else None
    return ProviderSession(
        key=intent.metadata.get(KEY, ""),
        reference=intent.id,
        status=status,
        amount=from_stripe(intent.amount, intent.currency),
        authorized=from_stripe(intent.amount, intent.currency).amount if is_taken or is_held else 0,
        captured=from_stripe(intent.amount_received, intent.currency).amount if is_taken else 0,
        next_action=NextAction("redirect", action.url) if action and action.url else None,
        decline_code=_decline_code(failure) if status is SessionStatus.FAILED else None,
    )


def said_of_page(page: HostedPage) -> ProviderSession:
    """How the attempt stands that began on Stripe's page: while it is open, a refused card is no end."""
    if page.status == "complete" and isinstance(page.payment_intent, Intent):
        return said_of_intent(page.payment_intent)
    status = {
        "open": SessionStatus.REQUIRES_ACTION,
        "expired": SessionStatus.EXPIRED,
        "complete": SessionStatus.PROCESSING,
    }[page.status or "open"]
    return ProviderSession(
        key=page.metadata.get(KEY, ""),
        reference=page.id,
        status=status,
        amount=from_stripe(page.amount_total, page.currency),
        next_action=NextAction("redirect", page.url) if page.status == "open" and page.url else None,
    )


def to_stripe(money: Money) -> int:
    """`money` in Stripe's smallest unit. Raises Invalid when Stripe cannot express it."""
    shift = _exponent(money.currency) - exponent(money.currency)
    scaled, left = _shifted(money.amount, shift)
    # Stripe takes currencies of three decimals only with a zero at the end.
    if left or (money.currency in _THREE_DECIMALS and scaled % 10):
        raise Invalid("amount_not_supported", f"Stripe cannot collect this amount of {money.currency}.")
    return scaled


def from_stripe(amount: int, currency: str) -> Money:
    """An amount of Stripe as money. Raises ValueError when our currency has no such unit."""
    code = currency.upper()
    shift = exponent(code) - _exponent(code)
    scaled, left = _shifted(amount, shift)
    if left:
        raise ValueError(f"{amount} of Stripe is no whole amount of {code}")
    return Money(scaled, code)


def read_refunds(data: Any) -> list[Refund]:
    return msgspec.convert(data["data"], list[Refund])


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _shifted(amount: int, places: int) -> tuple[int, int]:
    """`amount` moved by so many decimal places, and what is lost by it."""
    factor = int("1" + "0" * abs(places))
    return (amount * factor, 0) if places >= 0 else divmod(amount, factor)


def _exponent(currency: str) -> int:
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _THREE_DECIMALS else 2


def _decline_code(failure: _Failure | None) -> str:
    found = (failure.decline_code or failure.code) if failure else None
    return {None: "card_declined", "generic_decline": "card_declined"}.get(found, found or "card_declined")
