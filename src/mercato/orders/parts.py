"""What the verbs of this service work with: its tables, its voice, and the services it calls."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.carriers import Carriers
from mercato.contracts.carts import Carts
from mercato.contracts.catalog import Catalog
from mercato.contracts.payments import Payments
from mercato.contracts.stock import Stock
from mercato.kernel import clock
from mercato.kernel.acts import acted, changes_between
from mercato.kernel.background.jobs import Jobs
from mercato.kernel.context import Context
from mercato.kernel.db import Database, Tx
from mercato.kernel.messaging.live import Live
from mercato.kernel.messaging.outbox import Outbox
from mercato.kernel.press import Press
from mercato.orders.channels import Channels
from mercato.orders.numbers import order_token
from mercato.orders.store import acts


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """Made once by `build`; every action takes it first."""

    db: Database
    outbox: Outbox
    live: Live
    carts: Carts
    channels: Channels
    catalog: Catalog
    carriers: Carriers
    stock: Stock
    payments: Payments
    press: Press
    jobs: Jobs
    secret: str
    wake_sweeper: Callable[[], None]

    def token_of(self, order_id: UUID) -> str:
        return order_token(order_id, self.secret)

    def tell(self, order_id: UUID) -> None:
        """Open pages of this order, and the admin's, look again."""
        self.live.publish(f"order.{order_id}")
        self.live.publish("admin")

    async def acted(
        self, tx: Tx, ctx: Context, act: str, order_id: UUID, changes: Mapping[str, Any] | None = None
    ) -> None:
        """Record for the audit what staff did to an order; what its buyer does is on the timeline."""
        if ctx.principal.is_staff:
            told = changes_between(None, changes)
            await self.outbox.add(tx, acted(ctx, f"order.{act}", "order", order_id, changes=told))

    async def is_repeated(self, tx: Tx, ctx: Context, act: str, subject_id: UUID) -> bool:
        """Whether the same request, known by its idempotency key, has done this before: then nothing is left
        to do. To be asked under the lock of what is changed."""
        key = _key_of(ctx, act, subject_id)
        return key is not None and not await acts.begin(tx, key=key, now=clock.now())

    async def was_done(self, ctx: Context, act: str, subject_id: UUID) -> bool:
        """Like `is_repeated`, without noting anything."""
        key = _key_of(ctx, act, subject_id)
        return key is not None and await acts.is_known(self.db, key=key)

    def tell_after(self, tx: Tx, order_id: UUID) -> None:
        """`tell` once the transaction is durable."""
        tx.after_commit(lambda: self.tell(order_id))


def _key_of(ctx: Context, act: str, subject_id: UUID) -> str | None:
    """What makes a request of this person the same one again; None when they sent no key."""
    if ctx.idempotency_key is None:
        return None
    return f"{act}:{subject_id}:{ctx.principal.id}:{ctx.idempotency_key}"
