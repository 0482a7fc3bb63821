"""What carriers keep about people: to whom a parcel went, where it was seen. Number and price stay."""

from uuid import UUID

from mercato.kernel.db import Queries
from mercato.kernel.personal import PersonalTable

_MINE = "t.reference = any(s.parcel_ids)"

TABLES = (
    PersonalTable(
        section="labels", table="carriers.labels", of=_MINE,
        columns="t.asked_at, t.id, t.carrier, t.service, t.tracking_number, t.tracking_url, t.price,"
        " t.currency, t.request -> 'recipient' as recipient, t.bought_at",
        erase="request = jsonb_set(t.request, '{recipient}', jsonb_build_object('name', 'Erased', 'street1',"
        " 'Erased', 'postal_code', '', 'city', '', 'country', t.request -> 'recipient' -> 'country')),"
        " pdf = case when t.pdf is null then null else ''::bytea end, tracking_url = null, error = null",
    ),
    PersonalTable(
        section="label_files", table="carriers.labels", of=f"{_MINE} and length(t.pdf) > 0",
        columns="t.id as name, encode(t.pdf, 'base64') as pdf",
    ),
    PersonalTable(
        section="sightings", table="carriers.sightings",
        of="t.label_id in (select l.id from carriers.labels l where l.reference = any(s.parcel_ids))",
        columns="t.at, t.label_id, t.status, t.place, t.text", erase="place = '', text = ''",
    ),
)  # fmt: skip


async def keys_of(db: Queries, *, parcel_ids: list[UUID]) -> list[str]:
    """The keys under which the carriers know the labels of these parcels."""
    rows = await db.fetch(
        "select request ->> 'key' as key from carriers.labels where reference = any($1)", parcel_ids
    )
    return [row["key"] for row in rows]
