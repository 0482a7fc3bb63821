"""Whoever changes what an account hangs on proves to be its owner first."""

from datetime import datetime
from typing import Any
from uuid import UUID

from mercato.contracts.users import PasswordChanged
from mercato.kernel.context import Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import FieldError, Invalid
from mercato.users import domain
from mercato.users.actions.throttling import admit
from mercato.users.parts import Parts
from mercato.users.store import accounts


async def prove(parts: Parts, ctx: Context, password: str, *, field: str, now: datetime) -> Any:
    """The account of the caller, when `password` is its password. Tries are throttled like sign-ins.

    Raises Invalid on `field`, Throttled, Unauthenticated; Denied for whoever acts for somebody else, or has
    a second factor that was not shown in the last minutes.
    """
    user_id = ctx.principal.require_own_user_id()
    await admit(parts.database, domain.SIGN_IN_THROTTLE, str(user_id), ctx.client_address, now=now)
    account = await accounts.account_by_id(parts.database, user_id=user_id)
    stored = account["password_hash"] if account else None
    if account is None or not await parts.passwords.verify(stored, password):
        message = "This is not your current password."
        raise Invalid(
            detail="The current password is not right.", errors=[FieldError(field, "password_wrong", message)]
        )
    if account["has_factors"]:
        ctx.principal.require_recent()  # the password alone is half a proof
    return account


async def set_password(
    parts: Parts, tx: Tx, *, user_id: UUID, password: str, password_hash: str, field: str, now: datetime
) -> None:
    """Keep a password; a short one only while a second factor guards the account. Raises Invalid."""
    is_short = len(password) < domain.PASSWORD_LENGTH_MIN
    if is_short:
        await accounts.lock_user(tx, user_id=user_id)
        account = await accounts.account_by_id(tx, user_id=user_id)
        domain.judge_length(password, field=field, with_factor=bool(account and account["has_factors"]))
    await accounts.set_password(tx, user_id=user_id, password_hash=password_hash, is_short=is_short, now=now)


def password_changed(account: Any) -> PasswordChanged:
    """Tells the owner of an account that its password is another one."""
    return PasswordChanged(
        user_id=account["id"], email=account["email"], name=account["name"], locale=account["locale"]
    )
