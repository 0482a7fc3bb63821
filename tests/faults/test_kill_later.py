"""`kill -9` at every step of what comes after placing: the act happens once, and who asks again is told."""

import fnmatch
import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

import mercato
from faults.acts import KILLS, furnish_fully
from faults.arming import nexts, start_armed, start_later
from faults.test_kill import PLACING, WITH_A_CARD
from faults.trials import HAPPENS_WITHIN_S, Trial
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop, ShopProcess

NEXT = nexts(KILLS)
ELSEWHERE = {
    "orders.document_numbered": "test_documents.py::test_a_kill_while_a_number_is_given_leaves_no_gap",
}
"""Failpoint → the test that passes it."""


@pytest.fixture(scope="module")
def goods(shop: Shop) -> Goods:
    return furnish_fully(shop)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("failpoint", list(KILLS))
def test_a_kill_leaves_an_act_to_be_done_once(shop: Shop, goods: Goods, failpoint: str) -> None:
    process = start_armed(shop, "orders", failpoint)
    trial = Trial(shop, goods, Staff(shop))
    with ThreadPoolExecutor(1) as asking:
        act = asking.submit(KILLS[failpoint], trial)
        await_killed(process, act)
        start_later(shop, process, NEXT[failpoint])
        await_done(shop, process, act)
    trial.close()

    act.result()


@pytest.mark.timeout(180)
def test_the_books_agree_after_all_kills(shop: Shop, goods: Goods) -> None:
    """At the end: the broker waits a quarter of a minute before it sends again what a killed process had."""
    start_armed(shop, "orders", "")

    assert_books_agree(shop, wait_s=HAPPENS_WITHIN_S)


def test_every_failpoint_is_passed_by_a_kill() -> None:
    sources = Path(mercato.__file__).parent.rglob("*.py")
    named = {
        re.sub(r"\{.*?\}", "*", name)
        for source in sources
        for name in re.findall(r'failpoint\(f?"(.+?)"\)', source.read_text("utf-8"))
    }
    tried = {*PLACING, *WITH_A_CARD, *KILLS, *ELSEWHERE}

    assert {name for name in named if not fnmatch.filter(tried, name)} == set()
    assert {one for one in tried if not any(fnmatch.fnmatch(one, name) for name in named)} == set()
    for failpoint, test in ELSEWHERE.items():
        file, _, function = test.partition("::")
        text = Path(__file__).with_name(file).read_text("utf-8")
        assert f"def {function}(" in text and f'"{failpoint}"' in text


def await_killed(process: ShopProcess, act: "Future[None]") -> None:
    end = time.monotonic() + HAPPENS_WITHIN_S
    while process.is_alive():
        assert not act.done(), f"it ended without passing the failpoint: {act.exception()!r}"
        assert time.monotonic() < end, process.text()
        time.sleep(0.02)


def await_done(shop: Shop, process: ShopProcess, act: "Future[None]") -> None:
    """Until the act is over; what is left of it may pass the failpoint that the process waits for next."""
    end = time.monotonic() + HAPPENS_WITHIN_S
    while not act.done() and time.monotonic() < end:
        if not process.is_alive():
            process.start()
            shop.await_ready()
        time.sleep(0.02)
