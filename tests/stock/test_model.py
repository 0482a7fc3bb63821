"""Stock as a state machine: whatever happens in whatever order, the books agree with a small model."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mercato.contracts.stock import Demand
from mercato.kernel.context import SYSTEM_CONTEXT
from mercato.kernel.errors import Conflict
from mercato.kernel.ids import new_id
from mercato.kernel.runtime import Runtime
from mercato.settings import Settings
from stock.conftest import MAIN, Shelf

T = TypeVar("T")
QUANTITIES = st.lists(st.integers(0, 4), min_size=2, max_size=2).filter(any)


POOL = new_id()


class StockMachine(RuleBasedStateMachine):
    """Two variants, any number of carts, against sums kept by hand."""

    database_url = ""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.runtime = Runtime(Settings(environment="test", database_url=self.database_url))
        self.shelf = Shelf(self.runtime)
        self.variants = [self.run(self.shelf.put(8, f"V{number}")) for number in range(2)]
        self.on_hand = [8, 8]
        self.allocated = [0, 0]
        self.held: dict[UUID, list[int]] = {}
        self.placed: set[UUID] = set()

    owners = Bundle("owners")

    @rule(target=owners)
    def new_owner(self) -> UUID:
        return new_id()

    @rule(owner=owners, wanted=QUANTITIES)
    def hold(self, owner: UUID, wanted: list[int]) -> None:
        demands = [(v, q) for v, q in zip(self.variants, wanted, strict=True) if q]
        short = self.run(self.shelf.hold(owner, *demands))
        if owner in self.placed:
            assert short == []
            return
        mine = self.held.get(owner, [0, 0])
        free = [self.free(index) + mine[index] for index in range(2)]
        lacking = [(v, f) for v, f, q in zip(self.variants, free, wanted, strict=True) if q > f]
        assert sorted(short) == sorted(lacking)
        if not lacking:
            self.held[owner] = wanted

    @rule(owner=owners)
    def release(self, owner: UUID) -> None:
        self.run(self.shelf.stock.release(SYSTEM_CONTEXT, owners=[owner]))
        self.held.pop(owner, None)

    @rule(owner=owners)
    def allocate(self, owner: UUID) -> None:
        self.run(self.shelf.stock.allocate(SYSTEM_CONTEXT, owners=[owner], into=POOL))
        if owner in self.held:
            self.placed.add(owner)
            for index, quantity in enumerate(self.held.pop(owner)):
                self.allocated[index] += quantity

    @rule(wanted=QUANTITIES, leaves=st.booleans(), twice=st.booleans())
    def ship_or_deallocate(self, wanted: list[int], leaves: bool, twice: bool) -> None:
        demands = [Demand(v, q) for v, q in zip(self.variants, wanted, strict=True) if q]
        cause, stock = new_id(), self.shelf.stock
        fits = all(q <= a for q, a in zip(wanted, self.allocated, strict=True))
        for _ in range(1 + twice):
            act = (
                stock.ship(SYSTEM_CONTEXT, fulfillment_id=cause, owner=POOL, demands=demands)
                if leaves
                else stock.deallocate(SYSTEM_CONTEXT, cause_id=cause, owner=POOL, demands=demands)
            )
            if fits:
                self.run(act)
            else:
                with pytest.raises(Conflict):
                    self.run(act)
        for index, quantity in enumerate(wanted):
            if fits:
                self.allocated[index] -= quantity
                self.on_hand[index] -= quantity if leaves else 0

    @rule(index=st.integers(0, 1), on_hand=st.integers(0, 12))
    def count(self, index: int, on_hand: int) -> None:
        act = self.shelf.stock.set_on_hand(
            SYSTEM_CONTEXT, variant_id=self.variants[index], location_id=MAIN, on_hand=on_hand
        )
        if on_hand >= self.allocated[index] + self.reserved(index):
            self.run(act)
            self.on_hand[index] = on_hand
        else:
            with pytest.raises(Conflict):
                self.run(act)

    @invariant()
    def books_agree(self) -> None:
        for index, variant in enumerate(self.variants):
            expected = (self.on_hand[index], self.allocated[index], self.reserved(index))
            assert self.run(self.shelf.numbers(variant)) == expected
        self.run(self.shelf.assert_books_agree())

    def reserved(self, index: int) -> int:
        return sum(quantities[index] for quantities in self.held.values())

    def free(self, index: int) -> int:
        return self.on_hand[index] - self.allocated[index] - self.reserved(index)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    def teardown(self) -> None:
        tables = ("levels", "items", "reservations", "movements", "effects", "allocations")
        named = ", ".join(f"stock.{table}" for table in tables)
        self.run(self.shelf.db.execute(f"truncate {named} cascade"))
        self.run(self.runtime.close())
        self.loop.close()


@pytest.mark.timeout(120)
def test_any_sequence_of_acts_keeps_the_books(database_url: str) -> None:
    StockMachine.database_url = database_url
    run_state_machine_as_test(
        StockMachine,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
