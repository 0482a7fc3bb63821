"""Delivery methods: where, how fast, at what price."""

from typing import Protocol
from uuid import UUID

import msgspec

from mercato.contracts.shared import Code, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.money import Amount
from mercato.kernel.rpc import idempotent


class DeliveryMethodInput(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID | None = None
    code: ShortText
    name: ShortText
    description: ShortText = ""
    countries: list[Code]
    """ISO 3166 codes; empty means every country of the channel."""
    price: Amount
    free_above: Amount | None = None
    """Free from this subtotal on, minor units."""
    days_min: Whole = 1
    days_max: Whole = 3
    cutoff_hour: Whole = 15
    position: Whole = 0
    is_active: bool = True
    channel: Code = "default"
    tax_class: Code = "standard"
    version: Whole = 1


class Delivery(Protocol):
    """What staff does with the ways a cart can be delivered."""

    @idempotent
    async def list_delivery_methods(self, ctx: Context) -> list[DeliveryMethodInput]: ...

    async def save_delivery_method(
        self, ctx: Context, *, method: DeliveryMethodInput
    ) -> DeliveryMethodInput: ...

    async def delete_delivery_method(self, ctx: Context, *, method_id: UUID) -> None: ...
