"""A cart on its way to an order."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.carts.records import FrozenCart, NewLine
from mercato.contracts.shared import Address
from mercato.kernel.context import Context
from mercato.kernel.rpc import idempotent


class Completing(Protocol):
    """The life of a cart from the order button on."""

    @idempotent
    async def freeze(self, ctx: Context, *, cart_id: UUID, token: str | None) -> FrozenCart:
        """open → completing, priced; claims coupon uses. Freezing twice gives the same.
        Raises Conflict("cart_completed"), Conflict("requirements_missing"), NotFound."""

    @idempotent
    async def thaw(self, ctx: Context, *, cart_id: UUID) -> None:
        """completing → open again; gives coupon uses back. System only."""

    @idempotent
    async def finish(self, ctx: Context, *, cart_ids: list[UUID]) -> None:
        """completing → completed. System only."""

    @idempotent
    async def stale_completing(self, ctx: Context, *, older_than_s: int, limit: int = 100) -> list[UUID]:
        """Carts completing for longer than `older_than_s`: the caller knows whether each became an order,
        and thaws or finishes it. System only."""

    @idempotent
    async def quote(
        self, ctx: Context, *, channel: str, lines: list[NewLine], shipping_address: Address
    ) -> FrozenCart:
        """What these lines alone would cost today, sent to this address; nothing is stored. For changes of
        orders. Needs `read_orders`. Raises Conflict("variant_unavailable")."""
