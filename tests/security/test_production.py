"""A shop in production does not start when it would not be safe, and its log names nobody."""

from pathlib import Path

import pytest

from mercato.settings import SettingsError, load
from security.doors import PASSWORD
from support.buyer import Buyer
from support.furnish import OWNER_EMAIL, OWNER_PASSWORD, Goods, Staff
from support.shop import Shop

SAFE = {
    "MERCATO_ENVIRONMENT": "production",
    "MERCATO_SECRET_KEY": "k" * 40,
    "MERCATO_BASE_URL": "https://shop.example.org",
    "DATABASE_URL": "postgresql://db/mercato",
    "NATS_URL": "nats://broker:4222",
}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"MERCATO_SECRET_KEY": ""}, "MERCATO_SECRET_KEY"),
        ({"MERCATO_SECRET_KEY": "short"}, "MERCATO_SECRET_KEY"),
        ({"MERCATO_BASE_URL": ""}, "MERCATO_BASE_URL"),
        ({"MERCATO_BASE_URL": "http://shop.example.org"}, "MERCATO_BASE_URL"),
        ({"MERCATO_FAILPOINT": "orders.held"}, "MERCATO_FAILPOINT"),
        ({"MERCATO_CLOCK_OFFSET_S": "600"}, "MERCATO_CLOCK_OFFSET_S"),
    ],
)
def test_production_refuses_what_is_not_safe(tmp_path: Path, changes: dict[str, str], named: str) -> None:
    nowhere = tmp_path / "mercato.toml"
    assert load(SAFE, nowhere).is_production
    with pytest.raises(SettingsError, match=named):
        load(SAFE | changes, nowhere)


def test_no_secret_and_no_person_stands_in_the_log_of_a_journey(
    shop: Shop, goods: Goods, staff: Staff
) -> None:
    """Somebody registers, fails to sign in, buys with a declined and a good card; staff refunds."""
    email, code = "loggable.person@example.com", "SECRETCODE77"
    buyer = Buyer(shop, goods, email).fill(LAMP=1).address()
    client = buyer.client
    client.post("/api/v1/auth/register", json={"email": email, "password": PASSWORD, "name": "Log Gable"})
    client.post("/api/v1/auth/login", json={"email": email, "password": "wrong " + PASSWORD})
    client.post("/api/v1/auth/refresh", json={"refresh_token": "refresh-token-of-a-test"})
    client.get("/api/v1/me", headers={"Authorization": "Bearer bearer-token-of-a-test"})
    client.post(f"{buyer.path}/coupons", json={"code": code})
    client.post("/api/v1/auth/login", content=b'{"email": "' + email.encode() + b'", broken')
    assert buyer.complete("sim_decline").status_code in (402, 422)
    order = buyer.buy()
    client.get(f"/api/v1/orders/{order['number']}", headers={"X-Order-Token": order["token"]})
    found = staff.get("/orders", q=order["number"])["items"][0]
    staff.post(f"/orders/{found['id']}/refunds", {"reason": "Mara was unhappy"})
    log = "".join(process.log.read_text(errors="replace") for process in shop.processes)
    assert '"event": "running"' in log
    secrets = {
        email, "loggable.person", "Log Gable", PASSWORD, OWNER_PASSWORD, OWNER_EMAIL, code,
        "refresh-token-of-a-test", "bearer-token-of-a-test", order["token"], client.headers["X-Cart-Token"],
        staff.client.headers["Authorization"].removeprefix("Bearer "), "Oudegracht", "Mara was unhappy",
    }  # fmt: skip
    assert sorted(secret for secret in secrets if secret in log) == []
