"""Which shop a command works on: the one the environment names, else the one that runs from a directory."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mercato.refusals import Refusal
from mercato.settings import Settings, load
from mercato.supervisor.directory import running_shop

if TYPE_CHECKING:
    from mercato.compose import Shop

DEFAULT_DATA_DIR = Path(".mercato")


class CommandError(Refusal):
    """The command cannot do what was asked; the message is one line that names the cure."""


def shop_settings(data_dir: Path = DEFAULT_DATA_DIR) -> Settings:
    """The settings of the shop to work on. Raises CommandError when there is none.

    Only warnings are logged: standard output belongs to the command's answer.
    """
    from mercato.kernel.telemetry import configure_logging

    settings = _settings(data_dir)
    configure_logging(msgspec.structs.replace(settings, log_level="warning"))
    return settings


def _settings(data_dir: Path) -> Settings:
    if "DATABASE_URL" in os.environ:
        return load()
    running = running_shop(data_dir.expanduser().absolute())
    if running is None:
        raise CommandError(
            f"no shop runs from {data_dir}: start it with `mercato up`, give its --data-dir,"
            " or set DATABASE_URL and NATS_URL"
        )
    return load({**running["environment"], **os.environ})


@contextlib.asynccontextmanager
async def open_shop(settings: Settings) -> AsyncIterator["Shop"]:
    """Clients of the processes that run; when none does, the services in this process."""
    from mercato import compose
    from mercato.kernel.context import SYSTEM_CONTEXT

    shop = await compose.start(settings)
    try:
        if not (await shop.system.report(SYSTEM_CONTEXT)).processes:
            await shop.stop()
            shop = await compose.start(settings, [name for name in compose.MODULES if name != compose.EDGE])
        yield shop
    finally:
        await shop.stop()
