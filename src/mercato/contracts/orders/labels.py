"""Labels of fulfillments, bought from the shop's carriers."""

from typing import Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carriers import CarrierCode, Label, Rate, RateAnswer, ServiceCode, TrackingEvent
from mercato.contracts.orders.records import Order
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class ParcelLabel(msgspec.Struct, frozen=True):
    """A fulfillment with its label, or with what one would cost; `away` are carriers that do not answer."""

    fulfillment_id: UUID
    label: Label | None
    offers: list[Rate]
    away: list[str]


class ParcelTracking(msgspec.Struct, frozen=True):
    """What the carrier saw of a fulfillment, oldest first."""

    fulfillment_id: UUID
    events: list[TrackingEvent]


class Labels(Protocol):
    """The part of the orders contract about labels."""

    @idempotent
    async def parcel_labels(self, ctx: Context, *, order_id: UUID) -> list[ParcelLabel]:
        """The parcels of an order with labels and offers. Needs `read_fulfillments`."""

    @idempotent
    async def buyer_tracking(
        self, ctx: Context, *, number: str, token: str | None = None
    ) -> list[ParcelTracking]:
        """Where the parcels are, for the order's customer or with its token; empty when nobody knows."""

    @idempotent
    async def label_rates(self, ctx: Context, *, fulfillment_id: UUID) -> RateAnswer:
        """What the carriers ask for this parcel. Needs `read_fulfillments`."""

    async def buy_label(
        self, ctx: Context, *, fulfillment_id: UUID, carrier: CarrierCode, service: ServiceCode
    ) -> Order:
        """Buy the label of a parcel that has not left: it gets its number. Once, however often asked.

        Needs `write_fulfillments`. Raises Conflict: illegal_transition, sender_unknown, label_exists;
        Invalid: address_refused; Unavailable when the carrier is away."""
