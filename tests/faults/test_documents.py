"""`kill -9` between counting an invoice's number and committing it: the number goes to the next invoice."""

import contextlib

import httpx
import pytest

from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop

SELLER = {"channel": "default", "name": "Kiln & Loom", "address": ["Gartenweg 3"], "country": "DE"}


@pytest.mark.timeout(120)
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
    assert_books_agree(shop)
