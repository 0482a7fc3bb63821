"""Labels of parcels, and parcels that follow what their carrier saw."""

from typing import Any

import msgspec
import pytest

from mercato.contracts.carriers import LabelBought, ParcelTracked, Sender, TrackingStatus
from mercato.contracts.orders import FulfillmentStatus, Order, OrderShipped, OrderStatus, ParcelStatus
from mercato.contracts.shared import Address
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.orders.actions import labels
from mercato.orders.events import ParcelSeen
from orders.conftest import STAFF, Till

HOME = Address(name="Kiln & Loom", street1="Gartenweg 3", postal_code="10115", city="Berlin", country="DE")


class Depot:
    """An order with one packed parcel, and the simulated carrier."""

    def __init__(self, till: Till, order: Order) -> None:
        self.till, self.order = till, order
        self.parcel = order.fulfillments[0].id
        self._heard = 0

    async def buy(self, service: str = "economy") -> Order:
        return await self.till.orders.buy_label(
            STAFF, fulfillment_id=self.parcel, carrier="simulated", service=service
        )

    async def scan(self, status: TrackingStatus) -> None:
        number = (await self.till.order_of(self.order.id)).fulfillments[0].tracking_number
        assert number is not None
        await self.till.carriers.impl.scan_simulated_parcel(STAFF, tracking_number=number, status=status)

    async def hear(self, *, times: int = 1) -> None:
        """The carrier's webhooks arrive, what carriers says reaches orders, and the jobs run."""
        schedules = {schedule.name: schedule for schedule in self.till.carriers.schedules}
        await schedules["carriers-simulator"].run()
        kinds: dict[str, Any] = {kind.subject: kind for kind in (LabelBought, ParcelTracked)}
        rows = await self.till.db.fetch(
            "select position, subject, body from carriers.outbox where position > $1"
            " and subject <> 'audit.acted' order by position",
            self._heard,
        )
        if rows:
            self._heard = rows[-1]["position"]
        events = [msgspec.json.decode(row["body"], type=kinds[row["subject"]]) for row in rows]
        subscription = next(s for s in self.till.service.subscriptions if s.consumer == "orders-carriers")
        for _ in range(times):
            async with self.till.db.transaction() as tx:
                await subscription.handle(tx, events)
        jobs = await self.till.db.fetch(
            "delete from kernel.jobs where kind = 'parcel-seen' returning payload"
        )
        for job in reversed(jobs):  # in the wrong order on purpose
            seen = msgspec.json.decode(job["payload"], type=ParcelSeen)
            await labels.follow(
                self.till.orders._parts, fulfillment_id=seen.fulfillment_id, status=seen.status,
                carrier=seen.carrier,
            )  # fmt: skip

    async def now(self) -> Order:
        return await self.till.order_of(self.order.id)


@pytest.fixture
async def depot(till: Till) -> Depot:
    await till.carriers.impl.save_sender(STAFF, sender=Sender("default", HOME))
    order = await till.bought(quantity=2)
    await till.deliver_events()
    return Depot(till, await till.orders.create_fulfillment(STAFF, order_id=order.id))


async def test_a_parcel_gets_its_label_once_by_weight_and_place(depot: Depot) -> None:
    rates = await depot.till.orders.label_rates(STAFF, fulfillment_id=depot.parcel)
    assert [(rate.service, rate.price.amount) for rate in rates.rates] == [
        ("economy", 510),
        ("express", 1230),
    ]
    first = await depot.buy()
    again = await depot.buy()
    await depot.hear(times=2)

    parcel = (await depot.now()).fulfillments[0]
    assert (parcel.carrier, parcel.status) == ("Snail Mail", ParcelStatus.PENDING)
    assert parcel.tracking_number == first.fulfillments[0].tracking_number
    assert again.fulfillments == first.fulfillments
    kinds = [entry.kind for entry in (await depot.now()).timeline]
    assert kinds.count("label_bought") == 1
    bought = await depot.till.carriers.impl.labels(SYSTEM_CONTEXT, references=[depot.parcel])
    assert [label.price.amount for label in bought] == [510]


async def test_a_label_that_was_sold_after_the_request_gave_up_numbers_the_parcel(depot: Depot) -> None:
    await depot.till.carriers.impl.buy_label(
        SYSTEM_CONTEXT, reference=depot.parcel, channel="default", carrier="simulated", service="express",
        recipient=depot.order.shipping_address, weight_g=1, value=depot.order.totals.total,
    )  # fmt: skip
    assert (await depot.now()).fulfillments[0].tracking_number is None
    await depot.hear()
    assert (await depot.now()).fulfillments[0].tracking_number is not None


async def test_what_the_carrier_sees_ships_and_delivers_and_tells_the_buyer_once(depot: Depot) -> None:
    await depot.buy()
    for status in (TrackingStatus.IN_TRANSIT, TrackingStatus.OUT_FOR_DELIVERY, TrackingStatus.DELIVERED):
        await depot.scan(status)
    await depot.hear(times=2)

    order = await depot.now()
    assert order.fulfillments[0].status is ParcelStatus.DELIVERED
    assert (order.fulfillment_status, order.status) == (FulfillmentStatus.DELIVERED, OrderStatus.COMPLETED)
    facts = await depot.till.facts()
    assert (facts.count("orders.shipped"), facts.count("orders.delivered")) == (1, 1)
    shipped = await depot.till.db.fetchval(
        "select body from orders.outbox where subject = $1", OrderShipped.subject
    )
    told = msgspec.json.decode(shipped, type=OrderShipped)
    assert (told.carrier, told.tracking_number) == ("Snail Mail", order.fulfillments[0].tracking_number)
    story = [(entry.kind, entry.actor) for entry in order.timeline if entry.actor == "Snail Mail"]
    assert ("fulfillment_shipped", "Snail Mail") in story and ("fulfillment_delivered", "Snail Mail") in story
    await depot.till.assert_books_agree()


async def test_a_parcel_that_nobody_took_in_is_told_and_stays_shipped(depot: Depot) -> None:
    await depot.buy()
    await depot.scan(TrackingStatus.IN_TRANSIT)
    await depot.scan(TrackingStatus.FAILED)
    await depot.hear()
    order = await depot.now()
    assert order.fulfillments[0].status is ParcelStatus.SHIPPED
    assert [entry.text for entry in order.timeline if entry.kind == "parcel_failed"] == [
        "Delivery did not work"
    ]


async def test_a_parcel_that_has_left_gets_no_label(depot: Depot) -> None:
    await depot.till.orders.ship(STAFF, fulfillment_id=depot.parcel)
    with pytest.raises(Conflict, match="illegal_transition"):
        await depot.buy()
    assert await depot.till.carriers.impl.labels(SYSTEM_CONTEXT, references=[depot.parcel]) == []


async def test_a_scan_of_a_canceled_parcel_moves_no_stock(depot: Depot) -> None:
    await depot.buy()
    variant_id = depot.order.lines[0].variant_id
    await depot.till.orders.cancel_fulfillment(STAFF, fulfillment_id=depot.parcel)
    before = await depot.till.levels(variant_id)
    await depot.scan(TrackingStatus.IN_TRANSIT)
    await depot.hear()
    assert (await depot.now()).fulfillments[0].status is ParcelStatus.CANCELED
    assert await depot.till.levels(variant_id) == before
