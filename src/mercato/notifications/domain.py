"""Pure rules of messages: which kinds there are, what they may say, when a failed one is tried again."""

import re
from datetime import timedelta
from email.utils import parseaddr
from functools import lru_cache

import msgspec
from babel import Locale
from babel.core import UnknownLocaleError

RETRY_WAITS_S = (10, 60, 300, 1800, 7200, 21600)
"""Seconds before the second to the seventh try; after the last the message has failed."""
LEASE = timedelta(minutes=10)
"""A message that is being sent is not tried by anyone else meanwhile."""
KEEP_MAILBOX = timedelta(days=30)
KEEP_SECRETS = timedelta(days=1)
GREETED_LENGTH_MAX = 60
_NOT_A_NAME = re.compile(r"[:/@<>]|\.\w|www")
HIDDEN = "hidden"
"""Stands for a secret in the copy that staff may read."""
SECRET = "token"  # noqa: S105 (the name of the variable)


class Kind(msgspec.Struct, frozen=True):
    """A kind of message. `subject` is a template too; `expires` when its link stops working by itself."""

    code: str
    name: str
    subject: str
    variables: tuple[str, ...]
    expires: bool = False


_ORDER = ("shop_name", "shop_url", "number", "order_url", "total")

KINDS = {
    kind.code: kind
    for kind in (
        Kind(
            "order_placed", "Order placed", "Your order {{ number }}",
            (*_ORDER, "name", "lines", "is_paid", "tax_id"),
        ),
        Kind("order_paid", "Order paid", "We received your payment for order {{ number }}", _ORDER),
        Kind(
            "order_shipped", "Order shipped", "Order {{ number }} is on its way",
            (*_ORDER, "lines", "carrier", "tracking_number", "tracking_url"),
        ),
        Kind("order_delivered", "Order delivered", "Order {{ number }} was delivered", _ORDER),
        Kind("order_canceled", "Order canceled", "Order {{ number }} was canceled", (*_ORDER, "reason")),
        Kind(
            "order_refunded", "Order refunded", "A refund for order {{ number }}",
            (*_ORDER, "amount", "reason"),
        ),
        Kind(
            "order_changed", "Order changed", "Order {{ number }} was changed",
            (*_ORDER, "lines", "removed", "owed", "reason"),
        ),
        Kind(
            "draft_order", "Draft order", "Your order at {{ shop_name }} is ready to be paid",
            ("shop_name", "shop_url", "lines", "total", "draft_url"),
        ),
        Kind(
            "order_return_requested", "Return requested", "Your return for order {{ number }}",
            (*_ORDER, "lines"),
        ),
        Kind(
            "order_return_approved", "Return approved", "You may send back goods of order {{ number }}",
            (*_ORDER, "lines"),
        ),
        Kind(
            "order_return_received", "Return received", "Your return for order {{ number }} has arrived",
            (*_ORDER, "lines", "amount"),
        ),
        Kind(
            "order_return_canceled", "Return canceled", "Your return for order {{ number }} was canceled",
            (*_ORDER, "lines", "reason"),
        ),
        Kind(
            "order_document", "Invoice or credit note", "{{ document }} for order {{ number }}",
            (*_ORDER, "document", "document_url"),
        ),
        Kind(
            "gift_card_issued", "Gift card", "Your gift card from {{ shop_name }}",
            ("shop_name", "shop_url", "code", "value", "expires", "balance_url", "message"),
        ),
        Kind(
            "money_alert", "Alert about money, to staff", "{{ title }}: {{ amount }}",
            ("shop_name", "shop_url", "title", "amount", "detail", "due", "order_url"),
        ),
        Kind(
            "stock_back", "Back in stock", "{{ product }} is back in stock",
            ("shop_name", "shop_url", "product", "product_url", "unsubscribe_url"),
        ),
        Kind(
            "account_confirm", "Confirm the account", "Confirm your account at {{ shop_name }}",
            ("shop_name", "shop_url", "name", "confirm_url"), expires=True,
        ),
        Kind(
            "registration_repeated", "Registered again", "You already have an account at {{ shop_name }}",
            ("shop_name", "shop_url", "name", "sign_in_url", "reset_url"),
        ),
        Kind(
            "email_change_requested", "Change of address, old end",
            "Confirm your new address at {{ shop_name }}",
            ("shop_name", "shop_url", "name", "email_change_url", "new_email"), expires=True,
        ),
        Kind(
            "email_change_offered", "Change of address, new end", "Confirm this address for {{ shop_name }}",
            ("shop_name", "shop_url", "name", "email_change_url"), expires=True,
        ),
        Kind(
            "email_changed", "Address changed", "Your e-mail address at {{ shop_name }} was changed",
            ("shop_name", "shop_url", "name", "new_email"),
        ),
        Kind(
            "password_changed", "Password changed", "Your password at {{ shop_name }} was changed",
            ("shop_name", "shop_url", "name", "reset_url"),
        ),
        Kind(
            "new_sign_in", "New sign-in", "New sign-in to your account at {{ shop_name }}",
            ("shop_name", "shop_url", "name", "device", "client_address", "moment", "sessions_url",
             "reset_url"),
        ),
        Kind(
            "account_deleted", "Account deleted", "Your account at {{ shop_name }} was deleted",
            ("shop_name", "shop_url", "name"),
        ),
        Kind(
            "export_ready", "Copy of data", "Your copy of your data at {{ shop_name }} is ready",
            ("shop_name", "shop_url", "name", "export_url"),
        ),
        Kind(
            "staff_invited", "Staff invitation", "{{ inviter }} invites you to work in {{ shop_name }}",
            ("shop_name", "shop_url", "name", "inviter", "invitation_url"), expires=True,
        ),
        Kind(
            "password_reset", "Password reset", "Set a new password for {{ shop_name }}",
            ("shop_name", "shop_url", "name", "reset_url"), expires=True,
        ),
        Kind(
            "identity_proof", "Confirm a sign-in elsewhere", "Confirm your sign-in with {{ provider }}",
            ("shop_name", "shop_url", "name", "provider", "identity_url"), expires=True,
        ),
        Kind(
            "factors_changed", "Sign-in changed", "{{ summary }}",
            ("shop_name", "shop_url", "name", "summary", "advice", "what", "security_url", "reset_url"),
        ),
    )
}  # fmt: skip


FACTOR_CHANGES = {
    "app_added": (
        "An authenticator app was added",
        "From now on, signing in with your password asks for a code of the app as well.",
    ),
    "app_removed": ("Your authenticator app was removed", "Signing in no longer asks for its codes."),
    "passkey_added": ("A passkey was added", "It signs in to your account without a password."),
    "passkey_removed": ("A passkey was removed", "It no longer signs in to your account."),
    "recovery_code_used": (
        "A recovery code was used",
        "It worked for the last time. When few are left, make new ones.",
    ),
    "recovery_codes_renewed": ("You have new recovery codes", "Those from before no longer work."),
    "factors_reset": (
        "Your second factors were removed",
        "The shop's staff has taken them away. You were signed out everywhere: sign in and set up new ones.",
    ),
    "identity_linked": (
        "Another way to sign in was added", "Whoever holds that account elsewhere can sign in to yours."
    ),
    "identity_unlinked": (
        "A way to sign in was removed", "That account elsewhere no longer signs in to yours."
    ),
}  # fmt: skip
"""What a mail says about each change of what guards an account: its subject, and what it means."""


def next_try(tries: int) -> timedelta | None:
    """How long to wait after the nth try failed; None when that was the last one."""
    return timedelta(seconds=RETRY_WAITS_S[tries - 1]) if tries <= len(RETRY_WAITS_S) else None


@lru_cache(maxsize=64)
def locale_of(tag: str) -> Locale:
    """The Babel locale of a tag such as `en`, `de-AT` or `pt_BR`; English for one that nobody knows."""
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return Locale.parse("en")


def shop_name_of(mail_from: str) -> str:
    """The shop's name as its sender says it, the address when it says none."""
    name, address = parseaddr(mail_from)
    return name or address


def one_line(text: str) -> str:
    """`text` without line breaks: what a mail header can hold."""
    return " ".join(text.split())


def greeted(name: str) -> str:
    """A name as a mail may greet it; empty for one that is a message or a link.

    Anyone can register anyone's address under any name: without this, strangers would mail through us.
    """
    name = one_line(name)
    return "" if len(name) > GREETED_LENGTH_MAX or _NOT_A_NAME.search(name) else name


def web_address(text: str | None) -> str | None:
    """`text` when it is a link of the web, else None: staff type tracking links, and mails show them."""
    return text if text is not None and text.startswith(("https://", "http://")) else None


def masked(address: str) -> str:
    """An address by which its owner knows it and nobody learns it: `a•••@example.org`."""
    name, at, host = address.rpartition("@")
    return f"{name[:1]}•••{at}{host}"
