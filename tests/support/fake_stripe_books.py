"""The books of a stand-in for Stripe: intents, pages, refunds and disputes, and what may become of them.

It never gives back more than it took, refuses every parameter it does not know, and writes an event for
everything that happens. `fake_stripe.py` puts the API in front of it.
"""

import json
import threading
from typing import Any

OK, DECLINED, NO_FUNDS = "pm_card_visa", "pm_card_chargeDeclined", "pm_card_chargeDeclinedInsufficientFunds"
THREE_D_SECURE, SLOW = "pm_card_threeDSecure2Required", "pm_sepaDebit"

_CODES = {DECLINED: "generic_decline", NO_FUNDS: "insufficient_funds"}
_METHODS = {OK, DECLINED, NO_FUNDS, THREE_D_SECURE, SLOW}
_INTENT_FIELDS = {
    "amount", "currency", "payment_method", "confirm", "capture_method", "metadata",
    "automatic_payment_methods", "return_url",
}  # fmt: skip
_PAGE_FIELDS = {
    "mode", "line_items", "success_url", "cancel_url", "client_reference_id", "metadata",
    "payment_intent_data",
}  # fmt: skip

Answer = tuple[int, dict[str, Any]]


class Refused(Exception):
    """An answer of 4xx."""

    def __init__(self, status: int, code: str, *, kind: str = "invalid_request_error", **more: Any) -> None:
        super().__init__(code)
        self.answer: Answer = (status, {"error": {"type": kind, "code": code, "message": code, **more}})


class StripeBooks:
    """What the company knows; its lock is held by whoever changes it."""

    def __init__(self, url: str) -> None:
        self.url = url
        """Where shoppers find its pages."""
        self.intents: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, dict[str, Any]] = {}
        self.refunds: list[dict[str, Any]] = []
        self.disputes: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.page_size = 100
        self._lock = threading.RLock()
        self._charges: dict[str, str] = {}
        self._count = 0

    def books(self) -> list[tuple[str, int, int, int]]:
        """(status, held, taken, given back) of every intent, oldest first."""
        return [
            (one["status"], one["amount_capturable"], one["amount_received"], self._given_back(one["id"]))
            for one in self.intents.values()
        ]

    # What shoppers and banks do

    def pay_on_page(self, page_id: str, method: str = OK) -> None:
        """The shopper types a card on the hosted page; a refused one leaves the page open."""
        with self._lock:
            page = self.pages[page_id]
            assert page["status"] == "open", "the page is closed"
            intent = self.intents.get(page["payment_intent"] or "") or self._new_intent(
                page["amount_total"], page["currency"], page["intent_data"]
            )
            page["payment_intent"] = intent["id"]
            self._confirm(intent, method)
            if intent["status"] != "requires_payment_method":
                page |= {"status": "complete", "url": None}
                self._tell("checkout.session.completed", page)

    def expire_page(self, page_id: str) -> None:
        with self._lock:
            self.pages[page_id] |= {"status": "expired", "url": None}
            self._tell("checkout.session.expired", self.pages[page_id])

    def decide(self, intent_id: str, *, approve: bool) -> None:
        """The bank of the shopper answers: 3-D Secure, or a slow debit."""
        with self._lock:
            intent = self.intents[intent_id]
            assert intent["status"] in ("requires_action", "processing")
            self._confirm(intent, OK if approve else DECLINED)

    # What the merchant does on Stripe's own pages, and what banks do later

    def refund_in_dashboard(self, intent_id: str, amount: int) -> None:
        with self._lock:
            self._refund({"payment_intent": intent_id, "amount": amount, "metadata": {}})

    def fail_refund(self, refund_id: str) -> None:
        """The shopper's bank sends a refund back."""
        with self._lock:
            refund = next(one for one in self.refunds if one["id"] == refund_id)
            refund["status"] = "failed"
            self._tell("refund.failed", refund)

    def cancel_in_dashboard(self, intent_id: str) -> None:
        """Or the authorization has run out."""
        with self._lock:
            self._cancel(self._intent(intent_id), {})

    def capture_in_dashboard(self, intent_id: str) -> None:
        with self._lock:
            self._capture(self._intent(intent_id), {})

    def dispute(self, intent_id: str, status: str, *, amount: int, due_by: int | None = None) -> None:
        """The shopper's bank takes money back, or decides about it."""
        with self._lock:
            known = next((one for one in self.disputes if one["payment_intent"] == intent_id), None)
            if known is None:
                known = {
                    "id": self._id("dp"), "object": "dispute", "payment_intent": intent_id, "amount": amount,
                    "currency": self._intent(intent_id)["currency"], "reason": "fraudulent",
                    "evidence_details": {"due_by": due_by},
                }  # fmt: skip
                self.disputes.append(known)
            known["status"] = status
            self._tell("charge.dispute.updated", known)

    # What the API asks for: one request, already authorized

    def _do(self, method: str, path: str, params: dict[str, Any]) -> dict[str, Any]:
        parts = path.removeprefix("/v1/").split("/")
        match [method, *parts]:
            case ["POST", "payment_intents"]:
                return self._create_intent(params)
            case ["GET", "payment_intents"]:
                self._only(params, {"limit", "starting_after", "expand"})
                return self._page_of_intents(params)
            case ["GET", "payment_intents", intent_id]:
                self._only(params, {"expand"})
                return self._charged(self._intent(intent_id))
            case ["GET", "disputes"]:
                self._only(params, {"payment_intent", "limit"})
                return _list(
                    [one for one in self.disputes if one["payment_intent"] == params["payment_intent"]]
                )
            case ["POST", "payment_intents", intent_id, "capture"]:
                return self._capture(self._intent(intent_id), params)
            case ["POST", "payment_intents", intent_id, "cancel"]:
                return self._cancel(self._intent(intent_id), params)
            case ["GET", "refunds"]:
                self._only(params, {"payment_intent", "limit"})
                intent = self._intent(params["payment_intent"])
                return _list([one for one in self.refunds if one["payment_intent"] == intent["id"]])
            case ["POST", "refunds"]:
                return self._refund(params)
            case ["POST", "checkout", "sessions"]:
                return self._open_page(params)
            case ["GET", "checkout", "sessions"]:
                self._only(params, {"payment_intent", "limit", "expand"})
                pages = [p for p in self.pages.values() if p["payment_intent"] == params["payment_intent"]]
                return _list([self._expanded(page) for page in pages])
            case ["GET", "checkout", "sessions", page_id]:
                self._only(params, {"expand"})
                if page_id not in self.pages:
                    raise Refused(404, "resource_missing")
                return self._expanded(self.pages[page_id])
        raise Refused(404, "url_unknown")

    def _create_intent(self, params: dict[str, Any]) -> dict[str, Any]:
        self._only(params, _INTENT_FIELDS)
        method = params.get("payment_method", "")
        if method not in _METHODS:
            raise Refused(400, "resource_missing", param="payment_method")
        intent = self._new_intent(int(params["amount"]), params["currency"], params)
        if params.get("confirm") == "true":
            self._confirm(intent, method)
        if intent["status"] == "requires_payment_method" and intent["last_payment_error"]:
            error = intent["last_payment_error"]
            raise Refused(
                402, error["code"], kind="card_error", decline_code=error["decline_code"],
                payment_intent=json.loads(json.dumps(intent)),
            )  # fmt: skip
        return intent

    def _new_intent(self, amount: int, currency: str, params: dict[str, Any]) -> dict[str, Any]:
        if amount <= 0 or not (len(currency) == 3 and currency.islower()):
            raise Refused(400, "parameter_invalid")
        intent = {
            "id": self._id("pi"),
            "object": "payment_intent",
            "status": "requires_payment_method",
            "amount": amount,
            "currency": currency,
            "amount_capturable": 0,
            "amount_received": 0,
            "capture_method": params.get("capture_method", "automatic_async"),
            "metadata": params.get("metadata", {}),
            "next_action": None,
            "last_payment_error": None,
            "return_url": params.get("return_url"),
        }
        self.intents[intent["id"]] = intent
        return intent

    def _confirm(self, intent: dict[str, Any], method: str) -> None:
        intent |= {"next_action": None, "last_payment_error": None}
        if method in _CODES:
            error = {"code": "card_declined", "decline_code": _CODES[method], "type": "card_error"}
            intent |= {"status": "requires_payment_method", "last_payment_error": error}
            self._tell("payment_intent.payment_failed", intent)
        elif method == THREE_D_SECURE:
            url = f"{self.url}/3ds/{intent['id']}"
            action = {"type": "redirect_to_url", "redirect_to_url": {"url": url}}
            intent |= {"status": "requires_action", "next_action": action}
            self._tell("payment_intent.requires_action", intent)
        elif method == SLOW:
            intent["status"] = "processing"
            self._tell("payment_intent.processing", intent)
        elif intent["capture_method"] == "manual":
            self._charges[intent["id"]] = self._id("ch")
            intent |= {"status": "requires_capture", "amount_capturable": intent["amount"]}
            self._tell("payment_intent.amount_capturable_updated", intent)
        else:
            self._charges[intent["id"]] = self._id("ch")
            intent |= {"status": "succeeded", "amount_received": intent["amount"]}
            self._tell("payment_intent.succeeded", intent)

    def _capture(self, intent: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        self._only(params, {"amount_to_capture"})
        if intent["status"] != "requires_capture":
            raise Refused(400, "payment_intent_unexpected_state")
        amount = int(params.get("amount_to_capture", intent["amount_capturable"]))
        if not 0 < amount <= intent["amount_capturable"]:
            raise Refused(400, "amount_too_large")
        # The rest of a capture of a part is let go.
        intent |= {"status": "succeeded", "amount_received": amount, "amount_capturable": 0}
        self._tell("payment_intent.succeeded", intent)
        return intent

    def _cancel(self, intent: dict[str, Any], params: dict[str, Any]) -> dict[str, Any]:
        self._only(params, set())
        if intent["status"] in ("succeeded", "canceled", "processing"):
            raise Refused(400, "payment_intent_unexpected_state")
        intent |= {"status": "canceled", "amount_capturable": 0}
        self._tell("payment_intent.canceled", intent)
        return intent

    def _refund(self, params: dict[str, Any]) -> dict[str, Any]:
        self._only(params, {"payment_intent", "amount", "metadata"})
        intent, amount = self._intent(params["payment_intent"]), int(params["amount"])
        left = intent["amount_received"] - self._given_back(intent["id"])
        if not 0 < amount <= left:
            raise Refused(400, "charge_already_refunded" if not left else "amount_too_large")
        refund = {
            "id": self._id("re"), "object": "refund", "status": "succeeded", "amount": amount,
            "payment_intent": intent["id"], "metadata": params.get("metadata", {}),
        }  # fmt: skip
        self.refunds.insert(0, refund)
        charge = {"id": self._id("ch"), "object": "charge", "payment_intent": intent["id"]}
        self._tell("charge.refunded", charge)
        return refund

    def _open_page(self, params: dict[str, Any]) -> dict[str, Any]:
        self._only(params, _PAGE_FIELDS)
        [line] = params["line_items"].values()
        price, page_id = line["price_data"], self._id("cs_test")
        if params["mode"] != "payment" or not price["product_data"]["name"]:
            raise Refused(400, "parameter_invalid")
        for name in ("success_url", "cancel_url"):
            if not params[name].startswith(("http://", "https://")):
                raise Refused(400, "url_invalid", param=name)
        page = {
            "id": page_id, "object": "checkout.session", "status": "open", "url": f"{self.url}/pay/{page_id}",
            "amount_total": int(price["unit_amount"]) * int(line["quantity"]), "currency": price["currency"],
            "metadata": params["metadata"], "payment_intent": None,
            "intent_data": params["payment_intent_data"],
            "success_url": params["success_url"], "cancel_url": params["cancel_url"],
        }  # fmt: skip
        self.pages[page_id] = page
        return page

    def _expanded(self, page: dict[str, Any]) -> dict[str, Any]:
        return {**page, "payment_intent": self.intents.get(page["payment_intent"] or "")}

    def _page_of_intents(self, params: dict[str, Any]) -> dict[str, Any]:
        """Newest first, as Stripe lists."""
        newest = list(reversed(self.intents.values()))
        ids = [one["id"] for one in newest]
        start = ids.index(params["starting_after"]) + 1 if "starting_after" in params else 0
        end = start + min(int(params["limit"]), self.page_size)
        found = _list([self._charged(one) for one in newest[start:end]])
        return {**found, "has_more": end < len(newest)}

    def _charged(self, intent: dict[str, Any]) -> dict[str, Any]:
        """The intent with its charge, when money was held or taken for it."""
        intent_id = intent["id"]
        if intent_id not in self._charges:
            return {**intent, "latest_charge": None}
        charge = {
            "id": self._charges[intent_id], "object": "charge",
            "amount_refunded": self._given_back(intent_id),
            "disputed": any(one["payment_intent"] == intent_id for one in self.disputes),
        }  # fmt: skip
        return {**intent, "latest_charge": charge}

    def _given_back(self, intent_id: str) -> int:
        return sum(
            one["amount"]
            for one in self.refunds
            if one["payment_intent"] == intent_id and one["status"] != "failed"
        )

    def _intent(self, intent_id: str) -> dict[str, Any]:
        if intent_id not in self.intents:
            raise Refused(404, "resource_missing", param="intent")
        return self.intents[intent_id]

    def _only(self, params: dict[str, Any], known: set[str]) -> None:
        if strange := params.keys() - known:
            raise Refused(400, "parameter_unknown", param=sorted(strange)[0])

    def _tell(self, kind: str, about: dict[str, Any]) -> None:
        self.events.append(self._event(kind, json.loads(json.dumps(about))))

    def _event(self, kind: str, about: dict[str, Any]) -> dict[str, Any]:
        return {"id": self._id("evt"), "object": "event", "type": kind, "data": {"object": about}}

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}_{self._count:06d}x"


def _list(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": items, "has_more": False}
