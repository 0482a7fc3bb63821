"""The database stops the hard way, the broker stays away: orders go on when they can, and nothing is lost."""

import signal
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercato.engines import Nats, Postgres
from support.buyer import Buyer
from support.furnish import Goods, Staff, furnish
from support.proof import assert_books_agree
from support.shop import ALL_IN_ONE, Shop, running_shop, shop_environment

BUYERS, ORDERS_EACH, RESTARTS = 4, 6, 2
HEALED_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def engines_of_ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Postgres, Nats]]:
    folder = tmp_path_factory.mktemp("engines")
    postgres, broker = Postgres(folder / "postgres"), Nats(folder / "nats")
    postgres.start()
    broker.start()
    yield postgres, broker
    broker.stop()
    postgres.stop()


@pytest.fixture(scope="module")
def shop(engines_of_ours: tuple[Postgres, Nats], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """All in one, on engines of its own with durable settings."""
    postgres, broker = engines_of_ours
    folder: Path = tmp_path_factory.mktemp("outages")
    env = shop_environment(postgres.url(), broker.url, f"outages_{uuid.uuid4().hex[:8]}", folder)
    migrated = Shop(ALL_IN_ONE, env, folder).command("migrate")
    assert migrated.returncode == 0, migrated.stdout + migrated.stderr
    with running_shop(ALL_IN_ONE, env, folder) as running:
        yield running


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish(shop)


@pytest.mark.timeout(180)
def test_a_database_that_stops_at_once_keeps_every_order_it_confirmed(
    shop: Shop, goods: Goods, engines_of_ours: tuple[Postgres, Nats]
) -> None:
    postgres, _ = engines_of_ours
    staff = Staff(shop)
    before = staff.level(goods, "MUG-SAGE")
    placed: list[dict[str, Any]] = []
    buyers = [Buyer(shop, goods, f"outage-{number}@example.com") for number in range(BUYERS)]
    workers = [threading.Thread(target=buy, args=(shop, buyer, placed)) for buyer in buyers]
    for worker in workers:
        worker.start()
    for round_ in range(1, RESTARTS + 1):
        await_count(placed, round_ * BUYERS)
        assert postgres.process is not None
        postgres.process.send_signal(signal.SIGQUIT)  # immediate: no checkpoint, the log is replayed
        postgres.process.wait()
        postgres.start()
    for worker in workers:
        worker.join(120)

    assert len(placed) == BUYERS * ORDERS_EACH
    await_healed(shop)
    assert_books_agree(shop, wait_s=HEALED_WITHIN_S)
    for order in placed:
        assert buyers[0].order(order)["payment_status"] == "paid"
    after = Staff(shop).level(goods, "MUG-SAGE")
    found = sum(len(staff_orders(shop, buyer.email)) for buyer in buyers)
    assert after["allocated"] - before["allocated"] == found >= len(placed)


@pytest.mark.timeout(120)
def test_orders_go_on_while_the_broker_is_away_and_its_news_follow(
    shop: Shop, goods: Goods, engines_of_ours: tuple[Postgres, Nats]
) -> None:
    _, broker = engines_of_ours
    assert broker.process is not None
    broker.process.kill()
    broker.process.wait()
    buyers = [Buyer(shop, goods, f"quiet-{number}@example.com") for number in range(ORDERS_EACH)]
    orders = [buyer.fill(LAMP=1).address().buy() for buyer in buyers]
    assert [mail["template"] for buyer in buyers for mail in buyer.mails()] == []
    broker.start()

    for buyer, order in zip(buyers, orders, strict=True):
        mails = buyer.mails(await_template="order_placed")
        told = [mail for mail in mails if mail["template"] == "order_placed"]
        assert [order["number"] in mail["subject"] for mail in told] == [True]
    assert_books_agree(shop, wait_s=HEALED_WITHIN_S)


def buy(shop: Shop, buyer: Buyer, placed: list[dict[str, Any]]) -> None:
    """So many orders; what fails is done again once the shop answers."""
    for _ in range(ORDERS_EACH):
        end = time.monotonic() + HEALED_WITHIN_S
        while True:
            try:
                placed.append(buyer.fill(MUG_SAGE=1).address().buy())
                break
            except (AssertionError, httpx.TransportError):
                assert time.monotonic() < end
                await_healed(shop)


def await_healed(shop: Shop) -> None:
    end = time.monotonic() + HEALED_WITHIN_S
    while shop.client.get("/health/ready").status_code != 200:
        assert time.monotonic() < end, "the shop did not come back"
        time.sleep(0.1)


def await_count(placed: list[dict[str, Any]], count: int) -> None:
    end = time.monotonic() + HEALED_WITHIN_S
    while len(placed) < count:
        assert time.monotonic() < end, f"{len(placed)} orders"
        time.sleep(0.02)


def staff_orders(shop: Shop, email: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = Staff(shop).get("/orders", q=email)["items"]
    return found
