"""mercato import products, mercato export products"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from mercato.commands.surroundings import DEFAULT_DATA_DIR, open_shop, shop_settings
from mercato.settings import Settings

if TYPE_CHECKING:
    from mercato.imports.files import ErrorFile
    from mercato.imports.products import ImportReport


def import_products(
    file: Path,
    *,
    map: str = "mercato",
    dry_run: bool = False,
    pictures: Path | None = None,
    data_dir: Path = DEFAULT_DATA_DIR,
) -> int:
    """Create and update products from a CSV file. The same file again changes nothing.

    Rows that are refused go to FILE.errors.csv and the others are written; the exit code is then 1.

    Parameters
    ----------
    file
        A CSV file in UTF-8.
    map
        Which column means what: mercato, demo, vendure, or a TOML or JSON file of your own.
    dry_run
        Check everything and write nothing.
    pictures
        Folder of the pictures that the file names; the file's own folder otherwise.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    settings = shop_settings(data_dir)
    report, errors = asyncio.run(_import(settings, file, map, dry_run, pictures))
    would = "would be " if dry_run else ""
    print(
        f"{report.products} products read: {report.created} {would}created, {report.updated} {would}updated, "
        f"{report.unchanged} unchanged, {report.refused} refused; {report.pictures} pictures"
    )
    if errors.count:
        print(f"{errors.count} errors in {errors.path}")
    return 1 if errors.count else 0


def export_products(file: Path, *, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Write every product to a CSV file that `mercato import products` reads back.

    Parameters
    ----------
    file
        Where to write; replaced when it exists.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    print(f"{asyncio.run(_export(shop_settings(data_dir), file))} products written to {file}")


async def _import(
    settings: Settings, file: Path, mapping: str, dry_run: bool, pictures: Path | None
) -> "tuple[ImportReport, ErrorFile]":
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from mercato.contracts.catalog import Catalog
    from mercato.imports.files import import_products_file
    from mercato.imports.products import ImportReport
    from mercato.kernel.context import SYSTEM_CONTEXT

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    async with open_shop(settings) as shop:
        with Progress(*columns, transient=True) as bar:
            task = bar.add_task("Products", total=None)

            def progress(read: int, total: int, report: ImportReport) -> None:
                done = report.created + report.updated + report.unchanged
                bar.update(task, completed=read, total=total, description=f"{done} products")

            return await import_products_file(
                shop.client(Catalog),
                SYSTEM_CONTEXT,
                file,
                mapping=mapping,
                dry_run=dry_run,
                pictures=pictures,
                progress=progress,
            )


async def _export(settings: Settings, file: Path) -> int:
    from mercato.contracts.catalog import Catalog
    from mercato.imports.files import export_products_file
    from mercato.kernel.context import SYSTEM_CONTEXT

    async with open_shop(settings) as shop:
        return await export_products_file(shop.client(Catalog), SYSTEM_CONTEXT, file)
