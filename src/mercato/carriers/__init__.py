"""Carriers: what a parcel costs, its label, where it is.

Owns the carrier port, bought labels, tracking and where parcels leave from; the simulated carrier keeps books
of its own in the schema `simulated_carrier`. Does not own parcels and their statuses (orders) nor what a
shopper pays for delivery (carts): a label is for a reference that somebody else gives it.
"""

from mercato.carriers import personal_store
from mercato.carriers.actions import labels, tracking
from mercato.carriers.engine import Engine
from mercato.carriers.providers.loading import load_carriers
from mercato.carriers.providers.port import Surroundings
from mercato.carriers.service import CarriersService
from mercato.carriers.simulator.carrier import SimulatedCarrier
from mercato.carriers.simulator.worker import SimulatorWorker
from mercato.kernel.background.schedules import Schedule
from mercato.kernel.personal import PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service

SWEEP_EVERY_S = 10.0
SIMULATOR_EVERY_S = 1.0
BATCH = 50


def build(runtime: Runtime) -> Service:
    """Put the service together with the carriers that the settings ask for."""
    database = runtime.database("carriers")
    carriers = load_carriers(Surroundings(runtime.settings, database, runtime.press))
    engine = Engine(database, runtime.outbox("carriers"), carriers)
    found = carriers.get(SimulatedCarrier.code)
    simulator = found if isinstance(found, SimulatedCarrier) else None
    service = CarriersService(engine, simulator)
    service.personal = PersonalRows(runtime, "carriers", personal_store.TABLES)

    async def sweep() -> None:
        await labels.finish_due(engine, limit=BATCH)
        await tracking.handle_due(engine, limit=BATCH)

    schedules = [Schedule("carriers-sweep", SWEEP_EVERY_S, sweep)]
    if simulator is not None:
        worker = SimulatorWorker(simulator, service)
        schedules.append(Schedule("carriers-simulator", SIMULATOR_EVERY_S, worker.run))
    return Service(impl=service, schedules=tuple(schedules))
