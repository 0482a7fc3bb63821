"""Draft orders that staff prepared, and the orders that their carts became."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.orders import DraftInput, DraftRow, DraftStatus
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
    version: int = 1
    wish: DraftInput | None = None
    """What was asked for; not known of drafts of old."""


class NextDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A change that is being made: the cart that takes the place of the present one."""

    wish: DraftInput
    cart_id: UUID
    promotion_id: UUID | None
    expires_at: datetime
    actor: str


_wish = msgspec.json.Decoder(DraftInput)
_next = msgspec.json.Decoder(NextDraft)

_COLUMNS = """d.id, d.cart_id, case when o.id is null then d.status else 'placed' end as status, d.channel, d.locale,
  d.email, d.customer_id, d.promotion_id, d.note, d.created_at, d.created_by, d.sent_at, d.expires_at,
  o.id as order_id, o.number as order_number, d.version, d.wish"""
_FROM = "orders.drafts d left join orders.orders o on o.cart_id = d.cart_id and o.placed_at is not null"


async def insert(tx: Tx, *, draft: DraftOrderRow) -> bool:
    """False when a draft of this id was made before."""
    made = await tx.fetchval(
        "insert into orders.drafts (id, cart_id, status, channel, locale, email, customer_id, promotion_id, note,"
        " created_at, created_by, expires_at, wish) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        " on conflict (id) do nothing returning true",
        draft.id, draft.cart_id, draft.status, draft.channel, draft.locale, draft.email, draft.customer_id,
        draft.promotion_id, draft.note, draft.created_at, draft.created_by, draft.expires_at, _json(draft.wish),
    )  # fmt: skip
    return made is not None


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


async def set_delivery(db: Queries, *, draft_id: UUID, method_id: UUID) -> None:
    """How it is delivered was chosen anew: a change like any other."""
    await db.execute(
        "update orders.drafts set version = version + 1,"
        " wish = jsonb_set(wish, '{delivery_method_id}', to_jsonb($2::uuid)) where id = $1",
        draft_id, method_id,
    )  # fmt: skip


async def begin_change(tx: Tx, *, draft_id: UUID, version: int, following: NextDraft, now: datetime) -> bool:
    """Write the change down. False when the draft is over, of another version, or being changed already."""
    found = await tx.fetchval(
        "update orders.drafts set next = $3, next_at = $4, version = version + 1 where id = $1 and version = $2"
        " and next is null and status in ('open', 'sent') and expires_at > $4 returning id",
        draft_id, version, _json(following), now,
    )  # fmt: skip
    return found is not None


async def finish_change(db: Queries, *, draft_id: UUID, following: NextDraft) -> bool:
    """The new cart is that of the draft. False when it is over, or the change was finished before."""
    wish = following.wish
    found = await db.fetchval(
        "update orders.drafts set cart_id = $2, email = $3, customer_id = $4, promotion_id = $5, note = $6,"
        " expires_at = $7, wish = $8, next = null, next_at = null where id = $1 and status in ('open', 'sent')"
        " and (next ->> 'cart_id')::uuid = $2 returning id",
        draft_id, following.cart_id, wish.email, wish.customer_id, following.promotion_id, wish.note,
        following.expires_at, _json(wish),
    )  # fmt: skip
    return found is not None


async def drop_change(db: Queries, *, draft_id: UUID, cart_id: UUID) -> None:
    """The change is given up; the draft stays as it was."""
    await db.execute(
        "update orders.drafts set next = null, next_at = null where id = $1 and (next ->> 'cart_id')::uuid = $2",
        draft_id, cart_id,
    )  # fmt: skip


async def half_changed(db: Queries, *, before: datetime, limit: int) -> list[tuple[DraftOrderRow, NextDraft]]:
    """Drafts whose change began long ago and did not end."""
    rows = await db.fetch(
        f"select {_COLUMNS}, d.next from {_FROM} where d.next is not null and d.next_at < $1"
        " order by d.next_at limit $2",
        before, limit,
    )  # fmt: skip
    return [_changing(row) for row in rows]


async def change_of(db: Queries, *, draft_id: UUID) -> tuple[DraftOrderRow, NextDraft] | None:
    """The draft with the change of it that has not ended; None when there is none."""
    row = await db.fetchrow(
        f"select {_COLUMNS}, d.next from {_FROM} where d.id = $1 and d.next is not null", draft_id
    )
    return None if row is None else _changing(row)


def _changing(row: Row) -> tuple[DraftOrderRow, NextDraft]:
    values = dict(row)
    following = _next.decode(values.pop("next"))
    return _made(values), following


def _draft(row: Row) -> DraftOrderRow:
    return _made(dict(row))


def _made(values: dict[str, Any]) -> DraftOrderRow:
    wish = _wish.decode(values["wish"]) if values["wish"] else None
    return DraftOrderRow(**{**values, "status": DraftStatus(values["status"]), "wish": wish})


def _json(value: msgspec.Struct | None) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
