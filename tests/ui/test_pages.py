"""The frame of every page: whole or as a fragment, with tokens, cookies and built files."""

from collections.abc import Iterator
from typing import Any

import brotli
import pytest
from litestar import Litestar, Request, Response, get
from litestar.testing import TestClient

from mercato.kernel.web import PUBLIC
from mercato.ui.rendering import page, see_other
from mercato.ui.styleguide import SHELL
from support.pages import ui_application

LIST_STATE = {"HX-Request": "true", "HX-Request-Type": "partial"}


@get("/sample", permission=PUBLIC)
async def sample(request: Request[Any, Any, Any]) -> Response[str]:
    context = {
        "title": "<b>",
        "status": 404,
        "text": "None",
        "incident": "",
        "home": "/",
        "home_label": "Home",
    }
    return page(request, "errors/error.html", {**context, "retry": "", "shell": SHELL}, block="main")


@get("/moved", permission=PUBLIC)
async def moved(request: Request[Any, Any, Any]) -> Response[str]:
    return see_other(request, "/elsewhere")


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient[Litestar]]:
    with TestClient(ui_application(sample, moved)) as client:
        yield client


def test_a_browser_gets_the_whole_page(client: TestClient[Litestar]) -> None:
    answer = client.get("/sample")
    assert answer.text.startswith("<!doctype html>")
    assert "<title>&lt;b&gt;</title>" in answer.text
    assert answer.headers["vary"] == "HX-Request, HX-Request-Type, Cookie"


def test_htmx_gets_the_named_block_alone(client: TestClient[Litestar]) -> None:
    answer = client.get("/sample", headers=LIST_STATE)
    assert answer.text.lstrip().startswith('<p class="text-sm font-semibold text-muted num">404</p>')
    assert "<html" not in answer.text


@pytest.mark.parametrize("more", [{"HX-History-Restore-Request": "true"}, {"HX-Request-Type": "full"}])
def test_htmx_gets_the_whole_page_when_it_needs_it(
    client: TestClient[Litestar], more: dict[str, str]
) -> None:
    assert client.get("/sample", headers={**LIST_STATE, **more}).text.startswith("<!doctype html>")


def test_the_theme_cookie_is_rendered_by_the_server(client: TestClient[Litestar]) -> None:
    assert (
        '<html lang="en" data-theme="dark">' in client.get("/sample", headers={"Cookie": "theme=dark"}).text
    )
    assert '<html lang="en">' in client.get("/sample", headers={"Cookie": 'theme="><x'}).text


def test_switching_the_theme_sets_the_cookie_and_goes_back(client: TestClient[Litestar]) -> None:
    answer = client.post("/preferences/theme", data={"back": "/c/lighting"}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/c/lighting")
    assert answer.headers["set-cookie"].startswith("theme=dark;")
    client.cookies.clear()


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x"]
)
def test_going_back_never_leaves_the_shop(client: TestClient[Litestar], back: str) -> None:
    answer = client.post("/preferences/theme", data={"back": back}, follow_redirects=False)
    assert answer.headers["location"] == "/"
    client.cookies.clear()


def test_an_unknown_density_is_not_stored(client: TestClient[Litestar]) -> None:
    answer = client.post("/preferences/density", data={"density": "tiny"}, follow_redirects=False)
    assert "set-cookie" not in answer.headers


def test_a_change_sends_htmx_on_by_header(client: TestClient[Litestar]) -> None:
    assert client.get("/moved", headers=LIST_STATE).headers["hx-redirect"] == "/elsewhere"
    assert client.get("/moved", follow_redirects=False).headers["location"] == "/elsewhere"


def test_built_files_come_compressed_and_for_good(client: TestClient[Litestar]) -> None:
    text = client.get("/sample").text
    url = text.split('rel="stylesheet" href="')[1].split('"')[0]
    packed = client.get(url, headers={"Accept-Encoding": "br"})
    plain = client.get(url, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "br"
    assert "content-encoding" not in plain.headers
    assert packed.headers["cache-control"] == "public, max-age=31536000, immutable"
    raw = client.get(url, headers={"Accept-Encoding": "br"}).content
    assert plain.content in (raw, brotli.decompress(raw) if raw != plain.content else raw)


@pytest.mark.parametrize("name", ["nothing.css", "manifest.json", "icons.json", "..%2fplugin.py"])
def test_only_built_files_are_served(client: TestClient[Litestar], name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_the_style_guide_stays_out_of_production() -> None:
    with TestClient(ui_application(development=False)) as client:
        assert client.get("/_styleguide").status_code == 404


def test_the_style_guide_shows_tokens_and_no_inline_style(client: TestClient[Litestar]) -> None:
    text = client.get("/_styleguide").text
    assert 'name="_csrf" value="csrf-of-test"' in text
    assert " style=" not in text
    assert "hx-on" not in text
