"""Signing in and out, rotating refresh tokens, changing the password."""

from uuid import UUID

import structlog

from mercato.contracts.users import SignIn
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Unauthenticated
from mercato.kernel.ids import digest, new_token
from mercato.users import domain
from mercato.users.actions import second_step
from mercato.users.actions.opening import end_session, sign_in_refused, start_session, tokens_of
from mercato.users.actions.own_password import password_changed, prove, set_password
from mercato.users.actions.throttling import admit, forget
from mercato.users.parts import Parts
from mercato.users.store import accounts, sessions

log = structlog.get_logger()


async def sign_in(parts: Parts, ctx: Context, *, email: str, password: str, browser: bool) -> SignIn:
    """Start a session. Every refusal costs the same hash and says the same."""
    now = clock.now()
    key = domain.email_key_of(email)
    if ctx.client_address:
        await admit(parts.database, domain.ADDRESS_THROTTLE, ctx.client_address, now=now)
    await admit(parts.database, domain.SIGN_IN_THROTTLE, key, ctx.client_address, now=now)
    account = await accounts.account_by_email(parts.database, email_key=key)
    stored = account["password_hash"] if account and account["confirmed_at"] else None
    is_right = await parts.passwords.verify(stored, password)
    if account is None or stored is None or not is_right or not account["is_active"]:
        raise sign_in_refused()
    newer = await parts.passwords.hash(password) if parts.passwords.needs_rehash(stored) else None
    if account["has_factors"]:
        waiting = second_step.Waiting(browser, stored, newer)
        return await second_step.ask_second_step(parts, ctx, account, waiting=waiting, now=now)
    return await start_session(parts, ctx, account, browser=browser, newer_hash=newer, now=now)


async def refresh(parts: Parts, ctx: Context, *, refresh_token: str) -> SignIn:
    """Exchange a refresh token for a new pair. A spent one means a thief: its whole session ends.

    Raises Unauthenticated("refresh_token_invalid").
    """
    now = clock.now()
    token_hash, next_token = digest(refresh_token), new_token()
    async with parts.database.transaction() as tx:
        found = await sessions.lock_refresh_token(tx, token_hash=token_hash, now=now)
        row = None
        if found is not None and found["spent_at"] is not None:
            if await end_session(parts, tx, found["session_id"], found["user_id"], "refresh_reused", now):
                log.warning("a spent refresh token was used again", session=str(found["session_id"]))
                about = ("user", found["user_id"])
                await parts.acted(tx, ctx, "session.refresh_token_reused", about=about)
        elif found is not None and found["is_alive"]:
            session_id = found["session_id"]
            await sessions.spend_refresh_token(tx, token_hash=token_hash, session_id=session_id, now=now)
            await sessions.insert_refresh_token(
                tx, token_hash=digest(next_token), session_id=session_id, now=now
            )
            row = await accounts.user_by_id(tx, user_id=found["user_id"])
    if row is None:
        raise Unauthenticated("refresh_token_invalid", "Sign in again.")
    access = await parts.keys.sign(user_id=row["id"], session_id=session_id, now=now)
    return tokens_of(row, access=access, refresh=next_token)


async def sign_out(parts: Parts, ctx: Context, *, token: str | None) -> None:
    """End the session of `token`, else the one that asks; ending it twice is nothing."""
    now = clock.now()
    async with parts.database.transaction() as tx:
        if token is not None:
            found = await sessions.session_of_secret(tx, token_hash=digest(token))
            if found is not None:
                await end_session(parts, tx, found["id"], found["user_id"], "signed_out", now)
        elif ctx.principal.session_id is not None:
            user_id = ctx.principal.require_user_id()
            await end_session(parts, tx, ctx.principal.session_id, user_id, "signed_out", now)


async def revoke_session(parts: Parts, tx: Tx, *, user_id: UUID, session_id: UUID) -> bool:
    """End one session of a user; False when it is not theirs or has ended."""
    return await end_session(parts, tx, session_id, user_id, "revoked", clock.now())


async def end_all(parts: Parts, tx: Tx, *, user_id: UUID, keep: UUID | None, reason: str) -> int:
    """End every session of a user but `keep`; returns how many."""
    count = await sessions.end_sessions(tx, user_id=user_id, keep=keep, reason=reason, now=clock.now())
    await parts.access_changed(tx, user_id)
    return count


async def change_password(parts: Parts, ctx: Context, *, current: str, new: str) -> None:
    """Set another password, knowing the present one, and end all other sessions."""
    now = clock.now()
    account = await prove(parts, ctx, current, field="current", now=now)
    user_id, has_factors = account["id"], account["has_factors"]
    known = [account["email"], account["name"]]
    await parts.passwords.judge(
        lambda: domain.judge_password(new, known=known, field="new", with_factor=has_factors)
    )
    password_hash = await parts.passwords.hash(new)
    async with parts.database.transaction() as tx:
        await forget(tx, domain.SIGN_IN_THROTTLE, str(user_id), ctx.client_address)
        await set_password(
            parts, tx, user_id=user_id, password=new, password_hash=password_hash, field="new", now=now
        )
        await end_all(parts, tx, user_id=user_id, keep=ctx.principal.session_id, reason="password_changed")
        await parts.outbox.add(tx, password_changed(account))
        await parts.acted(tx, ctx, "account.password_changed", about=("user", user_id))
