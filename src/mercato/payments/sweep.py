"""The sweeper of payments: whatever waits for a provider longer than usual is asked about again."""

from collections.abc import Awaitable
from datetime import timedelta

import structlog

from mercato.kernel import clock
from mercato.kernel.errors import MercatoError
from mercato.payments.actions import balances, credit
from mercato.payments.actions.operate import run
from mercato.payments.actions.pay import refresh
from mercato.payments.actions.webhooks import handle
from mercato.payments.engine import Engine
from mercato.payments.store import credit as credit_store
from mercato.payments.store import operations, sessions

BATCH = 50
AGAIN_AFTER_S = 30
SESSION_QUIET_S = 60

log = structlog.get_logger(__name__)


class Sweep:
    """Each row in a try of its own, so that one that always fails blocks no other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def run(self) -> None:
        now = clock.now()
        again_at = now + timedelta(seconds=AGAIN_AFTER_S)
        database = self._engine.database
        for row in await operations.claim_due_operations(database, now=now, again_at=again_at, limit=BATCH):
            await self._try("operation", str(row["id"]), run(self._engine, row))
        for row in await operations.claim_due_webhooks(database, now=now, again_at=again_at, limit=BATCH):
            await self._try(
                "webhook",
                row["event_id"],
                handle(
                    self._engine,
                    provider=row["provider"],
                    event_id=row["event_id"],
                    reference=row["reference"],
                ),
            )
        for row in await sessions.open_sessions(database, older_than_s=SESSION_QUIET_S, limit=BATCH):
            await sessions.touch_session(database, row["order_id"], row["attempt"])
            await self._try(
                "session",
                row["reference"],
                refresh(self._engine, provider=row["provider"], reference=row["reference"]),
            )

        for row in await credit_store.left_holding(database, limit=BATCH):
            follow = credit.take if row["status"] == "completed" else credit.drop
            await self._try(
                "credit",
                str(row["order_id"]),
                follow(self._engine, order_id=row["order_id"], attempt=row["attempt"]),
            )
        for order_id in await credit_store.unsettled_orders(database, limit=BATCH):
            await self._try("canceled_cards", str(order_id), balances.unsell_all(self._engine, order_id))
        for account_id in await credit_store.expired(database, now=now, limit=BATCH):
            await self._try("expiry", str(account_id), balances.expire(self._engine, account_id))

    async def _try(self, what: str, name: str, work: Awaitable[object]) -> None:
        try:
            await work
        except MercatoError as error:
            log.warning("payments_sweep_failed", what=what, name=name, error=str(error))
