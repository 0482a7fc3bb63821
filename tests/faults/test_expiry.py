"""A checkout that is walked away from: the hold ends, the goods are free, the cart can be bought again."""

import pytest

from support.buyer import Buyer
from support.furnish import Goods, Staff
from support.proof import assert_books_agree
from support.shop import Shop

HOURS_LATER_S = 2 * 60 * 60


@pytest.mark.timeout(120)
def test_an_abandoned_confirmation_gives_goods_and_cart_back(
    shop: Shop, goods: Goods, staff: Staff, buyer: Buyer
) -> None:
    before = staff.level(goods, "LAMP")
    buyer.fill(LAMP=2).address()
    assert buyer.complete("sim_3ds").status_code == 202
    assert staff.level(goods, "LAMP")["reserved"] == before["reserved"] + 2
    process = shop.process_of("orders")
    process.stop()
    shop.turn_clock(HOURS_LATER_S)
    process.start()
    shop.await_ready()

    buyer.await_open()

    later = Staff(shop)
    after = later.level(goods, "LAMP")
    assert (after["reserved"], after["available"]) == (before["reserved"], before["available"])
    assert later.get("/orders", q=buyer.email)["items"] == []
    assert_books_agree(shop)
    order = buyer.buy()
    assert [payment["captured"]["amount"] for payment in order["payments"]] == [2 * 8900 + 490]
    assert_books_agree(shop)
