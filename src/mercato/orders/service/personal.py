"""The part of the orders service that knows which orders are a person's."""

from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.errors import Denied
from mercato.kernel.personal import KeepsPersonalData, Subject
from mercato.orders.service.part import Part
from mercato.orders.store import personal


class PersonalPart(Part, KeepsPersonalData):
    """Implements `contracts.orders.customers.Customers`."""

    async def known_as(self, ctx: Context, *, subject: Subject) -> Subject:
        if ctx.principal.kind is not PrincipalKind.SYSTEM:
            raise Denied(detail="Only Mercato itself looks up whose orders are whose.")
        return await personal.known_as(self._parts.db, subject=subject)
