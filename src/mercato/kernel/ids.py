"""Identifiers: UUIDv7 keys that sort by time (RFC 9562), and unguessable tokens."""

import hashlib
import os
import secrets
from uuid import UUID

from mercato.kernel import clock

TOKEN_BYTES = 24


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, then 74 random bits."""
    milliseconds = int(clock.now().timestamp() * 1000)
    random = int.from_bytes(os.urandom(10))
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0x2 << 62) | (random & 0x0FFF_3FFF_FFFF_FFFF_FFFF))


def new_token() -> str:
    """A secret of 192 random bits for a URL or a header; store only its `digest`."""
    return secrets.token_urlsafe(TOKEN_BYTES)


def digest(token: str) -> bytes:
    """SHA-256 of a token: enough for a random secret, which nobody can guess from a dictionary."""
    return hashlib.sha256(token.encode()).digest()


def derived_id(parent: UUID, name: str) -> UUID:
    """The one id of `name` under `parent`, the same every time: a UUIDv8 (RFC 9562) of a hash.

    It keeps the parent's 48 bits of time, so that rows still lie where their parent's do.
    """
    hashed = int.from_bytes(hashlib.sha256(parent.bytes + name.encode()).digest()[:10])
    time = parent.int >> 80
    return UUID(int=(time << 80) | (0x8 << 76) | (0x2 << 62) | (hashed & 0x0FFF_3FFF_FFFF_FFFF_FFFF))
