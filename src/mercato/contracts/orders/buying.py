"""What buyers may do: place, follow, read and cancel their orders."""

from typing import Protocol
from uuid import UUID

from mercato.contracts.orders.records import (
    Order,
    OrderRow,
    PaymentChoice,
    Placement,
)
from mercato.contracts.shared import (
    DEFAULT_LIMIT,
    Limit,
    Page,
    ShortText,
)
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent


class Buying(Protocol):
    """What buyers may do: place, follow, read and cancel their orders."""

    @idempotent
    async def place(
        self,
        ctx: Context,
        *,
        cart_id: UUID,
        cart_token: str | None,
        expected_total: Money,
        payment: PaymentChoice,
    ) -> Placement:
        """Turn a cart into an order. A replay gives the same order; after a decline it may be tried again.
        Raises Conflict: cart_changed (new totals in data), insufficient_stock (short in data),
        requirements_missing; NotFound."""

    @idempotent
    async def placement(self, ctx: Context, *, cart_id: UUID, cart_token: str | None) -> Placement:
        """How the placing of this cart stands, moving it on when the payment has been decided meanwhile."""

    @idempotent
    async def order(
        self, ctx: Context, *, number: str, email: str | None = None, token: str | None = None
    ) -> Order:
        """For its customer, or for a guest with the order's token (and e-mail when given). Else NotFound."""

    @idempotent
    async def my_orders(
        self, ctx: Context, *, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[OrderRow]: ...

    async def request_cancellation(
        self, ctx: Context, *, number: str, token: str | None = None, reason: ShortText = ""
    ) -> Order:
        """The buyer cancels before anything is shipped; money goes back. Raises Conflict."""
