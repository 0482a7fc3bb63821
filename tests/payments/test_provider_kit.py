"""The contract kit runs against every provider of the box, and it notices a provider that breaks it."""

from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from mercato.contracts.shared import Page
from mercato.kernel import clock
from mercato.kernel.db import Database
from mercato.kernel.runtime import Runtime
from mercato.kernel.standard_webhooks import sign
from mercato.payments.provider_kit import Bench, ContractBroken, ProviderContract
from mercato.payments.providers.manual import Manual
from mercato.payments.providers.port import (
    OperationResult,
    ProviderCharge,
    ProviderSession,
    SessionRequest,
    Surroundings,
    WebhookEvent,
)
from mercato.payments.providers.stripe import Stripe
from mercato.payments.simulator.provider import Simulator, simulator
from mercato.settings import Settings
from support.fake_stripe import DECLINED, OK, SECRET_KEY, WEBHOOK_SECRET, FakeStripe

CHECKS = {check.__name__ for check in ProviderContract(
    Bench(provider=Manual(), approved=None, declined="x", webhook=lambda _, __: ({}, b""))
).checks()}  # fmt: skip
LEAVES_OUT: dict[str, set[str]] = {
    "simulator": set(),
    "stripe": set(),
    "manual": CHECKS - {
        "offer_is_complete", "same_key_is_the_same_attempt", "calls_at_once_are_one_attempt",
        "no_strange_webhook_is_believed",
    },
}  # fmt: skip


@pytest.fixture
async def database(request: Any) -> AsyncIterator[Database | None]:
    if request.node.callspec.params.get("name") != "simulator":
        yield None
        return
    url = request.getfixturevalue("database_url")
    runtime = Runtime(Settings(environment="test", database_url=url, secret_key="s" * 32))
    yield runtime.database("payments")
    await runtime.close()


def bench_of(name: str, fake: FakeStripe, database: Database | None) -> Bench:
    if name == "manual":
        return Bench(provider=Manual(), approved=None, keeps_books=False)
    settings = Settings(
        environment="test", secret_key="s" * 32, stripe_secret_key=SECRET_KEY,
        stripe_webhook_secret=WEBHOOK_SECRET, stripe_api_base=fake.url,
    )  # fmt: skip
    if name == "stripe":
        return Bench(provider=Stripe(settings), approved=OK, declined=DECLINED, webhook=fake.message_about)
    assert database is not None
    provider = simulator(Surroundings(settings, database))
    return Bench(
        provider=provider, approved="sim_ok", declined="sim_decline",
        webhook=lambda reference, age: simulated_message(provider, reference, age),
    )  # fmt: skip


def simulated_message(provider: Simulator, reference: str, age: timedelta) -> tuple[dict[str, str], bytes]:
    body = msgspec.json.encode({"type": "payment.captured", "reference": reference})
    return sign(provider.secret, webhook_id=f"w-{reference}", at=clock.now() - age, body=body), body


@pytest.mark.parametrize("check", sorted(CHECKS))
@pytest.mark.parametrize("name", list(LEAVES_OUT))
async def test_a_provider_of_the_box_keeps_the_contract(
    name: str, check: str, database: Database | None
) -> None:
    with FakeStripe().running() as fake:
        contract = ProviderContract(bench_of(name, fake, database))
        checks = {one.__name__: one for one in contract.checks()}
        assert CHECKS - checks.keys() == LEAVES_OUT[name]
        if check in checks:
            await checks[check]()


class Careless:
    """A provider that keeps no key, no bound and no secret: books in memory, wrong in every way."""

    code = "careless"
    offer = Manual.offer

    def __init__(self) -> None:
        self._charges: dict[str, ProviderSession] = {}

    async def create_session(self, request: SessionRequest) -> ProviderSession:
        said = await Manual().create_session(request)
        said = msgspec.structs.replace(said, reference=f"{request.key}/{len(self._charges)}", captured=1)
        self._charges[said.reference] = said
        return said

    async def fetch(self, reference: str) -> ProviderSession | None:
        return next(iter(self._charges.values()))

    async def capture(self, **_: Any) -> OperationResult:
        return OperationResult()

    void = refund = capture

    async def charges(self, *, cursor: str | None) -> Page[ProviderCharge]:
        return Page([])

    def parse_webhook(self, headers: Mapping[str, str], body: bytes) -> WebhookEvent:
        return WebhookEvent("1", "somebody")


@pytest.mark.parametrize("check", sorted(CHECKS))
async def test_every_check_finds_a_provider_that_breaks_it(check: str) -> None:
    bench = Bench(provider=Careless(), approved="x", declined="y", webhook=lambda _, __: ({}, b"{}"))
    [broken] = [one for one in ProviderContract(bench).checks() if one.__name__ == check]
    with pytest.raises(ContractBroken):
        await broken()
