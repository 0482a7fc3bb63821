"""Signing in and out, sessions, tokens: each method of the contract is one verb."""

from uuid import UUID

from mercato.contracts.users import PublicKey, SessionInfo, SignIn
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal
from mercato.kernel.errors import NotFound
from mercato.users import domain, rows
from mercato.users.actions import signing_in
from mercato.users.service.part import Part
from mercato.users.store import sessions


class SignInsPart(Part):
    """Implements `contracts.users.sign_ins.SignIns`."""

    async def sign_in(self, ctx: Context, *, email: str, password: str, browser: bool) -> SignIn:
        return await signing_in.sign_in(self.parts, ctx, email=email, password=password, browser=browser)

    async def refresh(self, ctx: Context, *, refresh_token: str) -> SignIn:
        return await signing_in.refresh(self.parts, ctx, refresh_token=refresh_token)

    async def sign_out(self, ctx: Context, *, token: str | None = None) -> None:
        await signing_in.sign_out(self.parts, ctx, token=token)

    async def resolve(self, ctx: Context, *, credential: str) -> Principal:
        return await self.principals.resolve(credential)

    async def sessions(self, ctx: Context) -> list[SessionInfo]:
        user_id = ctx.principal.require_user_id()
        found = await sessions.sessions_of_user(
            self.database, user_id=user_id, now=clock.now(), limit=domain.MAX_SESSIONS
        )
        return [rows.session_of(row, ctx.principal.session_id) for row in found]

    async def revoke_session(self, ctx: Context, *, session_id: UUID) -> None:
        user_id = ctx.principal.require_own_user_id()
        async with self.database.transaction() as tx:
            if not await signing_in.revoke_session(self.parts, tx, user_id=user_id, session_id=session_id):
                raise NotFound("session_not_found", "There is no such session.")

    async def revoke_other_sessions(self, ctx: Context) -> int:
        user_id, keep = ctx.principal.require_own_user_id(), ctx.principal.session_id
        async with self.database.transaction() as tx:
            return await signing_in.end_all(self.parts, tx, user_id=user_id, keep=keep, reason="revoked")

    async def public_keys(self, ctx: Context) -> list[PublicKey]:
        return await self.keys.public_keys(now=clock.now())
