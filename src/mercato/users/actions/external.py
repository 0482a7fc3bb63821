"""Signing in with an account elsewhere. An identity claims no account without proof of its mailbox."""

import hmac
import secrets
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

import msgspec
import structlog

from mercato.contracts.users import SignIn
from mercato.contracts.users.external import ExternalOutcome, ExternalResult, ExternalStart
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, Denied, Unauthenticated, Unavailable
from mercato.kernel.ids import digest, new_id, new_token
from mercato.users import domain
from mercato.users.actions import external_links, proofs
from mercato.users.actions.opening import start_session
from mercato.users.actions.second_step import Waiting, ask_second_step
from mercato.users.actions.throttling import admit
from mercato.users.parts import Parts
from mercato.users.sso.provider import Claims, OpenIdProvider, ProviderFailed
from mercato.users.store import accounts, challenges, identities

PURPOSE = "external"
JOURNEY_LIFE = timedelta(minutes=15)
SECRET_BYTES = 32

log = structlog.get_logger()


class Journey(msgspec.Struct, frozen=True):
    """What we know about a browser that is on its way to a provider and back."""

    provider: str
    nonce: str
    verifier: str
    next: str
    link: bool


async def begin(parts: Parts, ctx: Context, *, provider: str, next: str, link: bool) -> ExternalStart:
    """Where to go, with a state that only this browser can bring back."""
    found, now = parts.providers.get(provider), clock.now()
    if link:
        ctx.principal.require_own_user_id()
        ctx.principal.require_recent()
    await admit(parts.database, domain.ADDRESS_THROTTLE, "external", ctx.client_address, now=now)
    token = new_token()
    nonce, verifier = secrets.token_urlsafe(SECRET_BYTES), secrets.token_urlsafe(SECRET_BYTES)
    try:
        url = await found.authorization_url(state=_state_of(token), nonce=nonce, verifier=verifier, now=now)
    except ProviderFailed as failed:
        raise _unavailable(found, failed) from None
    journey = msgspec.json.encode(Journey(provider, nonce, verifier, next, link))
    await challenges.insert_challenge(
        parts.database, token_hash=digest(token), purpose=PURPOSE,
        user_id=ctx.principal.id if link else None, session_id=ctx.principal.session_id if link else None,
        data=parts.factor_kit.seal.close(journey, about=digest(token)), now=now,
        expires_at=now + JOURNEY_LIFE,
    )  # fmt: skip
    return ExternalStart(url, token)


async def finish(
    parts: Parts, ctx: Context, *, provider: str, token: str, state: str, code: str
) -> ExternalResult:
    """Check what the browser came back with, then sign in, link, or ask for the proof of the mailbox."""
    found, now = parts.providers.get(provider), clock.now()
    if not hmac.compare_digest(state.encode(), _state_of(token).encode()):
        raise external_failed()
    used = await challenges.use_challenge(parts.database, token_hash=digest(token), purpose=PURPOSE, now=now)
    opened = parts.factor_kit.seal.open(used["data"], about=digest(token)) if used is not None else None
    if used is None or opened is None:
        raise external_failed()
    journey = msgspec.json.decode(opened, type=Journey)
    if journey.provider != provider:
        raise external_failed()
    try:
        claims = await found.claims(code=code, verifier=journey.verifier, nonce=journey.nonce, now=now)
    except ProviderFailed as failed:
        log.warning("a sign-in elsewhere was refused", provider=provider, reason=str(failed))
        raise external_failed() from None
    if journey.link:
        if used["session_id"] is None or used["session_id"] != ctx.principal.session_id:
            raise external_failed()
        await _link(parts, ctx, found, claims, now=now)
        return ExternalResult(ExternalOutcome.LINKED, journey.next, found.name)
    done = await _sign_in(parts, ctx, found, claims, now=now)
    outcome = ExternalOutcome.SIGNED_IN if done else ExternalOutcome.MAILED
    return ExternalResult(outcome, journey.next, found.name, done)


async def _sign_in(
    parts: Parts, ctx: Context, provider: OpenIdProvider, claims: Claims, *, now: datetime
) -> SignIn | None:
    """A session or a challenge; None when a mail asks for the proof of the mailbox."""
    row = await identities.identity_of(parts.database, issuer=claims.issuer, subject=claims.subject)
    if row is None:
        user_id = await _newcomer(parts, ctx, provider, claims, now=now)
        if user_id is None:
            return None
    else:
        user_id = row["user_id"]
        async with parts.database.transaction() as tx:
            await identities.touch_identity(tx, identity_id=row["id"], email=claims.email, now=now)
            await external_links.apply_groups(parts, tx, ctx, provider, claims, user_id=user_id, now=now)
    account = await accounts.account_by_id(parts.database, user_id=user_id)
    if account is None or not account["is_active"]:
        raise external_failed()
    if account["has_factors"] and not claims.has_mfa:
        waiting = Waiting(browser=True, password_hash=account["password_hash"], newer_hash=None)
        return await ask_second_step(parts, ctx, account, waiting=waiting, now=now)
    return await start_session(parts, ctx, account, browser=True, has_mfa=claims.has_mfa, now=now)


async def _newcomer(
    parts: Parts, ctx: Context, provider: OpenIdProvider, claims: Claims, *, now: datetime
) -> UUID | None:
    """An identity that nobody has linked: a new account, or a mail to whoever has its address."""
    if not claims.email:
        raise Denied("identity_without_email", f"{provider.name} tells no e-mail address of yours.")
    address, key = domain.email_of(claims.email, allow_local=parts.allow_local_email)
    known = await accounts.account_by_email(parts.database, email_key=key)
    has_role = any(group in provider.config.roles for group in claims.groups)
    if known is None and provider.config.audience == "staff" and not has_role:
        raise Denied("identity_not_welcome", "This account has no access to the shop. Ask an owner.")
    if known is not None or not claims.is_email_verified:
        await external_links.ask_for_mailbox(parts, ctx, provider, claims, known, address, key, now=now)
        return None
    async with parts.database.transaction() as tx:
        user_id = await external_links.create_account(tx, ctx, claims, address=address, key=key, now=now)
        if user_id is None:
            raise external_failed()  # somebody else registered the address this very moment
        await _keep(tx, provider, claims, user_id=user_id, now=now)
        await external_links.apply_groups(parts, tx, ctx, provider, claims, user_id=user_id, now=now)
    return user_id


async def _link(
    parts: Parts, ctx: Context, provider: OpenIdProvider, claims: Claims, *, now: datetime
) -> None:
    user_id = ctx.principal.require_own_user_id()
    async with parts.database.transaction() as tx:
        await _keep(tx, provider, claims, user_id=user_id, now=now)
        await proofs.tell(parts, tx, user_id, "identity_linked", what=provider.name)


async def _keep(tx: Tx, provider: OpenIdProvider, claims: Claims, *, user_id: UUID, now: datetime) -> None:
    is_new = await identities.insert_identity(
        tx, identity_id=new_id(), user_id=user_id, provider=provider.code, issuer=claims.issuer,
        subject=claims.subject, email=claims.email, now=now,
    )  # fmt: skip
    if not is_new:
        raise Conflict("identity_taken", f"This account at {provider.name} signs in to another one here.")


def external_failed() -> Unauthenticated:
    return Unauthenticated("external_failed", "Signing in there did not work. Try again, or another way.")


def _unavailable(provider: OpenIdProvider, failed: ProviderFailed) -> Unavailable:
    log.error("an identity provider does not answer", provider=provider.code, reason=str(failed))
    return Unavailable("provider_unavailable", f"{provider.name} does not answer. Sign in another way.")


def _state_of(token: str) -> str:
    """What travels through the provider: made from the token that stays in the browser's cookie."""
    return urlsafe_b64encode(digest(token)).rstrip(b"=").decode()
