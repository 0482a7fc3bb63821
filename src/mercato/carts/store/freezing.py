"""The statements around completing: claim a cart and its coupon uses at once, give back, finish."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.kernel.db import Queries

# $4 are the promotions whose uses are limited. Each is counted once per cart: the redemption row is the guard.
FREEZE = """with c as materialized (select id from carts.carts where id = $1 and status = 'open' and version = $2 for no key update),
 p as materialized (select id, usage_limit, used from carts.promotions where id = any($4::uuid[]) order by id for no key update),
 spent as materialized (select p.id from p where p.usage_limit is not null and p.used >= p.usage_limit and not exists (select from carts.redemptions r where r.promotion_id = p.id and r.cart_id = $1)),
 ok as materialized (select c.id from c where not exists (select from spent) and (select count(*) from p) = cardinality($4::uuid[])),
 r as (insert into carts.redemptions (promotion_id, cart_id) select p.id, ok.id from p, ok on conflict do nothing returning promotion_id),
 u as (update carts.promotions set used = used + 1 from r where id = r.promotion_id),
 f as (update carts.carts k set status = 'completing', frozen = $3, frozen_at = $5, version = version + 1, updated_at = $5 from ok where k.id = ok.id returning 1)
 select exists (select from f) as is_done, exists (select from c) as is_there"""

THAW = """with c as (update carts.carts set status = 'open', frozen = null, frozen_at = null, version = version + 1, updated_at = $2 where id = $1 and status = 'completing' returning id),
 r as (delete from carts.redemptions r using c where r.cart_id = c.id returning r.promotion_id),
 l as materialized (select id from carts.promotions where id in (select promotion_id from r) order by id for no key update),
 u as (update carts.promotions p set used = p.used - 1 from l where p.id = l.id)
 select exists (select from c)"""

GIVE_BACK = """with r as (delete from carts.redemptions where cart_id = any($1::uuid[]) returning promotion_id),
 l as materialized (select id from carts.promotions where id in (select promotion_id from r) order by id for no key update),
 n as (select promotion_id, count(*)::int as uses from r group by promotion_id),
 u as (update carts.promotions p set used = p.used - n.uses from n join l on l.id = n.promotion_id where p.id = l.id)
 select count(*)::int from r"""

FINISH = """update carts.carts set status = 'completed', frozen_at = null, version = version + 1, updated_at = $2
        where id in (select id from carts.carts where id = any($1::uuid[]) order by id for no key update) and status <> 'completed' returning id"""

STALE = (
    "select id from carts.carts where frozen_at < $1 and status = 'completing' order by frozen_at limit $2"
)


class FreezeRow(msgspec.Struct, frozen=True):
    """`is_done`: it is completing now. `is_there`: it was open in that version, so a coupon stood in the way."""

    is_done: bool
    is_there: bool


async def freeze(
    db: Queries, *, cart_id: UUID, version: int, frozen: bytes, promotion_ids: Sequence[UUID], now: datetime
) -> FreezeRow:
    """open → completing for a cart that is still in `version`, with all its coupon uses or not at all."""
    row = await db.fetchrow(FREEZE, cart_id, version, frozen, promotion_ids, now)
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
