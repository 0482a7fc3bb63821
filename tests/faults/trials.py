"""Acts of an order's life, each done while something goes wrong: a call that it needs, or the process."""

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import asyncpg
import httpx
import msgspec

from support.buyer import Buyer
from support.call_proxy import CallProxy, Fault, Kind
from support.furnish import Goods, Staff
from support.shop import Shop

HAPPENS_WITHIN_S = 75.0
"""A lease, the pauses between tries, and the patience of a busy machine."""
LOOK_AGAIN_S = 0.5
TRADE = "trade"
"""The channel whose money is taken by hand."""


class Standing(msgspec.Struct, frozen=True):
    """What an order came to; money in minor units, over all its payments."""

    status: str
    captured: int = 0
    refunded: int = 0
    units: int = 1
    sent: int = 0
    parcels: int = 0
    authorized: int | None = None


class Trial:
    """One act, by people who ask again with the same key when they get no answer.

    With `calls`, one call that the act needs goes wrong as `fault` says.
    """

    def __init__(
        self,
        shop: Shop,
        goods: Goods,
        staff: Staff,
        calls: CallProxy | None = None,
        fault: Fault | None = None,
    ) -> None:
        self.shop, self.goods, self.calls = shop, goods, calls
        self.fault = fault or Fault("none", Kind.ERROR)
        self.request_id = uuid.uuid4().hex
        self.buyer = Buyer(shop, goods, f"trial-{self.request_id[:12]}@example.com")
        self.client = httpx.Client(base_url=shop.url, timeout=40, trust_env=False)
        self.client.headers["Authorization"] = staff.client.headers["Authorization"]

    def close(self) -> None:
        self.client.close()
        self.buyer.client.close()

    # before the act

    def bought(self, **skus: int) -> dict[str, Any]:
        return self.buyer.fill(**(skus or {"LAMP": 1})).address().buy()

    def held(self) -> dict[str, Any]:
        """An order whose money is held and not taken."""
        self.buyer.client.headers["X-Channel"] = TRADE
        return self.bought()

    def sent(self) -> dict[str, Any]:
        order = self.bought()
        packed = self.done(f"/orders/{order['id']}/fulfillments")
        self.done(f"/fulfillments/{packed['fulfillments'][0]['id']}/shipment")
        return order

    # the act

    def spoiled(self, *marks: str) -> AbstractContextManager[Fault]:
        """Calls that belong to this request, to this buyer, or to the things with these ids, go wrong now."""
        ids = [uuid.UUID(mark).bytes for mark in marks]
        self.fault.marks = (self.request_id.encode(), self.buyer.email.encode(), *ids)
        return nullcontext(self.fault) if self.calls is None else self.calls.spoiled(self.fault)

    def press(self, path: str, body: Any = None, method: str = "POST") -> httpx.Response:
        """Ask as staff, with one key, until there is an answer."""
        return self._ask(self.client, f"/api/v1/admin{path}", {} if body is None else body, method)

    def press_as_buyer(self, path: str, body: Any) -> httpx.Response:
        return self._ask(self.buyer.client, path, body)

    def done(self, path: str, body: Any = None) -> Any:
        answer = self.press(path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def _ask(self, client: httpx.Client, path: str, body: Any, method: str = "POST") -> httpx.Response:
        headers = {"X-Request-Id": self.request_id, "Idempotency-Key": uuid.uuid4().hex}
        end = time.monotonic() + HAPPENS_WITHIN_S
        while True:
            answer = said(lambda: client.request(method, path, json=body, headers=headers))
            is_open = answer.status_code >= 500 or "retry-after" in answer.headers
            if not is_open:
                return answer
            assert time.monotonic() < end, answer.text
            time.sleep(LOOK_AGAIN_S)

    # after it

    def order_id(self) -> str:
        """The order of the buyer's cart, placed or not."""

        async def ask() -> Any:
            connection = await asyncpg.connect(self.shop.env["DATABASE_URL"])
            try:
                return await connection.fetchval(
                    "select id from orders.orders where cart_id = $1", uuid.UUID(self.buyer.cart["id"])
                )
            finally:
                await connection.close()

        return str(asyncio.run(ask()))

    def await_placed(self) -> dict[str, Any]:
        """Ask how the placing stands until it is known; the order."""
        end = time.monotonic() + HAPPENS_WITHIN_S
        while True:
            answer = self.buyer.client.get(f"{self.buyer.path}/placement")
            if answer.status_code == 200:
                order: dict[str, Any] = answer.json()
                return order
            assert time.monotonic() < end, answer.text
            time.sleep(LOOK_AGAIN_S)

    def order(self, order_id: str) -> Any:
        """The order as staff sees it; what came instead of it while there is none."""
        return said(lambda: self.client.get(f"/api/v1/admin/orders/{order_id}")).json()

    def await_standing(self, order_id: str, wanted: Standing) -> None:
        eventually(lambda: self._standing(order_id, wanted), wanted)

    def _standing(self, order_id: str, wanted: Standing) -> Standing:
        order = self.order(order_id)
        if "payments" not in order:
            return Standing(str(order))
        payments, parcels = order["payments"], order["fulfillments"]
        authorized = sum(payment["authorized"]["amount"] for payment in payments)
        return Standing(
            status=order["status"],
            captured=sum(payment["captured"]["amount"] for payment in payments),
            refunded=sum(payment["refunded"]["amount"] for payment in payments),
            units=sum(line["quantity"] for line in order["lines"]),
            sent=sum(parcel["status"] == "shipped" for parcel in parcels),
            parcels=sum(parcel["status"] != "canceled" for parcel in parcels),
            authorized=authorized if wanted.authorized is not None else None,
        )


def said(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """The answer; a made-up 503 when there was none, because the process is dead."""
    try:
        return ask()
    except httpx.TransportError as error:
        return httpx.Response(503, json={"code": "dead", "detail": repr(error)})


def eventually(read: Callable[[], Any], wanted: Any) -> None:
    end = time.monotonic() + HAPPENS_WITHIN_S
    while (found := read()) != wanted:
        assert time.monotonic() < end, f"{found} instead of {wanted}"
        time.sleep(LOOK_AGAIN_S)
