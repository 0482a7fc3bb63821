"""SQL of stock alerts: who waits for which variant."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.kernel.db import Queries, Row

# Nobody waits for more than $8 goods at once. Whoever was told before may wait again.
ADD = """insert into notifications.stock_alerts as a
     (id, variant_id, email, locale, name, path, client, created_at)
   select $1, $2, $3, $4, $5, $6, $7, $9 where (select count(*) from notifications.stock_alerts w
     where lower(w.email) = lower($3) and w.notified_at is null) < $8
   on conflict (variant_id, lower(email)) do update set id = excluded.id, locale = excluded.locale,
     name = excluded.name, path = excluded.path, client = excluded.client, created_at = excluded.created_at,
     notified_at = null where a.notified_at is not null"""
TAKE = """with back as (select variant_id, min(event_id::text)::uuid as event_id
     from unnest($1::uuid[], $2::uuid[]) b(event_id, variant_id) group by 1)
   update notifications.stock_alerts a set notified_at = $3 from back
   where a.variant_id = back.variant_id and a.notified_at is null
   returning a.id, a.variant_id, a.email, a.locale, a.name, a.path, back.event_id"""


async def asked_by(db: Queries, *, client: bytes, since: datetime) -> int:
    """How many alerts this client has asked for since then."""
    count: int = await db.fetchval(
        "select count(*) from notifications.stock_alerts where client = $1 and created_at > $2", client, since
    )
    return count


async def add(
    db: Queries,
    *,
    alert_id: UUID,
    variant_id: UUID,
    email: str,
    locale: str,
    name: str,
    path: str,
    client: bytes,
    most: int,
    now: datetime,
) -> None:
    """Note that `email` waits; nothing when it does already, or waits for `most` goods."""
    await db.execute(ADD, alert_id, variant_id, email, locale, name, path, client, most, now)


async def take(
    db: Queries, *, event_ids: Sequence[UUID], variant_ids: Sequence[UUID], now: datetime
) -> list[Row]:
    """Everyone who waits for these variants, each once; from now on they were told."""
    return await db.fetch(TAKE, event_ids, variant_ids, now)


async def forget_address_of(db: Queries, *, alert_id: UUID) -> None:
    """Forget all that the address of this alert waits for, and has waited for."""
    await db.execute(
        "delete from notifications.stock_alerts where lower(email) ="
        " (select lower(email) from notifications.stock_alerts where id = $1)",
        alert_id,
    )


async def sweep(db: Queries, *, waiting_before: datetime, notified_before: datetime) -> None:
    await db.execute(
        "delete from notifications.stock_alerts where created_at < $1 or notified_at < $2",
        waiting_before, notified_before,
    )  # fmt: skip
