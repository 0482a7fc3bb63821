"""Editing roles. A role is changed whole, by someone who holds all that it says before and after."""

from typing import Any

import msgspec

from mercato.contracts.users import AccessChanged, Role
from mercato.contracts.users.roles import RoleDraft
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound
from mercato.users import domain
from mercato.users.parts import Parts
from mercato.users.rows import role_of
from mercato.users.store import roles

MAX_ROLES = 100
MAX_HOLDERS = 5000
AUDITED = ("name", "description", "permissions", "channels", "requires_mfa")


async def create(parts: Parts, ctx: Context, *, code: str, draft: RoleDraft) -> Role:
    ctx.principal.require("write_staff")
    ctx.principal.require_recent()
    wanted = _judged(draft)
    _refuse_beyond(ctx, code, wanted)
    async with parts.database.transaction() as tx:
        if len(await roles.all_roles(tx)) >= MAX_ROLES:
            raise Conflict("too_many_roles", f"A shop has at most {MAX_ROLES} roles: delete one first.")
        fields = msgspec.structs.asdict(wanted)
        if not await roles.insert_role(tx, code=code, now=clock.now(), **fields):
            raise Conflict("role_exists", f"There is a role {code} already.")
        role = await _role(tx, code)
        await parts.acted(
            tx, ctx, "role.created", about=("role", code), label=role.name, after=role, only=AUDITED
        )
        return role


async def update(parts: Parts, ctx: Context, *, code: str, draft: RoleDraft, version: int) -> Role:
    ctx.principal.require("write_staff")
    ctx.principal.require_recent()
    async with parts.database.transaction() as tx:
        before = await _lock(tx, code, version)
        _refuse_beyond(ctx, code, before)
        wanted = _fixed(before, draft) if code == domain.OWNER_ROLE else _judged(draft)
        _refuse_beyond(ctx, code, wanted)
        await roles.update_role(tx, code=code, now=clock.now(), **msgspec.structs.asdict(wanted))
        after = await _role(tx, code)
        await parts.acted(
            tx, ctx, "role.changed", about=("role", code), label=after.name, before=before, after=after,
            only=AUDITED,
        )  # fmt: skip
        held = await roles.holders(tx, code=code, limit=MAX_HOLDERS)
        await parts.outbox.add(tx, *(AccessChanged(user_id=user_id) for user_id in held))
        return after


async def delete(parts: Parts, ctx: Context, *, code: str, version: int) -> None:
    ctx.principal.require("write_staff")
    ctx.principal.require_recent()
    async with parts.database.transaction() as tx:
        before = await _lock(tx, code, version)
        _refuse_beyond(ctx, code, before)
        if before.is_seeded:
            raise Conflict("role_seeded", "Every shop has this role: take its rights away instead.")
        if before.holders:
            raise Conflict("role_in_use", f"{before.holders} people have this role: take it from them first.")
        await roles.delete_role(tx, code=code)
        await parts.acted(
            tx, ctx, "role.deleted", about=("role", code), label=before.name, before=before, only=AUDITED
        )


async def _role(tx: Tx, code: str) -> Role:
    row: Any = await roles.role(tx, code=code)
    return role_of(row)


async def _lock(tx: Tx, code: str, version: int) -> Role:
    row = await roles.lock_role(tx, code=code)
    if row is None:
        raise NotFound("role_not_found", "There is no such role.")
    if row["version"] != version:
        raise Conflict(
            "version_conflict", "Someone else has changed this role meanwhile: look again.",
            data={"version": row["version"]},
        )  # fmt: skip
    return role_of(row)


def _judged(draft: RoleDraft) -> RoleDraft:
    """The draft with its rights once each, in the order of the vocabulary. Raises Invalid."""
    unknown = sorted(set(draft.permissions) - set(domain.ASSIGNABLE))
    if unknown:
        raise _wrong("permissions", "permission_unknown", f"There is no right {unknown[0]}.")
    name = draft.name.strip()
    if not name:
        raise _wrong("name", "required", "Give the role a name.")
    kept = [one for one in domain.ASSIGNABLE if one in draft.permissions]
    channels = None if draft.channels is None else sorted(set(draft.channels))
    return msgspec.structs.replace(draft, name=name, permissions=kept, channels=channels)


def _fixed(before: Role, draft: RoleDraft) -> RoleDraft:
    """The owner's role stays what it is; only a second factor may be asked for."""
    fixed = RoleDraft(
        name=before.name, description=before.description, permissions=before.permissions,
        channels=before.channels, requires_mfa=draft.requires_mfa,
    )  # fmt: skip
    asked = msgspec.structs.replace(draft, description=before.description)
    if asked != fixed:
        raise Conflict("role_fixed", "The owner's role has every right, and keeps them.")
    return fixed


def _refuse_beyond(ctx: Context, code: str, role: Role | RoleDraft) -> None:
    if not domain.covers(ctx.principal, role.permissions, role.channels):
        raise Denied(
            "rights_exceeded", f"The role {code} has rights that you do not have.", data={"role": code}
        )


def _wrong(field: str, code: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, code, message)])
