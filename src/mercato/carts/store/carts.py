"""A cart with its lines in one statement: read, create, edit, delete.

A statement sees the tables as they were when it began: a line it writes itself is united with the stored
ones by hand, and when another edit came between (`seen_version`), the caller reads again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from mercato.carts.domain import LIFETIME, MAX_QUANTITY, RENEWAL_MARGIN, LineState
from mercato.contracts.carts import MAX_LINES, CartStatus
from mercato.contracts.shared import Address
from mercato.kernel.db import Queries, Row


class Owner(msgspec.Struct, frozen=True, gc=False):
    """Who may touch a cart: whoever has its token, the customer it belongs to, or Mercato itself."""

    token_hash: bytes | None
    customer_id: UUID | None
    is_system: bool = False


class CartState(msgspec.Struct, frozen=True):
    """A cart as stored, with its lines in the order they were added."""

    id: UUID
    status: CartStatus
    channel: str
    currency: str
    customer_id: UUID | None
    email: str | None
    shipping_address: Address | None
    billing_address: Address | None
    delivery_method_id: UUID | None
    note: str | None
    coupons: list[str]
    version: int
    updated_at: datetime
    expires_at: datetime
    frozen: bytes | None
    lines: list[LineState]
    gift_cards: list[UUID] = []
    use_credit: bool = False
    tax_id: str | None = None


_COLUMNS = """c.id, c.status, c.channel, c.currency, c.customer_id, c.email, c.shipping_address, c.billing_address, c.delivery_method_id, c.note, c.coupons,
   c.version, c.updated_at, c.expires_at, c.frozen, c.gift_cards, c.use_credit, c.tax_id"""
_OWNED = "c.id = $1 and (c.token_hash = $2 or c.customer_id = $3 or $4::bool)"
_TOUCH = f"""version = c.version + 1, updated_at = $5,
   expires_at = case when c.expires_at < $5::timestamptz + interval '{(LIFETIME - RENEWAL_MARGIN).days} days' then $5::timestamptz + interval '{LIFETIME.days} days' else c.expires_at end"""
_SEEN = "(select x.version from carts.carts x where x.id = $1) as seen_version"


def _lines(source: str) -> str:
    """The lines of `source` as one array per column, in order of their ids."""
    return f"""(select array_agg(l.id) as line_ids, array_agg(l.variant_id) as variant_ids, array_agg(l.quantity) as quantities,
     array_agg(l.custom) as customs, array_agg(l.price_seen) as prices_seen from (select * from ({source}) s order by s.id) l) lines"""


_LINE = "id, variant_id, quantity, custom, price_seen"
_STORED = f"select {_LINE} from carts.lines where cart_id = c.id"
_ARRAYS = "lines.line_ids, lines.variant_ids, lines.quantities, lines.customs, lines.prices_seen"
_EDIT = f"c as (update carts.carts c set {_TOUCH} where {_OWNED} and c.status = 'open' returning c.*)"

GET = f"select {_COLUMNS}, {_ARRAYS} from carts.carts c cross join lateral {_lines(_STORED)} where {_OWNED}"
MINE = f"""select {_COLUMNS}, {_ARRAYS} from (select * from carts.carts where customer_id = $1 and status = 'open' order by updated_at desc, id desc limit 1) c
   cross join lateral {_lines(_STORED)}"""
COUNT = f"""select coalesce(sum(l.quantity), 0)::int from carts.carts c join carts.lines l on l.cart_id = c.id where {_OWNED} and c.status = 'open'"""
CREATE = """with c as (insert into carts.carts (id, token_hash, channel, currency, customer_id, email, created_at, updated_at, expires_at)
     values ($1, $2, $3, $4, $5, $6, $7, $7, $8) returning id)
   insert into carts.lines (id, cart_id, variant_id, quantity, custom, custom_hash, price_seen)
   select l.id, c.id, l.variant_id, l.quantity, l.custom::jsonb, l.custom_hash, l.price_seen
   from c, unnest($9::uuid[], $10::uuid[], $11::int[], $12::text[], $13::bytea[], $14::bigint[]) l(id, variant_id, quantity, custom, custom_hash, price_seen)"""
# $12 is the most units of the variant that the cart may hold; null is no limit. Refused, nothing is touched.
ADD_LINE = f"""with c as (update carts.carts c set {_TOUCH} where {_OWNED} and c.status = 'open' and ($12::int is null
     or $8 + (select coalesce(sum(x.quantity), 0) from carts.lines x where x.cart_id = $1 and x.variant_id = $7) <= $12) returning c.*),
   room as (select count(*) < {MAX_LINES} or bool_or(variant_id = $7 and custom_hash = $10) as yes from carts.lines where cart_id = $1),
   n as (insert into carts.lines as l (id, cart_id, variant_id, quantity, custom, custom_hash, price_seen) select $6, c.id, $7, $8, $9::jsonb, $10, $11 from c, room where room.yes
     on conflict (cart_id, variant_id, custom_hash) do update set quantity = least(l.quantity + excluded.quantity, {MAX_QUANTITY}), price_seen = excluded.price_seen
     returning {_LINE})
   select {_COLUMNS}, {_ARRAYS}, {_SEEN}, exists (select from n) as is_done from c cross join lateral
   {_lines(f"select {_LINE} from n union all select {_LINE} from carts.lines where cart_id = c.id and not (variant_id = $7 and custom_hash = $10)")}"""
CHANGE_LINE = f"""with {_EDIT},
   n as (update carts.lines l set quantity = $7, price_seen = coalesce($8, l.price_seen) from c where l.id = $6 and l.cart_id = c.id returning l.id, l.variant_id, l.quantity, l.custom, l.price_seen)
   select {_COLUMNS}, {_ARRAYS}, {_SEEN}, exists (select from n) as is_done from c cross join lateral
   {_lines(f"select {_LINE} from n union all select {_LINE} from carts.lines where cart_id = c.id and id <> $6")}"""
REMOVE_LINE = f"""with {_EDIT},
   n as (delete from carts.lines l using c where l.id = $6 and l.cart_id = c.id returning l.id)
   select {_COLUMNS}, {_ARRAYS}, {_SEEN}, exists (select from n) as is_done from c cross join lateral
   {_lines(f"select {_LINE} from carts.lines where cart_id = c.id and id <> $6")}"""
UPDATE = f"""with c as (update carts.carts c set {_TOUCH}, email = coalesce($6, c.email), shipping_address = coalesce($7::jsonb, c.shipping_address),
     billing_address = coalesce($8::jsonb, c.billing_address), delivery_method_id = coalesce($9, c.delivery_method_id),
     note = case when $10::text is null then c.note else nullif($10, '') end, channel = coalesce($11, c.channel), currency = coalesce($12, c.currency),
     tax_id = case when $13::text is null then c.tax_id else nullif($13, '') end
     where {_OWNED} and c.status = 'open' returning c.*),
   seen as (update carts.lines l set price_seen = null from c where $11::text is not null and l.cart_id = c.id)
   select {_COLUMNS}, {_ARRAYS}, {_SEEN}, true as is_done from c cross join lateral
   {_lines("select id, variant_id, quantity, custom, case when $11::text is null then price_seen end as price_seen from carts.lines where cart_id = c.id")}"""
SET_COUPON = f"""with c as (update carts.carts c set {_TOUCH},
     coupons = case when $7::bool then array_append(array_remove(c.coupons, $6), $6) else array_remove(c.coupons, $6) end
     where {_OWNED} and c.status = 'open' returning c.*)
   select {_COLUMNS}, {_ARRAYS}, {_SEEN}, true as is_done from c cross join lateral {_lines(_STORED)}"""

SET_CREDIT = f"""with c as (update carts.carts c set {_TOUCH}, use_credit = coalesce($8::bool, c.use_credit),
     gift_cards = case when $6::uuid is null then c.gift_cards when $7::bool then array_append(array_remove(c.gift_cards, $6), $6)
       else array_remove(c.gift_cards, $6) end
     where {_OWNED} and c.status = 'open' returning c.*)
   select {_COLUMNS}, {_ARRAYS}, {_SEEN}, true as is_done from c cross join lateral {_lines(_STORED)}"""

ABANDON_EXPIRED = """update carts.carts set status = 'abandoned', version = version + 1 where id in (select id from carts.carts
        where expires_at < $1 and status = 'open' order by expires_at limit $2 for update skip locked) and expires_at < $1 returning 1"""

DELETE_OLD = """delete from carts.carts where id in (select id from carts.carts
        where expires_at < $1 and status in ('abandoned', 'completed') order by expires_at limit $2 for update skip locked) returning 1"""


class Edited(msgspec.Struct, frozen=True):
    """The cart after an edit. `is_done` is False when its target was not there; `is_stale` when another
    edit came between, so that the lines must be read again."""

    cart: CartState
    is_done: bool
    is_stale: bool


async def get(db: Queries, *, cart_id: UUID, owner: Owner) -> CartState | None:
    """The cart, for its owner only."""
    row = await db.fetchrow(GET, cart_id, *_owner(owner))
    return None if row is None else _state(row)


async def open_cart_of(db: Queries, *, customer_id: UUID) -> CartState | None:
    """The open cart that the customer touched last."""
    row = await db.fetchrow(MINE, customer_id)
    return None if row is None else _state(row)


async def count(db: Queries, *, cart_id: UUID, owner: Owner) -> int:
    units: int = await db.fetchval(COUNT, cart_id, *_owner(owner))
    return units


async def create(
    db: Queries,
    *,
    cart: CartState,
    token_hash: bytes,
    hashes: Sequence[bytes],
) -> None:
    """Store a new cart with its lines; `hashes` are those of the lines' custom data."""
    lines = cart.lines
    await db.execute(
        CREATE, cart.id, token_hash, cart.channel, cart.currency, cart.customer_id, cart.email,
        cart.updated_at, cart.expires_at, [line.id for line in lines], [line.variant_id for line in lines],
        [line.quantity for line in lines], [_json(line.custom) for line in lines], hashes,
        [line.price_seen for line in lines],
    )  # fmt: skip


async def add_line(
    db: Queries,
    *,
    cart_id: UUID,
    owner: Owner,
    now: datetime,
    line: LineState,
    custom_hash: bytes,
    most: int | None,
) -> Edited | None:
    """Add a line or raise the quantity of the same one. Not done when the cart is full; None as well when
    the cart would hold more than `most` units of the variant."""
    row = await db.fetchrow(
        ADD_LINE, cart_id, *_owner(owner), now, line.id, line.variant_id, line.quantity,
        _json(line.custom), custom_hash, line.price_seen, most,
    )  # fmt: skip
    return _edited(row)


async def change_line(
    db: Queries,
    *,
    cart_id: UUID,
    owner: Owner,
    now: datetime,
    line_id: UUID,
    quantity: int,
    price: int | None,
) -> Edited | None:
    """Set the quantity of a line, and the price that the shopper has now seen."""
    return _edited(await db.fetchrow(CHANGE_LINE, cart_id, *_owner(owner), now, line_id, quantity, price))


async def remove_line(
    db: Queries, *, cart_id: UUID, owner: Owner, now: datetime, line_id: UUID
) -> Edited | None:
    return _edited(await db.fetchrow(REMOVE_LINE, cart_id, *_owner(owner), now, line_id))


async def update(
    db: Queries,
    *,
    cart_id: UUID,
    owner: Owner,
    now: datetime,
    email: str | None,
    shipping_address: Address | None,
    billing_address: Address | None,
    delivery_method_id: UUID | None,
    note: str | None,
    channel: str | None,
    currency: str | None,
    tax_id: str | None,
) -> Edited | None:
    """Set what is given. A new channel forgets the prices seen, as they were in another currency."""
    row = await db.fetchrow(
        UPDATE, cart_id, *_owner(owner), now, email, _json(shipping_address), _json(billing_address),
        delivery_method_id, note, channel, currency, tax_id,
    )  # fmt: skip
    return _edited(row)


async def set_coupon(
    db: Queries, *, cart_id: UUID, owner: Owner, now: datetime, code: str, is_present: bool
) -> Edited | None:
    """Add the coupon code or take it away."""
    return _edited(await db.fetchrow(SET_COUPON, cart_id, *_owner(owner), now, code, is_present))


async def set_credit(
    db: Queries,
    *,
    cart_id: UUID,
    owner: Owner,
    now: datetime,
    gift_card: UUID | None = None,
    is_present: bool = True,
    use_credit: bool | None = None,
) -> Edited | None:
    """Add the gift card or take it away; use the customer's store credit or not."""
    return _edited(
        await db.fetchrow(SET_CREDIT, cart_id, *_owner(owner), now, gift_card, is_present, use_credit)
    )


async def delete(db: Queries, *, cart_id: UUID, owner: Owner) -> bool:
    """Remove a cart that is not being completed; whether there was one."""
    done = await db.fetchval(
        f"delete from carts.carts c where {_OWNED} and c.status in ('open', 'abandoned') returning true",
        cart_id, *_owner(owner),
    )  # fmt: skip
    return bool(done)


async def status_of(db: Queries, *, cart_id: UUID, owner: Owner) -> CartStatus | None:
    status = await db.fetchval(f"select c.status from carts.carts c where {_OWNED}", cart_id, *_owner(owner))
    return None if status is None else CartStatus(status)


async def abandon_expired(db: Queries, *, now: datetime, limit: int) -> int:
    """Open carts whose time is over become abandoned; how many."""
    rows = await db.fetch(ABANDON_EXPIRED, now, limit)
    return len(rows)


async def delete_old(db: Queries, *, before: datetime, limit: int) -> int:
    """Abandoned and completed carts that expired before `before` go away with their lines; how many."""
    rows = await db.fetch(DELETE_OLD, before, limit)
    return len(rows)


def _owner(owner: Owner) -> tuple[bytes | None, UUID | None, bool]:
    return owner.token_hash, owner.customer_id, owner.is_system


def _edited(row: Row | None) -> Edited | None:
    if row is None:
        return None
    return Edited(_state(row), row["is_done"], row["seen_version"] != row["version"] - 1)


_encode = msgspec.json.Encoder().encode
_address = msgspec.json.Decoder(Address).decode
_custom = msgspec.json.Decoder(dict[str, str]).decode


def _json(value: Any) -> str | None:
    return None if value is None else _encode(value).decode()


def _state(row: Row) -> CartState:
    (
        cart_id, status, channel, currency, customer_id, email, shipping, billing, method_id, note, coupons,
        version, updated_at, expires_at, frozen, gift_cards, use_credit, tax_id, line_ids, variant_ids, quantities, customs,
        prices,
    ) = tuple(row)[:23]  # fmt: skip
    lines = [
        LineState(line_id, variant_id, quantity, None if custom is None else _custom(custom), seen)
        for line_id, variant_id, quantity, custom, seen in zip(
            line_ids or (), variant_ids or (), quantities or (), customs or (), prices or (), strict=True
        )
    ]
    return CartState(
        cart_id,
        CartStatus(status),
        channel,
        currency,
        customer_id,
        email,
        None if shipping is None else _address(shipping),
        None if billing is None else _address(billing),
        method_id,
        note,
        coupons,
        version,
        updated_at,
        expires_at,
        frozen,
        lines,
        gift_cards,
        use_credit,
        tax_id,
    )
