"""Second factors of others: staff takes them from whoever has lost them."""

from uuid import UUID

from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, NotFound
from mercato.users.actions import proofs
from mercato.users.actions.signing_in import end_all
from mercato.users.actions.staffing import refuse_beyond
from mercato.users.parts import Parts
from mercato.users.store import accounts, challenges, factors


async def reset_factors(parts: Parts, ctx: Context, *, user_id: UUID) -> None:
    """Take every factor of somebody who has lost them; they sign in anew, and set up new ones.

    A short password, which only a factor allowed, goes with them: the way by mail sets a new one.
    Raises NotFound("user_not_found"), Conflict("no_factor").
    """
    ctx.principal.require("write_staff")
    ctx.principal.require_recent()
    now = clock.now()
    async with parts.database.transaction() as tx:
        row = await accounts.lock_user(tx, user_id=user_id)
        if row is None:
            raise NotFound("user_not_found", "There is no such account.")
        refuse_beyond(ctx.principal, row["permissions"])
        known = await factors.overview(tx, user_id=user_id)
        assert known is not None
        if not (known["has_app"] or known["passkeys"]):
            raise Conflict("no_factor", "This account has no second factor.")
        await factors.delete_factors(tx, user_id=user_id)
        await challenges.drop_challenges(tx, user_id=user_id)
        if known["has_short_password"]:
            await factors.forget_password(tx, user_id=user_id, now=now)
        await end_all(parts, tx, user_id=user_id, keep=None, reason="factors_reset")
        await proofs.tell(parts, tx, user_id, "factors_reset")
        await parts.acted(tx, ctx, "account.factors_reset", about=("user", user_id), label=row["email"])
