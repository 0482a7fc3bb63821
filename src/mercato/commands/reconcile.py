"""mercato reconcile PROVIDER"""

import asyncio
from pathlib import Path

import msgspec

from mercato.commands.surroundings import DEFAULT_DATA_DIR, open_shop, shop_settings
from mercato.contracts.shared import Verification
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.settings import Settings


def reconcile(provider: str, *, json: bool = False, data_dir: Path = DEFAULT_DATA_DIR) -> int:
    """Compare our payments with the provider's own list; exit code 1 when they differ.

    Parameters
    ----------
    provider
        Its code, for example stripe or simulator.
    json
        Print one JSON object instead of lines.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    found = asyncio.run(_reconcile(shop_settings(data_dir), provider))
    if json:
        print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
        return 1 if found.differences else 0
    print(f"{provider}: {found.checked} charges checked")
    for one in found.differences:
        print(f"{one.check} of {one.subject}: expected {one.expected}, found {one.found}")
    print("Everything agrees." if not found.differences else f"{len(found.differences)} differences.")
    return 1 if found.differences else 0


async def _reconcile(settings: Settings, provider: str) -> Verification:
    from mercato.contracts.payments import Payments

    async with open_shop(settings) as shop:
        return await shop.client(Payments).reconcile(SYSTEM_CONTEXT, provider=provider)
