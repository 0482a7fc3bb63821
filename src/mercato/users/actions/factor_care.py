"""Setting second factors up and taking them away: each asks for a recent proof and is told by mail."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mercato.contracts.users import (
    AddedPasskey,
    AppSetup,
    FactorsOverview,
    NewPasskey,
    Passkey,
    PasskeyOptions,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions import proofs
from mercato.users.actions.signing_in import end_all
from mercato.users.factors import codes, passkeys
from mercato.users.parts import Parts
from mercato.users.store import accounts, challenges, factors, sessions

NEW_PASSKEY = "new_passkey"
STEP_LIFE = timedelta(minutes=10)
SETUP_LIFE = timedelta(hours=1)
"""How long a secret waits for its first code."""
PASSKEYS_MOST = 20
NAME_LENGTH_MAX = 60


async def overview(parts: Parts, ctx: Context) -> FactorsOverview:
    user_id = ctx.principal.require_user_id()
    row = await factors.overview(parts.database, user_id=user_id)
    if row is None:
        raise Unauthenticated(detail="Sign in to go on.")
    keys = await factors.passkeys_of_user(parts.database, user_id=user_id) if row["passkeys"] else []
    return FactorsOverview(
        has_app=row["has_app"], passkeys=[_passkey_of(each) for each in keys],
        recovery_codes_left=row["recovery_codes_left"], has_password=row["has_password"],
        is_required=row["is_required"],
    )  # fmt: skip


async def begin_app(parts: Parts, ctx: Context) -> AppSetup:
    """A new secret; asking again before it is confirmed gives another. Raises Conflict("app_exists")."""
    ctx.principal.require_recent()
    user_id, secret = ctx.principal.require_own_user_id(), codes.new_secret()
    sealed = parts.factor_kit.seal.close(secret.encode(), about=user_id.bytes)
    if not await factors.put_app(parts.database, user_id=user_id, sealed_secret=sealed, now=clock.now()):
        raise Conflict("app_exists", "An authenticator app is set up already: remove it first.")
    uri = codes.otpauth_uri(secret, account=ctx.principal.email, shop=parts.factor_kit.shop_name)
    return AppSetup(secret, uri)


async def confirm_app(parts: Parts, ctx: Context, *, code: str) -> list[str]:
    """The first code shows that the app has the secret: from now on it guards the account.

    Raises Conflict("app_not_begun"), Invalid("code_wrong").
    """
    ctx.principal.require_recent()
    now, user_id = clock.now(), ctx.principal.require_own_user_id()
    await proofs.admit_code(parts, ctx, user_id, now=now)
    async with parts.database.transaction() as tx:
        app = await factors.lock_app(tx, user_id=user_id)
        if app is None or app["confirmed_at"] is not None or app["created_at"] + SETUP_LIFE < now:
            raise Conflict("app_not_begun", "Begin anew: the code to scan is too old.")
        secret = parts.factor_kit.seal.open(app["sealed_secret"], about=user_id.bytes)
        step = codes.step_of((secret or b"").decode(), codes.app_code_of(code) or "", now=now)
        if step is None or not await factors.use_step(tx, user_id=user_id, step=step, now=now):
            message = "This code is not right. Check the clock of the phone, and type the present code."
            raise Invalid("code_wrong", message, errors=[FieldError("code", "code_wrong", message)])
        await proofs.forget_tries(tx, ctx, user_id)
        await factors.confirm_app(tx, user_id=user_id, now=now)
        return await _added(parts, tx, ctx, user_id, "app_added", now=now)


async def remove_app(parts: Parts, ctx: Context) -> None:
    ctx.principal.require_recent()
    now, user_id = clock.now(), ctx.principal.require_own_user_id()
    async with parts.database.transaction() as tx:
        await accounts.lock_user(tx, user_id=user_id)
        if not await factors.delete_app(tx, user_id=user_id):
            raise NotFound("app_not_found", "No authenticator app is set up.")
        await _removed(parts, tx, user_id, "app_removed", now=now)


async def begin_passkey(parts: Parts, ctx: Context) -> PasskeyOptions:
    """What the browser makes a passkey from, bound to this session."""
    ctx.principal.require_recent()
    now, token, user_id = clock.now(), new_token(), ctx.principal.require_own_user_id()
    known = await factors.passkeys_of_user(parts.database, user_id=user_id)
    _refuse_many(len(known))
    await challenges.insert_challenge(
        parts.database, token_hash=digest(token), purpose=NEW_PASSKEY, user_id=user_id,
        session_id=ctx.principal.session_id, data=b"", now=now, expires_at=now + STEP_LIFE,
    )  # fmt: skip
    options = passkeys.creation_options(
        site=parts.factor_kit.site, shop=parts.factor_kit.shop_name, user_id=user_id,
        email=ctx.principal.email, name=ctx.principal.name, token=token,
        known=[row["credential_id"] for row in known],
    )  # fmt: skip
    return PasskeyOptions(token, options)


async def add_passkey(
    parts: Parts, ctx: Context, *, challenge: str, credential: NewPasskey, name: str
) -> AddedPasskey:
    """Keep what the browser has made for a challenge of this session."""
    ctx.principal.require_recent()
    now, user_id = clock.now(), ctx.principal.require_own_user_id()
    try:
        made = passkeys.check_new(credential, site=parts.factor_kit.site, token=challenge)
    except passkeys.PasskeyRefused as refused:
        proofs.log.warning("a new passkey was refused", reason=str(refused))
        raise _passkey_invalid() from None
    passkey = Passkey(new_id(), _name_of(name) or "Passkey", made.is_synced, now, None)
    transports = [each for each in credential.response.transports if each in passkeys.TRANSPORTS]
    async with parts.database.transaction() as tx:
        await accounts.lock_user(tx, user_id=user_id)
        used = await challenges.use_challenge(tx, token_hash=digest(challenge), purpose=NEW_PASSKEY, now=now)
        if used is None or used["user_id"] != user_id or used["session_id"] != ctx.principal.session_id:
            raise _passkey_invalid()
        _refuse_many(len(await factors.passkeys_of_user(tx, user_id=user_id)))
        is_new = await factors.insert_passkey(
            tx, passkey_id=passkey.id, user_id=user_id, credential_id=made.credential_id,
            public_key=made.public_key, sign_count=made.sign_count, name=passkey.name, transports=transports,
            is_synced=made.is_synced, now=now,
        )  # fmt: skip
        if not is_new:
            raise _passkey_invalid()
        recovery = await _added(parts, tx, ctx, user_id, "passkey_added", what=passkey.name, now=now)
    return AddedPasskey(passkey, recovery)


async def rename_passkey(parts: Parts, ctx: Context, *, passkey_id: UUID, name: str) -> Passkey:
    user_id, name = ctx.principal.require_own_user_id(), _name_of(name)
    if not name:
        raise Invalid(detail="Enter a name.", errors=[FieldError("name", "required", "Enter a name.")])
    row = await factors.rename_passkey(parts.database, passkey_id=passkey_id, user_id=user_id, name=name)
    if row is None:
        raise _passkey_not_found()
    return _passkey_of(row)


async def remove_passkey(parts: Parts, ctx: Context, *, passkey_id: UUID) -> None:
    ctx.principal.require_recent()
    now, user_id = clock.now(), ctx.principal.require_own_user_id()
    async with parts.database.transaction() as tx:
        await accounts.lock_user(tx, user_id=user_id)
        name = await factors.delete_passkey(tx, passkey_id=passkey_id, user_id=user_id)
        if name is None:
            raise _passkey_not_found()
        await _removed(parts, tx, user_id, "passkey_removed", what=name, now=now)


async def renew_recovery_codes(parts: Parts, ctx: Context) -> list[str]:
    """Ten new codes instead of those before. Raises Conflict("no_factor")."""
    ctx.principal.require_recent()
    now, user_id = clock.now(), ctx.principal.require_own_user_id()
    async with parts.database.transaction() as tx:
        await accounts.lock_user(tx, user_id=user_id)
        known = await factors.overview(tx, user_id=user_id)
        if known is None or not (known["has_app"] or known["passkeys"]):
            raise Conflict("no_factor", "Set up a second factor first.")
        fresh = await _new_recovery_codes(parts, tx, user_id, now)
        await proofs.tell(parts, tx, user_id, "recovery_codes_renewed")
    return fresh


async def _added(
    parts: Parts, tx: Tx, ctx: Context, user_id: UUID, change: str, *, what: str = "", now: datetime
) -> list[str]:
    """A factor was added: this session has it, others end; recovery codes when there are none."""
    if ctx.principal.session_id is not None:
        await sessions.note_factor(tx, session_id=ctx.principal.session_id, now=now)
    await end_all(parts, tx, user_id=user_id, keep=ctx.principal.session_id, reason="factor_added")
    await proofs.tell(parts, tx, user_id, change, what=what)
    known = await factors.overview(tx, user_id=user_id)
    if known is not None and known["recovery_codes_left"]:
        return []
    return await _new_recovery_codes(parts, tx, user_id, now)


async def _removed(
    parts: Parts, tx: Tx, user_id: UUID, change: str, *, what: str = "", now: datetime
) -> None:
    """A factor was removed; refuse when the account may not be without."""
    known = await factors.overview(tx, user_id=user_id)
    assert known is not None
    if not (known["has_app"] or known["passkeys"]):
        if known["is_required"]:
            raise Conflict("factor_required", "Your role asks for a second factor: set up another one first.")
        if known["has_short_password"]:
            least = domain.PASSWORD_LENGTH_MIN
            raise Conflict("password_too_short", f"Choose a password of at least {least} characters first.")
        await factors.replace_recovery_codes(tx, user_id=user_id, hashes=[], now=now)
    await proofs.tell(parts, tx, user_id, change, what=what)


async def _new_recovery_codes(parts: Parts, tx: Tx, user_id: UUID, now: datetime) -> list[str]:
    fresh = codes.new_recovery_codes()
    marks = [parts.factor_kit.seal.mark(each.replace("-", ""), about=user_id.bytes) for each in fresh]
    await factors.replace_recovery_codes(tx, user_id=user_id, hashes=marks, now=now)
    return fresh


def _refuse_many(count: int) -> None:
    if count >= PASSKEYS_MOST:
        raise Conflict(
            "too_many_passkeys", f"At most {PASSKEYS_MOST} passkeys can be kept: remove one first."
        )


def _name_of(text: str) -> str:
    return " ".join(text.split())[:NAME_LENGTH_MAX]


def _passkey_of(row: Any) -> Passkey:
    return Passkey(
        id=row["id"], name=row["name"], is_synced=row["is_synced"], created_at=row["created_at"],
        last_used_at=row["last_used_at"],
    )  # fmt: skip


def _passkey_invalid() -> Invalid:
    return Invalid("passkey_invalid", "This passkey could not be kept. Try again.")


def _passkey_not_found() -> NotFound:
    return NotFound("passkey_not_found", "There is no such passkey.")
