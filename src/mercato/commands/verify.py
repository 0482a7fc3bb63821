"""mercato verify"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mercato.commands.surroundings import DEFAULT_DATA_DIR, open_shop, shop_settings
from mercato.contracts.shared import Difference
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.settings import Settings

if TYPE_CHECKING:
    from mercato.compose import Shop
    from mercato.kernel.system.report import SystemReport

POLL_S = 0.1
LOOK_AGAIN_S = 1.0
"""Comparing everything is work for a large shop."""


class Report(msgspec.Struct, frozen=True):
    """What `mercato verify` found; `checked` counts compared things per service."""

    ok: bool
    checked: dict[str, int]
    differences: list[Difference]


def verify(*, json: bool = False, wait_s: float = 60.0, data_dir: Path = DEFAULT_DATA_DIR) -> int:
    """Recompute stock, orders, payments and events from their ledgers; exit code 1 when they differ.

    Parameters
    ----------
    json
        Print one JSON object instead of lines.
    wait_s
        How long what is under way may take: events that travel, a checkout that was cut off.
    data_dir
        The shop that runs from this directory, unless DATABASE_URL names a database.
    """
    report = asyncio.run(_verify(shop_settings(data_dir), wait_s))
    if json:
        print(msgspec.json.format(msgspec.json.encode(report), indent=1).decode())
    else:
        _print_lines(report)
    return 0 if report.ok else 1


async def _verify(settings: Settings, wait_s: float) -> Report:
    async with open_shop(settings) as shop:
        return await report_of(shop, wait_s=wait_s)


async def report_of(shop: "Shop", *, wait_s: float) -> Report:
    """Compare all books of a running shop; what differs is looked at again until `wait_s` is over.

    A shop at work is never at rest: between a charge and its record lies a moment, after a crash a lease.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + wait_s
    while True:
        report, differences = await _arrived(shop, end)
        checked = {"events": len(report.outboxes)}
        differences += await _differences(shop, checked)
        if not differences or loop.time() > end:
            return Report(ok=not differences, checked=checked, differences=differences)
        await asyncio.sleep(LOOK_AGAIN_S)


async def _differences(shop: "Shop", checked: dict[str, int]) -> list[Difference]:
    """What the services say about their own books."""
    from mercato.contracts.audit import Audit
    from mercato.contracts.carts import Carts
    from mercato.contracts.catalog import Catalog
    from mercato.contracts.orders import Orders
    from mercato.contracts.payments import Payments
    from mercato.contracts.stock import Stock

    found: list[Difference] = []
    for name, service in (
        ("stock", shop.client(Stock)),
        ("orders", shop.client(Orders)),
        ("payments", shop.client(Payments)),
        ("audit", shop.client(Audit)),
    ):
        verification = await service.verify(SYSTEM_CONTEXT)
        checked[name] = verification.checked
        found += verification.differences
    for check, count in (
        ("promotion_uses", await shop.client(Carts).verify(SYSTEM_CONTEXT)),
        ("search_index", await shop.client(Catalog).verify(SYSTEM_CONTEXT)),
    ):
        if count:
            found.append(Difference(check, "all", "0 differing", f"{count} differing"))
    return found


async def _arrived(shop: "Shop", end: float) -> tuple["SystemReport", list[Difference]]:
    """What the shop says of itself, with the events that are still under way at `end` or were given up."""
    loop = asyncio.get_running_loop()
    while True:
        report = await shop.system.report(SYSTEM_CONTEXT)
        found = _stuck(report)
        if not found or loop.time() > end:
            return report, found
        await asyncio.sleep(POLL_S)


def _stuck(report: "SystemReport") -> list[Difference]:
    from mercato.compose import MODULES

    told = {one.schema for one in report.outboxes}
    keepers = [name for name, module in MODULES.items() if module.keeps_events]
    silent = [Difference("outbox", name, "a report", "none") for name in keepers if name not in told]
    silent += [Difference("consumer", name, "a report", "none") for name in report.silent_consumers]
    counts = [("outbox", one.schema, one.unsent) for one in report.outboxes]
    counts += [("dead_letters", one.schema, one.dead_letters) for one in report.outboxes]
    counts += [("consumer", one.name, one.pending + one.unacknowledged) for one in report.consumers]
    return silent + [Difference(check, subject, "0", str(count)) for check, subject, count in counts if count]


def _print_lines(report: Report) -> None:
    for name, count in report.checked.items():
        print(f"{name:<12} {count} checked")
    for one in report.differences:
        print(f"{one.check} of {one.subject}: expected {one.expected}, found {one.found}")
    print("Everything agrees." if report.ok else f"{len(report.differences)} differences.")
