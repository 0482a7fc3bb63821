"""The verbs of accounts. `Desk` is what each of them works with; one module per group of verbs."""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from mercato.contracts.users import AccessChanged, SecurityActed
from mercato.kernel.context import Context
from mercato.kernel.db import Database, Tx
from mercato.kernel.outbox import Outbox
from mercato.users.passwords import Passwords
from mercato.users.tokens import SigningKeys


class Desk(msgspec.Struct, frozen=True, gc=False):
    """The parts that the verbs share, built once per process."""

    database: Database
    outbox: Outbox
    passwords: Passwords
    keys: SigningKeys
    allow_local_email: bool

    async def access_changed(self, tx: Tx, user_id: UUID) -> None:
        """Record that sessions or rights of a user changed: whoever remembers their principal drops it."""
        await self.outbox.add(tx, AccessChanged(user_id=user_id))

    async def acted(
        self,
        tx: Tx,
        ctx: Context,
        act: str,
        *,
        about: tuple[str, UUID],
        before: Mapping[str, str | None] | None = None,
        after: Mapping[str, str | None] | None = None,
    ) -> None:
        """Record for the audit who did `act` to what, in the transaction of the change."""
        kind, object_id = about
        acted = SecurityActed(
            actor_id=ctx.principal.id, actor=ctx.principal.label, act=act, object_type=kind,
            object_id=object_id, client_address=ctx.client_address, before=dict(before or {}),
            after=dict(after or {}),
        )  # fmt: skip
        await self.outbox.add(tx, acted)
