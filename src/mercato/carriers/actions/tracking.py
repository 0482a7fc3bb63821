"""Where parcels are: a webhook is a hint, the carrier is asked, and what is new is told once."""

from collections.abc import Mapping
from datetime import timedelta

from mercato.carriers import store
from mercato.carriers.engine import Engine
from mercato.contracts.carriers import ParcelTracked
from mercato.kernel import clock
from mercato.kernel.errors import Unavailable
from mercato.kernel.failpoints import failpoint

AGAIN = timedelta(seconds=15)


async def receive(engine: Engine, *, carrier: str, headers: Mapping[str, str], body: bytes) -> None:
    """Take one webhook in; the second delivery of the same event does nothing.

    Raises Invalid: signature_invalid, unknown_carrier. A carrier that is out of reach while we ask it back is
    no error for the sender: the webhook is kept and handled later.
    """
    lower = {name.lower(): value for name, value in headers.items()}
    hint = engine.carrier(carrier).parse_webhook(lower, body)
    is_new = await store.keep_webhook(
        engine.database,
        carrier=carrier,
        event_id=hint.event_id,
        tracking_number=hint.tracking_number,
        due_at=clock.now() + AGAIN,
    )
    failpoint("carriers.webhook_stored")
    if is_new:
        await handle(engine, carrier=carrier, event_id=hint.event_id, tracking_number=hint.tracking_number)


async def handle(engine: Engine, *, carrier: str, event_id: str, tracking_number: str) -> None:
    """Bring the parcel that a kept webhook names up to date."""
    error = None
    try:
        await look(engine, carrier=carrier, tracking_number=tracking_number)
    except Unavailable as caught:
        error = str(caught)
    now = clock.now()
    await store.mark_webhook(
        engine.database, carrier=carrier, event_id=event_id, now=now, error=error, due_at=now + AGAIN
    )


async def look(engine: Engine, *, carrier: str, tracking_number: str) -> None:
    """Ask the carrier where a parcel of ours is; each thing it saw is told once, in its order."""
    label = await store.label_by_number(engine.database, carrier=carrier, tracking_number=tracking_number)
    if label is None:
        return
    seen = await engine.ask(carrier, lambda one: one.track(tracking_number))
    async with engine.database.transaction() as tx:
        await store.lock_label(tx, label_id=label.id)
        new = await store.add_sightings(tx, label_id=label.id, sightings=seen)
        facts = [
            ParcelTracked(
                reference=label.reference,
                label_id=label.id,
                carrier=carrier,
                carrier_name=engine.carrier(carrier).name,
                tracking_number=tracking_number,
                tracking_url=label.tracking_url,
                status=one.status,
                at=one.at,
                place=one.place,
                text=one.text,
            )
            for one in seen
            if one.id in new
        ]
        if facts:
            await engine.outbox.add(tx, *facts)


async def handle_due(engine: Engine, *, limit: int) -> None:
    """Webhooks whose carrier was away when they came."""
    now = clock.now()
    for row in await store.due_webhooks(engine.database, now=now, lease_until=now + AGAIN, limit=limit):
        await handle(
            engine,
            carrier=row["carrier"],
            event_id=row["event_id"],
            tracking_number=row["tracking_number"],
        )
