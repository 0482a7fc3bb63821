"""Acting for a customer, and making one account of two. Never beyond the rights of who does it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from mercato.contracts.users import AccountsMerged, Impersonation, User
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions.opening import TEXT_LENGTH_MAX
from mercato.users.actions.signing_in import end_all, revoke_session
from mercato.users.actions.staffing import refuse_beyond
from mercato.users.parts import Parts
from mercato.users.rows import user_of
from mercato.users.store import accounts, acting, personal

ACTING_LIFE = timedelta(minutes=30)


async def impersonate(parts: Parts, ctx: Context, *, user_id: UUID, reason: str) -> Impersonation:
    """A session that is seen as the customer's; the audit knows who is behind it.

    Raises Conflict("not_impersonable").
    """
    ctx.principal.require("write_customers")
    actor_id = ctx.principal.require_own_user_id()
    ctx.principal.require_recent()
    now, session_id, token = clock.now(), new_id(), new_token()
    expires_at = now + ACTING_LIFE
    async with parts.database.transaction() as tx:
        row = await _found(tx, user_id)
        if row["roles"]:
            ctx.principal.require("write_staff")
        refuse_beyond(ctx.principal, row["permissions"])
        if user_id == actor_id or not row["is_active"] or row["confirmed_at"] is None:
            raise Conflict("not_impersonable", "Only active, confirmed accounts of others can be acted for.")
        await acting.insert_impersonation(
            tx, session_id=session_id, user_id=user_id, impersonator_id=actor_id, token_hash=digest(token),
            user_agent=ctx.user_agent[:TEXT_LENGTH_MAX], client_address=ctx.client_address[:TEXT_LENGTH_MAX],
            now=now, idle_s=int(ACTING_LIFE.total_seconds()), expires_at=expires_at,
        )  # fmt: skip
        await parts.acted(
            tx, ctx, "user.impersonated", about=("user", user_id), label=row["email"],
            after={"reason": reason},
        )  # fmt: skip
    return Impersonation(user_of(row), token, expires_at)


async def end_impersonation(parts: Parts, ctx: Context) -> UUID | None:
    """End the acting of whoever asks."""
    principal = ctx.principal
    if principal.acting_id is None or principal.session_id is None or principal.id is None:
        return None
    async with parts.database.transaction() as tx:
        if await revoke_session(parts, tx, user_id=principal.id, session_id=principal.session_id):
            await parts.acted(
                tx, ctx, "user.impersonation_ended", about=("user", principal.id), label=principal.email
            )
    return principal.id


async def merge(parts: Parts, ctx: Context, *, keep_id: UUID, drop_id: UUID) -> User:
    """Addresses and orders of one account go to the other; then nothing of its person is left in it.

    Raises Conflict: merge_same, merge_staff, merge_deleted, merge_blocked.
    """
    ctx.principal.require("write_customers")
    now = clock.now()
    if keep_id == drop_id:
        raise Conflict("merge_same", "Choose two different accounts.")
    async with parts.database.transaction() as tx:
        await acting.lock_two(tx, ids=[keep_id, drop_id])
        keep, drop = await _found(tx, keep_id), await _found(tx, drop_id)
        for row in (keep, drop):
            refuse_beyond(ctx.principal, row["permissions"])
            if row["roles"]:
                raise Conflict("merge_staff", "Accounts of staff are not merged: take their roles first.")
            if row["deleted_at"] is not None:
                raise Conflict("merge_deleted", "One of these accounts was deleted.")
        if not keep["is_active"]:
            raise Conflict("merge_blocked", "The account to keep is blocked.")
        await acting.move_addresses(tx, from_id=drop_id, to_id=keep_id)
        await personal.move_former_emails(tx, from_id=drop_id, to_id=keep_id)
        await personal.note_former_email(tx, user_id=keep_id, email_key=drop["email"].lower(), now=now)
        await end_all(parts, tx, user_id=drop_id, keep=None, reason="merged")
        await personal.forget_person(tx, user_id=drop_id, email=domain.nobodys_email(drop_id), now=now)
        await acting.mark_merged(tx, user_id=drop_id, into=keep_id)
        await parts.acted(
            tx, ctx, "user.merged", about=("user", keep_id), label=keep["email"],
            after={"merged": str(drop_id)},
        )  # fmt: skip
        await parts.outbox.add(tx, AccountsMerged(kept_id=keep_id, dropped_id=drop_id))
        return user_of(keep)


async def _found(tx: Tx, user_id: UUID) -> Any:
    row = await accounts.lock_user(tx, user_id=user_id)
    if row is None:
        raise NotFound("user_not_found", "There is no such account.")
    return row
