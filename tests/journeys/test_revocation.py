"""Whatever is taken away is gone everywhere within a second: also in a process that has just asked."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.furnish import OWNER_EMAIL, OWNER_PASSWORD, Staff
from support.shop import Shop, ShopProcess

BOUND_S = 1.0
BUSY_S = 1.0
"""What a crowded machine may add to the answer that is measured."""


@pytest.fixture
def second_edge(shop: Shop, tmp_path: Path) -> Iterator[httpx.Client]:
    """Another edge of the same shop, as a process of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    env = {**shop.env, "MERCATO_PORT": str(port), "MERCATO_DATA_DIR": str(tmp_path / "second")}
    process = ShopProcess(("edge",), env, tmp_path / "second-edge.log")
    process.start()
    process.await_running()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=30, trust_env=False) as client:
        yield client
    process.stop()


def gone_after(client: httpx.Client, path: str, bearer: str) -> float:
    """Seconds until `path` answers 401, asking all the time."""
    begun = time.monotonic()
    while time.monotonic() - begun < BOUND_S + BUSY_S:
        answer = client.get(path, headers={"Authorization": f"Bearer {bearer}"})
        if answer.status_code == 401:
            return time.monotonic() - begun
    raise AssertionError(f"{path} still answers {answer.status_code}")


def test_a_session_and_a_key_end_in_every_process(
    shop: Shop, staff: Staff, second_edge: httpx.Client
) -> None:
    api = staff.client
    signed = api.post("/api/v1/auth/login", json={"email": OWNER_EMAIL, "password": OWNER_PASSWORD}).json()
    key = staff.post("/api-keys", {"name": "Robot", "permissions": ["read_orders"]})
    for path, bearer in (("/me", signed["access_token"]), ("/admin/orders", key["secret"])):
        warm = second_edge.get(path, headers={"Authorization": f"Bearer {bearer}"})
        assert warm.status_code == 200

    assert api.delete("/api/v1/me/sessions").json()["revoked"] >= 1
    assert gone_after(second_edge, "/me", signed["access_token"]) < BOUND_S + BUSY_S
    assert second_edge.get("/me", headers=api.headers).status_code == 200

    assert api.delete(f"/api/v1/admin/api-keys/{key['key']['id']}").status_code == 200
    assert gone_after(second_edge, "/admin/orders", key["secret"]) < BOUND_S + BUSY_S
