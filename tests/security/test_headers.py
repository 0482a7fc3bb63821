"""Every answer carries the headers that protect who reads it: pages, API, files, refusals."""

import httpx
import pytest

from support.shop import Shop

PATHS = {
    "/": 200,
    "/cart": 200,
    "/nowhere": 404,
    "/api/v1/products": 200,
    "/api/v1/me": 401,
    "/api/v1/nowhere": 404,
    "/api/v1/openapi.json": 200,
    "/api/docs": 200,
    "/robots.txt": 200,
    "/admin/orders": 303,
    "/health/live": 200,
}


@pytest.fixture(scope="module")
def client(shop: Shop) -> httpx.Client:
    return httpx.Client(base_url=shop.url, trust_env=False, timeout=30)


@pytest.mark.parametrize("path", list(PATHS))
def test_every_answer_carries_every_header(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == PATHS[path], answer.text[:200]
    policy = {part.strip() for part in answer.headers["content-security-policy"].split(";")}
    assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
    assert {"object-src 'none'", "default-src 'none'"} & policy
    assert not any("unsafe" in part for part in policy)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert "server" not in answer.headers or not any(c.isdigit() for c in answer.headers["server"])
    media_type = answer.headers.get("content-type", "")
    assert not answer.content or media_type
    assert not media_type.startswith("text/") or "charset=utf-8" in media_type.lower()


@pytest.mark.parametrize("path", ["/", "/api/v1/products", "/api/v1/me"])
def test_no_other_origin_may_read_an_answer(client: httpx.Client, path: str) -> None:
    for answer in (
        client.get(path, headers={"Origin": "https://evil.example"}),
        client.options(
            path, headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        ),
    ):
        assert [name for name in answer.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_trace_is_not_answered(client: httpx.Client, method: str) -> None:
    answer = client.request(method, "/api/v1/products", headers={"X-Secret": "marker"})
    assert answer.status_code in (400, 404, 405) and "marker" not in answer.text
