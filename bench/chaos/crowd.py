"""Buyers who behave as people and browsers do: they ask again when nobody answers, and keep what they got."""

import asyncio
import random
import uuid
from collections import Counter
from typing import Any

import msgspec

from bench.client import Client, Refused
from bench.shopping import ADDRESS

RETRY_PAUSE_S = 0.3
GIVE_UP_S = 40.0
"""Longer than a supervisor pauses before it starts a process again."""
WAYS_TO_PAY = {
    "sim_ok": 12,
    "sim_decline": 2,
    "sim_async_ok": 2,
    "sim_async_fail": 1,
    "sim_timeout_then_ok": 2,
    "sim_duplicate_webhook": 2,
    "sim_out_of_order": 1,
    "sim_3ds": 1,
}
LOST = (ConnectionError, OSError, TimeoutError, asyncio.IncompleteReadError)
SOLD_OUT, BUSY = "insufficient_stock", {"order_in_progress", "idempotency_in_flight", "cart_busy"}


class Promise(msgspec.Struct):
    """An order that a buyer was told about."""

    number: str
    token: str
    email: str
    variant_ids: list[str]


class Crowd:
    """Everyone who shops during a run, and what they were told."""

    def __init__(self, host: str, port: int, *, variants: list[str], scarce: str, seed: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.promises: list[Promise] = []
        self.lost_replies = 0
        self.failures = 0
        self._host, self._port = host, port
        self._variants, self._scarce = variants, scarce
        self._chance = random.Random(seed)  # noqa: S311 (a repeatable choice, no secret)
        self._ends = 0.0

    async def shop(self, *, buyers: int, seconds: float) -> None:
        """Let so many buyers shop at once, one cart after the other, for `seconds`."""
        self._ends = asyncio.get_running_loop().time() + seconds
        await asyncio.gather(*(self._keep_buying() for _ in range(buyers)))

    async def _keep_buying(self) -> None:
        client = Client(self._host, self._port)
        while asyncio.get_running_loop().time() < self._ends:
            outcome = await self._buy(client)
            self.outcomes[outcome] += 1
        client.close()

    async def _buy(self, client: Client) -> str:
        variants = self._chance.sample(self._variants, 2)
        if self._chance.random() < 0.15:
            variants = [self._scarce, *variants[:1]]
        email = f"{uuid.uuid4().hex[:12]}@example.com"
        payment = self._chance.choices(list(WAYS_TO_PAY), list(WAYS_TO_PAY.values()))[0]
        client.headers.pop("X-Cart-Token", None)
        lines = [{"variant_id": one, "quantity": 1} for one in variants]
        try:
            cart = await self._persist(client, "POST", "/api/v1/carts", {"lines": lines, "email": email})
            client.headers["X-Cart-Token"] = cart["token"]
            path = f"/api/v1/carts/{cart['id']}"
            await self._persist(client, "PATCH", path, {"shipping_address": ADDRESS})
            methods = await self._persist(client, "GET", f"{path}/delivery-methods")
            choice = {"delivery_method_id": methods["items"][0]["id"]}
            cart = await self._persist(client, "PATCH", path, choice)
            body = {
                "expected_total": cart["totals"]["total"],
                "payment": {"provider": "simulator", "token": payment, "return_url": "/checkout/return"},
            }
            answer = await self._complete(client, f"{path}/complete", body)
        except Refused as refused:
            return f"refused: {refused.code or refused.status}"
        except LOST:
            return "gave up: no answer"
        if answer.get("number") is None:
            return f"left waiting: {answer['status']}"
        self.promises.append(Promise(answer["number"], answer["token"], email, variants))
        return "placed"

    async def _complete(self, client: Client, path: str, body: Any) -> dict[str, Any]:
        """Press the button, and look again while the payment is being decided."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + GIVE_UP_S
        while True:
            answer: dict[str, Any] = await self._persist(client, "POST", path, body)
            if answer["status"] != "processing" or loop.time() > give_up:
                return answer
            await asyncio.sleep(RETRY_PAUSE_S)

    async def _persist(self, client: Client, method: str, path: str, body: Any = None) -> Any:
        """Ask until there is an answer. What is refused for good is raised; a silence is tried again."""
        loop = asyncio.get_running_loop()
        give_up = loop.time() + GIVE_UP_S
        while True:
            try:
                return await client.call(method, path, body, want=(200, 201, 202))
            except Refused as refused:
                if (refused.status < 500 and refused.code not in BUSY) or loop.time() > give_up:
                    raise
                self.failures += refused.status >= 500
            except LOST:
                self.lost_replies += 1
                client.close()
                if loop.time() > give_up:
                    raise
            await asyncio.sleep(RETRY_PAUSE_S)
