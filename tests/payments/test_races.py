"""Two people press at once, twenty times: never more goes back than came in, and a hold ends in one way."""

import asyncio

from mercato.contracts.payments import CreditKind, CreditUse
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id
from support.money import eur
from support.payments import PaymentsShop

ROUNDS = 20


def codes(results: list[object]) -> list[str]:
    """What became of each: done, or the code of its refusal."""
    return sorted(one.code if isinstance(one, Conflict) else "done" for one in results)


async def test_refunds_of_parts_at_once_never_send_back_more_than_was_captured(shop: PaymentsShop) -> None:
    for _ in range(ROUNDS):
        order_id = new_id()
        await shop.pay(order_id)
        refunds = [
            shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key=f"k{n}", amount=eur(3_000), reason="")
            for n in range(5)
        ]
        results = await asyncio.gather(*refunds, return_exceptions=True)
        assert codes(list(results)) == ["done"] * 3 + ["refund_too_large"] * 2
    assert await shop.charges() == [("completed", 10_000, 10_000, 9_000, 0)] * ROUNDS
    assert await shop.differences() == []


async def test_refunds_at_once_over_a_provider_and_a_card_stay_bounded(shop: PaymentsShop) -> None:
    for _ in range(ROUNDS):
        order_id = new_id()
        card = await shop.payments.issue_gift_card(SYSTEM_CONTEXT, value=3_000, currency="EUR")
        use = CreditUse(card.card.id, CreditKind.GIFT_CARD, "Gift card", 3_000)
        await shop.pay(order_id, amount=eur(7_000), credits=[use])
        refunds = [
            shop.payments.refund(SYSTEM_CONTEXT, order_id=order_id, key=f"k{n}", amount=eur(4_000), reason="")
            for n in range(3)
        ]
        results = await asyncio.gather(*refunds, return_exceptions=True)
        assert codes(list(results)) == ["done", "done", "refund_too_large"]
        left = (await shop.payments.gift_card(SYSTEM_CONTEXT, card_id=card.card.id)).card.balance
        assert left == eur(1_000)
    assert await shop.charges() == [("completed", 7_000, 7_000, 7_000, 0)] * ROUNDS
    assert await shop.differences() == []


async def test_a_capture_and_a_void_at_once_end_in_one_of_the_two(shop: PaymentsShop) -> None:
    for _ in range(ROUNDS):
        order_id = new_id()
        await shop.pay(order_id, capture=False)
        results = await asyncio.gather(
            shop.payments.capture(SYSTEM_CONTEXT, order_id=order_id, key="c"),
            shop.payments.void(SYSTEM_CONTEXT, order_id=order_id, key="v"),
            return_exceptions=True,
        )
        assert codes(list(results)) in (["capture_too_large", "done"], ["done", "nothing_to_void"])
    ends = {(captured, voided) for _, _, captured, _, voided in await shop.charges()}
    assert ends <= {(10_000, 0), (0, 10_000)}
    assert await shop.differences() == []
