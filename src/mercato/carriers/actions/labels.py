"""Labels: asked for once per reference, bought once whatever is lost on the way."""

from datetime import timedelta
from uuid import UUID

import structlog

from mercato.carriers import store
from mercato.carriers.engine import Engine
from mercato.carriers.providers.port import LabelRequest
from mercato.carriers.store import LabelRow
from mercato.contracts.carriers import LabelBought
from mercato.contracts.shared import Address
from mercato.kernel import clock
from mercato.kernel.errors import Conflict, Invalid, MercatoError, Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money

LEASE = timedelta(seconds=20)
WAITS_S = (30, 120, 600, 3600)
"""Seconds before a label that nobody knows the fate of is asked for again; then staff has to."""

log = structlog.get_logger()


async def buy(
    engine: Engine,
    *,
    reference: UUID,
    channel: str,
    carrier: str,
    service: str,
    recipient: Address,
    weight_g: int,
    value: Money,
    actor: str,
) -> LabelRow:
    """The label of `reference`. Raises Invalid, Conflict: sender_unknown, label_exists; Unavailable."""
    if service not in {each.code for each in engine.carrier(carrier).services}:
        raise Invalid("unknown_service", "The carrier has no such service.")
    sender = await store.sender_of(engine.database, channel=channel)
    if sender is None:
        raise Conflict("sender_unknown", "Say first where parcels leave from: Delivery, Sender.")
    label_id, now = new_id(), clock.now()
    request = LabelRequest(f"label:{label_id}", service, sender.address, recipient, weight_g, value)
    label = await store.ask_for_label(
        engine.database, label_id=label_id, reference=reference, carrier=carrier, request=request,
        now=now, due_at=now + LEASE, actor=actor,
    )  # fmt: skip
    if (label.carrier, label.service) != (carrier, service):
        raise Conflict(
            "label_exists", "Another label was asked for already.", data={"carrier": label.carrier}
        )
    if label.tracking_number is not None:
        return label
    return await finish(engine, label)


async def finish(engine: Engine, label: LabelRow) -> LabelRow:
    """Ask the carrier for a label that was noted, with the same key as before, and book it."""
    try:
        bought = await engine.ask(label.carrier, lambda carrier: carrier.label(label.request))
    except (Invalid, Conflict):
        await store.forget_label(engine.database, label_id=label.id)
        raise
    except Unavailable as error:
        wait_s = WAITS_S[label.tries] if label.tries < len(WAITS_S) else None
        due_at = None if wait_s is None else clock.now() + timedelta(seconds=wait_s)
        await store.postpone_label(engine.database, label_id=label.id, due_at=due_at, error=str(error))
        raise
    failpoint("carriers.label_sold")
    async with engine.database.transaction() as tx:
        booked = await store.book_label(tx, label_id=label.id, bought=bought, at=clock.now())
        if booked is not None:
            await engine.outbox.add(tx, _fact(engine, booked))
    found = booked or await store.label_by_reference(engine.database, reference=label.reference)
    assert found is not None
    return found


async def finish_due(engine: Engine, *, limit: int) -> None:
    """Labels that were asked for and never answered are asked for again: one may have been sold."""
    now = clock.now()
    for label in await store.due_labels(engine.database, now=now, lease_until=now + LEASE, limit=limit):
        try:
            await finish(engine, label)
        except MercatoError as error:
            log.info("label is not bought yet", label=str(label.id), error=str(error))


def _fact(engine: Engine, label: LabelRow) -> LabelBought:
    assert label.tracking_number is not None
    return LabelBought(
        reference=label.reference,
        label_id=label.id,
        carrier=label.carrier,
        carrier_name=engine.carrier(label.carrier).name,
        tracking_number=label.tracking_number,
        tracking_url=label.tracking_url,
    )
