"""What carts keep about people: their carts, their groups, and what they used of promotions."""

from mercato.kernel.personal import Kept, PersonalTable

_KEYS = (
    "t.key in (select unnest(carts.customer_keys(s.user_id, e)) from unnest(s.emails) e"
    " union all select unnest(carts.customer_keys(s.user_id, null)))"
)

TABLES = (
    PersonalTable(
        section="cart_lines", table="carts.lines",
        of="t.cart_id in (select c.id from carts.carts c where c.customer_id = s.user_id"
        " or lower(c.email) = any(s.emails) or c.id = any(s.cart_ids))",
        columns="t.id, t.cart_id, t.variant_id, t.quantity, t.custom",
    ),
    PersonalTable(
        section="carts", table="carts.carts",
        of="t.customer_id = s.user_id or lower(t.email) = any(s.emails) or t.id = any(s.cart_ids)",
        columns="t.id, t.status, t.channel, t.currency, t.email, t.shipping_address, t.billing_address, t.note,"
        " t.coupons, t.tax_id, t.created_at, t.updated_at",
        erase="delete",
    ),
    PersonalTable(
        section="customer_groups", table="carts.group_members", of="t.customer_id = s.user_id",
        columns="(select g.name from carts.customer_groups g where g.id = t.group_id) as name", erase="delete",
    ),
    PersonalTable(
        section="promotions_used", table="carts.customer_uses", of=_KEYS,
        columns="t.promotion_id, (select p.name from carts.promotions p where p.id = t.promotion_id) as name",
        erase="delete",
    ),
    PersonalTable(
        section="has_bought", table="carts.buyers", of=_KEYS, columns="true as has_bought", erase="delete"
    ),
)  # fmt: skip


def kept(*, carts_days: int) -> tuple[Kept, ...]:
    return (
        Kept(
            what="carts", days=carts_days, table="carts.carts",
            old="t.expires_at < $1 and t.status in ('abandoned', 'completed')",
        ),
    )  # fmt: skip
