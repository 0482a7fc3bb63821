"""The circuit breaker: what keeps failing is left alone, tried by one, and trusted again."""

import asyncio

import pytest

from mercato.kernel.breaker import Breaker, Circuit
from mercato.kernel.errors import Invalid, Unavailable


class Far:
    """A system far away: does what the test says, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None
        self.hangs = asyncio.Event()
        self.hangs.set()
        self.was_asked = asyncio.Event()

    async def answer(self) -> str:
        self.asked += 1
        self.was_asked.set()
        await self.hangs.wait()
        if self.error is not None:
            raise self.error
        return "here"


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def guarded(hands: Hands, timeout_s: float = 5.0) -> Breaker:
    return Breaker("far", timeout_s=timeout_s, failures=3, open_s=10, open_max_s=35, now_s=hands)


async def fail(breaker: Breaker, far: Far) -> str:
    with pytest.raises(Unavailable) as caught:
        await breaker.call(far.answer)
    return caught.value.code


async def test_after_three_failures_in_a_row_nobody_is_asked() -> None:
    far, breaker = Far(), guarded(Hands())
    far.error = Unavailable("far_down")
    assert [await fail(breaker, far) for _ in range(5)] == [
        "far_down", "far_down", "far_down", "far_unavailable", "far_unavailable",
    ]  # fmt: skip
    assert far.asked == 3


async def test_an_answer_between_failures_starts_the_count_anew() -> None:
    far, breaker = Far(), guarded(Hands())
    for _ in range(3):
        far.error = Unavailable("far_down")
        await fail(breaker, far)
        await fail(breaker, far)
        far.error = None
        assert await breaker.call(far.answer) == "here"
    assert breaker.circuit is Circuit.CLOSED


async def test_a_refusal_is_an_answer() -> None:
    far, breaker = Far(), guarded(Hands())
    far.error = Invalid("address_refused")
    for _ in range(5):
        with pytest.raises(Invalid):
            await breaker.call(far.answer)
    assert (breaker.circuit, far.asked) == (Circuit.CLOSED, 5)


async def test_one_tries_after_a_while_and_closes_the_circuit() -> None:
    hands = Hands()
    far, breaker = Far(), guarded(hands)
    far.error = Unavailable("far_down")
    for _ in range(3):
        await fail(breaker, far)
    hands.now_s = 10
    far.error = None
    far.hangs.clear()
    far.was_asked.clear()
    first = asyncio.create_task(breaker.call(far.answer))
    await far.was_asked.wait()
    assert await fail(breaker, far) == "far_unavailable"  # one is trying already
    far.hangs.set()
    assert await first == "here"
    assert (breaker.circuit, far.asked) == (Circuit.CLOSED, 4)


async def test_each_failed_try_opens_it_for_twice_as_long_up_to_a_limit() -> None:
    hands = Hands()
    far, breaker = Far(), guarded(hands)
    far.error = Unavailable("far_down")
    for _ in range(3):
        await fail(breaker, far)
    for pause_s in (10, 20, 35, 35):
        hands.now_s += pause_s - 1
        assert await fail(breaker, far) == "far_unavailable"
        hands.now_s += 1
        assert await fail(breaker, far) == "far_down"


async def test_what_takes_too_long_has_failed() -> None:
    far, breaker = Far(), guarded(Hands(), timeout_s=0.02)
    far.hangs.clear()
    assert [await fail(breaker, far) for _ in range(4)] == [
        "far_timeout", "far_timeout", "far_timeout", "far_unavailable",
    ]  # fmt: skip


async def test_a_try_that_is_given_up_does_not_keep_others_from_trying() -> None:
    hands = Hands()
    far, breaker = Far(), guarded(hands)
    far.error = Unavailable("far_down")
    for _ in range(3):
        await fail(breaker, far)
    hands.now_s, far.error = 10, None
    far.hangs.clear()
    far.was_asked.clear()
    trying = asyncio.create_task(breaker.call(far.answer))
    await far.was_asked.wait()
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    far.hangs.set()
    assert await breaker.call(far.answer) == "here"
