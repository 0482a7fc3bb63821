"""The simulated carrier behind the port: idempotent on the key, scripted by fault and by address."""

import asyncio
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from mercato.carriers.providers.port import (
    CarrierLabel,
    CarrierRate,
    CarrierWebhook,
    LabelRequest,
    RateRequest,
    Sighting,
    Surroundings,
)
from mercato.carriers.simulator import store
from mercato.contracts.carriers import CarrierService, Place, TrackingStatus
from mercato.contracts.shared import Address
from mercato.kernel import clock, standard_webhooks
from mercato.kernel.addresses import country_name
from mercato.kernel.db import Database, Row
from mercato.kernel.errors import Invalid, NotFound, Unavailable
from mercato.kernel.money import Money, exponent
from mercato.kernel.press import Press
from mercato.settings import SettingsError

FAULTS: Final = ("", "slow", "down", "lost_reply")
SLOW_S: Final = 30.0
BAD_CITY: Final = "nowhere"
"""A recipient in this city does not exist: the label is refused."""
TEMPLATE: Final = Path(__file__).parent.parent / "templates" / "label.typ"
SERVICES: Final = (CarrierService("economy", "Snail Economy"), CarrierService("express", "Snail Express"))
TEXTS: Final = {
    TrackingStatus.CREATED: "Label printed",
    TrackingStatus.IN_TRANSIT: "In transit",
    TrackingStatus.OUT_FOR_DELIVERY: "Out for delivery",
    TrackingStatus.DELIVERED: "Delivered",
    TrackingStatus.FAILED: "Nobody was at home",
    TrackingStatus.RETURNED: "On its way back to the sender",
}
_PRICES: Final = {"economy": (390, 60, 3), "express": (990, 120, 1)}
"""Service → hundredths for the parcel and for each begun kilogram, working days."""
_ABROAD: Final = 600


class LabelSheet(msgspec.Struct, frozen=True):
    """What the template of a label takes."""

    service: str
    tracking_number: str
    weight: str
    sender: list[str]
    recipient: list[str]
    country: str


class SimulatedCarrier:
    """Snail Mail: prices by weight, more abroad from Europe's middle; its ledger is the truth for tests."""

    code = "simulated"
    name = "Snail Mail"
    services = SERVICES
    is_test = True

    def __init__(self, database: Database, press: Press, *, secret: bytes, public_url: str) -> None:
        self.database = database
        self._press = press
        self._secret = secret
        self._public_url = public_url

    async def rates(self, request: RateRequest) -> list[CarrierRate]:
        await self._suffer()
        return [
            CarrierRate(service.code, self._price(service.code, request), _PRICES[service.code][2])
            for service in SERVICES
        ]

    async def label(self, request: LabelRequest) -> CarrierLabel:
        fault = await self._suffer()
        if request.recipient.city.strip().lower() == BAD_CITY:
            raise Invalid("address_refused", f"The carrier knows no place called {request.recipient.city}.")
        if request.service not in _PRICES:
            raise Invalid("unknown_service", f"Choose one of: {', '.join(_PRICES)}.")
        asked = RateRequest(_place_of(request), request.weight_g, request.value)
        row = await store.book(
            self.database,
            request,
            tracking_number=f"SN{secrets.randbelow(10**12):012}",
            price=self._price(request.service, asked).amount,
            text=TEXTS[TrackingStatus.CREATED],
            at=clock.now(),
        )
        if fault == "lost_reply":
            raise Unavailable("carrier_timeout", "The carrier did not answer.")
        return CarrierLabel(
            tracking_number=row["tracking_number"],
            tracking_url=f"{self._public_url}/simulator/parcels/{row['tracking_number']}",
            price=Money(row["price"], row["currency"]),
            pdf=await self._press.pdf(TEMPLATE, _sheet(request, row), at=row["at"]),
        )

    async def forget(self, keys: list[str]) -> None:
        """Forget for whom these labels were."""
        await store.forget(self.database, keys=keys)

    async def track(self, tracking_number: str) -> list[Sighting]:
        await self._suffer()
        rows = await store.scans(self.database, tracking_number=tracking_number)
        return [
            Sighting(str(row["id"]), row["at"], TrackingStatus(row["status"]), row["place"], row["text"])
            for row in rows
        ]

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> CarrierWebhook:
        event_id = standard_webhooks.check(self._secret, headers, body, now=clock.now())
        try:
            return CarrierWebhook(event_id, msgspec.json.decode(body, type=_Body).tracking_number)
        except msgspec.MsgspecError:
            raise Invalid("malformed", "The webhook's body cannot be read.") from None

    # The simulated company's own doors.

    async def scan(self, tracking_number: str, status: TrackingStatus) -> None:
        """The carrier sees the parcel; its webhook follows. Raises NotFound."""
        found = await store.scan(
            self.database,
            tracking_number=tracking_number,
            status=status,
            place=None,
            text=TEXTS[status],
            at=clock.now(),
        )
        if not found:
            raise NotFound(detail="The carrier has no such parcel.")

    async def scans(self, tracking_number: str) -> list[Row]:
        rows = await store.scans(self.database, tracking_number=tracking_number)
        if not rows:
            raise NotFound(detail="The carrier has no such parcel.")
        return rows

    async def set_fault(self, fault: str) -> None:
        """Raises Invalid for a fault that is not in the script."""
        if fault not in FAULTS:
            raise Invalid("unknown_fault", f"Choose one of: {', '.join(FAULTS[1:])}, or none.")
        await store.set_fault(self.database, fault=fault)

    def webhook(self, row: Row) -> tuple[dict[str, str], bytes]:
        """Headers and body of one delivery."""
        body = msgspec.json.encode(_Body(row["tracking_number"]))
        event_id = f"scan-{row['scan_id']}"
        return standard_webhooks.sign(self._secret, webhook_id=event_id, at=clock.now(), body=body), body

    async def _suffer(self) -> str:
        """Do what the script says of every answer; returns the fault."""
        fault = await store.fault(self.database)
        if fault == "slow":
            await asyncio.sleep(SLOW_S)
        if fault == "down":
            raise Unavailable("carrier_unavailable", "The carrier is down.")
        return fault

    def _price(self, service: str, request: RateRequest) -> Money:
        base, per_kilogram, _ = _PRICES[service]
        hundredths = base + per_kilogram * -(-request.weight_g // 1000)
        if request.destination.country not in ("DE", "NL", "BE", "LU", "AT"):
            hundredths += _ABROAD
        currency = request.value.currency
        return Money(hundredths * 10 ** exponent(currency) // 100, currency)


def simulated(surroundings: Surroundings) -> SimulatedCarrier:
    """The factory that the entry point names. Raises SettingsError in production."""
    settings = surroundings.settings
    if settings.is_production:
        raise SettingsError("The simulated carrier moves no parcel: leave it out in production.")
    secret = f"carrier-webhooks:{settings.secret_key}".encode()
    return SimulatedCarrier(
        surroundings.database, surroundings.press, secret=secret, public_url=settings.public_url
    )


class _Body(msgspec.Struct, frozen=True):
    tracking_number: str


def _place_of(request: LabelRequest) -> Place:
    address = request.recipient
    return Place(address.country, address.postal_code, address.region)


def _sheet(request: LabelRequest, row: Row) -> LabelSheet:
    names = {service.code: service.name for service in SERVICES}
    grams = request.weight_g
    return LabelSheet(
        service=names[row["service"]],
        tracking_number=row["tracking_number"],
        weight=f"{grams // 1000}.{grams % 1000:03} kg",
        sender=lines_of(request.sender),
        recipient=lines_of(request.recipient),
        country=country_name(request.recipient.country).upper(),
    )


def lines_of(address: Address) -> list[str]:
    """An address as it is written on a parcel, without the country."""
    place = " ".join(filter(None, (address.postal_code, address.city, address.region)))
    return [line for line in (address.company, address.name, address.street1, address.street2, place) if line]
