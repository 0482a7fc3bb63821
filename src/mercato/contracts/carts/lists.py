"""Price lists and customer groups: who pays another price than the catalog's, from how many units on."""

from datetime import datetime
from typing import Annotated, Protocol
from uuid import UUID

import msgspec

from mercato.contracts.carts.promotions import Named
from mercato.contracts.shared import DEFAULT_LIMIT, Code, Limit, MinorUnits, Page, Quantity, ShortText, Whole
from mercato.kernel.context import Context
from mercato.kernel.money import Money
from mercato.kernel.rpc import idempotent

MAX_ENTRIES = 1000
MAX_MEMBERS = 1000


class CustomerGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Customers with prices of their own, such as wholesale. `members` is counted, not set."""

    id: UUID | None = None
    name: ShortText
    is_tax_exempt: bool = False
    """No tax is charged to them, such as resellers with a certificate."""
    members: Whole = 0
    version: Whole = 1


class PriceList(msgspec.Struct, frozen=True, kw_only=True):
    """Prices that replace the catalog's in a channel, for some customers, for some time.

    Of the lists that have a price for a variant and so many units, the highest priority wins, then the lowest
    price. `entries` is counted, not set.
    """

    id: UUID | None = None
    name: ShortText
    channel: Code = "default"
    group_ids: Named = []
    """Only for members of any of these groups; empty means everybody."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    priority: Whole = 0
    is_active: bool = True
    entries: Whole = 0
    version: Whole = 1


class ListPrice(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """The unit price of a variant from `min_quantity` units on, in minor units of the channel's currency."""

    variant_id: UUID
    price: MinorUnits
    min_quantity: Quantity = 1


class QuantityPrice(msgspec.Struct, frozen=True, gc=False):
    """What one unit costs from `min_quantity` units on."""

    min_quantity: int
    price: Money


class VariantPrices(msgspec.Struct, frozen=True):
    """What price lists make of a variant for one shopper. `prices` begin with one unit; `public_price` is
    what one unit costs somebody who is in no group."""

    variant_id: UUID
    public_price: Money
    prices: list[QuantityPrice]


class PriceLists(Protocol):
    """What staff does with price lists and customer groups."""

    @idempotent
    async def price_lists(self, ctx: Context) -> list[PriceList]: ...

    async def save_price_list(self, ctx: Context, *, price_list: PriceList) -> PriceList: ...

    async def delete_price_list(self, ctx: Context, *, price_list_id: UUID) -> None: ...

    @idempotent
    async def price_entries(
        self, ctx: Context, *, price_list_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[ListPrice]: ...

    async def set_prices(
        self,
        ctx: Context,
        *,
        price_list_id: UUID,
        entries: Annotated[list[ListPrice], msgspec.Meta(max_length=MAX_ENTRIES)],
    ) -> None:
        """Add these prices; one of the same variant and number of units is replaced. Raises NotFound."""

    async def remove_price(
        self, ctx: Context, *, price_list_id: UUID, variant_id: UUID, min_quantity: Quantity
    ) -> None: ...

    @idempotent
    async def customer_groups(self, ctx: Context) -> list[CustomerGroup]: ...

    async def save_customer_group(self, ctx: Context, *, group: CustomerGroup) -> CustomerGroup: ...

    async def delete_customer_group(self, ctx: Context, *, group_id: UUID) -> None:
        """Raises Conflict("group_in_use") when a promotion or a price list names it."""

    @idempotent
    async def group_members(
        self, ctx: Context, *, group_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[UUID]:
        """The accounts of a group in the order of their ids."""

    @idempotent
    async def groups_of(self, ctx: Context, *, customer_id: UUID) -> list[CustomerGroup]: ...

    @idempotent
    async def set_members(
        self,
        ctx: Context,
        *,
        group_id: UUID,
        add: Annotated[list[UUID], msgspec.Meta(max_length=MAX_MEMBERS)],
        remove: Annotated[list[UUID], msgspec.Meta(max_length=MAX_MEMBERS)],
    ) -> None:
        """Raises NotFound."""
