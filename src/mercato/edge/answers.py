"""An answer as bytes, and how bytes travel: compression, ETag, sending, reading bodies."""

import gzip
import hashlib
from functools import lru_cache
from typing import Any

import brotli

from mercato.edge.problems import Malformed, TooLarge

RawHeaders = list[tuple[bytes, bytes]]

MIN_COMPRESSED_BYTES = 1024
BROTLI_QUALITY = 5
GZIP_LEVEL = 5
_COMPRESSIBLE = (b"text/html", b"application/json", b"application/problem+json", b"text/plain", b"text/xml",
                 b"application/xml", b"application/openapi+json", b"text/csv")  # fmt: skip


class Answer:
    """A whole answer: status, its own headers without those that every answer gets, body."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def header(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.headers if key == name), None)


@lru_cache(maxsize=512)
def encoding_of(accepted: bytes) -> bytes:
    """The best of br and gzip that an Accept-Encoding header takes; empty for none."""
    taken = set()
    for part in accepted.lower().split(b","):
        name, _, options = part.strip().partition(b";")
        if options.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000"):
            taken.add(name.strip())
    return b"br" if b"br" in taken else b"gzip" if b"gzip" in taken or b"*" in taken else b""


def compress(answer: Answer, encoding: bytes) -> None:
    """Pack the body when that is worth it; says in Vary that the encoding was chosen."""
    media_type = answer.header(b"content-type") or b""
    if not media_type.startswith(_COMPRESSIBLE) or answer.header(b"content-encoding") is not None:
        return
    add_vary(answer, b"Accept-Encoding")
    if not encoding or len(answer.body) < MIN_COMPRESSED_BYTES:
        return
    if encoding == b"br":
        answer.body = brotli.compress(answer.body, quality=BROTLI_QUALITY)
    else:
        answer.body = gzip.compress(answer.body, GZIP_LEVEL, mtime=0)
    answer.headers.append((b"content-encoding", encoding))


def add_vary(answer: Answer, name: bytes) -> None:
    """Name `name` in Vary once."""
    present = answer.header(b"vary")
    if present is None:
        answer.headers.append((b"vary", name))
    elif name.lower() not in present.lower():
        answer.headers = [(k, v) for k, v in answer.headers if k != b"vary"]
        answer.headers.append((b"vary", present + b", " + name))


def etag_of(body: bytes) -> bytes:
    """A strong ETag of these bytes."""
    return b'"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def is_known(if_none_match: bytes, etag: bytes) -> bool:
    """True when the client already has these bytes."""
    if if_none_match == b"*":
        return True
    return any(part.strip().removeprefix(b"W/") == etag for part in if_none_match.split(b","))


async def send_answer(send: Any, answer: Answer, headers: RawHeaders, *, is_head: bool) -> None:
    """Send `answer` with `headers` before its own; a HEAD request gets the length and no body."""
    length = [] if answer.status in (204, 304) else [(b"content-length", str(len(answer.body)).encode())]
    own = [(name, value) for name, value in answer.headers if name != b"content-length"]
    await send({"type": "http.response.start", "status": answer.status, "headers": [*headers, *own, *length]})
    await send({"type": "http.response.body", "body": b"" if is_head or not length else answer.body})


async def read_body(receive: Any, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The whole body. Raises TooLarge above `limit` bytes, before reading them when the length is told."""
    told = headers.get(b"content-length")
    if told is not None:
        if not told.isdigit():
            raise Malformed("malformed", "Content-Length is no number.")
        if int(told) > limit:
            raise TooLarge("body_too_large", f"At most {limit} bytes.")
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return _checked(body, limit)
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("disconnected", "The connection ended within the body.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge("body_too_large", f"At most {limit} bytes.")
    return _checked(b"".join(parts), limit)


def _checked(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLarge("body_too_large", f"At most {limit} bytes.")
    return body
