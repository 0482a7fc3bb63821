"""When the sweeper runs: on its schedule, and at once when news of a payment rings."""

import asyncio
from datetime import timedelta

import structlog

from mercato.kernel import clock
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.ending import end
from mercato.orders.actions import drafts, edit_draft
from mercato.orders.actions.amend import KEEP_PREVIEWS
from mercato.orders.actions.holds import open_forgotten_carts, settle_expired_holds
from mercato.orders.actions.resume import sweep
from mercato.orders.actions.unpaid import cancel_unpaid
from mercato.orders.parts import Parts
from mercato.orders.store import acts, changes

SWEEP_EVERY_S = 1.0
HOLDS_EVERY_S = 5.0
DRAFTS_EVERY_S = 60.0
UNPAID_EVERY_S = 600.0
KEEP_KEYS = timedelta(days=2)
"""Twice as long as the API promises to know a key."""
MAX_ROUNDS = 50
"""Batches of one run: a backlog after an outage is worked off, and a run still ends."""

log = structlog.get_logger()


class Sweeper:
    """Runs `sweep` on its schedule and when rung; one run at a time in this process."""

    def __init__(self) -> None:
        self.parts: Parts | None = None
        self._running: asyncio.Task[None] | None = None
        self._rung = False
        self._turn = asyncio.Lock()

    def wake(self) -> None:
        """Run soon; rung during a run, run once more afterwards."""
        self._rung = True
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        await end(self._running)

    def schedules(self) -> tuple[Schedule, ...]:
        return (
            Schedule(name="orders-resume", every_s=SWEEP_EVERY_S, run=self.sweep),
            Schedule(name="orders-holds", every_s=HOLDS_EVERY_S, run=self.settle_holds),
            Schedule(name="orders-drafts", every_s=DRAFTS_EVERY_S, run=self.settle_drafts),
            Schedule(name="orders-unpaid", every_s=UNPAID_EVERY_S, run=self.cancel_unpaid),
        )

    async def sweep(self) -> None:
        async with self._turn:
            for _ in range(MAX_ROUNDS):
                if not await sweep(self._parts):
                    return

    async def settle_holds(self) -> None:
        await settle_expired_holds(self._parts)
        await open_forgotten_carts(self._parts)

    async def cancel_unpaid(self) -> None:
        await cancel_unpaid(self._parts)

    async def settle_drafts(self) -> None:
        """Draft orders that were paid or whose time is over; previews that nobody confirmed, and old keys."""
        await edit_draft.sweep(self._parts)
        await drafts.sweep(self._parts)
        await changes.forget_drafts(self._parts.db, before=clock.now() - KEEP_PREVIEWS)
        await acts.forget(self._parts.db, before=clock.now() - KEEP_KEYS)

    async def _run(self) -> None:
        while self._rung:
            self._rung = False
            try:
                await self.sweep()
            except Exception:
                log.warning("sweep failed; its schedule runs it again", exc_info=True)

    @property
    def _parts(self) -> Parts:
        if self.parts is None:
            raise RuntimeError("the sweeper has no parts: build() gives them")
        return self.parts
