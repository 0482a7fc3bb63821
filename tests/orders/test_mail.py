"""Timelines tell which mails have left; buyers may see it."""

from datetime import UTC, datetime
from uuid import UUID

from mercato.contracts.notifications import MessagesSent, SentMessage
from mercato.kernel.ids import new_id
from orders.conftest import GUEST_CONTEXT, Till

AT = datetime(2030, 1, 15, 12, tzinfo=UTC)


def mail(order_id: UUID) -> SentMessage:
    return SentMessage(order_id, "order_placed", "Order placed", "m•••@example.org", AT)


async def hear(till: Till, *messages: SentMessage) -> None:
    subscription = next(s for s in till.service.subscriptions if s.consumer == "orders-mail")
    async with till.db.transaction() as tx:
        await subscription.handle(tx, [MessagesSent(batch_id=new_id(), messages=list(messages))])


async def test_a_mail_that_left_is_a_row_of_the_timeline(till: Till) -> None:
    order = await till.bought()
    await hear(till, mail(order.id))
    row = (await till.order_of(order.id)).timeline[-1]
    assert (row.at, row.kind, row.actor, row.text) == (AT, "mail_sent", "system", "E-mail sent: Order placed")
    assert row.data == {"template": "order_placed", "recipient": "m•••@example.org"}
    seen = await till.orders.order(GUEST_CONTEXT, number=order.number, token=order.token)
    assert seen.timeline[-1] == row
    assert seen.version == order.version


async def test_many_mails_are_one_statement_and_orders_of_elsewhere_are_passed_over(till: Till) -> None:
    orders = [await till.bought() for _ in range(2)]
    rows = await till.count("timeline")
    await hear(till, mail(orders[0].id), mail(new_id()), mail(orders[1].id), mail(orders[0].id))
    assert await till.count("timeline") == rows + 3
    kinds = [row.kind for row in (await till.order_of(orders[0].id)).timeline]
    assert kinds.count("mail_sent") == 2
