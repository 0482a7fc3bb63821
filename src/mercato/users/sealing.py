"""Secrets at rest: sealed with keys that are derived from the setting secret_key, one per purpose."""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class Seal:
    """Seals and opens what one purpose stores; what was sealed about one thing does not open for another."""

    def __init__(self, secret: str, purpose: str) -> None:
        derive = HKDF(algorithm=SHA256(), length=64, salt=None, info=f"mercato {purpose}".encode())
        keys = derive.derive(secret.encode() or b"development")
        self._cipher = AESGCM(keys[:32])
        self._mark_key = keys[32:]

    def close(self, plain: bytes, *, about: bytes) -> bytes:
        """`plain` sealed, bound to what it is `about` (an id)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, plain, about)

    def open(self, sealed: bytes, *, about: bytes) -> bytes | None:
        """What was sealed; None when it was sealed under another secret, or about something else."""
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], about)
        except InvalidTag:
            return None

    def mark(self, text: str, *, about: bytes) -> bytes:
        """A keyed hash by which `text` is known again; without the key nobody can try texts against it."""
        return hmac.digest(self._mark_key, about + text.encode(), "sha256")
