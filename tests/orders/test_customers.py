"""A guest who proves a mailbox finds the orders that were placed with it."""

import msgspec
import pytest

from mercato.contracts.users import UserConfirmed
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.errors import NotFound
from mercato.kernel.ids import new_id
from orders.conftest import Till

ANN = Context(principal=Principal(kind=PrincipalKind.USER, id=new_id(), email="ann@example.org"))
BEN = Context(principal=Principal(kind=PrincipalKind.USER, id=new_id(), email="ben@example.org"))


async def confirmed(till: Till, ctx: Context, email: str) -> None:
    assert ctx.principal.id is not None
    subscription = next(s for s in till.service.subscriptions if s.consumer == "orders-customers")
    async with till.db.transaction() as tx:
        await subscription.handle(tx, [UserConfirmed(user_id=ctx.principal.id, email=email)])


async def test_placed_guest_orders_of_the_confirmed_address_become_the_customers(till: Till) -> None:
    order = await till.bought()
    with pytest.raises(NotFound):
        await till.orders.order(ANN, number=order.number)
    assert (await till.orders.my_orders(ANN)).items == []
    await confirmed(till, ANN, order.email.upper())
    assert [each.number for each in (await till.orders.my_orders(ANN)).items] == [order.number]
    assert (await till.orders.order(ANN, number=order.number)).id == order.id


async def test_orders_of_others_and_of_other_addresses_stay_where_they_are(till: Till) -> None:
    order = await till.bought()
    await confirmed(till, BEN, "ben@example.org")
    assert (await till.orders.my_orders(BEN)).items == []
    await confirmed(till, ANN, order.email)
    await confirmed(till, BEN, order.email)
    assert (await till.orders.my_orders(BEN)).items == []
    assert len((await till.orders.my_orders(msgspec.structs.replace(ANN))).items) == 1
