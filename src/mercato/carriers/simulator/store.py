"""All SQL on the simulated carrier's books."""

from datetime import datetime

import msgspec

from mercato.carriers.providers.port import LabelRequest
from mercato.kernel.db import Queries, Row

_PARCEL = "key, tracking_number, service, price, currency, weight_g, at"


async def fault(db: Queries) -> str:
    """How the carrier answers at the moment; empty: well."""
    found: str | None = await db.fetchval("select fault from simulated_carrier.faults")
    return found or ""


async def set_fault(db: Queries, *, fault: str) -> None:
    await db.execute(
        "insert into simulated_carrier.faults (fault) values ($1) on conflict (only_one) do update set fault = excluded.fault",
        fault,
    )


async def book(
    db: Queries, request: LabelRequest, *, tracking_number: str, price: int, text: str, at: datetime
) -> Row:
    """Book a parcel with its first scan; the one that is booked already when the key is known."""
    row = await db.fetchrow(
        f"""with new as (insert into simulated_carrier.parcels (key, tracking_number, service, price, currency, sender, recipient, weight_g, at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (key) do nothing returning {_PARCEL}),
          scan as (insert into simulated_carrier.scans (tracking_number, status, place, text, at)
            select tracking_number, 'created', $10, $11, $9 from new)
          select {_PARCEL} from new union all select {_PARCEL} from simulated_carrier.parcels where key = $1 limit 1""",
        request.key, tracking_number, request.service, price, request.value.currency,
        msgspec.json.encode(request.sender).decode(), msgspec.json.encode(request.recipient).decode(),
        request.weight_g, at, request.sender.city, text,
    )  # fmt: skip
    if row is None:  # booked by another request since this statement began
        row = await db.fetchrow(
            f"select {_PARCEL} from simulated_carrier.parcels where key = $1", request.key
        )
    assert row is not None
    return row


async def scan(
    db: Queries, *, tracking_number: str, status: str, place: str | None, text: str, at: datetime
) -> bool:
    """Note what was seen, once per status, with a webhook to send; False for a number that is not known."""
    return bool(
        await db.fetchval(
            """with parcel as (select tracking_number, coalesce($3, recipient ->> 'city') as place from simulated_carrier.parcels where tracking_number = $1),
            scan as (insert into simulated_carrier.scans (tracking_number, status, place, text, at)
              select tracking_number, $2, place, $4, $5 from parcel on conflict do nothing returning id, tracking_number),
            hook as (insert into simulated_carrier.webhooks (scan_id, tracking_number) select id, tracking_number from scan)
            select true from parcel""",
            tracking_number, status, place, text, at,
        )
    )  # fmt: skip


async def scans(db: Queries, *, tracking_number: str) -> list[Row]:
    return await db.fetch(
        "select id, status, place, text, at from simulated_carrier.scans where tracking_number = $1 order by id",
        tracking_number,
    )


async def waiting_webhooks(db: Queries, *, limit: int) -> list[Row]:
    return await db.fetch(
        "select scan_id, tracking_number from simulated_carrier.webhooks where delivered_at is null order by scan_id limit $1",
        limit,
    )


async def mark_delivered(db: Queries, *, scan_id: int, at: datetime) -> None:
    await db.execute(
        "update simulated_carrier.webhooks set delivered_at = $2 where scan_id = $1", scan_id, at
    )


async def known(db: Queries, *, keys: list[str]) -> dict[str, tuple[str, int]]:
    """(tracking number, price) of the parcels with these keys."""
    rows = await db.fetch(
        "select key, tracking_number, price from simulated_carrier.parcels where key = any($1)", keys
    )
    return {row["key"]: (row["tracking_number"], row["price"]) for row in rows}


async def count(db: Queries) -> int:
    return int(await db.fetchval("select count(*) from simulated_carrier.parcels"))


async def forget(db: Queries, *, keys: list[str]) -> None:
    """Keep of these parcels what was sold, not to whom nor where they were seen."""
    await db.execute(
        "with mine as (update simulated_carrier.parcels p set recipient = jsonb_build_object('name', 'Erased',"
        "   'street1', 'Erased', 'postal_code', '', 'city', '', 'country', p.recipient -> 'country')"
        "   where p.key = any($1) returning p.tracking_number)"
        " update simulated_carrier.scans s set place = '', text = '' from mine"
        " where s.tracking_number = mine.tracking_number",
        keys,
    )
