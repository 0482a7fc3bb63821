"""What was sent about orders is told once, many mails together, and without whole addresses."""

from datetime import timedelta

import msgspec

from mercato.contracts.notifications import MessagesSent
from mercato.contracts.orders import OrderPaid, OrderPlaced, OrderShipped
from mercato.contracts.users import UserRegistered
from mercato.kernel import clock
from mercato.kernel.ids import new_id
from support.notifications import ORDER_ID, MailServer, NotificationsShop, account, order


async def announce(shop: NotificationsShop) -> None:
    await next(s for s in shop.schedules if s.name == "notifications-announce").run()


async def told(shop: NotificationsShop) -> list[list[tuple[str, str, str]]]:
    """(template, title, recipient) of the mails in each event, in order."""
    rows = await shop.database.fetch(
        "select body from notifications.outbox where subject = 'notifications.sent' order by position"
    )
    events = [msgspec.json.decode(row["body"], type=MessagesSent) for row in rows]
    return [[(one.template, one.title, one.recipient) for one in event.messages] for event in events]


async def test_mails_about_orders_are_told_once_and_together(shop: NotificationsShop) -> None:
    await shop.hear(order(OrderPlaced), order(OrderShipped, order_id=new_id(), email="bo@shop.example"))
    await announce(shop)
    assert await told(shop) == []
    await shop.deliver()
    for _ in range(2):
        await announce(shop)
    assert await told(shop) == [
        [
            ("order_placed", "Order placed", "a•••@example.org"),
            ("order_shipped", "Order shipped", "b•••@shop.example"),
        ]
    ]


async def test_the_event_says_of_which_order_and_when(shop: NotificationsShop) -> None:
    await shop.hear(order(OrderPlaced))
    before = clock.now()
    await shop.deliver()
    await announce(shop)
    body = await shop.database.fetchval("select body from notifications.outbox")
    (sent,) = msgspec.json.decode(body, type=MessagesSent).messages
    assert sent.order_id == ORDER_ID
    assert before <= sent.sent_at <= clock.now()


async def test_mails_about_accounts_are_nobodys_news(shop: NotificationsShop) -> None:
    await shop.hear(account(UserRegistered))
    await shop.deliver()
    await announce(shop)
    assert await told(shop) == []


async def test_a_mail_that_was_refused_is_told_when_it_has_left(
    mailing: NotificationsShop, server: MailServer, later: object
) -> None:
    server.script = ["451 later"]
    await mailing.hear(order(OrderPaid))
    await mailing.deliver()
    await announce(mailing)
    assert await told(mailing) == []
    later(timedelta(hours=1))  # type: ignore[operator]
    await mailing.deliver()
    await announce(mailing)
    assert await told(mailing) == [[("order_paid", "Order paid", "a•••@example.org")]]
