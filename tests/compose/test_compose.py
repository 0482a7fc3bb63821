"""One table decides what runs where; whatever is wrong with it is told at boot, in one line."""

import asyncio
import inspect
import os
import signal
import sys
from importlib import import_module

import msgspec
import pytest

from mercato import compose
from mercato.compose import MODULES, Module, resolve
from mercato.contracts.users import Users
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Denied, NotFound, Unauthenticated, Unavailable
from mercato.kernel.ids import new_id
from mercato.kernel.rpc import methods_of
from mercato.settings import Settings, SettingsError
from support.waiting import eventually


@pytest.fixture
def settings(namespace: str, nats_url: str, database_url: str) -> Settings:
    return Settings(
        environment="test",
        namespace=namespace,
        nats_url=nats_url,
        database_url=database_url,
        secret_key="s" * 32,
    )


class TestTable:
    def test_every_module_comes_after_what_it_needs(self) -> None:
        ordered = resolve(["all"])
        assert sorted(ordered) == sorted(MODULES)
        for name in ordered:
            assert all(ordered.index(need) < ordered.index(name) for need in MODULES[name].needs)

    def test_targets_pick_rows(self) -> None:
        assert resolve(["orders", "users"]) == ["users", "orders"]
        assert resolve([]) == []

    def test_refuses_an_unknown_target_and_names_those_there_are(self) -> None:
        with pytest.raises(SettingsError, match=r"no module 'cart'.*payments, carts, orders"):
            resolve(["cart"])

    def test_refuses_modules_that_need_each_other_in_a_circle(self) -> None:
        modules = {
            "a": Module(package="x.a", schemas={}, needs=("b",)),
            "b": Module(package="x.b", schemas={}, needs=("a",)),
        }
        with pytest.raises(SettingsError, match="a → b → a"):
            resolve(["a"], modules)

    @pytest.mark.parametrize("name", [name for name, module in MODULES.items() if module.contract])
    def test_a_module_is_built_from_exactly_what_the_table_says(self, name: str) -> None:
        module = MODULES[name]
        parameters = list(inspect.signature(import_module(module.package).build).parameters.values())
        assert parameters[0].name == "runtime"
        assert {parameter.name for parameter in parameters[1:]} == set(module.needs)
        assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters[1:])

    @pytest.mark.parametrize("name", [name for name, module in MODULES.items() if module.contract])
    def test_every_contract_can_cross_a_process_boundary(self, name: str) -> None:
        contract = MODULES[name].load_contract()
        assert contract is not None
        for method in methods_of(contract):
            msgspec.msgpack.Decoder(method.arguments)
            msgspec.msgpack.Decoder(method.result)


class TestBoot:
    async def test_refuses_a_missing_secret(self, settings: Settings) -> None:
        with pytest.raises(SettingsError, match="Set MERCATO_SECRET_KEY"):
            await compose.start(msgspec.structs.replace(settings, secret_key="short"), ["users"])

    async def test_refuses_a_missing_database_address(self, settings: Settings) -> None:
        with pytest.raises(SettingsError, match="Set DATABASE_URL"):
            await compose.start(msgspec.structs.replace(settings, database_url=""), ["users"])

    async def test_refuses_a_broker_that_does_not_answer(
        self, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mercato.kernel.messaging.broker.CONNECT_TIMEOUT_S", 0.3)
        nowhere = msgspec.structs.replace(settings, nats_url="nats://user:secret@127.0.0.1:1")
        with pytest.raises(
            SettingsError, match=r"NATS does not answer at NATS_URL \(nats://127\.0\.0\.1:1\)"
        ):
            await compose.start(nowhere, ["users"])

    async def test_a_program_stops_within_five_seconds_when_it_is_told_to(self, settings: Settings) -> None:
        environment = {
            **os.environ,
            "DATABASE_URL": settings.database_url,
            "NATS_URL": settings.nats_url,
            "MERCATO_NAMESPACE": settings.namespace,
            "MERCATO_SECRET_KEY": settings.secret_key,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", "from mercato import compose; compose.run(['users'])",
            env=environment, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        client = await compose.start(settings)
        users = client.client(Users)
        await eventually(lambda: _answers(users), timeout_s=20)
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await process.wait() == 0
        with pytest.raises(Unavailable):
            await users.roles(SYSTEM_CONTEXT)
        await client.stop()


class TestBothForms:
    async def test_a_contract_answers_the_same_from_this_process_and_from_another(
        self, settings: Settings
    ) -> None:
        here = await compose.start(settings, ["users"])
        there = await compose.start(settings)
        assert type(here.client(Users)).__name__ == "LocalUsers"
        assert type(there.client(Users)).__name__ == "RemoteUsers"
        local_roles = await here.client(Users).roles(SYSTEM_CONTEXT)
        assert local_roles == await there.client(Users).roles(SYSTEM_CONTEXT)
        assert len(local_roles) > 0
        await there.stop()
        await here.stop()


class TestSystem:
    async def test_every_process_tells_what_it_runs_and_how_its_calls_went(self, settings: Settings) -> None:
        shops = [await compose.start(settings, ["users"]), await compose.start(settings, ["payments"])]
        client = await compose.start(settings)
        await client.client(Users).roles(SYSTEM_CONTEXT)

        async def complete() -> object:
            found = await client.system.report(SYSTEM_CONTEXT)
            led = [role for process in found.processes for role in process.leads]
            return found if {"relay:users", "relay:payments"} <= set(led) else None

        report = await eventually(complete)
        assert sorted(process.modules for process in report.processes) == [["payments"], ["users"]]
        assert [(outbox.schema, outbox.unsent, outbox.dead_letters) for outbox in report.outboxes] == [
            ("payments", 0, 0),
            ("users", 0, 0),
        ]
        calls = {
            (call.form, call.timing.name): call.timing.count
            for process in report.processes
            for call in process.calls
        }
        assert calls["served", "users.roles"] == 1
        assert {"users-retention", "payments-retention"} <= {schedule.name for schedule in report.schedules}
        assert all(process.memory_mb > 1 and process.pools for process in report.processes)
        for shop in (client, *shops):
            await shop.stop()

    async def test_the_report_needs_the_right_to_read_it(self, settings: Settings) -> None:
        client = await compose.start(settings)
        with pytest.raises(Unauthenticated):
            await client.system.report(Context())
        await client.stop()

    async def test_acting_on_a_dead_letter_needs_the_right_and_a_process_that_owns_it(
        self, settings: Settings
    ) -> None:
        shop = await compose.start(settings, ["users"])
        reader = msgspec.structs.replace(
            SYSTEM_CONTEXT,
            principal=msgspec.structs.replace(
                SYSTEM_CONTEXT.principal, permissions=frozenset({"read_system"})
            ),
        )
        assert await shop.system.dead_letters(reader, "users") == []
        assert await shop.system.jobs(reader, "users") == []
        with pytest.raises(Denied):
            await shop.system.discard_dead_letter(reader, "users", new_id())
        with pytest.raises(NotFound):
            await shop.system.retry_dead_letter(SYSTEM_CONTEXT, "users", new_id())
        with pytest.raises(NotFound):
            await shop.system.retry_job(SYSTEM_CONTEXT, "users", new_id())
        with pytest.raises(Unavailable):
            await shop.system.dead_letters(SYSTEM_CONTEXT, "orders")
        await shop.stop()


async def _answers(users: Users) -> bool:
    try:
        return bool(await users.roles(SYSTEM_CONTEXT))
    except Unavailable:
        return False
