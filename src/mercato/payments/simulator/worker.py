"""The simulated company at work: it decides what waits and delivers its webhooks."""

from typing import Protocol

from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.payments.simulator import store
from mercato.payments.simulator.provider import Simulator

BATCH = 100


class Receiver(Protocol):
    """Where webhooks go: the same door as those of a real provider."""

    async def receive_webhook(
        self, ctx: Context, *, provider: str, headers: dict[str, str], body: bytes
    ) -> None: ...


class SimulatorWorker:
    """Delivers each webhook as often as its script wants; a failed delivery is tried again."""

    def __init__(self, simulator: Simulator, receiver: Receiver) -> None:
        self._simulator = simulator
        self._receiver = receiver

    async def run(self) -> None:
        await self._simulator.decide_due(BATCH)
        database = self._simulator.database
        for row in await store.due_webhooks(database, now=clock.now(), limit=BATCH):
            headers, body = self._simulator.webhook(row)
            await self._receiver.receive_webhook(
                SYSTEM_CONTEXT, provider=self._simulator.code, headers=headers, body=body
            )
            await store.mark_delivered(database, row["id"])
