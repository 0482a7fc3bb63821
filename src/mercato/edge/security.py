"""What protects a browser: the policy headers, and proof that a form is ours.

A cross-site request is told by Sec-Fetch-Site or Origin, which no page can forge. A visitor who is signed in
must besides send the token of their own page. A guest's pages are shared from the cache and so carry no
token: a guest with a cart is protected by the origin, and by the token when neither header came.
"""

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, urlsplit

from mercato.edge.arrivals import HOST_PREFIX, HOSTED, Headers
from mercato.kernel.errors import Denied
from mercato.kernel.web import CART_COOKIE, SESSION_COOKIE

REPORT_PATH = "/csp-reports"
REPORT_GROUP = "csp"
CSRF_FIELD = "_csrf"
FORM_KEY_FIELD = "_idempotency"
SALT_BYTES = 9

PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; font-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
    f"report-uri {REPORT_PATH}"
)
API_POLICY = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
_COMMON = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"strict-origin-when-cross-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(self), usb=()"),
]
_MULTIPART_TOKEN = re.compile(rb'name="(_csrf|_idempotency)"\r\n\r\n([^\r\n]{0,300})\r\n')


def policy_headers(*, is_api: bool, is_https: bool) -> list[tuple[bytes, bytes]]:
    """The headers that every answer of this kind carries.

    Browsers heed `Reporting-Endpoints` over https only, and one that knows `report-to` passes over
    `report-uri`: so plain http names the older one alone.
    """
    policy = API_POLICY if is_api else PAGE_POLICY
    if is_https and not is_api:
        policy += f"; report-to {REPORT_GROUP}"
    headers = [*_COMMON, (b"content-security-policy", policy.encode())]
    if is_https and not is_api:
        headers.append((b"reporting-endpoints", f'{REPORT_GROUP}="{REPORT_PATH}"'.encode()))
    if is_https:
        headers.append((b"strict-transport-security", b"max-age=31536000; includeSubDomains"))
    return headers


def hosted_cookie(header: bytes, *, is_https: bool) -> bytes:
    """A Set-Cookie value as it leaves: on https Secure, and ours under their `__Host-` names."""
    if not is_https:
        return header
    name, _, rest = header.decode("latin-1").partition("=")
    prefix = HOST_PREFIX if name in HOSTED else ""
    secure = "" if "; secure" in rest.lower() else "; Secure"
    return f"{prefix}{name}={rest}{secure}".encode("latin-1")


class Forgery:
    """Tells our own pages' requests from forged ones."""

    def __init__(self, secret: str, public_url: str) -> None:
        self._key = hashlib.sha256(b"csrf:" + secret.encode()).digest()
        self._origin = "{0.scheme}://{0.netloc}".format(urlsplit(public_url))

    def token(self, cookies: Mapping[str, str]) -> str:
        """The token for pages of this visitor, masked anew each time; empty when they have no cookie."""
        owner = _owner(cookies)
        if not owner:
            return ""
        salt = os.urandom(SALT_BYTES)
        return base64.urlsafe_b64encode(salt + self._mark(salt, owner)).decode()

    def is_token(self, token: str, cookies: Mapping[str, str]) -> bool:
        try:
            raw = base64.urlsafe_b64decode(token)
        except (ValueError, binascii.Error):
            return False
        salt, mark = raw[:SALT_BYTES], raw[SALT_BYTES:]
        return hmac.compare_digest(mark, self._mark(salt, _owner(cookies)))

    def check(self, headers: Headers, cookies: Mapping[str, str], form: Mapping[str, str]) -> None:
        """Raise Denied("csrf_failed") for an unsafe request that is not from one of our pages."""
        origin_is_ours = self._origin_is_ours(headers)
        if origin_is_ours is False:
            raise Denied("csrf_failed", "This request came from another site.")
        if not _owner(cookies):
            return
        token = headers.get(b"x-csrf-token", b"").decode("latin-1") or form.get(CSRF_FIELD, "")
        if token and self.is_token(token, cookies):
            return
        if token or SESSION_COOKIE in cookies or origin_is_ours is None:
            raise Denied("csrf_failed", "The form is out of date: reload the page and send it again.")

    def _origin_is_ours(self, headers: Headers) -> bool | None:
        """True or False when the browser says where the request is from, None when nothing says so."""
        site = headers.get(b"sec-fetch-site")
        if site is not None:
            return site in (b"same-origin", b"none")
        origin = headers.get(b"origin")
        if origin is None:
            return None
        if origin.decode("latin-1") == self._origin:
            return True
        host = urlsplit(origin.decode("latin-1")).netloc
        return bool(host) and host.encode() == headers.get(b"host")

    def _mark(self, salt: bytes, owner: str) -> bytes:
        return hmac.digest(self._key, salt + owner.encode(), "sha256")[:24]


def _owner(cookies: Mapping[str, str]) -> str:
    return cookies.get(SESSION_COOKIE) or cookies.get(CART_COOKIE) or ""


def form_fields(headers: Headers, body: bytes) -> dict[str, str]:
    """The edge's own two fields of a posted form, URL-encoded or multipart."""
    media_type = headers.get(b"content-type", b"")
    if media_type.startswith(b"application/x-www-form-urlencoded"):
        if b"_csrf=" not in body and b"_idempotency=" not in body:
            return {}
        kept = b"&".join(part for part in body.split(b"&") if _is_ours(part)).decode("latin-1")
        return {name: values[-1] for name, values in parse_qs(kept).items()}
    if media_type.startswith(b"multipart/form-data"):
        return {name.decode(): value.decode("latin-1") for name, value in _MULTIPART_TOKEN.findall(body)}
    return {}


def without_own_fields(headers: Headers, body: bytes) -> bytes:
    """A URL-encoded form as its handler declared it, without the edge's fields."""
    if not headers.get(b"content-type", b"").startswith(b"application/x-www-form-urlencoded"):
        return body
    return b"&".join(part for part in body.split(b"&") if not _is_ours(part))


def _is_ours(part: bytes) -> bool:
    return part.startswith((b"_csrf=", b"_idempotency="))
