"""What stock announces."""

from typing import ClassVar
from uuid import UUID

import msgspec

from mercato.contracts.stock.records import Availability
from mercato.kernel.messaging.events import Event


class _OfVariant(Event, frozen=True):
    variant_id: UUID
    available: int
    """Units that may still be promised."""
    availability: Availability
    channels: dict[str, Availability] = msgspec.field(default_factory=dict)
    """In the channels that sell from some locations only; the others see `availability`."""

    @property
    def key(self) -> UUID:
        return self.variant_id


class StockChanged(_OfVariant, frozen=True):
    """The availability that shoppers see changed, in the whole shop or in a channel with locations of its
    own (between in_stock, low, backorder and out)."""

    subject: ClassVar[str] = "stock.changed"


class StockLow(_OfVariant, frozen=True):
    """No more units are left than the variant's low threshold: time to order more."""

    subject: ClassVar[str] = "stock.low"


class StockOut(_OfVariant, frozen=True):
    """Nothing is left that may be sold."""

    subject: ClassVar[str] = "stock.out"


class StockBack(_OfVariant, frozen=True):
    """A variant that was out may be bought again."""

    subject: ClassVar[str] = "stock.back"
