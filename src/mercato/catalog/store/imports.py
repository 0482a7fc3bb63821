"""Uploaded product files and what became of them."""

from datetime import datetime
from uuid import UUID

import msgspec

from mercato.contracts.catalog import ImportStatus, ProductImport, RowError
from mercato.kernel.db import Queries, Tx

_COUNTS = ("products", "created", "updated", "unchanged", "refused")


class _Counts(msgspec.Struct):
    products: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    refused: int = 0


async def insert(
    tx: Tx,
    *,
    import_id: UUID,
    mapping: str,
    dry_run: bool,
    channel: str,
    content: bytes,
    created_by: str,
    at: datetime,
) -> None:
    await tx.execute(
        "insert into catalog.imports (id, status, mapping, dry_run, channel, content, created_by, created_at)"
        " values ($1, 'queued', $2, $3, $4, $5, $6, $7)",
        import_id, mapping, dry_run, channel, content, created_by, at,
    )  # fmt: skip


async def begin(db: Queries, *, import_id: UUID) -> tuple[bytes, str, bool, str] | None:
    """(content, mapping, dry run, channel); None when it has ended."""
    row = await db.fetchrow(
        "update catalog.imports set status = 'running' where id = $1 and content is not null"
        " returning content, mapping, dry_run, channel",
        import_id,
    )
    return None if row is None else (row["content"], row["mapping"], row["dry_run"], row["channel"])


async def finish(
    db: Queries,
    *,
    import_id: UUID,
    status: ImportStatus,
    report: object,
    errors: list[RowError],
    message: str,
    at: datetime,
) -> None:
    await db.execute(
        "update catalog.imports set status = $2, report = $3::jsonb, errors = $4::jsonb, message = $5,"
        " finished_at = $6, content = null where id = $1",
        import_id, status.value, msgspec.json.encode(report).decode(), msgspec.json.encode(errors).decode(),
        message, at,
    )  # fmt: skip


async def find(db: Queries, *, import_id: UUID) -> ProductImport | None:
    row = await db.fetchrow(
        "select id, status, mapping, dry_run, report::text as report, errors::text as errors, message, created_by,"
        " created_at, finished_at from catalog.imports where id = $1",
        import_id,
    )
    if row is None:
        return None
    counts = msgspec.json.decode(row["report"], type=_Counts)
    return ProductImport(
        id=row["id"],
        status=ImportStatus(row["status"]),
        mapping=row["mapping"],
        dry_run=row["dry_run"],
        **{name: getattr(counts, name) for name in _COUNTS},
        errors=msgspec.json.decode(row["errors"], type=list[RowError]),
        message=row["message"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        finished_at=row["finished_at"],
    )
