"""mercato customers export, mercato customers erase, mercato retention"""

import asyncio
import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from mercato.commands.surroundings import DEFAULT_DATA_DIR, CommandError, open_shop, shop_settings
from mercato.settings import Settings

if TYPE_CHECKING:
    from mercato.contracts.privacy import Privacy, RetentionRun

LOOK_S = 0.2
MAX_WAIT_S = 300.0
ERASED_WITHIN_S = 120.0


def export_customer(email: str, file: Path, *, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Write everything that the shop knows about a person into a ZIP file; exit code 1 when it cannot.

    Parameters
    ----------
    email
        Of an account, or of orders as a guest.
    file
        Where to write it; only this user may read it.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    size = asyncio.run(_export(shop_settings(data_dir), email, file))
    print(f"{file}: {size} bytes")


def erase_customer(email: str, *, data_dir: Path = DEFAULT_DATA_DIR) -> int:
    """Forget a person for good; refused while an order is open or money is owed.

    Parameters
    ----------
    email
        Of an account, or of orders as a guest.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    waits_for = asyncio.run(_erase(shop_settings(data_dir), email))
    print(f"It waits. {waits_for}" if waits_for else "Forgotten.")
    return 0


def retention(*, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Take away everything whose time is over, as the shop does every night.

    Parameters
    ----------
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    run = asyncio.run(_retain(shop_settings(data_dir)))
    for one in run.results:
        print(f"{one.what}: {one.rows} older than {one.days} days")


async def _export(settings: Settings, email: str, file: Path) -> int:
    from mercato.contracts.privacy import ExportStatus, Privacy
    from mercato.kernel.context import SYSTEM_CONTEXT

    async with open_shop(settings) as shop:
        privacy = shop.client(Privacy)
        asked = await privacy.export_customer(SYSTEM_CONTEXT, email=email)
        async with asyncio.timeout(MAX_WAIT_S):
            while True:
                found = (await privacy.customer_exports(SYSTEM_CONTEXT)).items
                made = next((one for one in found if one.id == asked.id), None)
                if made is None or made.status is ExportStatus.FAILED:
                    raise CommandError("the copy could not be made; `mercato` logs why")
                if made.status is ExportStatus.READY:
                    break
                await asyncio.sleep(LOOK_S)
        return await _write(privacy, made.id, file)


async def _write(privacy: "Privacy", export_id: UUID, file: Path) -> int:
    """Part by part into the file; its size."""
    from mercato.kernel.context import SYSTEM_CONTEXT

    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as opened:
        size = 0
        while True:
            part = await privacy.read_export(SYSTEM_CONTEXT, export_id=export_id, offset=size)
            size += opened.write(part.content)
            if size >= part.total or not part.content:
                return size


async def _erase(settings: Settings, email: str) -> str:
    """Ask, then wait for the end; what it waits for when that takes longer."""
    from mercato.contracts.privacy import ErasureStatus, Privacy
    from mercato.kernel.context import SYSTEM_CONTEXT

    async with open_shop(settings) as shop:
        privacy = shop.client(Privacy)
        known = {one.id for one in (await privacy.erasures(SYSTEM_CONTEXT, limit=100)).items}
        await privacy.erase_customer(SYSTEM_CONTEXT, email=email)
        try:
            waits_for = ""
            async with asyncio.timeout(ERASED_WITHIN_S):
                while True:
                    found = (await privacy.erasures(SYSTEM_CONTEXT, limit=100)).items
                    new = [one for one in found if one.id not in known]
                    if new and all(one.status is ErasureStatus.DONE for one in new):
                        return ""
                    waits_for = " ".join(one.waits_for for one in new)
                    await asyncio.sleep(LOOK_S)
        except TimeoutError:
            return waits_for or "Others come first."


async def _retain(settings: Settings) -> "RetentionRun":
    from mercato.contracts.privacy import Privacy
    from mercato.kernel.context import SYSTEM_CONTEXT

    async with open_shop(settings) as shop:
        return await shop.client(Privacy).run_retention(SYSTEM_CONTEXT)
