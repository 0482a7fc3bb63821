"""The doors of the simulated company."""

from mercato.contracts.payments import DisputeStatus, SimulatorEntry, SimulatorSession
from mercato.contracts.shared import Page
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.payments.service.part import Part
from mercato.payments.simulator.provider import Simulator


class SimulatingPart(Part):
    """Refused in production."""

    async def simulator_ledger(
        self, ctx: Context, *, limit: int = 1000, cursor: str | None = None
    ) -> Page[SimulatorEntry]:
        return await self._simulated().ledger(limit=min(max(limit, 1), 1000), cursor=cursor)

    async def simulator_session(self, ctx: Context, *, reference: str) -> SimulatorSession:
        return await self._simulated().session(reference)

    async def refund_at_simulator(self, ctx: Context, *, reference: str, amount: int) -> None:
        ctx.principal.require("write_refunds")
        await self._simulated().refund_here(reference, amount)

    async def dispute_at_simulator(
        self, ctx: Context, *, reference: str, status: DisputeStatus, reason: str = "fraudulent"
    ) -> None:
        ctx.principal.require("write_payments")
        await self._simulated().dispute(reference, status, reason)

    async def decide_simulator_session(
        self, ctx: Context, *, reference: str, approve: bool
    ) -> SimulatorSession:
        await self._simulated().decide(reference, approve=approve)
        return await self._simulated().session(reference)

    def _simulated(self) -> Simulator:
        if self._simulator is None:
            raise NotFound(detail="The payment simulator is not available in production.")
        return self._simulator
