"""Kept answers: whom they are for, when they are dropped, what a client is told."""

import asyncio
from typing import Any

import msgspec
import pytest
from litestar import Request, Response, get

from mercato.contracts.carts import PricingChanged
from mercato.contracts.catalog import NavigationChanged, ProductChanged
from mercato.contracts.stock import Availability, StockChanged
from mercato.contracts.users import AccessChanged
from mercato.edge.answers import Answer
from mercato.edge.cache import MAX_ENTRY_BYTES, AnswerCache, Entry
from mercato.kernel.context import Context
from mercato.kernel.errors import NotFound
from mercato.kernel.ids import new_id
from mercato.kernel.messaging.events import Event
from mercato.kernel.telemetry.metrics import Timing
from mercato.kernel.web import PUBLIC, cookie, depends_on, keep_private
from support.waiting import eventually

CUP, LAMP = new_id(), new_id()
CUP_SMALL = new_id()
renders: list[str] = []
hold: dict[str, asyncio.Event] = {}


@get("/products/{slug:str}", permission=PUBLIC, cached=("stock",))
async def product(slug: str, ctx: Context, request: Request[Any, Any, Any]) -> dict[str, str]:
    """One product."""
    renders.append(slug)
    depends_on(request, [f"product:{CUP if slug == 'cup' else LAMP}"])
    if slug == "cup":
        depends_on(request, [f"variant:{CUP_SMALL}"])
    if slug in hold:
        hold[f"{slug} begun"].set()
        await hold[slug].wait()
    if slug == "none":
        raise NotFound()
    return {"slug": slug, "channel": ctx.channel, "locale": ctx.locale, "render": str(len(renders))}


@get("/products", permission=PUBLIC, cached=("products", "stock"))
async def products() -> list[str]:
    """All products."""
    renders.append("list")
    return ["cup", "lamp"]


@get("/mine", permission=PUBLIC, cached=("products",))
async def mine(request: Request[Any, Any, Any], how: str = "") -> Response[str]:
    """Not for others."""
    renders.append("mine")
    if how == "private":
        keep_private(request)
    return Response("mine", cookies=[cookie("seen", "1")] if how == "cookie" else None)


@get("/", permission=PUBLIC, cached=("products",))
async def home() -> Response[str]:
    """A page."""
    renders.append("home")
    return Response("<h1>home</h1>", media_type="text/html")


@pytest.fixture
async def door(open_door: Any) -> Any:
    renders.clear()
    hold.clear()
    return await open_door([product, products, mine])


async def publish(shop: Any, door: Any, event: Event) -> None:
    """Send `event` as the relay would, and wait until the edge has heard it."""
    before = door.gate.cache._drops
    subject = f"{shop.runtime.settings.namespace}.events.{event.subject}"
    await shop.runtime.nats.publish(subject, msgspec.json.encode(event))
    await shop.runtime.nats.flush()
    await eventually(lambda: door.gate.cache._drops > before, every_s=0.001)


async def test_serves_the_second_reader_without_running_the_handler(door: Any) -> None:
    first, second = await door.get("/api/v1/products/cup"), await door.get("/api/v1/products/cup")
    assert first.json() == second.json()
    assert renders == ["cup"]
    assert (first.headers["x-cache"], second.headers["x-cache"]) == ("miss", "hit")
    assert first.headers["etag"] == second.headers["etag"]
    assert second.headers["cache-control"] == "public, max-age=0, s-maxage=5, must-revalidate"
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    policy = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
    assert second.headers["content-security-policy"] == policy
    assert "Cookie" in second.headers["vary"]


async def test_answers_304_to_who_has_the_same_bytes(door: Any) -> None:
    etag = (await door.get("/api/v1/products/cup")).headers["etag"]
    for given in (etag, f'"other", W/{etag}', "*"):
        reply = await door.get("/api/v1/products/cup", headers={"If-None-Match": given})
        assert (reply.status_code, reply.content, reply.headers["etag"]) == (304, b"", etag)
        assert reply.headers["x-request-id"]
    assert (await door.get("/api/v1/products/cup", headers={"If-None-Match": '"other"'})).status_code == 200
    assert renders == ["cup"]


async def test_keeps_channels_languages_queries_and_encodings_apart(door: Any) -> None:
    asked: list[tuple[str, dict[str, str]]] = [
        ("", {}), ("?locale=de", {}), ("?channel=b2b", {}), ("", {"X-Channel": "outlet"}),
        ("", {"Accept-Language": "de"}), ("", {"Accept-Encoding": "identity"}),
    ]  # fmt: skip
    bodies = [
        (await door.get(f"/api/v1/products/cup{query}", headers=headers)).json() for query, headers in asked
    ]
    assert len(renders) == 6
    assert [(body["channel"], body["locale"]) for body in bodies[2:5]] == [
        ("b2b", "en"), ("outlet", "en"), ("default", "de"),
    ]  # fmt: skip


async def test_keeps_nothing_for_people_with_a_session_or_a_credential(door: Any) -> None:
    await door.get("/api/v1/products/cup")
    for headers in ({"Cookie": "session=customer"}, {"Authorization": "Bearer customer"}):
        reply = await door.get("/api/v1/products/cup", headers=headers)
        assert reply.headers["x-cache"] == "bypass"
        assert reply.headers["cache-control"] == "no-store"
    assert renders == ["cup"] * 3


async def test_a_page_is_not_shared_with_who_has_a_cart_and_an_api_answer_is(open_door: Any) -> None:
    renders.clear()
    door = await open_door([home], prefix="")
    for headers in ({}, {"Cookie": "cart=1.abc"}, {"Cookie": "cart=1.abc"}, {}):
        reply = await door.get("/", headers=headers)
    assert (renders, reply.headers["x-cache"]) == (["home"] * 3, "hit")
    api = await open_door([products])
    renders.clear()
    for headers in ({}, {"Cookie": "cart=1.abc"}):
        await api.get("/api/v1/products", headers=headers)
    assert renders == ["list"]


async def test_keeps_themes_and_fragments_of_a_page_apart(open_door: Any) -> None:
    renders.clear()
    door = await open_door([home], prefix="")
    asked: list[dict[str, str]] = [
        {},
        {"Cookie": "theme=dark"},
        {"Cookie": "theme=light"},
        {"HX-Request": "true"},
    ]
    for headers in asked * 2:
        await door.get("/", headers=headers)
    assert len(renders) == 4


@pytest.mark.parametrize("how", ["private", "cookie"])
async def test_keeps_nothing_that_a_handler_calls_private_or_that_sets_a_cookie(door: Any, how: str) -> None:
    for _ in range(2):
        await door.get(f"/api/v1/mine?how={how}")
    assert renders == ["mine"] * 2


async def test_keeps_no_error(door: Any) -> None:
    for _ in range(2):
        assert (await door.get("/api/v1/products/none")).status_code == 404
    assert renders == ["none"] * 2


async def _fill(door: Any) -> None:
    for path in ("products/cup", "products/lamp", "products"):
        await door.get(f"/api/v1/{path}")
    renders.clear()


async def _rendered_again(door: Any) -> list[str]:
    for path in ("products/cup", "products/lamp", "products"):
        await door.get(f"/api/v1/{path}")
    return renders


async def test_a_changed_product_drops_its_page_and_the_lists(door: Any, shop: Any) -> None:
    await _fill(door)
    await publish(shop, door, ProductChanged(product_id=CUP, slug="cup", variant_ids=[CUP_SMALL]))
    assert await _rendered_again(door) == ["cup", "list"]


async def test_changed_availability_drops_what_shows_the_variant(door: Any, shop: Any) -> None:
    await _fill(door)
    event = StockChanged(variant_id=CUP_SMALL, available=0, availability=Availability.OUT)
    await publish(shop, door, event)
    assert await _rendered_again(door) == ["cup", "lamp", "list"]


@pytest.mark.parametrize("event", [NavigationChanged(changed_id=CUP), PricingChanged(changed_id=CUP)])
async def test_a_change_of_navigation_or_prices_drops_everything(door: Any, shop: Any, event: Event) -> None:
    await _fill(door)
    await publish(shop, door, event)
    assert await _rendered_again(door) == ["cup", "lamp", "list"]


async def test_keeps_no_answer_that_was_begun_before_the_change(door: Any, shop: Any) -> None:
    hold["cup"], hold["cup begun"] = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(door.get("/api/v1/products/cup"))
    await hold["cup begun"].wait()
    await publish(shop, door, ProductChanged(product_id=CUP, slug="cup", variant_ids=[]))
    hold["cup"].set()
    assert (await slow).status_code == 200
    await door.get("/api/v1/products/cup")
    assert renders == ["cup", "cup"]


async def test_forgets_a_principal_whose_rights_changed(open_door: Any, shop: Any) -> None:
    @get("/staff", permission="read_orders")
    async def staff() -> str:
        return "yes"

    door = await open_door([staff])
    headers = {"Authorization": "Bearer staff"}
    assert (await door.get("/api/v1/staff", headers=headers)).status_code == 200
    user_id = shop.users.people.pop("staff").id
    subject = f"{shop.runtime.settings.namespace}.events.users.access_changed"
    await shop.runtime.nats.publish(subject, msgspec.json.encode(AccessChanged(user_id=user_id)))
    await shop.runtime.nats.flush()

    async def is_refused() -> bool:
        return bool((await door.get("/api/v1/staff", headers=headers)).status_code == 401)

    await eventually(is_refused, timeout_s=0.5, every_s=0.001)


async def test_drops_everything_when_the_broker_was_away(door: Any, shop: Any) -> None:
    await _fill(door)
    before = door.gate.cache._drops
    shop.runtime.live.broker_is_back()
    await eventually(lambda: door.gate.cache._drops > before, every_s=0.001)
    assert await _rendered_again(door) == ["cup", "lamp", "list"]


def _entry(tag: str, size: int) -> Entry:
    return Entry(Answer(200, [], b"x" * size), [], frozenset({tag}), Timing())


def test_stays_within_its_bytes_and_lets_the_least_used_go() -> None:
    cache = AnswerCache(max_bytes=10_000)
    cache.is_listening = lambda: True
    for number in range(20):
        assert cache.keep((number,), _entry(f"t{number}", 1000), cache.begin())
        assert cache.find((0,)) is not None
        assert cache.size <= 10_000
    assert cache.find((1,)) is None
    assert len(cache) == 6


def test_keeps_nothing_large_and_nothing_while_it_hears_no_changes() -> None:
    cache = AnswerCache()
    assert not cache.keep((1,), _entry("t", 10), cache.begin())
    cache.is_listening = lambda: True
    assert not cache.keep((1,), _entry("t", MAX_ENTRY_BYTES), cache.begin())
    assert len(cache) == 0


async def test_forgets_all_keys_of_a_tag_and_nothing_else() -> None:
    cache = AnswerCache()
    cache.is_listening = lambda: True
    for number in range(4):
        cache.keep((number,), _entry("even" if number % 2 == 0 else "odd", 10), cache.begin())
    size = cache.size
    cache.drop(["even"])
    assert [cache.find((number,)) is not None for number in range(4)] == [False, True, False, True]
    assert cache.size == size // 2
