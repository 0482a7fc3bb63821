"""A process stands still in the middle of an order; another finishes it, whose clock is ten minutes ahead."""

import asyncio
import signal
import threading
import time
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from mercato.compose import EDGE, MODULES
from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop, ShopProcess

AHEAD_S = 600
"""How far the clock of the second process is wrong."""
TAKEN_UP_WITHIN_S = 60.0


@pytest.mark.timeout(120)
@pytest.mark.parametrize("failpoint", ["orders.recorded", "payments.provider_answered"])
def test_who_comes_back_after_its_lease_changes_nothing(
    shop: Shop, goods: Goods, staff: Staff, buyer: Buyer, tmp_path: Path, failpoint: str
) -> None:
    before = staff.level(goods, "LAMP")
    sleeper = shop.process_of("orders")
    sleeper.stop()
    sleeper.start(MERCATO_FAILPOINT=f"{failpoint}:stop")
    shop.await_ready()
    buyer.fill(LAMP=1).address()
    answers: list[httpx.Response] = []
    waiting = threading.Thread(target=lambda: answers.append(buyer.complete()))
    buyer.client.timeout = httpx.Timeout(TAKEN_UP_WITHIN_S * 2)
    waiting.start()
    assert sleeper.process is not None
    await_stopped(sleeper.process.pid)

    other = second_process(shop, tmp_path)
    try:
        await_placed(shop, buyer.email)
        sleeper.process.send_signal(signal.SIGCONT)
        waiting.join(TAKEN_UP_WITHIN_S)
    finally:
        other.stop()  # calls of a clock so wrong are refused, the auditor's as well

    assert_books_agree(shop)
    [order] = staff.get("/orders", q=buyer.email)["items"]
    assert [answer.status_code for answer in answers] in ([201], [503])  # whether its time was over
    assert buyer.await_placed()["number"] == order["number"]
    payments = staff.get(f"/orders/{order['id']}")["payments"]
    assert [payment["captured"]["amount"] for payment in payments] == [9390]
    assert before["available"] - staff.level(goods, "LAMP")["available"] == 1
    # A mail that the other one had taken when it was stopped waits out a lease of its wrong clock.
    assert [mail["template"] for mail in buyer.mails()].count("order_placed") <= 1


def second_process(shop: Shop, folder: Path) -> ShopProcess:
    """Every service once more, without the edge, in a process whose clock is ahead."""
    services = [name for name in MODULES if name != EDGE]
    env = {**shop.env, "MERCATO_CLOCK_OFFSET_S": str(AHEAD_S), "MERCATO_DATA_DIR": str(folder)}
    process = ShopProcess(services, env, folder / "ahead.log")
    process.start()
    process.await_running()
    return process


def await_stopped(pid: int) -> None:
    end = time.monotonic() + TAKEN_UP_WITHIN_S
    while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < end, "the failpoint was not passed"
        time.sleep(0.05)


def await_placed(shop: Shop, email: str) -> None:
    """Until the order of `email` is placed, by whoever is awake."""

    async def status() -> str | None:
        connection = await asyncpg.connect(shop.env["DATABASE_URL"])
        try:
            found: str | None = await connection.fetchval(
                "select status from orders.orders where email = $1", email
            )
            return found
        finally:
            await connection.close()

    end = time.monotonic() + TAKEN_UP_WITHIN_S
    while asyncio.run(status()) != "placed":
        assert time.monotonic() < end, "nobody took the order up"
        time.sleep(0.2)
