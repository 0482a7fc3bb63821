"""Importing an uploaded file in the background."""

import io
from collections.abc import Callable
from uuid import UUID

import msgspec

from mercato.catalog.parts import Parts
from mercato.catalog.store import imports as store
from mercato.contracts.catalog import Catalog, ImportStatus, RowError
from mercato.imports.mapping import PRESETS, load_mapping
from mercato.imports.products import ProductImport
from mercato.imports.reading import FileRefused
from mercato.kernel import clock
from mercato.kernel.background.jobs import JobRun, Jobs
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import FieldError, Invalid, MercatoError
from mercato.kernel.ids import new_id

JOB = "import-products"
MAX_BYTES = 10 * 1024 * 1024
MAX_LINES = 100_000
KEPT_ERRORS = 1_000
TIMEOUT_S = 1_800.0
ATTEMPTS = 3


class ImportPayload(msgspec.Struct, frozen=True):
    import_id: UUID


async def start_import(
    parts: Parts, jobs: Jobs, ctx: Context, *, content: bytes, mapping: str, dry_run: bool
) -> UUID:
    """Keep the file and a job for it. Raises Invalid for an unknown mapping, no UTF-8, or too much of it."""
    (await parts.navigation()).channel(ctx.channel)
    if mapping not in PRESETS:
        text = f"Choose a mapping: {', '.join(PRESETS)}."
        raise Invalid("mapping_unknown", text, errors=[FieldError("mapping", "unknown", text)])
    if not 0 < len(content) <= MAX_BYTES:
        text = (
            f"Send a file of at most {MAX_BYTES // 2**20} MiB; larger ones go by `mercato import products`."
        )
        raise Invalid("file_too_large", text, errors=[FieldError("file", "too_large", text)])
    if content.count(b"\n") > MAX_LINES:
        text = f"Send a file of at most {MAX_LINES} lines; larger ones go by `mercato import products`."
        raise Invalid("file_too_long", text, errors=[FieldError("file", "too_long", text)])
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "The file is not UTF-8."
        raise Invalid("file_not_utf8", text, errors=[FieldError("file", "not_utf8", text)]) from None
    import_id = new_id()
    async with parts.database.transaction() as tx:
        await store.insert(
            tx, import_id=import_id, mapping=mapping, dry_run=dry_run, channel=ctx.channel, content=content,
            created_by=ctx.principal.label, at=clock.now(),
        )  # fmt: skip
        await jobs.add(tx, JOB, ImportPayload(import_id), key=str(import_id))
        told = {"mapping": mapping, "dry_run": dry_run, "bytes": len(content)}
        await parts.acted(tx, ctx, "import.started", ("import", import_id), after=told)
    return import_id


async def run_import(
    parts: Parts, catalog: Callable[[], Catalog], run: JobRun, payload: ImportPayload
) -> None:
    """Import the kept file; running it twice is importing the same file twice, which changes nothing."""
    begun = await store.begin(parts.database, import_id=payload.import_id)
    if begun is None:
        return
    content, mapping, dry_run, channel = begun
    errors: list[RowError] = []

    def refuse(error: RowError) -> None:
        if len(errors) < KEPT_ERRORS:
            errors.append(error)

    ctx = msgspec.structs.replace(SYSTEM_CONTEXT, channel=channel)
    work = ProductImport(
        catalog(), ctx, load_mapping(mapping), picture_of=None, refuse=refuse, dry_run=dry_run
    )
    message = ""
    try:
        await work.run(io.StringIO(content.decode("utf-8-sig"), newline=""))
    except FileRefused as error:
        message = str(error)
    except MercatoError as error:
        if run.attempt < ATTEMPTS:
            raise
        message = error.detail or error.code
    status = ImportStatus.FAILED if message else ImportStatus.DONE
    async with parts.database.transaction() as tx:
        await store.finish(
            tx, import_id=payload.import_id, status=status, report=work.report, errors=errors,
            message=message, at=clock.now(),
        )  # fmt: skip
        told = {"status": status, "created": work.report.created, "updated": work.report.updated,
                "refused": work.report.refused}  # fmt: skip
        about = ("import", payload.import_id)
        await parts.acted(tx, ctx, "import.finished", about, after=told, of_system=True)
