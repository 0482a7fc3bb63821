"""The chain of the audit log: built once and in order, and no change to it goes unnoticed."""

import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from audit.conftest import SECRET, AuditShop, settings_of
from mercato import compose
from mercato.audit import chain
from mercato.contracts.audit import AuditFilter
from mercato.kernel import clock
from mercato.kernel.acts import HIDDEN, Acted, Change, acted, changes_between
from mercato.kernel.context import SYSTEM_CONTEXT, Context, Principal, PrincipalKind
from mercato.kernel.errors import Denied
from mercato.kernel.ids import new_id
from mercato.kernel.personal import Subject

WHO = Principal(PrincipalKind.USER, new_id(), "ann@example.org", "Ann", frozenset({"read_audit"}))
CTX = Context(principal=WHO, client_address="203.0.113.9", request_id="r" * 8)


async def record(shop: AuditShop, *acts: Acted) -> None:
    async with shop.database.transaction() as tx:
        await shop.shop.runtime.outbox("audit").add(tx, *acts)
    await shop.shop.drain()


def act(number: int, kind: str = "order", ctx: Context = CTX) -> Acted:
    return acted(
        ctx, f"{kind}.canceled", kind, f"{kind}-{number}", changes=[Change("status", "placed", "canceled")]
    )


class TestWritingDown:
    async def test_every_act_is_one_entry_in_the_order_of_its_thing(self, shop: AuditShop) -> None:
        acts = [acted(CTX, f"order.step_{letter}", "order", "one") for letter in "abcde"]
        await record(shop, *acts)
        found = await shop.entries()
        assert [(one.sequence, one.act) for one in reversed(found)] == [
            (number, f"order.step_{letter}") for number, letter in enumerate("abcde", 1)
        ]
        assert (found[0].actor_id, found[0].actor_label) == (WHO.id, "ann@example.org")
        assert (found[0].client_address, found[0].request_id) == ("203.0.113.9", "r" * 8)
        assert (await shop.audit.verify(SYSTEM_CONTEXT)).checked == 5 and await shop.faults() == []

    async def test_many_writers_at_once_make_one_chain_without_gaps(self, shop: AuditShop) -> None:
        outbox = shop.shop.runtime.outbox("users")
        users = shop.shop.runtime.database("users")

        async def write(number: int) -> None:
            async with users.transaction() as tx:
                await outbox.add(tx, act(number))

        await asyncio.gather(*(write(number) for number in range(60)))
        found = await shop.entries()
        assert sorted(one.object_id for one in found) == sorted(f"order-{n}" for n in range(60))
        assert [one.sequence for one in found] == list(range(60, 0, -1))
        assert await shop.faults() == []

    async def test_an_act_that_arrives_twice_is_written_once(self, shop: AuditShop) -> None:
        await record(shop, act(1))
        await shop.database.execute("update audit.outbox set sent_seq = null")
        shop.shop.runtime.outbox("audit").ring()
        await shop.shop.drain()
        assert len(await shop.entries()) == 1

    async def test_an_act_that_is_rolled_back_never_happened(self, shop: AuditShop) -> None:
        with pytest.raises(RuntimeError, match="undone"):
            async with shop.database.transaction() as tx:
                await shop.shop.runtime.outbox("audit").add(tx, act(1))
                raise RuntimeError("undone")
        assert await shop.entries() == []

    def test_only_what_changed_is_told_and_nothing_of_a_person(self) -> None:
        before = {"email": "a@example.org", "roles": ["support"], "is_active": True, "note": None}
        after = {"email": "b@example.org", "roles": ["manager"], "is_active": True, "note": "x" * 5000}
        assert changes_between(before, after, hidden=("email",)) == [
            Change("email", HIDDEN, HIDDEN),
            Change("roles", '["support"]', '["manager"]'),
            Change("note", None, "x" * 1000),
        ]


TAMPERED = {
    "a field": ("update audit.entries set act = 'order.shipped' where sequence = 2", {"audit_hash"}),
    "a time": ("update audit.entries set at = at + interval '1 us' where sequence = 2", {"audit_hash"}),
    "an actor": ("update audit.entries set actor_id = null where sequence = 2", {"audit_hash"}),
    "what it said": (
        "update audit.entries set payload = replace(encode(payload, 'escape'), 'placed', 'draft')::bytea"
        " where sequence = 2",
        {"audit_payload"},
    ),
    "one in the middle is gone": (
        "delete from audit.entries where sequence = 2", {"audit_gap", "audit_link"}
    ),
    "the last is gone": ("delete from audit.entries where sequence = 3", {"audit_end"}),
    "the last is gone and the end moved": (
        "with gone as (delete from audit.entries where sequence = 3) update audit.chain set sequence = 2,"
        " hash = (select hash from audit.entries where sequence = 2)",
        {"audit_seal"},
    ),
    "all is gone": ("with gone as (delete from audit.entries) update audit.chain set sequence = 0,"
                    " hash = decode(repeat('00', 32), 'hex')", {"audit_seal"}),
    "erased in silence": (
        "update audit.entries set payload = null, salt = null, erased_for = actor_id where sequence = 2",
        {"audit_erasure"},
    ),
    "two have changed places": (
        "update audit.entries set sequence = 5 - sequence where sequence in (2, 3)",
        {"audit_hash", "audit_link", "audit_end"},
    ),
}  # fmt: skip


class TestTampering:
    async def test_every_kind_of_tampering_is_found(self, shop: AuditShop) -> None:
        await record(shop, act(1), act(2), act(3))
        assert await shop.faults() == []
        for name, (statement, faults) in TAMPERED.items():
            await shop.database.execute("create table audit.entries_kept as table audit.entries")
            await shop.database.execute("create table audit.chain_kept as table audit.chain")
            if name == "two have changed places":
                await shop.database.execute("alter table audit.entries drop constraint entries_pkey")
            await shop.database.execute(statement)
            assert set(await shop.faults()) == faults, name
            await shop.database.execute("delete from audit.entries")
            await shop.database.execute("insert into audit.entries select * from audit.entries_kept")
            await shop.database.execute("delete from audit.chain")
            await shop.database.execute("insert into audit.chain select * from audit.chain_kept")
            await shop.database.execute("drop table audit.entries_kept, audit.chain_kept")
            assert await shop.faults() == []

    async def test_a_chain_made_anew_without_the_secret_is_found(self, shop: AuditShop) -> None:
        await record(shop, act(1), act(2))
        false = chain.link(act(9), sequence=1, previous=chain.GENESIS, salt=b"0" * 16)
        seal = chain.Seal("another secret").of(1, false.hash)
        await shop.database.execute("delete from audit.entries where sequence = 2")
        await shop.database.execute(
            "update audit.entries set act = $1, object_kind = $2, object_id = $3, event_id = $4, at = $5,"
            " payload = $6, salt = $7, payload_digest = $8, hash = $9",
            false.act, false.object_kind, false.object_id, false.event_id, false.at, false.payload,
            false.salt, false.payload_digest, false.hash,
        )  # fmt: skip
        await shop.database.execute(
            "update audit.chain set sequence = 1, hash = $1, seal = $2", false.hash, seal
        )
        assert await shop.faults() == ["audit_seal"]
        await record(shop, act(3))
        told = await shop.entries(act="audit")
        assert [(one.act, one.object_id) for one in told] == [(chain.SEAL_BROKEN, "1")]

    async def test_another_secret_is_told_in_the_chain_itself(
        self, shop: AuditShop, database_url: str, nats_url: str, namespace: str
    ) -> None:
        await record(shop, act(1))
        await shop.shop.stop()
        changed = settings_of(database_url, nats_url, namespace, secret=SECRET[::-1] + "2")
        running = await compose.start(changed, ["users", "audit"])
        try:
            later = AuditShop(running)
            assert await later.faults() == ["audit_seal"]
            await record(later, act(2))
            assert [one.act for one in await later.entries()] == [
                "order.canceled",
                chain.SEAL_BROKEN,
                "order.canceled",
            ]
            assert await later.faults() == []
        finally:
            await running.stop()


class TestErasing:
    async def test_what_is_personal_goes_and_the_chain_holds(self, shop: AuditShop) -> None:
        other: dict[str, Any] = {"id": new_id(), "email": "eve@example.org"}
        eve = Context(principal=Principal(PrincipalKind.USER, other["id"], other["email"], "Eve"))
        await record(
            shop, act(1), act(2, ctx=eve), acted(CTX, "user.switched_off", "user", other["id"], label="Eve")
        )
        assert await shop.audit.erase_person(SYSTEM_CONTEXT, user_id=other["id"]) == 2
        found = await shop.entries()
        assert [(one.act, one.is_erased) for one in found] == [
            (chain.PERSON_ERASED, False), ("user.switched_off", True), ("order.canceled", True),
            ("order.canceled", False),
        ]  # fmt: skip
        assert {one.object_label + one.actor_label for one in found if one.is_erased} == {""}
        kept = await shop.database.fetchval(
            "select count(*) from audit.entries where encode(payload, 'escape') like '%eve@example.org%'"
        )
        assert kept == 0
        assert await shop.faults() == []
        assert await shop.audit.erase_person(SYSTEM_CONTEXT, user_id=other["id"]) == 0

    async def test_entries_that_name_a_person_go_too_and_no_other_can_be_slipped_in(
        self, shop: AuditShop
    ) -> None:
        eve, mail = new_id(), "eve@example.org"
        named = acted(CTX, "gift_card.issued", "gift_card", new_id(), label=f"For {mail.upper()}")
        hers = acted(
            Context(principal=Principal(PrincipalKind.USER, eve, mail)), "stock.counted", "stock", "x"
        )
        await record(shop, act(1), named, hers, acted(CTX, "user.noted", "user", eve))
        subject = Subject(user_id=eve, emails=[mail])
        await shop.audit.refuse_unsettled(SYSTEM_CONTEXT, subject=subject)
        assert await shop.audit.erase_personal_data(SYSTEM_CONTEXT, subject=subject) == 2
        erased = {one.act: one.is_erased for one in await shop.entries()}
        assert erased == {
            "order.canceled": False, "gift_card.issued": True, "user.noted": True,
            "stock.counted": False,  # what she did as one of the staff is not hers to take away
            chain.PERSON_ERASED: False,
        }  # fmt: skip
        assert await shop.faults() == []
        assert await shop.audit.erase_personal_data(SYSTEM_CONTEXT, subject=subject) == 0
        await shop.database.execute(
            "update audit.entries set payload = null, salt = null, erased_for = $1 where sequence = 1", eve
        )
        assert await shop.faults() == ["audit_erasure"]

    async def test_after_its_time_an_entry_names_nobody_and_the_chain_holds(
        self, database_url: str, nats_url: str, namespace: str
    ) -> None:
        settings = msgspec.structs.replace(settings_of(database_url, nats_url, namespace), keep_audit_days=30)
        running = await compose.start(settings, ["users", "audit"])
        try:
            shop = AuditShop(running)
            await record(shop, act(1), act(2))
            assert [one.rows for one in await shop.audit.forget_old(SYSTEM_CONTEXT)] == [0]
            for days, rows in ((31, 2), (62, 0)):
                clock.set_offset(timedelta(days=days))
                assert [one.rows for one in await shop.audit.forget_old(SYSTEM_CONTEXT)] == [rows]
                await shop.shop.drain()
            assert [one.is_erased for one in await shop.entries()] == [False, True, True]
            assert await shop.faults() == []
        finally:
            clock.set_offset(timedelta(0))
            await running.stop()


class TestReading:
    async def test_finds_by_act_thing_person_and_time(self, shop: AuditShop) -> None:
        await record(
            shop, act(1), act(2), act(1, "product"), acted(SYSTEM_CONTEXT, "order.placed", "order", "x")
        )
        newest = (await shop.entries())[0]
        assert [one.object_id for one in await shop.entries(act="product")] == ["product-1"]
        assert [one.object_id for one in await shop.entries(act="order.placed")] == ["x"]
        assert len(await shop.entries(act="order")) == 3
        assert [one.object_id for one in await shop.entries(object_kind="order", object_id="order-2")] == [
            "order-2"
        ]
        assert len(await shop.entries(actor_id=WHO.id)) == 3
        assert await shop.entries(since=newest.at.replace(year=2999)) == []
        assert await shop.audit.acts(SYSTEM_CONTEXT) == ["order.canceled", "order.placed", "product.canceled"]
        (actor,) = await shop.audit.actors(SYSTEM_CONTEXT)
        assert (actor.id, actor.label) == (WHO.id, "ann@example.org")
        first = await shop.audit.entries(CTX, where=AuditFilter(), limit=3)
        rest = await shop.audit.entries(CTX, where=AuditFilter(), limit=3, cursor=first.next_cursor)
        assert [one.sequence for one in first.items + rest.items] == [4, 3, 2, 1] and rest.next_cursor is None

    async def test_is_for_those_who_may_read_it(self, shop: AuditShop) -> None:
        stranger = Context(
            principal=Principal(PrincipalKind.USER, new_id(), permissions=frozenset({"write_orders"}))
        )
        for call in (
            shop.audit.entries(stranger, where=AuditFilter()),
            shop.audit.head(stranger),
            shop.audit.verify(stranger),
            shop.audit.actors(stranger),
            shop.audit.note_export(stranger, where=AuditFilter(), entries=1),
            shop.audit.erase_person(CTX, user_id=new_id()),
        ):
            with pytest.raises(Denied):
                await call
        assert await shop.entries() == []
