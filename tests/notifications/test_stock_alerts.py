"""One mail when a variant is back, to everyone who asked for it, and to nobody who did not."""

import asyncio
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.stock import Availability, StockBack
from mercato.kernel.context import GUEST, SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Denied, Invalid, NotFound, Throttled
from mercato.kernel.ids import new_id
from mercato.notifications import stock_alerts
from support.notifications import NotificationsShop

ANN, BEN = "ann@example.org", "ben@example.org"


def asking(address: str = "203.0.113.7") -> Context:
    return msgspec.structs.replace(SYSTEM_CONTEXT, client_address=address)


async def watch(shop: NotificationsShop, variant_id: UUID, email: str, **changes: Any) -> None:
    values: dict[str, Any] = {"name": "Fika mug, Sage", "path": "/p/fika-mug"} | changes
    ctx = values.pop("ctx", asking())
    await shop.notifications.watch_stock(ctx, variant_id=variant_id, email=email, **values)


async def back(shop: NotificationsShop, variant_id: UUID, times: int = 1) -> None:
    event = StockBack(variant_id=variant_id, available=3, availability=Availability.LOW)
    for _ in range(times):
        async with shop.database.transaction() as tx:
            await shop.stock_back.handle(tx, [event])
    await shop.deliver()


async def recipients(shop: NotificationsShop) -> list[str]:
    return sorted(mail.recipient for mail in await shop.mails())


async def test_everyone_who_waits_gets_one_mail(shop: NotificationsShop) -> None:
    mug, bowl = new_id(), new_id()
    await watch(shop, mug, ANN)
    await watch(shop, mug, " ANN@example.org ")
    await watch(shop, mug, BEN)
    await watch(shop, bowl, BEN)
    await back(shop, mug, times=3)
    assert await recipients(shop) == [ANN, BEN]
    mail = (await shop.mails(ANN))[0]
    assert mail.subject == "Fika mug, Sage is back in stock"
    assert "https://shop.example/p/fika-mug" in mail.text and "Fika mug, Sage" in mail.html
    await back(shop, mug)
    assert await recipients(shop) == [ANN, BEN]


async def test_who_was_told_may_wait_again(shop: NotificationsShop) -> None:
    mug = new_id()
    for round_ in (1, 2):
        await watch(shop, mug, ANN)
        await back(shop, mug)
        assert await recipients(shop) == [ANN] * round_


async def test_the_link_of_the_mail_ends_all_waiting_of_its_address(shop: NotificationsShop) -> None:
    mug, bowl = new_id(), new_id()
    await watch(shop, mug, ANN)
    await watch(shop, bowl, ANN)
    await watch(shop, bowl, BEN)
    await back(shop, mug)
    found = re.search(r"/back-in-stock/unsubscribe\?token=(\S+)", (await shop.mails(ANN))[0].text)
    assert found
    for wrong in ("", "x", found[1][:-1] + ("A" if found[1][-1] != "A" else "B"), new_id().hex + ".abc"):
        with pytest.raises(NotFound):
            await shop.notifications.unwatch_stock(Context(), token=wrong)
    for _ in range(2):
        await shop.notifications.unwatch_stock(Context(), token=found[1])
    await back(shop, bowl)
    assert await recipients(shop) == [ANN, BEN]


async def test_staff_does_not_see_the_secret_of_the_link(shop: NotificationsShop) -> None:
    mug = new_id()
    await watch(shop, mug, ANN)
    await back(shop, mug)
    row = (await shop.notifications.messages(SYSTEM_CONTEXT)).items[0]
    kept = await shop.notifications.message(SYSTEM_CONTEXT, message_id=row.id)
    assert "token=hidden" in kept.text
    assert "token=hidden" not in (await shop.mails(ANN))[0].text


async def test_only_the_shop_itself_says_what_may_be_waited_for(shop: NotificationsShop) -> None:
    with pytest.raises(Denied):
        await watch(shop, new_id(), ANN, ctx=Context(principal=GUEST))
    for email in ("ann", "ann@", "a b@example.org", "ann@example", "ann@x.org,ben@x.org"):
        with pytest.raises(Invalid):
            await watch(shop, new_id(), email)
    assert await shop.database.fetchval("select count(*) from notifications.stock_alerts") == 0


async def test_nobody_fills_the_list_from_one_place_or_for_one_address(
    shop: NotificationsShop, later: Callable[[timedelta], None]
) -> None:
    for number in range(stock_alerts.CLIENT_MAX):
        await watch(shop, new_id(), f"ann{number}@example.org")
    with pytest.raises(Throttled):
        await watch(shop, new_id(), ANN)
    for number in range(stock_alerts.EMAIL_MAX + 3):
        await watch(shop, new_id(), BEN, ctx=asking(f"198.51.100.{number}"))
    waiting = "select count(*) from notifications.stock_alerts where email = $1"
    assert await shop.database.fetchval(waiting, BEN) == stock_alerts.EMAIL_MAX
    later(timedelta(hours=1, minutes=1))
    await watch(shop, new_id(), ANN)
    assert await shop.database.fetchval(waiting, ANN) == 1


async def test_what_is_old_is_forgotten(shop: NotificationsShop, later: Callable[[timedelta], None]) -> None:
    mug, bowl = new_id(), new_id()
    await watch(shop, mug, ANN)
    await watch(shop, bowl, BEN)
    await back(shop, mug)
    left = "select array_agg(email order by email) from notifications.stock_alerts"
    later(timedelta(days=29))
    await shop.service.sweep()
    assert await shop.database.fetchval(left) == [ANN, BEN]
    later(timedelta(days=31))
    await shop.service.sweep()
    assert await shop.database.fetchval(left) == [BEN]
    later(timedelta(days=366))
    await shop.service.sweep()
    assert await shop.database.fetchval(left) is None


async def test_many_who_ask_at_once_are_one_row_each(shop: NotificationsShop) -> None:
    mug = new_id()
    await asyncio.gather(*(watch(shop, mug, ANN, ctx=asking(f"203.0.113.{n}")) for n in range(20)))
    await back(shop, mug)
    assert await recipients(shop) == [ANN]
