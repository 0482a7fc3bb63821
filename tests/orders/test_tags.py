"""Tags, acts on many orders at once, and finding an order by its parcel."""

import pytest

from mercato.contracts.orders import BulkAct, FulfillmentStatus, OrderStatus
from mercato.kernel.errors import Invalid
from mercato.kernel.ids import new_id
from orders.conftest import ANALYST, STAFF, Till, shipped_parcel


async def test_tags_are_kept_once_each_and_lists_filter_by_them(till: Till) -> None:
    order, other = await till.bought(), await till.bought()
    tagged = await till.orders.set_tags(STAFF, order_id=order.id, tags=[" gift ", "Fragile", "GIFT"])
    assert tagged.tags == ["Fragile", "gift"]
    assert tagged.version == order.version + 1
    found = await till.orders.list_orders(STAFF, tag="gift")
    assert [(row.id, row.tags) for row in found.items] == [(order.id, ["Fragile", "gift"])]
    assert found.total == 1
    token = till.orders._parts.token_of(order.id)
    seen = await till.orders.order(ANALYST, number=order.number, token=token)
    assert seen.tags == []
    assert "tagged" not in [entry.kind for entry in seen.timeline]
    again = await till.orders.set_tags(STAFF, order_id=order.id, tags=["gift", "Fragile"])
    assert again.version == tagged.version
    assert (await till.order_of(other.id)).tags == []


async def test_an_act_on_many_says_what_became_of_each(till: Till) -> None:
    order, canceled, nobody = await till.bought(), await till.bought(), new_id()
    await till.orders.cancel(STAFF, order_id=canceled.id)
    ids = [order.id, canceled.id, nobody, order.id]
    done = await till.orders.act_on_many(STAFF, act=BulkAct.SHIP, order_ids=ids)
    assert [(one.order_id, one.number, one.is_done, one.code) for one in done] == [
        (order.id, order.number, True, ""),
        (canceled.id, canceled.number, False, "illegal_transition"),
        (nobody, "", False, "not_found"),
    ]
    sent = await till.order_of(order.id)
    assert (sent.status, sent.fulfillment_status) == (OrderStatus.COMPLETED, FulfillmentStatus.FULFILLED)
    denied = await till.orders.act_on_many(ANALYST, act=BulkAct.TAG, order_ids=[order.id], tag="mine")
    assert [(one.number, one.is_done, one.code) for one in denied] == [("", False, "denied")]
    await till.orders.act_on_many(STAFF, act=BulkAct.TAG, order_ids=[order.id, canceled.id], tag="done")
    await till.orders.act_on_many(STAFF, act=BulkAct.UNTAG, order_ids=[canceled.id], tag="DONE")
    assert [row.id for row in (await till.orders.list_orders(STAFF, tag="done")).items] == [order.id]
    with pytest.raises(Invalid):
        await till.orders.act_on_many(STAFF, act=BulkAct.TAG, order_ids=[order.id])


async def test_parcels_prepared_before_are_shipped_with_many(till: Till) -> None:
    order = await till.bought()
    await till.orders.act_on_many(STAFF, act=BulkAct.FULFILL, order_ids=[order.id])
    assert [parcel.status for parcel in (await till.order_of(order.id)).fulfillments] == ["pending"]
    done = await till.orders.act_on_many(STAFF, act=BulkAct.SHIP, order_ids=[order.id])
    assert done[0].is_done
    assert await till.levels(order.lines[0].variant_id) == (8, 0, 0)
    again = await till.orders.act_on_many(STAFF, act=BulkAct.SHIP, order_ids=[order.id])
    assert (again[0].is_done, again[0].code) == (False, "illegal_transition")


async def test_an_order_is_found_by_its_tracking_number(till: Till) -> None:
    order, _ = await till.bought(), await till.bought()
    await shipped_parcel(till, order, carrier="DHL", tracking_number="JD0146 00991")
    for typed in ("jd0146", "JD0146 00991", order.number):
        found = await till.orders.list_orders(STAFF, query=typed)
        assert [row.id for row in found.items] == [order.id], typed
