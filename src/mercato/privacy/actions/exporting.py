"""A copy of everything about a person: gathered from every service, kept for a while, told by mail."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from mercato.contracts.personal import PersonalRecords, Subject
from mercato.contracts.privacy import ExportReady
from mercato.kernel import clock
from mercato.kernel.background.jobs import MAX_ATTEMPTS, JobRun
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.privacy import store
from mercato.privacy.archive import write_archive
from mercato.privacy.parts import Parts

EXPORT = "export"


class ExportWork(msgspec.Struct, frozen=True):
    """The copy to make."""

    export_id: UUID


class Exporting:
    """Makes the copies that were asked for."""

    def __init__(self, parts: Parts, own: PersonalRecords, in_thread: Callable[..., Awaitable[Any]]) -> None:
        self._parts = parts
        self._own = own
        self._in_thread = in_thread

    async def run(self, job: JobRun, work: ExportWork) -> None:
        """Make the copy; after the last try that fails it can be asked for anew."""
        try:
            await self._make(job, work)
        except Exception:
            if job.attempt >= MAX_ATTEMPTS:
                await store.give_up_export(self._parts.db, export_id=work.export_id)
            raise

    async def _make(self, job: JobRun, work: ExportWork) -> None:
        """Gather, pack, keep; a second run finds it ready and does nothing."""
        export = await store.waiting_export(self._parts.db, export_id=work.export_id)
        if export is None:
            return
        user_id: UUID | None = export["user_id"]
        whose = (
            await self._parts.subject_of(user_id) if user_id else Subject(emails=[export["email"].lower()])
        )
        subject = await self._parts.known(whose)
        holders = {**self._parts.holders, "privacy": self._own}
        gathered: dict[str, dict[str, list[str]]] = {}
        for done, (name, holder) in enumerate(holders.items()):
            await job.progress(done, len(holders), name)
            gathered[name] = await _everything(holder, subject)
        now = clock.now()
        content = await self._in_thread(write_archive, gathered, email=export["email"], at=now)
        async with self._parts.db.transaction() as tx:
            is_new = await store.keep_export(tx, export_id=work.export_id, content=content, now=now)
            if is_new and export["asked_by"] == "self":
                ready = ExportReady(
                    user_id=export["user_id"], email=export["email"], name=export["name"],
                    locale=export["locale"], export_id=work.export_id,
                )  # fmt: skip
                await self._parts.outbox.add(tx, ready)


async def _everything(holder: PersonalRecords, subject: Subject) -> dict[str, list[str]]:
    """All pages of one service: section → rows, each a JSON object as text."""
    found: dict[str, list[str]] = {}
    cursor: str | None = None
    while True:
        page = await holder.personal_data(SYSTEM_CONTEXT, subject=subject, cursor=cursor)
        for part in page.parts:
            found.setdefault(part.section, []).extend(part.rows)
        if page.next_cursor is None:
            return found
        cursor = page.next_cursor
