"""Goods that come in, break, move between locations, and are counted."""

from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, ShortText
from mercato.contracts.stock.papers import Receipt, StockTake, StockTakeStatus, Transfer, TransferStatus
from mercato.contracts.stock.records import Demand, StockLevel
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent

Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Goods(Protocol):
    """Goods that come in, break, move and are counted. Reading needs `read_stock`, changing `write_stock`.

    Changes happen once per idempotency key of `ctx`. All lines are booked, or none.
    """

    async def receive(
        self, ctx: Context, *, location_id: UUID, lines: list[Demand], reference: ShortText = ""
    ) -> Receipt:
        """Goods have come in; `reference` is the supplier's paper. Raises NotFound for unknown goods."""

    async def write_off(
        self, ctx: Context, *, variant_id: UUID, location_id: UUID, quantity: int, reason: Reason
    ) -> StockLevel:
        """Units are damaged or gone. Raises Conflict("stock_promised"), NotFound."""

    async def send_transfer(
        self, ctx: Context, *, from_id: UUID, to_id: UUID, lines: list[Demand], note: ShortText = ""
    ) -> Transfer:
        """Units leave one location for another: only units that are promised to nobody.
        Raises Conflict("stock_promised"), NotFound."""

    async def receive_transfer(
        self, ctx: Context, *, transfer_id: UUID, lines: list[Demand] | None = None
    ) -> Transfer:
        """What arrived: all of it, or so many units of each variant; a variant not named did not arrive.
        Raises Conflict("illegal_transition"), Invalid for more than was sent."""

    async def cancel_transfer(self, ctx: Context, *, transfer_id: UUID) -> Transfer:
        """The goods are back where they came from. Raises Conflict("illegal_transition")."""

    @idempotent
    async def transfers(
        self,
        ctx: Context,
        *,
        status: TransferStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[Transfer]:
        """Newest first."""

    @idempotent
    async def transfer(self, ctx: Context, *, transfer_id: UUID) -> Transfer: ...

    async def begin_stock_take(self, ctx: Context, *, location_id: UUID, note: ShortText = "") -> StockTake:
        """Open a count of a location. Raises NotFound."""

    async def count(
        self, ctx: Context, *, stock_take_id: UUID, lines: list[Demand], adds: bool = False
    ) -> StockTake:
        """Write down what was counted, in place of an earlier count of the same variant or (`adds`) on top
        of it; zero is a count too. Raises Conflict("illegal_transition"), NotFound for unknown goods."""

    async def uncount(self, ctx: Context, *, stock_take_id: UUID, variant_id: UUID) -> StockTake:
        """Forget the count of one variant."""

    async def apply_stock_take(self, ctx: Context, *, stock_take_id: UUID) -> StockTake:
        """Correct on_hand by what differed when it was counted. Raises Conflict: illegal_transition,
        stock_promised (with the variants in data; nothing is corrected)."""

    async def cancel_stock_take(self, ctx: Context, *, stock_take_id: UUID) -> StockTake: ...

    @idempotent
    async def stock_takes(
        self,
        ctx: Context,
        *,
        status: StockTakeStatus | None = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: str | None = None,
    ) -> Page[StockTake]:
        """Newest first, without their lines."""

    @idempotent
    async def stock_take(self, ctx: Context, *, stock_take_id: UUID) -> StockTake: ...
