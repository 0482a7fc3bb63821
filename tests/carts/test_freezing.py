"""Completing: priced once, coupon uses counted once, given back exactly."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from carts.conftest import BERLIN, GUEST, Shop
from mercato.contracts.carts import Cart, CartStatus, FrozenCart, PromotionReward
from mercato.contracts.orders import OrderCanceled, OrderPlaced
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Conflict, Denied, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money


async def test_freezing_prices_once_and_gives_the_same_again(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method(500)
    await shop.tax("0.19")
    cart = await shop.ready((mug, 2))
    frozen = await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert frozen.cart.status is CartStatus.COMPLETING
    assert frozen.cart.totals.total == Money(2900, "EUR")
    assert [(t.name, t.rate, t.net.amount, t.tax.amount) for t in frozen.tax_lines] == [
        ("VAT 0.19", "0.19", 2437, 463)
    ]
    assert frozen.cart.billing_address == BERLIN
    assert frozen.cart.requirements == ["payment"]
    shop.offer(mug, 9900)
    shop.rules.drop()
    again = await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert (frozen.is_replay, again.is_replay) == (False, True)
    assert msgspec.structs.replace(again, is_replay=False) == frozen
    assert await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token) == frozen.cart


async def test_freezing_costs_two_statements_as_the_hold_counts_the_stock(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    cart = await shop.ready((mug, 2))
    cost = start_cost()
    await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert cost.statements == 2
    cost = start_cost()
    await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert cost.statements == 1


async def test_a_frozen_cart_cannot_be_edited_until_it_is_thawed(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    cart = await shop.ready((mug, 2))
    key = {"cart_id": cart.id, "token": cart.token}
    frozen = await shop.carts.freeze(GUEST, **key)
    for edit in (
        shop.carts.add_line(GUEST, **key, variant_id=mug, quantity=1),
        shop.carts.change_line(GUEST, **key, line_id=cart.lines[0].id, quantity=1),
        shop.carts.remove_line(GUEST, **key, line_id=cart.lines[0].id),
        shop.carts.update(GUEST, **key, email="eve@example.com"),
        shop.carts.remove_coupon(GUEST, **key, code="X"),
        shop.carts.delete(GUEST, **key),
    ):
        with pytest.raises(Conflict) as refused:
            await edit
        assert refused.value.code == "cart_not_open"
    assert await shop.carts.get(GUEST, **key) == frozen.cart
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=cart.id)
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=cart.id)
    changed = await shop.carts.change_line(GUEST, **key, line_id=cart.lines[0].id, quantity=1)
    assert changed.status is CartStatus.OPEN and changed.lines[0].quantity == 1


async def test_refuses_a_cart_that_lacks_something_and_leaves_it_open(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    cart = await shop.cart((mug, 1))
    with pytest.raises(Conflict) as refused:
        await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert refused.value.code == "requirements_missing"
    assert refused.value.data == {"requirements": ["email", "shipping_address", "delivery_method"]}
    empty = await shop.ready()
    with pytest.raises(Conflict) as refused:
        await shop.carts.freeze(GUEST, cart_id=empty.id, token=empty.token)
    assert refused.value.data == {"requirements": ["lines"]}
    assert (await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)).status is CartStatus.OPEN


async def test_refuses_a_cart_with_something_no_longer_sold(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    cart = await shop.ready((mug, 1))
    shop.offer(mug, 1200, is_available=False)
    with pytest.raises(Conflict) as refused:
        await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert refused.value.code == "variant_unavailable"
    assert refused.value.data == {"line_ids": [str(cart.lines[0].id)]}


async def test_a_placed_order_completes_its_cart(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    cart, other = await shop.ready((mug, 1)), await shop.ready((mug, 1))
    await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    event = OrderPlaced(
        order_id=new_id(), number="1", email="ada@example.com", locale="en", currency="EUR", total=1700,
        token="t", cart_id=cart.id, name="Ada", lines=[], is_paid=True,
    )  # fmt: skip
    for _ in range(2):
        async with shop.db.transaction() as tx:
            await shop.carts.hear_placed(tx, [event])
    with pytest.raises(Conflict) as refused:
        await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert refused.value.code == "cart_completed"
    done = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    assert done.status is CartStatus.COMPLETED and done.totals.total.amount == 1700
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=cart.id)
    assert (await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)).status is CartStatus.COMPLETED
    assert (await shop.carts.get(GUEST, cart_id=other.id, token=other.token)).status is CartStatus.OPEN


async def test_only_mercato_itself_thaws_and_finishes(shop: Shop) -> None:
    with pytest.raises(Denied):
        await shop.carts.thaw(GUEST, cart_id=new_id())
    with pytest.raises(Denied):
        await shop.carts.finish(GUEST, cart_ids=[new_id()])
    with pytest.raises(Denied):
        await shop.carts.stale_completing(GUEST, older_than_s=0)
    with pytest.raises(NotFound):
        await shop.carts.freeze(GUEST, cart_id=new_id(), token="x")


async def test_carts_left_frozen_are_found(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    left, placed = await shop.ready((mug, 1)), await shop.ready((mug, 1))
    for cart in (left, placed):
        await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    await shop.carts.finish(SYSTEM_CONTEXT, cart_ids=[placed.id])
    assert await shop.carts.stale_completing(SYSTEM_CONTEXT, older_than_s=40) == []
    try:
        clock.set_offset(timedelta(seconds=41))
        assert await shop.carts.stale_completing(SYSTEM_CONTEXT, older_than_s=40) == [left.id]
        await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=left.id)
        assert await shop.carts.stale_completing(SYSTEM_CONTEXT, older_than_s=40) == []
    finally:
        clock.set_offset(timedelta(0))


async def test_fifty_freezes_of_one_cart_are_one(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method()
    sale = await shop.promote(PromotionReward.FIXED, amount=100, coupon_code="ONCE", usage_limit=5)
    cart = await shop.ready((mug, 1), coupon="once")
    frozen = await asyncio.gather(
        *(shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token) for _ in range(50))
    )
    assert len({one.cart.version for one in frozen}) == 1
    assert sum(not one.is_replay for one in frozen) == 1
    assert all(one.cart == frozen[0].cart for one in frozen)
    assert await shop.used(sale) == 1


async def test_a_coupon_with_one_use_is_given_to_one_of_twenty_buyers(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method(500)
    sale = await shop.promote(PromotionReward.FIXED, amount=200, coupon_code="WELCOME", usage_limit=1)
    ready = [await shop.ready((mug, 1), coupon="WELCOME") for _ in range(20)]
    assert {cart.totals.total.amount for cart in ready} == {1500}

    async def freeze(index: int) -> FrozenCart:
        return await shop.carts.freeze(GUEST, cart_id=ready[index].id, token=ready[index].token)

    frozen = await asyncio.gather(*(freeze(index) for index in range(20)))
    totals = sorted(one.cart.totals.total.amount for one in frozen)
    assert totals == [1500] + [1700] * 19
    refused = [p for one in frozen for p in one.cart.problems]
    assert {(p.code, p.coupon, p.reason) for p in refused} == {("coupon_invalid", "WELCOME", "used_up")}
    assert len(refused) == 19
    assert await shop.used(sale) == 1
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0


async def test_thawing_gives_the_use_of_a_coupon_back_once(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method(500)
    sale = await shop.promote(PromotionReward.FIXED, amount=200, coupon_code="ONE", usage_limit=1)
    first, second = await shop.ready((mug, 1), coupon="ONE"), await shop.ready((mug, 1), coupon="ONE")
    await shop.carts.freeze(GUEST, cart_id=first.id, token=first.token)
    assert await shop.used(sale) == 1
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=first.id)
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=first.id)
    assert await shop.used(sale) == 0
    frozen = await shop.carts.freeze(GUEST, cart_id=second.id, token=second.token)
    assert frozen.cart.totals.discount.amount == 200
    await shop.carts.finish(SYSTEM_CONTEXT, cart_ids=[second.id])
    await shop.carts.thaw(SYSTEM_CONTEXT, cart_id=second.id)
    assert await shop.used(sale) == 1
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0


def canceled(cart: Cart, *, was_paid: bool) -> OrderCanceled:
    return OrderCanceled(
        order_id=new_id(), number="1", email="ada@example.com", locale="en", currency="EUR", total=1500,
        token="t", reason="", cart_id=cart.id, was_paid=was_paid,
    )  # fmt: skip


async def test_canceling_before_payment_gives_the_uses_of_coupons_back_once(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method(500)
    sale = await shop.promote(PromotionReward.FIXED, amount=200, coupon_code="TWO", usage_limit=2)
    carts = [await shop.ready((mug, 1), coupon="TWO") for _ in range(3)]
    for cart in carts[:2]:
        await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    await shop.carts.finish(SYSTEM_CONTEXT, cart_ids=[cart.id for cart in carts[:2]])
    assert await shop.used(sale) == 2
    for _ in range(2):
        async with shop.db.transaction() as tx:
            await shop.carts.hear_canceled(tx, [canceled(cart, was_paid=False) for cart in carts[:2]])
        assert await shop.used(sale) == 0
    frozen = await shop.carts.freeze(GUEST, cart_id=carts[2].id, token=carts[2].token)
    assert frozen.cart.totals.discount.amount == 200
    assert await shop.used(sale) == 1
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0


async def test_canceling_after_payment_leaves_the_use_of_a_coupon_counted(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method(500)
    sale = await shop.promote(PromotionReward.FIXED, amount=200, coupon_code="ONE", usage_limit=1)
    cart = await shop.ready((mug, 1), coupon="ONE")
    await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    await shop.carts.finish(SYSTEM_CONTEXT, cart_ids=[cart.id])
    async with shop.db.transaction() as tx:
        await shop.carts.hear_canceled(tx, [canceled(cart, was_paid=True)])
    assert await shop.used(sale) == 1
    assert await shop.carts.verify(SYSTEM_CONTEXT) == 0


async def test_an_edit_during_freezing_is_either_in_the_frozen_cart_or_refused(shop: Shop) -> None:
    mug, bowl = await shop.sell(1200, sku="MUG"), await shop.sell(350, sku="BOWL")
    await shop.method()
    for _ in range(10):
        cart = await shop.ready((mug, 1))
        key = {"cart_id": cart.id, "token": cart.token}
        frozen, edited = await asyncio.gather(
            shop.carts.freeze(GUEST, **key),
            shop.carts.add_line(GUEST, **key, variant_id=bowl, quantity=1),
            return_exceptions=True,
        )
        assert not isinstance(frozen, BaseException)
        assert len(frozen.cart.lines) == (1 if isinstance(edited, Conflict) else 2)
        stored = await shop.db.fetchval("select count(*) from carts.lines where cart_id = $1", cart.id)
        assert stored == len(frozen.cart.lines)


async def test_a_promotion_deleted_meanwhile_is_not_given(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.method(500)
    sale = await shop.promote(PromotionReward.FIXED, amount=200, usage_limit=10)
    cart = await shop.ready((mug, 1))
    assert cart.totals.discount.amount == 200
    await shop.db.execute("delete from carts.promotions where id = $1", sale.id)
    frozen = await shop.carts.freeze(GUEST, cart_id=cart.id, token=cart.token)
    assert frozen.cart.totals.total.amount == 1700
