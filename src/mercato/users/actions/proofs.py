"""Checking what people prove themselves with: a code of their app or their paper, a passkey."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog

from mercato.contracts.users import FactorsChanged, PasskeyProof
from mercato.kernel.context import Context
from mercato.kernel.db import Queries, Tx
from mercato.kernel.errors import Unauthenticated
from mercato.users import domain
from mercato.users.actions.throttling import admit, forget
from mercato.users.factors import codes, passkeys
from mercato.users.parts import Parts
from mercato.users.store import accounts, factors

CODE_THROTTLE = domain.ThrottleRule("code", domain.growing_waits(5), timedelta(hours=24))
"""Counted per account and client address together."""
CODES_THROTTLE = domain.ThrottleRule("codes", domain.growing_waits(20, longest_s=60), timedelta(hours=24))
"""Counted per account over all addresses, gently: six digits could be guessed by many machines at once.

Only who knows the password gets as far as this, so a stranger slows nobody down with it."""

log = structlog.get_logger()


async def admit_code(parts: Parts, ctx: Context, user_id: UUID, *, now: datetime) -> None:
    """Count a try of a code. Raises Throttled."""
    await admit(parts.database, CODE_THROTTLE, str(user_id), ctx.client_address, now=now)
    await admit(parts.database, CODES_THROTTLE, str(user_id), now=now)


async def forget_tries(tx: Tx, ctx: Context, user_id: UUID) -> None:
    """A code was right: tries are counted anew."""
    await forget(tx, CODE_THROTTLE, str(user_id), ctx.client_address)
    await forget(tx, CODES_THROTTLE, str(user_id))


async def use_code(parts: Parts, tx: Tx, ctx: Context, *, user_id: UUID, code: str, now: datetime) -> None:
    """Accept a code of the app, or a recovery code, once. Raises Unauthenticated("code_wrong")."""
    digits, recovery = codes.app_code_of(code), codes.recovery_code_of(code)
    if digits is not None:
        is_right = await _use_app_code(parts, tx, user_id=user_id, digits=digits, now=now)
    elif recovery is not None:
        mark = parts.factor_kit.seal.mark(recovery, about=user_id.bytes)
        is_right = await factors.use_recovery_code(tx, user_id=user_id, code_hash=mark, now=now)
        if is_right:
            await tell(parts, tx, user_id, "recovery_code_used")
    else:
        is_right = False
    if not is_right:
        raise code_wrong()
    await forget_tries(tx, ctx, user_id)


async def _use_app_code(parts: Parts, tx: Tx, *, user_id: UUID, digits: str, now: datetime) -> bool:
    app = await factors.lock_app(tx, user_id=user_id)
    if app is None or app["confirmed_at"] is None:
        return False
    secret = parts.factor_kit.seal.open(app["sealed_secret"], about=user_id.bytes)
    if secret is None:
        log.error("an authenticator app was sealed under another secret_key", user=str(user_id))
        return False
    step = codes.step_of(secret.decode(), digits, now=now)
    return step is not None and await factors.use_step(tx, user_id=user_id, step=step, now=now)


async def use_passkey(
    parts: Parts, db: Queries, *, token: str, proof: PasskeyProof, user_id: UUID | None, now: datetime
) -> UUID:
    """Accept what a passkey has signed for the challenge of `token`; returns whose passkey it is.

    `user_id` names whose it must be, None takes anybody's. Raises Unauthenticated("passkey_refused").
    """
    try:
        credential_id = passkeys.decoded(proof.raw_id)
        known = await factors.passkey_of_credential(db, credential_id=credential_id)
        if known is None or (user_id is not None and known["user_id"] != user_id):
            raise passkeys.PasskeyRefused("no such passkey")
        count = passkeys.check_proof(
            proof, site=parts.factor_kit.site, token=token, user_id=known["user_id"],
            public_key=known["public_key"], sign_count=known["sign_count"],
        )  # fmt: skip
    except passkeys.PasskeyRefused as refused:
        log.warning("a passkey was refused", reason=str(refused))
        raise passkey_refused() from None
    is_used = await factors.use_passkey(
        db, passkey_id=known["id"], verified_count=known["sign_count"], sign_count=count, now=now
    )
    if not is_used:
        raise passkey_refused()
    found: UUID = known["user_id"]
    return found


async def tell(parts: Parts, tx: Tx, user_id: UUID, change: str, *, what: str = "") -> None:
    """Say that what guards an account has changed: its owner gets a mail."""
    row = await accounts.user_by_id(tx, user_id=user_id)
    assert row is not None
    changed = FactorsChanged(
        user_id=user_id, email=row["email"], name=row["name"], locale=row["locale"], change=change, what=what
    )
    await parts.outbox.add(tx, changed)


def code_wrong() -> Unauthenticated:
    return Unauthenticated("code_wrong", "This code is wrong or was used already. Wait for the next one.")


def passkey_refused() -> Unauthenticated:
    return Unauthenticated("passkey_refused", "This passkey was not accepted. Try again, or another way.")
