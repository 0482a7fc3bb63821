"""Access tokens: JWTs signed with Ed25519 keys that live, sealed, in the database and change every month."""

import hashlib
import warnings
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import OKPKey
from joserfc.jws import extract_compact

from mercato.contracts.users import PublicKey
from mercato.kernel import clock
from mercato.kernel.db import Database, Row, Tx
from mercato.kernel.ids import new_id
from mercato.users import domain
from mercato.users.store import rights

# The name that every verifier knows; many refuse the "Ed25519" of RFC 9864 today.
ALGORITHM = "EdDSA"
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

AUDIENCE = "mercato"
NONCE_BYTES = 12
RELOAD_EVERY = timedelta(seconds=1)
"""Tokens that name unknown keys cost one statement a second, however many come."""


class SigningKeys:
    """The newest key signs; every published key verifies. Another process may have made a newer one."""

    def __init__(self, database: Database, *, issuer: str, secret: str) -> None:
        self._database = database
        self._issuer = issuer
        derive = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"mercato signing keys")
        self._seal = AESGCM(derive.derive(secret.encode() or b"development"))
        self._keys: dict[str, OKPKey] = {}
        self._signs: tuple[str, datetime] | None = None
        self._loaded_at: datetime | None = None

    async def sign(self, *, user_id: UUID, session_id: UUID, now: datetime) -> str:
        """An access token that names a session; what it may do is looked up whenever it is used."""
        if self._signs is None or self._signs[1] + domain.SIGNING_KEY_LIFE <= now:
            await self.rotate()
        assert self._signs is not None
        kid = self._signs[0]
        claims = {
            "iss": self._issuer, "aud": AUDIENCE, "sub": str(user_id), "sid": str(session_id),
            "jti": str(new_id()), "iat": int(now.timestamp()),
            "exp": int((now + domain.ACCESS_TOKEN_LIFE).timestamp()),
        }  # fmt: skip
        return jwt.encode({"alg": ALGORITHM, "kid": kid}, claims, self._keys[kid], algorithms=[ALGORITHM])

    async def session_of(self, token: str, *, now: datetime) -> UUID | None:
        """The session that a token names; None when it proves nothing."""
        try:
            kid = str(extract_compact(token.encode()).headers().get("kid"))
            key = self._keys.get(kid) or await self._reload_for(kid, now)
            if key is None:
                return None
            claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
            ends_at = datetime.fromtimestamp(claims["exp"], tz=UTC)
            if claims["iss"] != self._issuer or claims["aud"] != AUDIENCE or ends_at <= now:
                return None
            return UUID(claims["sid"])
        except (JoseError, KeyError, ValueError, TypeError, AttributeError, OverflowError):
            return None

    async def public_keys(self, *, now: datetime) -> list[PublicKey]:
        rows = await rights.published_keys(self._database, retired_after=now - domain.SIGNING_KEY_OVERLAP)
        return [msgspec.json.decode(row["public_jwk"], type=PublicKey) for row in rows]

    async def rotate(self) -> None:
        """Make a key when one is due (none there, or the newest has signed for its time); read all again."""
        now = clock.now()
        async with self._database.transaction() as tx:
            await rights.lock_keys(tx)
            rows = await rights.published_keys(tx, retired_after=now - domain.SIGNING_KEY_OVERLAP)
            if not any(self._may_sign(row, now) for row in rows):
                await self._create(tx, now)
            rows = await rights.published_keys(tx, retired_after=now - domain.SIGNING_KEY_OVERLAP)
        self._take(rows, now)

    async def _reload_for(self, kid: str, now: datetime) -> OKPKey | None:
        if self._loaded_at is None or now - self._loaded_at >= RELOAD_EVERY:
            rows = await rights.published_keys(self._database, retired_after=now - domain.SIGNING_KEY_OVERLAP)
            self._take(rows, now)
        return self._keys.get(kid)

    def _may_sign(self, row: Row, now: datetime) -> bool:
        fresh = row["retired_at"] is None and row["created_at"] + domain.SIGNING_KEY_LIFE > now
        return fresh and self._open(row) is not None

    def _take(self, rows: list[Row], now: datetime) -> None:
        opened = {row["kid"]: key for row in rows if (key := self._open(row)) is not None}
        signing = next((row for row in rows if row["kid"] in opened and row["retired_at"] is None), None)
        self._keys = opened
        self._signs = (signing["kid"], signing["created_at"]) if signing else None
        self._loaded_at = now

    def _open(self, row: Row) -> OKPKey | None:
        """The key of a row; None when it was sealed under another secret."""
        try:
            private = self._seal.decrypt(_nonce(row["kid"]), row["sealed_private"], row["kid"].encode())
        except InvalidTag:
            return None
        return OKPKey.import_key(msgspec.json.decode(private))

    async def _create(self, tx: Tx, now: datetime) -> None:
        key = OKPKey.generate_key("Ed25519", private=True)
        kid = key.thumbprint()
        public = PublicKey(kid=kid, x=str(key.as_dict(private=False)["x"]))
        private = msgspec.json.encode(key.as_dict(private=True))
        await rights.insert_key(
            tx, kid=kid, public_jwk=msgspec.json.encode(public).decode(),
            sealed_private=self._seal.encrypt(_nonce(kid), private, kid.encode()), now=now,
        )  # fmt: skip


def _nonce(kid: str) -> bytes:
    """Unique per key, as AES-GCM needs: each key is sealed once and named by its own hash."""
    return hashlib.sha256(kid.encode()).digest()[:NONCE_BYTES]
