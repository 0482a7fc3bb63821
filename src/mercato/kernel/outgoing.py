"""Fetching an address that a person has typed: an identity provider, a picture to import.

Such an address could name what only this machine can reach: the database, the broker, the cloud's metadata.
So the name is resolved here, every address it has must be a public one, and the connection goes to the
address that was checked: asking again could give another answer. Redirects are checked the same way, sizes
and times have ends. Nothing that a person has typed is fetched in any other way.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urljoin, urlsplit

import msgspec

from mercato.kernel.errors import FieldError, Invalid, Unavailable

TIMEOUT_S = 5.0
MAX_BYTES = 10 * 1024 * 1024
MAX_REDIRECTS = 3
MAX_URL = 2000
PORTS = frozenset({80, 443, 8080, 8443})
_NAT64 = IPv6Address("64:ff9b::")

Resolve = Callable[[str, int], Awaitable[list[str]]]


class Fetched(msgspec.Struct, frozen=True):
    """What an address answered."""

    url: str
    status: int
    media_type: str
    content: bytes


class Target(msgspec.Struct, frozen=True):
    """Where a request goes: the name it asks for, and the address that was checked."""

    scheme: str
    host: str
    port: int
    address: str


async def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, as the machine knows it."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


def is_public(address: str) -> bool:
    """Whether an address belongs to the internet, also when it is wrapped in an IPv6 one."""
    found: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    if isinstance(found, IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is None and found.packed[:12] == _NAT64.packed[:12]:
            inner = IPv4Address(found.packed[12:])
        if inner is not None:
            found = inner
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


class Reach(msgspec.Struct, frozen=True):
    """What may be fetched. Only tests, whose far server stands on this machine, judge hosts otherwise."""

    https_only: bool = True
    ports: frozenset[int] = PORTS
    may_be: Callable[[str], bool] = is_public
    resolve: Resolve = resolve


INTERNET = Reach()


async def target_of(url: str, *, field: str = "url", reach: Reach = INTERNET) -> Target:
    """Check an address and find where it leads. Raises Invalid that names `field`, Unavailable."""
    parts = urlsplit(url) if len(url) <= MAX_URL and url.isprintable() else urlsplit("")
    allowed = ("https",) if reach.https_only else ("https", "http")
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    if parts.scheme not in allowed or not parts.hostname or parts.username or parts.password:
        raise _refused(field, "url_invalid", f"Enter a whole address that begins with {allowed[0]}://.")
    if port not in reach.ports:
        raise _refused(field, "url_port", "Addresses with this port are not fetched.")
    try:
        addresses = await asyncio.wait_for(reach.resolve(parts.hostname, port), TIMEOUT_S)
    except (OSError, UnicodeError, TimeoutError):
        raise _refused(field, "url_unknown", "There is no such host.") from None
    if not addresses or not all(reach.may_be(each) for each in addresses):
        raise _refused(field, "url_private", "This address is not on the internet.")
    return Target(parts.scheme, parts.hostname, port, addresses[0])


async def fetch(
    url: str,
    *,
    field: str = "url",
    headers: Mapping[str, str] | None = None,
    reach: Reach = INTERNET,
    max_bytes: int = MAX_BYTES,
) -> Fetched:
    """GET an address that a person has typed. Raises Invalid for what is refused, Unavailable else."""
    for _ in range(MAX_REDIRECTS + 1):
        target = await target_of(url, field=field, reach=reach)
        answer, location = await _get(url, target, dict(headers or {}), max_bytes, field)
        if not location:
            return answer
        url = urljoin(url, location)
    raise _refused(field, "url_redirects", "This address leads on too often.")


async def _get(
    url: str, target: Target, headers: dict[str, str], max_bytes: int, field: str
) -> tuple[Fetched, str]:
    import httpx  # here: a twentieth of the time that a process needs to start

    host = f"[{target.address}]" if ":" in target.address else target.address
    parts = urlsplit(url)
    pinned = parts._replace(netloc=f"{host}:{target.port}").geturl()
    headers |= {
        "Host": parts.netloc.rpartition("@")[2],
        "User-Agent": "Mercato",
        "Accept-Encoding": "identity",
    }
    try:
        async with (
            asyncio.timeout(2 * TIMEOUT_S),
            httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S, follow_redirects=False) as client,
            client.stream("GET", pinned, headers=headers, extensions={"sni_hostname": target.host}) as answer,
        ):
            if answer.is_redirect:
                return Fetched(url, answer.status_code, "", b""), answer.headers.get("location", "")
            content = b""
            async for piece in answer.aiter_raw():
                content += piece
                if len(content) > max_bytes:
                    raise _refused(field, "url_too_large", f"More than {max_bytes} bytes are not fetched.")
            media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            return Fetched(url, answer.status_code, media_type, content), ""
    except (httpx.HTTPError, TimeoutError):
        raise Unavailable("fetch_failed", "The address did not answer.") from None


def _refused(field: str, code: str, message: str) -> Invalid:
    return Invalid(code, message, errors=[FieldError(field, code, message)])
