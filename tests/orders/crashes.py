"""Placing that dies on the way, and what heals it."""

from uuid import UUID

from mercato.contracts.orders import OrderStatus, PaymentChoice
from mercato.orders.actions.place import Wish, freeze, hold, pay, record
from mercato.orders.parts import Parts
from mercato.orders.store import placing
from orders.conftest import GUEST_CONTEXT, Clock, Till

STEPS = ("frozen", "held", "recorded", "paid")


def parts_of(till: Till) -> Parts:
    return till.orders._parts


async def place_until(till: Till, cart: tuple[UUID, str], step: str, token: str = "sim_ok") -> None:
    """Run the steps of placing up to `step`, then die."""
    parts = parts_of(till)
    wish = Wish(
        cart_id=cart[0],
        cart_token=cart[1],
        expected_total=till.carts.total(cart[0]),
        payment=PaymentChoice("simulator", token),
    )
    frozen = await freeze(parts, GUEST_CONTEXT, wish)
    if step == "frozen":
        return
    await hold(parts, GUEST_CONTEXT, frozen)
    if step == "held":
        return
    draft, _ = await record(parts, GUEST_CONTEXT, wish, frozen)
    assert draft is not None
    if step == "paid":
        await pay(parts, GUEST_CONTEXT, draft)


async def heal(till: Till, clock: Clock) -> None:
    """A minute passes: sweeps, events, sweeps."""
    for _ in range(4):
        clock.forward(seconds=21)
        await till.sweep()
        await till.deliver_events()


async def status_of(till: Till, cart: tuple[UUID, str]) -> OrderStatus:
    draft = await placing.draft_of_cart(till.db, cart_id=cart[0])
    assert draft is not None
    return draft.status
