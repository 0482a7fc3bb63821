"""Inviting colleagues by mail: roles are given when the link is used, by whoever may still give them."""

from datetime import timedelta
from uuid import UUID

from mercato.contracts.users import Invitation, StaffInvited, User
from mercato.kernel import clock
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.db import Row, Tx
from mercato.kernel.errors import Conflict, Denied, FieldError, Invalid, NotFound
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions.registration import name_of
from mercato.users.actions.signing_in import end_all
from mercato.users.actions.staffing import give_roles, lock_and_check
from mercato.users.parts import Parts
from mercato.users.rows import invitation_of
from mercato.users.store import accounts, acting

INVITATION_LIFE = timedelta(days=7)


async def invite(parts: Parts, ctx: Context, *, email: str, name: str, roles: list[str]) -> Invitation:
    """Mail a link; an open invitation for the same address is replaced. Raises Invalid."""
    ctx.principal.require("write_staff")
    ctx.principal.require_own_user_id()
    ctx.principal.require_recent()
    now, invitation_id, token = clock.now(), new_id(), new_token()
    address, key = domain.email_of(email, allow_local=parts.allow_local_email)
    name = name_of(name)
    if not roles:
        message = "Choose at least one role."
        raise Invalid(detail=message, errors=[FieldError("roles", "required", message)])
    async with parts.database.transaction() as tx:
        await lock_and_check(tx, ctx.principal, codes=set(roles))
        await acting.insert_invitation(
            tx, invitation_id=invitation_id, email=address, email_key=key, name=name,
            roles=sorted(set(roles)), token_hash=digest(token), by=ctx.principal.id, now=now,
            expires_at=now + INVITATION_LIFE,
        )  # fmt: skip
        await parts.acted(
            tx, ctx, "staff.invited", about=("invitation", invitation_id), label=address,
            after={"roles": sorted(set(roles))},
        )  # fmt: skip
        invited = StaffInvited(
            user_id=invitation_id, email=address, name=name, locale=ctx.locale,
            inviter=ctx.principal.name or ctx.principal.email, token=token,
        )  # fmt: skip
        await parts.outbox.add(tx, invited)
        return await _invitation(tx, invitation_id)


async def revoke(parts: Parts, ctx: Context, *, invitation_id: UUID) -> Invitation:
    """Make the link useless. Raises NotFound("invitation_not_found"), Conflict("invitation_accepted")."""
    ctx.principal.require("write_staff")
    async with parts.database.transaction() as tx:
        row = await acting.invitation_by_id(tx, invitation_id=invitation_id)
        if row is None:
            raise NotFound("invitation_not_found", "There is no such invitation.")
        if await acting.revoke_invitation(tx, invitation_id=invitation_id, now=clock.now()):
            await parts.acted(
                tx, ctx, "staff.invitation_revoked", about=("invitation", invitation_id), label=row["email"]
            )
        elif row["accepted_at"] is not None:
            raise Conflict("invitation_accepted", "This invitation was accepted already.")
        return await _invitation(tx, invitation_id)


async def accept(parts: Parts, ctx: Context, *, token: str, password: str) -> User:
    """Join: the account of the address is made, or gets the roles and the new password."""
    now, token_hash = clock.now(), digest(token)
    waiting = await acting.open_invitation(parts.database, token_hash=token_hash, now=now)
    if waiting is None:
        raise domain.token_invalid()
    known = [waiting["email"], waiting["name"]]
    await parts.passwords.judge(lambda: domain.judge_password(password, known=known))
    password_hash = await parts.passwords.hash(password)
    async with parts.database.transaction() as tx:
        if not await acting.use_invitation(tx, invitation_id=waiting["id"], now=now):
            raise domain.token_invalid()
        await _check_inviter(tx, waiting)
        await accounts.insert_user(
            tx, user_id=new_id(), email=waiting["email"], email_key=waiting["email_key"],
            name=waiting["name"], locale=ctx.locale, password_hash=None, confirmed_at=None, now=now,
        )  # fmt: skip
        account = await accounts.account_by_email(tx, email_key=waiting["email_key"])
        if account is None or not account["is_active"]:
            raise domain.token_invalid()
        user_id = account["id"]
        await accounts.lock_user(tx, user_id=user_id)
        await accounts.confirm_user(tx, user_id=user_id, now=now)
        await accounts.set_password(tx, user_id=user_id, password_hash=password_hash, now=now)
        await end_all(parts, tx, user_id=user_id, keep=None, reason="rights_changed")
        codes = sorted({*account["roles"], *waiting["roles"]})
        joined = await give_roles(tx, user_id=user_id, codes=codes, by=waiting["invited_by"], now=now)
        await parts.acted(
            tx, ctx, "staff.joined", about=("user", user_id), label=joined.email,
            before={"roles": account["roles"]}, after={"roles": codes},
        )  # fmt: skip
        return joined


async def _check_inviter(tx: Tx, waiting: Row) -> None:
    """Whoever invited must still be there and may still give these roles."""
    inviter = await acting.rights_of(tx, user_id=waiting["invited_by"])
    if inviter is None:
        raise domain.token_invalid()
    principal = Principal(
        kind=PrincipalKind.USER, id=inviter["id"], permissions=frozenset(inviter["permissions"]),
        limited=domain.limits_of(inviter["limited"]),
    )  # fmt: skip
    if not principal.may("write_staff"):
        raise domain.token_invalid()
    try:
        await lock_and_check(tx, principal, codes=set(waiting["roles"]))
    except (Denied, Invalid):
        raise domain.token_invalid() from None


async def _invitation(tx: Tx, invitation_id: UUID) -> Invitation:
    row = await acting.invitation_by_id(tx, invitation_id=invitation_id)
    assert row is not None
    return invitation_of(row, clock.now())
