"""What orders keep about people. Invoices and credit notes stay as they were issued: the law wants them kept,
until `keep_documents_days` are over. Amounts, taxes, countries and goods stay in the books.
"""

from mercato.kernel.db import Queries
from mercato.kernel.personal import Kept, Matter, PersonalTable, Subject

NOBODY = "erased@person.invalid"
"""Stands for an address that was erased."""

_MINE = "t.order_id = any(s.order_ids)"
_PLACE = "case when t.{0} is null then null else jsonb_build_object('name', 'Erased', 'street1', 'Erased',"
_PLACE += " 'postal_code', '', 'city', '', 'country', t.{0} -> 'country', 'region', t.{0} -> 'region') end"
_ACTOR = "case when exists(select from unnest(s.emails) e where position(e in lower(t.{0})) > 0)"
_ACTOR += " then 'customer' else t.{0} end"


def _place(column: str) -> str:
    return f"{column} = {_PLACE.format(column)}"


def _actor(column: str) -> str:
    return f"{column} = {_ACTOR.format(column)}"


TABLES = (
    PersonalTable(
        section="orders", table="orders.orders", of="t.id = any(s.order_ids)",
        columns="t.number, t.status, t.payment_status, t.fulfillment_status, t.return_status, t.email, t.name,"
        " t.locale, t.channel, t.currency, t.subtotal, t.discount, t.delivery_price, t.tax, t.total,"
        " t.paid_by_credit, t.authorized, t.captured, t.refunded, t.voided, t.provider, t.shipping_address,"
        " t.billing_address, t.delivery, t.tax_lines, t.coupons, t.note, t.tags, t.tax_id, t.credits,"
        " t.created_at, t.placed_at, t.paid_at, t.completed_at, t.canceled_at, t.canceled_by,"
        " t.cancel_reason",
        erase=f"email = '{NOBODY}', name = 'Erased', {_place('shipping_address')}, {_place('billing_address')},"
        " note = null, tags = '{}', tax_id = null, payment_token = null, return_url = null, last_error = null,"
        f" cart_token_digest = null, cancel_reason = null, {_actor('canceled_by')},"
        " erased_at = coalesce(t.erased_at, now())",
    ),
    PersonalTable(
        section="order_lines", table="orders.lines", of=_MINE,
        columns="t.order_id, t.attempt, t.position, t.name, t.options, t.sku, t.quantity, t.quantity_fulfilled,"
        " t.quantity_returned, t.unit_price, t.discounts, t.tax, t.total, t.gift_card",
        erase="gift_card = case when t.gift_card is null then null else '{}'::jsonb end",
    ),
    PersonalTable(
        section="order_timeline", table="orders.timeline", of=_MINE,
        columns="t.id, t.order_id, t.at, t.kind, t.actor, t.text, t.data",
        erase="text = case t.kind when 'note' then 'Erased' when 'tagged' then 'Tags changed' else t.text end,"
        f" data = t.data - array['reason', 'recipient', 'text', 'place', 'note'], {_actor('actor')}",
    ),
    PersonalTable(
        section="order_payments", table="orders.payments", of=_MINE,
        columns="t.id, t.order_id, t.provider, t.authorized, t.captured, t.refunded, t.voided",
    ),
    PersonalTable(
        section="order_parcels", table="orders.fulfillments", of=_MINE,
        columns="t.id, t.order_id, t.status, t.carrier, t.tracking_number, t.tracking_url, t.created_at,"
        " t.created_by, t.shipped_at, t.delivered_at, t.canceled_at",
        erase=f"tracking_url = null, {_actor('created_by')}",
    ),
    PersonalTable(
        section="order_work", table="orders.intents", of=_MINE,
        columns="t.id, t.order_id, t.kind, t.amount, t.actor, t.reason, t.created_at, t.done_at",
        erase=f"reason = '', error = null, {_actor('actor')}",
    ),
    PersonalTable(
        section="order_changes", table="orders.changes", of=_MINE,
        columns="t.id, t.order_id, t.kind, t.status, t.lines, t.total_change, t.credited, t.fee, t.reason,"
        " t.created_at, t.created_by, t.closed_at",
        erase="reason = '', lines = coalesce((select jsonb_agg(l - 'reason' order by n) from"
        f" jsonb_array_elements(t.lines) with ordinality x(l, n)), t.lines), {_actor('created_by')}",
    ),
    PersonalTable(
        section="order_refunds", table="orders.grants", of=_MINE,
        columns="t.id, t.order_id, t.amount, t.delivery, t.lines, t.reason, t.granted_at, t.granted_by",
        erase=f"reason = '', {_actor('granted_by')}",
    ),
    PersonalTable(
        section="order_drafts", table="orders.drafts",
        of="t.cart_id = any(s.cart_ids) or t.customer_id = s.user_id or lower(t.email) = any(s.emails)",
        columns="t.id, t.status, t.channel, t.email, t.note, t.created_at, t.sent_at, t.closed_at",
        erase=f"email = '{NOBODY}', note = '', customer_id = null, wish = null, next = null,"
        " closed_at = coalesce(t.closed_at, now()),"
        " status = case when t.status in ('open', 'sent') then 'canceled' else t.status end",
    ),
    PersonalTable(
        section="order_documents", table="orders.documents", of=_MINE,
        columns="t.number, t.order_id, t.kind, t.total, t.currency, t.content, t.issued_at, t.issued_by",
        erase=_actor("issued_by"),
    ),
    PersonalTable(
        section="document_files", table="orders.document_files",
        of="t.document_id in (select d.id from orders.documents d where d.order_id = any(s.order_ids))",
        columns="(select d.number from orders.documents d where d.id = t.document_id) as name,"
        " encode(t.pdf, 'base64') as pdf",
    ),
    PersonalTable(
        section="order_search", table="orders.search", of=_MINE, columns="t.order_id, t.terms::text as terms",
        erase="delete",
    ),
)  # fmt: skip

MATTERS = (
    Matter(
        code="order_open", table="orders.orders",
        detail="An order is under way: it has to be delivered or canceled first.",
        of="t.id = any(s.order_ids) and (t.status = 'placed' or (t.status = 'draft' and t.due is not null)"
        " or t.parked_at is not null)",
    ),
    Matter(
        code="return_open", table="orders.changes",
        detail="A return or a change of an order is under way.",
        of=f"{_MINE} and t.status in ('requested', 'approved')",
    ),
    Matter(
        code="order_work_open", table="orders.intents",
        detail="Money or goods of an order are still to be moved.",
        of=f"{_MINE} and t.done_at is null",
    ),
)  # fmt: skip


def kept(*, documents_days: int) -> tuple[Kept, ...]:
    """Papers of erased people lose whom they were for when the law lets them go."""
    erased = "t.order_id in (select o.id from orders.orders o where o.erased_at is not null)"
    place = "jsonb_build_object('name', 'Erased', 'street1', 'Erased', 'postal_code', '', 'city', '',"
    place += " 'country', t.content -> '{0}' -> 'country')"
    whole = "t.content || jsonb_build_object('buyer', " + place.format("buyer")
    whole += ", 'ship_to', " + place.format("ship_to") + ", 'buyer_vat_id', null, 'reason', '')"
    return (
        Kept(
            what="invoices of erased people (printed)", days=documents_days, table="orders.document_files",
            old="t.document_id in (select t.id from orders.documents t where t.issued_at < $1 and " + erased + ")",
        ),
        Kept(
            what="invoices of erased people", days=documents_days, table="orders.documents",
            old=f"t.issued_at < $1 and t.content -> 'buyer' ->> 'name' <> 'Erased' and {erased}",
            change=f"content = {whole}",
        ),
    )  # fmt: skip


async def known_as(db: Queries, *, subject: Subject) -> Subject:
    """The same person with the ids of their orders, of the carts these came from, and of their parcels."""
    row = await db.fetchrow(
        "with mine as (select o.id, o.cart_id from orders.orders o where o.customer_id = $1"
        "   or lower(o.email) = any($2::text[]) or o.id = any($3::uuid[]))"
        " select coalesce((select array_agg(id) from mine), '{}') as order_ids,"
        " coalesce((select array_agg(cart_id) from mine), '{}') as cart_ids,"
        " coalesce((select array_agg(f.id) from orders.fulfillments f where f.order_id in"
        "   (select id from mine)), '{}') as parcel_ids",
        subject.user_id, subject.emails, subject.order_ids,
    )  # fmt: skip
    assert row is not None
    return Subject(
        user_id=subject.user_id, emails=subject.emails, order_ids=row["order_ids"],
        cart_ids=row["cart_ids"], parcel_ids=row["parcel_ids"],
    )  # fmt: skip
