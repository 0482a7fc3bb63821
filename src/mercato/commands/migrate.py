"""mercato migrate"""

import asyncio
from pathlib import Path

from mercato.commands.surroundings import DEFAULT_DATA_DIR, shop_settings


def migrate(*, data_dir: Path = DEFAULT_DATA_DIR) -> None:
    """Bring the database to this version. Prints each file applied; safe to run at any time, from anywhere.

    Parameters
    ----------
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    from mercato import compose

    applied = asyncio.run(compose.migrate_all(shop_settings(data_dir)))
    for name in applied:
        print(name)
    print(f"{len(applied)} applied" if applied else "The database is up to date.")
