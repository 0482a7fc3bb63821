"""Making an account and proving its mailbox; forgetting and setting a password by mail."""

from datetime import datetime
from typing import Any

from mercato.contracts.users import (
    PasswordResetRequested,
    Purpose,
    RegistrationRepeated,
    User,
    UserConfirmed,
    UserRegistered,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import FieldError, Invalid
from mercato.kernel.ids import digest, new_id, new_token
from mercato.kernel.messaging.events import Event
from mercato.users import domain
from mercato.users.actions import consents
from mercato.users.actions.own_password import password_changed, set_password
from mercato.users.actions.throttling import admit, may_mail
from mercato.users.parts import Parts
from mercato.users.rows import user_of
from mercato.users.store import accounts, sessions

CONFIRM, RESET = "confirm", "reset"


async def register(
    parts: Parts, ctx: Context, *, email: str, password: str, name: str, marketing: bool = False
) -> None:
    """Mail a link that confirms the account; a known address is told so by mail, and nobody else is."""
    now = clock.now()
    address, key = domain.email_of(email, allow_local=parts.allow_local_email)
    name = name_of(name)
    await parts.passwords.judge(lambda: domain.judge_password(password, known=[address, name]))
    await admit(parts.database, domain.REGISTER_THROTTLE, ctx.client_address, now=now)
    password_hash = await parts.passwords.hash(password)
    async with parts.database.transaction() as tx:
        user_id = new_id()
        is_new = await accounts.insert_user(
            tx, user_id=user_id, email=address, email_key=key, name=name, locale=ctx.locale,
            password_hash=None, confirmed_at=None, now=now,
        )  # fmt: skip
        known = await accounts.account_by_email(tx, email_key=key)
        assert known is not None
        is_open = is_new or (known["confirmed_at"] is None and known["is_active"])
        # Each way takes the same statements, so that the time of the answer tells nothing either.
        way = "registered" if is_open else "repeated"
        may = await may_mail(tx, domain.MAIL_THROTTLE, way, key, now=now)
        token = new_token()
        await accounts.insert_email_token(
            tx, token_hash=digest(token), user_id=known["id"] if is_open else new_id(), purpose=CONFIRM,
            name=name, password_hash=password_hash, now=now, expires_at=now + domain.CONFIRM_TOKEN_LIFE,
            consents=[Purpose.MARKETING_EMAIL] if marketing else [],
        )  # fmt: skip
        news = _registered(known, name, token) if is_open else _repeated(known) if may else None
        await parts.tell_or_seem_to(tx, news)


def _registered(account: Any, name: str, token: str) -> Event:
    """The token carries what was typed with it: a link sets the password of its own registration only."""
    return UserRegistered(
        user_id=account["id"], email=account["email"], name=name, locale=account["locale"], token=token
    )


def _repeated(account: Any) -> Event | None:
    if not account["is_active"]:
        return None
    return RegistrationRepeated(
        user_id=account["id"], email=account["email"], name=account["name"], locale=account["locale"]
    )


async def confirm(parts: Parts, *, token: str) -> User:
    """Prove a mailbox: name and password of that registration become the account's."""
    now = clock.now()
    async with parts.database.transaction() as tx:
        used = await accounts.use_email_token(tx, token_hash=digest(token), purpose=CONFIRM, now=now)
        if used is None:
            raise domain.token_invalid()
        user_id = used["user_id"]
        await accounts.set_name(tx, user_id=user_id, name=used["name"])
        await accounts.set_password(tx, user_id=user_id, password_hash=used["password_hash"], now=now)
        row = await _confirmed(parts, tx, user_id, now)
        await consents.note(
            parts, tx, user_id=user_id, purposes=used["consents"], is_given=True, source="registration",
            client_address="", now=used["created_at"],
        )  # fmt: skip
        return user_of(row)


async def _confirmed(parts: Parts, tx: Tx, user_id: Any, now: datetime) -> Any:
    first = await accounts.confirm_user(tx, user_id=user_id, now=now)
    row = await accounts.user_by_id(tx, user_id=user_id)
    assert row is not None
    if first:
        await parts.outbox.add(tx, UserConfirmed(user_id=user_id, email=row["email"]))
    return row


async def request_password_reset(parts: Parts, ctx: Context, *, email: str) -> None:
    """Mail a link when there is an account: one in 15 minutes, whoever asks."""
    now = clock.now()
    _, key = domain.email_of(email, allow_local=parts.allow_local_email)
    await admit(parts.database, domain.REGISTER_THROTTLE, "reset", ctx.client_address, now=now)
    token = new_token()
    async with parts.database.transaction() as tx:
        may = await may_mail(tx, domain.MAIL_THROTTLE, RESET, key, now=now)
        account = await accounts.account_by_email(tx, email_key=key)
        is_known = account is not None and account["is_active"] and may
        await accounts.insert_email_token(
            tx, token_hash=digest(token), user_id=account["id"] if account and is_known else new_id(),
            purpose=RESET, name=None, password_hash=None, now=now, expires_at=now + domain.RESET_TOKEN_LIFE,
        )  # fmt: skip
        await parts.tell_or_seem_to(tx, _reset_requested(account, token) if is_known else None)


def _reset_requested(account: Any, token: str) -> Event:
    return PasswordResetRequested(
        user_id=account["id"], email=account["email"], name=account["name"], locale=account["locale"],
        token=token,
    )  # fmt: skip


async def reset_password(parts: Parts, *, token: str, password: str) -> None:
    """Set a new password and end all sessions. The link proves the mailbox, so it confirms it as well."""
    now = clock.now()
    token_hash = digest(token)
    waiting = await accounts.email_token(parts.database, token_hash=token_hash, purpose=RESET, now=now)
    if waiting is None:
        raise domain.token_invalid()
    account = await accounts.account_by_id(parts.database, user_id=waiting["user_id"])
    has_factors = bool(account and account["has_factors"])
    known = [waiting["email"], waiting["name"]]
    await parts.passwords.judge(lambda: domain.judge_password(password, known=known, with_factor=has_factors))
    password_hash = await parts.passwords.hash(password)
    async with parts.database.transaction() as tx:
        used = await accounts.use_email_token(tx, token_hash=token_hash, purpose=RESET, now=now)
        if used is None:
            raise domain.token_invalid()
        user_id = used["user_id"]
        await set_password(
            parts, tx, user_id=user_id, password=password, password_hash=password_hash, field="password",
            now=now,
        )  # fmt: skip
        await sessions.end_sessions(tx, user_id=user_id, keep=None, reason="password_reset", now=now)
        row = await _confirmed(parts, tx, user_id, now)
        await parts.access_changed(tx, user_id)
        await parts.outbox.add(tx, password_changed(row))


def name_of(text: str) -> str:
    """A person's name on one line. Raises Invalid when nothing is left."""
    name = " ".join(text.split())
    if not name:
        raise Invalid(detail="Enter a name.", errors=[FieldError("name", "required", "Enter your name.")])
    return name
