"""What browsers report about our policy: counted once for the whole shop, in few rows, without queries."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import get

from mercato.edge import policy_reports, system_api
from mercato.edge.store import MAX_POLICY_REPORTS, note_reports
from mercato.kernel import clock
from mercato.kernel.context import Principal, PrincipalKind
from mercato.kernel.ids import new_id
from mercato.kernel.web import PUBLIC

SHOWN = "/api/v1/admin/system/policy-reports"
OPERATOR = {"Authorization": "Bearer operator"}


@get("/p/{slug:str}", permission=PUBLIC)
async def product(slug: str) -> str:
    return slug


@pytest.fixture
async def door(open_door: Any, shop: Any) -> AsyncIterator[Any]:
    rights = frozenset({"read_system", "write_system"})
    shop.users.people["operator"] = Principal(
        kind=PrincipalKind.USER, id=new_id(), email="operator@example.com", permissions=rights
    )
    yield await open_door([product, *system_api.routes])


def classic(page: str, directive: str = "script-src-elem", blocked: str = "inline") -> bytes:
    told = {"document-uri": page, "violated-directive": directive, "blocked-uri": blocked}
    return msgspec.json.encode({"csp-report": told})


def modern(page: str, directive: str = "script-src-elem", blocked: str = "inline") -> dict[str, Any]:
    body = {"documentURL": page, "effectiveDirective": directive, "blockedURL": blocked, "sample": "secret()"}
    return {"type": "csp-violation", "age": 3, "url": page, "user_agent": "Firefox", "body": body}


async def shown(door: Any) -> list[tuple[str, str, str, int]]:
    found = (await door.get(SHOWN, headers=OPERATOR)).json()
    assert all(set(one) == {"directive", "blocked", "page", "count", "first_at", "last_at"} for one in found)
    return [(one["directive"], one["blocked"], one["page"], one["count"]) for one in found]


async def test_counts_both_formats_as_one_kind_by_directive_what_and_page(door: Any) -> None:
    page = "http://shop.test/api/v1/p/"
    await door.post(
        "/csp-reports", content=classic(f"{page}red-mug?token=secret#part", "script-src-elem 'self'")
    )
    many = msgspec.json.encode([modern(f"{page}blue-mug"), modern(f"{page}green?q=secret")])
    assert (await door.post("/csp-reports", content=many)).status_code == 204
    assert await shown(door) == [("script-src-elem", "inline", "/api/v1/p/{slug}", 3)]
    assert "secret" not in (await door.get(SHOWN, headers=OPERATOR)).text


async def test_keeps_of_other_sites_the_origin_and_of_ours_the_template(door: Any) -> None:
    page = "http://shop.test/api/v1/p/mug"
    refused = {
        "https://user:pw@evil.example/steal?card=4111": "https://evil.example",
        "http://shop.test/api/v1/p/mug?x=1": "/api/v1/p/{slug}",
        "http://shop.test/wp-login.php": policy_reports.UNKNOWN_PAGE,
        "chrome-extension://abc/inject.js": "chrome-extension",
        "data": "data",
        "eval": "eval",
        "<script>": "(unknown)",
        "http://[": "(unknown)",
    }
    for each in refused:
        await door.post("/csp-reports", content=classic(page, blocked=each))
    assert {row[1] for row in await shown(door)} == set(refused.values())


@pytest.mark.parametrize(
    "content",
    [
        b"nonsense", b"[1]", b"{}", b'{"csp-report": 7}', b"[" * 5000,
        classic("http://other.example/"), classic("http://shop.test/", "made-up-src"),
        msgspec.json.encode([{**modern("http://shop.test/"), "type": "deprecation"}]),
    ],
)  # fmt: skip
async def test_ignores_what_is_no_report_about_a_page_of_ours(door: Any, content: bytes) -> None:
    assert (await door.post("/csp-reports", content=content)).status_code == 204
    assert await shown(door) == []


async def test_takes_no_large_body_and_only_so_many_a_minute(door: Any, shop: Any) -> None:
    assert (await door.post("/csp-reports", content=b"x" * 20_000)).status_code == 413
    one = msgspec.json.encode([modern("http://shop.test/api/v1/p/mug")] * 50)
    for _ in range(8):
        await door.post("/csp-reports", content=one)
    assert (await shown(door))[0][3] <= 2 * policy_reports.MAX_IN_A_MINUTE, "two minutes at the most"
    assert shop.runtime.metrics.exposition().count("mercato_policy_reports_total{") == 2
    kept, dropped = (
        shop.runtime.metrics.counter("mercato_policy_reports_total", "", outcome=name).value
        for name in ("kept", "dropped")
    )
    assert (kept, kept + dropped) == ((await shown(door))[0][3], 8 * policy_reports.MAX_IN_A_BODY)
    assert dropped > 0


async def test_a_full_table_goes_on_counting_what_it_knows_and_takes_nothing_new(
    shop: Any, door: Any
) -> None:
    database, now = shop.runtime.database("edge"), clock.now()
    tally = [(("img-src", f"https://{n:04}.example", "/"), 1) for n in range(MAX_POLICY_REPORTS - 1)]
    assert await note_reports(database, tally=tally, now=now) == MAX_POLICY_REPORTS - 1
    more = [
        (("img-src", "https://0000.example", "/"), 5),
        (("img-src", "a", "/"), 2),
        (("img-src", "b", "/"), 3),
    ]
    assert await note_reports(database, tally=more, now=now) == 7, "one place was left"
    assert await note_reports(database, tally=more, now=now + timedelta(days=40)) == 7
    assert await database.fetchval("select count(*) from edge.policy_reports") == MAX_POLICY_REPORTS


async def test_forgets_by_age_and_by_command(shop: Any, door: Any) -> None:
    database, now = shop.runtime.database("edge"), clock.now()
    old = now - policy_reports.KEPT_FOR - timedelta(minutes=1)
    await note_reports(database, tally=[(("img-src", "old", "/"), 1)], now=old)
    await note_reports(database, tally=[(("img-src", "new", "/"), 1)], now=now)
    await policy_reports.purge(database)
    assert [row[1] for row in await shown(door)] == ["new"]
    assert (await door.delete(SHOWN)).status_code == 401
    assert len(await shown(door)) == 1
    assert (await door.delete(SHOWN, headers=OPERATOR)).status_code == 204
    assert await shown(door) == []
