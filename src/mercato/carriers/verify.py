"""Proof that our labels are those that the simulated carrier sold, and that no webhook was forgotten."""

from datetime import timedelta
from uuid import UUID

from mercato.carriers import store
from mercato.carriers.engine import Engine
from mercato.carriers.simulator import store as simulator_store
from mercato.carriers.simulator.carrier import SimulatedCarrier
from mercato.contracts.shared import Difference, Verification
from mercato.kernel import clock

PAGE = 500
FORGOTTEN = timedelta(minutes=30)


async def verify(engine: Engine, simulator: SimulatedCarrier | None) -> Verification:
    """Each label of ours is in the carrier's books, under the same number at the same price."""
    differences: list[Difference] = []
    forgotten = await store.unhandled_webhooks(engine.database, before=clock.now() - FORGOTTEN)
    if forgotten:
        differences.append(Difference("carrier_webhooks", "unhandled", "0", str(forgotten)))
    checked = 0
    after: UUID | None = None
    while simulator is not None:
        labels = await store.bought_page(engine.database, carrier=simulator.code, after=after, limit=PAGE)
        if not labels:
            break
        after = labels[-1].id
        checked += len(labels)
        sold = await simulator_store.known(simulator.database, keys=[label.request.key for label in labels])
        for label in labels:
            ours, theirs = (label.tracking_number, label.price), sold.get(label.request.key)
            if ours != theirs:
                differences.append(Difference("labels", str(label.id), repr(theirs), repr(ours)))
    return Verification(checked, differences)
