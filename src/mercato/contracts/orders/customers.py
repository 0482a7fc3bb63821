"""Which orders belong to a person."""

from typing import Protocol

from mercato.contracts.personal import PersonalRecords
from mercato.kernel.context import Context
from mercato.kernel.personal import Subject
from mercato.kernel.rpc import idempotent


class Customers(PersonalRecords, Protocol):
    """What orders knows about a person; for Mercato itself."""

    @idempotent
    async def known_as(self, ctx: Context, *, subject: Subject) -> Subject:
        """The same person with the ids of their orders (as a guest too), carts and parcels."""
