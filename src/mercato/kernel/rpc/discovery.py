"""Answers the NATS services protocol ($SRV.PING, INFO, STATS), so that `nats micro` shows who serves what.

nats-py's own `nats.micro` awaits one request at a time per method, which would make calls wait for each
other; only the protocol is kept.
"""

from collections.abc import Collection
from datetime import UTC
from typing import Any
from uuid import uuid4

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from mercato import __version__
from mercato.kernel import clock
from mercato.kernel.rpc.endpoint import Endpoint


class Discovery:
    """One service instance as the protocol sees it."""

    def __init__(self, nats: Client, name: str, endpoints: Collection[Endpoint]) -> None:
        self._nats = nats
        self._name = name
        self._id = uuid4().hex
        self._endpoints = endpoints
        self._started = clock.now().astimezone(UTC).isoformat()
        self._subscriptions: list[Subscription] = []

    async def start(self) -> None:
        answers = {"PING": self._ping, "INFO": self._info, "STATS": self._stats}
        for verb, answer in answers.items():
            for tail in ("", f".{self._name}", f".{self._name}.{self._id}"):

                async def reply(message: Msg, answer: Any = answer) -> None:
                    await message.respond(msgspec.json.encode(answer()))

                self._subscriptions.append(await self._nats.subscribe(f"$SRV.{verb}{tail}", cb=reply))

    async def stop(self) -> None:
        if not self._nats.is_closed:
            for subscription in self._subscriptions:
                await subscription.unsubscribe()
        self._subscriptions.clear()

    def _identity(self, kind: str) -> dict[str, Any]:
        return {
            "type": f"io.nats.micro.v1.{kind}_response",
            "name": self._name,
            "id": self._id,
            "version": __version__,
            "metadata": {},
        }

    def _ping(self) -> dict[str, Any]:
        return self._identity("ping")

    def _info(self) -> dict[str, Any]:
        return self._identity("info") | {
            "description": "",
            "endpoints": [self._endpoint(endpoint) | {"metadata": {}} for endpoint in self._endpoints],
        }

    def _stats(self) -> dict[str, Any]:
        endpoints = []
        for endpoint in self._endpoints:
            timing = endpoint.timing
            nanoseconds = int(timing.seconds * 1e9)
            endpoints.append(
                self._endpoint(endpoint)
                | {
                    "num_requests": timing.count,
                    "num_errors": timing.errors,
                    "last_error": "",
                    "processing_time": nanoseconds,
                    "average_processing_time": nanoseconds // max(1, timing.count),
                }
            )
        return self._identity("stats") | {"started": self._started, "endpoints": endpoints}

    def _endpoint(self, endpoint: Endpoint) -> dict[str, Any]:
        return {
            "name": endpoint.method.name,
            "subject": endpoint.subject,
            "queue_group": endpoint.method.contract,
        }
