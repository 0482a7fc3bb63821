"""The carriers contract: checks who asks, runs one action, returns structs."""

from uuid import UUID

from mercato.carriers import personal_store, store
from mercato.carriers.actions import labels, tracking
from mercato.carriers.actions.rating import Rates
from mercato.carriers.engine import Engine
from mercato.carriers.simulator.carrier import SimulatedCarrier
from mercato.carriers.store import LabelRow
from mercato.carriers.verify import verify
from mercato.contracts.carriers import (
    CarrierInfo,
    Label,
    LabelFile,
    Place,
    RateAnswer,
    Sender,
    TrackingEvent,
    TrackingStatus,
)
from mercato.contracts.shared import Address, Verification
from mercato.kernel.acts import acted, changes_between
from mercato.kernel.addresses import check_address
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, Invalid, NotFound
from mercato.kernel.money import Money
from mercato.kernel.personal import KeepsPersonalData, Subject


class CarriersService(KeepsPersonalData):
    """Implements `contracts.carriers.Carriers`."""

    def __init__(self, engine: Engine, simulator: SimulatedCarrier | None) -> None:
        self._engine = engine
        self._simulator = simulator
        self._rates = Rates(engine)

    async def erase_personal_data(self, ctx: Context, *, subject: Subject) -> int:
        """Ours, and what the simulated carrier knows; what a real one keeps is for its own rules."""
        changed = await super().erase_personal_data(ctx, subject=subject)
        if self._simulator is not None:
            keys = await personal_store.keys_of(self._engine.database, parcel_ids=subject.parcel_ids)
            await self._simulator.forget(keys)
        return changed

    async def carriers(self, ctx: Context) -> list[CarrierInfo]:
        ctx.principal.require("read_fulfillments")
        return [
            CarrierInfo(
                carrier.code, carrier.name, list(carrier.services), carrier.is_test,
                self._engine.breakers[code].circuit.value,
            )
            for code, carrier in self._engine.carriers.items()
        ]  # fmt: skip

    async def rates(
        self, ctx: Context, *, destination: Place, weight_g: int, value: Money, carrier: str | None = None
    ) -> RateAnswer:
        ctx.principal.require("read_fulfillments")
        return await self._rates.ask(destination=destination, weight_g=weight_g, value=value, carrier=carrier)

    async def buy_label(
        self,
        ctx: Context,
        *,
        reference: UUID,
        channel: str,
        carrier: str,
        service: str,
        recipient: Address,
        weight_g: int,
        value: Money,
    ) -> Label:
        ctx.principal.require("write_fulfillments")
        bought = await labels.buy(
            self._engine, reference=reference, channel=channel, carrier=carrier, service=service,
            recipient=recipient, weight_g=weight_g, value=value, actor=ctx.principal.label,
        )  # fmt: skip
        return self._label(bought)

    async def labels(self, ctx: Context, *, references: list[UUID]) -> list[Label]:
        ctx.principal.require("read_fulfillments")
        found = await store.labels_for(self._engine.database, references=references)
        return [self._label(label) for label in found]

    async def label_file(self, ctx: Context, *, label_id: UUID) -> LabelFile:
        ctx.principal.require("read_fulfillments")
        found = await store.pages_of(self._engine.database, label_id=label_id)
        if found is None:
            raise NotFound(detail="There is no such label.")
        return LabelFile(f"label-{found[0]}.pdf", found[1])

    async def receive_webhook(
        self, ctx: Context, *, carrier: str, headers: dict[str, str], body: bytes
    ) -> None:
        await tracking.receive(self._engine, carrier=carrier, headers=headers, body=body)

    async def senders(self, ctx: Context) -> list[Sender]:
        ctx.principal.require("read_settings")
        return await store.senders(self._engine.database)

    async def save_sender(self, ctx: Context, *, sender: Sender) -> Sender:
        ctx.principal.require("write_settings")
        values = {name: getattr(sender.address, name) for name in Address.__struct_fields__}
        tidy, errors = check_address(values)
        if errors:
            raise Invalid(detail="Some fields need another look.", errors=errors)
        wanted = Sender(sender.channel, Address(**tidy), sender.version)  # type: ignore[arg-type]
        async with self._engine.database.transaction() as tx:
            known = await store.sender_of(tx, channel=sender.channel)
            saved = await store.save_sender(tx, sender=wanted)
            if saved is None:
                data = {"version": known.version if known else 0}
                raise Conflict("version_conflict", "Someone changed it meanwhile; look again.", data=data)
            told = changes_between(known and known.address, saved.address)
            about = ("channel", sender.channel)
            await self._engine.outbox.add(
                tx, acted(ctx, "sender.changed", *about, label=sender.channel, changes=told)
            )
        return saved

    async def simulated_parcel(self, ctx: Context, *, tracking_number: str) -> list[TrackingEvent]:
        rows = await self._simulated().scans(tracking_number)
        return [
            TrackingEvent(row["at"], TrackingStatus(row["status"]), row["place"], row["text"]) for row in rows
        ]

    async def scan_simulated_parcel(
        self, ctx: Context, *, tracking_number: str, status: TrackingStatus
    ) -> None:
        await self._simulated().scan(tracking_number, status)

    async def set_simulated_fault(self, ctx: Context, *, fault: str) -> None:
        await self._simulated().set_fault(fault)

    async def verify(self, ctx: Context) -> Verification:
        ctx.principal.require("read_system")
        return await verify(self._engine, self._simulator)

    def _simulated(self) -> SimulatedCarrier:
        if self._simulator is None:
            raise NotFound(detail="This shop has no simulated carrier.")
        return self._simulator

    def _label(self, row: LabelRow) -> Label:
        assert row.tracking_number is not None and row.bought_at is not None
        assert row.price is not None and row.currency is not None
        return Label(
            id=row.id,
            reference=row.reference,
            carrier=row.carrier,
            carrier_name=self._engine.carriers[row.carrier].name
            if row.carrier in self._engine.carriers
            else row.carrier,
            service=row.service,
            tracking_number=row.tracking_number,
            tracking_url=row.tracking_url,
            price=Money(row.price, row.currency),
            bought_at=row.bought_at,
            tracking=row.tracking,
        )
