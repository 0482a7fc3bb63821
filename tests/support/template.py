"""The schema every test database starts with: all migrations of all services."""

from importlib.resources import files

from mercato.kernel.migrate import migrate, migrations_of

PACKAGES = {
    "kernel": "mercato.kernel",
    "users": "mercato.users",
    "catalog": "mercato.catalog",
    "stock": "mercato.catalog.stock",
    "carts": "mercato.carts",
    "orders": "mercato.orders",
    "payments": "mercato.payments",
    "simulator": "mercato.payments.simulator",
    "notifications": "mercato.notifications",
    "audit": "mercato.audit",
    "carriers": "mercato.carriers",
    "simulated_carrier": "mercato.carriers.simulator",
    "privacy": "mercato.privacy",
    "edge": "mercato.edge",
}


async def migrate_template(url: str) -> None:
    """Apply the migrations of every service package to the database at `url`."""
    found = []
    for schema, package in PACKAGES.items():
        try:
            folder = files(package).joinpath("migrations")
        except ModuleNotFoundError:
            continue
        if folder.is_dir():
            found += migrations_of(package, schema)
    await migrate(url, found)
