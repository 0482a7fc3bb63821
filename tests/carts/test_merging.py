"""Signing in with a cart: what becomes of two carts."""

import pytest

from carts.conftest import BERLIN, GUEST, Shop, customer
from mercato.contracts.carts import MAX_LINES, MergeChoice, NewLine
from mercato.contracts.users import AccountsMerged
from mercato.kernel.errors import NotFound, Unauthenticated


async def test_a_guest_without_another_cart_takes_it_along(shop: Shop) -> None:
    mug, ada = await shop.sell(1000), customer()
    guest = await shop.cart((mug, 2))
    assert guest.token is not None
    mine = await shop.carts.merge(ada, cart_id=guest.id, token=guest.token)
    assert (mine.id, mine.customer_id, mine.email) == (guest.id, ada.principal.id, "ada@example.com")
    assert await shop.carts.mine(ada) == mine
    with pytest.raises(NotFound):
        await shop.carts.get(GUEST, cart_id=guest.id, token=guest.token)


async def test_merging_adds_lines_and_fills_what_is_missing(shop: Shop) -> None:
    mug, bowl, ada = await shop.sell(1000, sku="MUG"), await shop.sell(500, sku="BOWL"), customer()
    own = await shop.cart((mug, 1), ctx=ada)
    guest = await shop.cart((mug, 2), (bowl, 3), email="other@example.com")
    assert guest.token is not None
    await shop.carts.update(GUEST, cart_id=guest.id, token=guest.token, shipping_address=BERLIN, note="Hi")
    mine = await shop.carts.merge(ada, cart_id=guest.id, token=guest.token)
    assert mine.id == own.id
    assert [(line.variant_id, line.quantity) for line in mine.lines] == [(mug, 3), (bowl, 3)]
    assert (mine.email, mine.shipping_address, mine.note) == ("ada@example.com", BERLIN, "Hi")
    with pytest.raises(NotFound):
        await shop.carts.get(GUEST, cart_id=guest.id, token=guest.token)
    assert await shop.db.fetchval("select count(*) from carts.lines") == 2


@pytest.mark.parametrize(
    ("choice", "own_lines", "kept", "quantities"),
    [
        (MergeChoice.KEEP_GUEST, 1, "guest", [2]),
        (MergeChoice.KEEP_EXISTING, 1, "own", [1]),
        (MergeChoice.KEEP_GUEST_IF_EMPTY, 1, "own", [1]),
        (MergeChoice.KEEP_GUEST_IF_EMPTY, 0, "guest", [2]),
    ],
)
async def test_one_cart_is_kept_by_choice(
    shop: Shop, choice: MergeChoice, own_lines: int, kept: str, quantities: list[int]
) -> None:
    mug, ada = await shop.sell(1000), customer()
    own = await shop.cart(*[(mug, 1)] * own_lines, ctx=ada)
    guest = await shop.cart((mug, 2))
    assert guest.token is not None
    mine = await shop.carts.merge(ada, cart_id=guest.id, token=guest.token, choice=choice)
    assert mine.id == {"guest": guest.id, "own": own.id}[kept]
    assert [line.quantity for line in mine.lines] == quantities
    assert await shop.db.fetchval("select count(*) from carts.carts") == 1


async def test_merging_never_overfills_a_cart(shop: Shop) -> None:
    mug, ada = await shop.sell(1000), customer()
    lines = [NewLine(mug, 1, {"n": str(number)}) for number in range(MAX_LINES - 1)]
    await shop.carts.create(ada, lines=lines)
    guest = await shop.carts.create(GUEST, lines=[NewLine(mug, 1, {"m": str(n)}) for n in range(5)])
    assert guest.token is not None
    mine = await shop.carts.merge(ada, cart_id=guest.id, token=guest.token)
    assert len(mine.lines) == MAX_LINES


async def test_refuses_a_cart_that_is_not_the_guests_and_changes_nothing(shop: Shop) -> None:
    mug, ada, eve = await shop.sell(1000), customer(), customer("eve@example.com")
    own, guest = await shop.cart((mug, 1), ctx=ada), await shop.cart((mug, 2))
    assert guest.token is not None
    with pytest.raises(NotFound):
        await shop.carts.merge(ada, cart_id=guest.id, token="wrong")
    with pytest.raises(NotFound):
        await shop.carts.merge(eve, cart_id=own.id, token="wrong")
    with pytest.raises(Unauthenticated):
        await shop.carts.merge(GUEST, cart_id=guest.id, token=guest.token)
    mine = await shop.carts.mine(ada)
    assert mine is not None and mine.id == own.id and [line.quantity for line in mine.lines] == [1]
    assert (await shop.carts.get(GUEST, cart_id=guest.id, token=guest.token)).lines[0].quantity == 2


async def test_the_cart_of_a_merged_account_comes_along_once(shop: Shop) -> None:
    mug, bowl = await shop.sell(1000, sku="MUG"), await shop.sell(500, sku="BOWL")
    ada, second = customer(), customer()
    ada_id, second_id = ada.principal.require_user_id(), second.principal.require_user_id()
    own = await shop.cart((mug, 1), ctx=ada)
    await shop.cart((mug, 2), (bowl, 1), ctx=second)
    merged = AccountsMerged(kept_id=ada_id, dropped_id=second_id)
    for _ in range(2):
        async with shop.db.transaction() as tx:
            await shop.carts.hear_merged(tx, [merged])
    mine = await shop.carts.mine(ada)
    assert mine is not None and mine.id == own.id
    assert [(line.variant_id, line.quantity) for line in mine.lines] == [(mug, 3), (bowl, 1)]
    assert await shop.carts.mine(second) is None
    assert await shop.db.fetchval("select count(*) from carts.carts") == 1


async def test_the_only_cart_of_two_merged_accounts_changes_hands(shop: Shop) -> None:
    mug, ada, second = await shop.sell(1000), customer(), customer()
    cart = await shop.cart((mug, 2), ctx=second)
    ada_id, second_id = ada.principal.require_user_id(), second.principal.require_user_id()
    async with shop.db.transaction() as tx:
        await shop.carts.hear_merged(tx, [AccountsMerged(kept_id=ada_id, dropped_id=second_id)])
    mine = await shop.carts.mine(ada)
    assert mine is not None and (mine.id, mine.email) == (cart.id, None)
