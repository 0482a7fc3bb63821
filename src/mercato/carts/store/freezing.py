"""The statements around completing: claim a cart and its coupon uses at once, give back, finish."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries, Tx

FREEZE = """with f as (update carts.carts k set status = 'completing', frozen = $3, frozen_at = $4, version = version + 1, updated_at = $4
        where id = $1 and status = 'open' and version = $2 returning 1)
 select exists (select from f) as is_done, false as is_there"""

# Whose uses a customer may have only so many of: locked first, so that the statement after it sees all of them.
LOCK = """with c as materialized (select id from carts.carts where id = $1 for no key update)
 select id from carts.promotions where id = any($2::uuid[]) and exists (select from c) order by id for no key update"""

# $4 to $8 are the promotions whose uses are counted: id, amount given, generated code's id, code, whether customers are counted.
# Each is counted once per cart: the redemption row is the guard. Locks: the cart, promotions by id, codes by id.
CLAIM = """with c as materialized (select id, customer_id, email from carts.carts where id = $1 and status = 'open' and version = $2 for no key update),
 w as materialized (select * from unnest($4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::bool[]) w(promotion_id, amount, coupon_id, code, by_customer)),
 p as materialized (select id, usage_limit, used, budget, spent, first_order, customer_limit from carts.promotions where id = any($4::uuid[]) and exists (select from c) order by id for no key update),
 k as materialized (select id, usage_limit, used, is_active from carts.coupons where id = any($6::uuid[]) and (select count(*) from p) >= 0 order by id for no key update),
 refused as materialized (select w.promotion_id from w left join p on p.id = w.promotion_id left join k on k.id = w.coupon_id
   where not exists (select from carts.redemptions r where r.promotion_id = w.promotion_id and r.cart_id = $1)
   and (p.id is null or p.used >= p.usage_limit or p.spent + w.amount > p.budget or (w.coupon_id is not null and (k.id is null or not k.is_active or k.used >= k.usage_limit))
     or (w.by_customer and (select count(distinct u.cart_id) from c, carts.customer_uses u where u.promotion_id = w.promotion_id and u.cart_id <> $1
       and u.key = any(carts.customer_keys(c.customer_id, c.email))) >= case when p.first_order then 1 else p.customer_limit end))),
 ok as materialized (select c.* from c where not exists (select from refused)),
 r as (insert into carts.redemptions (promotion_id, cart_id, amount, coupon_id, code) select w.promotion_id, ok.id, w.amount, w.coupon_id, w.code from w, ok
   on conflict do nothing returning promotion_id, amount, coupon_id),
 x as (insert into carts.customer_uses (key, promotion_id, cart_id) select key, w.promotion_id, ok.id from w, ok, unnest(carts.customer_keys(ok.customer_id, ok.email)) key
   where w.by_customer on conflict do nothing),
 u as (update carts.promotions set used = used + 1, spent = spent + r.amount from r where id = r.promotion_id),
 n as (update carts.coupons set used = used + 1 from r where id = r.coupon_id),
 f as (update carts.carts k set status = 'completing', frozen = $3, frozen_at = $9, version = version + 1, updated_at = $9 from ok where k.id = ok.id returning 1)
 select exists (select from f) as is_done, exists (select from c) as is_there"""

# Uses of the carts `c` count no longer.
_RETURN = """r as (delete from carts.redemptions r using c where r.cart_id = c.id returning r.promotion_id, r.amount, r.coupon_id),
 x as (delete from carts.customer_uses x using c where x.cart_id = c.id),
 l as materialized (select id from carts.promotions where id in (select promotion_id from r) order by id for no key update),
 k as materialized (select id from carts.coupons where id in (select coupon_id from r) and (select count(*) from l) >= 0 order by id for no key update),
 u as (update carts.promotions p set used = p.used - n.uses, spent = p.spent - n.given from (select promotion_id, count(*)::int as uses, sum(amount)::bigint as given from r group by promotion_id) n
   join l on l.id = n.promotion_id where p.id = l.id),
 v as (update carts.coupons q set used = q.used - n.uses from (select coupon_id, count(*)::int as uses from r group by coupon_id) n join k on k.id = n.coupon_id where q.id = k.id)"""

THAW = f"""with c as (update carts.carts set status = 'open', frozen = null, frozen_at = null, version = version + 1, updated_at = $2 where id = $1 and status = 'completing' returning id),
 {_RETURN} select exists (select from c)"""

GIVE_BACK = f"with c as (select unnest($1::uuid[]) as id), {_RETURN} select count(*)::int from r"

# Whoever bought once is remembered: rules for first orders ask.
FINISH = """with f as (update carts.carts set status = 'completed', frozen_at = null, version = version + 1, updated_at = $2
        where id in (select id from carts.carts where id = any($1::uuid[]) order by id for no key update) and status <> 'completed' returning id, customer_id, email),
 b as (insert into carts.buyers (key) select distinct key from f, unnest(carts.customer_keys(f.customer_id, f.email)) key order by key on conflict do nothing)
 select id from f"""

STALE = (
    "select id from carts.carts where frozen_at < $1 and status = 'completing' order by frozen_at limit $2"
)


class FreezeRow(msgspec.Struct, frozen=True):
    """`is_done`: it is completing now. `is_there`: it was open in that version, so a coupon stood in the way."""

    is_done: bool
    is_there: bool


class Claim(msgspec.Struct, frozen=True):
    """A promotion whose use is counted: what it gives in minor units, and by which code."""

    promotion_id: UUID
    amount: int
    coupon_id: UUID | None
    code: str | None
    by_customer: bool
    """One customer may use it only so often."""


async def freeze(db: Queries, *, cart_id: UUID, version: int, frozen: bytes, now: datetime) -> FreezeRow:
    """open → completing for a cart that is still in `version`."""
    row = await db.fetchrow(FREEZE, cart_id, version, frozen, now)
    assert row is not None
    return FreezeRow(row["is_done"], row["is_there"])


async def lock_promotions(tx: Tx, *, cart_id: UUID, promotion_ids: Sequence[UUID]) -> None:
    """Nobody else counts uses of these until the transaction ends."""
    await tx.fetch(LOCK, cart_id, promotion_ids)


async def claim(
    db: Queries, *, cart_id: UUID, version: int, frozen: bytes, claims: Sequence[Claim], now: datetime
) -> FreezeRow:
    """open → completing for a cart that is still in `version`, with all its uses or not at all."""
    row = await db.fetchrow(
        CLAIM, cart_id, version, frozen, [one.promotion_id for one in claims], [one.amount for one in claims],
        [one.coupon_id for one in claims], [one.code for one in claims], [one.by_customer for one in claims], now,
    )  # fmt: skip
    assert row is not None
    return FreezeRow(row["is_done"], row["is_there"])


async def thaw(db: Queries, *, cart_id: UUID, now: datetime) -> bool:
    """completing → open; coupon uses are given back. Whether it was completing."""
    done: bool = await db.fetchval(THAW, cart_id, now)
    return done


async def give_back(db: Queries, *, cart_ids: Sequence[UUID]) -> int:
    """Uses of coupons by carts whose order is canceled count no longer; returns how many there were."""
    uses: int = await db.fetchval(GIVE_BACK, cart_ids)
    return uses


async def finish(db: Queries, *, cart_ids: Sequence[UUID], now: datetime) -> list[UUID]:
    """→ completed, for carts whose order is placed; returns those that were not completed before."""
    rows = await db.fetch(FINISH, cart_ids, now)
    return [row["id"] for row in rows]


async def stale(db: Queries, *, before: datetime, limit: int) -> list[UUID]:
    """Carts that have been completing since before `before`, longest first."""
    rows = await db.fetch(STALE, before, limit)
    return [row["id"] for row in rows]
