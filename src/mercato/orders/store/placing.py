"""Drafts: recorded, finalized, refused, put off, taken by the sweeper. One guarded statement each.

Every insert of a statement hangs on its first row (`from draft`, `from placed`): when the guard does not
match, nothing at all is written, and running a step again is safe.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.orders import OrderStatus
from mercato.contracts.payments import CreditUse
from mercato.kernel.db import Queries, Row
from mercato.kernel.messaging.outbox import EventRows
from mercato.orders.domain import Amounts, Awaiting
from mercato.orders.records import Draft, LineRow, PaymentRow, Snapshot, StoryRow, search_terms

_lines = msgspec.json.Decoder(list[LineRow])
_credits = msgspec.json.Decoder(list[CreditUse])

DRAFT_COLUMNS = """o.id, o.cart_id, o.number, o.status, o.version, o.attempt, o.awaiting, o.due, o.waiting_since,
  o.waiting_until, o.tries, o.decline_code, o.provider, o.payment_token, o.return_url, o.cart_token_digest,
  o.customer_id, o.email, o.name, o.locale, o.channel, o.currency, o.total, o.due_amount,
  o.authorized, o.captured, o.refunded, o.voided, o.credits, o.tax_id,
  (select json_agg(l order by l.position) from orders.lines l where l.order_id = o.id and l.attempt = o.attempt)
    as lines"""

BEGUN = "Checkout begun"
"""The first line of every order's timeline."""

_RECORD = """
with draft as (
  insert into orders.orders as o (id, cart_id, number, status, due, provider, payment_token, return_url,
    cart_token_digest, customer_id, email, name, locale, channel, currency, total, due_amount,
    subtotal, discount, delivery_price, tax, tax_included, paid_by_credit, item_count,
    shipping_address, billing_address, delivery, tax_lines, coupons, note, created_at, credits, tax_id)
  values ($1, $2, $3, 'draft', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
    $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $48::jsonb, $49)
  on conflict (cart_id) do update set status = 'draft', attempt = o.attempt + 1, version = o.version + 1,
    due = excluded.due, awaiting = null, tries = 0, decline_code = null,
    waiting_since = null, waiting_until = null, last_error = null, provider = excluded.provider,
    payment_token = excluded.payment_token, return_url = excluded.return_url,
    cart_token_digest = excluded.cart_token_digest, customer_id = excluded.customer_id, email = excluded.email,
    name = excluded.name, locale = excluded.locale, channel = excluded.channel, currency = excluded.currency,
    total = excluded.total, due_amount = excluded.due_amount, subtotal = excluded.subtotal,
    discount = excluded.discount, delivery_price = excluded.delivery_price, tax = excluded.tax,
    tax_included = excluded.tax_included, paid_by_credit = excluded.paid_by_credit,
    item_count = excluded.item_count, shipping_address = excluded.shipping_address,
    billing_address = excluded.billing_address, delivery = excluded.delivery, tax_lines = excluded.tax_lines,
    coupons = excluded.coupons, note = excluded.note, credits = excluded.credits,
    tax_id = excluded.tax_id
  where o.status = 'expired' and o.due is null and o.parked_at is null
  returning o.id, o.number, o.attempt, o.version),
lines as (
  insert into orders.lines (order_id, attempt, position, id, variant_id, product_id, slug, name, options, sku,
    image, quantity, unit_price, list_price, discounts, tax, total, gift_card)
  select draft.id, draft.attempt, x.* from draft, unnest($31::int[], $32::uuid[], $33::uuid[], $34::uuid[],
    $35::text[], $36::text[], $37::jsonb[], $38::text[], $39::text[], $40::int[], $41::bigint[], $42::bigint[],
    $43::jsonb[], $44::bigint[], $45::bigint[], $50::jsonb[]) x),
story as (
  insert into orders.timeline (order_id, at, kind, actor, text, data)
  select draft.id, $30, 'created', $46, $47, jsonb_build_object('attempt', draft.attempt) from draft)
select id, number, attempt, version from draft"""

_FINALIZE = """
with placed as (
  update orders.orders o set status = 'placed', placed_at = $3::timestamptz, due = null, awaiting = null,
    payment_token = null, waiting_since = null, waiting_until = null, tries = 0,
    last_error = null, payment_status = $4, authorized = $5, captured = $6,
    paid_at = case when $7 then $3::timestamptz end, version = version + 1
  where id = $1 and attempt = $2 and status = 'draft'
  returning o.id, o.channel, o.currency, o.item_count, o.total),
money as (
  insert into orders.payments as p (id, order_id, provider, authorized, captured, refunded, voided)
  select x.id, placed.id, x.provider, x.authorized, x.captured, 0, 0
  from placed, unnest($8::uuid[], $9::text[], $20::bigint[], $21::bigint[]) x(id, provider, authorized, captured)
  on conflict (id) do update set authorized = greatest(p.authorized, excluded.authorized),
    captured = greatest(p.captured, excluded.captured)),
story as (
  insert into orders.timeline (order_id, at, kind, actor, text, data)
  select placed.id, $3, x.kind, x.actor, x.text, x.data
  from placed, unnest($10::text[], $11::text[], $12::text[], $13::jsonb[])
    with ordinality x(kind, actor, text, data, position) order by x.position),
found as (
  insert into orders.search (order_id, terms) select placed.id, array_to_tsvector($14::text[]) from placed
  on conflict (order_id) do nothing),
books as (
  insert into orders.sales (id, order_id, kind, at, channel, currency, units, amount)
  select $15::uuid, id, 'sale', $3, channel, currency, item_count, total from placed),
facts as (
  insert into orders.outbox (id, subject, key, body)
  select x.* from placed, unnest($16::uuid[], $17::text[], $18::uuid[], $19::bytea[]) x)
select (select coalesce(sum(authorized + captured + refunded + voided), 0)::bigint from orders.payments
  where order_id = $1) as known from placed"""

_REFUSE = """
with refused as (
  update orders.orders set status = 'expired', awaiting = 'release', due = $4, decline_code = $3,
    payment_token = null, waiting_since = null, waiting_until = null, tries = 0,
    version = version + 1
  where id = $1 and attempt = $2 and status = 'draft' returning id),
story as (
  insert into orders.timeline (order_id, at, kind, actor, text, data)
  select id, $5, $6, 'system', $7, $8::jsonb from refused)
select id from refused"""


async def draft_of_cart(db: Queries, *, cart_id: UUID) -> Draft | None:
    """The order that this cart became or is becoming."""
    row = await db.fetchrow(f"select {DRAFT_COLUMNS} from orders.orders o where cart_id = $1", cart_id)
    return None if row is None else draft_of_row(row)


async def draft(db: Queries, *, order_id: UUID) -> Draft | None:
    row = await db.fetchrow(f"select {DRAFT_COLUMNS} from orders.orders o where id = $1", order_id)
    return None if row is None else draft_of_row(row)


async def record(db: Queries, *, draft: Draft, snapshot: Snapshot) -> Draft | None:
    """Write the draft, or open the refused one of this cart again. None when the cart has another order."""
    row = await db.fetchrow(
        _RECORD,
        draft.id, draft.cart_id, draft.number, draft.due, draft.provider, draft.payment_token, draft.return_url,
        draft.cart_token_digest, draft.customer_id, draft.email, draft.name, draft.locale, draft.channel,
        draft.currency, draft.total, draft.due_amount, snapshot.subtotal, snapshot.discount,
        snapshot.delivery_price, snapshot.tax, snapshot.tax_included, snapshot.paid_by_credit,
        snapshot.item_count, _json(snapshot.shipping_address), _json(snapshot.billing_address),
        _json(snapshot.delivery), _json(snapshot.tax_lines), snapshot.coupons, snapshot.note, snapshot.at,
        *line_columns(draft.lines), snapshot.by, BEGUN, _json(draft.credits),
        draft.tax_id, [None if line.gift_card is None else _json(line.gift_card) for line in draft.lines],
    )  # fmt: skip
    if row is None:
        return None
    return msgspec.structs.replace(
        draft, id=row["id"], number=row["number"], attempt=row["attempt"], version=row["version"]
    )


async def finalize(
    db: Queries,
    *,
    draft: Draft,
    now: datetime,
    status: str,
    paid: Amounts,
    is_paid: bool,
    payments: Sequence[PaymentRow],
    story: Sequence[StoryRow],
    sale_id: UUID,
    facts: EventRows,
) -> int | None:
    """draft → placed with everything that follows from it.

    None when another has placed or refused it. Otherwise the sum of the amounts that orders.payments held
    before: more than nothing means that news of payments overtook us.
    """
    known: int | None = await db.fetchval(
        _FINALIZE,
        draft.id, draft.attempt, now, status, paid.authorized, paid.captured, is_paid,
        [one.id for one in payments], [one.provider for one in payments], *story_columns(story), search_terms(draft), sale_id,
        *facts, [one.authorized for one in payments], [one.captured for one in payments],
    )  # fmt: skip
    return known


async def refuse(
    db: Queries,
    *,
    draft: Draft,
    code: str,
    now: datetime,
    due: datetime,
    story: StoryRow,
) -> bool:
    """draft → expired; its stock and cart are still to be released. False when it is no draft any more."""
    return (
        await db.fetchval(
            _REFUSE, draft.id, draft.attempt, code, due, now, story.kind, story.text, _json(story.data)
        )
        is not None
    )


async def released(db: Queries, *, draft: Draft) -> None:
    """The refused draft has given everything back: its cart may be tried again."""
    await db.execute(
        "update orders.orders set awaiting = null, due = null, tries = 0"
        " where id = $1 and attempt = $2 and status = 'expired' and awaiting = 'release'",
        draft.id, draft.attempt,
    )  # fmt: skip


async def wait(
    db: Queries,
    *,
    draft: Draft,
    awaiting: Awaiting,
    now: datetime,
    until: datetime,
    due: datetime,
) -> bool:
    """The draft waits for its shopper or its provider until `until`; looked at again at `due`."""
    return (
        await db.fetchval(
            "update orders.orders set awaiting = $3, due = $4, tries = 0, last_error = null,"
            " waiting_since = coalesce(waiting_since, $5),"
            " waiting_until = case when awaiting is not distinct from $3 then coalesce(waiting_until, $6)"
            " else $6 end"
            " where id = $1 and attempt = $2 and status = 'draft' returning id",
            draft.id,
            draft.attempt,
            awaiting,
            due,
            now,
            until,
        )
        is not None
    )


async def hand_over(db: Queries, *, draft: Draft, due: datetime) -> None:
    """Whoever was at work on this attempt is not any more: look at it at `due` unless it is done."""
    await db.execute(
        "update orders.orders set due = $3 where id = $1 and attempt = $2 and due > $3",
        draft.id, draft.attempt, due,
    )  # fmt: skip


async def orders_of_carts(db: Queries, *, cart_ids: Sequence[UUID]) -> dict[UUID, Draft]:
    """The orders of these carts, by cart id."""
    rows = await db.fetch(f"select {DRAFT_COLUMNS} from orders.orders o where cart_id = any($1)", cart_ids)
    return {row["cart_id"]: draft_of_row(row) for row in rows}


def story_columns(story: Sequence[StoryRow]) -> tuple[list[str], list[str], list[str], list[str]]:
    """(kinds, actors, texts, data) for `unnest`."""
    return (
        [row.kind for row in story],
        [row.actor for row in story],
        [row.text for row in story],
        [_json(row.data) for row in story],
    )


def draft_of_row(row: Row) -> Draft:
    """The draft in a row of DRAFT_COLUMNS."""
    values = dict(row)
    paid = Amounts(*(values.pop(name) for name in ("authorized", "captured", "refunded", "voided")))
    lines = values.pop("lines")
    values["credits"] = _credits.decode(values["credits"])
    values["status"] = OrderStatus(values["status"])
    values["awaiting"] = Awaiting(values["awaiting"]) if values["awaiting"] else None
    return Draft(**values, paid=paid, lines=_lines.decode(lines) if lines else [])


def line_columns(lines: Sequence[LineRow]) -> tuple[list[Any], ...]:
    """The columns of lines for `unnest`, from position to total."""
    return (
        [line.position for line in lines],
        [line.id for line in lines],
        [line.variant_id for line in lines],
        [line.product_id for line in lines],
        [line.slug for line in lines],
        [line.name for line in lines],
        [_json(line.options) for line in lines],
        [line.sku for line in lines],
        [line.image for line in lines],
        [line.quantity for line in lines],
        [line.unit_price for line in lines],
        [line.list_price for line in lines],
        [_json(line.discounts) for line in lines],
        [line.tax for line in lines],
        [line.total for line in lines],
    )


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
