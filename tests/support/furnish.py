"""A small shop to buy in: made through the admin API, as a merchant would."""

from typing import Any

import httpx
import msgspec

from support.shop import Shop

OWNER_EMAIL = "owner@example.com"
OWNER_PASSWORD = "correct horse battery staple"


class Goods(msgspec.Struct):
    """What is on sale: SKU → variant id, with plenty in stock unless a test says otherwise."""

    variants: dict[str, str]
    products: dict[str, str]
    location_id: str


class Staff:
    """A member of staff over the REST API."""

    def __init__(self, shop: Shop, email: str = OWNER_EMAIL, password: str = OWNER_PASSWORD) -> None:
        self.client = httpx.Client(base_url=shop.url, timeout=30, trust_env=False)
        answer = self.client.post("/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        self.client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **params: Any) -> Any:
        answer = self.client.get(f"/api/v1/admin{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, *, want: tuple[int, ...] = (200, 201)) -> Any:
        answer = self.client.post(f"/api/v1/admin{path}", json=body)
        assert answer.status_code in want, answer.text
        return answer.json()

    def put(self, path: str, body: Any) -> Any:
        answer = self.client.put(f"/api/v1/admin{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def set_stock(self, goods: Goods, sku: str, on_hand: int) -> None:
        body = {"variant_id": goods.variants[sku], "location_id": goods.location_id, "on_hand": on_hand}
        self.put("/stock-levels", body)

    def level(self, goods: Goods, sku: str) -> dict[str, Any]:
        """The stock level of a variant at the first location."""
        items = self.get("/stock-levels", q=sku)["items"]
        found: dict[str, Any] = next(item for item in items if item["sku"] == sku)
        return found


def create_owner(shop: Shop) -> None:
    env = {"MERCATO_OWNER_EMAIL": OWNER_EMAIL, "MERCATO_OWNER_PASSWORD": OWNER_PASSWORD}
    shop.env.update(env)
    done = shop.command("users", "create-owner")
    assert done.returncode == 0, done.stdout + done.stderr


def furnish(shop: Shop) -> Goods:
    """Two mugs and a lamp, delivery for 4.90 EUR, 21 % Dutch VAT included in the prices."""
    create_owner(shop)
    staff = Staff(shop)
    mug = {
        "name": "Fika mug",
        "maker": "Studio Aske",
        "status": "active",
        "options": [
            {
                "label": "Glaze",
                "values": [{"value": "sage", "label": "Sage"}, {"value": "ink", "label": "Ink"}],
            }
        ],
        "variants": [
            {"sku": "MUG-SAGE", "price": 2400, "options": {"glaze": "sage"}, "on_hand": 1000},
            {"sku": "MUG-INK", "price": 2600, "options": {"glaze": "ink"}, "on_hand": 1000},
        ],
    }
    lamp = {
        "name": "Wren lamp",
        "status": "active",
        "variants": [{"sku": "LAMP", "price": 8900, "on_hand": 1000}],
    }
    created = [staff.post("/products", product) for product in (mug, lamp)]
    staff.post(
        "/delivery-methods",
        {"code": "standard", "name": "Standard", "countries": ["NL", "BE"], "price": 490},
    )
    staff.post("/tax-rates", {"name": "VAT 21%", "country": "NL", "rate": "0.21"})
    return Goods(
        variants={variant["sku"]: variant["id"] for product in created for variant in product["variants"]},
        products={product["slug"]: product["id"] for product in created},
        location_id=staff.get("/stock-locations")["items"][0]["id"],
    )
