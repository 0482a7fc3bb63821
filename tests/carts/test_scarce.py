"""More than there is: refused where it is asked for, with the cart as it was."""

import asyncio
from uuid import UUID

import pytest

from carts.conftest import GUEST, Shop
from mercato.carts.domain import most_of
from mercato.contracts.carts import Cart, NewLine, Problem
from mercato.contracts.stock import Availability, AvailableUnits, Demand
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict, Invalid

ENGRAVED = {"engraving": "Ada"}


async def add(shop: Shop, cart: Cart, variant_id: UUID, quantity: int, **more: object) -> Cart:
    return await shop.carts.add_line(
        GUEST, cart_id=cart.id, token=cart.token, variant_id=variant_id, quantity=quantity, **more
    )


async def change(shop: Shop, cart: Cart, line: int, quantity: int) -> Cart:
    return await shop.carts.change_line(
        GUEST, cart_id=cart.id, token=cart.token, line_id=cart.lines[line].id, quantity=quantity
    )


async def now(shop: Shop, cart: Cart) -> Cart:
    return await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)


async def assert_refused(shop: Shop, cart: Cart, edit: object, *, available: int, in_cart: int = 0) -> None:
    """The edit is refused with what there is, and the cart is as it was."""
    before = await now(shop, cart)
    with pytest.raises(Conflict) as refused:
        await edit  # type: ignore[misc]
    assert refused.value.code == "insufficient_stock"
    assert (refused.value.data["available"], refused.value.data["in_cart"]) == (available, in_cart)
    assert await now(shop, cart) == before


async def test_refuses_to_add_more_than_there_is(shop: Shop) -> None:
    mug = await shop.sell(1200, 5)
    cart = await shop.cart()
    await assert_refused(shop, cart, add(shop, cart, mug, 6), available=5)
    assert [line.quantity for line in (await add(shop, cart, mug, 5)).lines] == [5]


async def test_what_is_in_the_cart_counts_over_all_lines_of_the_variant(shop: Shop) -> None:
    mug = await shop.sell(1200, 5)
    cart = await shop.cart((mug, 3))
    await assert_refused(shop, cart, add(shop, cart, mug, 3), available=5, in_cart=3)
    await assert_refused(shop, cart, add(shop, cart, mug, 3, custom=ENGRAVED), available=5, in_cart=3)
    cart_of_two = await add(shop, cart, mug, 2, custom=ENGRAVED)
    assert [line.quantity for line in cart_of_two.lines] == [3, 2]
    assert cart_of_two.problems == []


async def test_refuses_to_raise_a_line_above_what_there_is(shop: Shop) -> None:
    mug, bowl = await shop.sell(1200, 5, sku="MUG"), await shop.sell(350, sku="BOWL")
    cart = await shop.cart((mug, 2), (bowl, 50))
    await assert_refused(shop, cart, change(shop, cart, 0, 6), available=5)
    assert [line.quantity for line in (await change(shop, cart, 0, 5)).lines] == [5, 50]


async def test_what_is_sold_out_cannot_be_added(shop: Shop) -> None:
    mug = await shop.sell(1200, 0)
    cart = await shop.cart()
    await assert_refused(shop, cart, add(shop, cart, mug, 1), available=0)


async def test_a_new_cart_is_made_with_its_problem_so_that_it_costs_nothing_to_ask(shop: Shop) -> None:
    mug = await shop.sell(1200, 5)
    cart = await shop.cart((mug, 8))
    assert cart.problems == [Problem("insufficient_stock", line_id=cart.lines[0].id, available=5)]


async def test_units_can_be_taken_out_of_a_cart_that_has_too_many(shop: Shop) -> None:
    mug = await shop.sell(1200, 5)
    cart = await shop.carts.create(GUEST, lines=[NewLine(mug, 8), NewLine(mug, 9, ENGRAVED)])
    await assert_refused(shop, cart, change(shop, cart, 0, 6), available=5, in_cart=9)
    fewer = await change(shop, cart, 0, 5)
    assert [line.quantity for line in fewer.lines] == [5, 9]
    assert [problem.code for problem in fewer.problems] == ["insufficient_stock", "insufficient_stock"]
    gone = await shop.carts.remove_line(GUEST, cart_id=cart.id, token=cart.token, line_id=cart.lines[1].id)
    assert gone.problems == []


async def test_what_others_hold_is_not_there(shop: Shop) -> None:
    mug = await shop.sell(1200, 5)
    await shop.method()
    other, cart = await shop.cart((mug, 4)), await shop.cart()
    held = await shop.stock.hold(SYSTEM_CONTEXT, owner=other.id, demands=[Demand(mug, 4)])
    assert held.is_held
    await assert_refused(shop, cart, add(shop, cart, mug, 2), available=1)


async def test_two_tabs_at_once_do_not_make_more_than_one_too_many(shop: Shop) -> None:
    """Both may be let in when neither has seen the other; the cart then tells, and holding refuses."""
    mug = await shop.sell(1200, 5)
    cart = await shop.cart()
    replies = await asyncio.gather(*(add(shop, cart, mug, 3) for _ in range(2)), return_exceptions=True)
    stored = await now(shop, cart)
    accepted = [reply for reply in replies if isinstance(reply, Cart)]
    assert sum(line.quantity for line in stored.lines) == 3 * len(accepted)
    assert (len(stored.problems) == 0) == (len(accepted) == 1)


def test_what_is_sold_beyond_stock_has_no_limit() -> None:
    assert most_of(AvailableUnits(UUID(int=1), 0, Availability.BACKORDER)) is None
    assert most_of(AvailableUnits(UUID(int=1), 3, Availability.LOW)) == 3
    assert most_of(AvailableUnits(UUID(int=1), -2, Availability.OUT)) == 0
    assert most_of(None) == 0


async def test_an_unknown_variant_is_not_asked_for(shop: Shop) -> None:
    mug = await shop.sell(1200)
    shop.offer(mug, 1200, is_available=False)
    cart = await shop.cart()
    with pytest.raises(Invalid) as refused:
        await add(shop, cart, mug, 1)
    assert refused.value.code == "unknown_variant"
    assert (await now(shop, cart)).lines == []
