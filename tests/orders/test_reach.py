"""A right that is limited to channels reaches the orders of those channels; every act of staff is told."""

from typing import Any
from uuid import UUID

import pytest

from mercato.contracts.orders import Order
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.errors import Denied, NotFound
from mercato.kernel.ids import new_id
from orders.conftest import STAFF, Till

RIGHTS = (
    "read_orders",
    "write_orders",
    "write_fulfillments",
    "read_fulfillments",
    "write_payments",
    "write_refunds",
)


def limited_to(*channels: str) -> Context:
    pairs = frozenset((right, channel) for right in RIGHTS for channel in channels)
    return Context(principal=Principal(PrincipalKind.USER, new_id(), "eu@shop.example", limited=pairs))


async def call_all(till: Till, ctx: Context, order: Order, parcel_id: UUID) -> list[Any]:
    """Everything that staff can do with one order; what each refusal was."""
    orders, found = till.orders, []
    for call in (
        orders.get_order(ctx, order_id=order.id),
        orders.documents(ctx, order_id=order.id),
        orders.add_note(ctx, order_id=order.id, text="x"),
        orders.retry(ctx, order_id=order.id),
        orders.capture(ctx, order_id=order.id),
        orders.refund(ctx, order_id=order.id),
        orders.cancel(ctx, order_id=order.id),
        orders.create_fulfillment(ctx, order_id=order.id),
        orders.ship(ctx, fulfillment_id=parcel_id),
        orders.deliver(ctx, fulfillment_id=parcel_id),
        orders.cancel_fulfillment(ctx, fulfillment_id=parcel_id),
        orders.packing_slip(ctx, fulfillment_id=parcel_id),
        orders.issue_invoice(ctx, order_id=order.id),
    ):
        with pytest.raises((Denied, NotFound)) as refused:
            await call
        found.append(refused.type)
    return found


async def test_orders_of_other_channels_are_not_there(till: Till) -> None:
    order = await till.orders.create_fulfillment(STAFF, order_id=(await till.bought()).id)
    parcel_id, before = order.fulfillments[0].id, await till.order_of(order.id)
    elsewhere = limited_to("us", "uk")
    assert set(await call_all(till, elsewhere, order, parcel_id)) == {NotFound}
    assert (await till.orders.list_orders(elsewhere)).items == []
    assert (await till.orders.list_orders(elsewhere)).total == 0
    assert await till.order_of(order.id) == before
    nobody = Context(principal=Principal(PrincipalKind.USER, new_id(), permissions=frozenset({"read_stock"})))
    assert set(await call_all(till, nobody, order, parcel_id)) == {Denied}


async def test_orders_of_the_own_channel_are_worked_on(till: Till) -> None:
    order, here = await till.bought(), limited_to("default")
    assert [row.id for row in (await till.orders.list_orders(here)).items] == [order.id]
    seen = await till.orders.get_order(here, order_id=order.id)
    assert {"refund", "fulfill", "cancel", "note"} <= set(seen.allowed_actions)
    await till.orders.add_note(here, order_id=order.id, text="Call first")
    packed = await till.orders.create_fulfillment(here, order_id=order.id)
    shipped = await till.orders.ship(here, fulfillment_id=packed.fulfillments[0].id)
    assert shipped.fulfillments[0].status == "shipped"


async def test_figures_of_the_whole_shop_are_not_for_a_limited_right(till: Till) -> None:
    ctx = limited_to("default")
    with pytest.raises(Denied, match="channel_denied"):
        await till.orders.counts(ctx)
    with pytest.raises(Denied, match="channel_denied"):
        await till.orders.stuck(ctx)


async def test_every_act_of_staff_is_told_to_the_audit_once(till: Till) -> None:
    order = await till.bought()
    await till.orders.add_note(STAFF, order_id=order.id, text="A secret wish of the customer")
    packed = await till.orders.create_fulfillment(STAFF, order_id=order.id)
    await till.orders.ship(STAFF, fulfillment_id=packed.fulfillments[0].id)
    await till.orders.ship(STAFF, fulfillment_id=packed.fulfillments[0].id)
    await till.orders.deliver(STAFF, fulfillment_id=packed.fulfillments[0].id)
    await till.orders.refund(STAFF, order_id=order.id, reason="scratched")
    acts = await till.acts()
    assert [act.act.partition(".")[2] for act in acts] == [
        "noted", "fulfillment_created", "fulfillment_shipped", "fulfillment_delivered", "refunded",
    ]  # fmt: skip
    assert {(act.object_id, act.actor_label) for act in acts} == {(str(order.id), "staff@shop.example")}
    assert [(change.field, change.after) for change in acts[-1].changes] == [
        ("amount", "2890 EUR"), ("reason", "scratched")
    ]  # fmt: skip
    assert "secret wish" not in repr(acts)
