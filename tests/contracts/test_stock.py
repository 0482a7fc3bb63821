"""The stock contract: every method, the same in one process and between two."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from mercato.contracts.stock import (
    Allocation,
    Availability,
    AvailableUnits,
    ChannelStock,
    Demand,
    Shortage,
    Stock,
    StockItem,
    Strategy,
    TransferStatus,
)
from mercato.kernel.context import SYSTEM_CONTEXT, Context
from mercato.kernel.errors import Conflict, Denied, Invalid, NotFound, Unauthenticated
from mercato.kernel.ids import new_id
from mercato.kernel.rpc import local, methods_of, remote, serve
from mercato.kernel.runtime import Runtime
from mercato.kernel.telemetry.metrics import Metrics
from mercato.settings import Settings
from stock.conftest import MAIN, Shelf
from support.broker import connected


@pytest.fixture(params=["local", "remote"])
async def stock(request: Any, database_url: str, nats_url: str, namespace: str) -> AsyncIterator["Counted"]:
    settings = Settings(
        environment="test", database_url=database_url, nats_url=nats_url, namespace=namespace,
        secret_key="s" * 32,
    )  # fmt: skip
    runtime = Runtime(settings)
    service = Shelf(runtime).stock
    if request.param == "local":
        yield Counted(local(Stock, service, Metrics(), strict=True))
    else:
        ends = [await connected(nats_url) for _ in range(2)]
        server = await serve(Stock, service, ends[0], settings, Metrics())
        yield Counted(remote(Stock, ends[1], settings, Metrics()))
        await server.stop()
        for end in ends:
            await end.close()
    await runtime.close()


class Counted:
    """A client that remembers which methods were called."""

    def __init__(self, client: Stock) -> None:
        self._client = client
        self.called: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.called.add(name)
        return getattr(self._client, name)


class TestStockContract:
    async def test_units_from_arrival_to_return(self, stock: Counted) -> None:
        ctx, mug, order, parcel = SYSTEM_CONTEXT, new_id(), new_id(), new_id()
        await stock.register_variants(ctx, skus={mug: "MUG"}, on_hand={mug: 9})
        assert [location.id for location in await stock.locations(ctx)] == [MAIN]
        assert (await stock.hold(ctx, owner=order, demands=[Demand(mug, 5)])).is_held
        assert await stock.available(ctx, variant_ids=[mug]) == [AvailableUnits(mug, 4, Availability.LOW)]
        short = await stock.hold(ctx, owner=new_id(), demands=[Demand(mug, 5)])
        assert (short.is_held, short.shortages) == (False, [Shortage(mug, 4)])
        assert (await stock.reservations(ctx, variant_id=mug)).items[0].owner == order
        assert await stock.expired_holds(ctx) == []
        await stock.allocate(ctx, owners=[order])
        await stock.deallocate(ctx, cause_id=order, owner=order, demands=[Demand(mug, 2)])
        await stock.ship(ctx, fulfillment_id=parcel, owner=order, demands=[Demand(mug, 3)])
        await stock.restock(ctx, cause_id=new_id(), demands=[Demand(mug, 1)])
        level = (await stock.levels(ctx, query="mug")).items[0]
        assert (level.on_hand, level.allocated, level.reserved, level.available) == (7, 0, 0, 7)
        level = await stock.adjust(ctx, variant_id=mug, location_id=MAIN, delta=-1, reason="Lost")
        counted = await stock.set_on_hand(
            ctx, variant_id=mug, location_id=MAIN, on_hand=20, version=level.version
        )
        assert counted.on_hand == 20
        await stock.hold(ctx, owner=parcel, demands=[Demand(mug, 20)])
        await stock.release(ctx, owners=[parcel])
        movements = await stock.movements(ctx, variant_id=mug)
        assert [movement.kind.value for movement in reversed(movements.items)] == [
            "received", "reserved", "allocated", "deallocated", "shipped", "returned", "adjusted",
            "adjusted", "reserved", "released",
        ]  # fmt: skip
        await self._change_where_and_how(stock, mug)
        await self._move_goods(stock, mug)
        assert (await stock.verify(ctx)).differences == []
        assert stock.called == {method.name for method in methods_of(Stock)}

    async def _change_where_and_how(self, stock: Counted, mug: UUID) -> None:
        ctx, owner = SYSTEM_CONTEXT, new_id()
        berlin = await stock.add_location(ctx, code="berlin", name="Berlin")
        spare = await stock.add_location(ctx, code="spare", name="Spare")
        await stock.remove_location(ctx, location_id=spare.id)
        await stock.change_location(ctx, location_id=berlin.id, name="Berlin-Mitte", is_active=True)
        ordered = await stock.order_locations(ctx, location_ids=[berlin.id])
        assert [one.name for one in ordered] == ["Berlin-Mitte", "Main warehouse"]
        chosen = ChannelStock("b2b", Strategy.MOST_STOCK, [berlin.id])
        await stock.set_channel_stock(
            ctx, channel="b2b", strategy=Strategy.MOST_STOCK, location_ids=[berlin.id]
        )
        assert await stock.channel_stock(ctx) == [chosen]
        level = await stock.set_safety_stock(ctx, variant_id=mug, location_id=MAIN, safety_stock=20)
        assert (level.safety_stock, level.available) == (20, 0)
        await stock.set_item(ctx, variant_id=mug, low_at=3, backorder_limit=2)
        assert await stock.item(ctx, variant_id=mug) == StockItem(mug, "MUG", 3, 2)
        backorder = AvailableUnits(mug, 2, Availability.BACKORDER)
        assert await stock.available(ctx, variant_ids=[mug]) == [backorder]
        await stock.hold(ctx, owner=owner, demands=[Demand(mug, 2)])
        await stock.allocate(ctx, owners=[owner])
        assert await stock.allocations(ctx, owners=[owner]) == [
            Allocation(owner, mug, MAIN, "Main warehouse", 2)
        ]

    async def _move_goods(self, stock: Counted, mug: UUID) -> None:
        ctx = SYSTEM_CONTEXT
        berlin = (await stock.locations(ctx))[0].id
        assert (await stock.receive(ctx, location_id=berlin, lines=[Demand(mug, 6)])).units == 6
        await stock.write_off(ctx, variant_id=mug, location_id=berlin, quantity=1, reason="Broken")
        sent, back = [
            await stock.send_transfer(ctx, from_id=berlin, to_id=MAIN, lines=[Demand(mug, 2)])
            for _ in range(2)
        ]
        await stock.receive_transfer(ctx, transfer_id=sent.id)
        await stock.cancel_transfer(ctx, transfer_id=back.id)
        shown = await stock.transfer(ctx, transfer_id=sent.id)
        assert (await stock.transfers(ctx, status=TransferStatus.RECEIVED)).items == [shown]
        take, other = [await stock.begin_stock_take(ctx, location_id=berlin) for _ in range(2)]
        await stock.count(ctx, stock_take_id=take.id, lines=[Demand(mug, 9)])
        await stock.count(ctx, stock_take_id=other.id, lines=[Demand(mug, 0)])
        assert (await stock.uncount(ctx, stock_take_id=other.id, variant_id=mug)).lines == []
        await stock.cancel_stock_take(ctx, stock_take_id=other.id)
        await stock.apply_stock_take(ctx, stock_take_id=take.id)
        assert (await stock.stock_take(ctx, stock_take_id=take.id)).lines[0].difference == 6
        assert len((await stock.stock_takes(ctx)).items) == 2
        levels = (await stock.levels(ctx, location_id=berlin)).items
        assert [level.on_hand for level in levels] == [9]

    async def test_refusals_keep_their_class_code_and_data(self, stock: Counted) -> None:
        ctx, mug = SYSTEM_CONTEXT, new_id()
        await stock.register_variants(ctx, skus={mug: "MUG"}, on_hand={mug: 1})
        with pytest.raises(Conflict) as conflict:
            await stock.ship(ctx, fulfillment_id=new_id(), owner=new_id(), demands=[Demand(mug, 1)])
        assert conflict.value.data == {"short": [{"variant_id": str(mug), "allocated": 0}]}
        with pytest.raises(NotFound):
            await stock.adjust(ctx, variant_id=new_id(), location_id=MAIN, delta=1, reason="")
        with pytest.raises(Invalid) as invalid:
            await stock.hold(ctx, owner=new_id(), demands=[])
        assert invalid.value.errors[0].field == "demands"
        with pytest.raises(Unauthenticated):
            await stock.levels(Context())
        with pytest.raises(Denied):
            await stock.release(Context(), owners=[new_id()])
