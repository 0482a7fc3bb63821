"""Price lists and customer groups, as staff keeps them."""

from uuid import UUID

from mercato.carts.actions.staff import Office
from mercato.carts.parts import Parts
from mercato.carts.pricing import Customer, price_ladder, tier_for
from mercato.carts.store import customers
from mercato.carts.store import lists as store
from mercato.carts.store import rules as rules_store
from mercato.contracts.carts import CustomerGroup, ListPrice, PriceList, QuantityPrice, VariantPrices
from mercato.contracts.shared import DEFAULT_LIMIT, Limit, Page, Quantity
from mercato.kernel import clock
from mercato.kernel.context import Context, PrincipalKind
from mercato.kernel.errors import Conflict, NotFound
from mercato.kernel.money import Money
from mercato.kernel.pages import decode_cursor, encode_cursor


class PriceListsPart:
    """Implements the contract's `PriceLists`, and what `Shopping` says of them."""

    _parts: Parts
    _office: Office

    async def shopper_prices(self, ctx: Context, *, variant_ids: list[UUID]) -> list[VariantPrices]:
        rules = await self._parts.rules.of(ctx, ctx.channel)
        known = await self._parts.rules.tiers(rules, variant_ids)
        tiers = {each: found for each in variant_ids if (found := known.get(each))}
        if not tiers:
            return []
        sold = await self._parts.variants(ctx, ctx.channel, list(tiers))
        customer, principal = Customer(), ctx.principal
        asks_groups = any(tier.price_list.groups for found in tiers.values() for tier in found)
        if asks_groups and principal.kind is PrincipalKind.USER:
            groups = await customers.groups_of(self._parts.db, customer_id=principal.require_user_id())
            customer = Customer(frozenset(groups))
        now, currency = clock.now(), rules.channel.currency
        prices = []
        for variant in sold.values():
            ladder = price_ladder(tiers[variant.id], variant.price.amount, customer, now)
            if ladder != [(1, variant.price.amount)]:
                nobody = tier_for(tiers[variant.id], 1, Customer(), now)
                public = variant.price if nobody is None else Money(nobody.price, currency)
                steps = [QuantityPrice(units, Money(amount, currency)) for units, amount in ladder]
                prices.append(VariantPrices(variant.id, public, steps))
        return prices

    async def price_lists(self, ctx: Context) -> list[PriceList]:
        ctx.principal.require_somewhere("read_promotions")
        found = await rules_store.every(self._office.db, PriceList)
        return [each for each in found if ctx.principal.may_in("read_promotions", each.channel)]

    async def save_price_list(self, ctx: Context, *, price_list: PriceList) -> PriceList:
        ctx.principal.require_in("write_promotions", price_list.channel)
        return await self._office.save(ctx, price_list)

    async def delete_price_list(self, ctx: Context, *, price_list_id: UUID) -> None:
        ctx.principal.require_somewhere("write_promotions")
        await self._office.delete(ctx, PriceList, price_list_id)

    async def price_entries(
        self, ctx: Context, *, price_list_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[ListPrice]:
        if not any(each.id == price_list_id for each in await self.price_lists(ctx)):
            raise NotFound(detail="There is no such price list.")
        after = None if cursor is None else decode_cursor(cursor, tuple[UUID, Quantity])
        found = await store.entries(
            self._office.db, price_list_id=price_list_id, after=after, limit=limit + 1
        )
        last = found[limit - 1] if len(found) > limit else None
        next_cursor = None if last is None else encode_cursor((last.variant_id, last.min_quantity))
        return Page(found[:limit], next_cursor)

    async def set_prices(self, ctx: Context, *, price_list_id: UUID, entries: list[ListPrice]) -> None:
        ctx.principal.require_somewhere("write_promotions")
        async with self._office.db.transaction() as tx:
            price_list = await self._office.within(tx, ctx, PriceList, price_list_id)
            await store.put(tx, price_list_id=price_list_id, prices=entries)
            await self._office.note(tx, ctx, "prices_set", price_list)
        self._office.tell()

    async def remove_price(
        self, ctx: Context, *, price_list_id: UUID, variant_id: UUID, min_quantity: Quantity
    ) -> None:
        ctx.principal.require_somewhere("write_promotions")
        async with self._office.db.transaction() as tx:
            price_list = await self._office.within(tx, ctx, PriceList, price_list_id)
            done = await store.remove(
                tx, price_list_id=price_list_id, variant_id=variant_id, min_quantity=min_quantity
            )
            if not done:
                raise NotFound(detail="There is no such price in this list.")
            await self._office.note(tx, ctx, "price_removed", price_list)
        self._office.tell()

    async def customer_groups(self, ctx: Context) -> list[CustomerGroup]:
        ctx.principal.require("read_customers")
        return await rules_store.every(self._office.db, CustomerGroup)

    async def save_customer_group(self, ctx: Context, *, group: CustomerGroup) -> CustomerGroup:
        ctx.principal.require("write_customers")
        return await self._office.save(ctx, group)

    async def delete_customer_group(self, ctx: Context, *, group_id: UUID) -> None:
        ctx.principal.require("write_customers")
        if await rules_store.is_named(self._office.db, group_id=group_id):
            raise Conflict(
                "group_in_use", "A promotion or a price list is for this group; change that first."
            )
        await self._office.delete(ctx, CustomerGroup, group_id)

    async def group_members(
        self, ctx: Context, *, group_id: UUID, limit: Limit = DEFAULT_LIMIT, cursor: str | None = None
    ) -> Page[UUID]:
        ctx.principal.require("read_customers")
        after = None if cursor is None else decode_cursor(cursor, tuple[UUID])[0]
        found = await customers.members(self._office.db, group_id=group_id, after=after, limit=limit + 1)
        return Page(found[:limit], encode_cursor((found[limit - 1],)) if len(found) > limit else None)

    async def groups_of(self, ctx: Context, *, customer_id: UUID) -> list[CustomerGroup]:
        ctx.principal.require("read_customers")
        theirs = set(await customers.groups_of(self._office.db, customer_id=customer_id))
        every = await rules_store.every(self._office.db, CustomerGroup)
        return [group for group in every if group.id in theirs]

    async def set_members(self, ctx: Context, *, group_id: UUID, add: list[UUID], remove: list[UUID]) -> None:
        ctx.principal.require("write_customers")
        async with self._office.db.transaction() as tx:
            group = await self._office.within(tx, ctx, CustomerGroup, group_id)
            await customers.set_members(tx, group_id=group_id, add=add, remove=remove)
            await self._office.note(tx, ctx, "members_set", group)
