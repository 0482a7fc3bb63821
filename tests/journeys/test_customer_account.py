"""A customer registers, confirms, buys and sees the history; a guest's cart comes along."""

from support.buyer import ADDRESS, Buyer, token_in
from support.shop import Shop

PASSWORD = "a long enough passphrase"


def register(buyer: Buyer) -> None:
    body = {"email": buyer.email, "password": PASSWORD, "name": "Mara Verlinden"}
    answer = buyer.client.post("/api/v1/auth/register", json=body)
    assert answer.status_code in (200, 201, 202, 204), answer.text


def sign_in(buyer: Buyer) -> dict[str, str]:
    answer = buyer.client.post("/api/v1/auth/login", json={"email": buyer.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


def confirm(buyer: Buyer) -> None:
    mail = buyer.mails(await_template="account_confirm")[0]
    answer = buyer.client.post("/api/v1/auth/verify", json={"token": token_in(mail)})
    assert answer.status_code == 200, answer.text


def test_registers_confirms_buys_and_sees_the_history(buyer: Buyer) -> None:
    register(buyer)
    confirm(buyer)
    buyer.client.headers.update(sign_in(buyer))
    order = buyer.fill(LAMP=1).address().buy()

    history = buyer.client.get("/api/v1/me/orders").json()
    assert [item["number"] for item in history["items"]] == [order["number"]]
    assert buyer.client.get(f"/api/v1/orders/{order['number']}").json()["id"] == order["id"]


def test_another_customer_does_not_see_the_order(buyer: Buyer, shop: Shop) -> None:
    register(buyer)
    confirm(buyer)
    buyer.client.headers.update(sign_in(buyer))
    order = buyer.fill(LAMP=1).address().buy()
    other = Buyer(shop, buyer.goods, f"other-{buyer.email}")
    register(other)
    confirm(other)
    other.client.headers.update(sign_in(other))

    assert other.client.get(f"/api/v1/orders/{order['number']}").status_code == 404
    assert other.client.get("/api/v1/me/orders").json()["items"] == []


def test_registering_twice_tells_nothing_to_the_page_and_something_to_the_owner(buyer: Buyer) -> None:
    register(buyer)
    confirm(buyer)
    register(buyer)

    assert buyer.mails(await_template="registration_repeated")


def test_resets_the_password_and_the_old_one_ends(buyer: Buyer) -> None:
    register(buyer)
    confirm(buyer)
    old = sign_in(buyer)
    asked = buyer.client.post("/api/v1/auth/password-reset", json={"email": buyer.email})
    assert asked.status_code in (200, 202, 204)
    token = token_in(buyer.mails(await_template="password_reset")[-1])
    body = {"token": token, "password": "another long passphrase"}
    assert buyer.client.post("/api/v1/auth/password-reset/confirm", json=body).status_code in (200, 204)

    refused = buyer.client.post("/api/v1/auth/login", json={"email": buyer.email, "password": PASSWORD})
    assert refused.status_code == 401
    assert buyer.client.post("/api/v1/auth/password-reset/confirm", json=body).status_code == 422
    assert buyer.client.get("/api/v1/me", headers=old).status_code == 401


def test_keeps_addresses_and_checks_them(buyer: Buyer) -> None:
    register(buyer)
    confirm(buyer)
    buyer.client.headers.update(sign_in(buyer))
    created = buyer.client.post("/api/v1/me/addresses", json={**ADDRESS, "is_default": True})
    assert created.status_code in (200, 201), created.text
    wrong = buyer.client.post("/api/v1/me/addresses", json={**ADDRESS, "postal_code": "12"})

    assert wrong.status_code == 422
    assert any("postal_code" in error["field"] for error in wrong.json()["errors"])
    listed = buyer.client.get("/api/v1/me/addresses").json()["items"]
    assert [item["city"] for item in listed] == ["Utrecht"]


def test_a_guests_cart_joins_the_customers_at_sign_in(buyer: Buyer) -> None:
    register(buyer)
    confirm(buyer)
    headers = sign_in(buyer)
    buyer.fill(MUG_SAGE=1)
    merged = buyer.client.post(f"{buyer.path}/merge", json={"choice": "merge"}, headers=headers)

    assert merged.status_code in (200, 201), merged.text
    assert [line["sku"] for line in merged.json()["lines"]] == ["MUG-SAGE"]
