"""The second step of a sign-in, signing in with a passkey alone, and proving again who one is."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.users import PasskeyOptions, PasskeyProof, SignIn, SignInChallenge
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, Unauthenticated
from mercato.kernel.ids import digest, new_token
from mercato.users import domain
from mercato.users.actions import proofs
from mercato.users.actions.opening import renew_session, start_session
from mercato.users.actions.throttling import admit, forget, give_back
from mercato.users.factors import passkeys
from mercato.users.parts import Parts
from mercato.users.rows import user_of
from mercato.users.store import accounts, challenges, factors

SECOND_STEP, PASSKEY = "second_step", "passkey"
STEP_LIFE = timedelta(minutes=10)
TRIES_MOST = 20
PASSKEY_THROTTLE = domain.ThrottleRule("passkey", domain.growing_waits(200, longest_s=60), timedelta(hours=1))
"""Counted per client address: every sign-in page asks once for what a passkey would sign."""


class Waiting(msgspec.Struct, frozen=True):
    """What a sign-in knows already: which password was right, where it goes on."""

    browser: bool
    password_hash: str | None
    newer_hash: str | None
    has_mfa: bool = False


async def ask_second_step(
    parts: Parts, ctx: Context, account: Any, *, waiting: Waiting, now: datetime
) -> SignIn:
    """The first step was right: ask for the second, instead of opening a session."""
    token, user_id = new_token(), account["id"]
    sealed = parts.factor_kit.seal.close(msgspec.json.encode(waiting), about=user_id.bytes)
    async with parts.database.transaction() as tx:
        await forget(tx, domain.SIGN_IN_THROTTLE, account["email"].casefold(), ctx.client_address)
        await give_back(tx, domain.ADDRESS_THROTTLE, ctx.client_address)
        await challenges.insert_challenge(
            tx, token_hash=digest(token), purpose=SECOND_STEP, user_id=user_id, session_id=None, data=sealed,
            now=now, expires_at=now + STEP_LIFE,
        )  # fmt: skip
        known = await factors.overview(tx, user_id=user_id)
        keys = await factors.passkeys_of_user(tx, user_id=user_id)
    assert known is not None
    methods = ["app"] if known["has_app"] else []
    methods += ["passkey"] if keys else []
    methods += ["recovery_code"] if known["recovery_codes_left"] else []
    allowed = [row["credential_id"] for row in keys]
    options = passkeys.request_options(site=parts.factor_kit.site, token=token, allowed=allowed)
    challenge = SignInChallenge(
        token=token, methods=methods, expires_in=int(STEP_LIFE.total_seconds()),
        passkey_options=options if keys else None,
    )  # fmt: skip
    return SignIn(user=user_of(account), challenge=challenge)


async def finish_sign_in(
    parts: Parts, ctx: Context, *, challenge: str, code: str, passkey: PasskeyProof | None
) -> SignIn:
    """Check the second factor and open the session that the first step has earned."""
    now = clock.now()
    row = await challenges.try_challenge(
        parts.database, token_hash=digest(challenge), purpose=SECOND_STEP, tries_most=TRIES_MOST, now=now
    )
    user_id: UUID | None = row["user_id"] if row is not None else None
    if row is None or user_id is None:
        raise challenge_invalid()
    opened = parts.factor_kit.seal.open(row["data"], about=user_id.bytes)
    account = await accounts.account_by_id(parts.database, user_id=user_id)
    if opened is None or account is None or not account["is_active"]:
        raise challenge_invalid()
    waiting = msgspec.json.decode(opened, type=Waiting)
    if passkey is None:
        await proofs.admit_code(parts, ctx, user_id, now=now)

    async def spend(tx: Tx) -> None:
        if passkey is not None:
            await proofs.use_passkey(parts, tx, token=challenge, proof=passkey, user_id=user_id, now=now)
        else:
            await proofs.use_code(parts, tx, ctx, user_id=user_id, code=code, now=now)
        used = await challenges.use_challenge(tx, token_hash=digest(challenge), purpose=SECOND_STEP, now=now)
        if used is None:
            raise challenge_invalid()

    verified = {**dict(account), "password_hash": waiting.password_hash}
    return await start_session(
        parts, ctx, verified, browser=waiting.browser, newer_hash=waiting.newer_hash, has_mfa=True,
        spend=spend, now=now,
    )  # fmt: skip


async def ask_passkey(parts: Parts, ctx: Context) -> PasskeyOptions:
    """A challenge for any passkey of this site; only its use tells whose it is."""
    now, token = clock.now(), new_token()
    await admit(parts.database, PASSKEY_THROTTLE, ctx.client_address, now=now)
    await challenges.insert_challenge(
        parts.database, token_hash=digest(token), purpose=PASSKEY, user_id=None, session_id=None, data=b"",
        now=now, expires_at=now + STEP_LIFE,
    )  # fmt: skip
    return PasskeyOptions(token, passkeys.request_options(site=parts.factor_kit.site, token=token))


async def sign_in_with_passkey(
    parts: Parts, ctx: Context, *, challenge: str, passkey: PasskeyProof, browser: bool
) -> SignIn:
    """Open a session for whoever the passkey belongs to; it is two factors in one."""
    now = clock.now()
    if ctx.client_address:
        await admit(parts.database, domain.ADDRESS_THROTTLE, ctx.client_address, now=now)
    user_id = await _use_passkey_challenge(parts, challenge=challenge, passkey=passkey, user_id=None, now=now)
    account = await accounts.account_by_id(parts.database, user_id=user_id)
    if account is None or not account["is_active"]:
        raise proofs.passkey_refused()
    return await start_session(parts, ctx, account, browser=browser, has_mfa=True, now=now)


async def _use_passkey_challenge(
    parts: Parts, *, challenge: str, passkey: PasskeyProof, user_id: UUID | None, now: datetime
) -> UUID:
    # The challenge is used up in a commit of its own: a wrong answer to it is no reason to keep it.
    used = await challenges.use_challenge(
        parts.database, token_hash=digest(challenge), purpose=PASSKEY, now=now
    )
    if used is None:
        raise challenge_invalid()
    return await proofs.use_passkey(
        parts, parts.database, token=challenge, proof=passkey, user_id=user_id, now=now
    )


async def prove(
    parts: Parts, ctx: Context, *, password: str, code: str, challenge: str, passkey: PasskeyProof | None
) -> SignIn:
    """Prove again who is signed in; the session goes on under a new token.

    Raises Unauthenticated, Conflict("no_proof").
    """
    now = clock.now()
    user_id, session_id = ctx.principal.require_own_user_id(), ctx.principal.session_id
    known = await factors.overview(parts.database, user_id=user_id)
    if known is None or session_id is None:
        raise Unauthenticated(detail="Sign in to go on.")
    if passkey is not None:
        await _use_passkey_challenge(parts, challenge=challenge, passkey=passkey, user_id=user_id, now=now)
        return await renew_session(parts, ctx, has_mfa=True, now=now)
    has_factor = bool(known["has_app"] or known["passkeys"])
    if not known["has_password"] and not has_factor:
        raise Conflict("no_proof", "This account has no password: sign out, and in again the way you did.")
    if known["has_password"]:
        await _check_password(parts, ctx, user_id, password, now=now)
    if not has_factor:
        return await renew_session(parts, ctx, has_mfa=False, now=now)
    await proofs.admit_code(parts, ctx, user_id, now=now)

    async def spend(tx: Tx) -> None:
        await proofs.use_code(parts, tx, ctx, user_id=user_id, code=code, now=now)

    return await renew_session(parts, ctx, has_mfa=True, spend=spend, now=now)


async def _check_password(parts: Parts, ctx: Context, user_id: UUID, password: str, *, now: datetime) -> None:
    await admit(parts.database, domain.SIGN_IN_THROTTLE, str(user_id), ctx.client_address, now=now)
    account = await accounts.account_by_id(parts.database, user_id=user_id)
    stored = account["password_hash"] if account is not None else None
    if not await parts.passwords.verify(stored, password):
        raise Unauthenticated("proof_wrong", "This is not your password.")
    await forget(parts.database, domain.SIGN_IN_THROTTLE, str(user_id), ctx.client_address)


def challenge_invalid() -> Unauthenticated:
    return Unauthenticated("challenge_invalid", "This took too long: sign in again.")
