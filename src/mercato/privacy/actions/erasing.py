"""Forgetting a person in every service. A row remembers who until it is done, so a crash only delays it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import structlog

from mercato.contracts.personal import PersonalRecords, Subject
from mercato.contracts.users import AccountDeleted
from mercato.kernel import clock
from mercato.kernel.acts import acted
from mercato.kernel.background.jobs import JobRun
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import Tx
from mercato.kernel.errors import Unavailable
from mercato.kernel.failpoints import failpoint
from mercato.kernel.ids import new_id
from mercato.privacy import store
from mercato.privacy.parts import Parts

ERASE = "erase"
RESUME_BATCH = 100
SETTLING = "Events about this person are on their way."
MAIL = "mail_waiting"

log = structlog.get_logger()


class ErasureWork(msgspec.Struct, frozen=True):
    """The erasure to carry out."""

    erasure_id: UUID


class Erasing:
    """Carries erasures out, each step safe to repeat."""

    def __init__(self, parts: Parts, own: PersonalRecords) -> None:
        self._parts = parts
        self._own = own

    async def hear(self, tx: Tx, events: Sequence[AccountDeleted]) -> None:
        """An account was deleted: everything else about its person goes too."""
        for event in events:
            subject = Subject(user_id=event.user_id, emails=[event.email.lower(), *event.former_emails])
            await begin(self._parts, tx, subject, asked_by="self")

    async def resume(self) -> None:
        """Take up what still waits: for an order to end, or after a crash."""
        for erasure_id in await store.waiting_erasures(self._parts.db, limit=RESUME_BATCH):
            await self._parts.jobs.add(self._parts.db, ERASE, ErasureWork(erasure_id), key=str(erasure_id))

    async def run(self, job: JobRun, work: ErasureWork) -> None:
        """Wait until nothing is open and every service has heard, then erase everywhere.

        Raises Unavailable while events or a mail are on their way: the job comes again.
        """
        found = await store.subject_of(self._parts.db, erasure_id=work.erasure_id)
        if found is None:
            return
        subject = await self._parts.known(found)
        await store.remember(self._parts.db, erasure_id=work.erasure_id, subject=subject)
        await self._await_events(work.erasure_id, subject)  # the last mail is one of their effects
        if await self._waits_for_people(work.erasure_id, subject):
            return  # the schedule looks again
        changed = 0
        holders = [*self._parts.holders.values(), self._own]
        for done, holder in enumerate(holders):
            await job.progress(done, len(holders))
            changed += await holder.erase_personal_data(SYSTEM_CONTEXT, subject=subject)
            failpoint("erasure.step")
        again = await self._parts.known(Subject(user_id=found.user_id, emails=found.emails))
        if set(again.order_ids) - set(subject.order_ids):
            raise Unavailable("erasure_again", "There is another order by now.")
        await self._finish(work.erasure_id, changed)

    async def _waits_for_people(self, erasure_id: UUID, subject: Subject) -> bool:
        """Whether somebody has to end something first: an order, a return, a debt. It is noted."""
        matters = await self._parts.open_matters(subject)
        waits_for = " ".join(matter.detail for matter in matters)
        if matters:
            await store.wait(self._parts.db, erasure_id=erasure_id, waits_for=waits_for)
        if [matter.code for matter in matters] == [MAIL]:
            raise Unavailable("erasure_waits", waits_for)
        return bool(matters)

    async def _await_events(self, erasure_id: UUID, subject: Subject) -> None:
        """Raise Unavailable while a service has yet to hear of this person: the job comes again soon."""
        try:
            for holder in (*self._parts.holders.values(), self._own):
                await holder.refuse_unsettled(SYSTEM_CONTEXT, subject=subject)
        except Unavailable:
            await store.wait(self._parts.db, erasure_id=erasure_id, waits_for=SETTLING)
            raise

    async def _finish(self, erasure_id: UUID, changed: int) -> None:
        async with self._parts.db.transaction() as tx:
            await store.finish(tx, erasure_id=erasure_id, rows_changed=changed, now=clock.now())
            await self._parts.outbox.add(tx, acted(SYSTEM_CONTEXT, "erasure.done", "erasure", erasure_id))
        log.info("a person was erased", erasure=str(erasure_id), rows=changed)


async def begin(parts: Parts, tx: Tx, subject: Subject, *, asked_by: str) -> UUID | None:
    """Note who has to be forgotten, with a job; None when it is noted already."""
    erasure_id = await store.begin(
        tx, erasure_id=new_id(), subject=subject, asked_by=asked_by, now=clock.now()
    )
    if erasure_id is not None:
        await parts.jobs.add(tx, ERASE, ErasureWork(erasure_id), key=str(erasure_id))
    return erasure_id
