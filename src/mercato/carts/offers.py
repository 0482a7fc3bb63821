"""How a cart could be delivered: which methods go there with its load, for what, until when. No I/O."""

from datetime import datetime

from mercato.carts.delivery import Load, carries, for_load, goes_to, price_of, promised_date
from mercato.carts.pricing import Destination
from mercato.carts.rules import ChannelRules
from mercato.contracts.carts import DeliveryKind, DeliveryMethod, DeliveryMethodInput
from mercato.contracts.shared import Address
from mercato.kernel.money import Money


def offers(
    rules: ChannelRules, destination: Destination, load: Load, subtotal: int, now: datetime
) -> list[DeliveryMethod]:
    """The methods that go to `destination` with this load, with their price for this subtotal and their
    promise."""
    return [
        offer(for_load(method, load), rules, subtotal, now)
        for method in rules.methods.values()
        if serves(method, rules, destination) and carries(method, load)
    ]


def offer(method: DeliveryMethodInput, rules: ChannelRules, subtotal: int, now: datetime) -> DeliveryMethod:
    """A method that was made for the load, as the shopper sees it."""
    assert method.id is not None
    return DeliveryMethod(
        method.id,
        method.code,
        method.name,
        method.description,
        Money(price_of(method, subtotal), rules.channel.currency),
        promised_date(
            now,
            time_zone=rules.channel.time_zone,
            cutoff_hour=method.cutoff_hour,
            working_days=method.days_max,
            holidays=rules.holidays,
        ),
        method.kind.value,
        method.pickup_place if method.kind is DeliveryKind.PICKUP else "",
    )


def serves(method: DeliveryMethodInput, rules: ChannelRules, destination: Destination) -> bool:
    """Whether the method goes there; a country that is not known yet rules nothing out."""
    return goes_to(method, destination, zones=rules.zones, channel_countries=rules.channel.countries)


def destination_of(address: Address | None) -> Destination:
    """Where a cart goes, as far as it is known."""
    return (
        Destination(None)
        if address is None
        else Destination(address.country, address.region, address.postal_code)
    )
