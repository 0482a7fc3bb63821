"""Idempotency-Key: once, and the first reply again."""

import asyncio
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from litestar import Request, Response, post

from mercato.edge.idempotency import LEASE, Replies
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Throttled, Unavailable
from mercato.kernel.web import PUBLIC, cookie

runs: list[str | None] = []
gate_open = asyncio.Event()
held_runs = asyncio.Event()


@post("/charges", permission=PUBLIC)
async def charge(ctx: Context, data: dict[str, int]) -> Response[dict[str, int]]:
    """Count how often it ran."""
    runs.append(ctx.idempotency_key)
    answer = {"run": len(runs), "amount": data["amount"]}
    return Response(answer, headers={"Location": "/api/v1/charges/1", "X-Secret": "no"})


@post("/held", permission=PUBLIC)
async def held() -> str:
    """Runs until the test lets it go."""
    runs.append("held")
    held_runs.set()
    await gate_open.wait()
    return "done"


@post("/refused/{how:str}", permission=PUBLIC)
async def refused(how: str) -> str:
    """Fails."""
    runs.append(how)
    errors = {
        "conflict": Conflict("sold_out", "Gone."),
        "working": Conflict("order_in_progress", "Soon.", data={"retry_after_s": 2}),
        "busy": Unavailable(),
        "fast": Throttled(),
        "bug": None,
    }
    raise errors[how] or ZeroDivisionError


@post("/tokens", permission=PUBLIC, replay=False)
async def make_token() -> str:
    """Holds a secret."""
    runs.append("token")
    return f"secret {len(runs)}"


@post("/cart", permission=PUBLIC, status_code=303)
async def add_to_cart(request: Request[Any, Any, Any]) -> Response[str]:
    """A page's form."""
    form = await request.form()
    assert set(form) == {"variant"}
    runs.append(str(form["variant"]))
    return Response("", status_code=303, headers={"Location": "/cart"}, cookies=[cookie("cart", "1.abc")])


@pytest.fixture
async def door(open_door: Any) -> Any:
    runs.clear()
    gate_open.clear()
    held_runs.clear()
    return await open_door([charge, held, refused, make_token])


KEY = {"Idempotency-Key": "order-7"}


async def test_gives_the_first_reply_again_and_runs_once(door: Any) -> None:
    first = await door.post("/api/v1/charges", json={"amount": 5}, headers=KEY)
    again = await door.post("/api/v1/charges", json={"amount": 5}, headers=KEY)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json() == {"run": 1, "amount": 5}
    assert runs == ["order-7"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == "/api/v1/charges/1"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


async def test_runs_every_time_without_a_key(door: Any, shop: Any) -> None:
    for run in (1, 2):
        assert (await door.post("/api/v1/charges", json={"amount": 5})).json() == {"run": run, "amount": 5}
    assert await shop.runtime.database("edge").fetchval("select count(*) from edge.replies") == 0


async def test_refuses_another_body_under_the_same_key(door: Any) -> None:
    await door.post("/api/v1/charges", json={"amount": 5}, headers=KEY)
    reply = await door.post("/api/v1/charges", json={"amount": 6}, headers=KEY)
    assert (reply.status_code, reply.json()["code"]) == (409, "idempotency_mismatch")
    assert runs == ["order-7"]


async def test_keeps_keys_apart_by_principal_cart_and_path(door: Any) -> None:
    owners: list[dict[str, str]] = [
        {}, {"Authorization": "Bearer customer"}, {"Authorization": "Bearer staff"}, {"X-Cart-Token": "a"},
        {"X-Cart-Token": "b"},
    ]  # fmt: skip
    for owner in owners:
        reply = await door.post("/api/v1/charges", json={"amount": 5}, headers=KEY | owner)
        assert "idempotent-replayed" not in reply.headers
    assert len(runs) == 5
    await door.post("/api/v1/tokens", headers=KEY)
    assert runs[-1] == "token"


async def test_refuses_a_second_request_while_the_first_still_runs(door: Any) -> None:
    first = asyncio.create_task(door.post("/api/v1/held", headers=KEY))
    await held_runs.wait()
    second = await door.post("/api/v1/held", headers=KEY)
    assert (second.status_code, second.json()["code"]) == (409, "idempotency_in_flight")
    assert second.headers["retry-after"] == "1"
    gate_open.set()
    assert (await first).json() == "done"
    third = await door.post("/api/v1/held", headers=KEY)
    assert (third.json(), third.headers["idempotent-replayed"]) == ("done", "true")
    assert runs == ["held"]


async def test_only_one_of_many_requests_at_once_runs(door: Any) -> None:
    replies = await asyncio.gather(
        *(door.post("/api/v1/charges", json={"amount": 5}, headers=KEY) for _ in range(20))
    )
    assert runs == ["order-7"]
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert next(reply.json() for reply in replies if reply.status_code == 201) == {"run": 1, "amount": 5}


async def test_keeps_a_refusal_but_no_failure_of_ours(door: Any) -> None:
    for _ in range(2):
        reply = await door.post("/api/v1/refused/conflict", headers=KEY)
        assert (reply.status_code, reply.json()["code"]) == (409, "sold_out")
    assert runs == ["conflict"]
    for how, status in (("busy", 503), ("fast", 429), ("bug", 500), ("working", 409)):
        for _ in range(2):
            assert (await door.post(f"/api/v1/refused/{how}", headers=KEY)).status_code == status
        assert runs[-2:] == [how, how]


async def test_takes_over_when_the_first_run_was_cut_off(door: Any, shop: Any) -> None:
    replies = Replies(shop.runtime.database("edge"))
    claim = await replies.begin("order-7", "address:192.0.2.7", "POST", "/api/v1/charges", b'\0{"amount":5}')
    assert not hasattr(claim, "status")
    reply = await door.post("/api/v1/charges", content=b'{"amount":5}', headers=KEY | JSON)
    assert reply.json()["code"] == "idempotency_in_flight"
    clock.set_offset(LEASE + timedelta(seconds=1))
    try:
        reply = await door.post("/api/v1/charges", content=b'{"amount":5}', headers=KEY | JSON)
    finally:
        clock.set_offset(timedelta(0))
    assert reply.json() == {"run": 1, "amount": 5}


JSON = {"Content-Type": "application/json"}


async def test_forgets_a_key_after_a_day_and_purges_it(door: Any, shop: Any) -> None:
    await door.post("/api/v1/charges", json={"amount": 5}, headers=KEY)
    database = shop.runtime.database("edge")
    await Replies(database).purge()
    assert await database.fetchval("select count(*) from edge.replies") == 1
    clock.set_offset(timedelta(hours=24, seconds=1))
    try:
        reply = await door.post("/api/v1/charges", json={"amount": 9}, headers=KEY)
        assert reply.json() == {"run": 2, "amount": 9}
        clock.set_offset(timedelta(hours=49))
        await Replies(database).purge()
    finally:
        clock.set_offset(timedelta(0))
    assert await database.fetchval("select count(*) from edge.replies") == 0


async def test_never_keeps_what_a_route_calls_secret(door: Any) -> None:
    assert (await door.post("/api/v1/tokens", headers=KEY)).json() == "secret 1"
    assert (await door.post("/api/v1/tokens", headers=KEY)).json() == "secret 2"


async def test_keeps_replies_unreadable_for_who_lacks_the_key(door: Any, database_url: str) -> None:
    await door.post("/api/v1/charges", json={"amount": 424242}, headers=KEY)
    connection = await asyncpg.connect(database_url)
    row = await connection.fetchrow("select * from edge.replies")
    await connection.close()
    assert row is not None and row["status"] == 201
    assert b"424242" not in row["body"] and b"location" not in row["head"]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_refuses_a_key_that_is_none(door: Any, key: str) -> None:
    reply = await door.post("/api/v1/charges", json={"amount": 5}, headers={"Idempotency-Key": key})
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert runs == []


async def test_a_form_sent_twice_acts_once(open_door: Any) -> None:
    runs.clear()
    door = await open_door([add_to_cart], prefix="")
    token = door.gate.parts.forgery.token({"cart": "1.abc"})
    form = {"variant": "v1", "_csrf": token, "_idempotency": "form-key-1"}
    browser = {"Cookie": "cart=1.abc", "Sec-Fetch-Site": "same-origin"}
    first = await door.post("/cart", data=form, headers=browser)
    form["_csrf"] = door.gate.parts.forgery.token({"cart": "1.abc"})
    again = await door.post("/cart", data=form, headers=browser)
    assert (first.status_code, again.status_code) == (303, 303)
    assert again.headers["location"] == "/cart"
    assert again.headers["set-cookie"] == first.headers["set-cookie"]
    assert runs == ["v1"]


async def test_a_key_in_a_form_of_a_guest_counts_for_nothing(open_door: Any) -> None:
    """Their page may come from the shared cache, and with it the key."""
    runs.clear()
    door = await open_door([add_to_cart], prefix="")
    for _ in range(2):
        form = {"variant": "v1", "_idempotency": "form-key-1"}
        await door.post("/cart", data=form, headers={"Sec-Fetch-Site": "same-origin"})
    assert runs == ["v1", "v1"]
