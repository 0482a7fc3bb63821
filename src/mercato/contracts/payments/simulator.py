"""The simulated provider: its own books and its doors. Refused in production."""

from datetime import datetime
from typing import Protocol

import msgspec

from mercato.contracts.payments.disputes import DisputeStatus
from mercato.contracts.shared import Page
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class SimulatorEntry(msgspec.Struct, frozen=True):
    """A row of the simulated provider's own books."""

    reference: str
    key: str
    status: str
    currency: str
    authorized: int
    captured: int
    refunded: int
    voided: int
    at: datetime


class SimulatorSession(msgspec.Struct, frozen=True):
    """What the simulator's confirmation page shows."""

    reference: str
    amount: Money
    status: str
    return_url: str


class Simulating(Protocol):
    """What the simulated company lets be seen and done."""

    @idempotent
    async def simulator_ledger(
        self, ctx: Context, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[SimulatorEntry]:
        """The simulator's own books; refused in production."""

    @idempotent
    async def simulator_session(self, ctx: Context, *, reference: str) -> SimulatorSession: ...

    async def refund_at_simulator(self, ctx: Context, *, reference: str, amount: int) -> None:
        """As staff does on a provider's own pages: send money back without telling the shop; its webhook
        follows. Needs `write_refunds`. Raises Conflict("refund_too_large"), NotFound."""

    async def dispute_at_simulator(
        self, ctx: Context, *, reference: str, status: DisputeStatus, reason: str = "fraudulent"
    ) -> None:
        """The shopper's bank opens a dispute over what is left, or decides it; its webhook follows.
        Needs `write_payments`. Raises Conflict, NotFound."""

    async def decide_simulator_session(
        self, ctx: Context, *, reference: str, approve: bool
    ) -> SimulatorSession:
        """The shopper's answer on the simulator's page; its webhook follows."""
