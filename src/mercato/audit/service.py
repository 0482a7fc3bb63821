"""The audit service: one consumer builds the chain, everything else reads it."""

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import msgspec
import structlog

from mercato.audit import chain, personal_store, store
from mercato.contracts.audit import AuditActor, AuditEntry, AuditFilter, ChainHead
from mercato.contracts.shared import DEFAULT_LIMIT, Difference, Page, Verification
from mercato.kernel import clock
from mercato.kernel.acts import Acted, Change, acted, changes_between
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.db import Row, Tx
from mercato.kernel.errors import NotFound
from mercato.kernel.pages import decode_cursor, encode_cursor
from mercato.kernel.personal import Forgotten, KeepsPersonalData, PersonalRows, Subject
from mercato.kernel.runtime import Runtime

VERIFY_BATCH = 2000
FAULTS_MAX = 50
ACTORS_MAX = 200
ACTS_MAX = 500
LISTED_MAX = 100
"""Entries that one told erasure lists."""
FORGET_BATCH = 1000

log = structlog.get_logger()


class AuditService(KeepsPersonalData):
    """Implements `contracts.audit.Audit`."""

    def __init__(self, runtime: Runtime) -> None:
        self.database = runtime.database("audit")
        self.outbox = runtime.outbox("audit")
        self.seal = chain.Seal(runtime.settings.secret_key)
        self.personal = PersonalRows(runtime, "audit", personal_store.TABLES)
        self._keep_days = runtime.settings.keep_audit_days

    async def take(self, tx: Tx, events: Sequence[Acted]) -> None:
        """Link acts into the chain, in the order in which they arrived."""
        end = await store.lock_head(tx)
        sequence, previous = end["sequence"], end["hash"]
        told = list(events)
        if not self.seal.holds(sequence, previous, end["seal"]):
            log.error("the audit chain was not sealed with this secret", sequence=sequence)
            told.insert(0, _seal_broken(sequence))
        links = []
        for act in told:
            entry = chain.link(
                act, sequence=sequence + 1, previous=previous, salt=os.urandom(chain.SALT_BYTES)
            )
            sequence, previous = entry.sequence, entry.hash
            links.append(entry)
        await store.append(tx, links=links, seal=self.seal.of(sequence, previous))

    async def entries(
        self, ctx: Context, *, where: AuditFilter, limit: int = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[AuditEntry]:
        ctx.principal.require("read_audit")
        before = decode_cursor(cursor, tuple[int])[0] if cursor else None
        found = await store.latest(
            self.database, act=_act_pattern(where.act), object_kind=where.object_kind or None,
            object_id=where.object_id or None, actor_id=where.actor_id, since=where.since,
            until=where.until, before=before, limit=limit + 1,
        )  # fmt: skip
        items = [_entry_of(row) for row in found[:limit]]
        return Page(items, encode_cursor((items[-1].sequence,)) if len(found) > limit else None)

    async def entry(self, ctx: Context, *, sequence: int) -> AuditEntry:
        ctx.principal.require("read_audit")
        row = await store.entry(self.database, sequence=sequence)
        if row is None:
            raise NotFound("audit_entry_not_found", "There is no such entry.")
        return _entry_of(row)

    async def actors(self, ctx: Context) -> list[AuditActor]:
        ctx.principal.require("read_audit")
        found = await store.actors(self.database, limit=ACTORS_MAX)
        return [AuditActor(row["actor_id"], _payload_of(row).actor_label) for row in found]

    async def acts(self, ctx: Context) -> list[str]:
        ctx.principal.require("read_audit")
        return await store.acts(self.database, limit=ACTS_MAX)

    async def head(self, ctx: Context) -> ChainHead:
        ctx.principal.require("read_audit")
        row = await store.head(self.database)
        return ChainHead(row["sequence"], row["hash"].hex(), row["at"])

    async def note_export(self, ctx: Context, *, where: AuditFilter, entries: int) -> None:
        ctx.principal.require("read_audit")
        told = [*changes_between(None, where), Change("entries", None, str(entries))]
        kept = [each for each in told if each.after]
        async with self.database.transaction() as tx:
            await self.outbox.add(tx, acted(ctx, "audit.exported", "audit", "log", changes=kept))

    async def erase_person(self, ctx: Context, *, user_id: UUID) -> int:
        ctx.principal.require("write_audit")
        async with self.database.transaction() as tx:
            count = await store.erase(tx, user_id=user_id)
            if count:
                told = [Change("entries", None, str(count))]
                await self.outbox.add(tx, acted(ctx, chain.PERSON_ERASED, "person", user_id, changes=told))
        return count

    async def erase_personal_data(self, ctx: Context, *, subject: Subject) -> int:
        """Entries about the account and its orders, and those that name it; the chain tells which."""
        await super().erase_personal_data(ctx, subject=subject)  # events first: they are what is told here
        orders = [str(each) for each in subject.order_ids]
        found = await personal_store.about(
            self.database, user_id=subject.user_id, emails=subject.emails, objects=orders
        )
        person_id = subject.user_id or uuid5(NAMESPACE_OID, " ".join(sorted(orders)))
        return await self._erase_listed(found, person_id)

    async def forget_old(self, ctx: Context) -> list[Forgotten]:
        """With a limit set, entries older than that keep their act and their place, and name nobody."""
        await super().forget_old(ctx)
        if not self._keep_days:
            return []
        moment, count = clock.now() - timedelta(days=self._keep_days), 0
        while old := await personal_store.before(self.database, moment=moment, limit=FORGET_BATCH):
            count += await self._erase_listed(old, chain.RETENTION)
        return [Forgotten("audit entries", self._keep_days, count)]

    async def _erase_listed(self, sequences: Sequence[int], person_id: UUID) -> int:
        """Erase entries that are not the person's own; an entry of the chain lists them."""
        count = 0
        for start in range(0, len(sequences), LISTED_MAX):
            batch = sequences[start : start + LISTED_MAX]
            async with self.database.transaction() as tx:
                erased = await personal_store.erase_entries(tx, sequences=batch, person_id=person_id)
                if erased:
                    told = [Change(chain.LISTED, None, " ".join(map(str, batch)))]
                    act = acted(SYSTEM_CONTEXT, chain.PERSON_ERASED, "person", person_id, changes=told)
                    await self.outbox.add(tx, act)
            count += erased
        return count

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_audit")
        end = await store.head(self.database)
        walk = chain.Walk(faults_max=FAULTS_MAX)
        checked = 0
        while rows := await store.entries_after(self.database, sequence=walk.sequence, limit=VERIFY_BATCH):
            known = [row for row in rows if row["sequence"] <= end["sequence"]]
            walk.read(chain.Link(**dict(row)) for row in known)
            checked += len(known)
            if len(known) < len(rows):
                break
        walk.end(
            end["sequence"], end["hash"],
            is_sealed=self.seal.holds(end["sequence"], end["hash"], end["seal"]),
        )  # fmt: skip
        return Verification(
            checked,
            [Difference(one.check, f"entry {one.sequence}", one.expected, one.found) for one in walk.faults],
        )


def _act_pattern(act: str) -> str | None:
    if not act:
        return None
    plain = act.replace("\\", "").replace("%", "").replace("_", "\\_")
    return plain if "." in plain else f"{plain}.%"


def _seal_broken(sequence: int) -> Acted:
    return acted(SYSTEM_CONTEXT, chain.SEAL_BROKEN, "audit", str(sequence))


def _payload_of(row: Row) -> chain.Payload:
    if row["payload"] is None:
        return chain.Payload()
    return msgspec.json.decode(row["payload"], type=chain.Payload)


def _entry_of(row: Row) -> AuditEntry:
    said: Any = _payload_of(row)
    return AuditEntry(
        sequence=row["sequence"], at=row["at"], act=row["act"], object_kind=row["object_kind"],
        object_id=row["object_id"], object_label=said.object_label, actor_kind=row["actor_kind"],
        actor_id=row["actor_id"], actor_label=said.actor_label, client_address=said.client_address,
        request_id=said.request_id, changes=said.changes, hash=row["hash"].hex(),
        is_erased=row["payload"] is None,
    )  # fmt: skip
