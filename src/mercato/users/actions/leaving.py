"""The end of an account: the person is taken out of it, the id stays for the books."""

from mercato.contracts.users import AccountDeleted
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Unauthenticated
from mercato.users import domain
from mercato.users.actions import Desk
from mercato.users.actions.own_password import prove
from mercato.users.actions.signing_in import end_all
from mercato.users.actions.staffing import refuse_last_owner
from mercato.users.actions.throttling import forget
from mercato.users.store import accounts, personal, rights


async def delete_me(desk: Desk, ctx: Context, *, password: str) -> None:
    """Erase the account of whoever asks and knows its password."""
    now = clock.now()
    account = await prove(desk, ctx, password, field="password", now=now)
    user_id = account["id"]
    async with desk.database.transaction() as tx:
        await rights.lock_roles(tx, codes=[domain.OWNER_ROLE])
        row = await accounts.lock_user(tx, user_id=user_id)
        if row is None or not row["is_active"]:
            raise Unauthenticated(detail="Sign in to go on.")
        if domain.OWNER_ROLE in row["roles"]:
            await refuse_last_owner(tx, user_id)
        await forget(tx, domain.SIGN_IN_THROTTLE, str(user_id), ctx.client_address)
        await desk.acted(tx, ctx, "account.deleted", about=("user", user_id))
        await end_all(desk, tx, user_id=user_id, keep=None, reason="deleted")
        await personal.forget_person(tx, user_id=user_id, email=domain.nobodys_email(user_id), now=now)
        deleted = AccountDeleted(user_id=user_id, email=row["email"], name=row["name"], locale=row["locale"])
        await desk.outbox.add(tx, deleted)
