"""Another address for an account: both mailboxes confirm, and nobody learns who else has an account."""

from datetime import datetime
from typing import Any

from mercato.contracts.users import (
    EmailChange,
    EmailChanged,
    EmailChangeOffered,
    EmailChangeRequested,
    RegistrationRepeated,
    UserConfirmed,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, FieldError, Invalid
from mercato.kernel.ids import digest, new_id, new_token
from mercato.kernel.messaging.events import Event
from mercato.users import domain
from mercato.users.actions.own_password import prove
from mercato.users.actions.signing_in import end_all
from mercato.users.actions.throttling import forget, may_mail
from mercato.users.parts import Parts
from mercato.users.store import accounts, personal


async def request(parts: Parts, ctx: Context, *, email: str, password: str) -> None:
    """Mail a link to both addresses. When the new one has an account, its owner is told instead.

    Raises Invalid.
    """
    now = clock.now()
    address, key = domain.email_of(email, allow_local=parts.allow_local_email)
    account = await prove(parts, ctx, password, field="password", now=now)
    if key == account["email"].casefold():
        message = "This is your address already."
        raise Invalid(detail=message, errors=[FieldError("email", "email_unchanged", message)])
    old_token, new_token_ = new_token(), new_token()
    async with parts.database.transaction() as tx:
        await forget(tx, domain.SIGN_IN_THROTTLE, str(account["id"]), ctx.client_address)
        await personal.begin_email_change(
            tx, change_id=new_id(), user_id=account["id"], email=address, email_key=key,
            old_token_hash=digest(old_token), new_token_hash=digest(new_token_), now=now,
            expires_at=now + domain.CONFIRM_TOKEN_LIFE,
        )  # fmt: skip
        may = await may_mail(tx, domain.MAIL_THROTTLE, "email_change", key, now=now)
        other = await accounts.account_by_email(tx, email_key=key)
        requested = EmailChangeRequested(
            user_id=account["id"], email=account["email"], name=account["name"],
            locale=account["locale"], new_email=address, token=old_token,
        )  # fmt: skip
        news: list[Event] = [requested]
        if may:
            news.append(_to_new(account, other, address, new_token_))
        await parts.outbox.add(tx, *news)


def _to_new(account: Any, other: Any, address: str, token: str) -> Event:
    if other is not None and other["confirmed_at"] is not None:
        return RegistrationRepeated(
            user_id=other["id"], email=other["email"], name=other["name"], locale=other["locale"]
        )
    return EmailChangeOffered(
        user_id=account["id"], email=address, name=account["name"], locale=account["locale"], token=token
    )


async def confirm(parts: Parts, ctx: Context, *, token: str) -> EmailChange:
    """Confirm one end. The second one changes the address, and every session ends."""
    now = clock.now()
    async with parts.database.transaction() as tx:
        change = await personal.confirm_email_change(tx, token_hash=digest(token), now=now)
        if change is None:
            raise domain.token_invalid()
        if change["old_confirmed_at"] is None or change["new_confirmed_at"] is None:
            return EmailChange(False, "old" if change["old_confirmed_at"] is None else "new")
        await _change(parts, tx, ctx, change, now)
    return EmailChange(True, "")


async def _change(parts: Parts, tx: Tx, ctx: Context, change: Any, now: datetime) -> None:
    user_id, email = change["user_id"], change["email"]
    account = await accounts.lock_user(tx, user_id=user_id)
    if account is None or not account["is_active"]:
        raise domain.token_invalid()
    await personal.clear_unproved(tx, email_key=change["email_key"])
    if not await personal.set_email(tx, user_id=user_id, email=email, email_key=change["email_key"], now=now):
        raise Conflict("email_taken", "There is another account with this e-mail address.")
    await personal.note_former_email(tx, user_id=user_id, email_key=account["email"].lower(), now=now)
    await personal.end_email_changes(tx, user_id=user_id, now=now)
    await accounts.end_email_tokens(tx, user_id=user_id, now=now)
    await end_all(parts, tx, user_id=user_id, keep=None, reason="email_changed")
    await parts.acted(tx, ctx, "account.email_changed", about=("user", user_id))
    changed = EmailChanged(
        user_id=user_id, email=account["email"], name=account["name"], locale=account["locale"],
        new_email=email,
    )  # fmt: skip
    await parts.outbox.add(tx, changed, UserConfirmed(user_id=user_id, email=email))
