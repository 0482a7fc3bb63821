"""What a handler gets that no request says, in both ways in which handlers are called."""

from typing import Annotated, Any

import pytest
from litestar import Request, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from mercato.edge.app import app_of
from mercato.edge.routes import RouteError
from mercato.kernel.context import Context
from mercato.kernel.web import PUBLIC, PerRequest

Form = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


class Counter(PerRequest):
    """A thing of one request that needs a contract which its handlers do not name."""

    def __init__(self, ctx: Context, request: Request[Any, Any, Any], users: Any) -> None:
        self.channel, self.path, self.users = ctx.channel, request.url.path, users


@get("/counter", permission=PUBLIC)
async def by_plan(counter: Counter, number: int = 0) -> list[Any]:
    """A handler that the edge calls itself."""
    return [counter.channel, counter.path, counter.users.calls, number]


class Desk(PerRequest):
    """A thing that needs a contract which the small shop has not."""

    def __init__(self, orders: Any) -> None:
        self.orders = orders


@get("/desk", permission=PUBLIC)
async def at_a_desk(desk: Desk) -> str:
    """A handler that names no contract."""
    return "no"


@post("/counter", permission=PUBLIC)
async def through_litestar(counter: Counter, data: Form) -> list[Any]:
    """A handler that reads a form."""
    return [counter.channel, counter.path, counter.users.calls, data["number"]]


async def test_a_handler_gets_what_is_made_for_its_request(open_door: Any) -> None:
    door = await open_door([by_plan, through_litestar])
    asked = await door.get("/api/v1/counter?number=3&channel=outlet")
    assert asked.json() == ["outlet", "/api/v1/counter", 0, 3]
    sent = await door.post("/api/v1/counter", data={"number": "4"})
    assert sent.json() == ["default", "/api/v1/counter", 0, "4"]


def test_refuses_to_start_when_what_is_made_needs_a_contract_that_the_shop_lacks(shop: Any) -> None:
    with pytest.raises(RouteError, match="needs orders"):
        app_of(shop, [("/api/v1", at_a_desk)], with_pages=False)
