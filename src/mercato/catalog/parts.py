"""What the actions of the catalog work with, and the one way they tell others what they did."""

from collections.abc import Collection, Sequence
from uuid import UUID

import msgspec

from mercato.catalog.memory import Memory
from mercato.catalog.navigation import Navigation, read_navigation
from mercato.catalog.picture_store import PictureStore
from mercato.catalog.search.follower import Follower
from mercato.catalog.store import changes
from mercato.contracts.catalog import NavigationChanged, ProductChanged
from mercato.contracts.stock import Stock
from mercato.kernel.acts import State, acted, changes_between
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.db import Database, Tx
from mercato.kernel.messaging.outbox import Outbox


class Changed(msgspec.Struct, frozen=True):
    """A product that search, caches and other services must hear about."""

    product_id: UUID
    slug: str
    variant_ids: list[UUID]
    is_deleted: bool = False


class Parts:
    """The tables, the outbox, the memory of this process, pictures, the index, and stock."""

    def __init__(
        self,
        *,
        database: Database,
        outbox: Outbox,
        memory: Memory,
        media: PictureStore,
        follower: Follower,
        stock: Stock,
    ) -> None:
        self.database = database
        self.memory = memory
        self.media = media
        self.follower = follower
        self.stock = stock
        self._outbox = outbox

    async def navigation(self) -> Navigation:
        """Straight from the tables: a write may follow one that another process has just made."""
        return await read_navigation(self.database)

    async def announce(self, tx: Tx, changed: Sequence[Changed]) -> None:
        """Products changed: in the transaction for the others, at once after it in this process."""
        if not changed:
            return
        await changes.mark(tx, product_ids=[one.product_id for one in changed])
        events = [
            ProductChanged(
                product_id=one.product_id,
                slug=one.slug,
                variant_ids=one.variant_ids,
                is_deleted=one.is_deleted,
            )
            for one in changed
        ]
        await self._outbox.add(tx, *events)
        tx.after_commit(lambda: self._after_products(changed))

    async def announce_navigation(self, tx: Tx, changed_id: UUID) -> None:
        """Categories, collections, attributes, channels or texts changed."""
        await self._outbox.add(tx, NavigationChanged(changed_id=changed_id))
        tx.after_commit(self._after_navigation)

    async def acted(
        self,
        tx: Tx,
        ctx: Context,
        act: str,
        about: tuple[str, UUID | str],
        *,
        label: str = "",
        before: State = None,
        after: State = None,
        only: Collection[str] | None = None,
        of_system: bool = False,
    ) -> None:
        """Tell the audit who did what, in the transaction of it.

        What Mercato does itself (the demo, a file of the command line) is told when `of_system` says so.
        """
        if ctx.principal.kind is PrincipalKind.SYSTEM and not of_system:
            return
        told = changes_between(before, after, only=only)
        await self._outbox.add(tx, acted(ctx, act, *about, label=label, changes=told))

    def _after_products(self, changed: Sequence[Changed]) -> None:
        for one in changed:
            self.memory.drop_product(one.product_id, one.variant_ids)
        self.follower.hint()

    def _after_navigation(self) -> None:
        self.memory.drop_all()
        self.follower.hint()
