"""Labels of parcels: what a parcel weighs and where it goes, its number, and what its carrier saw of it."""

from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from mercato.contracts.carriers import LabelBought, ParcelTracked, Place, RateAnswer, TrackingStatus
from mercato.contracts.orders import ParcelLabel, ParcelStatus
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import Tx
from mercato.kernel.errors import Conflict, NotFound, Unavailable
from mercato.kernel.money import Money
from mercato.orders.actions import parcels
from mercato.orders.actions.carry_out import carry_out
from mercato.orders.domain import LEFT_THE_HOUSE
from mercato.orders.parts import Parts
from mercato.orders.records import StoryRow
from mercato.orders.store import after, reading

SHIP_LEASE = timedelta(seconds=20)
WAITS = frozenset({ParcelStatus.PENDING, ParcelStatus.PACKED})
"""What has not left yet: it may get a label."""
MOVES = frozenset({TrackingStatus.IN_TRANSIT, TrackingStatus.OUT_FOR_DELIVERY, TrackingStatus.DELIVERED})
"""What a carrier only sees of a parcel that it has: the goods have left."""
TOLD = frozenset({TrackingStatus.OUT_FOR_DELIVERY, TrackingStatus.FAILED, TrackingStatus.RETURNED})
"""What gets a row of its own in the timeline; leaving and arriving have theirs already."""
_TEXTS = {
    TrackingStatus.OUT_FOR_DELIVERY: "Out for delivery",
    TrackingStatus.FAILED: "Delivery did not work",
    TrackingStatus.RETURNED: "On its way back",
}


class Parcel(msgspec.Struct, frozen=True):
    """A fulfillment as a carrier sees it."""

    order_id: UUID
    channel: str
    status: ParcelStatus
    recipient: Address
    weight_g: int
    value: Money


async def parcel_of(parts: Parts, *, fulfillment_id: UUID) -> Parcel:
    """What is in the parcel, weighed by the catalog. Raises NotFound."""
    order_id = await after.order_of_parcel(parts.db, fulfillment_id=fulfillment_id)
    view = None if order_id is None else await reading.view(parts.db, order_id=order_id)
    if view is None:
        raise NotFound(detail="There is no such fulfillment.")
    packed = next(each for each in view.parcels if each.id == fulfillment_id)
    lines = {line.id: line for line in view.lines}
    inside = [(lines[each.line_id], each.quantity) for each in packed.lines]
    ctx = msgspec.structs.replace(SYSTEM_CONTEXT, channel=view.channel)
    ids = sorted({line.variant_id for line, _ in inside})
    weights = {each.id: each.weight_g for each in await parts.catalog.sale_variants(ctx, variant_ids=ids)}
    return Parcel(
        order_id=view.id,
        channel=view.channel,
        status=packed.status,
        recipient=view.shipping_address,
        weight_g=sum(weights.get(line.variant_id, 0) * quantity for line, quantity in inside),
        value=Money(sum(line.total * quantity // line.quantity for line, quantity in inside), view.currency),
    )


async def rates(parts: Parts, *, fulfillment_id: UUID) -> RateAnswer:
    parcel = await parcel_of(parts, fulfillment_id=fulfillment_id)
    to = parcel.recipient
    return await parts.carriers.rates(
        SYSTEM_CONTEXT,
        destination=Place(to.country, to.postal_code, to.region),
        weight_g=parcel.weight_g,
        value=parcel.value,
    )


async def of_order(parts: Parts, *, order_id: UUID, with_offers: bool) -> list[ParcelLabel]:
    """The parcels of an order with their labels; with what one would cost where there is none yet.

    Carriers that are away leave their part out: an order is shown without them.
    """
    found = await after.parcels_of(parts.db, order_id=order_id)
    ids = [each.id for each in found if each.status is not ParcelStatus.CANCELED]
    if not ids:
        return []
    try:
        labels = await parts.carriers.labels(SYSTEM_CONTEXT, references=ids)
    except Unavailable:
        labels = []
    bought = {each.reference: each for each in labels}
    shown = []
    for each in found:
        answer = RateAnswer([], [])
        if with_offers and each.status in WAITS and each.id not in bought:
            with suppress(Unavailable):
                answer = await rates(parts, fulfillment_id=each.id)
        shown.append(ParcelLabel(each.id, bought.get(each.id), answer.rates, answer.away))
    return shown


async def buy(parts: Parts, ctx: Context, *, fulfillment_id: UUID, carrier: str, service: str) -> None:
    """The parcel gets its label and number; asked again, the same. Raises what carriers raises."""
    parcel = await parcel_of(parts, fulfillment_id=fulfillment_id)
    if parcel.status not in WAITS:
        raise Conflict(
            "illegal_transition",
            f"A parcel that is {parcel.status} needs no label.",
            data={"status": parcel.status},
        )
    label = await parts.carriers.buy_label(
        SYSTEM_CONTEXT,
        reference=fulfillment_id,
        channel=parcel.channel,
        carrier=carrier,
        service=service,
        recipient=parcel.recipient,
        weight_g=parcel.weight_g,
        value=parcel.value,
    )
    async with parts.db.transaction() as tx:
        await number_parcel(
            parts,
            tx,
            fulfillment_id=fulfillment_id,
            carrier=label.carrier_name,
            tracking_number=label.tracking_number,
            tracking_url=label.tracking_url,
            actor=ctx.principal.label,
        )
        told = {"carrier": carrier, "service": service, "tracking_number": label.tracking_number}
        await parts.acted(tx, ctx, "label_bought", parcel.order_id, told)


async def number_parcel(
    parts: Parts,
    tx: Tx,
    *,
    fulfillment_id: UUID,
    carrier: str,
    tracking_number: str,
    tracking_url: str | None,
    actor: str,
) -> None:
    """The parcel has the number of its label; the second time changes nothing."""
    order_id = await after.order_of_parcel(tx, fulfillment_id=fulfillment_id)
    order = None if order_id is None else await after.lock(tx, order_id=order_id)
    if order is None:
        return
    found = await after.parcels_of(tx, order_id=order.id)
    parcel = next(each for each in found if each.id == fulfillment_id)
    if parcel.tracking_number == tracking_number or parcel.status in LEFT_THE_HOUSE:
        return
    await after.set_tracking(
        tx,
        parcel_id=fulfillment_id,
        carrier=carrier,
        tracking_number=tracking_number,
        tracking_url=tracking_url,
    )
    data = {
        "fulfillment_id": str(fulfillment_id),
        "carrier": carrier,
        "tracking_number": tracking_number,
    }
    story = [StoryRow("label_bought", "Label bought", actor, data)]
    await after.tell(tx, order_id=order.id, at=clock.now(), story=story)
    await after.touch(tx, order_id=order.id)
    parts.tell_after(tx, order.id)


async def take_label(parts: Parts, tx: Tx, fact: LabelBought) -> None:
    """A label was bought, perhaps after the request that wanted it gave up."""
    await number_parcel(
        parts,
        tx,
        fulfillment_id=fact.reference,
        carrier=fact.carrier_name,
        tracking_number=fact.tracking_number,
        tracking_url=fact.tracking_url,
        actor="system",
    )


async def tell_sighting(parts: Parts, tx: Tx, fact: ParcelTracked) -> bool:
    """What the carrier saw goes into the timeline; whether the parcel has to follow it."""
    order_id = await after.order_of_parcel(tx, fulfillment_id=fact.reference)
    if order_id is None:
        return False
    if fact.status in TOLD:
        texts = (fact.text if fact.text != _TEXTS[fact.status] else "", fact.place)
        seen = ", ".join(filter(None, texts))
        data = {"fulfillment_id": str(fact.reference), "reason": seen}
        story = [StoryRow(f"parcel_{fact.status}", _TEXTS[fact.status], fact.carrier_name, data)]
        await after.lock(tx, order_id=order_id)
        await after.tell(tx, order_id=order_id, at=fact.at, story=story)
        await after.touch(tx, order_id=order_id)
        parts.tell_after(tx, order_id)
    return fact.status in MOVES


async def follow(parts: Parts, *, fulfillment_id: UUID, status: TrackingStatus, carrier: str) -> None:
    """The parcel is where its carrier saw it: shipped, and delivered. In any order, as often as told."""
    ctx = msgspec.structs.replace(
        SYSTEM_CONTEXT, principal=msgspec.structs.replace(SYSTEM_CONTEXT.principal, name=carrier)
    )
    try:
        await _ship(parts, ctx, fulfillment_id=fulfillment_id, due=clock.now() + SHIP_LEASE)
        if status is TrackingStatus.DELIVERED:
            await parcels.deliver(parts, ctx, fulfillment_id=fulfillment_id)
    except NotFound:
        return
    except Conflict as error:
        # Canceled meanwhile: a carrier's scan does not bring a parcel back; staff sees both in the timeline.
        if error.code != "illegal_transition":
            raise


async def _ship(parts: Parts, ctx: Context, *, fulfillment_id: UUID, due: datetime) -> None:
    intent = await parcels.begin_shipment(
        parts,
        ctx,
        fulfillment_id=fulfillment_id,
        carrier=None,
        tracking_number=None,
        tracking_url=None,
        due=due,
    )
    if intent is not None:
        await carry_out(parts, intent)
