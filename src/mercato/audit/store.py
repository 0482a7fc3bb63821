"""All SQL of the audit log."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mercato.audit.chain import Link
from mercato.kernel.db import Queries, Row, Tx

_COLUMNS = (
    "sequence, event_id, at, act, object_kind, object_id, actor_kind, actor_id, payload, salt,"
    " payload_digest, previous_hash, hash, erased_for"
)


async def lock_head(tx: Tx) -> Row:
    """The end of the chain; whoever else wants to add waits until this transaction ends."""
    row = await tx.fetchrow("select sequence, hash, seal from audit.chain for update")
    assert row is not None
    return row


async def head(db: Queries) -> Row:
    row = await db.fetchrow(
        "select c.sequence, c.hash, c.seal, e.at from audit.chain c"
        " left join audit.entries e on e.sequence = c.sequence"
    )
    assert row is not None
    return row


async def append(tx: Tx, *, links: Sequence[Link], seal: bytes) -> None:
    """Add entries behind the end and move the end to the last of them."""
    await tx.execute(
        f"insert into audit.entries ({_COLUMNS}) select u.*, null::uuid from unnest($1::bigint[], $2::uuid[],"
        " $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::uuid[], $9::bytea[],"
        " $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[]) u",
        *zip(*(_values(each) for each in links), strict=True),
    )
    await tx.execute(
        "update audit.chain set sequence = $1, hash = $2, seal = $3", links[-1].sequence, links[-1].hash, seal
    )


def _values(entry: Link) -> tuple[object, ...]:
    return (
        entry.sequence, entry.event_id, entry.at, entry.act, entry.object_kind, entry.object_id,
        entry.actor_kind, entry.actor_id, entry.payload, entry.salt, entry.payload_digest,
        entry.previous_hash, entry.hash,
    )  # fmt: skip


async def entries_after(db: Queries, *, sequence: int, limit: int) -> list[Row]:
    """The chain in its own order."""
    return await db.fetch(
        f"select {_COLUMNS} from audit.entries where sequence > $1 order by sequence limit $2",
        sequence, limit,
    )  # fmt: skip


async def entry(db: Queries, *, sequence: int) -> Row | None:
    return await db.fetchrow(f"select {_COLUMNS} from audit.entries where sequence = $1", sequence)


async def latest(
    db: Queries,
    *,
    act: str | None,
    object_kind: str | None,
    object_id: str | None,
    actor_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
    before: int | None,
    limit: int,
) -> list[Row]:
    """Newest first; `act` is a whole one, or a pattern of LIKE."""
    return await db.fetch(
        f"select {_COLUMNS} from audit.entries where ($1::text is null or act like $1)"
        " and ($2::text is null or object_kind = $2) and ($3::text is null or object_id = $3)"
        " and ($4::uuid is null or actor_id = $4) and ($5::timestamptz is null or at >= $5)"
        " and ($6::timestamptz is null or at < $6) and ($7::bigint is null or sequence < $7)"
        " order by sequence desc limit $8",
        act, object_kind, object_id, actor_id, since, until, before, limit,
    )  # fmt: skip


async def actors(db: Queries, *, limit: int) -> list[Row]:
    """Everyone who has acted, with their latest entry that still says how they are called.

    Steps from one actor to the next in the index: reading every entry would cost more with each act.
    """
    return await db.fetch(
        "with recursive known (actor_id, depth) as ((select actor_id, 1 from audit.entries"
        "   where actor_id is not null order by actor_id limit 1)"
        " union all select (select actor_id from audit.entries where actor_id > k.actor_id"
        "   order by actor_id limit 1), depth + 1 from known k where k.actor_id is not null and depth < $1)"
        " select k.actor_id, (select payload from audit.entries e where e.actor_id = k.actor_id"
        "   and payload is not null order by sequence desc limit 1) as payload"
        " from known k where k.actor_id is not null",
        limit,
    )


async def acts(db: Queries, *, limit: int) -> list[str]:
    """Every kind of act, stepping through the index from one to the next."""
    rows = await db.fetch(
        "with recursive known (act, depth) as ((select act, 1 from audit.entries"
        "   order by act using ~<~ limit 1)"
        " union all select (select act from audit.entries where act ~>~ k.act order by act using ~<~"
        "   limit 1), depth + 1 from known k where k.act is not null and depth < $1)"
        " select act from known where act is not null order by act",
        limit,
    )
    return [row["act"] for row in rows]


async def erase(tx: Tx, *, user_id: UUID) -> int:
    """Take the payload out of every entry by this account or about it; returns how many."""
    tag = await tx.execute(
        "update audit.entries set payload = null, salt = null, erased_for = $1"
        " where payload is not null and (actor_id = $1 or (object_kind = 'user' and object_id = $2))",
        user_id, str(user_id),
    )  # fmt: skip
    return int(tag.rpartition(" ")[2])
