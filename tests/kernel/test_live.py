"""Hints reach open pages of every process, at most once, and never slow the publisher."""

import asyncio

from mercato.kernel.messaging.live import MAX_WAITING_HINTS, Hint
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings
from support.waiting import eventually


async def test_a_hint_reaches_listeners_of_its_topic_in_another_process(
    runtime: Runtime, settings: Settings
) -> None:
    other = Runtime(settings)
    await other.broker.connect("other")
    async with runtime.live.listen("cart.1", "cart.2") as hints, runtime.live.listen("cart.3") as deaf:
        other.live.publish("cart.2", b"x")
        async with asyncio.timeout(5):
            assert await hints.get() == Hint("cart.2", b"x")
        other.live.publish("cart.3")
        async with asyncio.timeout(5):
            assert await deaf.get() == Hint("cart.3")
    await other.broker.close()
    await other.close()


async def test_equal_hints_of_one_moment_are_one(runtime: Runtime) -> None:
    async with runtime.live.listen("order.1") as hints:
        for _ in range(50):
            runtime.live.publish("order.1")
        runtime.live.publish("order.1", b"last")
        async with asyncio.timeout(5):
            assert [await hints.get(), await hints.get()] == [Hint("order.1"), Hint("order.1", b"last")]


async def test_a_slow_page_loses_the_oldest_hints(runtime: Runtime) -> None:
    async with runtime.live.listen("admin") as hints:
        for number in range(MAX_WAITING_HINTS + 10):
            runtime.live.publish("admin", str(number).encode())
        await eventually(lambda: hints._waiting.full() and hints._waiting._queue[-1].data == b"73")  # type: ignore[attr-defined]
        async with asyncio.timeout(5):
            assert (await hints.get()).data == b"10"


async def test_every_page_hears_an_empty_hint_when_the_broker_is_back(runtime: Runtime) -> None:
    async with runtime.live.listen("cart.1") as first, runtime.live.listen("cart.1", "stock.1") as second:
        runtime.live.broker_is_back()
        async with asyncio.timeout(5):
            assert (await first.get(), await second.get()) == (Hint(""), Hint(""))


async def test_subscriptions_end_with_their_last_listener(runtime: Runtime) -> None:
    async with runtime.live.listen("cart.1"):
        async with runtime.live.listen("cart.1"):
            assert runtime.live.listener_count == 2
            assert list(runtime.live._subscriptions) == ["cart.1"]
        assert list(runtime.live._subscriptions) == ["cart.1"]
    assert (runtime.live.listener_count, runtime.live._subscriptions) == (0, {})
