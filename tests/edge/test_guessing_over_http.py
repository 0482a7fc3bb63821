"""Failing again and again at a throttled route makes a guest wait, over HTTP."""

from litestar import post

from edge.conftest import Open
from mercato.kernel.errors import Invalid
from mercato.kernel.web import PUBLIC


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
