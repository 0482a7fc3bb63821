"""Who is behind a credential, with rights as they are at this moment.

Nothing is remembered here: the edge keeps a principal for a second and drops it when AccessChanged arrives;
another memory would only make revocation slower.
"""

from datetime import datetime

from mercato.kernel import clock
from mercato.kernel.context import GUEST, Principal, PrincipalKind
from mercato.kernel.db import Database, Row
from mercato.kernel.ids import digest
from mercato.users import domain
from mercato.users.store import api_keys, sessions
from mercato.users.tokens import SigningKeys

CREDENTIAL_LENGTH_MAX = 2000
ACCESS_TOKEN_DOTS = 2


class Principals:
    """Resolves session tokens, access tokens and API keys."""

    def __init__(self, database: Database, keys: SigningKeys) -> None:
        self._database = database
        self._keys = keys

    async def resolve(self, credential: str) -> Principal:
        """The principal of a session token, an access token or an API key; a guest when it proves nothing."""
        if not credential or len(credential) > CREDENTIAL_LENGTH_MAX:
            return GUEST
        now = clock.now()
        if credential.startswith(domain.API_KEY_PREFIX):
            return await self._of_key(credential, now)
        row = await self._row_of(credential, now)
        if row is None:
            return GUEST
        await self._touch(row, now)
        if row["impersonator_id"] is not None:
            return _acted_for(row)
        needs_mfa = row["requires_mfa"] and not row["has_mfa"]
        return Principal(
            kind=PrincipalKind.USER, id=row["user_id"], email=row["email"], name=row["name"],
            permissions=frozenset() if needs_mfa else frozenset(row["permissions"]),
            limited=frozenset() if needs_mfa else domain.limits_of(row["limited"]),
            session_id=row["session_id"], proven_at=row["proven_at"], has_mfa=row["has_mfa"],
            needs_mfa=needs_mfa,
        )  # fmt: skip

    async def _of_key(self, secret: str, now: datetime) -> Principal:
        row = await api_keys.key_of_secret(self._database, token_hash=digest(secret), now=now)
        if row is None:
            return GUEST
        noted_before = now - domain.TOUCH_EVERY
        if row["last_used_at"] is None or row["last_used_at"] < noted_before:
            await api_keys.touch_key(self._database, key_id=row["id"], now=now, unless_after=noted_before)
        return Principal(
            kind=PrincipalKind.API_KEY, id=row["id"], name=row["name"],
            permissions=frozenset() if row["channel"] else frozenset(row["permissions"]),
            limited=frozenset((each, row["channel"]) for each in row["permissions"] if row["channel"]),
        )  # fmt: skip

    async def _row_of(self, credential: str, now: datetime) -> Row | None:
        if credential.count(".") != ACCESS_TOKEN_DOTS:
            return await sessions.principal_of_token(self._database, token_hash=digest(credential), now=now)
        session_id = await self._keys.session_of(credential, now=now)
        if session_id is None:
            return None
        return await sessions.principal_of_session(self._database, session_id=session_id, now=now)

    async def _touch(self, row: Row, now: datetime) -> None:
        noted_before = now - domain.TOUCH_EVERY
        if row["last_used_at"] < noted_before:
            await sessions.touch_session(
                self._database, session_id=row["session_id"], now=now, unless_after=noted_before
            )


def _acted_for(row: Row) -> Principal:
    """Whoever acts for somebody is seen as them, with no right of staff and nothing proved."""
    return Principal(
        kind=PrincipalKind.USER, id=row["user_id"], email=row["email"], name=row["name"],
        session_id=row["session_id"], acting_id=row["impersonator_id"], acting_label=row["impersonator"],
    )  # fmt: skip
