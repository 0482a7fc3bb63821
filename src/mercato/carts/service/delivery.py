"""Delivery: what shoppers are offered, and what staff keeps."""

from uuid import UUID

from mercato.carts.actions.staff import Office
from mercato.carts.delivery import NOTHING, needs_subtotal
from mercato.carts.offers import destination_of, offers
from mercato.carts.parts import Parts
from mercato.carts.pricing import Destination
from mercato.carts.store import rules as store
from mercato.contracts.carts import (
    DeliveryCalendar,
    DeliveryKind,
    DeliveryMethod,
    DeliveryMethodInput,
    DeliveryZone,
)
from mercato.kernel import clock
from mercato.kernel.context import Context
from mercato.kernel.errors import Conflict, FieldError, Invalid


class DeliveryPart:
    """Implements the contract's `Delivery`, and what `Shopping` says of delivery."""

    _parts: Parts
    _office: Office

    async def delivery_methods(
        self, ctx: Context, *, cart_id: UUID, token: str | None
    ) -> list[DeliveryMethod]:
        state = await self._parts.load(ctx, cart_id, token)
        rules = await self._parts.rules.of(ctx, state.channel)
        methods = rules.methods.values()
        subtotal, load = 0, NOTHING
        if needs_subtotal(methods):
            subtotal = (await self._parts.show(ctx, state)).totals.subtotal.amount
        if rules.asks_weight:
            goods = await self._parts.goods(ctx, state)
            load = (await self._parts.weighed(ctx, state, rules, goods, is_asking=True)).load
        return offers(rules, destination_of(state.shipping_address), load, subtotal, clock.now())

    async def delivery_promise(self, ctx: Context, *, country: str | None = None) -> DeliveryMethod | None:
        rules = await self._parts.rules.of(ctx, ctx.channel)
        offered = offers(rules, Destination(country), NOTHING, 0, clock.now())
        sent = [method for method in offered if method.kind != "pickup"] or offered
        return min(sent, key=lambda method: (method.price.amount, method.promised_date), default=None)

    async def list_delivery_methods(self, ctx: Context) -> list[DeliveryMethodInput]:
        ctx.principal.require("read_settings")
        return await store.every(self._office.db, DeliveryMethodInput)

    async def save_delivery_method(self, ctx: Context, *, method: DeliveryMethodInput) -> DeliveryMethodInput:
        ctx.principal.require("write_settings")
        if method.kind is DeliveryKind.CARRIER and method.carrier and method.carrier_service:
            await self._refuse_unknown(ctx, method.carrier, method.carrier_service)
        return await self._office.save(ctx, method)

    async def _refuse_unknown(self, ctx: Context, carrier: str, service: str) -> None:
        """Raise Invalid for a carrier that could never be asked for a price."""
        known = {one.code: one.services for one in await self._parts.carriers.carriers(ctx.as_system())}
        if carrier not in known:
            error = FieldError("carrier", "unknown_carrier", f"Choose one of: {', '.join(known) or 'none'}.")
        else:
            codes = [one.code for one in known[carrier]]
            if service in codes:
                return
            error = FieldError("carrier_service", "unknown_service", f"Choose one of: {', '.join(codes)}.")
        raise Invalid("invalid", error.message, errors=[error])

    async def delete_delivery_method(self, ctx: Context, *, method_id: UUID) -> None:
        ctx.principal.require("write_settings")
        await self._office.delete(ctx, DeliveryMethodInput, method_id)

    async def delivery_zones(self, ctx: Context) -> list[DeliveryZone]:
        ctx.principal.require("read_settings")
        return await store.every(self._office.db, DeliveryZone)

    async def save_delivery_zone(self, ctx: Context, *, zone: DeliveryZone) -> DeliveryZone:
        ctx.principal.require("write_settings")
        return await self._office.save(ctx, zone)

    async def delete_delivery_zone(self, ctx: Context, *, zone_id: UUID) -> None:
        ctx.principal.require("write_settings")
        if await store.goes_to_zone(self._office.db, zone_id=zone_id):
            raise Conflict("zone_used", "A delivery method goes there; take the zone off it first.")
        await self._office.delete(ctx, DeliveryZone, zone_id)

    async def delivery_calendars(self, ctx: Context) -> list[DeliveryCalendar]:
        ctx.principal.require("read_settings")
        return await store.every(self._office.db, DeliveryCalendar)

    async def save_delivery_calendar(self, ctx: Context, *, calendar: DeliveryCalendar) -> DeliveryCalendar:
        ctx.principal.require("write_settings")
        return await self._office.save(ctx, calendar)
