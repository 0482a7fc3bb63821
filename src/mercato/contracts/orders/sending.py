"""Fulfillments: what leaves together, and how far it is."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.orders.records import (
    FulfillmentLine,
    Order,
)
from mercato.contracts.shared import (
    ShortText,
)
from mercato.kernel.context import Context


class Sending(Protocol):
    """Fulfillments: what leaves together, and how far it is."""

    async def create_fulfillment(
        self, ctx: Context, *, order_id: UUID, lines: list[FulfillmentLine] | None = None
    ) -> Order:
        """Needs `write_fulfillments`; all that is open when `lines` is None. Raises Conflict."""

    async def ship(
        self,
        ctx: Context,
        *,
        fulfillment_id: UUID,
        carrier: ShortText | None = None,
        tracking_number: ShortText | None = None,
        tracking_url: ShortText | None = None,
    ) -> Order:
        """Needs `write_fulfillments`: goods leave, the buyer is told."""

    async def deliver(self, ctx: Context, *, fulfillment_id: UUID) -> Order: ...

    async def cancel_fulfillment(self, ctx: Context, *, fulfillment_id: UUID) -> Order: ...
