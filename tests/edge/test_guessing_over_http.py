"""Failing again and again at a throttled route makes a guest wait, over HTTP."""

from typing import Any

from litestar import post

from edge.conftest import Open
from mercato.edge import shared_guesses
from mercato.kernel.errors import Invalid
from mercato.kernel.web import PUBLIC
from support.waiting import eventually


@post("/codes", permission=PUBLIC, throttle="codes")
async def try_code() -> None:
    raise Invalid("coupon_invalid", "No such code.")


@post("/others", permission=PUBLIC, throttle="codes")
async def try_other() -> None:
    raise Invalid("required", "Something else is missing.")


async def test_wrong_codes_are_refused_after_ten_and_other_mistakes_never(open_door: Open) -> None:
    door = await open_door([try_code, try_other])
    answers = [(await door.post("/api/v1/codes")).json()["code"] for _ in range(12)]
    assert answers == ["coupon_invalid"] * 11 + ["too_many_tries"]
    refused = await door.post("/api/v1/codes")
    assert (refused.status_code, int(refused.headers["Retry-After"]) >= 1) == (429, True)
    signed_in = await door.post("/api/v1/codes", headers={"Authorization": "Bearer customer"})
    assert signed_in.json()["code"] == "coupon_invalid"


async def test_a_mistake_that_is_no_guess_never_waits(open_door: Open) -> None:
    door = await open_door([try_other])
    assert {(await door.post("/api/v1/others")).json()["code"] for _ in range(30)} == {"required"}


async def test_every_process_knows_who_failed_at_another_and_so_does_one_that_starts(
    open_door: Open, shop: Any
) -> None:
    first, second = await open_door([try_code]), await open_door([try_code])
    statements = first.gate.statements.value
    for _ in range(11):
        assert (await first.post("/api/v1/codes")).json()["code"] == "coupon_invalid"
    assert first.gate.statements.value - statements == 11, "one for each failure"
    refused = await first.post("/api/v1/codes")
    assert (refused.status_code, first.gate.statements.value - statements) == (429, 11), "asking costs none"

    async def knows() -> bool:
        return (await second.post("/api/v1/codes")).status_code == 429

    await eventually(knows)
    third = await open_door([try_code])
    assert (await third.post("/api/v1/codes")).status_code == 429
    signed_in = await third.post("/api/v1/codes", headers={"Authorization": "Bearer customer"})
    assert signed_in.json()["code"] == "coupon_invalid", "nobody is locked out by a stranger"
    stored = await shop.runtime.database("edge").fetch("select who, count from edge.failures")
    assert len(stored) == 3 and all(b"192.0.2.7" not in row["who"] for row in stored)


async def test_tries_at_several_processes_at_once_are_all_counted(open_door: Open, shop: Any) -> None:
    doors = [await open_door([try_code]) for _ in range(3)]
    for door in [*doors * 4]:
        await door.post("/api/v1/codes")
    row = await shop.runtime.database("edge").fetchrow(
        "select count from edge.failures where who <> '' order by count desc limit 1"
    )
    assert 11 <= row["count"] <= 13, "the eleventh at any of them makes the next wait"


async def test_forgets_whose_last_failure_is_old(open_door: Open, shop: Any) -> None:
    door, database = await open_door([try_code]), shop.runtime.database("edge")
    await door.post("/api/v1/codes")
    await shared_guesses.purge(database)
    assert await database.fetchval("select count(*) from edge.failures") == 2
    await database.execute("update edge.failures set last_at = last_at - interval '16 minutes'")
    await shared_guesses.purge(database)
    assert await database.fetchval("select count(*) from edge.failures") == 0
