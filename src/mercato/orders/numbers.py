"""What names an order to people: a number that tells nothing, and a token that opens it."""

import base64
import hashlib
import hmac
import secrets
from uuid import UUID

ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without 0, 1, I and O: nobody reads one for another on the phone."""
NUMBER_LENGTH = 9
TOKEN_BYTES = 18


def new_number() -> str:
    """A random number: 32^9 of them, so neither the volume of sales nor a neighbor's order can be guessed."""
    return "".join(secrets.choice(ALPHABET) for _ in range(NUMBER_LENGTH))


def normal_number(typed: str) -> str:
    """The number as it is stored, from what somebody typed: case, spaces, dashes and # do not matter."""
    return "".join(letter for letter in typed.upper() if letter in ALPHABET)


def order_token(order_id: UUID, secret: str) -> str:
    """Opens the order for its buyer. Derived, so that replays and mails can show it again unstored."""
    mac = hmac.new(secret.encode(), b"order-token:" + order_id.bytes, hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac[:TOKEN_BYTES]).decode()


def opens(token: str, order_id: UUID, secret: str) -> bool:
    """Whether `token` is that of the order, compared in constant time."""
    return hmac.compare_digest(token.encode(), order_token(order_id, secret).encode())
