"""How a call crosses from one process to another: msgpack, sealed with the shop's key.

The seal is an HMAC over the subject, the time and everything in the call, so neither the caller's rights nor
an argument can be changed on the way, and a recorded call is worthless after `MAX_AGE_S`.
"""

import hashlib
import hmac
from typing import Any

import msgspec

from mercato.kernel import clock
from mercato.kernel.context import Context, Principal
from mercato.kernel.deadlines import in_s, remaining_s
from mercato.kernel.errors import ERROR_CLASSES, Denied, FieldError, MercatoError

MAX_AGE_S = 60
SEAL_BYTES = 32
_OK, _FAILED = b"\x00", b"\x01"

encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode


class RemoteError(RuntimeError):
    """The other process failed in a way that is a bug there; its log has the traceback."""


class Call(msgspec.Struct, frozen=True, array_like=True):
    """A request: who asks, for how long the answer is wanted, and the encoded arguments."""

    sent_at_ms: int
    left_ms: int
    principal: Principal
    channel: str
    locale: str
    request_id: str
    trace_id: str
    idempotency_key: str | None
    client_address: str
    user_agent: str
    arguments: bytes

    def context(self) -> Context:
        """The caller's context; the deadline is counted from the arrival, so clocks may differ."""
        return Context(
            principal=self.principal,
            channel=self.channel,
            locale=self.locale,
            request_id=self.request_id,
            trace_id=self.trace_id,
            deadline=in_s(self.left_ms / 1000),
            idempotency_key=self.idempotency_key,
            client_address=self.client_address,
            user_agent=self.user_agent,
        )


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """A reply that raises at the caller: class, code, sentence, wrong fields, data."""

    kind: str
    code: str
    detail: str
    errors: list[FieldError]
    data: dict[str, Any]


_call_decoder = msgspec.msgpack.Decoder(Call)
_failure_decoder = msgspec.msgpack.Decoder(Failure)


def key_of(secret_key: str) -> bytes:
    """The key of internal calls, derived so that it signs nothing else."""
    return hmac.digest(secret_key.encode(), b"mercato internal calls 1", hashlib.sha256)


def seal_call(key: bytes, subject: str, ctx: Context, arguments: bytes) -> bytes:
    """A request for `subject` on behalf of `ctx`."""
    body = encode(
        Call(
            sent_at_ms=_now_ms(),
            left_ms=max(1, round(1000 * remaining_s(ctx.deadline))),
            principal=ctx.principal,
            channel=ctx.channel,
            locale=ctx.locale,
            request_id=ctx.request_id,
            trace_id=ctx.trace_id,
            idempotency_key=ctx.idempotency_key,
            client_address=ctx.client_address,
            user_agent=ctx.user_agent,
            arguments=arguments,
        )
    )
    return _seal(key, subject, body) + body


def open_call(key: bytes, subject: str, data: bytes) -> Call:
    """The request in `data`. Raises Denied unless it was sealed with our key, for this subject, just now."""
    seal, body = data[:SEAL_BYTES], data[SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(key, subject, body)):
        raise Denied(
            "bad_seal", "The call was not made by this shop: do all processes have the same secret key?"
        )
    call = _call_decoder.decode(body)
    if abs(_now_ms() - call.sent_at_ms) > 1000 * MAX_AGE_S:
        raise Denied("stale_call", "The call is too old: are the clocks of the machines right?")
    return call


def encode_result(result: Any) -> bytes:
    return _OK + bytes(encode(result))


def encode_error(error: Exception) -> bytes:
    """An expected error with all it says; of an unexpected one only that there was one."""
    if isinstance(error, MercatoError):
        kind = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in ERROR_CLASSES)
        return _FAILED + encode(Failure(kind, error.code, error.detail, list(error.errors), error.data))
    return _FAILED + encode(Failure("", "internal", type(error).__name__, [], {}))


def decode_reply(data: bytes, decoder: msgspec.msgpack.Decoder[Any], what: str) -> Any:
    """The result, or raises the error that the service raised (RemoteError for a bug there)."""
    if data[:1] == _OK:
        return decoder.decode(memoryview(data)[1:])
    failure = _failure_decoder.decode(memoryview(data)[1:])
    error = ERROR_CLASSES.get(failure.kind)
    if error is None:
        raise RemoteError(f"{what} failed with {failure.detail}: see the log of the process that owns it")
    raise error(failure.code, failure.detail, errors=failure.errors, data=failure.data)


def _seal(key: bytes, subject: str, body: bytes) -> bytes:
    return hmac.digest(key, subject.encode() + b"\x00" + body, hashlib.sha256)


def _now_ms() -> int:
    return int(clock.now().timestamp() * 1000)
