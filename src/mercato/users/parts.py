"""What the verbs of accounts work with."""

from collections.abc import Collection
from uuid import UUID

import msgspec

from mercato.contracts.users import AccessChanged
from mercato.kernel.acts import State, acted, changes_between
from mercato.kernel.context import Context
from mercato.kernel.db import Database, Tx
from mercato.kernel.messaging.events import Event
from mercato.kernel.messaging.outbox import Outbox
from mercato.users.factors import FactorKit
from mercato.users.passwords import Passwords
from mercato.users.sso import Providers
from mercato.users.store import accounts
from mercato.users.tokens import SigningKeys


class Parts(msgspec.Struct, frozen=True, gc=False):
    """The parts that the verbs share, built once per process."""

    database: Database
    outbox: Outbox
    passwords: Passwords
    keys: SigningKeys
    allow_local_email: bool
    factor_kit: FactorKit
    providers: Providers

    async def access_changed(self, tx: Tx, user_id: UUID) -> None:
        """Record that sessions or rights of a user changed: whoever remembers their principal drops it."""
        await self.outbox.add(tx, AccessChanged(user_id=user_id))

    async def acted(
        self,
        tx: Tx,
        ctx: Context,
        act: str,
        *,
        about: tuple[str, UUID | str],
        label: str = "",
        before: State = None,
        after: State = None,
        only: Collection[str] | None = None,
        hidden: Collection[str] = (),
    ) -> None:
        """Record for the audit who did `act` to what, in the transaction of the change.

        Of the fields in `only` those that differ are told, of those in `hidden` no value.
        """
        told = changes_between(before, after, only=only, hidden=hidden)
        await self.outbox.add(tx, acted(ctx, act, *about, label=label, changes=told))

    async def tell_or_seem_to(self, tx: Tx, news: Event | None) -> None:
        """Publish `news`; without any, do as much work."""
        if news is None:
            await accounts.tell_nobody(tx)
        else:
            await self.outbox.add(tx, news)
