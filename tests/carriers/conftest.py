"""The carriers service with its simulated carrier, and hands on that carrier's own books."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec
import pytest

from mercato import carriers as carriers_package
from mercato.carriers.service import CarriersService
from mercato.carriers.simulator.carrier import SimulatedCarrier
from mercato.contracts.carriers import Label, ParcelTracked, Sender
from mercato.contracts.shared import Address
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.ids import new_id
from mercato.kernel.money import Money
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings

HOME = Address(name="Kiln & Loom", street1="Gartenweg 3", postal_code="10115", city="Berlin", country="DE")
MARA = Address(name="Mara", street1="Oudegracht 12", postal_code="3511 AB", city="Utrecht", country="NL")
NOWHERE = msgspec.structs.replace(MARA, city="Nowhere")
STAFF = Context(
    principal=Principal(
        kind=PrincipalKind.USER, id=new_id(), email="staff@shop.example", permissions=frozenset({"*"})
    )
)


class Depot:
    """The service, the simulated company behind it, and what tests ask of both."""

    def __init__(self, runtime: Runtime) -> None:
        self.db = runtime.database("carriers")
        self.service = carriers_package.build(runtime)
        self.carriers: CarriersService = self.service.impl
        self._schedules = {schedule.name: schedule for schedule in self.service.schedules}

    @property
    def simulator(self) -> SimulatedCarrier:
        found = self.carriers._simulator
        assert found is not None
        return found

    async def buy(self, reference: UUID | None = None, **changes: Any) -> Label:
        values: dict[str, Any] = {
            "reference": reference or new_id(), "channel": "default", "carrier": "simulated",
            "service": "economy", "recipient": MARA, "weight_g": 1200, "value": Money(2400, "EUR"),
        }  # fmt: skip
        return await self.carriers.buy_label(STAFF, **{**values, **changes})

    async def sold(self) -> int:
        """Labels in the carrier's own books."""
        found: int = await self.db.fetchval("select count(*) from simulated_carrier.parcels")
        return found

    async def sweep(self) -> None:
        await self._schedules["carriers-sweep"].run()

    async def deliver_webhooks(self) -> None:
        await self._schedules["carriers-simulator"].run()

    async def told(self) -> list[str]:
        """Statuses of the parcels that were told, in order."""
        rows = await self.db.fetch(
            "select body from carriers.outbox where subject = $1 order by position", ParcelTracked.subject
        )
        return [msgspec.json.decode(row["body"], type=ParcelTracked).status.value for row in rows]

    async def assert_books_agree(self) -> None:
        assert (await self.carriers.verify(SYSTEM_CONTEXT)).differences == []


@pytest.fixture
async def depot(database_url: str, nats_url: str, namespace: str) -> AsyncIterator[Depot]:
    runtime = Runtime(
        Settings(
            environment="test",
            database_url=database_url,
            nats_url=nats_url,
            namespace=namespace,
            secret_key="s" * 32,
        )
    )
    found = Depot(runtime)
    await found.carriers.save_sender(STAFF, sender=Sender("default", HOME))
    yield found
    await runtime.close()
