"""The running system over REST: what it shows, to whom, and what it can be told."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from mercato.edge import build, system_api
from mercato.kernel.context import Principal, PrincipalKind
from mercato.kernel.host import Host
from mercato.kernel.ids import new_id
from mercato.kernel.system.client import SystemClient
from mercato.kernel.system.responder import SystemResponder
from support.waiting import eventually

OPERATOR = {"Authorization": "Bearer operator"}
VIEWER = {"Authorization": "Bearer viewer"}


@pytest.fixture
async def door(open_door: Any, shop: Any) -> AsyncIterator[Any]:
    for name, rights in (("operator", {"read_system", "write_system"}), ("viewer", {"read_system"})):
        shop.users.people[name] = Principal(
            kind=PrincipalKind.USER, id=new_id(), email=f"{name}@example.com", permissions=frozenset(rights)
        )
    host = Host(shop.runtime)
    host.add("edge", None, None, build(shop.runtime))
    responder = SystemResponder(shop.runtime, host)
    shop.system = SystemClient(shop.runtime)
    await host.start()
    await responder.start()
    yield await open_door(system_api.routes)
    await responder.stop()
    await host.stop()


async def test_shows_processes_queues_and_health_to_who_may_look(door: Any) -> None:
    services = (await door.get("/api/v1/admin/system/services", headers=VIEWER)).json()
    assert [process["modules"] for process in services] == [["edge"]]
    assert services[0]["memory_mb"] > 1
    queues = (await door.get("/api/v1/admin/system/queues", headers=VIEWER)).json()
    names = {schedule["name"] for schedule in queues["schedules"]}
    assert names == {"edge-purge-replies", "edge-purge-policy-reports", "edge-purge-failures"}
    health = (await door.get("/api/v1/admin/system/health", headers=VIEWER)).json()
    assert health["status"] == "ok"
    assert (await door.get("/api/v1/admin/system/jobs", headers=VIEWER)).json() == []
    assert (await door.get("/api/v1/admin/system/dead-letters", headers=VIEWER)).json() == []


async def test_purges_old_replies_by_its_schedule(door: Any, shop: Any) -> None:
    async def has_run() -> bool:
        queues = (await door.get("/api/v1/admin/system/queues", headers=VIEWER)).json()
        return queues["schedules"][0]["last_run_at"] is not None

    await eventually(has_run)


@pytest.mark.parametrize("path", ["health", "services", "queues", "jobs", "dead-letters", "policy-reports"])
async def test_shows_nothing_to_others(door: Any, path: str) -> None:
    assert (await door.get(f"/api/v1/admin/system/{path}")).status_code == 401
    reply = await door.get(f"/api/v1/admin/system/{path}", headers={"Authorization": "Bearer staff"})
    assert (reply.status_code, reply.json()["permission"]) == (403, "read_system")


@pytest.mark.parametrize(
    "act", ["dead-letters/orders/{}/retry", "dead-letters/orders/{}/discard", "jobs/orders/{}/retry"]
)
async def test_acts_for_who_may_write_only(door: Any, act: str) -> None:
    path = f"/api/v1/admin/system/{act.format(UUID(int=7))}"
    assert (await door.post(path, headers=VIEWER)).status_code == 403
    reply = await door.post(path, headers=OPERATOR)
    assert (reply.status_code, reply.json()["code"]) == (503, "unavailable"), "nobody here runs orders"
    assert (await door.post(path.replace("orders", "ord.ers"), headers=OPERATOR)).status_code == 422
