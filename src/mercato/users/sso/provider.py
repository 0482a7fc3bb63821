"""One OpenID provider: discovery, keys that change, the exchange of a code for claims that are checked."""

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode

import msgspec
import structlog
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from mercato.settings import SsoProvider

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Signatures of a private key only: neither "none" nor a shared secret."""
SKEW = timedelta(seconds=60)
FRESH_FOR = timedelta(hours=1)
REFETCH_AFTER = timedelta(seconds=10)
"""Tokens that name unknown keys make us ask for the keys this often at most."""
TIMEOUT_S = 5.0
ANSWER_BYTES_MOST = 512 * 1024
TEXT_MOST = 255
GROUPS_MOST = 500

log = structlog.get_logger()


class ProviderFailed(Exception):
    """The provider did not answer, or what it said is not to be trusted; the text says why, for the log."""


class Discovery(msgspec.Struct, frozen=True):
    """What a provider says about itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class Claims(msgspec.Struct, frozen=True):
    """Who somebody is, as the provider says."""

    issuer: str
    subject: str
    email: str = ""
    is_email_verified: bool = False
    name: str = ""
    groups: list[str] = []
    has_mfa: bool = False


def described(found: dict[str, Any], issuer: str) -> Discovery:
    """What a provider says about itself, when it is the one that was asked and stays with https.

    Raises ProviderFailed: a description could otherwise name another provider, or send codes in the clear.
    """
    try:
        discovery = msgspec.convert(found, Discovery)
    except msgspec.ValidationError as error:
        raise ProviderFailed(f"discovery: {error}") from error
    if discovery.issuer.rstrip("/") != issuer:
        raise ProviderFailed(f"discovery names another issuer: {discovery.issuer[:100]}")
    ends = (discovery.authorization_endpoint, discovery.token_endpoint, discovery.jwks_uri,
            discovery.userinfo_endpoint)  # fmt: skip
    scheme = "https://" if issuer.startswith("https://") else ("https://", "http://")
    if not all(end.startswith(scheme) for end in ends if end):
        raise ProviderFailed("discovery leads to addresses without https")
    return discovery


class OpenIdProvider:
    """Talks to one provider; what it publishes is remembered for an hour."""

    def __init__(self, code: str, config: SsoProvider, redirect_uri: str) -> None:
        self.code = code
        self.config = config
        self.name = config.name or code.replace("_", " ").title()
        self._redirect_uri = redirect_uri
        self._discovery: tuple[Discovery, datetime] | None = None
        self._keys: tuple[KeySet, datetime] | None = None

    async def authorization_url(self, *, state: str, nonce: str, verifier: str, now: datetime) -> str:
        """Where the browser goes to sign in there. Raises ProviderFailed."""
        found = await self._discover(now)
        challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        query = {
            "response_type": "code", "client_id": self.config.client_id, "redirect_uri": self._redirect_uri,
            "scope": self.config.scopes, "state": state, "nonce": nonce, "code_challenge": challenge,
            "code_challenge_method": "S256",
        }  # fmt: skip
        mark = "&" if "?" in found.authorization_endpoint else "?"
        return f"{found.authorization_endpoint}{mark}{urlencode(query)}"

    async def claims(self, *, code: str, verifier: str, nonce: str, now: datetime) -> Claims:
        """What the provider says about whoever came back with `code`. Raises ProviderFailed."""
        found = await self._discover(now)
        answer = await self._exchange(found, code=code, verifier=verifier)
        claims = await self._checked(found, str(answer.get("id_token", "")), nonce=nonce, now=now)
        if "email" not in claims and found.userinfo_endpoint and answer.get("access_token"):
            bearer = {"Authorization": f"Bearer {answer['access_token']}"}
            told = await self._fetch("GET", found.userinfo_endpoint, headers=bearer)
            if told.get("sub") != claims["sub"]:
                raise ProviderFailed("userinfo speaks of somebody else")
            claims = {**told, **claims}
        return self._read(claims)

    async def _discover(self, now: datetime) -> Discovery:
        if self._discovery is not None and now - self._discovery[1] < FRESH_FOR:
            return self._discovery[0]
        issuer = self.config.issuer.rstrip("/")
        found = await self._fetch("GET", f"{issuer}/.well-known/openid-configuration")
        discovery = described(found, issuer)
        self._discovery = (discovery, now)
        return discovery

    async def _exchange(self, found: Discovery, *, code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self._redirect_uri,
            "code_verifier": verifier,
        }  # fmt: skip
        auth: tuple[str, str] | None = None
        if not self.config.client_secret:
            form["client_id"] = self.config.client_id
        elif "client_secret_basic" in found.token_endpoint_auth_methods_supported:
            auth = (self.config.client_id, self.config.client_secret)
        else:
            form |= {"client_id": self.config.client_id, "client_secret": self.config.client_secret}
        return await self._fetch("POST", found.token_endpoint, data=form, auth=auth)

    async def _checked(self, found: Discovery, token: str, *, nonce: str, now: datetime) -> dict[str, Any]:
        try:
            kid = extract_compact(token.encode()).headers().get("kid")
            keys = await self._keys_with(found, kid, now)
            claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
            audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
            problems = [
                claims["iss"] != found.issuer and "another issuer",
                self.config.client_id not in audience and "another audience",
                len(audience) > 1 and claims.get("azp") != self.config.client_id and "another party",
                now.timestamp() >= claims["exp"] + SKEW.total_seconds() and "expired",
                now.timestamp() < claims["iat"] - SKEW.total_seconds() and "from the future",
                not hmac.compare_digest(str(claims.get("nonce", "")), nonce) and "another nonce",
                not isinstance(claims["sub"], str) and "no subject",
                not 0 < len(str(claims["sub"])) <= TEXT_MOST and "no subject",
            ]
        except (JoseError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ProviderFailed(f"the token is not valid: {error!r}"[:300]) from error
        if found_problem := next((each for each in problems if each), ""):
            raise ProviderFailed(f"the token is {found_problem}")
        return dict(claims)

    async def _keys_with(self, found: Discovery, kid: str | None, now: datetime) -> KeySet:
        """The provider's keys; asked for again when they are old, or lack the one that a token names."""
        if self._keys is not None:
            keys, read_at = self._keys
            has_it = kid is None or any(key.kid == kid for key in keys.keys)
            if now - read_at < (FRESH_FOR if has_it else REFETCH_AFTER):
                return keys
        told = await self._fetch("GET", found.jwks_uri)
        usable = [each for each in told.get("keys", []) if each.get("use", "sig") == "sig" and "kty" in each]
        keys = KeySet.import_key_set({"keys": usable})
        self._keys = (keys, now)
        return keys

    async def _fetch(self, method: str, url: str, **options: Any) -> dict[str, Any]:
        import httpx

        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                answer = await client.request(method, url, **options)
            if answer.status_code != 200 or len(answer.content) > ANSWER_BYTES_MOST:
                raise ProviderFailed(f"{url} answered {answer.status_code}")
            decoded = msgspec.json.decode(answer.content)
        except (httpx.HTTPError, httpx.InvalidURL, msgspec.DecodeError, UnicodeError) as error:
            raise ProviderFailed(f"{url}: {error!r}"[:300]) from error
        if not isinstance(decoded, dict):
            raise ProviderFailed(f"{url} answered something else")
        return decoded

    def _read(self, claims: dict[str, Any]) -> Claims:
        told = claims.get(self.config.groups_claim, [])
        groups = [told] if isinstance(told, str) else told if isinstance(told, list) else []
        methods = claims.get("amr", [])
        return Claims(
            issuer=str(claims["iss"]), subject=str(claims["sub"]),
            email=_text(claims.get("email")), is_email_verified=claims.get("email_verified") is True,
            name=_text(claims.get("name") or claims.get("preferred_username")),
            groups=[_text(each) for each in groups[:GROUPS_MOST]],
            has_mfa=self.config.trusts_mfa and isinstance(methods, list) and "mfa" in methods,
        )  # fmt: skip


def _text(value: Any) -> str:
    return " ".join(value.split())[:TEXT_MOST] if isinstance(value, str) else ""
