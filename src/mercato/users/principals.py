"""Who is behind a credential: looked up with rights as they are now, remembered for a second at most."""

import asyncio
from datetime import datetime
from uuid import UUID

import structlog

from mercato.kernel import clock
from mercato.kernel.context import GUEST, Principal, PrincipalKind
from mercato.kernel.db import Database, Row
from mercato.kernel.ids import digest
from mercato.kernel.live import Live
from mercato.users import domain
from mercato.users.store import sessions
from mercato.users.tokens import SigningKeys

ACCESS_TOPIC = "users.access"
"""Live topic: the id of the user (16 bytes) whose sessions or rights changed."""
REMEMBER_S = 1.0
MAX_REMEMBERED = 20_000
CREDENTIAL_LENGTH_MAX = 2000
RETRY_LISTEN_S = 1.0

log = structlog.get_logger()


class Principals:
    """Resolves credentials. A change is heard from every process, and found within a second anyway."""

    def __init__(self, database: Database, keys: SigningKeys, live: Live) -> None:
        self._database = database
        self._keys = keys
        self._live = live
        self._remembered: dict[bytes, tuple[float, Principal]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._changes = 0

    async def resolve(self, credential: str) -> Principal:
        """The principal of a session token or an access token; a guest when it proves nothing."""
        if not credential or len(credential) > CREDENTIAL_LENGTH_MAX:
            return GUEST
        key = digest(credential)
        found = self._remembered.get(key)
        if found is not None and clock.monotonic_s() < found[0]:
            return found[1]
        changes = self._changes
        principal = await self._look_up(credential, key)
        if principal is not GUEST and changes == self._changes:
            self._remember(key, principal)
        return principal

    def forget(self, user_id: UUID | None) -> None:
        """Drop what is remembered of a user, or of everyone."""
        self._changes += 1
        if user_id is None:
            self._remembered.clear()
            return
        gone = [key for key, (_, principal) in self._remembered.items() if principal.id == user_id]
        for key in gone:
            del self._remembered[key]

    def announce(self, user_id: UUID) -> None:
        """Forget a user here and in every other process; called after the change is committed."""
        self.forget(user_id)
        self._live.publish(ACCESS_TOPIC, user_id.bytes)

    def start(self) -> None:
        self._listener = asyncio.create_task(self._listen(), name="users-access")

    async def stop(self) -> None:
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def _look_up(self, credential: str, key: bytes) -> Principal:
        now = clock.now()
        if credential.count(".") == 2:
            named = await self._keys.session_of(credential, now=now)
            if named is None:
                return GUEST
            row = await sessions.principal_of_session(self._database, session_id=named[0], now=now)
        else:
            row = await sessions.principal_of_token(self._database, token_hash=key, now=now)
        if row is None:
            return GUEST
        await self._touch(row, now)
        return Principal(
            kind=PrincipalKind.USER, id=row["user_id"], email=row["email"], name=row["name"],
            permissions=frozenset(row["permissions"]), session_id=row["session_id"],
        )  # fmt: skip

    async def _touch(self, row: Row, now: datetime) -> None:
        noted_before = now - domain.TOUCH_EVERY
        if row["last_used_at"] < noted_before:
            await sessions.touch_session(
                self._database, session_id=row["session_id"], now=now, unless_after=noted_before
            )

    def _remember(self, key: bytes, principal: Principal) -> None:
        self._remembered.pop(key, None)
        while len(self._remembered) >= MAX_REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        self._remembered[key] = (clock.monotonic_s() + REMEMBER_S, principal)

    async def _listen(self) -> None:
        while True:
            try:
                async with self._live.listen(ACCESS_TOPIC) as hints:
                    async for hint in hints:
                        self.forget(UUID(bytes=hint.data) if len(hint.data) == 16 else None)
            except Exception as error:  # without hints, the second of REMEMBER_S still holds
                log.warning("cannot hear changes of access", error=repr(error))
                await asyncio.sleep(RETRY_LISTEN_S)
