"""Where goods are kept."""

from typing import Protocol

from mercato.contracts.stock.records import Location
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Locations(Protocol):
    """Where goods are kept."""

    @idempotent
    async def locations(self, ctx: Context) -> list[Location]: ...
