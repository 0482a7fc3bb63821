"""What stock announces."""

from typing import ClassVar
from uuid import UUID

from mercato.contracts.stock.records import Availability
from mercato.kernel.events import Event


class StockChanged(Event, frozen=True):
    """The availability that shoppers see changed (between in_stock, low and out)."""

    subject: ClassVar[str] = "stock.changed"
    variant_id: UUID
    available: int
    availability: Availability

    @property
    def key(self) -> UUID:
        return self.variant_id
