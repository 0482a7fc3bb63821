"""One request as the edge sees it: ids, cookies, channel and language, read from raw headers once."""

import itertools
import os
import re
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any
from urllib.parse import parse_qs

from mercato.edge.problems import HeadersTooLarge
from mercato.kernel.web import BACK_COOKIE, CART_COOKIE, SESSION_COOKIE

Headers = dict[bytes, bytes]

MAX_HEADERS = 100
MAX_HEADER_BYTES = 16 * 1024
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DEFAULT_CHANNEL = "default"
DEFAULT_LOCALE = "en"
HOST_PREFIX = "__Host-"
HOSTED = frozenset({SESSION_COOKIE, CART_COOKIE, BACK_COOKIE})
MAX_COOKIES = 60

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_TRACEPARENT = re.compile(rb"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_CHANNEL = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z]{2}|-[0-9]{3})?")
_PREFIX = os.urandom(10).hex()
_count = itertools.count(1)


def headers_of(scope: Any) -> Headers:
    """The headers by lower-case name; several cookie headers (HTTP/2) become one. Raises HeadersTooLarge."""
    raw = scope["headers"]
    headers: Headers = dict(raw)
    if len(raw) == len(headers):
        return headers
    if len(raw) > MAX_HEADERS:
        raise HeadersTooLarge("headers_too_large", f"At most {MAX_HEADERS} headers.")
    cookies = [value for name, value in raw if name == b"cookie"]
    if len(cookies) > 1:
        headers[b"cookie"] = b"; ".join(cookies)
    return headers


def refuse_large(headers: Headers) -> None:
    """Raise HeadersTooLarge for more than MAX_HEADERS or MAX_HEADER_BYTES."""
    size = sum(map(len, headers)) + sum(map(len, headers.values()))
    if len(headers) > MAX_HEADERS or size > MAX_HEADER_BYTES:
        raise HeadersTooLarge("headers_too_large", f"Headers may take {MAX_HEADER_BYTES} bytes in all.")


def request_id_of(headers: Headers) -> str:
    """The client's X-Request-Id when it is sane, otherwise a new one of 32 hex digits."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return f"{_PREFIX}{next(_count):012x}"


def trace_id_of(headers: Headers) -> str:
    """The W3C traceparent that the caller sent, "" when there is none that is sane."""
    given = headers.get(b"traceparent")
    return given.decode() if given is not None and _TRACEPARENT.fullmatch(given) else ""


def channel_of(headers: Headers, query: bytes) -> str:
    """The channel that `?channel=` or X-Channel asks for; the default one when neither is sane."""
    asked = headers.get(b"x-channel", b"").decode("latin-1")
    if b"channel=" in query:
        asked = parse_qs(query.decode("latin-1")).get("channel", [asked])[-1]
    return asked if asked and _CHANNEL.fullmatch(asked) else DEFAULT_CHANNEL


def locale_of(headers: Headers) -> str:
    """The language that Accept-Language likes best, for example `de` or `de-AT`."""
    accepted = headers.get(b"accept-language")
    return DEFAULT_LOCALE if accepted is None else _first_language(accepted)


@lru_cache(maxsize=1024)
def _first_language(accepted: bytes) -> str:
    best, weight = DEFAULT_LOCALE, 0.0
    for part in accepted.decode("latin-1").split(",")[:20]:
        tag, _, options = part.strip().partition(";")
        tag = tag.strip()
        if not _LANGUAGE.fullmatch(tag):
            continue
        try:
            q = float(options.partition("=")[2] or 1) if options else 1.0
        except ValueError:
            continue
        if q > weight:
            best, weight = tag, q
    language, _, region = best.partition("-")
    return f"{language.lower()}-{region.upper()}" if region else language.lower()


def cookies_of(headers: Headers, *, is_https: bool) -> dict[str, str]:
    """The cookies by name. On https ours count only with `__Host-`, which no other host can have set."""
    raw = headers.get(b"cookie")
    if raw is None:
        return {}
    cookies: dict[str, str] = {}
    for part in raw.decode("latin-1").split(";")[:MAX_COOKIES]:
        name, found, value = part.strip().partition("=")
        if found and not (is_https and name in HOSTED):
            cookies[name.removeprefix(HOST_PREFIX) if is_https else name] = value.strip('"')
    return cookies


def client_address_of(scope: Any, headers: Headers, trusted: tuple[Any, ...]) -> str:
    """Who connected; behind a trusted proxy, the nearest address in X-Forwarded-For that is not one."""
    client = scope.get("client")
    address = client[0] if client else ""
    if not trusted or not _is_trusted(address, trusted):
        return address
    forwarded = headers.get(b"x-forwarded-for", b"").decode("latin-1")
    for hop in reversed([part.strip() for part in forwarded.split(",") if part.strip()]):
        if not _is_trusted(hop, trusted):
            return hop if _is_address(hop) else address
    return address


def networks_of(setting: str) -> tuple[Any, ...]:
    """The networks of a setting such as `10.0.0.0/8, 127.0.0.1`. Raises ValueError for anything else."""
    return tuple(ip_network(part.strip(), strict=False) for part in setting.split(",") if part.strip())


def _is_trusted(address: str, trusted: tuple[Any, ...]) -> bool:
    return _is_address(address) and any(ip_address(address) in network for network in trusted)


@lru_cache(maxsize=4096)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
