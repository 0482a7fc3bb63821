"""Uses of promotions: counted exactly once, never beyond a limit or a budget, given back."""

import asyncio

import msgspec
import pytest

from carts.conftest import GUEST, Shop, customer
from mercato.contracts.carts import (
    Cart,
    CartStatus,
    CustomerGroup,
    FrozenCart,
    NewCodes,
    Promotion,
    PromotionReward,
)
from mercato.contracts.orders import OrderCanceled, OrderPlaced
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound
from mercato.kernel.ids import new_id

ROUNDS, BUYERS = 20, 100


async def _freeze(shop: Shop, cart: Cart) -> FrozenCart:
    return await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)


async def _codes(shop: Shop, promotion: Promotion, codes: NewCodes) -> list[str]:
    assert promotion.id is not None
    await shop.carts.make_coupons(SYSTEM_CONTEXT, promotion_id=promotion.id, codes=codes)
    found = await shop.carts.coupons(SYSTEM_CONTEXT, promotion_id=promotion.id, limit=100)
    return [coupon.code for coupon in found.items]


async def _place(shop: Shop, cart: Cart) -> None:
    event = OrderPlaced(
        order_id=new_id(), number="1", email="ada@example.com", locale="en", currency="EUR", total=1700,
        token="t", cart_id=cart.id, name="Ada", lines=[], is_paid=True,
    )  # fmt: skip
    async with shop.db.transaction() as tx:
        await shop.carts.hear_placed(tx, [event])


@pytest.mark.parametrize("kind", ["single", "generated"])
async def test_a_code_for_one_use_is_given_to_one_of_a_hundred_buyers(shop: Shop, kind: str) -> None:
    mug = await shop.sell(2000, on_hand=10_000)
    await shop.method(0)
    for number in range(ROUNDS // 2):
        if kind == "single":
            fields = {"coupon_code": f"ONE{number}", "usage_limit": 1}
            promotion = await shop.promote(PromotionReward.FIXED, amount=500, **fields)
            code = f"ONE{number}"
        else:
            promotion = await shop.promote(PromotionReward.FIXED, amount=500, priority=number)
            [code] = await _codes(shop, promotion, NewCodes(1))
        carts = [await shop.ready((mug, 1), coupon=code) for _ in range(BUYERS)]
        frozen = await asyncio.gather(*(_freeze(shop, cart) for cart in carts))
        totals = sorted(one.cart.totals.total.amount for one in frozen)
        assert totals == [1500] + [2000] * (BUYERS - 1)
        assert await shop.used(promotion) == 1
        assert promotion.id is not None
        uses = await shop.carts.redemptions(SYSTEM_CONTEXT, promotion_id=promotion.id)
        assert [(use.amount, use.code) for use in uses.items] == [(500, code)]
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0


async def test_one_customer_uses_it_as_often_as_one_may_even_at_once(shop: Shop) -> None:
    mug = await shop.sell(2000)
    await shop.method(0)
    promotion = await shop.promote(PromotionReward.FIXED, amount=500, customer_limit=2)
    carts = [await shop.ready((mug, 1)) for _ in range(6)]
    frozen = await asyncio.gather(*(_freeze(shop, cart) for cart in carts))
    totals = sorted(one.cart.totals.total.amount for one in frozen)
    assert totals == [1500, 1500, 2000, 2000, 2000, 2000]
    assert await shop.used(promotion) == 2
    other = await shop.ready((mug, 1))
    eve = await shop.carts.update(GUEST, cart_id=other.id, token=other.token, email="eve@example.com")
    assert eve.totals.total.amount == 1500
    ada = await shop.carts.update(GUEST, cart_id=other.id, token=other.token, email="ADA@example.com")
    assert ada.totals.total.amount == 2000


async def test_a_budget_is_never_overspent(shop: Shop) -> None:
    mug = await shop.sell(2000)
    await shop.method(0)
    promotion = await shop.promote(PromotionReward.FIXED, amount=500, budget=1300)
    carts = [await shop.ready((mug, 1)) for _ in range(5)]
    frozen = await asyncio.gather(*(_freeze(shop, cart) for cart in carts))
    totals = [one.cart.totals.total.amount for one in frozen]
    assert sorted(totals) == [1500, 1500, 2000, 2000, 2000]
    [now] = await shop.carts.promotions(SYSTEM_CONTEXT)
    assert (now.used, now.spent) == (2, 1000)
    given = carts[totals.index(1500)]
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=given.id)
    [now] = await shop.carts.promotions(SYSTEM_CONTEXT)
    assert (now.used, now.spent) == (1, 500)
    assert now.id == promotion.id and await shop.carts.verify(SYSTEM_CONTEXT) == 0


async def test_a_canceled_order_gives_a_generated_code_back(shop: Shop) -> None:
    mug = await shop.sell(2000)
    await shop.method(0)
    promotion = await shop.promote(PromotionReward.PERCENT, percent="10", customer_limit=1)
    first, second = await _codes(shop, promotion, NewCodes(2, prefix="SPRING-"))
    cart = await shop.ready((mug, 1), coupon=first)
    await _freeze(shop, cart)
    again = await shop.ready((mug, 1))
    for code, reason in ((first, "used_up"), (second, "used_by_customer")):
        with pytest.raises(Invalid) as refused:
            await shop.carts.add_coupon(GUEST, cart_id=again.id, token=again.token, code=code.lower())
        assert (refused.value.code, refused.value.data["reason"]) == ("coupon_invalid", reason)
    canceled = OrderCanceled(
        order_id=new_id(), number="1", email="ada@example.com", locale="en", currency="EUR", total=1800,
        token="t", reason="", was_paid=False, cart_id=cart.id,
    )  # fmt: skip
    async with shop.db.transaction() as tx:
        await shop.carts.hear_canceled(tx, [canceled])
    added = await shop.carts.add_coupon(GUEST, cart_id=again.id, token=again.token, code=second)
    assert added.totals.total.amount == 1800
    assert added.lines[0].discounts[0].coupon == second
    assert await shop.used(promotion) == 0
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0


async def test_a_blocked_code_gives_nothing(shop: Shop) -> None:
    mug = await shop.sell(2000)
    promotion = await shop.promote(PromotionReward.PERCENT, percent="10")
    [code] = await _codes(shop, promotion, NewCodes(1))
    assert promotion.id is not None
    [coupon] = (await shop.carts.coupons(SYSTEM_CONTEXT, promotion_id=promotion.id)).items
    cart = await shop.cart((mug, 1))
    await shop.carts.add_coupon(GUEST, cart_id=cart.id, token=cart.token, code=code)
    await shop.carts.set_coupon_active(SYSTEM_CONTEXT, coupon_id=coupon.id, is_active=False)
    now = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    assert now.totals.total.amount == 2000
    assert [(p.code, p.coupon, p.reason) for p in now.problems] == [("coupon_invalid", code, "inactive")]


async def test_generated_codes_are_many_unlike_and_of_one_promotion(shop: Shop) -> None:
    promotion = await shop.promote(PromotionReward.PERCENT, percent="10")
    assert promotion.id is not None
    made = await shop.carts.make_coupons(
        SYSTEM_CONTEXT, promotion_id=promotion.id, codes=NewCodes(5000, prefix="A", length=8, batch="Fair")
    )
    page = await shop.carts.coupons(SYSTEM_CONTEXT, promotion_id=promotion.id, limit=100)
    assert (made, page.total, page.next_cursor is not None) == (5000, 5000, True)
    assert len({coupon.code.lower() for coupon in page.items}) == 100
    assert {(coupon.batch, coupon.usage_limit, len(coupon.code)) for coupon in page.items} == {("Fair", 1, 9)}
    found = await shop.carts.coupons(
        SYSTEM_CONTEXT, promotion_id=promotion.id, query=page.items[7].code.lower()
    )
    assert [coupon.code for coupon in found.items] == [page.items[7].code]
    with pytest.raises(Conflict) as taken:
        await shop.promote(PromotionReward.PERCENT, percent="10", coupon_code=page.items[0].code.lower())
    assert taken.value.code == "code_taken"
    with pytest.raises(NotFound):
        await shop.carts.make_coupons(SYSTEM_CONTEXT, promotion_id=new_id(), codes=NewCodes(1))
    with pytest.raises(Denied):
        await shop.carts.make_coupons(customer(), promotion_id=promotion.id, codes=NewCodes(1))
    [now] = await shop.carts.promotions(SYSTEM_CONTEXT)
    assert now.needs_code


async def test_a_first_order_is_one_order_of_an_account_or_an_address(shop: Shop) -> None:
    mug = await shop.sell(2000)
    await shop.method(0)
    await shop.promote(PromotionReward.PERCENT, percent="10", first_order=True)
    first, twin = await shop.ready((mug, 1)), await shop.ready((mug, 1))
    frozen = [await _freeze(shop, cart) for cart in (first, twin)]
    assert [one.cart.totals.total.amount for one in frozen] == [1800, 2000]
    await _place(shop, first)
    later = await shop.ready((mug, 1))
    assert later.totals.total.amount == 2000
    explained = await shop.carts.explain(GUEST, cart_id=later.id, token=later.token)
    reasons = [entry.reason for step in explained.steps for entry in step.entries]
    assert "not_first_order" in reasons


async def test_groups_pay_their_own_price_and_cost_one_statement(shop: Shop) -> None:
    mug, ada = await shop.sell(2000), customer()
    group = await shop.carts.save_customer_group(SYSTEM_CONTEXT, group=CustomerGroup(name="Friends"))
    assert group.id is not None and ada.principal.id is not None
    await shop.promote(PromotionReward.PERCENT, percent="10", group_ids=[group.id])
    cart = await shop.cart((mug, 1), ctx=ada)
    assert cart.totals.total.amount == 2000
    await shop.carts.set_members(SYSTEM_CONTEXT, group_id=group.id, add=[ada.principal.id], remove=[])
    cost = start_cost()
    now = await shop.carts.get(ada, cart_id=cart.id, token=None)
    assert now.totals.total.amount == 1800
    assert cost.statements <= 3
    with pytest.raises(Conflict) as used:
        await shop.carts.delete_customer_group(SYSTEM_CONTEXT, group_id=group.id)
    assert used.value.code == "group_in_use"
    await shop.carts.set_members(SYSTEM_CONTEXT, group_id=group.id, add=[], remove=[ada.principal.id])
    assert (await shop.carts.get(ada, cart_id=cart.id, token=None)).totals.total.amount == 2000


async def test_the_steps_of_a_frozen_price_stay_as_they_were(shop: Shop) -> None:
    mug = await shop.sell(2000)
    await shop.method(0)
    sale = await shop.promote(PromotionReward.PERCENT, percent="10", usage_limit=1)
    await shop.promote(PromotionReward.FIXED, amount=1, coupon_code="SECRET")
    cart = await shop.ready((mug, 1))
    frozen = await _freeze(shop, cart)
    await shop.carts.save_promotion(
        SYSTEM_CONTEXT, promotion=msgspec.structs.replace(sale, percent="50", is_active=False)
    )
    explained = await shop.carts.explain_cart(SYSTEM_CONTEXT, cart_id=cart.id)
    assert (explained.totals, explained.is_as_charged) == (frozen.cart.totals, True)
    entries = {entry.subject: entry for step in explained.steps for entry in step.entries}
    assert entries["Sale"].reason == "needs_code"
    applied = [e for step in explained.steps for e in step.entries if e.subject_id == sale.id]
    assert [(e.applied, e.amount and e.amount.amount) for e in applied] == [(True, -200)]
    shown = await shop.carts.explain(GUEST, cart_id=cart.id, token=cart.token)
    assert "needs_code" not in [entry.reason for step in shown.steps for entry in step.entries]
    assert frozen.cart.status is CartStatus.COMPLETING
