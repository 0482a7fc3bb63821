"""The books of gift cards that cannot be used: blocked ones are kept apart, canceled ones have nothing."""

import asyncio
from typing import Any
from uuid import UUID

import pytest

from mercato.contracts.payments import GiftCard, GiftCardStatus, SoldCard
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id
from mercato.payments.actions import balances
from mercato.payments.store import credit
from payments.gift_cards import issue, left, use
from support.money import eur
from support.payments import PaymentsShop

CARDS = balances.CANCEL_BATCH + 50


async def ledger(shop: PaymentsShop) -> dict[str, int]:
    """What each account owes (or, negative, has) in minor units; those at nothing are left out."""
    rows = await shop.database.fetch(
        "select account, (sum(credit) - sum(debit))::bigint as owed from payments.ledger group by 1"
    )
    return {row["account"]: row["owed"] for row in rows if row["owed"]}


async def sold(shop: PaymentsShop, order_id: UUID, line_id: UUID, count: int) -> list[GiftCard]:
    def card(number: int) -> SoldCard:
        return SoldCard(
            line_id=line_id, number=number, value=2_500, currency="EUR", recipient="a@example.org"
        )

    return [
        await shop.payments.issue_sold_card(SYSTEM_CONTEXT, order_id=order_id, card=card(number))
        for number in range(count)
    ]


async def switch(shop: PaymentsShop, card_id: UUID, *, is_active: bool) -> GiftCard:
    known = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=card_id)).card
    return await shop.payments.change_gift_card(
        SYSTEM_CONTEXT, card_id=card_id, version=known.version, is_active=is_active
    )


async def test_a_blocked_card_is_owed_apart_until_it_may_be_used_again(shop: PaymentsShop) -> None:
    [card] = await sold(shop, new_id(), new_id(), 1)
    assert await ledger(shop) == {"customer_payments": -2_500, "gift_card_liability": 2_500}
    for _ in range(2):
        await switch(shop, card.id, is_active=False)
        assert await ledger(shop) == {"customer_payments": -2_500, "gift_card_blocked": 2_500}
        assert await shop.differences() == []
    for _ in range(2):
        await switch(shop, card.id, is_active=True)
        assert await ledger(shop) == {"customer_payments": -2_500, "gift_card_liability": 2_500}
    assert await shop.differences() == []


async def test_what_happens_on_a_blocked_card_keeps_the_books_right(shop: PaymentsShop) -> None:
    card, order_id = await issue(shop), new_id()
    await shop.pay(order_id, token="sim_3ds", credits=[use(card, 3_000)])
    await switch(shop, card.card.id, is_active=False)
    row = await shop.database.fetchrow("select reference from payments.sessions")
    assert row is not None
    decide: dict[str, Any] = {"reference": row["reference"], "approve": True}
    await shop.payments.decide_simulator_session(SYSTEM_CONTEXT, **decide)
    await shop.deliver_webhooks()
    assert (await left(shop, card), (await ledger(shop))["gift_card_blocked"]) == ((2_000, 0), 2_000)
    await shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key="a", amount=eur(11_000), reason="")
    await shop.payments.adjust_gift_card(SYSTEM_CONTEXT, card_id=card.card.id, change=-500, reason="torn")
    books = await ledger(shop)
    assert (await left(shop, card), books["gift_card_blocked"]) == ((2_500, 0), 2_500)
    assert "gift_card_liability" not in books
    await shop.database.execute("update payments.credit_accounts set expires_at = now() - interval '1 day'")
    await shop.sweep()
    books = await ledger(shop)
    assert (books["credit_expired"], books.get("gift_card_blocked")) == (2_500, None)
    assert await shop.differences() == []


async def test_every_card_of_a_large_line_is_canceled_once_and_owed_to_nobody(shop: PaymentsShop) -> None:
    order_id, line_id, other = new_id(), new_id(), new_id()
    cards = await sold(shop, order_id, line_id, CARDS)
    [kept] = await sold(shop, order_id, other, 1)
    await switch(shop, cards[0].id, is_active=False)
    for _ in range(2):
        await shop.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order_id, line_id=line_id)
        assert await shop.differences() == []
        await asyncio.gather(*(shop.sweep() for _ in range(3)))
        await shop.sweep()
        assert await ledger(shop) == {"customer_payments": -2_500, "gift_card_liability": 2_500}
    now = {card.id: card for card in await shop.payments.sold_cards(SYSTEM_CONTEXT, order_id=order_id)}
    assert {now[card.id].status for card in cards} == {GiftCardStatus.DISABLED}
    assert {now[card.id].balance for card in cards} == {eur(0)}
    assert (now[kept.id].status, now[kept.id].balance) == (GiftCardStatus.ACTIVE, eur(2_500))
    entries = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=cards[-1].id)).entries
    assert [(one.kind, one.amount) for one in entries] == [("canceled", eur(-2_500)), ("issued", eur(2_500))]
    with pytest.raises(Conflict, match="gift_card_canceled"):
        await switch(shop, cards[-1].id, is_active=True)
    with pytest.raises(Conflict, match="gift_card_canceled"):
        await shop.payments.adjust_gift_card(SYSTEM_CONTEXT, card_id=cards[-1].id, change=1, reason="")
    assert await shop.differences() == []


async def test_a_canceled_card_that_is_sold_after_all_is_what_it_was(shop: PaymentsShop) -> None:
    order_id, line_id = new_id(), new_id()
    usable, blocked = await sold(shop, order_id, line_id, 2)
    await switch(shop, blocked.id, is_active=False)
    before = await ledger(shop)
    for is_swept in (True, False):
        async with shop.database.transaction() as tx:
            await balances.cancel_sold(tx, await credit.lock_sold_cards(tx, order_id=order_id, among=None))
        if is_swept:
            await shop.sweep()
            assert await ledger(shop) == {}
        assert await shop.differences() == []
        for _ in range(2):
            await asyncio.gather(sold(shop, order_id, line_id, 2), shop.sweep())
            assert (await ledger(shop), await shop.differences()) == (before, [])
    now = {card.id: card for card in await shop.payments.sold_cards(SYSTEM_CONTEXT, order_id=order_id)}
    assert (now[usable.id].status, now[usable.id].balance) == (GiftCardStatus.ACTIVE, eur(2_500))
    assert (now[blocked.id].status, now[blocked.id].balance) == (GiftCardStatus.DISABLED, eur(2_500))
    entries = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=usable.id)).entries
    assert [one.kind for one in entries][-3:] == ["reinstated", "canceled", "issued"]
    mails = "select count(*) from payments.outbox where subject = 'payments.gift_card_issued'"
    assert await shop.database.fetchval(mails) == 2
    await switch(shop, blocked.id, is_active=True)
    assert await ledger(shop) == {"customer_payments": -5_000, "gift_card_liability": 5_000}


async def test_one_used_card_keeps_all_of_its_line(shop: PaymentsShop) -> None:
    order_id, line_id = new_id(), new_id()
    cards = await sold(shop, order_id, line_id, 3)
    await shop.payments.adjust_gift_card(SYSTEM_CONTEXT, card_id=cards[2].id, change=-1, reason="")
    before = await ledger(shop)
    with pytest.raises(Conflict, match="gift_card_spent"):
        await shop.payments.disable_sold_cards(SYSTEM_CONTEXT, order_id=order_id)
    now = await shop.payments.sold_cards(SYSTEM_CONTEXT, order_id=order_id)
    assert [card.status for card in now] == [GiftCardStatus.ACTIVE] * 3
    assert await ledger(shop) == before
