"""The simulated company at work: it delivers its webhooks."""

from typing import Protocol

from mercato.carriers.simulator import store
from mercato.carriers.simulator.carrier import SimulatedCarrier
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context

BATCH = 100


class Receiver(Protocol):
    """Where webhooks go: the same door as those of a real carrier."""

    async def receive_webhook(
        self, ctx: Context, *, carrier: str, headers: dict[str, str], body: bytes
    ) -> None: ...


class SimulatorWorker:
    """Delivers each webhook; a failed delivery is tried again."""

    def __init__(self, simulator: SimulatedCarrier, receiver: Receiver) -> None:
        self._simulator = simulator
        self._receiver = receiver

    async def run(self) -> None:
        database = self._simulator.database
        for row in await store.waiting_webhooks(database, limit=BATCH):
            headers, body = self._simulator.webhook(row)
            await self._receiver.receive_webhook(
                SYSTEM_CONTEXT, carrier=self._simulator.code, headers=headers, body=body
            )
            await store.mark_delivered(database, scan_id=row["scan_id"], at=clock.now())
