"""What prices ask about one customer, in one statement; and the members of groups."""

from collections.abc import Sequence
from uuid import UUID

from mercato.carts.pricing import Customer, KnownCode
from mercato.kernel.db import Queries, Tx

# $1 account, $2 its e-mail, $3 the cart that is priced: its own uses do not stand in its way. $4 channel, $5 codes in lower case.
FACTS = """select
  (select array_agg(m.group_id) from carts.group_members m where m.customer_id = $1) as groups,
  exists (select from carts.group_members m join carts.customer_groups g on g.id = m.group_id where m.customer_id = $1 and g.is_tax_exempt) as is_exempt,
  exists (select from carts.buyers where key = any(carts.customer_keys($1, $2))) as has_ordered,
  u.promotion_ids, u.uses, k.coupon_ids, k.owners, k.codes, k.refusals
 from (select array_agg(promotion_id) as promotion_ids, array_agg(uses) as uses from (select promotion_id, count(distinct cart_id)::int as uses
     from carts.customer_uses where key = any(carts.customer_keys($1, $2)) and cart_id <> $3 group by promotion_id) x) u,
   (select array_agg(id) as coupon_ids, array_agg(promotion_id) as owners, array_agg(lower(code)) as codes,
     array_agg(case when not is_active then 'inactive' when used >= usage_limit then 'used_up' end) as refusals
     from carts.coupons where channel = $4 and lower(code) = any($5::text[])) k"""


async def facts(
    db: Queries,
    *,
    customer_id: UUID | None,
    email: str | None,
    cart_id: UUID,
    channel: str,
    codes: Sequence[str],
) -> tuple[Customer, dict[str, KnownCode]]:
    """Groups, first order and uses of a customer; and which of `codes` (lower case) are generated ones."""
    row = await db.fetchrow(FACTS, customer_id, email, cart_id, channel, codes)
    assert row is not None
    customer = Customer(
        groups=frozenset(row["groups"] or ()),
        has_ordered=row["has_ordered"],
        uses=dict(zip(row["promotion_ids"] or (), row["uses"] or (), strict=True)),
        is_tax_exempt=row["is_exempt"],
    )
    columns = (row["codes"], row["coupon_ids"], row["owners"], row["refusals"])
    found = zip(*(column or () for column in columns), strict=True)
    return customer, {code: KnownCode(coupon_id, owner, refusal) for code, coupon_id, owner, refusal in found}


async def groups_of(db: Queries, *, customer_id: UUID) -> list[UUID]:
    rows = await db.fetch(
        "select group_id from carts.group_members where customer_id = $1 order by group_id", customer_id
    )
    return [row["group_id"] for row in rows]


async def members(db: Queries, *, group_id: UUID, after: UUID | None, limit: int) -> list[UUID]:
    rows = await db.fetch(
        "select customer_id from carts.group_members where group_id = $1 and ($2::uuid is null or customer_id > $2)"
        " order by customer_id limit $3",
        group_id, after, limit,
    )  # fmt: skip
    return [row["customer_id"] for row in rows]


async def set_members(tx: Tx, *, group_id: UUID, add: Sequence[UUID], remove: Sequence[UUID]) -> None:
    await tx.execute(
        "delete from carts.group_members where group_id = $1 and customer_id = any($2::uuid[])",
        group_id,
        remove,
    )
    await tx.execute(
        "insert into carts.group_members (group_id, customer_id) select $1, c from unnest($2::uuid[]) c on conflict do nothing",
        group_id, add,
    )  # fmt: skip
