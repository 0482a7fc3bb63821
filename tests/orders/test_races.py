"""Two at once, twenty times, in two processes of one shop: whoever is second finds it done or is refused."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from mercato.contracts.carts import NewLine
from mercato.contracts.catalog import CaptureMode
from mercato.contracts.orders import DraftInput, DraftStatus, OrderStatus, PaymentChoice, Placement
from mercato.kernel.errors import Conflict, MercatoError
from mercato.kernel.money import Money
from orders.changing import edit
from orders.conftest import GUEST_CONTEXT, STAFF, Clock, Till, make_runtime
from orders.crashes import place_until
from orders.fakes import ADDRESS

ROUNDS = 20


@pytest.fixture
async def other(till: Till, database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Till]:
    """A second process of the shop, with connections of its own; only carts are one, as they are a fake."""
    runtime = make_runtime(database_url, nats_url, namespace)
    await runtime.nats.connect(nats_url)
    second = Till(runtime)
    second.carts, second.catalog = till.carts, till.catalog
    second.service = second.build(second.carts)
    second.orders = second.service.impl
    yield second
    await runtime.nats.close()
    await runtime.close()


def ends(answers: Sequence[object]) -> Counter[str]:
    """How often each thing came of it: done, or the code of the refusal."""
    return Counter(one.code if isinstance(one, MercatoError) else type(one).__name__ for one in answers)


async def test_no_round_of_buyers_is_sold_more_than_there_is(till: Till, other: Till) -> None:
    sold = 0
    for round_ in range(ROUNDS):
        there = round_ % 5
        mug = await till.put(there)
        carts = [till.carts.open_cart((mug, 1, 1200)) for _ in range(6)]
        answers = await asyncio.gather(
            *((till, other)[n % 2].place(cart) for n, cart in enumerate(carts)), return_exceptions=True
        )
        assert ends(answers) == Counter(Placement=there, insufficient_stock=6 - there)
        await till.deliver_events()
        assert await till.levels(mug) == (there, there, 0)
        assert Counter(map(till.carts.status, (cart[0] for cart in carts))) == Counter(
            completed=there, open=6 - there
        )
        sold += there
    assert await till.charges() == [(1690, 1690, 0, 0)] * sold
    await till.assert_books_agree()


async def test_one_cart_completed_at_two_doors_is_one_order(till: Till, other: Till) -> None:
    mug = await till.put(1000)
    for _ in range(ROUNDS):
        cart = till.carts.open_cart((mug, 1, 1200))
        answers = await asyncio.gather(
            *(one.place(cart) for one in (till, other) * 3), return_exceptions=True
        )
        assert set(ends(answers)) <= {"Placement", "order_in_progress"}
        numbers = {one.order_number for one in answers if isinstance(one, Placement)}
        assert numbers == {(await till.place(cart)).order_number}
    assert await till.charges() == [(1690, 1690, 0, 0)] * ROUNDS
    await till.deliver_events()
    assert await till.levels(mug) == (1000, ROUNDS, 0)
    await till.assert_books_agree()


async def test_carts_of_the_same_goods_in_opposite_order_are_all_placed(till: Till, other: Till) -> None:
    mug, bowl = await till.put(1000), await till.put(1000)
    forth, back = [(mug, 1, 1200), (bowl, 1, 800)], [(bowl, 1, 800), (mug, 1, 1200)]
    for _ in range(ROUNDS):
        answers = await asyncio.gather(
            *(till.place(till.carts.open_cart(*forth)) for _ in range(3)),
            *(other.place(till.carts.open_cart(*back)) for _ in range(3)),
            till.deliver_events(),
            return_exceptions=True,
        )
        assert ends(answers) == Counter(Placement=6, NoneType=1)
    await till.deliver_events()
    assert await till.levels(mug) == await till.levels(bowl) == (1000, 6 * ROUNDS, 0)
    await till.assert_books_agree()


async def test_a_capture_against_a_cancellation_keeps_no_money(
    till: Till, other: Till, moving_clock: Clock
) -> None:
    till.catalog.capture = CaptureMode.MANUAL
    for round_ in range(ROUNDS):
        order = await till.bought()
        acts = [till.orders.capture(STAFF, order_id=order.id), other.orders.cancel(STAFF, order_id=order.id)]
        with (
            capture_logs()
        ):  # a void that comes too late is put off, with a traceback that takes long to draw
            answers = await asyncio.gather(*acts[:: 1 if round_ % 2 else -1], return_exceptions=True)
        found = ends(answers)
        assert found["Order"] >= 1
        assert set(found) <= {"Order", "illegal_transition", "capture_too_large"}
        for _ in range(3):
            moving_clock.forward(seconds=21)
            await till.sweep()
            await till.deliver_events()
        assert (await till.order_of(order.id)).status is OrderStatus.CANCELED
        assert await till.levels(order.lines[0].variant_id) == (10, 0, 0)
    assert {
        (captured - refunded, captured + voided) for _, captured, refunded, voided in await till.charges()
    } == {(0, 2890)}
    await till.assert_books_agree()


async def test_a_change_confirmed_at_two_doors_is_made_once(till: Till, other: Till) -> None:
    for _ in range(ROUNDS):
        order = await till.bought(3)
        lamp = await till.put(5)
        change = await edit(till, order, {order.lines[0].id: 1}, {lamp: 2})
        answers = await asyncio.gather(
            *(one.orders.confirm_change(STAFF, change_id=change.id) for one in (till, other) * 2),
            return_exceptions=True,
        )
        assert ends(answers) == Counter(Order=4)
        now = await till.order_of(order.id)
        assert [(line.quantity, line.total.amount) for line in now.lines] == [(1, 1200), (2, 2000)]
        assert await till.levels(order.lines[0].variant_id) == (10, 1, 0)
        assert await till.levels(lamp) == (5, 2, 0)
    await till.deliver_events()
    assert await till.charges() == [(4090, 4090, 400, 0)] * ROUNDS
    await till.assert_books_agree()


async def test_refunds_at_two_doors_never_send_back_more_than_was_paid(till: Till, other: Till) -> None:
    for _ in range(ROUNDS):
        order = await till.bought()
        answers = await asyncio.gather(
            *(
                one.orders.refund(STAFF, order_id=order.id, amount=Money(1000, "EUR"))
                for one in (till, other) * 2
            ),
            return_exceptions=True,
        )
        assert ends(answers) == Counter(Order=2, refund_too_large=2)
    await till.deliver_events()
    assert await till.charges() == [(2890, 2890, 2000, 0)] * ROUNDS
    await till.assert_books_agree()


async def test_two_sweepers_settle_what_was_left_behind_once(
    till: Till, other: Till, moving_clock: Clock
) -> None:
    mug = await till.put(1000)
    for _ in range(ROUNDS):
        carts = {
            step: till.carts.open_cart((mug, 1, 1200)) for step in ("frozen", "held", "recorded", "paid")
        }
        for step, cart in carts.items():
            await place_until(till, cart, step)
        refused = till.carts.open_cart((mug, 1, 1200))
        await place_until(till, refused, "recorded", "sim_decline")
        for _ in range(3):
            moving_clock.forward(seconds=21)
            await asyncio.gather(till.sweep(), other.sweep())
        await till.deliver_events()
        assert [till.carts.status(cart[0]) for cart in (*carts.values(), refused)] == [
            "open", "open", "completed", "completed", "open",
        ]  # fmt: skip
    assert await till.charges() == [(1690, 1690, 0, 0)] * 2 * ROUNDS
    assert Counter(await till.facts()) == {"orders.placed": 2 * ROUNDS, "orders.paid": 2 * ROUNDS}
    assert await till.levels(mug) == (1000, 2 * ROUNDS, 0)
    await till.assert_books_agree()


async def test_draft_orders_whose_time_is_over_expire_once_and_the_others_stay(
    till: Till, other: Till, moving_clock: Clock
) -> None:
    mug = await till.put(10)

    async def drafted(days: int) -> UUID:
        wish = DraftInput(
            email="caller@example.org",
            lines=[NewLine(mug, 1)],
            shipping_address=ADDRESS,
            expires_in_days=days,
        )
        return (await till.orders.create_draft(STAFF, draft=wish)).id

    soon, later = [await drafted(3) for _ in range(3)], await drafted(5)
    moving_clock.forward(days=3, seconds=-1)
    await till.sweep()
    assert (await till.orders.draft(STAFF, draft_id=soon[0])).status is DraftStatus.OPEN
    moving_clock.forward(seconds=2)
    await asyncio.gather(till.sweep(), other.sweep())
    for draft_id in soon:
        over = await till.orders.draft(STAFF, draft_id=draft_id)
        assert (over.status, over.cart) == (DraftStatus.EXPIRED, None)
        assert over.token is not None
        with pytest.raises(Conflict) as refused:
            await till.orders.pay_draft(
                GUEST_CONTEXT,
                draft_id=draft_id,
                token=over.token,
                expected_total=Money(1490, "EUR"),
                payment=PaymentChoice("simulator", "sim_ok"),
            )
        assert refused.value.code == "draft_closed"
    still = await till.orders.draft(STAFF, draft_id=later)
    assert still.status is DraftStatus.OPEN and still.cart is not None
    acts = [(act.act, act.object_id) for act in await till.acts() if act.act == "order.draft_expired"]
    assert Counter(acts) == {("order.draft_expired", str(draft_id)): 1 for draft_id in soon}
    assert await till.charges() == []
    assert await till.levels(mug) == (10, 0, 0)
