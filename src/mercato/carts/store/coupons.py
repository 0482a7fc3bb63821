"""Generated codes and uses."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.carts import GeneratedCode, Redemption
from mercato.kernel.db import Queries, Tx

_COLUMNS = "id, promotion_id, code, batch, usage_limit, used, is_active, created_at"

# A code that exists already, also as the one code of a promotion, is left out: the caller makes another.
INSERT = """insert into carts.coupons (id, promotion_id, channel, code, batch, usage_limit, created_at)
  select n.id, $1, $2, n.code, $5, $6, $7 from unnest($3::uuid[], $4::text[]) n(id, code)
  where not exists (select from carts.promotions p where p.channel = $2 and lower(p.coupon_code) = lower(n.code))
  order by n.code on conflict do nothing returning 1"""


async def await_codes(tx: Tx, *, promotion_id: UUID) -> None:
    """The promotion applies to nobody without a code from now on."""
    await tx.execute(
        "update carts.promotions set needs_code = true, version = version + 1 where id = $1 and not needs_code",
        promotion_id,
    )


async def insert(
    tx: Tx,
    *,
    promotion_id: UUID,
    channel: str,
    ids: Sequence[UUID],
    codes: Sequence[str],
    batch: str,
    usage_limit: int | None,
    now: datetime,
) -> int:
    """How many of `codes` were free and are stored."""
    rows = await tx.fetch(INSERT, promotion_id, channel, ids, codes, batch, usage_limit, now)
    return len(rows)


async def of_promotion(
    db: Queries, *, promotion_id: UUID, prefix: str, after: UUID | None, limit: int
) -> list[GeneratedCode]:
    rows = await db.fetch(
        f"select {_COLUMNS} from carts.coupons where promotion_id = $1 and ($2::uuid is null or id > $2)"
        " and starts_with(lower(code), lower($3)) order by id limit $4",
        promotion_id, after, prefix, limit,
    )  # fmt: skip
    return [msgspec.convert(dict(row), GeneratedCode) for row in rows]


async def count(db: Queries, *, promotion_id: UUID, prefix: str) -> int:
    found: int = await db.fetchval(
        "select count(*) from carts.coupons where promotion_id = $1 and starts_with(lower(code), lower($2))",
        promotion_id, prefix,
    )  # fmt: skip
    return found


async def set_active(tx: Tx, *, coupon_id: UUID, is_active: bool) -> GeneratedCode | None:
    row = await tx.fetchrow(
        f"update carts.coupons set is_active = $2 where id = $1 returning {_COLUMNS}", coupon_id, is_active
    )
    return None if row is None else msgspec.convert(dict(row), GeneratedCode)


async def is_generated(db: Queries, *, channel: str, code: str) -> bool:
    """Whether a generated code of the channel is the same, whatever its case."""
    found: bool = await db.fetchval(
        "select exists (select from carts.coupons where channel = $1 and lower(code) = lower($2))",
        channel,
        code,
    )
    return found


async def redemptions(
    db: Queries, *, promotion_id: UUID, before: tuple[datetime, UUID] | None, limit: int
) -> list[Redemption]:
    """Uses of a promotion, the latest first, older than `before`."""
    at, cart_id = before or (None, None)
    rows = await db.fetch(
        "select promotion_id, cart_id, code, amount, at from carts.redemptions where promotion_id = $1"
        " and ($2::timestamptz is null or (at, cart_id) < ($2, $3)) order by at desc, cart_id desc limit $4",
        promotion_id, at, cart_id, limit,
    )  # fmt: skip
    return [msgspec.convert(dict(row), Redemption) for row in rows]
