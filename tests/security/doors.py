"""Every route of the shop, read from the code so that none is forgotten, and everybody who may knock."""

import re
import uuid
from typing import Any

import httpx
import msgspec

from mercato.edge.routes import shop_handlers
from mercato.edge.security import Forgery
from mercato.kernel.web import API_PREFIX
from support.furnish import Staff
from support.shop import SECRET_KEY, Shop

PASSWORD = "kayak lantern forty two"
FOREIGN = {"uuid": str(uuid.UUID(int=7)), "int": "1", "str": "unknown-thing", "path": "unknown/thing"}
_HOLE = re.compile(r"\{(\w+):(\w+)\}")
ELSEWHERE = "elsewhere"
"""A channel in which nothing was sold: whoever is limited to it reaches nothing."""


class Door(msgspec.Struct, frozen=True):
    """One route with one method."""

    method: str
    template: str
    permission: str

    @property
    def is_api(self) -> bool:
        return self.template.startswith(API_PREFIX)

    @property
    def is_safe(self) -> bool:
        return self.method == "GET"

    @property
    def holes(self) -> tuple[str, ...]:
        return tuple(name for name, _ in _HOLE.findall(self.template))

    def path(self, known: dict[str, str] | None = None) -> str:
        """The address with `known` things in it, and unknown ones for the rest."""
        return _HOLE.sub(lambda hole: (known or {}).get(hole[1], FOREIGN[hole[2]]), self.template)

    def __str__(self) -> str:
        return f"{self.method} {self.template}"


def all_doors() -> list[Door]:
    """Every route of every service and every page, by address."""
    found = {
        Door(method, (prefix + path).rstrip("/") or "/", handler.opt["permission"])
        for prefix, handler in shop_handlers()
        for path in handler.paths
        for method in handler.http_methods - {"OPTIONS", "HEAD"}
    }
    return sorted(found, key=lambda door: (door.template, door.method))


class Visitor:
    """Somebody who knocks: with a bearer at the API, with a browser's session at the pages."""

    def __init__(self, shop: Shop, name: str, held: frozenset[str] = frozenset()) -> None:
        self.name, self.held = name, held
        self.shop = shop
        self.bearer, self.session = "", ""
        self.headers: dict[str, str] = {}
        self.client = httpx.Client(base_url=shop.url, timeout=30, trust_env=False, follow_redirects=False)

    def sign_in(self, email: str) -> "Visitor":
        answer = self.client.post("/api/v1/auth/login", json={"email": email, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        self.bearer = answer.json()["access_token"]
        answer = self.client.post(
            "/sign-in", data={"email": email, "password": PASSWORD}, headers={"Origin": self.shop.url}
        )
        self.session = answer.cookies.get("session", "")
        assert self.session, answer.text[:500]
        self.client.cookies.clear()
        return self

    def may(self, permission: str) -> bool:
        return permission in self.held or "*" in self.held

    def knock(self, door: Door, known: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """The answer of one route; a stream is left after its first line."""
        headers = {"Origin": self.shop.url, **self.headers}
        if door.is_api:
            if self.bearer:
                headers["Authorization"] = f"Bearer {self.bearer}"
            content: dict[str, Any] = {} if door.is_safe else {"json": more.get("json", {})}
        else:
            content = {} if door.is_safe else {"data": more.get("data", {"x": "1"})}
            if self.session:
                headers["Cookie"] = f"session={self.session}"
                token = Forgery(SECRET_KEY, self.shop.url).token({"session": self.session})
                headers["X-CSRF-Token"] = token
        path = door.path(known) + (f"?{more['query']}" if more.get("query") and not door.is_api else "")
        with self.client.stream(door.method, path, headers=headers, **content) as answer:
            if "event-stream" not in answer.headers.get("content-type", ""):
                answer.read()
            return answer


def is_refused(answer: httpx.Response) -> bool:
    """Whether the door stayed shut for who knocked: a refusal, or the way to the sign-in."""
    if answer.status_code in (302, 303):
        return "sign-in" in answer.headers["location"]
    return answer.status_code in (401, 403)


def code_of(answer: httpx.Response) -> str:
    """Why an API route refused; empty for pages."""
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return str(answer.json()["code"]) if is_problem else ""


def visitors_of(shop: Shop, staff: Staff) -> list[Visitor]:
    """A guest, a shopper, one person for each role of the shop, and one who is limited to a channel."""
    everything = staff.client.get("/api/v1/admin/permissions").json()["items"]
    limited = {"code": "limited", "name": "Limited", "permissions": everything, "channels": [ELSEWHERE]}
    staff.post("/roles", limited)
    found = [Visitor(shop, "guest")]
    for role in [{"code": "shopper", "permissions": []}, *staff.get("/roles")["items"]]:
        email = f"{role['code']}@example.com".replace("owner@", "second-owner@")
        roles = [] if role["code"] == "shopper" else [role["code"]]
        body = {"email": email, "password": PASSWORD, "name": role["code"], "roles": roles}
        staff.post("/users", body)
        held = frozenset() if role["code"] == "limited" else frozenset(role["permissions"])
        found.append(Visitor(shop, role["code"], held).sign_in(email))
    return found
