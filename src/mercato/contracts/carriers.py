"""Carriers: what a parcel would cost, its label, and where it is."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.personal import PersonalRecords
from mercato.contracts.shared import Address, ShortText, Verification, Version
from mercato.kernel.context import Context
from mercato.kernel.messaging.events import Event
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent

CarrierCode = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern="^[a-z0-9_]+$")]
ServiceCode = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern="^[a-z0-9_]+$")]
Grams = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
TrackingNumber = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern="^[A-Za-z0-9-]+$")]


class CarrierService(msgspec.Struct, frozen=True, gc=False):
    """A speed or kind of delivery that a carrier sells."""

    code: str
    name: str


class CarrierInfo(msgspec.Struct, frozen=True):
    """A carrier that this shop has. `circuit` is closed when it answers."""

    code: str
    name: str
    services: list[CarrierService]
    is_test: bool = False
    circuit: str = "closed"


class Place(msgspec.Struct, frozen=True, gc=False):
    """As much of an address as a price depends on."""

    country: Annotated[str, msgspec.Meta(min_length=2, max_length=2)]
    postal_code: Annotated[str, msgspec.Meta(max_length=20)] = ""
    region: Annotated[str, msgspec.Meta(max_length=80)] | None = None


class Rate(msgspec.Struct, frozen=True, gc=False):
    """What one service of a carrier asks for a parcel, and how many working days it takes."""

    carrier: str
    service: str
    name: str
    price: Money
    days: int


class RateAnswer(msgspec.Struct, frozen=True):
    """The rates of the carriers that answered, and the codes of those that did not."""

    rates: list[Rate]
    away: list[str]


class TrackingStatus(StrEnum):
    """Where a parcel is. `failed` is a delivery that did not work; the carrier tries again or returns it."""

    CREATED = "created"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    FAILED = "failed"
    RETURNED = "returned"


class TrackingEvent(msgspec.Struct, frozen=True, gc=False):
    at: datetime
    status: TrackingStatus
    place: str
    text: str


class Label(msgspec.Struct, frozen=True):
    """A label that was bought. `reference` is what it is for: a fulfillment."""

    id: UUID
    reference: UUID
    carrier: str
    carrier_name: str
    service: str
    tracking_number: str
    tracking_url: str | None
    price: Money
    bought_at: datetime
    tracking: list[TrackingEvent] = []


class LabelFile(msgspec.Struct, frozen=True):
    name: str
    content: bytes


class Sender(msgspec.Struct, frozen=True):
    """Where the parcels of a channel leave from."""

    channel: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    address: Address
    version: Version = 1


class LabelBought(Event, frozen=True):
    """A label is there: the parcel has its number."""

    subject: ClassVar[str] = "carriers.label_bought"
    reference: UUID
    label_id: UUID
    carrier: str
    carrier_name: str
    tracking_number: str
    tracking_url: str | None

    @property
    def key(self) -> UUID:
        return self.reference


class ParcelTracked(Event, frozen=True):
    """The carrier saw a parcel: one event for each thing it saw, in order."""

    subject: ClassVar[str] = "carriers.parcel_tracked"
    reference: UUID
    label_id: UUID
    carrier: str
    carrier_name: str
    tracking_number: str
    tracking_url: str | None
    status: TrackingStatus
    at: datetime
    place: str
    text: str

    @property
    def key(self) -> UUID:
        return self.reference


class Carriers(PersonalRecords, Protocol):
    """The carriers service."""

    @idempotent
    async def carriers(self, ctx: Context) -> list[CarrierInfo]:
        """Needs `read_fulfillments`."""

    @idempotent
    async def rates(
        self,
        ctx: Context,
        *,
        destination: Place,
        weight_g: Grams,
        value: Money,
        carrier: CarrierCode | None = None,
    ) -> RateAnswer:
        """What the carriers ask, in the currency of `value`; needs `read_fulfillments`.

        A carrier that is away is named, and never waited for longer than a moment."""

    async def buy_label(
        self,
        ctx: Context,
        *,
        reference: UUID,
        channel: str,
        carrier: CarrierCode,
        service: ServiceCode,
        recipient: Address,
        weight_g: Grams,
        value: Money,
    ) -> Label:
        """One label per reference: asked again, the same one. Needs `write_fulfillments`.

        Raises Invalid: unknown_carrier, address_refused; Conflict: sender_unknown, label_exists (of another
        carrier); Unavailable when the carrier is away: asking again buys it once."""

    @idempotent
    async def labels(self, ctx: Context, *, references: list[UUID]) -> list[Label]:
        """Bought labels with their tracking. Needs `read_fulfillments`."""

    @idempotent
    async def label_file(self, ctx: Context, *, label_id: UUID) -> LabelFile:
        """The label as PDF. Needs `read_fulfillments`."""

    @idempotent
    async def receive_webhook(
        self, ctx: Context, *, carrier: str, headers: dict[str, str], body: bytes
    ) -> None:
        """A signed message of a carrier. Raises Invalid("signature_invalid")."""

    @idempotent
    async def senders(self, ctx: Context) -> list[Sender]:
        """Needs `read_settings`."""

    async def save_sender(self, ctx: Context, *, sender: Sender) -> Sender:
        """Needs `write_settings`. Raises Conflict("version_conflict")."""

    @idempotent
    async def simulated_parcel(self, ctx: Context, *, tracking_number: TrackingNumber) -> list[TrackingEvent]:
        """The simulated carrier's own tracking page; not in production."""

    async def scan_simulated_parcel(
        self, ctx: Context, *, tracking_number: TrackingNumber, status: TrackingStatus
    ) -> None:
        """The simulated carrier sees the parcel and tells the shop by webhook; not in production."""

    async def set_simulated_fault(self, ctx: Context, *, fault: ShortText) -> None:
        """How the simulated carrier answers from now on: "", slow, down, lost_reply; not in production."""

    @idempotent
    async def verify(self, ctx: Context) -> Verification:
        """Labels = what the simulated carrier sold; every webhook handled."""
