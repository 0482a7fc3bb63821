"""Which account an identity elsewhere belongs to: proof of the mailbox, new accounts, roles from groups."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.users.external import IdentityProofRequested
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions import proofs
from mercato.users.actions.signing_in import end_all
from mercato.users.actions.throttling import admit, may_mail
from mercato.users.parts import Parts
from mercato.users.sso.provider import Claims, OpenIdProvider
from mercato.users.store import accounts, challenges, factors, identities, rights

PURPOSE = "identity_proof"
PROOF_LIFE = timedelta(hours=1)


class Waiting(msgspec.Struct, frozen=True):
    """An identity that waits for the proof of its mailbox."""

    provider: str
    address: str
    claims: Claims


async def ask_for_mailbox(
    parts: Parts,
    ctx: Context,
    provider: OpenIdProvider,
    claims: Claims,
    known: Any,
    address: str,
    key: str,
    *,
    now: datetime,
) -> None:
    """Mail a link to the address that the provider gives; whoever reads that mailbox decides."""
    await admit(parts.database, domain.REGISTER_THROTTLE, "identity", ctx.client_address, now=now)
    token, request_id = new_token(), new_id()
    waiting = msgspec.json.encode(Waiting(provider.code, address, claims))
    async with parts.database.transaction() as tx:
        is_welcome = known is None or known["is_active"]
        if not await may_mail(tx, domain.MAIL_THROTTLE, "identity", key, now=now) or not is_welcome:
            return
        await challenges.insert_challenge(
            tx, token_hash=digest(token), purpose=PURPOSE, user_id=None, session_id=None,
            data=parts.factor_kit.seal.close(waiting, about=digest(token)), now=now,
            expires_at=now + PROOF_LIFE,
        )  # fmt: skip
        asked = IdentityProofRequested(
            request_id=request_id, email=known["email"] if known else address,
            name=known["name"] if known else claims.name, locale=known["locale"] if known else ctx.locale,
            provider=provider.name, token=token,
        )  # fmt: skip
        await parts.outbox.add(tx, asked)


async def confirm(parts: Parts, ctx: Context, *, token: str) -> str:
    """The mailbox is proved: the identity signs in to its account from now on, a new one if need be.

    Raises Conflict("identity_taken").
    """
    now = clock.now()
    async with parts.database.transaction() as tx:
        used = await challenges.use_challenge(tx, token_hash=digest(token), purpose=PURPOSE, now=now)
        opened = parts.factor_kit.seal.open(used["data"], about=digest(token)) if used is not None else None
        if opened is None:
            raise domain.token_invalid()
        waiting = msgspec.json.decode(opened, type=Waiting)
        provider, claims = parts.providers.get(waiting.provider), waiting.claims
        address, key = domain.email_of(waiting.address, allow_local=parts.allow_local_email)
        await create_account(tx, ctx, claims, address=address, key=key, now=now)
        account = await accounts.account_by_email(tx, email_key=key)
        if account is None or not account["is_active"]:
            raise domain.token_invalid()
        user_id = account["id"]
        await accounts.confirm_user(tx, user_id=user_id, now=now)
        is_new = await identities.insert_identity(
            tx, identity_id=new_id(), user_id=user_id, provider=provider.code, issuer=claims.issuer,
            subject=claims.subject, email=claims.email, now=now,
        )  # fmt: skip
        if not is_new:
            raise Conflict("identity_taken", f"This account at {provider.name} signs in already.")
        await proofs.tell(parts, tx, user_id, "identity_linked", what=provider.name)
    return provider.name


async def create_account(
    tx: Tx, ctx: Context, claims: Claims, *, address: str, key: str, now: datetime
) -> UUID | None:
    """A confirmed account without a password; None when the address has one."""
    user_id = new_id()
    is_new = await accounts.insert_user(
        tx, user_id=user_id, email=address, email_key=key, name=claims.name or address.partition("@")[0],
        locale=ctx.locale, password_hash=None, confirmed_at=now, now=now,
    )  # fmt: skip
    return user_id if is_new else None


async def apply_groups(
    parts: Parts,
    tx: Tx,
    ctx: Context,
    provider: OpenIdProvider,
    claims: Claims,
    *,
    user_id: UUID,
    now: datetime,
) -> None:
    """Roles that the provider's groups stand for follow them; others stay. The last owner stays owner."""
    mapping = provider.config.roles
    if not mapping:
        return
    managed = set(mapping.values())
    rows = await rights.lock_roles(tx, codes=sorted(managed | {domain.OWNER_ROLE}))
    existing = {row["code"] for row in rows}
    account = await accounts.lock_user(tx, user_id=user_id)
    assert account is not None
    present = set(account["roles"])
    wanted = (present - managed) | ({mapping[g] for g in claims.groups if g in mapping} & existing)
    if domain.OWNER_ROLE in present - wanted:
        others = await rights.other_holders(tx, code=domain.OWNER_ROLE, user_id=user_id)
        wanted |= {domain.OWNER_ROLE} if others == 0 else set()
    if wanted == present:
        return
    await end_all(parts, tx, user_id=user_id, keep=None, reason="rights_changed")
    await rights.replace_roles(tx, user_id=user_id, codes=sorted(wanted), by=None, now=now)
    await parts.acted(
        tx, ctx, "user.roles_changed", about=("user", user_id), label=account["email"],
        before={"roles": sorted(present)}, after={"roles": sorted(wanted), "by": provider.name},
    )  # fmt: skip


async def unlink(parts: Parts, ctx: Context, *, identity_id: UUID) -> None:
    """Take a way to sign in away, unless it is the last one.

    Raises NotFound("identity_not_found"), Conflict("last_way_in").
    """
    ctx.principal.require_recent()
    user_id = ctx.principal.require_own_user_id()
    async with parts.database.transaction() as tx:
        await accounts.lock_user(tx, user_id=user_id)
        code = await identities.delete_identity(tx, identity_id=identity_id, user_id=user_id)
        if code is None:
            raise NotFound("identity_not_found", "There is no such link.")
        known = await factors.overview(tx, user_id=user_id)
        others = await identities.identities_of_user(tx, user_id=user_id)
        if known is None or not (known["has_password"] or known["passkeys"] or others):
            raise Conflict("last_way_in", "Set a password or add a passkey first: this is your only way in.")
        name = parts.providers.all[code].name if code in parts.providers.all else code
        await proofs.tell(parts, tx, user_id, "identity_unlinked", what=name)
