"""Signing in and out, sessions, tokens."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.shared import Email
from mercato.contracts.users.records import Password, PublicKey, SessionInfo, SignIn
from mercato.kernel.context import Context, Principal
from mercato.kernel.rpc import idempotent


class SignIns(Protocol):
    """Signing in and out, sessions, tokens."""

    async def sign_in(self, ctx: Context, *, email: Email, password: Password, browser: bool) -> SignIn:
        """Raises Unauthenticated("sign_in_failed") with one text for every reason; Throttled."""

    async def refresh(self, ctx: Context, *, refresh_token: str) -> SignIn:
        """Rotate a refresh token; reuse of a spent one ends the whole session. Raises Unauthenticated."""

    async def sign_out(self, ctx: Context, *, token: str | None = None) -> None:
        """End the session of the principal, or of the browser or refresh `token`."""

    @idempotent
    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        """The principal of a browser session token, access token or API key; a guest when not valid."""

    @idempotent
    async def sessions(self, ctx: Context) -> list[SessionInfo]: ...

    async def revoke_session(self, ctx: Context, *, session_id: UUID) -> None: ...

    async def revoke_other_sessions(self, ctx: Context) -> int:
        """End every session of the caller but the one that asks; returns how many."""

    @idempotent
    async def public_keys(self, ctx: Context) -> list[PublicKey]:
        """The keys that access tokens may be signed with, newest first."""
