"""Taxes, as staff keeps them."""

from uuid import UUID

from mercato.carts.actions.staff import Office
from mercato.carts.store import rules as store
from mercato.contracts.carts import TaxClass, TaxRate, TaxZone
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict


class TaxesPart:
    """Implements the contract's `Taxes`."""

    _office: Office

    async def tax_rates(self, ctx: Context) -> list[TaxRate]:
        ctx.principal.require("read_settings")
        return await store.every(self._office.db, TaxRate)

    async def save_tax_rate(self, ctx: Context, *, rate: TaxRate) -> TaxRate:
        ctx.principal.require("write_settings")
        return await self._office.save(ctx, rate)

    async def delete_tax_rate(self, ctx: Context, *, rate_id: UUID) -> None:
        ctx.principal.require("write_settings")
        await self._office.delete(ctx, TaxRate, rate_id)

    async def tax_zones(self, ctx: Context) -> list[TaxZone]:
        ctx.principal.require("read_settings")
        return await store.every(self._office.db, TaxZone)

    async def save_tax_zone(self, ctx: Context, *, zone: TaxZone) -> TaxZone:
        ctx.principal.require("write_settings")
        return await self._office.save(ctx, zone)

    async def delete_tax_zone(self, ctx: Context, *, zone_id: UUID) -> None:
        ctx.principal.require("write_settings")
        await self._office.delete(ctx, TaxZone, zone_id)

    async def tax_classes(self, ctx: Context) -> list[TaxClass]:
        if not ctx.principal.may("read_products"):
            ctx.principal.require("read_settings")
        return await store.every(self._office.db, TaxClass)

    async def save_tax_class(self, ctx: Context, *, tax_class: TaxClass) -> TaxClass:
        ctx.principal.require("write_settings")
        return await self._office.save(ctx, tax_class)

    async def delete_tax_class(self, ctx: Context, *, class_id: UUID) -> None:
        ctx.principal.require("write_settings")
        if await store.is_taxed(self._office.db, class_id=class_id):
            raise Conflict("class_in_use", "A rate is of this class; delete that first.")
        await self._office.delete(ctx, TaxClass, class_id)
