"""Drafts are changed after they were made: once per version, and never under the hands of who pays."""

import asyncio
from uuid import UUID

import msgspec
import pytest

from mercato.contracts.carts import NewLine
from mercato.contracts.orders import (
    DraftInput,
    DraftOrder,
    DraftStatus,
    PaymentChoice,
    Placement,
    PlaceStatus,
)
from mercato.kernel.errors import Conflict, Denied, Invalid, MercatoError, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from orders.conftest import ANALYST, GUEST_CONTEXT, STAFF, Clock, Till
from orders.fakes import ADDRESS, EXPRESS

CARD = PaymentChoice("simulator", "sim_ok", "https://shop.example/draft")
ELSEWHERE = msgspec.structs.replace(ADDRESS, street1="Nebenstr. 9")


async def wish(till: Till, quantity: int = 2, **more: object) -> DraftInput:
    variant_id = await till.put(10)
    till.carts.prices[variant_id] = 1200
    values: dict[str, object] = {
        "email": "caller@example.org", "lines": [NewLine(variant_id, quantity)], "shipping_address": ADDRESS,
    }  # fmt: skip
    return DraftInput(**{**values, **more})  # type: ignore[arg-type]


async def drafted(till: Till, **more: object) -> DraftOrder:
    return await till.orders.create_draft(STAFF, draft=await wish(till, **more))


async def change(till: Till, draft: DraftOrder, asked: DraftInput) -> DraftOrder:
    return await till.orders.change_draft(STAFF, draft_id=draft.id, draft=asked, version=draft.version)


async def pay(till: Till, draft: DraftOrder, total: Money) -> Placement:
    assert draft.token is not None
    return await till.orders.pay_draft(
        GUEST_CONTEXT, draft_id=draft.id, token=draft.token, expected_total=total, payment=CARD
    )


def total(draft: DraftOrder) -> Money:
    assert draft.cart is not None
    return draft.cart.totals.total


async def test_a_changed_draft_asks_for_its_new_total_and_refuses_the_old(till: Till) -> None:
    draft = await till.orders.send_draft(STAFF, draft_id=(await drafted(till, discount=400)).id)
    old, customer = total(draft), new_id()
    asked = await wish(
        till, 3, email="other@example.org", customer_id=customer, shipping_address=ELSEWHERE,
        delivery_method_id=EXPRESS.id, discount=100, discount_label="Sorry", note="call first",
    )  # fmt: skip
    changed = await change(till, draft, asked)
    assert (total(draft).amount, total(changed).amount) == (2490, 3600 + 1290 - 100)
    assert (changed.version, changed.status, changed.token) == (2, DraftStatus.SENT, draft.token)
    assert (changed.email, changed.customer_id, changed.note) == ("other@example.org", customer, "call first")
    assert changed.cart is not None and changed.cart.shipping_address == ELSEWHERE
    assert changed.wish == asked
    assert len(till.carts.carts) == len(till.carts.promotions) == 1
    with pytest.raises(Conflict, match="cart_changed"):
        await pay(till, draft, old)
    assert await till.charges() == []
    placement = await pay(till, draft, total(changed))
    assert placement.status is PlaceStatus.PLACED
    assert await till.charges() == [(4790, 4790, 0, 0)]
    placed = await till.orders.draft(STAFF, draft_id=draft.id)
    assert placed.order_id is not None
    assert (await till.order_of(placed.order_id)).customer_id == customer
    with pytest.raises(Conflict, match="draft_closed"):
        await change(till, placed, asked)


async def test_a_change_of_another_version_changes_nothing(till: Till) -> None:
    draft = await drafted(till)
    chosen = await till.orders.set_draft_delivery(STAFF, draft_id=draft.id, delivery_method_id=EXPRESS.id)
    assert chosen.version == 2 and chosen.wish is not None
    assert chosen.wish.delivery_method_id == EXPRESS.id
    with pytest.raises(Conflict, match="version_conflict") as refused:
        await change(till, draft, await wish(till, 5))
    assert refused.value.data["version"] == 2
    now = await till.orders.draft(STAFF, draft_id=draft.id)
    assert (total(now), now.version, len(till.carts.carts)) == (total(chosen), 2, 1)
    both = {"discount": 1, "discount_percent": "5"}
    with pytest.raises(Invalid):
        await change(till, now, await wish(till, **both))
    with pytest.raises(Denied):
        await till.orders.change_draft(ANALYST, draft_id=draft.id, draft=await wish(till), version=2)


async def test_many_changes_at_once_are_one(till: Till) -> None:
    for _ in range(10):
        draft = await drafted(till)
        wishes = [await wish(till, quantity) for quantity in (3, 4, 5, 6)]
        answers = await asyncio.gather(
            *(change(till, draft, asked) for asked in wishes), return_exceptions=True
        )
        done = [answer for answer in answers if isinstance(answer, DraftOrder)]
        refused = {answer.code for answer in answers if isinstance(answer, MercatoError)}
        assert (len(done), refused) == (1, {"version_conflict"})
        now = await till.orders.draft(STAFF, draft_id=draft.id)
        assert (now.version, total(now)) == (2, total(done[0]))
        await till.orders.cancel_draft(STAFF, draft_id=draft.id)
        assert till.carts.carts == {}
        with pytest.raises(Conflict) as closed:
            await till.orders.place_draft(STAFF, draft_id=draft.id, is_paid=False)
        assert closed.value.detail == "This draft order is canceled."


async def test_paying_while_it_is_changed_pays_what_was_seen_or_nothing(till: Till) -> None:
    for _ in range(15):
        draft = await drafted(till)
        before = len(await till.charges())
        await asyncio.gather(
            change(till, draft, await wish(till, 4)), pay(till, draft, total(draft)), return_exceptions=True
        )
        await till.deliver_events()
        now = await till.orders.draft(STAFF, draft_id=draft.id)
        charged = (await till.charges())[before:]
        if now.order_id is not None:
            assert [captured for _, captured, _, _ in charged] == [2890]
            assert (await till.order_of(now.order_id)).totals.total.amount == 2890
        else:
            assert (charged, total(now).amount) == ([], 5290)
    await till.assert_books_agree()


async def test_a_change_that_died_half_way_is_finished_by_the_sweeper(
    till: Till, moving_clock: Clock
) -> None:
    draft = await drafted(till)
    parts = till.orders._parts
    dead = type(till.orders)(msgspec.structs.replace(parts, carts=_NeverDeletes(till)))
    asked = await wish(till, 3)
    with pytest.raises(Unavailable):
        await dead.change_draft(STAFF, draft_id=draft.id, draft=asked, version=1)
    half = await till.orders.draft(STAFF, draft_id=draft.id)
    assert (total(half), half.version) == (total(draft), 2)
    moving_clock.forward(seconds=61)
    await till.sweep()
    now = await till.orders.draft(STAFF, draft_id=draft.id)
    assert (total(now).amount, now.wish, len(till.carts.carts)) == (4090, asked, 1)


async def test_a_draft_that_nobody_pays_expires_with_its_link_and_its_discount(
    till: Till, moving_clock: Clock
) -> None:
    draft = await drafted(till, discount=100, expires_in_days=2)
    changed = await change(till, draft, await wish(till, 3, discount=200, expires_in_days=3))
    moving_clock.forward(days=2.5)
    await till.sweep()
    assert (await till.orders.draft(STAFF, draft_id=draft.id)).status is DraftStatus.OPEN
    moving_clock.forward(days=1)
    with pytest.raises(Conflict, match="draft_closed"):
        await pay(till, draft, total(changed))
    await till.sweep()
    assert (await till.orders.draft(STAFF, draft_id=draft.id)).status is DraftStatus.EXPIRED
    assert (till.carts.carts, till.carts.promotions) == ({}, {})
    assert await till.charges() == []


class _NeverDeletes:
    """Carts that are away when one is to be deleted."""

    def __init__(self, till: Till) -> None:
        self._carts = till.carts

    def __getattr__(self, name: str) -> object:
        return getattr(self._carts, name)

    async def delete(self, ctx: object, *, cart_id: UUID, token: str | None) -> None:
        raise Unavailable()
