"""The privacy service: who may ask for what; the work itself is done by jobs."""

from datetime import timedelta
from uuid import UUID

from mercato.contracts.personal import Forgotten, Subject
from mercato.contracts.privacy import Erasure, Export, ExportPart, RetentionRun
from mercato.contracts.shared import DEFAULT_LIMIT, Page
from mercato.kernel import clock
from mercato.kernel.acts import acted
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Invalid, NotFound, Throttled
from mercato.kernel.ids import new_id
from mercato.kernel.personal import KeepsPersonalData, PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.privacy import store
from mercato.privacy.actions.erasing import begin
from mercato.privacy.actions.exporting import EXPORT, ExportWork
from mercato.privacy.parts import Parts

PART_BYTES = 256 * 1024
RUNS_KEPT = 100
COPIES_A_DAY = 5


class PrivacyService(KeepsPersonalData):
    """Implements `contracts.privacy.Privacy`."""

    def __init__(self, parts: Parts, runtime: Runtime) -> None:
        self._parts = parts
        self._db = parts.db
        self._keep = timedelta(days=runtime.settings.keep_exports_days)
        self.personal = PersonalRows(runtime, "privacy", store.TABLES, kept=store.KEPT)

    async def request_export(self, ctx: Context) -> Export:
        user_id = ctx.principal.require_own_user_id()
        ctx.principal.require_recent()
        since = clock.now() - timedelta(days=1)
        if await store.asked_since(self._db, user_id=user_id, since=since) >= COPIES_A_DAY:
            raise Throttled(
                detail="You have asked for several copies today; come back tomorrow.",
                data={"retry_after_s": 86_400},
            )
        me = await self._parts.users.me(ctx)
        return await self._begin_export(
            ctx, user_id=user_id, email=me.email, name=me.name, locale=me.locale, asked_by="self"
        )

    async def exports(self, ctx: Context) -> list[Export]:
        user_id = ctx.principal.require_own_user_id()
        return await store.exports_of(self._db, user_id=user_id, now=clock.now())

    async def read_export(self, ctx: Context, *, export_id: UUID, offset: int = 0) -> ExportPart:
        now = clock.now()
        row = None
        if ctx.principal.may("write_customers"):
            row = await store.export_part(
                self._db, export_id=export_id, user_id=None, offset=offset, length=PART_BYTES, now=now
            )
        if row is None:
            user_id = ctx.principal.require_own_user_id()
            row = await store.export_part(
                self._db, export_id=export_id, user_id=user_id, offset=offset, length=PART_BYTES, now=now
            )
        if row is None:
            raise NotFound("export_not_found", "There is no such copy, or it has expired.")
        return ExportPart(f"data-{row['asked_at']:%Y-%m-%d}.zip", row["size"], row["content"])

    async def export_customer(
        self, ctx: Context, *, user_id: UUID | None = None, email: str | None = None
    ) -> Export:
        ctx.principal.require("write_customers")
        ctx.principal.require_recent()
        whose = await self._whose(user_id, email)
        return await self._begin_export(
            ctx, user_id=whose.user_id, email=whose.emails[0], name="", locale="en",
            asked_by=ctx.principal.label,
        )  # fmt: skip

    async def customer_exports(self, ctx: Context, *, limit: int = DEFAULT_LIMIT) -> Page[Export]:
        ctx.principal.require("read_customers")
        return Page(await store.staff_exports(self._db, limit=limit, now=clock.now()))

    async def erase_me(self, ctx: Context, *, password: str = "") -> None:
        user_id = ctx.principal.require_own_user_id()
        await self._refuse_open(await self._parts.subject_of(user_id))
        await self._parts.users.delete_me(ctx, password=password)

    async def erase_customer(
        self, ctx: Context, *, user_id: UUID | None = None, email: str | None = None
    ) -> Erasure | None:
        ctx.principal.require("write_customers")
        ctx.principal.require_recent()
        whose = await self._whose(user_id, email)
        await self._refuse_open(whose)
        if whose.user_id is not None:
            await self._parts.users.erase_account(ctx, user_id=whose.user_id)
            return None
        async with self._db.transaction() as tx:
            erasure_id = await begin(self._parts, tx, whose, asked_by=ctx.principal.label)
            assert erasure_id is not None
            await self._parts.outbox.add(tx, acted(ctx, "erasure.asked", "erasure", erasure_id))
        return await store.erasure(self._db, erasure_id=erasure_id)

    async def erasures(self, ctx: Context, *, limit: int = DEFAULT_LIMIT) -> Page[Erasure]:
        ctx.principal.require("read_customers")
        return Page(await store.erasures(self._db, limit=limit))

    async def last_retention(self, ctx: Context) -> RetentionRun | None:
        ctx.principal.require("read_system")
        return await store.last_run(self._db)

    async def run_retention(self, ctx: Context) -> RetentionRun:
        ctx.principal.require("write_system")
        run = await self._retain(ctx.principal.label)
        async with self._db.transaction() as tx:
            await self._parts.outbox.add(tx, acted(ctx, "retention.run", "retention", "now"))
        return run

    async def retain(self) -> None:
        """The nightly run."""
        await self._retain("schedule")

    async def _retain(self, asked_by: str) -> RetentionRun:
        started = clock.now()
        results: list[Forgotten] = []
        for holder in (*self._parts.holders.values(), self):
            results += await holder.forget_old(SYSTEM_CONTEXT)
        run = RetentionRun(started, clock.now(), asked_by, results)
        await store.note_run(self._db, run_id=new_id(), run=run, keep=RUNS_KEPT)
        return run

    async def _begin_export(
        self, ctx: Context, *, user_id: UUID | None, email: str, name: str, locale: str, asked_by: str
    ) -> Export:
        now = clock.now()
        async with self._db.transaction() as tx:
            export, is_new = await store.begin_export(
                tx, export_id=new_id(), user_id=user_id, email=email, name=name, locale=locale,
                asked_by=asked_by, asked_by_id=ctx.principal.id, now=now, expires_at=now + self._keep,
            )  # fmt: skip
            if is_new:
                await self._parts.jobs.add(tx, EXPORT, ExportWork(export.id), key=str(export.id))
                about = ("user", user_id) if user_id is not None else ("export", export.id)
                await self._parts.outbox.add(tx, acted(ctx, "personal_data.exported", *about))
        return export

    async def _whose(self, user_id: UUID | None, email: str | None) -> Subject:
        """The customer with an id, or whoever has an address. Raises NotFound, Invalid, Conflict."""
        if user_id is not None:
            user = await self._parts.users.get_user(SYSTEM_CONTEXT, user_id=user_id)
        elif email:
            found = await self._parts.account_of(email)
            if found is None:
                return await self._guest(email)
            user = found
        else:
            raise Invalid(detail="Name an account or an e-mail address.")
        if user.roles:
            raise Conflict("erasure_staff", "This account belongs to the staff: take its roles first.")
        return await self._parts.subject_of(user.id)

    async def _guest(self, email: str) -> Subject:
        if "@" not in email:
            raise Invalid(detail="Name an e-mail address.")
        return Subject(emails=[email.lower()])

    async def _refuse_open(self, subject: Subject) -> None:
        matters = await self._parts.open_matters(await self._parts.known(subject))
        standing = [matter for matter in matters if matter.code != "mail_waiting"]
        if standing:
            raise Conflict(
                "erasure_refused", " ".join(matter.detail for matter in standing),
                data={"reasons": [matter.code for matter in standing]},
            )  # fmt: skip
