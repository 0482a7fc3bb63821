"""The verbs of accounts. `Desk` is what each of them works with; one module per group of verbs."""

from uuid import UUID

import msgspec

from mercato.contracts.users import AccessChanged
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
