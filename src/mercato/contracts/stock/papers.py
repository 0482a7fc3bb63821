"""What moves many units at once and leaves a paper behind: deliveries, transfers, stock-takes."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec


class Receipt(msgspec.Struct, frozen=True):
    """Goods that came in: the id is the cause of their movements."""

    id: UUID
    location_id: UUID
    lines: int
    units: int


class TransferStatus(StrEnum):
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    CANCELED = "canceled"


class TransferLine(msgspec.Struct, frozen=True):
    variant_id: UUID
    sku: str
    quantity: int
    received: int
    """Of those sent; what is missing once it is received was lost on the way."""


class Transfer(msgspec.Struct, frozen=True):
    """Goods on their way from one location to another: at neither until they are received."""

    id: UUID
    from_id: UUID
    from_name: str
    to_id: UUID
    to_name: str
    status: TransferStatus
    note: str
    lines: list[TransferLine]
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    closed_by: str | None


class StockTakeStatus(StrEnum):
    OPEN = "open"
    APPLIED = "applied"
    CANCELED = "canceled"


class StockTakeLine(msgspec.Struct, frozen=True):
    """What was counted of one variant, and what the books said at that moment."""

    variant_id: UUID
    sku: str
    counted: int
    expected: int
    counted_at: datetime
    counted_by: str

    @property
    def difference(self) -> int:
        return self.counted - self.expected


class StockTake(msgspec.Struct, frozen=True):
    """A count of what is at a location. What moves after a line was counted does not disturb it."""

    id: UUID
    location_id: UUID
    location: str
    status: StockTakeStatus
    note: str
    line_count: int
    created_at: datetime
    created_by: str
    closed_at: datetime | None
    closed_by: str | None
    lines: list[StockTakeLine] = []
    """By SKU; empty in lists."""
