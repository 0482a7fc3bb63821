"""What a service keeps about people, said as data: where it stands, what an export shows, what an erasure
leaves. Events, dead letters and jobs about a person go with it.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import msgspec

from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.errors import Denied
from mercato.kernel.messaging.traces import Traces, rows_of
from mercato.kernel.runtime import Runtime

ROWS = 200
PAGE_CHARACTERS = 300_000
FORGET_BATCH = 2000

_SUBJECT = (
    "with s as (select $1::uuid as user_id, $2::text[] as emails, $3::uuid[] as order_ids,"
    " $4::uuid[] as cart_ids, $5::uuid[] as parcel_ids) "
)


class Subject(msgspec.Struct, frozen=True):
    """Whose data it is: an account, addresses in lower case, and what is known to be theirs."""

    user_id: UUID | None = None
    emails: list[str] = []
    order_ids: list[UUID] = []
    cart_ids: list[UUID] = []
    parcel_ids: list[UUID] = []

    def needles(self) -> list[str]:
        """Patterns of LIKE for whatever names this person in the text of an event, in lower case."""
        ids = [each for each in (self.user_id, *self.order_ids, *self.cart_ids, *self.parcel_ids) if each]
        return [f"%{_literal(text)}%" for text in (*self.emails, *map(str, ids))]


class Records(msgspec.Struct, frozen=True):
    """Rows of one kind about a person; each is a JSON object as text."""

    section: str
    rows: list[str]


class RecordsPage(msgspec.Struct, frozen=True):
    """A part of what a service keeps about a person; `next_cursor` is None on the last one."""

    parts: list[Records]
    next_cursor: str | None


class OpenMatter(msgspec.Struct, frozen=True):
    """Why a person cannot be erased yet, for people."""

    code: str
    detail: str


class Forgotten(msgspec.Struct, frozen=True):
    """What retention took away: a kind of record, after how many days, how many rows."""

    what: str
    days: int
    rows: int


class PersonalTable(msgspec.Struct, frozen=True, kw_only=True):
    """Rows about people. `of` says which of `t` are a subject's (`s`), `columns` what an export shows.

    `erase` is `delete`, or the list of a SET; empty where nothing in it names anybody, or the law keeps it.
    The first column orders the rows.
    """

    section: str
    table: str
    of: str
    columns: str
    erase: str = ""


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """An open matter: there is one while rows of `table` are the subject's and `of` holds."""

    code: str
    detail: str
    table: str
    of: str


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Records that are kept for a time: rows of `table` where `old` holds for the moment $1."""

    what: str
    days: int
    table: str
    old: str
    change: str = ""
    """The list of a SET; rows are deleted when it is empty."""


class PersonalRows:
    """The rows about people of one service."""

    def __init__(
        self,
        runtime: Runtime,
        schema: str,
        tables: Sequence[PersonalTable],
        *,
        matters: Sequence[Matter] = (),
        kept: Sequence[Kept] = (),
    ) -> None:
        self.schema = schema
        self._db = runtime.database(schema)
        self._traces = Traces(schema, self._db, runtime.broker)
        self._tables = tuple(tables)
        self._matters = tuple(matters)
        self._kept = tuple(kept)

    async def page(self, subject: Subject, cursor: str | None) -> RecordsPage:
        """The rows from `cursor` on, cut to what fits into one message."""
        index, offset = (int(part) for part in (cursor or "0:0").split(":"))
        if index >= len(self._tables):
            return RecordsPage([], None)
        table = self._tables[index]
        rows = await self._db.fetch(
            f"{_SUBJECT} select to_jsonb(r)::text as row from (select {table.columns} from {table.table} t, s"
            f" where {table.of} order by 1 limit {ROWS} offset $6) r",
            *_values(subject),
            offset,
        )
        taken: list[str] = []
        size = 0
        for row in rows:
            size += len(row["row"])
            if taken and size > PAGE_CHARACTERS:
                break
            taken.append(row["row"])
        is_whole = len(taken) == len(rows) and len(rows) < ROWS
        following = f"{index + 1}:0" if is_whole else f"{index}:{offset + len(taken)}"
        is_last = is_whole and index + 1 == len(self._tables)
        return RecordsPage([Records(table.section, taken)], None if is_last else following)

    async def open_matters(self, subject: Subject) -> list[OpenMatter]:
        found = []
        for matter in self._matters:
            if await self._db.fetchval(
                f"{_SUBJECT} select exists(select from {matter.table} t, s where {matter.of})",
                *_values(subject),
            ):
                found.append(OpenMatter(matter.code, matter.detail))
        return found

    async def refuse_unsettled(self, subject: Subject) -> None:
        await self._traces.refuse_unsettled(subject.needles())

    async def erase(self, subject: Subject) -> int:
        """Erase in one transaction, then the traces. Safe to repeat; returns how many rows changed."""
        changed = 0
        async with self._db.transaction() as tx:
            for table in self._tables:
                if table.erase == "delete":
                    sql = f"{_SUBJECT} delete from {table.table} t using s where {table.of}"
                elif table.erase:
                    sql = f"{_SUBJECT} update {table.table} t set {table.erase} from s where {table.of}"
                else:
                    continue
                changed += rows_of(await tx.execute(sql, *_values(subject)))
        return changed + await self._traces.purge(subject.needles())

    async def forget_old(self) -> list[Forgotten]:
        """Take away what is older than its time, in batches."""
        return [Forgotten(kept.what, kept.days, await self._forget(kept)) for kept in self._kept]

    async def _forget(self, kept: Kept) -> int:
        before = clock.now() - timedelta(days=kept.days)
        chosen = (
            f"t.ctid = any(array(select t.ctid from {kept.table} t where {kept.old} limit {FORGET_BATCH}))"
        )
        verb = f"update {kept.table} t set {kept.change}" if kept.change else f"delete from {kept.table} t"
        total = 0
        while True:
            count = rows_of(await self._db.execute(f"{verb} where {chosen}", before))
            total += count
            if count < FORGET_BATCH:
                return total


class KeepsPersonalData:
    """The part of a service that implements `contracts.personal.PersonalRecords`: for Mercato itself only."""

    personal: PersonalRows

    async def personal_data(
        self, ctx: Context, *, subject: Subject, cursor: str | None = None
    ) -> RecordsPage:
        _require_system(ctx)
        return await self.personal.page(subject, cursor)

    async def open_matters(self, ctx: Context, *, subject: Subject) -> list[OpenMatter]:
        _require_system(ctx)
        return await self.personal.open_matters(subject)

    async def refuse_unsettled(self, ctx: Context, *, subject: Subject) -> None:
        _require_system(ctx)
        await self.personal.refuse_unsettled(subject)

    async def erase_personal_data(self, ctx: Context, *, subject: Subject) -> int:
        _require_system(ctx)
        return await self.personal.erase(subject)

    async def forget_old(self, ctx: Context) -> list[Forgotten]:
        _require_system(ctx)
        return await self.personal.forget_old()


def _values(subject: Subject) -> tuple[object, ...]:
    return (subject.user_id, subject.emails, subject.order_ids, subject.cart_ids, subject.parcel_ids)


def _literal(text: str) -> str:
    return text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _require_system(ctx: Context) -> None:
    if ctx.principal.kind is not PrincipalKind.SYSTEM:
        raise Denied(detail="Only Mercato itself gathers and erases what is kept about a person.")
