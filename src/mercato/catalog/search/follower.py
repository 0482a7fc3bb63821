"""Keeps this host's index up with the tables: the one process that holds its lock reads what changed."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any
from uuid import UUID

import structlog
import tantivy

from mercato.catalog.navigation import Navigation
from mercato.catalog.records import ProductRecord
from mercato.catalog.search.documents import document_of, key_of
from mercato.catalog.search.index import REBUILD_HEAP_BYTES, IndexFolder, IndexState
from mercato.catalog.search.schema import KEY, VERSION
from mercato.catalog.store import changes, products
from mercato.kernel.bell import Bell
from mercato.kernel.db import Database
from mercato.kernel.ending import end

LOOK_EVERY_S = 1.0
"""Without a hint the tables are asked this often: events may be lost, changes may not."""
TRY_LOCK_EVERY_S = 2.0
FAILED_PAUSE_S = 5.0
BATCH = 500

log = structlog.get_logger()

InThread = Callable[..., Awaitable[Any]]


class Follower:
    """Runs in every catalog process; works in the one whose host's lock it got."""

    def __init__(
        self,
        folder: IndexFolder,
        database: Database,
        navigation: Callable[[], Awaitable[Navigation]],
        in_thread: InThread,
    ) -> None:
        self._folder = folder
        self._database = database
        self._navigation = navigation
        self._in_thread = in_thread
        self._bell = Bell()
        self._writer: tantivy.IndexWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._applied: dict[UUID, int] = {}
        self._shop = ""
        self._writing = threading.Lock()

    def hint(self) -> None:
        """Something may have changed."""
        self._bell.ring()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="search follower")

    async def stop(self) -> None:
        await end(self._task)
        await asyncio.to_thread(self._close)

    async def _run(self) -> None:
        while True:
            try:
                if self._writer is None:
                    self._writer = self._folder.try_writer()
                if self._writer is None:
                    await asyncio.sleep(TRY_LOCK_EVERY_S)
                    continue
                await self._follow()
            except Exception:
                log.exception("search index not up to date")
                self._release_broken_writer()
                await asyncio.sleep(FAILED_PAUSE_S)

    def _close(self) -> None:
        """A write that a canceled task left running in its thread ends first."""
        with self._writing:
            if self._writer is not None:
                self._writer.wait_merging_threads()
                self._writer = None

    def _release_broken_writer(self) -> None:
        """Uncommitted work is dropped with the writer; the next try reads it from the tables again."""
        with contextlib.suppress(Exception):
            if self._writer is not None:
                self._writer.rollback()
        self._writer = None
        self._applied.clear()

    async def _follow(self) -> None:
        self._shop = await products.shop_identity(self._database)
        if not await self._fits():
            await self._rebuild()
        while True:
            if self._folder.take_rebuild_request():
                await self._rebuild()
            else:
                await self._apply_changes()
            await self._bell.wait(LOOK_EVERY_S)

    async def _fits(self) -> bool:
        """Whether the folder holds this shop's index and not one from the future of a restored database."""
        state = self._folder.state()
        return (
            state is not None
            and state.version == VERSION
            and state.shop == self._shop
            and state.horizon <= await changes.horizon(self._database)
        )

    async def _apply_changes(self) -> None:
        state = self._folder.state()
        if state is None:
            await self._rebuild()
            return
        horizon, changed = await changes.since(self._database, xid=state.horizon)
        news = [one for one, xid in changed.items() if self._applied.get(one) != xid]
        navigation = await self._navigation()
        for start in range(0, len(news), BATCH):
            wanted = news[start : start + BATCH]
            found = await products.by_ids(self._database, product_ids=wanted)
            await self._in_thread(self._alone, self._write, wanted, found, navigation)
        if news:
            await self._in_thread(self._alone, self._commit)
        self._applied = {one: xid for one, xid in changed.items() if xid >= horizon}
        if news or horizon - state.horizon > 1000:
            self._folder.save_state(IndexState(VERSION, self._shop, horizon, state.build))

    async def _rebuild(self) -> None:
        """All of it anew, in one commit: readers keep the old index until then."""
        previous = self._folder.state()
        horizon = await changes.horizon(self._database)
        navigation = await self._navigation()
        await self._in_thread(self._alone, self._take_big_writer)
        count = 0
        async for batch in products.batches(self._database, size=BATCH):
            await self._in_thread(self._alone, self._add, batch, navigation)
            count += len(batch)
        await self._in_thread(self._alone, self._commit)
        self._applied.clear()
        build = previous.build + 1 if previous else 1
        self._folder.save_state(IndexState(VERSION, self._shop, horizon, build))
        await self._in_thread(self._alone, self._take_small_writer)
        self._folder.reload()
        log.info("search index built", products=count)

    def _alone(self, work: Callable[..., None], *args: Any) -> None:
        with self._writing:
            work(*args)

    def _take_big_writer(self) -> None:
        self._change_writer(REBUILD_HEAP_BYTES)
        self._held.delete_all_documents()

    def _take_small_writer(self) -> None:
        self._change_writer()

    def _change_writer(self, *heap_bytes: int) -> None:
        self._held.wait_merging_threads()
        self._writer = self._folder.try_writer(*heap_bytes)

    @property
    def _held(self) -> tantivy.IndexWriter:
        if self._writer is None:
            raise ValueError("another process writes the search index")
        return self._writer

    def _write(self, wanted: list[UUID], found: list[ProductRecord], navigation: Navigation) -> None:
        for channel in navigation.channels:
            for product_id in wanted:
                self._held.delete_documents_by_term(KEY, key_of(channel, product_id))
        self._add(found, navigation)

    def _add(self, found: list[ProductRecord], navigation: Navigation) -> None:
        for channel in navigation.channels.values():
            add = partial(document_of, channel=channel, navigation=navigation)
            for product in found:
                if product.is_on_sale_in(channel.code):
                    self._held.add_document(add(product))

    def _commit(self) -> None:
        self._held.commit()
