"""How the admin words statuses and colors their badges: one table, used by every page."""

LABELS = {
    "none": ("Unpaid", "warn"),
    "authorized": ("Authorized", "info"),
    "partially_paid": ("Partly paid", "warn"),
    "paid": ("Paid", "ok"),
    "partially_refunded": ("Partly refunded", "neutral"),
    "refunded": ("Refunded", "neutral"),
    "voided": ("Voided", "neutral"),
    "overpaid": ("Overpaid", "warn"),
    "unfulfilled": ("Unfulfilled", "warn"),
    "partial": ("Partly shipped", "warn"),
    "fulfilled": ("Shipped", "ok"),
    "delivered": ("Delivered", "ok"),
    "draft": ("Draft", "neutral"),
    "placed": ("Placed", "info"),
    "completed": ("Completed", "ok"),
    "canceled": ("Canceled", "danger"),
    "expired": ("Expired", "neutral"),
    "pending": ("Pending", "warn"),
    "packed": ("Packed", "info"),
    "shipped": ("Shipped", "ok"),
    "failed": ("Failed", "danger"),
    "active": ("Active", "ok"),
    "archived": ("Archived", "neutral"),
    "queued": ("Queued", "warn"),
    "sent": ("Sent", "ok"),
}

SAID = {
    "captured": "The payment was captured.",
    "refunded": "The refund is on its way to the customer.",
    "canceled": "The order was canceled, its payment given back and its stock freed.",
    "fulfilled": "The fulfillment was created.",
    "shipped": "Marked as shipped; the customer gets a mail with the tracking.",
    "delivered": "Marked as delivered.",
    "fulfillment_canceled": "The fulfillment was canceled.",
    "noted": "The note was added.",
    "saved": "Saved.",
    "created": "The product was created.",
    "deleted": "The product was deleted.",
    "image_added": "The picture was added.",
    "image_deleted": "The picture was deleted.",
    "stock_set": "The stock was set.",
    "retried": "The event is delivered again.",
    "discarded": "The event was discarded.",
    "resent": "The mail is sent again.",
}
"""What a page says after something was done: code in the address → sentence."""

PROBLEMS = frozenset(
    {"authorization_failed", "capture_failed", "refund_failed", "payment_failed", "canceled"}
)
"""Kinds of timeline entries that are shown as trouble."""


def label(status: str) -> tuple[str, str]:
    """(words, kind of badge) of a status; a status nobody knows is shown as it is."""
    return LABELS.get(status, (status.replace("_", " ").capitalize(), "neutral"))


def said(code: str) -> str:
    """The sentence of a code; empty for a code nobody knows."""
    return SAID.get(code, "")


def happening(kind: str) -> str:
    """A kind of timeline entry as a headline: payment_captured → Payment captured."""
    return kind.replace("_", " ").capitalize()
