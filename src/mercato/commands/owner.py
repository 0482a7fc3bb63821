"""mercato users create-owner"""

import asyncio
from pathlib import Path

from mercato.commands.surroundings import DEFAULT_DATA_DIR, CommandError, shop_settings


def create_owner(*, email: str | None = None, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Create the first owner with MERCATO_OWNER_PASSWORD, or print a new password once.

    Parameters
    ----------
    email
        Address to sign in with; MERCATO_OWNER_EMAIL by default.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    asyncio.run(_create_owner(email, data_dir))


async def _create_owner(email: str | None, data_dir: Path) -> None:
    from mercato import compose
    from mercato.contracts.users import Users
    from mercato.kernel.context import SYSTEM_CONTEXT

    settings = shop_settings(data_dir)
    address = email or settings.owner_email
    if not address:
        raise CommandError("say who: `mercato users create-owner --email you@example.org`")
    shop = await compose.start(settings, ["users"])
    try:
        given = settings.owner_password or None
        generated = await shop.client(Users).ensure_owner(SYSTEM_CONTEXT, email=address, password=given)
    finally:
        await shop.stop()
    if generated is not None:
        print(f"Owner {address}\nPassword {generated}   (shown only now: keep it)")
    else:
        print(
            f"Owner {address} is there, with the password given." if given else "There is an owner already."
        )
