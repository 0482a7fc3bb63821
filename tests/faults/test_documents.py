"""`kill -9` between counting a paper's number and committing it: the number goes to the next paper."""

import contextlib

import httpx
import pytest

from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop
from support.waiting import eventually_sync

SELLER = {"channel": "default", "name": "Kiln & Loom", "address": ["Gartenweg 3"], "country": "DE"}


@pytest.mark.timeout(180)
def test_a_kill_while_a_number_is_given_leaves_no_gap(
    shop: Shop, goods: Goods, staff: Staff, buyer: Buyer
) -> None:
    staff.put("/sellers/default", SELLER)
    first, second = [buyer.fill(LAMP=1).address().buy()["id"] for _ in range(2)]
    process = shop.process_of("orders")
    process.stop()
    process.start(MERCATO_FAILPOINT="orders.document_numbered")
    shop.await_ready()
    with contextlib.suppress(httpx.TransportError):  # it dies before it can answer: that is the fault
        staff.client.post(f"/api/v1/admin/orders/{first}/invoice", json={})
    process.await_death()
    process.start()
    shop.await_ready()

    numbers = [staff.post(f"/orders/{order}/invoice", {})["number"] for order in (second, first)]

    assert [number.rpartition("-")[2] for number in numbers] == ["00001", "00002"]
    _an_edit_is_invoiced_after_the_kill(shop, staff, second)
    assert_books_agree(shop)


def _an_edit_is_invoiced_after_the_kill(shop: Shop, staff: Staff, order: str) -> None:
    process = shop.process_of("orders")
    process.stop()
    process.start(MERCATO_FAILPOINT="orders.document_numbered")
    shop.await_ready()
    line = staff.get(f"/orders/{order}")["lines"][0]
    wish = {"kind": "edit", "quantities": [{"line_id": line["id"], "quantity": 2}]}
    change = staff.post(f"/orders/{order}/changes", {"change": wish})["id"]
    with contextlib.suppress(httpx.TransportError):  # the job that writes the paper kills it, now or soon
        staff.client.post(f"/api/v1/admin/changes/{change}/confirmation", json={})
    process.await_death()
    process.start()
    shop.await_ready()

    def papers() -> list[tuple[str, int]]:
        items = staff.get(f"/orders/{order}/documents")["items"]
        found = [(item["number"].rpartition("-")[2], item["total"]["amount"]) for item in items]
        return found if len(found) > 1 else []

    issued = eventually_sync(papers, timeout_s=60)
    total = staff.get(f"/orders/{order}")["totals"]["total"]["amount"]
    added = line["unit_price"]["amount"]
    assert issued == [("00001", total - added), ("00003", added)]
