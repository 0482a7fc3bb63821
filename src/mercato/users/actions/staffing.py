"""What staff do to accounts: look, create, change roles, switch off. Nobody hands out what they lack."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from mercato.contracts.users import User
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal
from mercato.kernel.db import Queries, Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.users import domain
from mercato.users.actions.registration import name_of
from mercato.users.actions.signing_in import end_all
from mercato.users.parts import Parts
from mercato.users.rows import user_of
from mercato.users.store import accounts, rights

GENERATED_PASSWORD_BYTES = 15


async def get_user(db: Queries, principal: Principal, *, user_id: UUID) -> User:
    """An account, for who may read customers, or staff when it is one of them.

    Raises NotFound("user_not_found").
    """
    row = await accounts.user_by_id(db, user_id=user_id)
    principal.require("read_staff" if row is not None and row["roles"] else "read_customers")
    if row is None:
        raise NotFound("user_not_found", "There is no such account.")
    return user_of(row)


async def create_user(
    parts: Parts, ctx: Context, *, email: str, name: str, password: str, roles: list[str]
) -> User:
    """Create a confirmed account with `roles`. Raises Conflict("email_taken")."""
    ctx.principal.require("write_staff")
    ctx.principal.require_recent()
    now = clock.now()
    address, key = domain.email_of(email, allow_local=parts.allow_local_email)
    name = name_of(name)
    await parts.passwords.judge(lambda: domain.judge_password(password, known=[address, name]))
    password_hash = await parts.passwords.hash(password)
    async with parts.database.transaction() as tx:
        await lock_and_check(tx, ctx.principal, codes=set(roles))
        user_id = new_id()
        is_new = await accounts.insert_user(
            tx, user_id=user_id, email=address, email_key=key, name=name, locale=ctx.locale,
            password_hash=password_hash, confirmed_at=now, now=now,
        )  # fmt: skip
        if not is_new:
            raise Conflict("email_taken", "There is an account with this e-mail address.")
        made = await give_roles(tx, user_id=user_id, codes=sorted(set(roles)), by=ctx.principal.id, now=now)
        await parts.acted(
            tx, ctx, "user.created", about=("user", user_id), label=address, after={"roles": made.roles}
        )
        return made


async def set_roles(parts: Parts, ctx: Context, *, user_id: UUID, roles: list[str], version: int) -> User:
    """Replace the roles of an account; whoever loses or gains rights signs in again."""
    ctx.principal.require("write_staff")
    ctx.principal.require_recent()
    wanted = set(roles)
    async with parts.database.transaction() as tx:
        await rights.lock_roles(tx, codes=[domain.OWNER_ROLE])
        row = await _lock_version(tx, user_id=user_id, version=version)
        present = set(row["roles"])
        await lock_and_check(tx, ctx.principal, codes=wanted ^ present)
        refuse_beyond(ctx.principal, row["permissions"])
        if domain.OWNER_ROLE in present - wanted:
            await refuse_last_owner(tx, user_id)
        if wanted == present:
            return user_of(row)
        await end_all(parts, tx, user_id=user_id, keep=_own_session(ctx, user_id), reason="rights_changed")
        changed = await give_roles(
            tx, user_id=user_id, codes=sorted(wanted), by=ctx.principal.id, now=clock.now()
        )
        await parts.acted(
            tx, ctx, "user.roles_changed", about=("user", user_id), label=changed.email,
            before={"roles": sorted(present)}, after={"roles": sorted(wanted)},
        )  # fmt: skip
        return changed


async def set_active(parts: Parts, ctx: Context, *, user_id: UUID, is_active: bool, version: int) -> User:
    """Switch an account on or off; off ends its sessions."""
    async with parts.database.transaction() as tx:
        await rights.lock_roles(tx, codes=[domain.OWNER_ROLE])
        row = await accounts.lock_user(tx, user_id=user_id)
        ctx.principal.require("write_staff" if row is not None and row["roles"] else "write_customers")
        row = await _lock_version(tx, user_id=user_id, version=version)
        refuse_beyond(ctx.principal, row["permissions"])
        if not is_active and domain.OWNER_ROLE in row["roles"]:
            await refuse_last_owner(tx, user_id)
        await accounts.set_active(tx, user_id=user_id, is_active=is_active, now=clock.now())
        if not is_active:
            await end_all(parts, tx, user_id=user_id, keep=None, reason="switched_off")
        if is_active != row["is_active"]:
            act = "user.activated" if is_active else "user.deactivated"
            await parts.acted(tx, ctx, act, about=("user", user_id), label=row["email"])
        changed = await accounts.user_by_id(tx, user_id=user_id)
        assert changed is not None
        return user_of(changed)


async def ensure_owner(parts: Parts, ctx: Context, *, email: str, password: str | None) -> str | None:
    """Make the first owner, if need be of the account with this address; returns a generated password."""
    ctx.principal.require("*")
    if await rights.has_holder(parts.database, code=domain.OWNER_ROLE):
        return None
    now = clock.now()
    address, key = domain.email_of(email, allow_local=True)
    if password is not None:
        given = password
        await parts.passwords.judge(lambda: domain.judge_password(given, known=[address]))
    generated = None if password is not None else secrets.token_urlsafe(GENERATED_PASSWORD_BYTES)
    password_hash = await parts.passwords.hash(password or generated or "")
    async with parts.database.transaction() as tx:
        await rights.lock_owner_creation(tx)
        if await rights.has_holder(tx, code=domain.OWNER_ROLE):
            return None
        await accounts.insert_user(
            tx, user_id=new_id(), email=address, email_key=key, name="Owner", locale=ctx.locale,
            password_hash=None, confirmed_at=None, now=now,
        )  # fmt: skip
        account = await accounts.account_by_email(tx, email_key=key)
        assert account is not None
        user_id = account["id"]
        await accounts.confirm_user(tx, user_id=user_id, now=now)
        await accounts.set_password(tx, user_id=user_id, password_hash=password_hash, now=now)
        await end_all(parts, tx, user_id=user_id, keep=None, reason="rights_changed")
        await give_roles(tx, user_id=user_id, codes=[domain.OWNER_ROLE], by=None, now=now)
        await parts.acted(tx, ctx, "user.first_owner", about=("user", user_id), label=address)
    return generated


async def give_roles(tx: Tx, *, user_id: UUID, codes: Sequence[str], by: UUID | None, now: datetime) -> User:
    await rights.replace_roles(tx, user_id=user_id, codes=codes, by=by, now=now)
    row = await accounts.user_by_id(tx, user_id=user_id)
    assert row is not None
    return user_of(row)


async def _lock_version(tx: Tx, *, user_id: UUID, version: int) -> Any:
    row = await accounts.lock_user(tx, user_id=user_id)
    if row is None:
        raise NotFound("user_not_found", "There is no such account.")
    if row["version"] != version:
        raise Conflict(
            "version_conflict",
            "Someone else has changed this account meanwhile: look again.",
            data={"version": row["version"]},
        )
    return row


async def lock_and_check(tx: Tx, principal: Principal, *, codes: set[str]) -> None:
    """Every role must exist, and whoever gives or takes it must hold all its rights.

    Raises Invalid, Denied("rights_exceeded").
    """
    found = {row["code"]: row for row in await rights.lock_roles(tx, codes=sorted(codes))}
    unknown = sorted(codes - found.keys())
    if unknown:
        message = f"There is no role {unknown[0]}."
        raise Invalid(detail=message, errors=[FieldError("roles", "role_unknown", message)])
    for code in sorted(found):
        if not domain.covers(principal, found[code]["permissions"], found[code]["channels"]):
            raise Denied(
                "rights_exceeded",
                f"You cannot give or take the role {code}: it has rights that you do not have.",
                data={"role": code},
            )


def refuse_beyond(principal: Principal, permissions: Sequence[str]) -> None:
    """Nobody changes an account that may do what they may not."""
    if not domain.covers(principal, permissions):
        raise Denied("rights_exceeded", "This account has rights that you do not have.")


async def refuse_last_owner(tx: Tx, user_id: UUID) -> None:
    if await rights.other_holders(tx, code=domain.OWNER_ROLE, user_id=user_id) == 0:
        raise Conflict("last_owner", "A shop needs an owner: make somebody else owner first.")


def _own_session(ctx: Context, user_id: UUID) -> UUID | None:
    return ctx.principal.session_id if ctx.principal.id == user_id else None
