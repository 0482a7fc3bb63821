"""The broker dies and its store is wiped while orders come in: nothing is lost, nothing happens twice."""

import shutil
import threading
import time
import uuid
from typing import Any

import httpx
import pytest

from mercato.engines import Nats
from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop

BUYERS = 4
ORDERS_EACH = 10


@pytest.mark.timeout(180)
def test_a_wiped_broker_loses_no_order_and_no_mail(shop: Shop, goods: Goods, staff: Staff) -> None:
    before = staff.level(goods, "MUG-SAGE")
    broker: Nats = shop.broker  # type: ignore[attr-defined]
    buyers = [Buyer(shop, goods, f"storm-{uuid.uuid4().hex[:8]}@example.com") for _ in range(BUYERS)]
    halfway = threading.Barrier(BUYERS + 1, timeout=60)
    placed: dict[str, list[str]] = {buyer.email: [] for buyer in buyers}
    workers = [threading.Thread(target=buy, args=(buyer, placed, halfway)) for buyer in buyers]
    for worker in workers:
        worker.start()
    halfway.wait()
    assert broker.process is not None
    broker.process.kill()
    broker.process.wait()
    shutil.rmtree(broker.directory / "store")
    broker.start()
    for worker in workers:
        worker.join(120)

    assert [len(numbers) for numbers in placed.values()] == [ORDERS_EACH] * BUYERS
    for buyer in buyers:
        subjects = await_mails(buyer, ORDERS_EACH)
        assert len(subjects) == ORDERS_EACH
        for number in placed[buyer.email]:
            assert sum(number in subject for subject in subjects) == 1
    assert_books_agree(shop, wait_s=30)
    after = staff.level(goods, "MUG-SAGE")
    assert before["available"] - after["available"] == BUYERS * ORDERS_EACH
    assert after["reserved"] == 0


def buy(buyer: Buyer, placed: dict[str, list[str]], halfway: threading.Barrier) -> None:
    """Ten orders; a request that fails while the broker is away is made again."""
    for turn in range(ORDERS_EACH):
        if turn == ORDERS_EACH // 2:
            halfway.wait()
        placed[buyer.email].append(one_order(buyer)["number"])


def one_order(buyer: Buyer) -> dict[str, Any]:
    for _ in range(20):
        try:
            return buyer.fill(MUG_SAGE=1).address().buy()
        except (AssertionError, httpx.TransportError) as error:
            last = error
    raise AssertionError(f"no order in 20 tries: {last}")


def await_mails(buyer: Buyer, count: int) -> list[str]:
    """Subjects of the buyer's confirmations, once there are `count` or time is up."""
    end = time.monotonic() + 40
    while True:
        mails = buyer.client.get(
            "/api/v1/dev/mailbox", params={"recipient": buyer.email, "limit": 100}
        ).json()["items"]
        found = [mail["subject"] for mail in mails if mail["template"] == "order_placed"]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.1)
