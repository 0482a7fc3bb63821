"""The carrier port: all that Mercato asks of a carrier.

Each call is bounded by `CALL_TIMEOUT_S` and made without a transaction. A carrier that does not answer raises
`kernel.errors.Unavailable`; what it refuses (an address, say) is `Invalid` with a sentence for staff.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import msgspec

from mercato.contracts.carriers import CarrierService, Place, TrackingStatus
from mercato.contracts.shared import Address
from mercato.kernel.db import Database
from mercato.kernel.money import Money
from mercato.kernel.press import Press
from mercato.settings import Settings

CALL_TIMEOUT_S = 4.0
RATES_TIMEOUT_S = 1.5
"""A shopper waits for this: rather the flat price than a long wait."""


class RateRequest(msgspec.Struct, frozen=True):
    """A parcel as far as its price depends on it; prices are wanted in the currency of `value`."""

    destination: Place
    weight_g: int
    value: Money


class CarrierRate(msgspec.Struct, frozen=True):
    service: str
    price: Money
    days: int


class LabelRequest(msgspec.Struct, frozen=True):
    """A label to be bought. The same `key` is the same label, however often it is asked for."""

    key: str
    service: str
    sender: Address
    recipient: Address
    weight_g: int
    value: Money


class CarrierLabel(msgspec.Struct, frozen=True):
    """A label as the carrier sold it; `pdf` is what is printed."""

    tracking_number: str
    tracking_url: str | None
    price: Money
    pdf: bytes


class Sighting(msgspec.Struct, frozen=True):
    """Something the carrier saw of a parcel. `id` is the carrier's own, unique for the parcel."""

    id: str
    at: datetime
    status: TrackingStatus
    place: str
    text: str


class CarrierWebhook(msgspec.Struct, frozen=True):
    """A verified message: only a hint to look, the carrier is asked where the parcel is."""

    event_id: str
    tracking_number: str


class Carrier(Protocol):
    """What `mercato.carriers` needs of a carrier."""

    code: str
    name: str
    services: tuple[CarrierService, ...]
    is_test: bool

    async def rates(self, request: RateRequest) -> list[CarrierRate]:
        """Prices for a parcel; empty when the carrier does not go there."""

    async def label(self, request: LabelRequest) -> CarrierLabel:
        """Buy a label. Raises Invalid("address_refused") and others for what is wrong with the request."""

    async def track(self, tracking_number: str) -> list[Sighting]:
        """Everything seen of a parcel so far, oldest first; empty for a number that nobody knows."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> CarrierWebhook:
        """Check signature and age. Raises Invalid("signature_invalid")."""


class Surroundings(msgspec.Struct, frozen=True):
    """What a carrier is made from. It keeps its own settings in the environment."""

    settings: Settings
    database: Database
    """Of the carriers service: for the simulated one, which keeps its books there."""
    press: Press


class CarrierFactory(Protocol):
    """What an entry point of the group `mercato.carriers` names.

    Called once while the process starts, without I/O. Raises SettingsError when a setting is missing.
    """

    def __call__(self, surroundings: Surroundings) -> Carrier: ...
