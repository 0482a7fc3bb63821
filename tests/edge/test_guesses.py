"""Guessing codes and trying cards slows down who fails, and nobody else."""

import pytest

from mercato.edge import guesses
from mercato.edge.guesses import Guesses, Rule, who_of
from mercato.kernel.context import Context, Principal, PrincipalKind
from mercato.kernel.errors import Throttled
from mercato.kernel.ids import new_id

RULE = Rule("codes", free=3, free_in_a_flood=1, flood=40, longest_s=8, forget_after_s=60)


class Clock:
    now = 1000.0


@pytest.fixture
def clock() -> Clock:
    """The time that the counting sees."""
    return Clock()


@pytest.fixture
def counting(clock: Clock) -> Guesses:
    return Guesses({"codes": RULE}, now_s=lambda: clock.now)


def guest(address: str) -> Context:
    return Context(client_address=address)


def customer(address: str) -> Context:
    return Context(client_address=address, principal=Principal(PrincipalKind.USER, new_id()))


def fail(counting: Guesses, ctx: Context, times: int = 1) -> None:
    for _ in range(times):
        counting.failed("codes", ctx)


def wait_of(counting: Guesses, ctx: Context) -> int:
    """Seconds that this one must wait; 0 when none."""
    try:
        counting.admit("codes", ctx)
    except Throttled as error:
        return int(error.data["retry_after_s"])
    return 0


def test_waits_double_after_the_free_failures_and_stop_growing(counting: Guesses, clock: Clock) -> None:
    ctx, waits = guest("192.0.2.1"), []
    for _ in range(8):
        fail(counting, ctx)
        waits.append(max(0, wait_of(counting, ctx) - 1))
        clock.now += 9
    assert waits == [0, 0, 0, 1, 2, 4, 8, 8]


def test_time_forgets(counting: Guesses, clock: Clock) -> None:
    ctx = guest("192.0.2.1")
    fail(counting, ctx, 5)
    clock.now += 61
    fail(counting, ctx)
    assert wait_of(counting, ctx) == 0


def test_loopback_is_nobody_for_it_may_be_everybody_behind_a_proxy(counting: Guesses) -> None:
    fail(counting, guest("127.0.0.1"), 50)
    assert wait_of(counting, guest("127.0.0.1")) == 0


def test_a_stranger_makes_no_customer_wait_not_even_from_the_same_house(counting: Guesses) -> None:
    stranger, ann = guest("192.0.2.1"), customer("192.0.2.1")
    fail(counting, stranger, 20)
    assert wait_of(counting, stranger) > 0
    assert (wait_of(counting, ann), wait_of(counting, guest("192.0.2.2"))) == (0, 0)


def test_a_flood_from_many_addresses_shortens_everybodys_patience_and_refuses_no_newcomer(
    counting: Guesses,
) -> None:
    for number in range(50):
        fail(counting, guest(f"198.51.100.{number}"))
    late = guest("203.0.113.1")
    assert wait_of(counting, late) == 0
    fail(counting, late, 2)
    assert wait_of(counting, late) > 0


def test_addresses_of_one_household_are_one_and_memory_has_an_end(counting: Guesses) -> None:
    assert who_of(guest("2001:db8:1:2:aaaa::1")) == who_of(guest("2001:db8:1:2:bbbb::9"))
    assert who_of(guest("2001:db8:1:2::1")) != who_of(guest("2001:db8:1:3::1"))
    for number in range(guesses.MAX_KNOWN + 50):
        fail(counting, guest(f"unknown {number}"))
    assert len(counting._known) == guesses.MAX_KNOWN
