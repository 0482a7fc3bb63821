"""An import or export of files: bytes read for the progress bar, pictures beside the table, error file."""

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from mercato.contracts.catalog import Catalog, RowError
from mercato.imports.export import export_products
from mercato.imports.mapping import load_mapping
from mercato.imports.products import ImportReport, ProductImport
from mercato.imports.reading import FileRefused
from mercato.kernel.context import Context
from mercato.kernel.csv_cells import guarded

MAX_PICTURE_BYTES = 10 * 1024 * 1024
PICTURE_FOLDERS = ("", "images", "assets", "photos")

Progress = Callable[[int, int, ImportReport], None]
"""Bytes read, bytes of the file, what was done so far."""


class ErrorFile:
    """A CSV file of refused rows, made when the first one comes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        path.unlink(missing_ok=True)

    def add(self, error: RowError) -> None:
        is_new = self.count == 0
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            if is_new:
                writer.writerow(("row", "field", "code", "message"))
            writer.writerow((error.row, *map(guarded, (error.field, error.code, error.message))))
        self.count += 1


async def import_products_file(
    catalog: Catalog,
    ctx: Context,
    file: Path,
    *,
    mapping: str,
    dry_run: bool = False,
    pictures: Path | None = None,
    progress: Progress = lambda *_: None,
) -> tuple[ImportReport, ErrorFile]:
    """Import a CSV file; refused rows go to `<file>.errors.csv`. Raises FileRefused, MappingError."""
    if not file.is_file():
        raise FileRefused(f"There is no file {file}.")
    total = file.stat().st_size
    folder = (pictures or file.parent).resolve()
    errors = ErrorFile(file.with_name(f"{file.name}.errors.csv"))
    job = ProductImport(
        catalog,
        ctx,
        load_mapping(mapping),
        picture_of=lambda name: read_picture(folder, name),
        refuse=errors.add,
        dry_run=dry_run,
    )

    def counted_lines() -> Iterator[str]:
        read = 0
        with file.open(encoding="utf-8-sig", newline="") as lines:
            for line in lines:
                read += len(line.encode())
                progress(min(read, total), total, job.report)
                yield line

    try:
        return await job.run(counted_lines()), errors
    except UnicodeDecodeError as error:
        raise FileRefused(f"{file} is not UTF-8: save it as UTF-8 and try again ({error.reason}).") from None


async def export_products_file(
    catalog: Catalog, ctx: Context, file: Path, tell: Callable[[int], None] = lambda _: None
) -> int:
    """Write every product to `file`, complete or not at all; returns how many."""
    temporary = file.with_name(f".{file.name}.part")
    try:
        with temporary.open("w", encoding="utf-8", newline="") as target:
            count = await export_products(catalog, ctx, target, tell)
        temporary.replace(file)
        return count
    finally:
        temporary.unlink(missing_ok=True)


def read_picture(folder: Path, name: str) -> bytes:
    """A picture below `folder`, or in one of its usual subfolders. Raises OSError; never reads outside."""
    for inner in PICTURE_FOLDERS:
        path = (folder / inner / name).resolve()
        if path.is_relative_to(folder) and path.is_file():
            if path.stat().st_size > MAX_PICTURE_BYTES:
                raise OSError(f"{name} is larger than 10 MiB")
            return path.read_bytes()
    raise FileNotFoundError(name)
