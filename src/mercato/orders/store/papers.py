"""Sellers, number series and issued papers."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.orders import Document, DocumentKind, Seller
from mercato.kernel.db import Queries, Row, Tx
from mercato.kernel.money import Money
from mercato.orders.paper_rows import Paper

_SELLER = ", ".join(Seller.__struct_fields__)
_DOCUMENT = """d.id, d.order_id, d.kind, d.number, d.total, d.currency, d.issued_at,
  (select i.number from orders.documents i where i.id = d.invoice_id) as invoice_number"""

_paper = msgspec.json.Decoder(Paper).decode


class Issued(msgspec.Struct, frozen=True):
    """A document and what stands on it."""

    document: Document
    paper: Paper
    invoice_id: UUID | None = None
    """Of a credit note: its invoice."""
    cause: str = ""
    """Why it was issued, as its key: `sale`, `grant:ID`, ..."""


class Place(msgspec.Struct, frozen=True):
    """A number given in a series, not to be given again."""

    number: str
    year: int
    sequence: int


class Kept(msgspec.Struct, frozen=True):
    """A document on its way to somebody: its pages when they have been set before."""

    order_id: UUID
    number: str
    paper: Paper
    issued_at: datetime
    pdf: bytes | None


async def sellers(db: Queries) -> list[Seller]:
    rows = await db.fetch(f"select {_SELLER} from orders.sellers order by channel")
    return [msgspec.convert(dict(row), Seller) for row in rows]


async def seller_of(db: Queries, *, channel: str) -> Seller | None:
    row = await db.fetchrow(f"select {_SELLER} from orders.sellers where channel = $1", channel)
    return None if row is None else msgspec.convert(dict(row), Seller)


async def save_seller(db: Queries, *, seller: Seller) -> Seller | None:
    """Insert version 1, or replace the version that `seller` carries; None when it is another one."""
    columns = [field for field in Seller.__struct_fields__ if field not in ("channel", "version")]
    places = ", ".join(f"${number}" for number in range(3, len(columns) + 3))
    sets = ", ".join(f"{column} = excluded.{column}" for column in columns)
    row = await db.fetchrow(
        f"insert into orders.sellers as s (channel, version, {', '.join(columns)}) select $1, 1, {places}"
        " where $2::int = 1 or exists (select from orders.sellers where channel = $1)"
        f" on conflict (channel) do update set {sets}, version = s.version + 1 where s.version = $2"
        f" returning {_SELLER}",
        seller.channel, seller.version, *(getattr(seller, column) for column in columns),
    )  # fmt: skip
    return None if row is None else msgspec.convert(dict(row), Seller)


async def channel_of(db: Queries, *, order_id: UUID) -> str | None:
    """The channel of an order, which never changes."""
    found: str | None = await db.fetchval("select channel from orders.orders where id = $1", order_id)
    return found


async def next_sequence(tx: Tx, *, series: str, kind: DocumentKind, year: int) -> int:
    """The next number of a series, its row locked until the transaction ends: without gaps."""
    found: int = await tx.fetchval(
        "insert into orders.document_series as s (series, kind, year, last) values ($1, $2, $3, 1)"
        " on conflict (series, kind, year) do update set last = s.last + 1 returning s.last",
        series, kind, year,
    )  # fmt: skip
    return found


async def insert(
    tx: Tx,
    *,
    document_id: UUID,
    order_id: UUID,
    cause: str,
    place: Place,
    invoice_id: UUID | None,
    paper: Paper,
    issued_at: datetime,
    actor: str,
) -> None:
    await tx.execute(
        "insert into orders.documents (id, order_id, kind, cause, series, year, sequence, number, invoice_id, total,"
        " currency, content, issued_at, issued_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        document_id, order_id, paper.kind, cause, paper.seller.series, place.year, place.sequence, place.number, invoice_id,
        paper.total, paper.currency, msgspec.json.encode(paper).decode(), issued_at, actor,
    )  # fmt: skip


async def of_order(db: Queries, *, order_id: UUID) -> list[Issued]:
    """The papers of an order, oldest first."""
    rows = await db.fetch(
        f"select {_DOCUMENT}, d.content, d.invoice_id, d.cause from orders.documents d where d.order_id = $1"
        " order by d.issued_at, d.kind desc, d.sequence",
        order_id,
    )
    return [Issued(_document(row), _paper(row["content"]), row["invoice_id"], row["cause"]) for row in rows]


async def has_any(db: Queries, *, order_id: UUID) -> bool:
    found: bool = await db.fetchval(
        "select exists (select from orders.documents where order_id = $1)", order_id
    )
    return found


async def kept(db: Queries, *, document_id: UUID) -> Kept | None:
    row = await db.fetchrow(
        "select d.order_id, d.number, d.content, d.issued_at, f.pdf from orders.documents d"
        " left join orders.document_files f on f.document_id = d.id where d.id = $1",
        document_id,
    )
    if row is None:
        return None
    return Kept(row["order_id"], row["number"], _paper(row["content"]), row["issued_at"], row["pdf"])


async def keep_file(db: Queries, *, document_id: UUID, pdf: bytes, at: datetime) -> bytes:
    """Keep the pages of a document; returns those that were kept first."""
    found: bytes = await db.fetchval(
        "with mine as (insert into orders.document_files (document_id, pdf, created_at) values ($1, $2, $3)"
        " on conflict (document_id) do nothing returning pdf)"
        " select pdf from mine union all select pdf from orders.document_files where document_id = $1 limit 1",
        document_id, pdf, at,
    )  # fmt: skip
    return found


async def due_orders(tx: Tx, *, order_ids: Sequence[UUID]) -> list[UUID]:
    """Those of `order_ids` whose papers may be behind: issued by themselves, or already begun."""
    rows = await tx.fetch(
        "select o.id from orders.orders o join orders.sellers s on s.channel = o.channel where o.id = any($1) and"
        " ((s.issue = 'paid' and o.paid_at is not null) or (s.issue = 'shipped' and o.fulfillment_status <> 'unfulfilled')"
        " or exists (select from orders.documents d where d.order_id = o.id)) order by o.id",
        order_ids,
    )
    return [row["id"] for row in rows]


async def gaps(db: Queries) -> list[tuple[str, int, int]]:
    """(series, last number given, documents) of series where these differ or a number is missing."""
    rows = await db.fetch(
        "select s.series || ' ' || s.kind || ' ' || s.year as series, s.last, count(d.id)::int as documents"
        " from orders.document_series s left join orders.documents d on d.series = s.series and d.kind = s.kind"
        " and d.year = s.year group by s.series, s.kind, s.year, s.last"
        " having count(d.id) <> s.last or coalesce(max(d.sequence), 0) <> s.last"
    )
    return [(row["series"], row["last"], row["documents"]) for row in rows]


async def off_balance(db: Queries, *, before: datetime, limit: int) -> list[tuple[str, int, int]]:
    """(order number, what it is worth, what its papers say) where these differ since longer than `before`."""
    rows = await db.fetch(
        "select o.number, w.worth, d.total from orders.orders o join (select order_id,"
        " sum(case kind when 'invoice' then total else -total end)::bigint as total from orders.documents group by 1) d"
        " on d.order_id = o.id cross join lateral (select case o.status when 'canceled' then 0 else o.total - o.credited"
        " end as worth) w where w.worth <> d.total and coalesce(o.canceled_at, o.created_at) < $1"
        " and not exists (select from orders.grants g where g.order_id = o.id and g.granted_at >= $1)"
        " and not exists (select from orders.changes c where c.order_id = o.id and c.confirmed_at >= $1)"
        " order by o.id limit $2",
        before, limit,
    )  # fmt: skip
    return [(row["number"], row["worth"], row["total"]) for row in rows]


async def miscredited(db: Queries) -> list[tuple[str, int, int]]:
    """(invoice number, its total, what was credited) where more was credited than invoiced."""
    rows = await db.fetch(
        "select i.number, i.total, sum(c.total)::bigint as credited from orders.documents i"
        " join orders.documents c on c.invoice_id = i.id group by i.id having sum(c.total) > i.total"
    )
    return [(row["number"], row["total"], row["credited"]) for row in rows]


def _document(row: Row) -> Document:
    return Document(
        id=row["id"],
        order_id=row["order_id"],
        kind=DocumentKind(row["kind"]),
        number=row["number"],
        total=Money(row["total"], row["currency"]),
        issued_at=row["issued_at"],
        invoice_number=row["invoice_number"],
    )
