"""Leadership: each role is held by one process at a time."""

import asyncio
from typing import Any

import asyncpg
import pytest

from kernel.leading import leading
from mercato.kernel.background.leadership import Leadership
from support.waiting import eventually


class TestLeadership:
    async def test_one_process_at_a_time_has_a_role(self, shop_url: str) -> None:
        running: list[str] = []

        def role(name: str) -> Any:
            async def run() -> None:
                running.append(name)
                try:
                    await asyncio.Event().wait()
                finally:
                    running.remove(name)

            return run

        async with leading(shop_url, "role", role("first")) as first:
            await eventually(lambda: running == ["first"])
            async with leading(shop_url, "role", role("second")) as second:
                for free in ("free", "later"):  # once it leads the later one, it has tried for `role`
                    second.add(free, role(free))
                    await eventually(lambda free=free: free in running)
                assert sorted(running) == ["first", "free", "later"]
                assert (first.leads("role"), second.leads("role")) == (True, False)
                await first.stop()
                await eventually(lambda: sorted(running) == ["free", "later", "second"])

    async def test_another_takes_over_when_the_connection_of_the_leader_breaks(self, shop_url: str) -> None:
        seen: list[str] = []

        async def run() -> None:
            seen.append("began")
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("ended")

        async with leading(shop_url, "role", run):
            await eventually(lambda: seen == ["began"])
            outside = await asyncpg.connect(shop_url)
            await outside.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'mercato leader' and datname = current_database()"
            )
            await outside.close()
            await eventually(lambda: seen == ["began", "ended", "began"])

    async def test_runs_a_failing_role_again(self, shop_url: str) -> None:
        tries: list[int] = []

        async def run() -> None:
            tries.append(1)
            if len(tries) == 1:
                raise ValueError("once")
            await asyncio.Event().wait()

        async with leading(shop_url, "role", run):
            await eventually(lambda: len(tries) == 2)

    def test_refuses_two_roles_of_one_name(self, shop_url: str) -> None:
        leadership = Leadership(shop_url)
        leadership.add("role", asyncio.sleep)
        with pytest.raises(ValueError, match="two roles are called role"):
            leadership.add("role", asyncio.sleep)
