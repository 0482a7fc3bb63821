"""Payments: sessions with providers, payments made of append-only events, refunds, the double-entry books.

Owns the schema `payments` and the provider port; the simulated provider keeps books of its own in the schema
`simulator`. Does not know what an order contains: it collects an amount for an order id and gives it back.
"""

from mercato.kernel.background.schedules import Schedule
from mercato.kernel.personal import PersonalRows
from mercato.kernel.runtime import Runtime
from mercato.kernel.service import Service
from mercato.payments.engine import Engine
from mercato.payments.providers.loading import load_providers
from mercato.payments.providers.port import Surroundings
from mercato.payments.service import PaymentsService
from mercato.payments.simulator.provider import Simulator
from mercato.payments.simulator.worker import SimulatorWorker
from mercato.payments.store import personal
from mercato.payments.sweep import Sweep

SWEEP_EVERY_S = 2.0
SIMULATOR_EVERY_S = 0.5


def build(runtime: Runtime) -> Service:
    """Put the service together with the providers that the settings ask for."""
    database = runtime.database("payments")
    providers = load_providers(Surroundings(runtime.settings, database))
    found = providers.get(Simulator.code)
    simulator = found if isinstance(found, Simulator) else None
    engine = Engine(database, runtime.outbox("payments"), providers)
    service = PaymentsService(engine, simulator)
    service.personal = PersonalRows(runtime, "payments", personal.TABLES, matters=personal.MATTERS)
    schedules = [Schedule("payments-sweep", SWEEP_EVERY_S, Sweep(engine).run)]
    if simulator is not None:
        worker = SimulatorWorker(simulator, service)
        schedules.append(Schedule("payments-simulator", SIMULATOR_EVERY_S, worker.run))
    return Service(impl=service, schedules=tuple(schedules))
