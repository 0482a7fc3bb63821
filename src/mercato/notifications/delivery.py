"""Sends what is due. Any number of processes may do so: each takes messages that nobody else has."""

import asyncio
from typing import Any

import msgspec
import structlog

from mercato.kernel import clock
from mercato.kernel.bell import Bell
from mercato.kernel.db import Database
from mercato.kernel.ending import end
from mercato.kernel.telemetry.metrics import Metrics
from mercato.notifications import domain, store
from mercato.notifications.letters import Letters
from mercato.notifications.providers import Provider

BATCH = 50
LINGER_S = 0.05
"""After the bell: messages that come together are taken, written and noted together."""
LOOK_EVERY_S = 5.0

log = structlog.get_logger()


class Delivery:
    """The loop that sends: woken by new messages, and every few seconds for those that wait for a retry."""

    def __init__(
        self, database: Database, relaxed: Database, *, letters: Letters, provider: Provider, metrics: Metrics
    ) -> None:
        """Claims are `relaxed`: what a power cut takes back is a letter that is sent again anyway."""
        self._database = database
        self._relaxed = relaxed
        self._letters = letters
        self._provider = provider
        self._bell = Bell()
        self._task: asyncio.Task[None] | None = None
        self._sent, self._refused = (
            metrics.counter("mercato_messages_total", "Messages by outcome.", outcome=outcome)
            for outcome in ("sent", "refused")
        )

    def ring(self) -> None:
        """There is something new to send."""
        self._bell.ring()

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="notifications-delivery")

    async def stop(self) -> None:
        await end(self._task)

    async def deliver_due(self) -> int:
        """Send everything that is due now; returns how many messages were tried."""
        tried = 0
        while True:
            rows = await store.claim_due(self._relaxed, now=clock.now(), lease=domain.LEASE, limit=BATCH)
            if not rows:
                return tried
            tried += len(rows)
            await self._deliver({row["id"]: row for row in rows})
            if len(rows) < BATCH:
                return tried

    async def _deliver(self, rows: dict[Any, Any]) -> None:
        letters = []
        for row in rows.values():
            try:
                letters.append(
                    self._letters.write(
                        message_id=row["id"], recipient=row["recipient"], show_secrets=True, **_content(row)
                    )
                )
            except Exception as error:
                log.exception("a message cannot be written", message=str(row["id"]), template=row["template"])
                await self._note(row, f"{type(error).__name__}: {error}", is_final=False)
        if not letters:
            return
        sent: list[Any] = []
        async for outcome in self._provider.send(letters):
            row = rows[outcome.letter.id]
            if outcome.error is not None:
                await self._note(row, outcome.error, is_final=outcome.is_final)
            elif self._provider.takes_all_at_once:
                sent.append(row)
            else:
                await self._note_sent([row])
        if sent:
            await self._note_sent(sent)

    async def _note_sent(self, rows: list[Any]) -> None:
        self._sent.add(len(rows))
        await store.mark_sent(
            self._database,
            sent=[(row["id"], *self._letters.note(**_content(row))) for row in rows],
            provider=self._provider.name,
            hidden=domain.HIDDEN,
            forget=[domain.SECRET if domain.KINDS[row["template"]].expires else None for row in rows],
            now=clock.now(),
        )

    async def _note(self, row: Any, error: str, *, is_final: bool) -> None:
        self._refused.add()
        wait = None if is_final else domain.next_try(row["tries"])
        if wait is None:
            log.warning("a message has failed", message=str(row["id"]), template=row["template"], error=error)
        await store.mark_refused(
            self._database, message_id=row["id"], provider=self._provider.name, error=error,
            try_at=None if wait is None else clock.now() + wait,
        )  # fmt: skip

    async def _run(self) -> None:
        while True:
            try:
                await self.deliver_due()
            except Exception as error:  # the database may be away for a while; what is due stays due
                log.warning("delivery waits", error=repr(error))
            if await self._bell.wait(LOOK_EVERY_S):
                await asyncio.sleep(LINGER_S)


def _content(row: Any) -> dict[str, Any]:
    return {"template": row["template"], "locale": row["locale"], "data": msgspec.json.decode(row["data"])}
