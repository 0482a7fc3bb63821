"""The end of an account: the person is taken out of it, the id stays for the books."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.users import AccountDeleted
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound, Unauthenticated
from mercato.users import domain
from mercato.users.actions.own_password import prove
from mercato.users.actions.signing_in import end_all
from mercato.users.actions.staffing import refuse_last_owner
from mercato.users.actions.throttling import forget
from mercato.users.parts import Parts
from mercato.users.store import accounts, personal, rights


async def delete_me(parts: Parts, ctx: Context, *, password: str) -> None:
    """Erase the account of whoever asks and knows its password.

    Who signs in elsewhere and has no password has signed in within the last minutes instead.
    Raises Unauthenticated.
    """
    now = clock.now()
    user_id = ctx.principal.require_own_user_id()
    known = await accounts.account_by_id(parts.database, user_id=user_id)
    if known is not None and known["password_hash"] is None:
        ctx.principal.require_recent()
    else:
        await prove(parts, ctx, password, field="password", now=now)
    async with parts.database.transaction() as tx:
        await rights.lock_roles(tx, codes=[domain.OWNER_ROLE])
        row = await accounts.lock_user(tx, user_id=user_id)
        if row is None or not row["is_active"]:
            raise Unauthenticated(detail="Sign in to go on.")
        if domain.OWNER_ROLE in row["roles"]:
            await refuse_last_owner(tx, user_id)
        await forget(tx, domain.SIGN_IN_THROTTLE, str(user_id), ctx.client_address)
        await _erase(parts, tx, ctx, user_id=user_id, now=now)


async def erase_account(parts: Parts, ctx: Context, *, user_id: UUID) -> None:
    """Erase a customer's account because they asked the shop to. An erased one stays erased.

    Raises NotFound("user_not_found"), Conflict("erasure_staff").
    """
    ctx.principal.require("write_customers")
    ctx.principal.require_recent()
    async with parts.database.transaction() as tx:
        row = await accounts.lock_user(tx, user_id=user_id)
        if row is None:
            raise NotFound("user_not_found", "There is no such account.")
        if row["roles"]:
            raise Conflict("erasure_staff", "This account belongs to the staff: take its roles first.")
        if row["deleted_at"] is None:
            await _erase(parts, tx, ctx, user_id=user_id, now=clock.now())


async def _erase(parts: Parts, tx: Tx, ctx: Context, *, user_id: UUID, now: datetime) -> None:
    row = await accounts.lock_user(tx, user_id=user_id)
    assert row is not None
    _, *former = await personal.emails_of(tx, user_id=user_id)
    await parts.acted(tx, ctx, "account.deleted", about=("user", user_id))
    await end_all(parts, tx, user_id=user_id, keep=None, reason="deleted")
    await personal.forget_person(tx, user_id=user_id, email=domain.nobodys_email(user_id), now=now)
    deleted = AccountDeleted(
        user_id=user_id, email=row["email"], name=row["name"], locale=row["locale"], former_emails=former
    )
    await parts.outbox.add(tx, deleted)
