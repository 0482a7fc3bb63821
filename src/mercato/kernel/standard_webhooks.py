"""Webhooks signed as Standard Webhooks says: `webhook-id`, `webhook-timestamp`, `webhook-signature`."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from mercato.kernel.errors import Invalid

MAX_AGE = timedelta(minutes=5)


def sign(secret: bytes, *, webhook_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers that go with `body`."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_digest(secret, webhook_id, timestamp, body)}",
    }


def check(secret: bytes, headers: Mapping[str, str], body: bytes, *, now: datetime) -> str:
    """The webhook's id. Raises Invalid("signature_invalid") when it is forged, stale or unsigned."""
    webhook_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    given = [part.removeprefix("v1,") for part in headers.get("webhook-signature", "").split(" ")]
    if not (webhook_id and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Invalid("signature_invalid", "The webhook is not signed.")
    if abs(now - datetime.fromtimestamp(int(timestamp), UTC)) > MAX_AGE:
        raise Invalid("signature_invalid", "The webhook is too old.")
    expected = _digest(secret, webhook_id, timestamp, body)
    if not any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in given):
        raise Invalid("signature_invalid", "The webhook's signature does not match.")
    return webhook_id


def _digest(secret: bytes, webhook_id: str, timestamp: str, body: bytes) -> str:
    message = f"{webhook_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.new(secret, message, hashlib.sha256).digest()).decode()
