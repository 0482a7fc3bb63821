"""Admin routes of the audit log."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import get, post
from litestar.params import QueryParameter
from litestar.response import Stream

from mercato.contracts.audit import Audit, AuditEntry, AuditFilter, ChainHead
from mercato.contracts.shared import DEFAULT_LIMIT, MAX_LIMIT, Page, Verification
from mercato.kernel.context import Context
from mercato.kernel.csv_cells import guarded
from mercato.kernel.web import ListCursor, ListLimit

EXPORT_MAX = 100_000
COLUMNS = (
    "sequence", "at", "act", "object_kind", "object_id", "object_label", "actor_kind", "actor_id",
    "actor_label", "client_address", "request_id", "changes", "hash",
)  # fmt: skip

Act = Annotated[str, QueryParameter(name="act", max_length=60, description="`order.canceled`, or `order`.")]
ObjectKind = Annotated[str, QueryParameter(name="object_kind", max_length=60)]
ObjectId = Annotated[str, QueryParameter(name="object_id", max_length=200)]
ActorId = Annotated[UUID | None, QueryParameter(name="actor_id")]
Since = Annotated[datetime | None, QueryParameter(name="since", description="Not before this time.")]
Until = Annotated[datetime | None, QueryParameter(name="until", description="Before this time.")]


class ErasureInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    user_id: UUID


class Erased(msgspec.Struct, frozen=True):
    entries: int
    """How many entries lost what was personal in them."""


@get("/admin/audit", permission="read_audit")
async def list_entries(
    ctx: Context,
    audit: Audit,
    act: Act = "",
    object_kind: ObjectKind = "",
    object_id: ObjectId = "",
    actor_id: ActorId = None,
    since: Since = None,
    until: Until = None,
    limit: ListLimit = DEFAULT_LIMIT,
    cursor: ListCursor = None,
) -> Page[AuditEntry]:
    """Acts of staff and acts that touch security, newest first."""
    where = AuditFilter(act, object_kind, object_id, actor_id, since, until)
    return await audit.entries(ctx, where=where, limit=limit, cursor=cursor)


@get("/admin/audit/head", permission="read_audit")
async def chain_head(ctx: Context, audit: Audit) -> ChainHead:
    """The end of the chain: note it elsewhere, and nothing before it can change unnoticed."""
    return await audit.head(ctx)


@get("/admin/audit/verification", permission="read_audit", timeout_s=60)
async def verification(ctx: Context, audit: Audit) -> Verification:
    """Recompute the whole chain and say where it does not hold."""
    return await audit.verify(ctx)


@get("/admin/audit/export", permission="read_audit", timeout_s=None)
async def export_entries(
    ctx: Context,
    audit: Audit,
    act: Act = "",
    object_kind: ObjectKind = "",
    object_id: ObjectId = "",
    actor_id: ActorId = None,
    since: Since = None,
    until: Until = None,
) -> Stream:
    """The same entries as a CSV file, at most 100,000; that it was made is an entry too."""
    where = AuditFilter(act, object_kind, object_id, actor_id, since, until)
    first = await audit.entries(ctx, where=where, limit=MAX_LIMIT)
    headers = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return Stream(_pieces(ctx, audit, where, first), media_type="text/csv", headers=headers)


@post("/admin/audit/erasures", permission="write_audit", recent=True, status_code=200)
async def erase_person(ctx: Context, audit: Audit, data: ErasureInput) -> Erased:
    """Take what names a person out of every entry by or about an account; the chain still holds."""
    return Erased(await audit.erase_person(ctx, user_id=data.user_id))


async def _pieces(
    ctx: Context, audit: Audit, where: AuditFilter, page: Page[AuditEntry]
) -> AsyncIterator[str]:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    count = 0
    while True:
        for entry in page.items:
            writer.writerow([guarded(cell) for cell in _cells(entry)])
        count += len(page.items)
        yield buffer.getvalue()
        if page.next_cursor is None or count >= EXPORT_MAX:
            break
        buffer.seek(0)
        buffer.truncate()
        page = await audit.entries(ctx, where=where, limit=MAX_LIMIT, cursor=page.next_cursor)
    await audit.note_export(ctx, where=where, entries=count)


def _cells(entry: AuditEntry) -> list[object]:
    changes = "; ".join(f"{each.field}: {each.before or '–'} → {each.after or '–'}" for each in entry.changes)
    values = {name: getattr(entry, name) for name in COLUMNS}
    return list((values | {"at": entry.at.isoformat(), "changes": changes}).values())


routes = [list_entries, chain_head, verification, export_entries, erase_person]
