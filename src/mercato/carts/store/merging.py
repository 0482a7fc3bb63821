"""Two carts become one at sign-in."""

from datetime import datetime
from uuid import UUID

from mercato.contracts.carts import MAX_LINES
from mercato.kernel.db import Tx


async def lock_open(
    tx: Tx, *, cart_id: UUID, token_hash: bytes, customer_id: UUID
) -> tuple[bool, UUID | None]:
    """Lock the guest's cart and the customer's own in order of id; whether the first is there and open,
    and the id of the second."""
    rows = await tx.fetch(
        """select c.id, c.id = $1 as is_guest from carts.carts c where c.status = 'open' and ((c.id = $1 and c.token_hash = $2)
        or c.id = (select id from carts.carts where customer_id = $3 and status = 'open' and id <> $1 order by updated_at desc, id desc limit 1))
        order by c.id for no key update""",
        cart_id, token_hash, customer_id,
    )  # fmt: skip
    own = next((row["id"] for row in rows if not row["is_guest"]), None)
    return any(row["is_guest"] for row in rows), own


async def adopt(
    tx: Tx, *, cart_id: UUID, customer_id: UUID, email: str, token_hash: bytes, now: datetime
) -> None:
    """The guest's cart belongs to the customer from now on; the guest's token no longer opens it."""
    await tx.execute(
        """update carts.carts set customer_id = $2, email = coalesce(email, nullif($3, '')), token_hash = $4, version = version + 1, updated_at = $5
        where id = $1""",
        cart_id, customer_id, email, token_hash, now,
    )  # fmt: skip


async def pour(tx: Tx, *, source: UUID, target: UUID, now: datetime) -> None:
    """Lines, coupons and what `target` lacks come over from `source`, as far as there is room."""
    await tx.execute(
        f"""with have as (select count(*) as n from carts.lines where cart_id = $2),
        same as (update carts.lines t set quantity = least(t.quantity + s.quantity, 10000), price_seen = s.price_seen from carts.lines s
          where s.cart_id = $1 and t.cart_id = $2 and t.variant_id = s.variant_id and t.custom_hash = s.custom_hash returning s.id),
        new as (select s.id, row_number() over (order by s.id) as place from carts.lines s where s.cart_id = $1
          and not exists (select from carts.lines t where t.cart_id = $2 and t.variant_id = s.variant_id and t.custom_hash = s.custom_hash))
        update carts.lines l set cart_id = $2 from new, have where l.id = new.id and have.n + new.place <= {MAX_LINES}""",
        source, target,
    )  # fmt: skip
    await tx.execute(
        """update carts.carts t set version = t.version + 1, updated_at = $3,
        coupons = (select coalesce(array_agg(distinct code), '{}') from unnest(t.coupons || s.coupons) code),
        shipping_address = coalesce(t.shipping_address, s.shipping_address), billing_address = coalesce(t.billing_address, s.billing_address),
        gift_cards = (select coalesce(array_agg(distinct card), '{}') from unnest(t.gift_cards || s.gift_cards) card),
        delivery_method_id = coalesce(t.delivery_method_id, s.delivery_method_id), note = coalesce(t.note, s.note),
        tax_id = coalesce(t.tax_id, s.tax_id)
        from carts.carts s where t.id = $2 and s.id = $1""",
        source, target, now,
    )  # fmt: skip


async def is_empty(tx: Tx, *, cart_id: UUID) -> bool:
    empty: bool = await tx.fetchval("select not exists (select from carts.lines where cart_id = $1)", cart_id)
    return empty


async def lock_of_two(tx: Tx, *, from_id: UUID, to_id: UUID) -> tuple[UUID | None, UUID | None]:
    """Lock the open carts of two customers in order of id; the one that each touched last."""
    rows = await tx.fetch(
        "select id, customer_id, updated_at from carts.carts where customer_id = any($1::uuid[])"
        " and status = 'open' order by id for no key update",
        [from_id, to_id],
    )
    latest = {row["customer_id"]: row["id"] for row in sorted(rows, key=lambda row: row["updated_at"])}
    return latest.get(from_id), latest.get(to_id)


async def hand_over(tx: Tx, *, from_id: UUID, to_id: UUID) -> None:
    """Everything that carts keep of one customer is another's: carts, groups, what they used and bought."""
    await tx.execute(
        "with mine as (update carts.carts set customer_id = $2, email = null, version = version + 1"
        "   where customer_id = $1 returning id),"
        " joined as (insert into carts.group_members (group_id, customer_id) select group_id, $2"
        "   from carts.group_members where customer_id = $1 on conflict do nothing),"
        " used as (insert into carts.customer_uses (key, promotion_id, cart_id) select uuid_send($2::uuid),"
        "   promotion_id, cart_id from carts.customer_uses where key = uuid_send($1::uuid)"
        "   on conflict do nothing),"
        " bought as (insert into carts.buyers (key) select uuid_send($2::uuid) from carts.buyers"
        "   where key = uuid_send($1::uuid) on conflict do nothing)"
        " delete from carts.group_members where customer_id = $1",
        from_id, to_id,
    )  # fmt: skip


async def remove(tx: Tx, *, cart_id: UUID) -> None:
    await tx.execute("delete from carts.carts where id = $1", cart_id)
