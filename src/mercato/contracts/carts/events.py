"""What carts tells the other services."""

from typing import ClassVar
from uuid import UUID

from mercato.kernel.messaging.events import Event


class PricingChanged(Event, frozen=True):
    """Promotions, delivery methods or tax rates changed: cached prices and methods are stale."""

    subject: ClassVar[str] = "carts.pricing_changed"
    changed_id: UUID

    @property
    def key(self) -> UUID:
        return self.changed_id
