"""What each part of the service works with."""

from uuid import UUID

from mercato.contracts.payments import Payment
from mercato.payments.engine import Engine
from mercato.payments.rows import payment_of
from mercato.payments.simulator.provider import Simulator
from mercato.payments.store import books


class Part:
    """The engine, and the simulator where there is one."""

    def __init__(self, engine: Engine, simulator: Simulator | None) -> None:
        self._engine = engine
        self._simulator = simulator

    async def _payments(self, order_id: UUID) -> list[Payment]:
        return [payment_of(row) for row in await books.payments_of_order(self._engine.database, order_id)]
