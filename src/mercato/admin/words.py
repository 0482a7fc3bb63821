"""How the admin words statuses and colors their badges: one table, used by every page."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from mercato.contracts.orders import TimelineEntry
from mercato.kernel.money import Money
from mercato.ui import formats

LABELS = {
    "none": ("Unpaid", "warn"),
    "authorized": ("Authorized", "info"),
    "partially_paid": ("Partly paid", "warn"),
    "paid": ("Paid", "ok"),
    "partially_refunded": ("Partly refunded", "neutral"),
    "refunded": ("Refunded", "neutral"),
    "voided": ("Voided", "neutral"),
    "overpaid": ("Overpaid", "warn"),
    "refund_due": ("Refund due", "warn"),
    "unfulfilled": ("Unfulfilled", "warn"),
    "partial": ("Partly shipped", "warn"),
    "fulfilled": ("Shipped", "ok"),
    "delivered": ("Delivered", "ok"),
    "draft": ("Draft", "neutral"),
    "placed": ("Placed", "info"),
    "completed": ("Completed", "ok"),
    "canceled": ("Canceled", "danger"),
    "expired": ("Expired", "neutral"),
    "requested": ("Requested", "warn"),
    "approved": ("Approved", "info"),
    "confirmed": ("Confirmed", "ok"),
    "pending": ("Pending", "warn"),
    "packed": ("Packed", "info"),
    "shipped": ("Shipped", "ok"),
    "failed": ("Failed", "danger"),
    "active": ("Active", "ok"),
    "archived": ("Archived", "neutral"),
    "in_transit": ("In transit", "info"),
    "received": ("Received", "ok"),
    "open": ("Open", "info"),
    "applied": ("Applied", "ok"),
    "closed": ("Closed", "neutral"),
    "used_up": ("Used up", "neutral"),
    "disabled": ("Disabled", "danger"),
    "needs_response": ("Needs an answer", "danger"),
    "under_review": ("Under review", "warn"),
    "won": ("Won", "ok"),
    "lost": ("Lost", "danger"),
    "queued": ("Queued", "warn"),
    "sent": ("Sent", "ok"),
    "on_its_way": ("On its way", "info"),
}

SAID = {
    "captured": "The payment was captured.",
    "refunded": "The refund is on its way to the customer.",
    "refund_granted": "The refund is granted. It is sent when you say so, below.",
    "refund_withdrawn": "The refund was taken back. Nothing was sent.",
    "canceled": "The order was canceled, its payment given back and its stock freed.",
    "fulfilled": "The fulfillment was created.",
    "shipped": "Marked as shipped; the customer gets a mail with the tracking.",
    "delivered": "Marked as delivered.",
    "fulfillment_canceled": "The fulfillment was canceled.",
    "noted": "The note was added.",
    "draft_sent": "The customer gets a mail with the link.",
    "draft_placed": "The order was placed.",
    "tagged": "The tags were saved.",
    "change_confirmed": "The change was made.",
    "change_canceled": "It was canceled.",
    "return_approved": "The return is approved; the customer gets a mail.",
    "return_received": "Received. What is owed to the customer is on its way.",
    "saved": "Saved.",
    "colleague_added": "The colleague was added; tell them their first password.",
    "switched_off": "The account is switched off and signed out everywhere.",
    "switched_on": "The account is switched on.",
    "role_created": "The role was made.",
    "role_deleted": "The role was deleted.",
    "created": "The product was created.",
    "deleted": "The product was deleted.",
    "image_added": "The picture was added.",
    "image_deleted": "The picture was deleted.",
    "stock_set": "The stock was set.",
    "stock_adjusted": "The change was booked.",
    "stock_received": "The delivery was booked.",
    "transfer_sent": "The goods are on their way.",
    "transfer_received": "The arrival was booked.",
    "transfer_canceled": "The goods are back where they came from.",
    "counted": "The counts were added.",
    "take_applied": "The stock was corrected.",
    "take_canceled": "The count was given up; nothing was corrected.",
    "retried": "The event was handled.",
    "order_retried": "It is being tried again.",
    "job_retried": "The job is queued again.",
    "discarded": "The event was discarded.",
    "invited": "The invitation is on its way.",
    "invitation_revoked": "The link no longer works.",
    "not_impersonable": "Say why; only active, confirmed accounts of others can be acted for.",
    "rights_exceeded": "This account has rights that you do not have.",
    "copy_asked": "The copy is being made; it is on the page Privacy in a moment.",
    "erasure_asked": "The account is gone; the rest follows in a moment.",
    "retention_done": "Everything whose time was over is gone.",
    "merged": "The other account was taken into this one; its orders follow in a moment.",
    "merge_unknown": "There is no other account with exactly this address.",
    "merge_refused": "These two cannot be merged: one is staff, blocked, deleted, or both are the same.",
    "card_changed": "The gift card was changed.",
    "card_adjusted": "The balance was changed.",
    "credit_adjusted": "The store credit was changed.",
    "promotion_deleted": "The promotion was deleted with its codes.",
    "price_list_deleted": "The price list was deleted with its prices.",
    "group_deleted": "The customer group was deleted.",
    "codes_made": "The codes are made.",
    "key_revoked": "The key was revoked.",
    "label_bought": "The label is bought; print it and put it on the parcel.",
    "sender_saved": "Saved. Labels that are bought from now on name this sender.",
    "method_deleted": "The delivery method was deleted.",
    "zone_deleted": "The zone was deleted.",
    "invoice_issued": "The invoice is issued; it is with the other papers of the order.",
    "seller_saved": "Saved for papers that are issued from now on; those that were issued stay as they are.",
    "resent": "The mail is sent again.",
    "factors_reset": "The second factors are gone and every session has ended; a mail says so.",
    "no_factor": "This account has no second factor.",
    "reports_cleared": "The reports are forgotten; what still goes wrong is reported again.",
}
"""What a page says after something was done: code in the address → sentence."""

CHANGE_TITLES = {"edit": "Edit", "return": "Return", "exchange": "Exchange", "claim": "Claim"}

MARKS = {
    "return_requested": "warn",
    "return_received": "ok",
    "placed": "ok",
    "payment_captured": "ok",
    "payment_refunded": "warn",
    "refund_granted": "warn",
    "refund_withdrawn": "neutral",
    "payment_declined": "danger",
    "payment_failed": "danger",
    "payment_late": "danger",
    "fulfillment_shipped": "ok",
    "fulfillment_delivered": "ok",
    "dispute_opened": "danger",
    "dispute_won": "ok",
    "dispute_lost": "danger",
    "refund_at_provider": "warn",
    "refund_came_back": "danger",
    "canceled": "danger",
    "parcel_failed": "danger",
    "parcel_returned": "warn",
    "invoice_issued": "ok",
    "credit_note_issued": "warn",
}
"""How kinds of timeline entries are marked; others are plain."""


class Happening(msgspec.Struct, frozen=True):
    """A timeline entry as people read it. `mark` is "", ok, warn or danger."""

    title: str
    text: str
    mark: str


def label(status: str) -> tuple[str, str]:
    """(words, kind of badge) of a status; a status nobody knows is shown as it is."""
    return LABELS.get(status, (status.replace("_", " ").capitalize(), "neutral"))


def options(statuses: Iterable[StrEnum], any_of_them: str = "") -> list[tuple[str, str]]:
    """The statuses as options of a select, after `any_of_them` if given."""
    first = [("", any_of_them)] if any_of_them else []
    return [*first, *((one.value, label(one.value)[0]) for one in statuses)]


def said(code: str) -> str:
    """The sentence of a code; empty for a code nobody knows."""
    return SAID.get(code, "")


def happening(entry: TimelineEntry, locale: str) -> Happening:
    """What happened, with its amount, reason or tracking."""
    if entry.kind == "note":
        return Happening("Note", entry.text, "")
    details = [
        _amount(entry.data, locale),
        " ".join(filter(None, (entry.data.get("carrier"), entry.data.get("tracking_number")))),
        str(entry.data.get("reason") or ""),
    ]
    title = entry.text or entry.kind.replace("_", " ").capitalize()
    return Happening(title, " · ".join(filter(None, details)), MARKS.get(entry.kind, ""))


def fulfillment_label(status: str, fulfillment: str) -> tuple[str, str]:
    """Like `label`; an order that is over and was never sent does not wait for anyone."""
    if fulfillment == "unfulfilled" and status in ("canceled", "expired"):
        return "Not shipped", "neutral"
    return label(fulfillment)


def _amount(data: dict[str, Any], locale: str) -> str:
    amount, currency = data.get("amount"), data.get("currency")
    return formats.money(Money(amount, currency), locale) if amount and currency else ""
