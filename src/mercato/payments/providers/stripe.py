"""Stripe, by its official SDK. A card number never reaches Mercato: the shopper types it at Stripe.

With a token (a PaymentMethod made by Stripe's own form) the attempt is a PaymentIntent; without one it is
a Checkout Session, Stripe's hosted page, and the PaymentIntent that the page makes.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Mapping
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin, urlsplit

import msgspec
import structlog

from mercato.contracts.payments import PaymentProvider, ProviderKind
from mercato.contracts.shared import Page
from mercato.kernel.errors import Conflict, Invalid, Unavailable
from mercato.kernel.money import Money
from mercato.payments.providers.port import (
    CALL_TIMEOUT_S,
    OperationResult,
    ProviderCharge,
    ProviderDispute,
    ProviderRefund,
    ProviderSession,
    SessionRequest,
    Surroundings,
    WebhookEvent,
)
from mercato.payments.providers.stripe_objects import (
    DECIDED,
    KEY,
    PAGE,
    SHOP,
    Charge,
    HostedPage,
    Intent,
    StripeEvent,
    charge_of_intent,
    has_charge,
    read_disputes,
    read_refunds,
    refund_of,
    said_of_intent,
    said_of_page,
    to_stripe,
)
from mercato.settings import Settings, SettingsError

T = TypeVar("T")

REPLAYED = "Idempotent-Replayed"
_TOKENS = ("pm_", "card_", "src_")
_REFUNDS_READ = 100
_LISTED = 100

log = structlog.get_logger(__name__)


class Stripe:
    """The provider. Asking again under the same key is safe: Stripe keeps each key's first answer."""

    code = "stripe"

    def __init__(self, settings: Settings, *, timeout_s: float = CALL_TIMEOUT_S) -> None:
        # The SDK costs 30 MB and half a second: only a process that takes money with it pays for it.
        self._sdk: Any = import_module("stripe")
        self._client: Any = self._sdk.StripeClient(
            settings.stripe_secret_key,
            http_client=self._sdk.HTTPXClient(timeout=timeout_s),
            base_addresses={"api": settings.stripe_api_base},
            max_network_retries=0,
        )
        self._webhook_secret = settings.stripe_webhook_secret
        self._public_url = settings.public_url
        self._shop = hmac.new(settings.secret_key.encode(), b"stripe", hashlib.sha256).hexdigest()[:16]
        """Tells our attempts from those of another shop on the same account, such as a test shop."""
        self.offer = PaymentProvider(
            self.code,
            "Card",
            "You pay on Stripe's page and come back here.",
            ProviderKind.REDIRECT,
            is_test="_test_" in settings.stripe_secret_key,
            public_key=settings.stripe_publishable_key,
        )

    async def create_session(self, request: SessionRequest) -> ProviderSession:
        if request.token is None:
            return await self._open_page(request)
        if not request.token.startswith(_TOKENS):
            raise Invalid("token_invalid", "Send the id of a PaymentMethod made by Stripe's form.")
        try:
            found = await self._ask(
                self._client.v1.payment_intents.create_async(
                    self._intent_of(request, request.token), {"idempotency_key": request.key}
                )
            )
        except self._sdk.CardError as refused:
            return self._declined(refused)
        except self._sdk.InvalidRequestError as refused:
            raise _invalid(refused) from None
        return await self._fresh(found, said_of_intent(_read(found, Intent)))

    async def fetch(self, reference: str) -> ProviderSession | None:
        if reference.startswith("cs_"):
            params = {"expand": ["payment_intent"]}
            page = await self._find(self._client.v1.checkout.sessions.retrieve_async(reference, params))
            return self._ours(_read(page, HostedPage)) if page is not None else None
        if not reference.startswith("pi_"):
            return None
        params = {"expand": ["latest_charge"]}
        found = await self._find(self._client.v1.payment_intents.retrieve_async(reference, params))
        if found is None:
            return None
        intent = _read(found, Intent)
        if PAGE in intent.metadata and intent.status not in DECIDED:
            return await self._page_of(intent)
        said = self._ours(intent)
        return said if said is None else await self._with_outside(intent, said)

    async def charges(self, *, cursor: str | None) -> Page[ProviderCharge]:
        params: dict[str, Any] = {"limit": _LISTED, "expand": ["data.latest_charge"]}
        if cursor is not None:
            params["starting_after"] = cursor
        listed = _data(await self._ask(self._client.v1.payment_intents.list_async(params)))
        intents = msgspec.convert(listed["data"], list[Intent])
        ours = [intent for intent in intents if intent.metadata.get(SHOP) == self._shop]
        found = [charge_of_intent(intent) for intent in ours if has_charge(intent)]
        return Page(found, intents[-1].id if listed["has_more"] else None)

    async def capture(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        return await self._operate(
            self._client.v1.payment_intents.capture_async(
                reference, {"amount_to_capture": to_stripe(amount)}, {"idempotency_key": key}
            )
        )

    async def void(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        """Drop what is held. A capture of a part has made Stripe drop the rest already."""
        found = await self._find(self._client.v1.payment_intents.retrieve_async(reference))
        if found is None:
            return OperationResult(failure="unknown_charge")
        intent = _read(found, Intent)
        is_part_taken = intent.status == "succeeded" and intent.amount_received < intent.amount
        held = intent.amount - intent.amount_received if is_part_taken else intent.amount_capturable
        if (is_part_taken or intent.status == "requires_capture") and to_stripe(amount) > held:
            return OperationResult(failure="void_too_large")
        if is_part_taken:
            return OperationResult()
        return await self._operate(
            self._client.v1.payment_intents.cancel_async(reference, {}, {"idempotency_key": key})
        )

    async def refund(self, *, reference: str, amount: Money, key: str) -> OperationResult:
        """Send money back. Stripe forgets a key after a day, so what was sent back is looked at first."""
        refunds = self._client.v1.refunds
        listed = await self._find(refunds.list_async({"payment_intent": reference, "limit": _REFUNDS_READ}))
        if listed is None:
            return OperationResult(failure="unknown_charge")
        known = [refund for refund in read_refunds(_data(listed)) if refund.metadata.get(KEY) == key]
        if known:
            return _refunded(known[0].status, known[0].failure_reason)
        body = {"payment_intent": reference, "amount": to_stripe(amount), "metadata": {KEY: key}}
        return await self._operate(refunds.create_async(body, {"idempotency_key": key}), is_refund=True)

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        signature = headers.get("stripe-signature", "")
        try:
            self._sdk.Webhook.construct_event(body, signature, self._webhook_secret)
            event = msgspec.json.decode(body, type=StripeEvent)
        except self._sdk.SignatureVerificationError:
            raise Invalid("signature_invalid", "The webhook is forged, unsigned or too old.") from None
        except (ValueError, AttributeError):
            raise Invalid("malformed", "The webhook's body cannot be read.") from None
        return WebhookEvent(event.id, event.reference)

    async def _open_page(self, request: SessionRequest) -> ProviderSession:
        if request.return_url is None:
            raise Invalid("return_url_missing", "Say in return_url where the shopper comes back to.")
        back = urljoin(f"{self._public_url}/", request.return_url)
        given_up = f"{back}{'&' if urlsplit(back).query else '?'}{urlencode({'canceled': '1'})}"
        metadata = self._metadata(request, PAGE)
        price = {
            "currency": request.amount.currency.lower(),
            "unit_amount": to_stripe(request.amount),
            "product_data": {"name": "Your order"},
        }
        params = {
            "mode": "payment",
            "line_items": [{"price_data": price, "quantity": 1}],
            "success_url": back,
            "cancel_url": given_up,
            "client_reference_id": request.key,
            "metadata": metadata,
            "payment_intent_data": {"capture_method": _capture_method(request), "metadata": metadata},
        }
        sessions = self._client.v1.checkout.sessions
        try:
            found = await self._ask(sessions.create_async(params, {"idempotency_key": request.key}))
        except self._sdk.InvalidRequestError as refused:
            raise _invalid(refused) from None
        return await self._fresh(found, said_of_page(_read(found, HostedPage)))

    def _intent_of(self, request: SessionRequest, token: str) -> dict[str, Any]:
        params: dict[str, Any] = {
            "amount": to_stripe(request.amount),
            "currency": request.amount.currency.lower(),
            "payment_method": token,
            "confirm": True,
            "capture_method": _capture_method(request),
            "metadata": self._metadata(request),
        }
        redirects = "always" if request.return_url else "never"
        params["automatic_payment_methods"] = {"enabled": True, "allow_redirects": redirects}
        if request.return_url:
            params["return_url"] = urljoin(f"{self._public_url}/", request.return_url)
        return params

    def _metadata(self, request: SessionRequest, *marks: str) -> dict[str, str]:
        return {KEY: request.key, SHOP: self._shop, **dict.fromkeys(marks, "hosted")}

    async def _fresh(self, found: Any, said: ProviderSession) -> ProviderSession:
        """The answer, or how things stand now when Stripe repeated its first answer to this key."""
        if found.last_response.headers.get(REPLAYED) != "true":
            return said
        return await self.fetch(said.reference) or said

    async def _with_outside(self, intent: Intent, said: ProviderSession) -> ProviderSession:
        """The attempt with its refunds and disputes, looked up only when its charge says there are any."""
        charge = intent.latest_charge
        if not isinstance(charge, Charge):
            return said
        refunds: list[ProviderRefund] = []
        disputes: list[ProviderDispute] = []
        if charge.amount_refunded or said.captured:
            listed = await self._ask(
                self._client.v1.refunds.list_async({"payment_intent": intent.id, "limit": _REFUNDS_READ})
            )
            refunds = [refund_of(one, intent.currency) for one in read_refunds(_data(listed))]
        if charge.disputed:
            found = await self._ask(
                self._client.v1.disputes.list_async({"payment_intent": intent.id, "limit": _LISTED})
            )
            disputes = read_disputes(_data(found))
        if intent.status == "canceled":
            # It had held the whole amount, and holds nothing any more.
            return msgspec.structs.replace(
                said,
                authorized=said.amount.amount,
                voided=said.amount.amount,
                refunds=refunds,
                disputes=disputes,
            )
        return msgspec.structs.replace(said, refunds=refunds, disputes=disputes)

    async def _page_of(self, intent: Intent) -> ProviderSession | None:
        """Of an intent that Stripe's page made, the page says whether the shopper may still pay."""
        params = {"payment_intent": intent.id, "limit": 1, "expand": ["data.payment_intent"]}
        listed = await self._ask(self._client.v1.checkout.sessions.list_async(params))
        pages = msgspec.convert(_data(listed)["data"], list[HostedPage])
        return self._ours(pages[0]) if pages else None

    def _ours(self, found: Intent | HostedPage) -> ProviderSession | None:
        if found.metadata.get(SHOP) != self._shop or KEY not in found.metadata:
            return None
        return said_of_page(found) if isinstance(found, HostedPage) else said_of_intent(found)

    def _declined(self, refused: Any) -> ProviderSession:
        error = (refused.json_body or {}).get("error", {})
        if "payment_intent" not in error:
            raise Invalid(refused.code or "card_declined", "The bank declined the card.")
        return said_of_intent(msgspec.convert(error["payment_intent"], Intent))

    async def _operate(self, call: Awaitable[Any], *, is_refund: bool = False) -> OperationResult:
        try:
            data = _data(await self._ask(call))
        except (self._sdk.CardError, self._sdk.InvalidRequestError) as refused:
            return OperationResult(failure=refused.code or "refused")
        return _refunded(data.get("status"), data.get("failure_reason")) if is_refund else OperationResult()

    async def _find(self, call: Awaitable[T]) -> T | None:
        try:
            return await self._ask(call)
        except self._sdk.InvalidRequestError as refused:
            if refused.http_status == 404 or refused.code == "resource_missing":
                return None
            raise _invalid(refused) from None

    async def _ask(self, call: Awaitable[T]) -> T:
        """Raises Unavailable when nobody knows what Stripe did: the same key asks again."""
        try:
            return await call
        except self._sdk.IdempotencyError:
            raise Conflict("idempotency_mismatch", "This key was used for another amount.") from None
        except (self._sdk.AuthenticationError, self._sdk.PermissionError) as refused:
            log.error("stripe_refuses_the_key", request_id=refused.request_id, status=refused.http_status)
            raise Unavailable("provider_misconfigured", "The payment provider is not set up.") from None
        except (self._sdk.APIConnectionError, self._sdk.APIError, self._sdk.RateLimitError) as error:
            log.warning("stripe_did_not_answer", error=type(error).__name__, status=error.http_status)
            raise Unavailable("provider_timeout", "The payment provider did not answer.") from None


def stripe(surroundings: Surroundings) -> Stripe:
    """The factory that the entry point names. Raises SettingsError."""
    settings = surroundings.settings
    if not settings.stripe_secret_key:
        raise SettingsError("Set MERCATO_STRIPE_SECRET_KEY to the secret key of your Stripe account.")
    if settings.is_production and not settings.stripe_webhook_secret:
        raise SettingsError("Set MERCATO_STRIPE_WEBHOOK_SECRET: production needs Stripe's messages.")
    return Stripe(settings)


def _read(found: Any, type_: type[T]) -> T:
    return msgspec.convert(_data(found), type_)


def _data(found: Any) -> Any:
    """The answer as Stripe sent it; the SDK's objects hide missing fields from a decoder."""
    return found.last_response.data


def _refunded(status: str | None, reason: str | None) -> OperationResult:
    """`pending` counts: the bank of the shopper takes days."""
    return OperationResult(failure=reason or "refused" if status in ("failed", "canceled") else None)


def _capture_method(request: SessionRequest) -> str:
    return "automatic" if request.captures else "manual"


def _invalid(refused: Any) -> Invalid:
    if refused.code == "resource_missing":
        return Invalid("token_invalid", "Stripe does not know this payment method.")
    return Invalid("payment_refused", f"Stripe refuses this payment: {refused.code or refused.param}.")
