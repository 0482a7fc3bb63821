"""mercato prepare: everything between starting the servers and starting the workers."""

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from mercato.settings import Settings, load

if TYPE_CHECKING:
    from mercato.compose import Shop
    from mercato.supervisor.store import Setup

OWNER, DEMO = "owner", "demo shop"


def prepare(*, demo: bool = True) -> None:
    """Make the database, migrate it, create the owner and fill an empty shop; `mercato up` calls this.

    Each part is done once. Progress goes to standard output, one JSON object per line.

    Parameters
    ----------
    demo
        Fill an empty shop with the demo catalog.
    """
    from mercato.kernel.telemetry import configure_logging

    settings = load()
    configure_logging(settings)
    asyncio.run(_prepare(settings, demo))


async def _prepare(settings: Settings, demo: bool) -> None:
    from mercato import compose
    from mercato.supervisor.store import Setup

    await _ensure_database(settings)
    _tell("Migrations", "checking")
    applied = await compose.migrate_all(settings)
    _tell("Migrations", f"{len(applied)} applied" if applied else "none needed")
    setup = await Setup.open(settings.database_url_of("users"))
    try:
        if not demo and not await setup.is_done(OWNER):
            await setup.mark_done(DEMO)  # a shop begun without the demo never gets it by surprise
        missing = [step for step in (OWNER, DEMO) if not await setup.is_done(step)]
        if missing:
            await _fill(settings, setup, missing)
    finally:
        await setup.close()


async def _ensure_database(settings: Settings) -> None:
    """Our own server starts without the shop's database; on somebody else's, making it is their decision."""
    from mercato.supervisor.store import create_database

    parts = urlsplit(settings.database_url)
    if parts.hostname is None and "host=" in parts.query:
        await create_database(urlunsplit(parts._replace(path="/postgres")), parts.path.lstrip("/"))


async def _fill(settings: Settings, setup: "Setup", missing: list[str]) -> None:
    from mercato import compose

    services = [name for name in compose.MODULES if name != compose.EDGE]
    shop = await compose.start(settings, services if DEMO in missing else ["users"])
    try:
        if OWNER in missing:
            await _create_owner(shop, settings)
            await setup.mark_done(OWNER)
        if DEMO in missing:
            await _fill_with_demo(shop)
            await setup.mark_done(DEMO)
    finally:
        await shop.stop()


async def _create_owner(shop: "Shop", settings: Settings) -> None:
    from mercato.contracts.users import Users
    from mercato.kernel.context import SYSTEM_CONTEXT

    _tell("Owner", settings.owner_email)
    email, password = settings.owner_email, settings.owner_password or None
    generated = await shop.client(Users).ensure_owner(SYSTEM_CONTEXT, email=email, password=password)
    if generated is not None:
        _tell("Owner", email, password=generated)


async def _fill_with_demo(shop: "Shop") -> None:
    from mercato.demo import seed as seed_demo

    _tell("Demo shop", "reading")
    await seed_demo(shop, lambda note: _tell("Demo shop", note))


def _tell(step: str, note: str, **more: str) -> None:
    print(json.dumps({"step": step, "note": note, **more}), flush=True)
