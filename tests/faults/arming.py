"""Processes that wait for a failpoint, to be killed there."""

from collections.abc import Iterable

from support.proof import assert_books_agree
from support.shop import Shop, ShopProcess

ARMING_TRIES = 4
LEASES_LAST_S = 60
"""The longest: carts that are frozen without an order are opened after 40 s."""


def start_armed(shop: Shop, module: str, failpoint: str) -> ShopProcess:
    """The process of `module`, started again with a failpoint that waits for what comes next, unless it waits
    for that one already.

    Work that was due, such as a sweep, may pass the failpoint while the process starts: then the work is done
    without it, and it starts once more.
    """
    process = shop.process_of(module)
    if process.is_alive() and process.changes.get("MERCATO_FAILPOINT") == failpoint:
        return process
    for _ in range(ARMING_TRIES):
        process.stop()
        process.start(MERCATO_FAILPOINT=failpoint)
        if shop.is_soon_ready():
            return process
        assert not process.is_alive(), process.text()
        process.start()
        shop.await_ready()
        assert_books_agree(shop)
    raise AssertionError(f"{failpoint} was passed at every start:\n{process.text()}")


def start_later(shop: Shop, process: ShopProcess, failpoint: str) -> None:
    """Start a killed process, when all leases are over, so that it waits for `failpoint`: a start for each
    kill is enough where nothing that is left to do passes the next failpoint."""
    shop.turn_clock(LEASES_LAST_S)
    process.start(MERCATO_FAILPOINT=failpoint)
    if not shop.is_soon_ready():
        assert not process.is_alive(), process.text()
        process.start()
        shop.await_ready()


def nexts(failpoints: Iterable[str]) -> dict[str, str]:
    """Each failpoint and the one that is waited for after it."""
    names = list(failpoints)
    return dict(zip(names, [*names[1:], ""], strict=True))
