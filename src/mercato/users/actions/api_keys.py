"""Making, rotating and revoking the keys of programs. Nobody makes or rotates what exceeds their rights."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from secrets import choice
from string import ascii_lowercase, digits
from typing import Any
from uuid import UUID

from mercato.contracts.users import ApiKey, IssuedApiKey
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions.registration import name_of
from mercato.users.parts import Parts
from mercato.users.rows import api_key_of
from mercato.users.store import api_keys

MAX_KEYS = 200
PREFIX_LENGTH = 8


async def create(
    parts: Parts,
    ctx: Context,
    *,
    name: str,
    permissions: Sequence[str],
    channel: str | None,
    expires_at: datetime | None,
) -> IssuedApiKey:
    """A new key; its secret is in the answer and nowhere else. Raises Conflict("too_many_api_keys")."""
    ctx.principal.require("write_api_keys")
    ctx.principal.require_recent()
    now = clock.now()
    wanted = _wanted(permissions)
    _refuse_beyond(ctx.principal, wanted, channel)
    if expires_at is not None and expires_at <= now:
        raise _wrong("expires_at", "expires_at_past", "Choose a time that is still to come.")
    name, key_id, (prefix, secret) = name_of(name), new_id(), _new_secret()
    async with parts.database.transaction() as tx:
        if await api_keys.lock_making(tx) >= MAX_KEYS:
            raise Conflict("too_many_api_keys", f"At most {MAX_KEYS} keys work at a time: revoke one first.")
        await api_keys.insert_key(
            tx, key_id=key_id, name=name, prefix=prefix, token_hash=digest(secret), permissions=wanted,
            channel=channel or None, by=ctx.principal.id, now=now, expires_at=expires_at,
        )  # fmt: skip
        after = {"name": name, "permissions": ", ".join(wanted), "channel": channel}
        await parts.acted(tx, ctx, "api_key.created", about=("api_key", key_id), after=after)
        return IssuedApiKey(await _key(tx, key_id), secret)


async def rotate(parts: Parts, ctx: Context, *, key_id: UUID, version: int, grace_hours: int) -> IssuedApiKey:
    """Another secret for a key; the old one works on for `grace_hours`.

    Raises Conflict("version_conflict"), Conflict("api_key_revoked").
    """
    ctx.principal.require("write_api_keys")
    ctx.principal.require_recent()
    now = clock.now()
    prefix, secret = _new_secret()
    async with parts.database.transaction() as tx:
        row = await api_keys.lock_key(tx, key_id=key_id)
        if row is None:
            raise _not_found()
        _refuse_beyond(ctx.principal, row["permissions"], row["channel"])
        if row["version"] != version:
            raise Conflict(
                "version_conflict", "Someone else has changed this key meanwhile: look again.",
                data={"version": row["version"]},
            )  # fmt: skip
        if row["revoked_at"] is not None:
            raise Conflict("api_key_revoked", "This key was revoked: make a new one.")
        await api_keys.replace_secret(
            tx, key_id=key_id, prefix=prefix, token_hash=digest(secret),
            previous_until=now + timedelta(hours=grace_hours),
        )  # fmt: skip
        await parts.acted(
            tx, ctx, "api_key.rotated", about=("api_key", key_id),
            before={"prefix": row["prefix"]}, after={"prefix": prefix},
        )  # fmt: skip
        await parts.access_changed(tx, key_id)
        return IssuedApiKey(await _key(tx, key_id), secret)


async def revoke(parts: Parts, ctx: Context, *, key_id: UUID) -> ApiKey:
    """End a key; whoever may manage keys may end every one."""
    ctx.principal.require("write_api_keys")
    async with parts.database.transaction() as tx:
        row = await api_keys.lock_key(tx, key_id=key_id)
        if row is None:
            raise _not_found()
        if await api_keys.revoke_key(tx, key_id=key_id, now=clock.now()):
            await parts.acted(
                tx, ctx, "api_key.revoked", about=("api_key", key_id), before={"name": row["name"]}
            )
            await parts.access_changed(tx, key_id)
        return await _key(tx, key_id)


async def _key(tx: Tx, key_id: UUID) -> ApiKey:
    row: Any = await api_keys.key_by_id(tx, key_id=key_id)
    return api_key_of(row)


def _new_secret() -> tuple[str, str]:
    """(what is shown of it for ever, the whole secret)."""
    prefix = domain.API_KEY_PREFIX + "".join(choice(ascii_lowercase + digits) for _ in range(PREFIX_LENGTH))
    return prefix, f"{prefix}_{new_token()}"


def _wanted(permissions: Sequence[str]) -> list[str]:
    wanted = sorted(set(permissions))
    if not wanted:
        raise _wrong("permissions", "required", "Choose at least one right.")
    unknown = next((one for one in wanted if not domain.known_permission(one)), None)
    if unknown is not None:
        raise _wrong("permissions", "permission_unknown", f"There is no right {unknown}.")
    return wanted


def _refuse_beyond(principal: Principal, permissions: Sequence[str], channel: str | None) -> None:
    if not domain.covers(principal, permissions, [channel] if channel else None):
        raise Denied("rights_exceeded", "This key would have rights that you do not have.")


def _wrong(field: str, code: str, message: str) -> Invalid:
    return Invalid(detail=message, errors=[FieldError(field, code, message)])


def _not_found() -> NotFound:
    return NotFound("api_key_not_found", "There is no such key.")
