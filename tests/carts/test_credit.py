"""Gift cards and store credit on a cart: what they would pay, and what stands in the way."""

import msgspec
import pytest

from carts.conftest import GUEST, Shop, customer
from mercato.contracts.carts import Cart
from mercato.contracts.payments import IssuedGiftCard
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Invalid
from support.money import eur


async def issue(shop: Shop, value: int, currency: str = "EUR") -> IssuedGiftCard:
    return await shop.payments.issue_gift_card(SYSTEM_CONTEXT, value=value, currency=currency)


async def apply(shop: Shop, cart: Cart, card: IssuedGiftCard, ctx: Context = GUEST) -> Cart:
    return await shop.carts.add_gift_card(ctx, cart_id=cart.id, token=cart.token, code=card.code)


async def test_cards_pay_in_the_order_they_were_applied_as_far_as_they_go(shop: Shop) -> None:
    mug = await shop.sell(2_000)
    cart = await shop.cart((mug, 3))
    first, second, third = await issue(shop, 5_000), await issue(shop, 4_000), await issue(shop, 100)
    for card in (first, second, third):
        shown = await apply(shop, cart, card)

    assert [one.amount for one in shown.credits] == [eur(5_000), eur(1_000), eur(0)]
    assert (shown.totals.total, shown.totals.paid_by_credit, shown.totals.due) == (
        eur(6_000),
        eur(6_000),
        eur(0),
    )
    again = await shop.carts.remove_gift_card(
        GUEST, cart_id=cart.id, token=cart.token, account_id=first.card.id
    )
    assert [(one.account_id, one.amount) for one in again.credits] == [
        (second.card.id, eur(4_000)), (third.card.id, eur(100)),
    ]  # fmt: skip
    assert again.totals.due == eur(1_900)


async def test_explains_the_last_step(shop: Shop) -> None:
    mug = await shop.sell(2_000)
    cart = await shop.cart((mug, 1))
    card = await issue(shop, 500)
    await apply(shop, cart, card)
    told = await shop.carts.explain(GUEST, cart_id=cart.id, token=cart.token)

    step = told.steps[-1]
    assert (step.step, step.amount_before, step.amount_after) == ("credit", eur(2_000), eur(1_500))
    assert [(entry.applied, entry.amount) for entry in step.entries] == [(True, eur(500))]
    assert [one.step for one in told.steps].count("credit") == 1
    assert told.totals.due == eur(1_500)


@pytest.mark.parametrize("reason", ["unknown", "empty", "disabled", "other_currency", "too_many"])
async def test_refuses_a_card_that_cannot_pay_and_says_why(shop: Shop, reason: str) -> None:
    cart = await shop.cart((await shop.sell(2_000), 1))
    card = await issue(shop, 700, "CHF" if reason == "other_currency" else "EUR")
    code, card_id = card.code, card.card.id
    if reason == "unknown":
        code = "2222-2222-2222-2222"
    elif reason == "empty":
        await shop.payments.adjust_gift_card(SYSTEM_CONTEXT, card_id=card_id, change=-700, reason="")
    elif reason == "disabled":
        await shop.payments.change_gift_card(SYSTEM_CONTEXT, card_id=card_id, version=1, is_active=False)
    elif reason == "too_many":
        for _ in range(5):
            await apply(shop, cart, await issue(shop, 100))
    before = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    with pytest.raises(Invalid, match="gift_card_invalid") as refused:
        await shop.carts.add_gift_card(GUEST, cart_id=cart.id, token=cart.token, code=code)

    assert refused.value.data == {"reason": reason}
    after = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    assert (after.credits, after.version) == (before.credits, before.version)


async def test_a_card_that_was_disabled_meanwhile_is_a_problem_and_pays_nothing(shop: Shop) -> None:
    cart = await shop.cart((await shop.sell(2_000), 1))
    card = await issue(shop, 700)
    await apply(shop, cart, card)
    await shop.payments.change_gift_card(SYSTEM_CONTEXT, card_id=card.card.id, version=1, is_active=False)
    shown = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)

    assert [(one.code, one.reason) for one in shown.problems] == [("gift_card_invalid", "disabled")]
    assert shown.totals.due == eur(2_000)


async def test_store_credit_pays_for_its_customer_only(shop: Shop) -> None:
    ada, eve = customer(), customer("eve@example.com")
    await shop.payments.adjust_store_credit(
        SYSTEM_CONTEXT, customer_id=ada.principal.require_user_id(), currency="EUR", change=1_500, reason=""
    )
    mug = await shop.sell(2_000)
    for ctx, expected in ((ada, 1_500), (eve, 0), (GUEST, 0)):
        cart = await shop.cart((mug, 1), ctx=ctx)
        shown = await shop.carts.use_store_credit(ctx, cart_id=cart.id, token=cart.token, is_used=True)
        assert shown.totals.paid_by_credit == eur(expected)
    mine = await shop.cart((mug, 1), ctx=ada)
    await shop.carts.use_store_credit(ada, cart_id=mine.id, token=mine.token, is_used=True)
    kept = await shop.carts.use_store_credit(ada, cart_id=mine.id, token=mine.token, is_used=False)
    assert (kept.credits, kept.totals.due) == ([], eur(2_000))


async def test_a_frozen_cart_says_what_to_take_of_which_balance(shop: Shop) -> None:
    await shop.method()
    await shop.tax()
    cart = await shop.ready((await shop.sell(2_000), 1))
    card, spare = await issue(shop, 9_000), await issue(shop, 100)
    await apply(shop, cart, card)
    await apply(shop, cart, spare)
    frozen = await shop.carts.freeze(SYSTEM_CONTEXT, cart_id=cart.id, token=None)

    assert [(use.account_id, use.amount) for use in frozen.credits] == [(card.card.id, 2_500)]
    assert frozen.cart.totals.due == eur(0)
    again = await shop.carts.freeze(SYSTEM_CONTEXT, cart_id=cart.id, token=None)
    assert msgspec.to_builtins(again.credits) == msgspec.to_builtins(frozen.credits)
