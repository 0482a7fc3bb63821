"""All SQL of carriers: senders, labels, what was seen of parcels, webhooks."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.carriers.providers.port import CarrierLabel, LabelRequest, Sighting
from mercato.contracts.carriers import Sender, TrackingEvent
from mercato.kernel.db import Queries, Row, Tx

_LABEL = """l.id, l.reference, l.carrier, l.service, l.request, l.tracking_number, l.tracking_url, l.price, l.currency, l.tries,
  l.error, l.bought_at"""

_request = msgspec.json.Decoder(LabelRequest).decode
_tracking = msgspec.json.Decoder(list[TrackingEvent]).decode


class LabelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A label that was asked for; bought once it has a tracking number."""

    id: UUID
    reference: UUID
    carrier: str
    service: str
    request: LabelRequest
    tracking_number: str | None
    tracking_url: str | None
    price: int | None
    currency: str | None
    tries: int
    error: str | None
    bought_at: datetime | None
    tracking: list[TrackingEvent] = []


async def senders(db: Queries) -> list[Sender]:
    rows = await db.fetch("select channel, address, version from carriers.senders order by channel")
    return [_sender(row) for row in rows]


async def sender_of(db: Queries, *, channel: str) -> Sender | None:
    row = await db.fetchrow(
        "select channel, address, version from carriers.senders where channel = $1", channel
    )
    return None if row is None else _sender(row)


async def save_sender(db: Queries, *, sender: Sender) -> Sender | None:
    """Insert version 1, or replace the version that `sender` carries; None when it is another one."""
    row = await db.fetchrow(
        """insert into carriers.senders as s (channel, address, version)
        select $1, $2, 1 where $3::int = 1 or exists (select from carriers.senders where channel = $1)
        on conflict (channel) do update set address = excluded.address, version = s.version + 1 where s.version = $3
        returning channel, address, version""",
        sender.channel, msgspec.json.encode(sender.address).decode(), sender.version,
    )  # fmt: skip
    return None if row is None else _sender(row)


async def ask_for_label(
    db: Queries,
    *,
    label_id: UUID,
    reference: UUID,
    carrier: str,
    request: LabelRequest,
    now: datetime,
    due_at: datetime,
    actor: str,
) -> LabelRow:
    """Note that a label is wanted; the one that was asked for before when there is one for `reference`."""
    row = await db.fetchrow(
        f"""with new as (insert into carriers.labels as l (id, reference, carrier, service, request, asked_at, asked_by, due_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (reference) do nothing returning {_LABEL})
        select * from new union all select {_LABEL} from carriers.labels l where l.reference = $2 limit 1""",
        label_id, reference, carrier, request.service, msgspec.json.encode(request).decode(), now, actor, due_at,
    )  # fmt: skip
    if row is None:  # asked for by another request since this statement began
        row = await db.fetchrow(f"select {_LABEL} from carriers.labels l where l.reference = $1", reference)
    assert row is not None
    return _label(row)


async def book_label(tx: Tx, *, label_id: UUID, bought: CarrierLabel, at: datetime) -> LabelRow | None:
    """The label is bought; None when it was booked before."""
    row = await tx.fetchrow(
        f"""update carriers.labels l set tracking_number = $2, tracking_url = $3, price = $4, currency = $5, pdf = $6,
        bought_at = $7, due_at = null, error = null where id = $1 and tracking_number is null returning {_LABEL}""",
        label_id, bought.tracking_number, bought.tracking_url, bought.price.amount, bought.price.currency,
        bought.pdf, at,
    )  # fmt: skip
    return None if row is None else _label(row)


async def forget_label(db: Queries, *, label_id: UUID) -> None:
    """A label that the carrier refused was never bought: another may be asked for."""
    await db.execute("delete from carriers.labels where id = $1 and tracking_number is null", label_id)


async def postpone_label(db: Queries, *, label_id: UUID, due_at: datetime | None, error: str) -> None:
    await db.execute(
        """update carriers.labels set tries = tries + 1, due_at = $2, error = $3
        where id = $1 and tracking_number is null""",
        label_id, due_at, error,
    )  # fmt: skip


async def due_labels(db: Queries, *, now: datetime, lease_until: datetime, limit: int) -> list[LabelRow]:
    """Labels that were asked for and not answered, taken for a while."""
    rows = await db.fetch(
        f"""update carriers.labels l set due_at = $2 where id in (select id from carriers.labels where due_at <= $1
        order by due_at limit $3 for update skip locked) returning {_LABEL}""",
        now, lease_until, limit,
    )  # fmt: skip
    return [_label(row) for row in rows]


async def labels_for(db: Queries, *, references: Sequence[UUID]) -> list[LabelRow]:
    """Bought labels with what was seen of their parcels, one statement."""
    rows = await db.fetch(
        f"""select {_LABEL}, (select coalesce(json_agg(json_build_object('at', s.at, 'status', s.status, 'place', s.place,
          'text', s.text) order by s.at, s.id), '[]') from carriers.sightings s where s.label_id = l.id) as tracking
        from carriers.labels l where l.reference = any($1) and l.bought_at is not null order by l.bought_at, l.id""",
        references,
    )  # fmt: skip
    return [_label(row) for row in rows]


async def label_by_reference(db: Queries, *, reference: UUID) -> LabelRow | None:
    row = await db.fetchrow(f"select {_LABEL} from carriers.labels l where l.reference = $1", reference)
    return None if row is None else _label(row)


async def label_by_number(db: Queries, *, carrier: str, tracking_number: str) -> LabelRow | None:
    row = await db.fetchrow(
        f"select {_LABEL} from carriers.labels l where l.carrier = $1 and l.tracking_number = $2",
        carrier, tracking_number,
    )  # fmt: skip
    return None if row is None else _label(row)


async def pages_of(db: Queries, *, label_id: UUID) -> tuple[str, bytes] | None:
    """(tracking number, PDF) of a bought label."""
    row = await db.fetchrow(
        "select tracking_number, pdf from carriers.labels where id = $1 and bought_at is not null", label_id
    )
    return None if row is None else (row["tracking_number"], row["pdf"])


async def add_sightings(tx: Tx, *, label_id: UUID, sightings: Sequence[Sighting]) -> set[str]:
    """Note what the carrier saw; returns the ids of those that are new."""
    rows = await tx.fetch(
        """insert into carriers.sightings (label_id, id, at, status, place, text)
        select $1, x.* from unnest($2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[]) x
        on conflict do nothing returning id""",
        label_id, [one.id for one in sightings], [one.at for one in sightings],
        [one.status.value for one in sightings], [one.place for one in sightings],
        [one.text for one in sightings],
    )  # fmt: skip
    return {row["id"] for row in rows}


async def lock_label(tx: Tx, *, label_id: UUID) -> None:
    """News of one parcel are taken one after the other, so that its events keep their order."""
    await tx.execute("select 1 from carriers.labels where id = $1 for no key update", label_id)


async def keep_webhook(
    db: Queries, *, carrier: str, event_id: str, tracking_number: str, due_at: datetime
) -> bool:
    """Whether this webhook is new."""
    found = await db.fetchval(
        """insert into carriers.webhooks (carrier, event_id, tracking_number, due_at) values ($1, $2, $3, $4)
        on conflict do nothing returning true""",
        carrier, event_id, tracking_number, due_at,
    )  # fmt: skip
    return bool(found)


async def mark_webhook(
    db: Queries, *, carrier: str, event_id: str, now: datetime, error: str | None, due_at: datetime
) -> None:
    """It is handled, or it is tried again at `due_at`."""
    await db.execute(
        """update carriers.webhooks set processed_at = case when $4::text is null then $3::timestamptz end,
        tries = tries + 1, error = $4, due_at = $5 where carrier = $1 and event_id = $2""",
        carrier, event_id, now, error, due_at,
    )  # fmt: skip


async def due_webhooks(db: Queries, *, now: datetime, lease_until: datetime, limit: int) -> list[Row]:
    return await db.fetch(
        """update carriers.webhooks w set due_at = $2 where (carrier, event_id) in (select carrier, event_id
        from carriers.webhooks where processed_at is null and due_at <= $1 order by due_at limit $3 for update skip locked)
        returning carrier, event_id, tracking_number""",
        now, lease_until, limit,
    )  # fmt: skip


async def bought_page(db: Queries, *, carrier: str, after: UUID | None, limit: int) -> list[LabelRow]:
    """Bought labels of a carrier in order of id, for `verify`."""
    rows = await db.fetch(
        f"""select {_LABEL} from carriers.labels l where l.carrier = $1 and l.bought_at is not null
        and ($2::uuid is null or l.id > $2) order by l.id limit $3""",
        carrier, after, limit,
    )  # fmt: skip
    return [_label(row) for row in rows]


async def unhandled_webhooks(db: Queries, *, before: datetime) -> int:
    return int(
        await db.fetchval(
            "select count(*) from carriers.webhooks where processed_at is null and received_at < $1", before
        )
    )


def _sender(row: Row) -> Sender:
    return msgspec.convert({**dict(row), "address": msgspec.json.decode(row["address"])}, Sender)


def _label(row: Row) -> LabelRow:
    values: dict[str, Any] = dict(row)
    values["request"] = _request(values["request"])
    if "tracking" in values:
        values["tracking"] = _tracking(values["tracking"])
    return LabelRow(**values)
