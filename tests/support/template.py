"""The schema every test database starts with: all migrations of all services."""

from importlib.resources import files

from mercato.kernel.migrate import migrate, migrations_of
from mercato.settings import SERVICES


async def migrate_template(url: str) -> None:
    """Apply the migrations of every service package to the database at `url`."""
    found = []
    for service in SERVICES:
        try:
            folder = files(f"mercato.{service}").joinpath("migrations")
        except ModuleNotFoundError:
            continue
        if folder.is_dir():
            found += migrations_of(f"mercato.{service}", service)
    await migrate(url, found)
