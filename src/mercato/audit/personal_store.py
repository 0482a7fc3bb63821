"""What the audit log keeps about people: entries by them, about them, or in which their address stands."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.audit.chain import PERSON_ERASED
from mercato.kernel.db import Queries, Tx
from mercato.kernel.personal import PersonalTable

_ABOUT = "t.actor_id = s.user_id or (t.object_kind = 'user' and t.object_id = s.user_id::text)"
_NAMES = (
    "exists(select from unnest(s.emails) e where position(e in lower(convert_from(t.payload, 'UTF8'))) > 0)"
)

TABLES = (
    PersonalTable(
        section="audit", table="audit.entries",
        of=f"t.payload is not null and ({_ABOUT} or {_NAMES} or t.object_id = any(s.order_ids::text[]))",
        columns="t.sequence, t.at, t.act, t.object_kind, t.object_id, t.actor_kind,"
        " case when t.actor_id = s.user_id or t.actor_id is null then convert_from(t.payload, 'UTF8')::jsonb"
        " else convert_from(t.payload, 'UTF8')::jsonb - array['actor_label', 'client_address', 'request_id']"
        " end as said",
    ),
)  # fmt: skip


async def about(
    db: Queries, *, user_id: UUID | None, emails: Sequence[str], objects: Sequence[str]
) -> list[int]:
    """Entries about an account or these things, or that say one of these addresses, oldest first.

    What somebody did to others as one of the staff is not theirs to take away: it stays.
    """
    rows = await db.fetch(
        "select sequence from audit.entries where payload is not null and act <> $4"
        " and (object_id = any($3::text[]) or (object_kind = 'user' and object_id = $1::uuid::text)"
        " or (actor_id is distinct from $1::uuid and exists(select from unnest($2::text[]) e"
        "   where position(e in lower(convert_from(payload, 'UTF8'))) > 0))) order by sequence",
        user_id, emails, objects, PERSON_ERASED,
    )  # fmt: skip
    return [row["sequence"] for row in rows]


async def before(db: Queries, *, moment: datetime, limit: int) -> list[int]:
    """Entries from before `moment` that still name somebody, oldest first.

    What tells of an erasure stays: it is the proof that the erased entries were not tampered with.
    """
    rows = await db.fetch(
        "select sequence from audit.entries where payload is not null and act <> $3 and at < $1"
        " order by sequence limit $2",
        moment, limit, PERSON_ERASED,
    )  # fmt: skip
    return [row["sequence"] for row in rows]


async def erase_entries(tx: Tx, *, sequences: Sequence[int], person_id: UUID) -> int:
    """Take the payload out of these entries, for a person; returns how many had one."""
    tag = await tx.execute(
        "update audit.entries set payload = null, salt = null, erased_for = $1"
        " where sequence = any($2) and payload is not null",
        person_id, sequences,
    )  # fmt: skip
    return int(tag.rpartition(" ")[2])
