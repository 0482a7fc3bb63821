"""The contract of a carrier as checks that any test framework can run.

    contract = CarrierContract(Bench(carrier=mine, sender=..., recipient=...))
    for check in contract.checks():
        await check()

Each check asks only through the port and raises `ContractBroken` with a sentence. Run it against
the carrier's test system, or against a server of yours that behaves like it: it buys labels.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec

from mercato.carriers.providers.port import CALL_TIMEOUT_S, Carrier, CarrierLabel, LabelRequest, RateRequest
from mercato.contracts.carriers import Place
from mercato.contracts.shared import Address
from mercato.kernel.errors import Invalid
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money

Check = Callable[[], Awaitable[None]]
Signed = tuple[dict[str, str], bytes]
AT_ONCE = 5


class ContractBroken(AssertionError):
    """The carrier does not do what the port promises."""


class Bench(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier, and what the checks need to know of it."""

    carrier: Carrier
    sender: Address
    recipient: Address
    """An address that the carrier goes to."""
    refused: Address | None = None
    """One that it refuses; None: it takes everything, which leaves one check out."""
    webhook: Callable[[str, timedelta], Signed] | None = None
    """Headers and body as the carrier signs them, of a tracking number, so long ago; None: it sends none."""
    currency: str = "EUR"


class CarrierContract:
    """All checks that apply to one bench; each is independent of the others."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.carrier = bench.carrier

    def checks(self) -> list[Check]:
        """The checks to run, each named by its `__name__`."""
        checks: list[Check] = [
            self.names_itself_and_its_services,
            self.asks_prices_in_the_wanted_currency,
            self.asks_not_less_for_more_weight,
            self.sells_a_label_that_prints,
            self.sells_one_label_for_one_key,
            self.sells_one_label_for_one_key_at_once,
            self.sees_a_parcel_in_order_and_under_ids,
            self.knows_nothing_of_an_unknown_number,
        ]
        if self.bench.refused is not None:
            checks.append(self.refuses_an_address_with_a_sentence)
        if self.bench.webhook is not None:
            checks += [self.reads_its_own_webhook, self.refuses_a_forged_webhook, self.refuses_an_old_webhook]
        return checks

    async def names_itself_and_its_services(self) -> None:
        codes = [service.code for service in self.carrier.services]
        _expect(bool(self.carrier.code and self.carrier.name), "The carrier has no code or no name.")
        _expect(bool(codes) and len(set(codes)) == len(codes), "Services need codes that differ.")

    async def asks_prices_in_the_wanted_currency(self) -> None:
        rates = await self.carrier.rates(self._parcel(500))
        known = {service.code for service in self.carrier.services}
        _expect(bool(rates), "There is no rate to the bench's recipient.")
        for rate in rates:
            _expect(rate.service in known, f"{rate.service} is none of the carrier's services.")
            _expect(rate.price.currency == self.bench.currency, f"{rate.price} is in another currency.")
            _expect(rate.price.amount >= 0 and rate.days >= 0, "A price or a time is negative.")

    async def asks_not_less_for_more_weight(self) -> None:
        light = {rate.service: rate.price.amount for rate in await self.carrier.rates(self._parcel(100))}
        for rate in await self.carrier.rates(self._parcel(5000)):
            _expect(rate.price.amount >= light.get(rate.service, 0), f"{rate.service}: heavier is cheaper.")

    async def sells_a_label_that_prints(self) -> None:
        label = await self._buy(f"kit:{new_id()}")
        _expect(label.pdf.startswith(b"%PDF-"), "The label is not a PDF.")
        _expect(0 < len(label.tracking_number) <= 60, "The tracking number is empty or too long.")
        _expect(label.price.amount >= 0, "The price of the label is negative.")

    async def sells_one_label_for_one_key(self) -> None:
        key = f"kit:{new_id()}"
        first, again = await self._buy(key), await self._buy(key)
        _expect(first.tracking_number == again.tracking_number, "One key was sold two labels.")
        _expect(first.price == again.price, "The price changed between two asks for one label.")

    async def sells_one_label_for_one_key_at_once(self) -> None:
        key = f"kit:{new_id()}"
        labels = await asyncio.gather(*(self._buy(key) for _ in range(AT_ONCE)))
        numbers = {label.tracking_number for label in labels}
        _expect(len(numbers) == 1, f"One key at once was sold {len(numbers)} labels.")

    async def sees_a_parcel_in_order_and_under_ids(self) -> None:
        label = await self._buy(f"kit:{new_id()}")
        seen = await self.carrier.track(label.tracking_number)
        times, ids = [one.at for one in seen], [one.id for one in seen]
        _expect(times == sorted(times), "What was seen is not in the order of time.")
        _expect(len(set(ids)) == len(ids), "Two sightings have the same id.")
        _expect(all(time.tzinfo is not None for time in times), "A time is without its zone.")

    async def knows_nothing_of_an_unknown_number(self) -> None:
        _expect(await self.carrier.track("KIT0UNKNOWN0") == [], "An unknown number has been seen.")

    async def refuses_an_address_with_a_sentence(self) -> None:
        assert self.bench.refused is not None
        try:
            await self._buy(f"kit:{new_id()}", self.bench.refused)
        except Invalid as error:
            _expect(bool(error.detail), "The refusal says nothing to staff.")
        else:
            raise ContractBroken("A label was sold to an address that the carrier refuses.")

    async def reads_its_own_webhook(self) -> None:
        headers, body = self._signed("KIT123", timedelta(0))
        event = self.carrier.parse_webhook(headers, body)
        _expect(event.tracking_number == "KIT123", "The webhook names another parcel.")
        _expect(bool(event.event_id), "The webhook has no id, so a second delivery cannot be known.")

    async def refuses_a_forged_webhook(self) -> None:
        headers, body = self._signed("KIT123", timedelta(0))
        self._refuses(headers, body + b" ")
        self._refuses({}, body)

    async def refuses_an_old_webhook(self) -> None:
        self._refuses(*self._signed("KIT123", timedelta(hours=2)))

    def _refuses(self, headers: dict[str, str], body: bytes) -> None:
        try:
            self.carrier.parse_webhook(headers, body)
        except Invalid:
            return
        raise ContractBroken("A webhook that is forged or too old was taken.")

    def _signed(self, number: str, age: timedelta) -> Signed:
        assert self.bench.webhook is not None
        headers, body = self.bench.webhook(number, age)
        return {name.lower(): value for name, value in headers.items()}, body

    async def _buy(self, key: str, recipient: Address | None = None) -> CarrierLabel:
        request = LabelRequest(
            key=key,
            service=self.carrier.services[0].code,
            sender=self.bench.sender,
            recipient=recipient or self.bench.recipient,
            weight_g=500,
            value=Money(2000, self.bench.currency),
        )
        return await asyncio.wait_for(self.carrier.label(request), CALL_TIMEOUT_S)

    def _parcel(self, weight_g: int) -> RateRequest:
        to = self.bench.recipient
        place = Place(to.country, to.postal_code, to.region)
        return RateRequest(place, weight_g, Money(2000, self.bench.currency))


def _expect(holds: bool, sentence: str) -> None:
    if not holds:
        raise ContractBroken(sentence)
