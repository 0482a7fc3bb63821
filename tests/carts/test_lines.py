"""Creating and editing a cart: one statement per act, the owner's only."""

import asyncio
from datetime import timedelta

import msgspec
import pytest

from carts.conftest import BERLIN, GUEST, Shop, customer
from mercato.carts.domain import LIFETIME
from mercato.contracts.carts import MAX_LINES, CartStatus, NewLine
from mercato.contracts.stock import Availability
from mercato.kernel import clock
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.db import start_cost
from mercato.kernel.errors import Conflict, Invalid, NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money


async def test_a_new_cart_has_its_lines_totals_and_what_is_missing(shop: Shop) -> None:
    mug, bowl = await shop.sell(1200, sku="MUG"), await shop.sell(350, 3, sku="BOWL")
    cart = await shop.cart((mug, 2), (bowl, 1))
    assert cart.status is CartStatus.OPEN
    assert [(line.variant_id, line.quantity, line.total.amount) for line in cart.lines] == [
        (mug, 2, 2400),
        (bowl, 1, 350),
    ]
    assert [line.availability for line in cart.lines] == [Availability.IN_STOCK, Availability.LOW]
    assert cart.lines[0].options == {"Glaze": "Sage"}
    assert cart.totals.subtotal == cart.totals.total == cart.totals.due == Money(2750, "EUR")
    assert cart.totals.tax_included
    assert cart.problems == []
    assert cart.requirements == ["email", "shipping_address", "delivery_method", "payment"]
    assert cart.token is not None and len(cart.token) >= 32
    assert cart.expires_at - cart.updated_at == LIFETIME


@pytest.mark.parametrize(
    "recipient", ["grandma", "a@b@example.org", f"{'a' * 65}@example.org", "a b@example.org"]
)
async def test_refuses_a_gift_card_for_an_address_that_no_mail_reaches(shop: Shop, recipient: str) -> None:
    card, mug = await shop.sell(2500, 0), await shop.sell(1200)
    sold = shop.catalog.prices["default", card]
    shop.catalog.prices["default", card] = msgspec.structs.replace(sold, is_gift_card=True)
    wrong, right = {"recipient": recipient}, {"recipient": " grandma@example.org "}
    cart = await shop.carts.create(GUEST, lines=[NewLine(card, 1, right), NewLine(mug, 1, wrong)])
    key = {"cart_id": cart.id, "token": cart.token}
    for field, ask in (
        ("custom.recipient", shop.carts.add_line(GUEST, **key, variant_id=card, quantity=1, custom=wrong)),
        (
            "lines.1.custom.recipient",
            shop.carts.create(GUEST, lines=[NewLine(mug, 1), NewLine(card, 1, wrong)]),
        ),
    ):
        with pytest.raises(Invalid) as refused:
            await ask
        assert [(each.field, each.code) for each in refused.value.errors] == [(field, "email_invalid")]
    assert (await shop.carts.get(GUEST, **key)).version == cart.version
    assert await shop.db.fetchval("select count(*) from carts.carts") == 1


async def test_creating_a_cart_with_a_line_costs_at_most_two_statements(shop: Shop) -> None:
    mug = await shop.sell(1200)
    await shop.cart((mug, 1))
    cost = start_cost()
    await shop.cart((mug, 1))
    assert cost.statements <= 2


async def test_an_edit_costs_no_more_statements_for_thirty_lines_than_for_one(
    shop: Shop,
) -> None:
    variants = [await shop.sell(100 + number, sku=f"V{number}") for number in range(30)]
    await shop.method()
    for count in (1, 29):
        cart = await shop.cart(*((variant, 1) for variant in variants[:count]))
        key = {"cart_id": cart.id, "token": cart.token}
        cost = start_cost()
        await shop.carts.get(GUEST, **key)
        assert cost.statements <= 2
        cost = start_cost()
        await shop.carts.add_line(GUEST, **key, variant_id=variants[29], quantity=1)
        assert cost.statements <= 3
        cost = start_cost()
        await shop.carts.change_line(GUEST, **key, line_id=cart.lines[0].id, quantity=2)
        assert cost.statements <= 3
        cost = start_cost()
        await shop.carts.update(GUEST, **key, email="ada@example.com", shipping_address=BERLIN)
        assert cost.statements <= 2
        cost = start_cost()
        await shop.carts.delivery_methods(GUEST, **key)
        assert cost.statements <= 1


async def test_the_same_variant_and_custom_data_are_one_line(shop: Shop) -> None:
    mug = await shop.sell(1200)
    cart = await shop.cart((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token, "variant_id": mug}
    await shop.carts.add_line(GUEST, **key, quantity=2)
    await shop.carts.add_line(GUEST, **key, quantity=1, custom={"engraving": "Ada", "color": "red"})
    now = await shop.carts.add_line(GUEST, **key, quantity=4, custom={"color": "red", "engraving": "Ada"})
    assert [(line.quantity, line.custom) for line in now.lines] == [
        (3, None),
        (5, {"engraving": "Ada", "color": "red"}),
    ]
    assert now == await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)


async def test_lines_given_twice_at_creation_are_one_line(shop: Shop) -> None:
    mug = await shop.sell(1200)
    cart = await shop.cart((mug, 1), (mug, 2))
    assert [line.quantity for line in cart.lines] == [3]


async def test_a_line_is_changed_and_removed(shop: Shop) -> None:
    mug, bowl = await shop.sell(1200, sku="MUG"), await shop.sell(350, sku="BOWL")
    cart = await shop.cart((mug, 2), (bowl, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    changed = await shop.carts.change_line(GUEST, **key, line_id=cart.lines[0].id, quantity=5)
    assert [line.quantity for line in changed.lines] == [5, 1]
    assert changed.totals.total.amount == 6350
    removed = await shop.carts.remove_line(GUEST, **key, line_id=cart.lines[0].id)
    assert [line.variant_id for line in removed.lines] == [bowl]
    assert removed.version == 3
    with pytest.raises(NotFound):
        await shop.carts.remove_line(GUEST, **key, line_id=cart.lines[0].id)
    with pytest.raises(NotFound):
        await shop.carts.change_line(GUEST, **key, line_id=new_id(), quantity=1)


async def test_units_are_counted_for_the_badge(shop: Shop) -> None:
    mug, bowl = await shop.sell(1200, sku="MUG"), await shop.sell(350, sku="BOWL")
    cart = await shop.cart((mug, 2), (bowl, 3))
    assert await shop.carts.count(GUEST, cart_id=cart.id, token=cart.token) == 5
    assert await shop.carts.count(GUEST, cart_id=cart.id, token="wrong") == 0
    await shop.carts.delete(GUEST, cart_id=cart.id, token=cart.token)
    assert await shop.carts.count(GUEST, cart_id=cart.id, token=cart.token) == 0


async def test_refuses_what_is_not_for_sale_and_stores_nothing(shop: Shop) -> None:
    mug = await shop.sell(1200)
    shop.offer(mug, 1200, is_available=False)
    for variant in (mug, new_id()):
        with pytest.raises(Invalid) as refused:
            await shop.cart((variant, 1))
        assert refused.value.code == "unknown_variant"
        assert refused.value.errors[0].field == "lines.0.variant_id"
    assert await shop.db.fetchval("select count(*) from carts.carts") == 0


async def test_a_cart_has_room_for_a_fixed_number_of_lines(shop: Shop) -> None:
    variants = [await shop.sell(100, sku=f"V{number}") for number in range(3)]
    lines = [NewLine(variants[0], 1, {"n": str(number)}) for number in range(MAX_LINES - 1)]
    cart = await shop.carts.create(GUEST, lines=lines)
    key = {"cart_id": cart.id, "token": cart.token, "quantity": 1}
    full = await shop.carts.add_line(GUEST, **key, variant_id=variants[1])
    assert len(full.lines) == MAX_LINES
    with pytest.raises(Conflict) as refused:
        await shop.carts.add_line(GUEST, **key, variant_id=variants[2])
    assert refused.value.code == "cart_full"
    more = await shop.carts.add_line(GUEST, **key, variant_id=variants[1])
    assert len(more.lines) == MAX_LINES
    with pytest.raises(Invalid):
        await shop.carts.create(GUEST, lines=[*lines, *lines[:2], *(NewLine(variants[1], 1, {"m": "1"}),)])


async def test_only_the_token_the_customer_and_the_system_open_a_cart(shop: Shop) -> None:
    mug = await shop.sell(1200)
    ada, eve = customer(), customer("eve@example.com")
    cart = await shop.cart((mug, 1), ctx=ada)
    assert cart.email == "ada@example.com"
    assert (await shop.carts.get(ada, cart_id=cart.id, token=None)).id == cart.id
    assert (await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)).id == cart.id
    assert (await shop.carts.get(SYSTEM_CONTEXT, cart_id=cart.id, token=None)).id == cart.id
    for ctx, token in ((GUEST, None), (GUEST, "wrong"), (eve, None), (eve, "wrong")):
        with pytest.raises(NotFound):
            await shop.carts.get(ctx, cart_id=cart.id, token=token)
        with pytest.raises(NotFound):
            await shop.carts.add_line(ctx, cart_id=cart.id, token=token, variant_id=mug, quantity=1)
        with pytest.raises(NotFound):
            await shop.carts.update(ctx, cart_id=cart.id, token=token, email="eve@example.com")
        with pytest.raises(NotFound):
            await shop.carts.delete(ctx, cart_id=cart.id, token=token)
    assert (await shop.carts.get(ada, cart_id=cart.id, token=None)).version == 1


async def test_the_token_is_stored_as_a_digest_only(shop: Shop) -> None:
    cart = await shop.cart()
    assert cart.token is not None
    stored = await shop.db.fetchval("select carts::text from carts.carts")
    assert cart.token not in stored
    assert (await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)).token is None


async def test_mine_is_the_open_cart_touched_last(shop: Shop) -> None:
    mug = await shop.sell(1200)
    ada = customer()
    assert await shop.carts.mine(ada) is None
    assert await shop.carts.mine(GUEST) is None
    first = await shop.cart((mug, 1), ctx=ada)
    await shop.cart((mug, 2), ctx=ada)
    await shop.carts.add_line(ada, cart_id=first.id, token=None, variant_id=mug, quantity=3)
    mine = await shop.carts.mine(ada)
    assert mine is not None and mine.id == first.id and mine.lines[0].quantity == 4


async def test_edits_of_two_tabs_at_once_are_both_kept_and_both_seen(shop: Shop) -> None:
    variants = [await shop.sell(100, sku=f"V{number}") for number in range(20)]
    cart = await shop.cart()
    replies = await asyncio.gather(
        *(
            shop.carts.add_line(GUEST, cart_id=cart.id, token=cart.token, variant_id=variant, quantity=1)
            for variant in variants
        )
    )
    now = await shop.carts.get(GUEST, cart_id=cart.id, token=cart.token)
    assert len(now.lines) == 20 and now.version == 21
    for reply in replies:
        assert len(reply.lines) >= reply.version - 1


async def test_a_change_is_told_to_other_pages(shop: Shop) -> None:
    mug = await shop.sell(1200)
    cart = await shop.cart()
    async with shop.runtime.live.listen(f"cart.{cart.id}") as hints:
        await shop.runtime.nats.flush()
        await shop.carts.add_line(GUEST, cart_id=cart.id, token=cart.token, variant_id=mug, quantity=1)
        assert (await asyncio.wait_for(hints.get(), 5)).topic == f"cart.{cart.id}"


async def test_old_carts_are_abandoned_and_later_deleted(shop: Shop) -> None:
    mug = await shop.sell(1200)
    old = await shop.cart((mug, 1))
    key = {"cart_id": old.id, "token": old.token}
    try:
        clock.set_offset(LIFETIME - timedelta(hours=1))
        await shop.carts.sweep()
        assert (await shop.carts.get(GUEST, **key)).status is CartStatus.OPEN
        clock.set_offset(LIFETIME + timedelta(hours=1))
        await shop.carts.sweep()
        assert (await shop.carts.get(GUEST, **key)).status is CartStatus.ABANDONED
        with pytest.raises(Conflict) as refused:
            await shop.carts.add_line(GUEST, **key, variant_id=mug, quantity=1)
        assert refused.value.code == "cart_not_open"
        clock.set_offset(LIFETIME * 2 + timedelta(hours=1))
        await shop.carts.sweep()
        with pytest.raises(NotFound):
            await shop.carts.get(GUEST, **key)
        assert await shop.db.fetchval("select count(*) from carts.lines") == 0
    finally:
        clock.set_offset(timedelta(0))


async def test_an_edit_renews_the_life_of_a_cart(shop: Shop) -> None:
    mug = await shop.sell(1200)
    cart = await shop.cart((mug, 1))
    key = {"cart_id": cart.id, "token": cart.token}
    try:
        clock.set_offset(timedelta(days=20))
        renewed = await shop.carts.add_line(GUEST, **key, variant_id=mug, quantity=1)
        assert renewed.expires_at - renewed.updated_at == LIFETIME
        clock.set_offset(LIFETIME + timedelta(days=10))
        await shop.carts.sweep()
        assert (await shop.carts.get(GUEST, **key)).status is CartStatus.OPEN
    finally:
        clock.set_offset(timedelta(0))
