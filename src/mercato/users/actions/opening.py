"""Opening a session for whoever has proved themselves, and renewing it when they prove it again."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.users import SignIn
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.db import Tx
from mercato.kernel.errors import Unauthenticated
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions import devices
from mercato.users.actions.throttling import forget, give_back
from mercato.users.parts import Parts
from mercato.users.rows import user_of
from mercato.users.store import accounts, sessions

TEXT_LENGTH_MAX = 300

Spend = Callable[[Tx], Awaitable[None]]
"""Uses up, in the transaction of a session, what the session is opened or renewed for."""


async def start_session(
    parts: Parts,
    ctx: Context,
    account: Any,
    *,
    browser: bool,
    newer_hash: str | None = None,
    has_mfa: bool = False,
    spend: Spend | None = None,
    now: datetime,
) -> SignIn:
    """Open a session for an account that has proved itself; `spend` uses up what proved it.

    The password in `account` must still be the account's: one that changed meanwhile opens nothing.
    """
    limits = domain.session_limits(account["permissions"])
    session_id, token, user_id = new_id(), new_token(), account["id"]
    async with parts.database.transaction() as tx:
        if spend is not None:
            await spend(tx)
        await forget(tx, domain.SIGN_IN_THROTTLE, account["email"].casefold(), ctx.client_address)
        await give_back(tx, domain.ADDRESS_THROTTLE, ctx.client_address)
        is_still_right = await accounts.mark_signed_in(
            tx, user_id=user_id, verified_hash=account["password_hash"], newer_hash=newer_hash, now=now
        )
        if not is_still_right:
            raise sign_in_refused()
        if browser and ctx.principal.session_id is not None:
            await end_session(
                parts, tx, ctx.principal.session_id, ctx.principal.require_user_id(), "replaced", now
            )
        await sessions.insert_session(
            tx, session_id=session_id, user_id=user_id, token_hash=digest(token) if browser else None,
            user_agent=ctx.user_agent[:TEXT_LENGTH_MAX], client_address=ctx.client_address[:TEXT_LENGTH_MAX],
            now=now, idle_s=int(limits.idle.total_seconds()), expires_at=now + limits.absolute,
            has_mfa=has_mfa,
        )  # fmt: skip
        if not browser:
            await sessions.insert_refresh_token(tx, token_hash=digest(token), session_id=session_id, now=now)
        await devices.note(parts, tx, ctx, account, now=now)
        await _tell_of_staff(parts, tx, ctx, account, has_mfa=has_mfa)
        row = await accounts.user_by_id(tx, user_id=user_id)
        assert row is not None
    if browser:
        return SignIn(user=user_of(row), session_token=token, expires_in=int(limits.absolute.total_seconds()))
    access = await parts.keys.sign(user_id=user_id, session_id=session_id, now=now)
    return tokens_of(row, access=access, refresh=token)


async def _tell_of_staff(parts: Parts, tx: Tx, ctx: Context, account: Any, *, has_mfa: bool) -> None:
    """Sign-ins of staff are acts; those of customers are not."""
    if not account["roles"]:
        return
    who = Principal(PrincipalKind.USER, account["id"], account["email"], account["name"])
    await parts.acted(
        tx, msgspec.structs.replace(ctx, principal=who), "session.staff_signed_in",
        about=("user", account["id"]), label=account["email"], after={"second_factor": has_mfa},
    )  # fmt: skip


async def renew_session(
    parts: Parts, ctx: Context, *, has_mfa: bool, spend: Spend | None = None, now: datetime
) -> SignIn:
    """The session goes on under a new token, proved as of now.

    A new token rather than a note beside the old one: no process can still remember the old proof with it.
    Raises Unauthenticated.
    """
    user_id, session_id, token = ctx.principal.require_user_id(), ctx.principal.session_id, new_token()
    async with parts.database.transaction() as tx:
        if spend is not None:
            await spend(tx)
        renewed = None
        if session_id is not None:
            renewed = await sessions.renew_session(
                tx, session_id=session_id, token_hash=digest(token), has_mfa=has_mfa, now=now
            )
        row = await accounts.user_by_id(tx, user_id=user_id)
        if renewed is None or row is None or session_id is None:
            raise Unauthenticated(detail="Sign in to go on.")
        await parts.access_changed(tx, user_id)
    if renewed["is_browser"]:
        seconds = int((renewed["expires_at"] - now).total_seconds())
        return SignIn(user=user_of(row), session_token=token, expires_in=seconds)
    access = await parts.keys.sign(user_id=user_id, session_id=session_id, now=now)
    seconds = int(domain.ACCESS_TOKEN_LIFE.total_seconds())
    return SignIn(user=user_of(row), access_token=access, expires_in=seconds)


def sign_in_refused() -> Unauthenticated:
    """The one answer of a sign-in that failed, whatever the reason."""
    return Unauthenticated(
        "sign_in_failed", "E-mail or password is not right, or the account is not confirmed yet."
    )


def tokens_of(row: Any, *, access: str, refresh: str) -> SignIn:
    """What an API client gets."""
    seconds = int(domain.ACCESS_TOKEN_LIFE.total_seconds())
    return SignIn(user=user_of(row), access_token=access, refresh_token=refresh, expires_in=seconds)


async def end_session(
    parts: Parts, tx: Tx, session_id: UUID, user_id: UUID, reason: str, now: datetime
) -> bool:
    """End a session, if it has not ended yet, and say so to whoever remembers it."""
    ended = await sessions.end_session(tx, session_id=session_id, user_id=user_id, reason=reason, now=now)
    if ended:
        await parts.access_changed(tx, user_id)
    return ended
