"""Idempotency-Key: the first reply again for a repeated request, kept for a day.

The key is claimed before the handler runs and the reply is kept after it. A crash between the handler's
effect and the kept reply leaves a claim whose lease ends; the repeated request then runs again, and the
services answer it from their own natural keys (the key travels as `ctx.idempotency_key`).
Some replies hold tokens, so they are encrypted with a key made from the client's own, which is not stored.
"""

import hashlib
import os
from datetime import timedelta
from uuid import UUID

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from mercato.edge.answers import Answer
from mercato.edge.store import claim_key, keep_reply, purge_replies, release_key, reply_of
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Database
from mercato.kernel.errors import Conflict, FieldError, Invalid
from mercato.kernel.ids import new_id

KEPT_FOR = timedelta(hours=24)
LEASE = timedelta(seconds=30)
MAX_KEY = 255
MAX_BODY_BYTES = 512 * 1024
PURGE_EVERY_S = 600.0
NONCE_BYTES = 12
NEVER_KEPT = frozenset({408, 425, 429})
KEPT_HEADERS = frozenset({b"content-type", b"location", b"hx-redirect", b"hx-location", b"set-cookie"})


class Claim(msgspec.Struct, frozen=True):
    """The right of one request to run under its key."""

    id: bytes
    claim: UUID
    cipher_key: bytes


class Replies:
    """The kept replies of the shop."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def begin(self, key: str, owner: str, method: str, path: str, body: bytes) -> Claim | Answer:
        """The claim to run this request now, or the kept reply of its first run.

        Raises Invalid for a key that is none, Conflict("idempotency_mismatch") when the key stands for
        another body, Conflict("idempotency_in_flight") while the first request still runs.
        """
        if not 1 <= len(key) <= MAX_KEY:
            error = FieldError("Idempotency-Key", "too_long", f"Between 1 and {MAX_KEY} characters.")
            raise Invalid("invalid", "The Idempotency-Key is refused.", errors=[error])
        scope = "\0".join((owner, method, path, key)).encode()
        claim = Claim(hashlib.sha256(scope).digest(), new_id(), hashlib.sha256(b"reply:" + scope).digest())
        request_hash, now = hashlib.sha256(body).digest(), clock.now()
        for _ in range(2):
            is_ours = await claim_key(
                self._db, id=claim.id, request_hash=request_hash, claim=claim.claim,
                now=now, leased_until=now + LEASE, expires_at=now + KEPT_FOR,
            )  # fmt: skip
            if is_ours:
                return claim
            kept = await reply_of(self._db, id=claim.id)
            if kept is not None:
                break
        else:
            raise _in_flight()
        if kept.request_hash != request_hash:
            raise Conflict("idempotency_mismatch", "This Idempotency-Key was used for another request.")
        if kept.status is None or kept.head is None or kept.body is None:
            raise _in_flight()
        return _reply(claim, kept.status, kept.head, kept.body)

    async def finish(self, claim: Claim, answer: Answer | None) -> None:
        """Keep `answer`; a failure of ours (5xx), `Retry-After`, a stream or no answer at all
        frees the key instead."""
        if answer is None or not _is_kept(answer):
            await release_key(self._db, id=claim.id, claim=claim.claim)
            return
        head = msgspec.json.encode(
            [(n.decode("latin-1"), v.decode("latin-1")) for n, v in answer.headers if n in KEPT_HEADERS]
        )
        await keep_reply(
            self._db, id=claim.id, claim=claim.claim, status=answer.status,
            head=_sealed(claim, head), body=_sealed(claim, answer.body),
        )  # fmt: skip

    async def purge(self) -> None:
        """Delete what is older than a day."""
        await purge_replies(self._db, now=clock.now())


def owner_of(ctx: Context, cart_token: str) -> str:
    """Whose key it is: the principal's, the cart's, otherwise the address the request came from."""
    if ctx.principal.id is not None:
        return f"{ctx.principal.kind.value}:{ctx.principal.id}"
    if cart_token:
        return f"cart:{hashlib.sha256(cart_token.encode()).hexdigest()}"
    return f"address:{ctx.client_address}"


def _is_kept(answer: Answer) -> bool:
    """What tells the client to come back later is no outcome: the same key must find another one then."""
    if answer.status >= 500 or answer.status in NEVER_KEPT or len(answer.body) > MAX_BODY_BYTES:
        return False
    return not any(name == b"retry-after" for name, _ in answer.headers)


def _in_flight() -> Conflict:
    return Conflict(
        "idempotency_in_flight", "The first request with this key still runs.", data={"retry_after_s": 1}
    )


def _reply(claim: Claim, status: int, head: bytes, body: bytes) -> Answer:
    pairs = msgspec.json.decode(_opened(claim, head), type=list[tuple[str, str]])
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    headers.append((b"idempotent-replayed", b"true"))
    return Answer(status, headers, _opened(claim, body))


def _sealed(claim: Claim, plain: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(claim.cipher_key).encrypt(nonce, plain, claim.id)


def _opened(claim: Claim, sealed: bytes) -> bytes:
    return AESGCM(claim.cipher_key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], claim.id)
