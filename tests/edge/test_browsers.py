"""What protects people with a browser: forged requests, policy headers, cookies, pages for errors."""

from typing import Any

import msgspec
import pytest
from litestar import Request, Response, get, post

from mercato.kernel.web import PUBLIC, SIGNED_IN, cookie, csrf_token, expired_cookie, form_key, local_path

posted: list[str] = []


@get("/page", permission=PUBLIC)
async def page_with_form(request: Request[Any, Any, Any]) -> Response[str]:
    """A page with the two values that a form carries."""
    return Response(f"{csrf_token(request)} {form_key(request)}", media_type="text/html")


@post("/form", permission=PUBLIC)
async def send_form(request: Request[Any, Any, Any]) -> Response[str]:
    """A form."""
    form = await request.form()
    posted.append(",".join(sorted(form)))
    return Response("", status_code=303, headers={"Location": "/"}, cookies=[cookie("session", "customer")])


@get("/account/orders", permission=SIGNED_IN)
async def my_orders() -> Response[str]:
    """A page for customers."""
    return Response("orders", media_type="text/html")


@get("/admin/orders", permission="read_orders")
async def admin_orders() -> Response[str]:
    """A page for staff."""
    return Response("all orders", media_type="text/html")


@get("/broken", permission=PUBLIC)
async def broken() -> Response[str]:
    """A page with a bug."""
    raise ZeroDivisionError("secret detail")


@get("/out", permission=PUBLIC)
async def sign_out() -> Response[str]:
    """Takes the cookie away."""
    return Response("", cookies=[expired_cookie("session")], media_type="text/html")


HANDLERS = [page_with_form, send_form, my_orders, admin_orders, broken, sign_out]
SESSION = {"Cookie": "session=customer"}
CART = {"Cookie": "cart=1.abc"}
SAME = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def door(open_door: Any) -> Any:
    posted.clear()
    return await open_door(HANDLERS, prefix="", with_pages=True)


async def token_of(door: Any, cookies: dict[str, str]) -> str:
    reply = await door.get("/page", headers=cookies)
    return str(reply.text.split(" ")[0])


async def test_takes_a_form_of_a_signed_in_visitor_with_the_token_of_their_page(door: Any) -> None:
    token = await token_of(door, SESSION)
    reply = await door.post("/form", data={"a": "1", "_csrf": token}, headers=SESSION | SAME)
    assert reply.status_code == 303
    assert posted == ["a"]


async def test_takes_the_token_from_a_header_and_from_a_multipart_form(door: Any) -> None:
    token = await token_of(door, SESSION)
    headers = SESSION | SAME
    assert (
        await door.post("/form", data={"a": "1"}, headers=headers | {"X-CSRF-Token": token})
    ).status_code == 303
    files = {"a": (None, "1"), "_csrf": (None, token)}
    assert (await door.post("/form", files=files, headers=headers)).status_code == 303


async def test_refuses_a_signed_in_form_without_or_with_anothers_token(door: Any) -> None:
    others = await token_of(door, CART)
    for token in ("", "x", others, others[:-2]):
        reply = await door.post("/form", data={"a": "1", "_csrf": token}, headers=SESSION | SAME)
        assert reply.status_code == 403
    assert posted == []


@pytest.mark.parametrize(
    "origin",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.test"},
     {"Origin": "null"}, {"Origin": "http://shop.test:81"}],
)  # fmt: skip
async def test_refuses_a_form_from_another_site_even_with_the_token(
    door: Any, origin: dict[str, str]
) -> None:
    token = await token_of(door, SESSION)
    for cookies in (SESSION, CART, {}):
        reply = await door.post("/form", data={"_csrf": token}, headers=origin | cookies)
        assert reply.status_code == 403
    assert posted == []


async def test_a_guest_with_a_cart_needs_the_origin_or_the_token(door: Any) -> None:
    assert (await door.post("/form", data={"a": "1"}, headers=CART | SAME)).status_code == 303
    assert (
        await door.post("/form", data={"a": "1"}, headers=CART | {"Origin": "http://shop.test"})
    ).status_code == 303
    assert (await door.post("/form", data={"a": "1"}, headers=CART)).status_code == 403
    token = await token_of(door, CART)
    assert (await door.post("/form", data={"a": "1", "_csrf": token}, headers=CART)).status_code == 303


async def test_guests_share_pages_so_theirs_hold_no_token(door: Any) -> None:
    assert (await door.get("/page")).text == " "
    first, second = (
        (await door.get("/page", headers=SESSION)).text,
        (await door.get("/page", headers=SESSION)).text,
    )
    assert first != second
    assert all(len(part) > 20 for part in first.split(" "))


async def test_an_api_call_with_a_browser_session_needs_the_token_and_one_with_a_bearer_does_not(
    open_door: Any,
) -> None:
    @post("/x", permission=SIGNED_IN)
    async def change() -> str:
        posted.append("x")
        return "done"

    posted.clear()
    door = await open_door([change])
    reply = await door.post("/api/v1/x", headers=SESSION | SAME)
    assert (reply.status_code, reply.json()["code"]) == (403, "csrf_failed")
    assert posted == []
    token = door.gate.parts.forgery.token({"session": "customer"})
    assert (await door.post("/api/v1/x", headers=SESSION | SAME | {"X-CSRF-Token": token})).status_code == 201
    assert (await door.post("/api/v1/x", headers={"Authorization": "Bearer customer"})).status_code == 201


async def test_sends_a_guest_to_sign_in_and_back(door: Any) -> None:
    reply = await door.get("/account/orders?page=2")
    assert reply.status_code == 303
    assert reply.headers["location"] == "/sign-in?next=%2Faccount%2Forders%3Fpage%3D2"
    assert (await door.get("/admin/orders")).headers["location"] == "/admin/sign-in?next=%2Fadmin%2Forders"
    reply = await door.get("/account/orders", headers={"HX-Request": "true"})
    assert (reply.status_code, reply.headers["hx-redirect"]) == (200, "/sign-in?next=%2Faccount%2Forders")


@pytest.mark.parametrize(
    "target",
    ["//evil.test", "https://evil.test", "/\\evil.test", "javascript:alert(1)", "/a\\b", "/a\nb", ""],
)
def test_sends_nobody_to_another_site(target: str) -> None:
    assert local_path(target) == "/"


def test_sends_people_back_to_a_path_of_the_shop() -> None:
    assert local_path("/account/orders?page=2") == "/account/orders?page=2"


async def test_shows_errors_as_pages_to_people(door: Any) -> None:
    html = {"Accept": "text/html"}
    reply = await door.get("/nothing", headers=html)
    assert (reply.status_code, reply.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "This page does not exist" in reply.text and 'href="/">To the shop</a>' in reply.text
    reply = await door.get("/broken", headers=html)
    assert reply.status_code == 500
    assert reply.headers["x-request-id"] in reply.text and "secret" not in reply.text
    assert "Try again" in reply.text
    reply = await door.get("/admin/orders", headers=html | SESSION)
    assert reply.status_code == 403
    assert "read_orders" in reply.text


async def test_shows_errors_as_problems_to_machines(door: Any) -> None:
    reply = await door.get("/nothing", headers={"Accept": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (404, "not_found")


async def test_every_page_carries_the_strict_policy(door: Any) -> None:
    headers = (await door.get("/page")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    own = ["default-src", "script-src", "style-src", "font-src", "connect-src", "form-action"]
    assert all(policy[name] == "'self'" for name in own)
    assert (policy["img-src"], policy["object-src"], policy["frame-ancestors"]) == (
        "'self' data:",
        "'none'",
        "'none'",
    )
    assert policy["base-uri"] == "'none'"
    assert policy["report-uri"] == "/csp-reports"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "strict-origin-when-cross-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers
    assert "reporting-endpoints" not in headers, "browsers heed it over https only"


async def test_hosted_cookies_and_transport_security_on_https(open_door: Any, shop: Any) -> None:
    shop.runtime.settings = msgspec.structs.replace(shop.runtime.settings, base_url="https://shop.test")
    posted.clear()
    door = await open_door(HANDLERS, prefix="", with_pages=True, scheme="https")
    reply = await door.post("/form", data={"a": "1"}, headers=SAME)
    assert reply.headers["set-cookie"] == "__Host-session=customer; HttpOnly; Path=/; SameSite=lax; Secure"
    assert reply.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert reply.headers["content-security-policy"].endswith("report-uri /csp-reports; report-to csp")
    assert reply.headers["reporting-endpoints"] == 'csp="/csp-reports"'
    hosted = {"Cookie": "__Host-session=customer; theme=dark"}
    assert (await door.get("/account/orders", headers=hosted)).text == "orders"
    assert (await door.get("/account/orders", headers=SESSION)).status_code == 303
    assert "__Host-session=" in (await door.get("/out")).headers["set-cookie"]


async def test_cookies_are_out_of_reach_of_scripts_and_other_sites(door: Any) -> None:
    reply = await door.post("/form", data={"a": "1"}, headers=SAME)
    assert reply.headers["set-cookie"] == "session=customer; HttpOnly; Path=/; SameSite=lax"


async def test_serves_the_built_files_for_ever(door: Any) -> None:
    names = door.gate.app.state.renderer.assets.url("shop.css")
    reply = await door.get(names)
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert (await door.get("/static/../secrets")).status_code == 404
