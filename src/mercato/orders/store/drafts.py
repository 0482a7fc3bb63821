"""Draft orders that staff prepared, and the orders that their carts became."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.orders import DraftRow, DraftStatus
from mercato.kernel.db import Queries, Row, Tx


class DraftOrderRow(msgspec.Struct, frozen=True, kw_only=True):
    """A draft as stored; `order_id` once its cart is a placed order."""

    id: UUID
    cart_id: UUID
    status: DraftStatus
    channel: str
    locale: str
    email: str
    customer_id: UUID | None
    promotion_id: UUID | None
    note: str
    created_at: datetime
    created_by: str
    sent_at: datetime | None = None
    expires_at: datetime
    order_id: UUID | None = None
    order_number: str | None = None


_COLUMNS = """d.id, d.cart_id, case when o.id is null then d.status else 'placed' end as status, d.channel, d.locale,
  d.email, d.customer_id, d.promotion_id, d.note, d.created_at, d.created_by, d.sent_at, d.expires_at,
  o.id as order_id, o.number as order_number"""
_FROM = "orders.drafts d left join orders.orders o on o.cart_id = d.cart_id and o.placed_at is not null"


async def insert(tx: Tx, *, draft: DraftOrderRow) -> None:
    await tx.execute(
        "insert into orders.drafts (id, cart_id, status, channel, locale, email, customer_id, promotion_id, note,"
        " created_at, created_by, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        draft.id, draft.cart_id, draft.status, draft.channel, draft.locale, draft.email, draft.customer_id,
        draft.promotion_id, draft.note, draft.created_at, draft.created_by, draft.expires_at,
    )  # fmt: skip


async def get(db: Queries, *, draft_id: UUID) -> DraftOrderRow | None:
    row = await db.fetchrow(f"select {_COLUMNS} from {_FROM} where d.id = $1", draft_id)
    return None if row is None else _draft(row)


async def page(
    db: Queries,
    *,
    status: DraftStatus | None,
    channels: Sequence[str] | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[DraftRow]:
    """Drafts, newest first."""
    at, last = before or (None, None)
    rows = await db.fetch(
        f"select * from (select {_COLUMNS} from {_FROM}) d where ($1::text is null or status = $1)"
        " and ($2::text[] is null or channel = any($2))"
        " and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid)) order by created_at desc, id desc limit $5",
        status, channels, at, last, limit,
    )  # fmt: skip
    names = DraftRow.__struct_fields__
    return [DraftRow(**{**{n: row[n] for n in names}, "status": DraftStatus(row["status"])}) for row in rows]


async def set_sent(tx: Tx, *, draft_id: UUID, now: datetime) -> bool:
    """open or sent → sent. False when it is over."""
    found = await tx.fetchval(
        "update orders.drafts set status = 'sent', sent_at = $2 where id = $1 and status in ('open', 'sent')"
        " and expires_at > $2 returning id",
        draft_id, now,
    )  # fmt: skip
    return found is not None


async def close(db: Queries, *, draft_id: UUID, status: DraftStatus, now: datetime) -> bool:
    """It is over: placed, canceled or expired. False when it was over before."""
    found = await db.fetchval(
        "update orders.drafts set status = $2, closed_at = $3 where id = $1 and status in ('open', 'sent')"
        " returning id",
        draft_id, status, now,
    )  # fmt: skip
    return found is not None


async def take_over_placed(db: Queries, *, now: datetime) -> int:
    """Drafts whose carts are placed orders are placed, and the orders belong to their customers."""
    rows = await db.fetch(
        "with done as (update orders.drafts d set status = 'placed', closed_at = $1 from orders.orders o"
        " where o.cart_id = d.cart_id and o.placed_at is not null and d.status in ('open', 'sent')"
        " returning o.id, d.customer_id)"
        " update orders.orders o set customer_id = done.customer_id from done where o.id = done.id"
        " and o.customer_id is null and done.customer_id is not null returning o.id",
        now,
    )
    return len(rows)


async def expired(db: Queries, *, now: datetime, limit: int) -> list[DraftOrderRow]:
    """Drafts whose time is over, the oldest first."""
    rows = await db.fetch(
        f"select {_COLUMNS} from {_FROM} where d.status in ('open', 'sent') and d.expires_at < $1"
        " order by d.expires_at limit $2",
        now, limit,
    )  # fmt: skip
    return [_draft(row) for row in rows]


def _draft(row: Row) -> DraftOrderRow:
    return DraftOrderRow(**{**dict(row), "status": DraftStatus(row["status"])})
